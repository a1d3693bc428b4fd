// The outer optimizers by class; register_optimizers() (outer.hpp) makes them by name.
#pragma once
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <tacit/bilevel/outer.hpp>

namespace tacit::inline TACIT_ABI {

/// The largest t for which no entry of P(theta + t d) - theta exceeds `limit` (P: the projection on the box). An entry that has
/// no more room than that up to its bound sets no limit, however steep; where no entry does, t is infinite.
TACIT_EXPORT double longest_step(const HyperSpace& space, In theta, In d, double limit);
/// The t tried along d when nothing is known of the scale of the hypergradient: the longest step for PointOptimizer::kFirstMove;
/// where that is infinite, the one that takes every entry to its bound.
TACIT_EXPORT double first_step(const HyperSpace& space, In theta, In d);

/// What every optimizer keeps: the current point and how far a step may go in theta.
class TACIT_EXPORT PointOptimizer : public OuterOptimizer {
public:
  void reset(const Evaluation& start) override;
  void refresh(const Evaluation& current) override;
  void state(StateVisitor& v) override;
  /// The point from which the next step starts.
  const Evaluation& current() const { return current_; }

  static constexpr double kFirstMove = 1;  ///< largest change of one entry of theta tried first (a factor e in a penalty)
  static constexpr double kMaxMove = 5;    ///< largest change of one entry of theta in one step

protected:
  static constexpr const char* kStalled =
      "no lower outer loss was found along the negative hypergradient, also at tighter tolerances";
  /// Forgets all but the current point.
  virtual void clear() = 0;
  /// Makes e current: differentiates it, fills in the outcome. False when its gradient is not finite.
  bool take(const Oracle& oracle, Evaluation e, const Tolerance& tolerance, StepOutcome& outcome);
  /// current, as an outcome that did not move.
  StepOutcome stay(std::string message) const;
  /// Evaluates the current point again, at a tenth of the tolerance; false when that cannot be had, or when the hypergradient
  /// would be worse by its status.
  bool refine(const Oracle& oracle, Tolerance& tolerance);

  Evaluation current_;
  double value_error_ = kMissing;  ///< of current_: how far its value is off, which a state keeps and its diagnostics do not

private:
  void stand_at(const Evaluation& e);
};

/// theta+ = P(theta - t g), t halved until l(theta+) <= l + 1e-4 g.(theta+ - theta) (Armijo 1966; Bertsekas 1976 on the box) and
/// doubled after a step taken at once. `step` given: every step tries this t first.
class TACIT_EXPORT GradientDescentOuter final : public PointOptimizer {
public:
  std::optional<double> step_size;
  void fields(FieldVisitor& v) override;
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  void state(StateVisitor& v) override;

protected:
  void clear() override { trial_ = 0; }

private:
  double trial_ = 0;  ///< step length to try next; 0: from the gradient
};

/// Adam (Kingma and Ba 2015) with beta = 0.9, 0.999, projected on the box; no line search, every finite point is taken. Without
/// one, nothing would notice that a tolerance was too loose.
class TACIT_EXPORT AdamOuter final : public PointOptimizer {
public:
  std::optional<double> step_size;  ///< empty: 0.1
  void fields(FieldVisitor& v) override;
  Schedule schedule() const override { return Schedule::fixed; }
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  void state(StateVisitor& v) override;

protected:
  void clear() override;

private:
  Index count_ = 0;
  Vec first_, second_;
};

/// Limited-memory BFGS on the free variables of the box (Bertsekas 1982; Schmidt, Kim and Sra 2012), 10 pairs, projected line
/// search with Armijo backtracking by interpolation and expansion until the slope has fallen to 0.9 of the first one. Of a single
/// hyperparameter the last pair has the curvature that losses and slopes at both ends tell together (Zhang, Deng and Chen 1999).
/// A failed search is repeated along the negative gradient and then at a tenth of the tolerance before the outcome is `stalled`.
class TACIT_EXPORT LbfgsOuter final : public PointOptimizer {
public:
  void fields(FieldVisitor& v) override;
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  /// -g.d / 2 for the quasi-Newton direction d; -g.(P(theta + d) - theta), which is at least as much, where the box cuts it.
  /// Where its pairs have not been, the loss is taken for as flat as along the flattest of them, not as along the last one.
  double predicted_gain(const HyperSpace& space) const override;
  void state(StateVisitor& v) override;

protected:
  void clear() override;

private:
  class Ray;
  Vec direction(const HyperSpace& space, bool steepest) const;
  std::optional<Vec> quasi_newton(const HyperSpace& space, bool flattest) const;
  std::vector<bool> free_entries(const HyperSpace& space) const;
  Vec two_loop(const Vec& g, const std::vector<bool>& free, bool flattest) const;
  bool search(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance, const Vec& d, StepOutcome& outcome);
  Evaluation shorten(const Oracle& oracle, const Ray& ray, const Tolerance& tolerance, double& t, StepOutcome& outcome) const;
  Evaluation lengthen(const Oracle& oracle, const Ray& ray, const Tolerance& tolerance, double t, Evaluation best,
                      StepOutcome& outcome) const;
  void remember(const Evaluation& to);

  std::vector<Vec> s_, y_;  ///< oldest first
};

/// Points that are laid out before the run, a row each. They are evaluated kWave at a time, on as many threads as the plan
/// allows, all of a wave from the solution of the last point of the wave before: where a point starts depends on no thread.
class TACIT_EXPORT PlannedPoints : public OuterOptimizer {
public:
  static constexpr Index kWave = 8;
  bool differentiates() const override { return false; }
  bool takes_start() const override { return false; }
  Schedule schedule() const override { return Schedule::fixed; }
  Vec begin(const HyperSpace& space, In theta0, const OuterPlan& plan) override;
  void reset(const Evaluation& start) override;
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  void refresh(const Evaluation& current) override;
  void state(StateVisitor& v) override;
  /// Points in all.
  Index count() const { return count_; }

protected:
  /// Takes in the plan; how many points there will be. Throws UsageError.
  virtual Index lay_out(const HyperSpace& space) = 0;
  /// Point i = 0, 1, ..., on the box: a function of the plan and i.
  virtual Vec point(const HyperSpace& space, Index i) const = 0;
  const OuterPlan& plan() const { return plan_; }

private:
  struct Slot {
    Evaluation e;
    std::exception_ptr thrown;  ///< what ended its evaluation: thrown again when its turn comes
  };
  void evaluate_wave(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance);

  OuterPlan plan_;
  Index count_ = 0, next_ = 0;  ///< points in all, and of the next row
  Evaluation last_, from_;      ///< the last row, and the last of the wave before it
  std::vector<Slot> wave_;      ///< evaluated and not yet a row, the next one last
};

/// A full grid from the strongest penalties (the upper ends) down: of one hyperparameter `points` values equally spaced in theta,
/// of m floor(points^(1/m)) each, in the order in which neighbours follow one another.
class TACIT_EXPORT GridOuter final : public PlannedPoints {
public:
  void state(StateVisitor& v) override;

protected:
  Index lay_out(const HyperSpace& space) override;
  Vec point(const HyperSpace& space, Index i) const override;

private:
  Index side_ = 0;  ///< values of each
};

/// Uniform in theta over the box. Entry j of point i is a function of seed, i and j alone (task_seed).
class TACIT_EXPORT RandomOuter final : public PlannedPoints {
protected:
  Index lay_out(const HyperSpace& space) override;
  Vec point(const HyperSpace& space, Index i) const override;
};

/// HOAG (Pedregosa 2016): theta+ = P(theta - g/L) with an estimate L of the Lipschitz constant of the hypergradient; a step is
/// taken when l(theta+) <= l - L/2 ||theta+ - theta||^2 + s, and then L falls to 0.7 L, else L doubles. The slack s = (eps_k +
/// eps_{k-1}) |l| / 4 counts only while it is at most twice the decrease L/2 ||theta+ - theta||^2 that is hoped for.
class TACIT_EXPORT HoagOuter final : public PointOptimizer {
public:
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  void state(StateVisitor& v) override;

protected:
  void clear() override { lipschitz_ = 0; }

private:
  double lipschitz_ = 0;  ///< 0: from the gradient
};

}  // namespace tacit::inline TACIT_ABI
