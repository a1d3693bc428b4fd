// Finite differences that know how good they are. Not part of the public interface.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// A function of the length of a step along a direction that is as long as the point; Broken where it has no value.
using AlongStep = std::function<Vec(double)>;

/// One number as a vector.
inline Vec scalar(double v) { return Vec::Constant(1, v); }

/// The derivative of such a function at 0, with what is known of it.
struct Slope {
  Vec value;     ///< central differences, extrapolated, at the step whose error is least by estimate
  double error;  ///< of `value`, as a length; infinite where no two steps have values on both sides
  Vec low,
      high;  ///< slopes of the two sides, entry by entry in order, at the step where they are nearest: a kink keeps them apart
  double side_error;  ///< what rounding leaves of these
};

/// Central differences of one function along one direction.
class Differences {
public:
  /// at_zero: f(0). expected: length of the derivative by claim, which only tells where to begin. most: no longer step.
  Differences(AlongStep f, Vec at_zero, double expected, double most);
  /// Extrapolated from two steps, whatever it is worth.
  Vec quick() const;
  /// From steps over nine powers of ten; computed when first asked for.
  const Slope& thorough();
  /// What rounding makes of a value of the function, as a length, measured.
  double noise() const;

private:
  /// The slopes at one step.
  struct Level {
    double step;
    Vec forward, backward, central;
  };
  struct Candidate {
    Vec slope;
    double error;
  };
  Vec at(double t) const;
  std::vector<Level> levels() const;
  static std::vector<Candidate> candidates(const std::vector<Level>& levels, double rounding);
  static void set_sides(const std::vector<Level>& levels, double rounding, Slope& slope);
  Slope compute() const;
  AlongStep f_;
  Vec zero_;
  double first_, most_;
  std::optional<Slope> slope_;
};

/// One comparison.
struct Compared {
  enum class Kind { fits, deviates, unknown } kind = Kind::fits;
  double difference = 0, tolerance = 0;  ///< relative
  bool kink = false;                     ///< fits only the slope of one side, or one between
  Index entry = 0;                       ///< where they deviate most, with both numbers
  double got = 0, expected = 0;
};

/// Two vectors that have to be one: relative to the longer, or to `unit` if that is more.
Compared compare(In got, In expected, double tolerance, double unit = 0);
inline Compared compare(double got, double expected, double tolerance, double unit = 0) {
  return compare(scalar(got), scalar(expected), tolerance, unit);
}
/// A derivative against differences.
Compared compare(In got, Differences& differences, double tolerance, double unit = 0);
/// A projection p'got of a derivative, by claim, against that of differences; terms: the length of the terms of the sum.
Compared compare_along(double got, In p, Differences& differences, double tolerance, double terms);

}  // namespace tacit::inline TACIT_ABI::detail
