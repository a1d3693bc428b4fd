#include <algorithm>
#include <cmath>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/inner/detail/line_search.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kForcing = 0.1;

class NewtonCgRun {
public:
  NewtonCgRun(const NewtonCgSolver& solver, const Problem& problem, In u, double tolerance, InnerSolution& s)
      : solver_(solver), problem_(problem), f_(*problem.f), u_(u), tolerance_(tolerance), max_steps_(solver.options.max_steps),
        s_(s), n_(s.inner_dim), d_(n_), x_(n_) {}

  void run() {
    curvature_ = f_.linearize(s_.z, u_, &at_);
    norm_ = at_.gradient.norm();
    unit_ = detail::gradient_unit(problem_, u_, s_.x0, norm_);
    unknowable_ = detail::unknowable(problem_, u_, unit_);
    const RunEnd ending = iterate();
    s_.gradient = at_.gradient;
    detail::finish(s_, norm_, unit_, tolerance_, ending, why_);
  }

private:
  RunEnd iterate();
  bool direction();
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
  double norm_ = 0, unit_ = 1, unknowable_ = 0;
  double curvature_met_ = 0;  ///< largest ||H p|| / ||p|| seen: a lower bound of the largest eigenvalue
  detail::StallWatch watch_{3};
  std::string why_;
};

RunEnd NewtonCgRun::iterate() {
  while (true) {
    if (tolerance_ > 0 && norm_ <= tolerance_ * unit_) return RunEnd::target;
    if (tolerance_ > 0 && norm_ <= unknowable_) return RunEnd::rounding;
    if (s_.steps >= max_steps_ || !std::isfinite(norm_)) return RunEnd::limit;
    if (tolerance_ > 0 && watch_.stalled(norm_, floor())) return RunEnd::rounding;
    if (!direction()) return RunEnd::failed;
    const auto search = detail::backtrack(f_, u_, s_.z, at_, d_, x_, trial_, curvature_);
    if (!search.accepted) {
      why_ = "newton-cg found no lower point along its direction (gradient " + sci(norm_) +
             "); check the derivatives of the inner objective";
      return norm_ <= floor() ? RunEnd::rounding : RunEnd::failed;
    }
    ++s_.steps;
    s_.z = x_;
    std::swap(at_, trial_);
    norm_ = at_.gradient.norm();
    if (solver_.watch) solver_.watch({s_.steps, s_.x(), norm_});
  }
}

/// Relative residual asked of the Newton equation: superlinear far out, and no more than the target needs.
double NewtonCgRun::forcing() const {
  const double superlinear = std::min(kForcing, std::sqrt(norm_ / unit_));
  return std::min(0.5, std::max(superlinear, 0.3 * tolerance_ * unit_ / norm_));
}

bool NewtonCgRun::direction() {
  const auto preconditioner = curvature_->preconditioner(n_);
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

InnerSolution NewtonCgSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                    TapeRequest tape) const {
  detail::refuse_tape(tape, "newton-cg");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  NewtonCgRun(*this, problem, u, accuracy.residual, s).run();
  return s;
}

}  // namespace tacit::inline TACIT_ABI
