// What the checks of verify() share: the point with its directions, and how comparisons become findings. Not part of the public
// interface.
#pragma once
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/verify/detail/answers.hpp>
#include <tacit/core/verify/detail/differences.hpp>
#include <tacit/core/verify/verify.hpp>

namespace tacit::inline TACIT_ABI::detail {

inline constexpr double kMostX = 10, kMostU = 0.1;  ///< longest steps of differences, of a direction as long as the point

/// Random numbers in (-1, 1), the same in every run.
class Draws {
public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  Vec next(Index n);

private:
  std::mt19937_64 engine_;
};

/// Lengths of which steps from v are to be: of each entry, or of a usual one where that is 0.
Vec lengths_of(In v);
/// The same for hyperparameters: what a unit of theta is, where the scale is not linear.
Vec lengths_of(In u, const HyperSpace& space);
/// Random directions of these lengths, and then coordinates.
std::vector<Vec> directions_of(const Vec& lengths, const VerifyOptions& options, Draws& draws);

/// The point, and the directions from it.
struct At {
  const Problem& problem;
  const VerifyOptions& options;
  Vec x, u;
  std::vector<Vec> dx, du;
};

/// Least length of a difference that means something, of two ways to compute a value of f: rounding leaves them no nearer.
double least_unit(const AlongStep& f, const Vec& at_zero, const VerifyOptions& options);

/// The comparisons of one finding: the worst of them counts.
class Gathered {
public:
  void take(const Compared& c, const std::string& where = {});
  bool deviates() const { return deviates_; }
  /// There is nothing to check, and why.
  void nothing(std::string reason) { reason_ = std::move(reason); }
  /// Sets verdict, numbers and note.
  void fill(Finding& finding) const;

private:
  bool any_ = false, known_ = false, deviates_ = false, kink_ = false;
  Compared worst_;
  std::string where_, reason_;
};

/// Adds findings to a report in the order in which they are asked for.
class Findings {
public:
  explicit Findings(VerifyReport& report) : report_(report) {}
  /// Runs `body`, unless one of `needs` is wrong. Where a callback breaks, the finding is that callback's. The reference holds
  /// until the next finding.
  Finding& add(Finding finding, const std::vector<std::string>& needs, const std::function<void(Gathered&)>& body);
  void skip(Finding finding, const std::string& reason);
  bool wrong(const std::string& product) const;

private:
  VerifyReport& report_;
};

/// Share of what cancels in a sum that rounding may leave, in units of VerifyOptions::products.
inline constexpr double kCancelled = 1e-6;

/// A derivative J as two products, J w and J'p, with the function whose derivative it is.
struct Pair {
  std::string forward, forward_is, reverse, reverse_is, function;
  std::vector<std::string> needs;
  std::function<Vec(const Vec&)> jvp, vjp;
  std::function<AlongStep(const Vec&)> along;
  Vec at_zero;
  const std::vector<Vec>& directions;
  const std::vector<Vec>& probes;
  double most = kMostU;
  /// First entries of w of which J w holds a copy that other terms may cancel, so that rounding is measured by them.
  Index copied = 0;
};

/// J w against differences of the function; then J'p against J w where that is right, and against the same differences where it
/// is wrong, since adjointness alone does not tell which of both is.
void check_pair(Findings& findings, const Pair& pair, const VerifyOptions& options);

}  // namespace tacit::inline TACIT_ABI::detail
