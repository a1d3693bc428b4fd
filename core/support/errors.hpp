// Wrong use and wrong data throw; numerics report a Status instead.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Wrong use of the library or a combination that cannot work; the message says what to use instead.
class TACIT_EXPORT UsageError : public std::runtime_error {
public:
  /// What is at fault.
  enum class Kind {
    argument,     ///< a value that was passed: wrong size, not finite, missing
    option,       ///< a field of an option struct or strategy outside of its range, or an unknown name
    combination,  ///< problem, solver and estimator that do not go together
    callback,     ///< what the user's own code returned: an answer of the wrong size, a derivative that is none
    memory,       ///< more memory than was allowed
    numbers,      ///< the numbers at a point leave an algorithm nothing to choose
  };
  /// key: the path of the run-file key at fault ("inner.solver"), empty when there is none. Where there is one and no kind is
  /// given, it is a combination.
  explicit UsageError(const std::string& message, std::string key = {})
      : std::runtime_error(message), key_(std::move(key)), kind_(key_.empty() ? Kind::argument : Kind::combination) {}
  UsageError(Kind kind, const std::string& message, std::string key = {})
      : std::runtime_error(message), key_(std::move(key)), kind_(kind) {}
  const std::string& key() const { return key_; }
  Kind kind() const { return kind_; }
  /// Of the manual's error codes.
  virtual const char* code() const { return "E220"; }

private:
  std::string key_;
  Kind kind_;
};

/// What was asked for would take more memory than was allowed.
class TACIT_EXPORT MemoryLimitError final : public UsageError {
public:
  explicit MemoryLimitError(const std::string& message, std::string key = {})
      : UsageError(Kind::memory, message, std::move(key)) {}
  const char* code() const override { return "E221"; }
};

/// The numbers at a point leave an algorithm nothing to choose (a step size where the smoothness is not finite). Thrown by what
/// binds an algorithm to a point; solvers and estimators catch it and report Status::failed with its sentence.
class TACIT_EXPORT NumericalError final : public UsageError {
public:
  explicit NumericalError(const std::string& message, std::string key = {})
      : UsageError(Kind::numbers, message, std::move(key)) {}
};

/// Where something was read: line and column count from 1, 0 means unknown.
struct SourceLocation {
  std::string file;
  long line = 0;
  long column = 0;
};

/// A data set that cannot be used: what is wrong, where, and what to do about it.
class TACIT_EXPORT DataError : public std::runtime_error {
public:
  DataError(std::string code, const std::string& message, SourceLocation where, std::string remedy, std::string source_line = {})
      : std::runtime_error(message), code_(std::move(code)), where_(std::move(where)), remedy_(std::move(remedy)),
        source_line_(std::move(source_line)) {}
  const std::string& code() const { return code_; }
  const SourceLocation& where() const { return where_; }
  const std::string& remedy() const { return remedy_; }
  /// The offending line of the file, empty when there is none to show.
  const std::string& source_line() const { return source_line_; }

private:
  std::string code_;
  SourceLocation where_;
  std::string remedy_;
  std::string source_line_;
};

/// How a numerical procedure ended.
enum class Status {
  not_run,             ///< nothing was computed yet
  converged,           ///< the test that was asked for holds
  rounding,            ///< rounding stopped it first: as good as double precision allows
  as_asked,            ///< exactly the number of steps that was asked for (tolerance 0)
  step_limit,          ///< the step limit came first
  negative_curvature,  ///< a direction of non-positive curvature was met
  saddle,              ///< f_x = 0 as asked, and f_xx has a negative eigenvalue there: a saddle or a maximum, no solution
  failed,              ///< not finite, diverged, or a factorization broke down
};

/// True when what was sought is found as well as asked, or as rounding allows.
constexpr bool solved(Status s) { return s == Status::converged || s == Status::rounding; }
/// True when the result may be used as it stands without a warning.
constexpr bool usable(Status s) { return solved(s) || s == Status::as_asked; }
/// True when a count of steps ended it.
constexpr bool counted_out(Status s) { return s == Status::as_asked || s == Status::step_limit; }
/// "converged", "step limit", ...
TACIT_EXPORT const char* to_string(Status s);

}  // namespace tacit::inline TACIT_ABI
