// A search of NLopt, value by value.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include <tacit/bilevel/outer.hpp>

namespace tacit {

enum class NloptMethod { nelder_mead, direct, crs };

/// The loop of NLopt on a thread of its own: asked() is the point at which it waits, answer() gives it the value there. Bits
/// depend on the values alone.
class NloptSearch {
public:
  /// The box must be finite. Without NLopt it has ended before it began.
  NloptSearch(NloptMethod method, In lower, In upper, In start, const OuterPlan& plan);
  ~NloptSearch();
  NloptSearch(const NloptSearch&) = delete;
  NloptSearch& operator=(const NloptSearch&) = delete;

  /// The point whose value is wanted; empty when the search has ended.
  const Vec& asked() const;
  /// A value that is not finite is the worst there is.
  void answer(double value);
  std::size_t answered() const;
  /// By a test of the method's own, not by the number of points.
  bool converged() const;
  /// Why it has ended.
  const std::string& message() const;

private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace tacit
