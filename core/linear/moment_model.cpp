#include <tacit/core/linear/moment_model.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Eigenvalues>

#include <tacit/core/linear/shifted_inverse.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// The inverse of [S + level m m', level m; level m', level] by that of S, what is left when the intercept is eliminated.
class WithIntercept final : public LinearOperator {
public:
  WithIntercept(std::shared_ptr<const LinearOperator> core, Vec mean, double level)
      : core_(std::move(core)), mean_(std::move(mean)), level_(level) {}
  Index dim() const override { return mean_.size() + 1; }
  void apply(In x, Out y) const override {
    const Index d = mean_.size();
    const Vec r = x.head(d) - x[d] * mean_;
    Vec w(d);
    core_->apply(r, w);
    const double b = x[d] / level_ - mean_.dot(w);
    y.head(d) = w;
    y[d] = b;
  }

private:
  std::shared_ptr<const LinearOperator> core_;
  Vec mean_;
  double level_;
};

/// The entry of u that penalises every feature, -1 when they are not penalised alike or by no entry of it.
Index common_penalty(const Penalty& penalty, Index features) {
  const Index first = features > 0 ? penalty.index(0) : -1;
  for (Index j = 1; j < features; ++j) {
    if (penalty.index(j) != first) return -1;
  }
  return first;
}

}  // namespace

/// Shared with the curvatures. What is kept of a point is a pure function of its penalties.
struct MomentModel::Parts {
  std::shared_ptr<const MomentSquares> kept;
  const MomentSquares& squares;
  Penalty penalty;
  Index features, common;  ///< common: entry of u that is every penalty, else -1
  std::mutex lock;
  Vec inverse_at, spectrum_at;
  std::shared_ptr<const LinearOperator> inverse;
  std::pair<double, double> spectrum_there;

  Parts(std::shared_ptr<const MomentSquares> q, Penalty c, bool many_points)
      : kept(std::move(q)), squares(*kept), penalty(std::move(c)), features(squares.features()),
        common(many_points ? common_penalty(penalty, features) : -1) {
    // A penalised last coordinate is no intercept that could be eliminated.
    if (features > kTridiagonalDim || (squares.intercept() && penalty.index(features) >= 0)) common = -1;
  }

  Vec coefficients(In u) const {
    Vec c(penalty.inner_dim());
    penalty.coefficients(u, c);
    return c;
  }
  std::shared_ptr<const LinearOperator> inverse_of(In u) {
    const Vec c = coefficients(u);
    const std::lock_guard guard(lock);
    if (inverse_at.size() != c.size() || inverse_at != c) {
      inverse = make_inverse(c);
      inverse_at = c;
    }
    return inverse;
  }
  std::shared_ptr<const LinearOperator> make_inverse(const Vec& c) {
    if (squares.intercept() && c[features] != 0) return nullptr;
    std::shared_ptr<const LinearOperator> core;
    if (common >= 0) {
      core = squares.form().inverse(c[0]);
    } else {
      Eigen::MatrixXd h = squares.core();
      h.diagonal() += c.head(features);
      core = cholesky_in_place(std::move(h));
    }
    if (!core || !squares.intercept()) return core;
    return std::make_shared<const WithIntercept>(std::move(core), squares.mean(), squares.level());
  }
  std::pair<double, double> spectrum(In u) {
    const Vec c = coefficients(u);
    const std::lock_guard guard(lock);
    if (spectrum_at.size() != c.size() || spectrum_at != c) {
      spectrum_there = ends(c);
      spectrum_at = c;
    }
    return spectrum_there;
  }
  /// Both ends, moved outwards by the rounding of the eigenvalues, as in LinearModel.
  std::pair<double, double> ends(const Vec& c) {
    double low, high, coupling = 0;
    if (by_form()) {
      std::tie(low, high) = squares.extreme_eigenvalues();
      low += c[0];
      high += c[0];
      if (squares.intercept()) {
        low = std::min(low, squares.level());
        high = std::max(high, squares.level());
        coupling = this->coupling();
      }
    } else {
      Mat h(squares.dim(), squares.dim());
      squares.dense(h);
      h.diagonal() += c;
      const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h, Eigen::EigenvaluesOnly).eigenvalues();
      low = e[0];
      high = e[e.size() - 1];
    }
    const double rounding = 4 * std::numeric_limits<double>::epsilon() * static_cast<double>(c.size()) * high + coupling;
    return {std::max({0.0, c.minCoeff(), low - rounding}), high + rounding};
  }
  /// Norm of what couples the intercept with the features, from above: no eigenvalue moves by more (Weyl 1912).
  double coupling() const {
    const double mean = squares.mean().norm();
    return squares.level() * mean * (1 + mean);
  }
  /// Eigenvalues are those of the tridiagonal form, which is there, plus the penalty.
  bool by_form() const { return common >= 0 && decoupled(); }
  bool knows_spectrum() const { return squares.dim() > 0 && (by_form() || squares.dim() <= LinearModel::kEigenDim); }
  /// The intercept stands alone: columns are centred, to rounding.
  bool decoupled() const {
    return !squares.intercept() || coupling() <= 16 * std::numeric_limits<double>::epsilon() * squares.level();
  }
};

/// f_xx = G + diag(c) at one point.
class MomentModel::MomentCurvature final : public Curvature {
public:
  MomentCurvature(std::shared_ptr<Parts> parts, In x, In u)
      : parts_(std::move(parts)), x_(x), u_(u), c_(parts_->coefficients(u)) {}
  void hessian(In p, Out out) const override {
    parts_->squares.product(p, out);
    out += c_.cwiseProduct(p);
  }
  void hessian_batch(InM p, OutM out) const override {
    parts_->squares.products(p, out);
    out += c_.asDiagonal() * p;
  }
  void cross(In p, Out out) const override { parts_->penalty.cross(x_, p, out); }
  void cross_t(In w, Out out) const override {
    out.setZero();
    parts_->penalty.add_cross_t(x_, w, out);
  }
  bool diagonal(Out d) const override {
    parts_->squares.diagonal(d);
    d += c_;
    return true;
  }
  bool dense(OutM h) const override {
    parts_->squares.dense(h);
    h.diagonal() += c_;
    return true;
  }
  double factor_cost(Index n) const override { return static_cast<double>(n) / 6; }
  std::shared_ptr<const LinearOperator> inverse() const override { return parts_->inverse_of(u_); }
  /// The inverse itself, while a factor costs no more than some products.
  std::shared_ptr<const LinearOperator> preconditioner(Index n) const override {
    if (n <= kTridiagonalDim) {
      if (auto exact = inverse()) return exact;
    }
    return Curvature::preconditioner(n);
  }

private:
  std::shared_ptr<Parts> parts_;
  Vec x_, u_, c_;
};

MomentModel::MomentModel(std::shared_ptr<const LinearModel> rows, std::shared_ptr<const MomentSquares> squares, bool many_points)
    : rows_(std::move(rows)) {
  if (!rows_ || !squares || !rows_->quadratic())
    throw UsageError("moments of rows stand for a linear model with a quadratic loss");
  const Design& a = rows_->design();
  if (squares->features() != a.features() || squares->intercept() != a.intercept())
    throw UsageError("a model of " + std::to_string(a.cols()) + " columns got moments of " + std::to_string(squares->dim()));
  parts_ = std::make_shared<Parts>(std::move(squares), rows_->penalty(), many_points);
}

double MomentModel::value(In x, In u) const {
  Vec g(inner_dim());
  return gradient(x, u, g);
}

double MomentModel::gradient(In x, In u, Out g) const {
  const MomentSquares::Value q = parts_->squares.gradient(x, g);
  if (q.kept < kKept) return rows_->gradient(x, u, g);
  parts_->penalty.add_product(x, u, g);
  return q.value + parts_->penalty.value(x, u);
}

std::unique_ptr<const Curvature> MomentModel::linearize(In x, In u, FirstOrder* at) const {
  if (at) {
    at->gradient.resize(x.size());
    at->value = gradient(x, u, at->gradient);
  }
  return std::make_unique<MomentCurvature>(parts_, x, u);
}

void MomentModel::tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const {
  gradient(x, u, g);
  parts_->squares.products(dx, dg);
  parts_->penalty.add_tangents(x, u, dx, du, dg);
}

double MomentModel::smoothness(In u) const {
  if (parts_->knows_spectrum()) return parts_->spectrum(u).second;
  return parts_->squares.largest_eigenvalue() + parts_->penalty.range(u).second;
}

double MomentModel::convexity(In u) const {
  if (parts_->knows_spectrum()) return parts_->spectrum(u).first;
  return parts_->penalty.range(u).first;
}

double MomentModel::gradient_scale(In) const {
  Vec g(inner_dim());
  (void)parts_->squares.gradient(Vec::Zero(inner_dim()), g);
  return g.norm();
}

double MomentModel::gradient_terms(In) const { return parts_->squares.gradient_terms(); }

std::shared_ptr<const Objective> MomentModel::counting_reads(std::shared_ptr<WorkCounter> counter) const {
  auto twin = std::make_shared<MomentModel>(*this);
  const auto counted = rows_->counting_reads(std::move(counter));
  twin->rows_ = std::shared_ptr<const LinearModel>(counted, counted->linear());
  return twin;
}

}  // namespace tacit::inline TACIT_ABI
