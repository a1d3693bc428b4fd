#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/inner/detail/inverse_from_pairs.hpp>
#include <tacit/core/inner/detail/kept_hessian.hpp>
#include <tacit/core/inner/detail/line_search.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kForcing = 0.1;
// Of the tolerance, for a start that is to do without a step: a step leaves less than it was asked for, and adjoints and values
// rely on that.
constexpr double kPrediction = 0.1;
constexpr Index kMostKept = 2000;  // variables: two matrices of so many rows are kept for each point in use
constexpr Index kPairs = 10;
// Of the unit: with a larger gradient f_xx is not yet what it will be at the end. A cold run has no factor to go on with until
// then.
constexpr double kFar = 0.1, kColdFar = 0.5;
constexpr double kCheap = 1;                            // products: a factor that costs no more is made at every u
constexpr double kAboveRounding = 10, kMostScale = 10;  // of steps that say how large the factor is to be
constexpr double kSlow = 0.5;  // of the gradient: what a step by the factor may leave, or CG is the better use of a pass

class NewtonCgRun {
public:
  NewtonCgRun(const NewtonCgSolver& solver, const Problem& problem, In u, double tolerance, InnerSolution& s)
      : solver_(solver), problem_(problem), f_(*problem.f), u_(u), tolerance_(tolerance), max_steps_(solver.options.max_steps),
        s_(s), n_(s.inner_dim), d_(n_), x_(n_) {}

  void run(const InnerSolution* previous) {
    keep(previous);
    start(previous);
    unit_ = detail::gradient_unit(problem_, u_, s_.x0, norm_);
    unknowable_ = detail::unknowable(problem_, u_, unit_);
    const RunEnd ending = iterate();
    s_.gradient = at_.gradient;
    s_.value = at_.value;
    s_.curvature = std::move(curvature_);
    if (keeps()) {
      kept_.penalty = penalty_;
      s_.kept = std::make_shared<const detail::KeptHessian>(std::move(kept_));
      if (!pairs_.empty()) {
        pairs_.u = u_;
        s_.pairs = std::make_shared<const detail::InverseFromPairs>(std::move(pairs_));
      }
    }
    detail::finish(s_, norm_, unit_, tolerance_, ending, why_);
  }

private:
  bool keeps() const { return n_ <= kMostKept; }
  void keep(const InnerSolution* previous);
  void start(const InnerSolution* previous);
  void stand_at(const Vec& x);
  void factor();
  void renew();
  void spend(double passes, double fresh);
  RunEnd iterate();
  bool direction();
  bool direction_by_factor();
  bool direction_by_cg();
  void learn(Vec s, Vec y);
  void scale_factor(const Vec& s, const Vec& y);
  void judge_factor(const Vec& before);
  void judge_alone(const Vec& before);
  double forcing() const;
  double floor() const { return detail::rounding_floor(problem_, u_, unit_, curvature_met_, s_.z.norm()); }

  const NewtonCgSolver& solver_;
  const Problem& problem_;
  const Objective& f_;
  Vec u_;
  double tolerance_;
  Index max_steps_;
  InnerSolution& s_;
  Index n_;
  FirstOrder at_, trial_;
  std::unique_ptr<const Curvature> curvature_;
  Vec d_, x_;
  Vec penalty_;  ///< c of this u
  bool penalty_known_ = false;
  detail::KeptHessian kept_;
  bool predicted_ = false;  ///< the start is x to first order in u
  bool quick_ = true;       ///< steps by the factor are worth their pass
  bool by_factor_ = false;  ///< the last direction was one,
  bool alone_ = false;      ///< without a pair
  bool scaled_ = false;     ///< the factor is as large as f_xx^{-1} was along a step of this run
  detail::InverseFromPairs pairs_{kPairs};
  double norm_ = 0, unit_ = 1, unknowable_ = 0;
  double curvature_met_ = 0;  ///< largest ||H p|| / ||p|| seen: a lower bound of the largest eigenvalue
  detail::StallWatch watch_{3};
  std::string why_;
};

/// Takes over what the run before has kept of f_xx, with a factor for the c of this u.
void NewtonCgRun::keep(const InnerSolution* previous) {
  if (!keeps()) return;
  penalty_ = Vec::Zero(n_);
  penalty_known_ = f_.penalty_diagonal(u_, penalty_);
  if (!previous || !previous->kept || previous->kept->penalty.size() != n_) return;
  kept_ = *previous->kept;
  if (!kept_.data) return;
  s_.inverse = previous->inverse;
  if (!s_.inverse || kept_.outdated(penalty_)) factor();
  if (s_.inverse) curvature_met_ = kept_.data->diagonal().maxCoeff();
  // At another u pairs of an old f_xx do more harm than good.
  if (previous->pairs && previous->pairs->u == u_) {
    pairs_.inherit(*previous->pairs);
    s_.inverse_left = previous->inverse_left;
    scaled_ = true;
  }
}

void NewtonCgRun::factor() {
  s_.inverse = detail::inverse_at(*kept_.data, kept_.scale, penalty_);
  kept_.factored = penalty_;
  scaled_ = false;
  if (!s_.inverse) kept_.data.reset();
}

/// Where the run before ended, f_x is what that run left and diag(c - c_old) x: the step that this asks for takes no pass.
void NewtonCgRun::start(const InnerSolution* previous) {
  if (penalty_known_ && s_.inverse && !s_.cold && previous->gradient.size() == n_) {
    const Vec there = previous->gradient + s_.x0.cwiseProduct(penalty_ - kept_.penalty);
    s_.start_gradient = there.norm();
    pairs_.direction(there, *s_.inverse, d_);
    if (!d_.isZero(0) && d_.allFinite()) {
      stand_at(s_.x0 + d_);
      predicted_ = norm_ <= s_.start_gradient;
      if (predicted_) {
        if (pairs_.empty()) judge_alone(there);
        learn(d_, at_.gradient - there);
        return;
      }
    }
  }
  stand_at(s_.x0);
  s_.start_gradient = norm_;
}

void NewtonCgRun::stand_at(const Vec& x) {
  s_.z = x;
  curvature_ = f_.linearize(s_.z, u_, &at_);
  norm_ = at_.gradient.norm();
}

/// Passes beyond those that a fresh factor needs, each of which takes the residual to a tenth.
void NewtonCgRun::spend(double passes, double fresh) { kept_.spent += std::max(0.0, passes - (kept_.data ? fresh : 0)); }

/// A factor once the products that it would have saved have cost as much, whatever the next ones will be: at most twice what was
/// to be had with foresight.
void NewtonCgRun::renew() {
  if (!keeps() || !(kept_.spent >= curvature_->factor_cost(n_))) return;
  if ((kept_.data && norm_ > kFar * unit_) || (!kept_.data && s_.cold && norm_ > kColdFar * unit_)) return;
  kept_.spent = 0;
  kept_.data = detail::data_hessian(*curvature_, penalty_);
  kept_.scale = 1;
  kept_.cheap = curvature_->refactor_cost(n_) <= kCheap;
  pairs_.clear();
  s_.inverse.reset();
  s_.inverse_left = std::numeric_limits<double>::quiet_NaN();
  quick_ = true;
  if (kept_.data) factor();
}

RunEnd NewtonCgRun::iterate() {
  while (true) {
    if (tolerance_ > 0 && norm_ <= (predicted_ && s_.steps == 0 ? kPrediction : 1) * tolerance_ * unit_) return RunEnd::target;
    if (tolerance_ > 0 && norm_ <= unknowable_) return RunEnd::rounding;
    if (s_.steps >= max_steps_ || !std::isfinite(norm_)) return RunEnd::limit;
    if (tolerance_ > 0 && watch_.stalled(norm_, floor())) return RunEnd::rounding;
    if (!direction()) return RunEnd::failed;
    const auto search = detail::backtrack(f_, u_, s_.z, at_, d_, x_, trial_, curvature_);
    if (!search.accepted) {
      curvature_.reset();
      if (norm_ <= tolerance_ * unit_) return RunEnd::target;  // a start that was to be better than asked, and cannot
      if (by_factor_ && norm_ > floor()) {
        quick_ = false;
        stand_at(Vec(s_.z));
        continue;
      }
      why_ = "newton-cg found no lower point along its direction (gradient " + sci(norm_) +
             "); check the derivatives of the inner objective";
      return norm_ <= floor() ? RunEnd::rounding : RunEnd::failed;
    }
    ++s_.steps;
    if (s_.inverse) learn(x_ - s_.z, trial_.gradient - at_.gradient);
    s_.z = x_;
    std::swap(at_, trial_);
    norm_ = at_.gradient.norm();
    if (by_factor_) judge_factor(trial_.gradient);  // the gradient of before
    if (solver_.watch) solver_.watch({s_.steps, s_.x(), norm_});
  }
}

/// Relative residual asked of the Newton equation: superlinear far out, and no more than the target needs.
double NewtonCgRun::forcing() const {
  const double superlinear = std::min(kForcing, std::sqrt(norm_ / unit_));
  return std::min(0.5, std::max(superlinear, 0.3 * tolerance_ * unit_ / norm_));
}

bool NewtonCgRun::direction() {
  renew();
  by_factor_ = quick_ && s_.inverse && direction_by_factor();
  return by_factor_ || direction_by_cg();
}

bool NewtonCgRun::direction_by_factor() {
  alone_ = pairs_.empty();
  pairs_.direction(at_.gradient, *s_.inverse, d_);
  return d_.allFinite() && at_.gradient.dot(d_) < 0;
}

void NewtonCgRun::learn(Vec s, Vec y) {
  if (kept_.data) kept_.scale = detail::scale_along(*kept_.data, penalty_, s, y);
  if (y.norm() > kAboveRounding * floor()) scale_factor(s, y);
  pairs_.add(std::move(s), std::move(y));
}

/// The factor times s'y / y'My is f_xx^{-1} along the step (Oren and Luenberger 1974). By as much as steps do not agree on that,
/// it is not known.
void NewtonCgRun::scale_factor(const Vec& s, const Vec& y) {
  Vec my(n_);
  s_.inverse->apply(y, my);
  const double scale = s.dot(y) / y.dot(my);
  if (!(scale > 1 / kMostScale && scale < kMostScale)) return;
  s_.inverse = s_.inverse->times(scale);
  if (scaled_ && !std::isnan(s_.inverse_left)) s_.inverse_left = std::max(s_.inverse_left, std::abs(scale - 1));
  scaled_ = true;
}

/// What a step by the factor has left of the gradient says what the next one will.
void NewtonCgRun::judge_factor(const Vec& before) {
  const double left = norm_ / before.norm();
  if (alone_) judge_alone(before);
  spend(1, -std::log10(std::clamp(left, 0.1, 1.0)));
  quick_ = left <= kSlow;
}

/// A step -M g that changed g to h leaves least of g when it is g'(g - h) / ||g - h||^2 as long.
void NewtonCgRun::judge_alone(const Vec& before) {
  const Vec y = before - at_.gradient;
  const double scale = before.dot(y) / y.squaredNorm();
  const double left = (before - (scale > 0 ? scale : 1) * y).norm() / before.norm();
  s_.inverse_left = std::fmax(s_.inverse_left, left);
}

bool NewtonCgRun::direction_by_cg() {
  const auto preconditioner = s_.inverse ? std::shared_ptr<const LinearOperator>(s_.inverse) : curvature_->preconditioner(n_);
  CgOptions options;
  options.tolerance = forcing();
  options.max_steps = std::max<Index>(20, 2 * n_);
  options.preconditioner = preconditioner.get();
  options.verify = false;
  const Vec b = -at_.gradient;
  d_.setZero();
  const auto product = [this](In p, Out out) {
    curvature_->hessian(p, out);
    const double size = p.norm();
    if (size > 0) curvature_met_ = std::max(curvature_met_, out.norm() / size);
  };
  const CgResult cg = conjugate_gradient(product, b, d_, options);
  spend(static_cast<double>(cg.products), std::max(1.0, std::ceil(-std::log10(options.tolerance))));
  if (cg.status == Status::failed) {
    why_ = cg.message;
    return false;
  }
  // Non-positive curvature at once: down the (scaled) gradient.
  if (!(at_.gradient.dot(d_) < 0)) {
    if (preconditioner)
      preconditioner->apply(b, d_);
    else
      d_ = b;
  }
  return true;
}

}  // namespace

void NewtonCgSolver::fields(FieldVisitor& v) { options.fields(v); }

std::shared_ptr<const detail::KeptHessian> NewtonCgSolver::ahead(Index inner_dim) const {
  if (inner_dim > kMostKept) return nullptr;
  auto kept = std::make_shared<detail::KeptHessian>();
  kept->penalty = Vec::Zero(inner_dim);
  kept->spent = kRunSaves;
  return kept;
}

InnerSolution NewtonCgSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                    TapeRequest tape) const {
  detail::refuse_tape(tape, "newton-cg");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  NewtonCgRun(*this, problem, u, accuracy.residual, s).run(previous);
  return s;
}

}  // namespace tacit::inline TACIT_ABI
