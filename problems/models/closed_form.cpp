#include <tacit/problems/models/closed_form.hpp>

#include <algorithm>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// Rows of the design as they act without the intercept; less their mean where there is one, which takes it out of the fit.
Eigen::MatrixXd rows_of(const LinearModel& f) {
  const Design& a = f.design();
  Eigen::MatrixXd x(a.rows(), a.features());
  for (Index i = 0; i < a.rows(); ++i) x.row(i) = a.row(i).head(a.features());
  if (a.intercept()) x.rowwise() -= x.colwise().mean().eval();
  return x;
}

}  // namespace

/// p_i(u) and what a change of it does to u, with X the rows, centred beside an intercept, H = s X'X + diag(c), b = 1/n of an
/// intercept: p_i = 1 - b - s x_i' H^{-1} x_i, or (K^{-1})_ii - b with K = I + s X diag(c)^{-1} X' where rows are fewer.
class RowScoreLoss::Leverages {
public:
  explicit Leverages(const LinearModel& f)
      : penalty_(f.penalty()), x_(rows_of(f)), s_(f.row_weights()[0]),
        base_(f.design().intercept() ? 1 / static_cast<double>(x_.rows()) : 0), dual_(x_.rows() <= x_.cols()) {
    for (Index j = 0; j < x_.cols(); ++j) common_ = common_ && penalty_.index(j) == penalty_.index(0);
  }

  Vec left(In u) {
    const std::lock_guard guard(lock_);
    find(coefficients(u));
    return left_;
  }
  /// add_u += sum_i g_i dp_i/du
  void add_u(In u, In g, Out add_u) {
    const std::lock_guard guard(lock_);
    const Vec c = coefficients(u);
    find(c);
    if (common_) {
      const Index tuned = c.size() > 0 ? penalty_.index(0) : -1;
      if (tuned >= 0) add_u[tuned] += g.dot(basis_ * slopes(c[0]));
      return;
    }
    const Vec per_feature = s_ * (inverse_.cwiseAbs2() * g);
    for (Index j = 0; j < c.size(); ++j) {
      if (penalty_.index(j) >= 0) add_u[penalty_.index(j)] += per_feature[j];
    }
  }

private:
  Vec coefficients(In u) const {
    Vec c(x_.cols());
    for (Index j = 0; j < c.size(); ++j) c[j] = penalty_.coefficient(j, u);
    return c;
  }

  void find(const Vec& c) {
    if (left_.size() > 0 && at_ == c) return;
    at_ = c;
    if (c.size() == 0)
      left_ = Vec::Constant(x_.rows(), 1 - base_);
    else if (common_)
      find_common(c[0]);
    else if (dual_)
      find_dual(c);
    else
      find_primal(c);
  }

  // The eigenvalues e of s X'X, or of s X X' where rows are fewer, once: p_i = sum_k U_ik^2 c / (e_k + c) - b there, U the
  // eigenvectors, and 1 - b - sum_k s (XQ)_ik^2 / (e_k + c) here.
  void find_common(double c) {
    if (basis_.size() == 0) {
      const Eigen::MatrixXd h = dual_ ? Eigen::MatrixXd(s_ * x_ * x_.transpose()) : Eigen::MatrixXd(s_ * x_.transpose() * x_);
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(h);
      eigenvalues_ = spectrum.eigenvalues().cwiseMax(0);
      basis_ = dual_ ? Eigen::MatrixXd(spectrum.eigenvectors().cwiseAbs2())
                     : Eigen::MatrixXd(s_ * (x_ * spectrum.eigenvectors()).cwiseAbs2());
    }
    const Vec inverse = (eigenvalues_.array() + c).inverse();
    left_ = dual_ ? Vec(basis_ * (c * inverse)) : Vec(1 - (basis_ * inverse).array());
    left_.array() -= base_;
  }
  /// What the sum over k above is multiplied by, differentiated in c.
  Vec slopes(double c) const {
    const Vec inverse = (eigenvalues_.array() + c).inverse();
    return dual_ ? Vec(eigenvalues_.cwiseProduct(inverse.cwiseAbs2())) : Vec(inverse.cwiseAbs2());
  }

  // inverse_ = H^{-1} X' = diag(c)^{-1} X' K^{-1}, columns x rows: dp_i/dc_j = s inverse_ji^2.
  void find_primal(const Vec& c) {
    Eigen::MatrixXd h = s_ * x_.transpose() * x_;
    h.diagonal() += c;
    const Eigen::LLT<Eigen::MatrixXd> factor(h);
    if (factor.info() != Eigen::Success) return no_fit();
    inverse_ = factor.solve(x_.transpose());
    left_ = 1 - base_ - s_ * x_.cwiseProduct(inverse_.transpose()).rowwise().sum().array();
  }
  void find_dual(const Vec& c) {
    if (!(c.array() > 0).all()) return no_fit();
    Eigen::MatrixXd k = s_ * x_ * c.cwiseInverse().asDiagonal() * x_.transpose();
    k.diagonal().array() += 1;
    const Eigen::LLT<Eigen::MatrixXd> factor(k);
    if (factor.info() != Eigen::Success) return no_fit();
    const Eigen::MatrixXd back = factor.solve(Eigen::MatrixXd::Identity(k.rows(), k.cols()));
    inverse_ = c.cwiseInverse().asDiagonal() * (x_.transpose() * back);
    left_ = back.diagonal().array() - base_;
  }
  /// H is not positive definite to rounding, where the inner problem has no solution either: no number is to pass for a loss.
  void no_fit() {
    left_ = Vec::Constant(x_.rows(), std::numeric_limits<double>::quiet_NaN());
    inverse_ = Eigen::MatrixXd::Constant(x_.cols(), x_.rows(), left_[0]);
  }

  Penalty penalty_;
  Eigen::MatrixXd x_;
  double s_, base_;
  bool dual_, common_ = true;
  std::mutex lock_;
  Vec at_, left_, eigenvalues_;
  Eigen::MatrixXd basis_, inverse_;
};

RowScoreLoss::RowScoreLoss(std::shared_ptr<const LinearModel> f, RowScore score) : f_(std::move(f)), score_(score) {
  const char* name = score == RowScore::gcv ? "generalized cross-validation" : "leave-one-out";
  if (!f_ || !f_->quadratic())
    throw UsageError(std::string(name) + " in closed form is of ridge regression; use validation.scheme=kfold for other losses",
                     "validation.scheme");
  const Vec& s = f_->row_weights();
  const Index n = s.size(), d = f_->design().features();
  if (n < 2) throw UsageError(std::string(name) + " needs at least 2 rows, got " + std::to_string(n), "validation.scheme");
  if (s.minCoeff() != s.maxCoeff())
    throw UsageError(std::string(name) + " in closed form needs rows of one weight; use validation.scheme=kfold for unequal ones",
                     "validation.scheme");
  if (std::min(n, d) > kLargest)
    throw UsageError(std::string(name) + " of " + std::to_string(n) + " rows and " + std::to_string(d) +
                         " columns would factor matrices of more than " + std::to_string(kLargest) +
                         " rows; use validation.scheme=kfold",
                     "validation.scheme");
  leverages_ = std::make_shared<Leverages>(*f_);
}

Vec RowScoreLoss::left(In u) const { return leverages_->left(u); }

double RowScoreLoss::value(In x, In u) const {
  const Vec p = left(u);
  Vec z(p.size());
  f_->design().multiply(x, z);
  const Vec r = z - f_->targets();
  const double n = static_cast<double>(p.size());
  return score_ == RowScore::gcv ? r.squaredNorm() / (2 * n) / (p.mean() * p.mean()) : r.cwiseQuotient(p).squaredNorm() / (2 * n);
}

double RowScoreLoss::gradient(In x, In u, Out gx, Out gu) const {
  const Vec p = left(u);
  const double n = static_cast<double>(p.size());
  Vec r(p.size()), by_p(p.size());
  f_->design().multiply(x, r);
  r -= f_->targets();
  double l = 0;
  Vec by_r;
  if (score_ == RowScore::gcv) {
    const double mean = p.mean();
    l = r.squaredNorm() / (2 * n) / (mean * mean);
    by_r = r / (n * mean * mean);
    by_p.setConstant(-2 * l / mean / n);
  } else {
    const Vec e = r.cwiseQuotient(p);
    l = e.squaredNorm() / (2 * n);
    by_r = e.cwiseQuotient(p) / n;
    by_p = -e.cwiseAbs2().cwiseQuotient(p) / n;
  }
  f_->design().multiply_t(by_r, gx);
  gu.setZero();
  leverages_->add_u(u, by_p, gu);
  return l;
}

Vec RowScoreLoss::predictions_without(In x, In u) const {
  const Vec p = left(u);
  Vec z(p.size());
  f_->design().multiply(x, z);
  return f_->targets() + (z - f_->targets()).cwiseQuotient(p);
}

std::shared_ptr<const RowScoreLoss> row_score_loss(const Problem& all, RowScore score, Reduction reduction) {
  const LinearModel* f = all.f ? all.f->linear() : nullptr;
  if (!f) throw UsageError("leave-one-out and generalized cross-validation are of linear models", "validation.scheme");
  auto inner = std::make_shared<const LinearModel>(*f);
  const double n = static_cast<double>(f->design().rows());
  if (score == RowScore::leave_one_out && reduction == Reduction::mean && n > 1)
    inner = std::make_shared<const LinearModel>(f->design(), std::shared_ptr<const Loss>(all.f, &f->loss()), f->targets(),
                                                f->row_weights() * (n / (n - 1)), f->penalty());
  return std::make_shared<const RowScoreLoss>(std::move(inner), score);
}

Problem row_score_problem(const Problem& all, std::shared_ptr<const RowScoreLoss> loss) {
  Problem problem = all;
  problem.f = loss->f();
  problem.l = std::move(loss);
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
