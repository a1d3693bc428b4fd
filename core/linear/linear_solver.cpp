#include <tacit/core/linear/linear_solver.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/core/linear/detail/cholesky.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

/// piece(first, count) for pieces of vectors of n numbers that stay in the first-level cache from one sum to the next.
template <class Piece>
void in_pieces(Index n, const Piece& piece) {
  constexpr Index kPiece = 1024;
  for (Index i = 0; i < n; i += kPiece) piece(i, std::min(kPiece, n - i));
}

struct Products {
  double pq = 0, pp = 0, qq = 0;
};

Products products(const Vec& p, const Vec& q) {
  Products sum;
  in_pieces(p.size(), [&](Index i, Index n) {
    const auto a = p.segment(i, n), b = q.segment(i, n);
    sum.pq += a.dot(b);
    sum.pp += a.squaredNorm();
    sum.qq += b.squaredNorm();
  });
  return sum;
}

/// The recursion of conjugate gradients; restart() sets r to the true residual.
class CgRun {
public:
  CgRun(const std::function<void(In, Out)>& h, In b, Out w, const CgOptions& o)
      : h_(h), b_(b), w_(w), o_(o), bnorm_(b.norm()), r_(b.size()), p_(b.size()), hp_(b.size()), z_(b.size()) {}

  CgResult run();

private:
  enum class Event { target, asked_to_stop, limit, curvature, broken };
  void true_residual();
  void restart();
  Event iterate();
  CgResult finish(Event event);
  double relative() const { return left_ / bnorm_; }
  void step(double alpha);
  bool may_have_drifted() const;
  const Vec& precondition() {
    if (!o_.preconditioner) return r_;
    o_.preconditioner->apply(r_, z_);
    return z_;
  }

  const std::function<void(In, Out)>& h_;
  const Eigen::Ref<const Vec>& b_;
  Eigen::Ref<Vec> w_;
  const CgOptions& o_;
  double bnorm_, rz_ = 0;
  double left_ = 0;                   ///< ||r||
  double largest_ = 0, longest_ = 0;  ///< ||H p|| / ||p|| and ||w|| that were met
  Vec r_, p_, hp_, z_;
  CgResult result_;
};

void CgRun::true_residual() {
  h_(w_, hp_);
  ++result_.products;
  r_ = b_ - hp_;
  left_ = r_.norm();
}

/// w + alpha p, r - alpha H p and the lengths of both.
void CgRun::step(double alpha) {
  double ww = 0, rr = 0;
  in_pieces(p_.size(), [&](Index i, Index n) {
    auto w = w_.segment(i, n);
    auto r = r_.segment(i, n);
    w += alpha * p_.segment(i, n);
    r -= alpha * hp_.segment(i, n);
    ww += w.squaredNorm();
    rr += r.squaredNorm();
  });
  left_ = std::sqrt(rr);
  longest_ = std::max(longest_, std::sqrt(ww));
}

void CgRun::restart() {
  const Vec& z = precondition();
  p_ = z;
  rz_ = r_.dot(z);
}

CgRun::Event CgRun::iterate() {
  while (true) {
    if (o_.tolerance > 0 && left_ <= o_.tolerance * bnorm_) return Event::target;
    // Far below rounding: further steps, which a tolerance of 0 asks for, would end in underflow that looks like no curvature.
    if (rz_ == 0 || left_ <= kEps * kEps * bnorm_) return Event::target;
    if (result_.steps >= o_.max_steps) return Event::limit;
    h_(p_, hp_);
    ++result_.products;
    const Products of = products(p_, hp_);
    if (!std::isfinite(of.pq) || !std::isfinite(rz_)) return Event::broken;
    const double length = std::sqrt(of.pp), curved = std::sqrt(of.qq);
    if (of.pq <= kEps * length * curved) return Event::curvature;
    step(rz_ / of.pq);
    largest_ = std::max(largest_, curved / length);
    ++result_.steps;
    if (o_.stop && o_.stop(w_, left_)) return Event::asked_to_stop;
    const Vec& z = precondition();
    const double next = r_.dot(z);
    p_ = z + (next / rz_) * p_;
    rz_ = next;
  }
}

/// The recursion's residual and the true one part by some roundings of ||H|| ||w|| a step (Greenbaum 1997).
bool CgRun::may_have_drifted() const {
  constexpr double kRoundings = 10, kSmall = 0.1;
  return !(kRoundings * kEps * static_cast<double>(result_.steps) * largest_ * longest_ <= kSmall * left_);
}

CgResult CgRun::run() {
  if (bnorm_ == 0) {
    w_.setZero();
    result_.status = Status::converged;
    return result_;
  }
  if (!std::isfinite(bnorm_)) {
    result_.status = Status::failed;
    result_.residual = std::numeric_limits<double>::quiet_NaN();
    result_.message = "the right-hand side of the linear system is not finite";
    return result_;
  }
  if (w_.isZero(0)) {
    r_ = b_;
    left_ = bnorm_;
  } else {
    true_residual();
  }
  restart();
  Event event = iterate();
  // After few steps, or without verification, r is what it says.
  const bool exact = result_.steps == 0 || !may_have_drifted();
  if (!o_.verify || exact || event == Event::broken) return finish(event);
  const double claimed = relative();
  true_residual();
  if (event != Event::target || o_.tolerance == 0 || relative() <= o_.tolerance) return finish(event);
  // The recursion drifted away from the truth: once more from the true residual, keeping the better iterate.
  const Vec kept = w_, kept_left = r_;
  const double before = relative();
  restart();
  event = iterate();
  if (event == Event::broken) return finish(event);
  true_residual();
  if (relative() > before) {
    w_ = kept;
    r_ = kept_left;
    left_ = before * bnorm_;
  }
  if (event == Event::target && relative() > o_.tolerance) {
    result_.status = Status::rounding;
    result_.residual = relative();
    result_.remainder = std::move(r_);
    const std::vector<std::string> sizes = sci_numbers({relative(), claimed, o_.tolerance});
    result_.message = "conjugate gradients stopped by rounding: true residual " + sizes[0] + ", the recursion's " + sizes[1] +
                      ", asked " + sizes[2] + " after " + std::to_string(result_.steps) + " steps";
    return result_;
  }
  return finish(event);
}

CgResult CgRun::finish(Event event) {
  result_.residual = relative();
  result_.remainder = std::move(r_);
  const std::vector<std::string> sizes = sci_numbers({result_.residual, o_.tolerance});
  const std::string numbers = "residual " + sizes[0] + ", asked " + sizes[1] + " after " + std::to_string(result_.steps) +
                              (result_.steps == 1 ? " step" : " steps");
  const bool reached = o_.tolerance > 0 && result_.residual <= o_.tolerance;
  switch (event) {
    case Event::target:
    case Event::asked_to_stop:
      result_.status = Status::converged;
      break;
    case Event::limit:
      result_.status = reached ? Status::converged : o_.tolerance == 0 ? Status::as_asked : Status::step_limit;
      if (o_.tolerance == 0) {
        result_.message = "exactly " + std::to_string(o_.max_steps) +
                          " steps of conjugate gradients were asked (tolerance 0); residual " + sci(result_.residual);
      } else if (!reached) {
        result_.message = "conjugate gradients have not converged: " + numbers;
      }
      break;
    case Event::curvature:
      result_.status = reached ? Status::converged : Status::negative_curvature;
      if (!reached) result_.message = "conjugate gradients met a direction of non-positive curvature: " + numbers;
      break;
    case Event::broken:
      result_.status = Status::failed;
      result_.message =
          "a product with the Hessian is not finite after " + std::to_string(result_.steps) + " steps of conjugate gradients";
      break;
  }
  return result_;
}

}  // namespace

DiagonalInverse::DiagonalInverse(In d) : inverse_(d.size()) {
  for (Index i = 0; i < d.size(); ++i) inverse_[i] = d[i] > 0 && std::isfinite(d[i]) ? 1 / d[i] : 1;
}

void DiagonalInverse::apply(In x, Out y) const { y = x.cwiseProduct(inverse_); }

CgResult conjugate_gradient(const std::function<void(In, Out)>& h, In b, Out w, const CgOptions& options) {
  return CgRun(h, b, w, options).run();
}

void CholeskyInverse::apply(In x, Out y) const {
  y = x;
  detail::cholesky_solve(*factor_, y.data());
  if (scale_ != 1) y *= scale_;
}

void CholeskyInverse::product(In x, Out y) const {
  const auto l = factor_->triangularView<Eigen::Lower>();
  y = l * Vec(l.adjoint() * x);
  if (scale_ != 1) y /= scale_;
}

std::shared_ptr<const CholeskyInverse> CholeskyInverse::times(double share) const {
  auto other = std::make_shared<CholeskyInverse>(*this);
  other->scale_ *= share;
  return other;
}

void CholeskyInverse::state(StateVisitor& v) {
  Index n = factor_->rows();
  Vec entries = factor_->reshaped();
  v.state("dim", n);
  v.state("factor", entries);
  v.state("scale", scale_);
  if (entries.size() != n * n) throw UsageError("the saved factor has " + std::to_string(entries.size()) + " entries, not n x n");
  factor_ = std::make_shared<const Eigen::MatrixXd>(entries.reshaped(n, n));
}

std::shared_ptr<const CholeskyInverse> cholesky_inverse(InM h) { return cholesky_in_place(Eigen::MatrixXd(h)); }

std::shared_ptr<const CholeskyInverse> cholesky_in_place(Eigen::MatrixXd h) {
  if (!detail::cholesky_factor(h)) return nullptr;
  return std::make_shared<const CholeskyInverse>(std::move(h));
}

}  // namespace tacit::inline TACIT_ABI
