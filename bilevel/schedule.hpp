// How tightly the points of a run are solved.
#pragma once
#include <algorithm>
#include <optional>
#include <string_view>

#include <tacit/bilevel/oracle.hpp>

namespace tacit::inline TACIT_ABI {

/// How inner and adjoint tolerance fall in the course of a run, the configured ones being the tightest. At outer step k = 1, 2,
/// ... fixed: the tightest; quadratic 0.1 k^-2, cubic 0.1 k^-3, exponential 0.1 * 0.9^k (Pedregosa 2016); adaptive: in proportion
/// to the last hypergradient.
enum class Schedule { fixed, quadratic, cubic, exponential, adaptive };
TACIT_EXPORT const char* to_string(Schedule s);
/// Nothing where no schedule has this name.
TACIT_EXPORT std::optional<Schedule> schedule_named(std::string_view name);

/// The tolerance at outer step k of a schedule that depends on k alone. A tightest of 0 (a fixed number of steps, no test) stays
/// 0.
TACIT_EXPORT double scheduled(Schedule schedule, Index k, double tightest);

/// The tolerances of one run, step by step. Adaptive ones are kError * ||projected hypergradient|| / effect, the effect of a unit
/// of the tolerance on the hypergradient being an upper estimate of first order (Evaluation::effect); at most the relative
/// hypergradient, ||projected hypergradient|| / |outer loss at the start|, which has no unit, theta being logarithmic. They never
/// grow again: a hypergradient that grows may be one that is wrong. With one hyperparameter the next hypergradient is expected to
/// fall as far as the last one did (a secant method falls further), and the next point is solved for that one (choice of forcing
/// terms: Eisenstat and Walker 1996); with many the falls vary too much to foresee.
class TACIT_EXPORT Tolerances {
public:
  static constexpr double kLoosest = 1e-2;
  static constexpr double kLoosestOfOne = 1e-4;  ///< with one hyperparameter, where the start makes half of the first secant
  static constexpr double kError = 0.3;
  static constexpr double kShare = 0.01;  ///< of the relative hypergradient, where the effect is not known

  static constexpr double kFurthestFall = 1.0 / 30;  ///< that is foreseen of one row to the next

  /// target: half the relative error that the hypergradients aim at takes the place of kError where it is smaller; 0: none.
  Tolerances(Schedule schedule, const Tolerance& tightest, Index hyperparameters, double target = 0)
      : schedule_(schedule), tightest_(tightest), loosest_(hyperparameters == 1 ? kLoosestOfOne : kLoosest),
        error_(target > 0 ? std::min(kError, 0.5 * target) : kError),
        foresees_(schedule == Schedule::adaptive && hyperparameters == 1) {}
  Schedule schedule() const { return schedule_; }
  const Tolerance& tightest() const { return tightest_; }
  double loosest() const { return loosest_; }

  /// For outer step k = 1, 2, ...; the start is solved as the first step is.
  Tolerance at(Index k) const;
  /// What the optimizer is to ask in outer step k, called once a step: at(k), and where the fall is foreseen, at(k) times
  /// norm / (norm at the last call), between kFurthestFall and 1. norm: of the projected hypergradient of row k - 1.
  Tolerance next(Index k, double norm);
  /// Projected hypergradient of the last row, its norm, and the effect on it of a unit of either tolerance, all over the outer
  /// loss at the start. Before the first row adaptive tolerances are loosest().
  void follow(double relative, const Tolerance& effect);
  /// A line search failed for want of accuracy: adaptive ones are a tenth from now on.
  void tighten();
  void state(StateVisitor& v);

private:
  Tolerance fallen(Index k, double fall) const;

  Schedule schedule_;
  Tolerance tightest_;
  double loosest_;
  Tolerance tied_{loosest_, loosest_};
  double error_;
  bool foresees_;
  double caution_ = 1;
  double norm_ = 0;  ///< at the last call of next; 0 before
};

}  // namespace tacit::inline TACIT_ABI
