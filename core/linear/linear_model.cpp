#include <tacit/core/linear/linear_model.hpp>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/core/linear/detail/largest.hpp>
#include <tacit/core/linear/dual_inverse.hpp>
#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr Index kChunk = 256;  // rows whose losses are on the stack at a time

detail::LargestPair largest_of(const Design& design, const Vec& weight, Vec start, double tolerance) {
  constexpr Index kMostSteps = 80;
  const auto scaled = [&](Index row0, BlockIn t, BlockOut w) {
    w.col(0) = t.col(0).cwiseProduct(weight.segment(row0, t.rows()));
  };
  return detail::largest_from([&](In v, Out out) { design.sweep(v, scaled, out); }, std::move(start), tolerance, kMostSteps);
}

/// Largest eigenvalue of A' diag(weight) A, from above. Of many rows a part says nearly where its vector lies: after a sixteenth
/// of 10000 x 500, 5 products with all rows take the place of 9.
double weighted_eigenvalue(const Design& design, const Vec& weight) {
  constexpr Index kMany = 4096, kPart = 16;
  constexpr double kRough = 1e-2, kFine = 1e-4;
  if (design.cols() == 0) return 0;
  Vec start = detail::start_of_largest(design.cols());
  if (design.rows() >= kMany) {
    const Index part = design.rows() / kPart;
    const Vec near = largest_of(design.row_range(0, part), weight.head(part), start, kRough).vector;
    if (near.allFinite() && near.norm() > 0.5) start = near.normalized();
  }
  return largest_of(design, weight, std::move(start), kFine).value;
}

}  // namespace

double Loss::weighted(Index n, const double* z, const double* y, const double* s, double* first, double* second) const {
  double phi[kChunk];
  double total = 0;
  for (Index i = 0; i < n; i += kChunk) {
    const Index m = std::min(kChunk, n - i);
    evaluate(m, z + i, y + i, phi, first ? first + i : nullptr, second ? second + i : nullptr);
    for (Index r = 0; r < m; ++r) total += s[i + r] * phi[r];
  }
  if (first) Eigen::Map<Vec>(first, n).array() *= Eigen::Map<const Vec>(s, n).array();
  if (second) Eigen::Map<Vec>(second, n).array() *= Eigen::Map<const Vec>(s, n).array();
  return total;
}

Penalty::Penalty(std::vector<Index> index, Vec fixed, Index outer_dim)
    : index_(std::move(index)), fixed_(std::move(fixed)), outer_dim_(outer_dim) {
  if (static_cast<Index>(index_.size()) != fixed_.size())
    throw UsageError("a penalty needs one index and one fixed value per coefficient, got " + std::to_string(index_.size()) +
                     " and " + std::to_string(fixed_.size()));
  for (const Index g : index_) {
    if (g >= outer_dim_)
      throw UsageError("a penalty names hyperparameter " + std::to_string(g) + " of " + std::to_string(outer_dim_));
  }
  if (!fixed_.allFinite() || (fixed_.array() < 0).any())
    throw UsageError("a fixed penalty must be a finite number that is not negative");
  for (Index j = 0; j < inner_dim(); ++j) {
    const Index g = index_[static_cast<std::size_t>(j)];
    if (runs_.empty() || runs_.back().index != g) runs_.push_back({j, 0, g});
    ++runs_.back().count;
  }
}

void Penalty::coefficients(In u, Out c) const {
  for (Index j = 0; j < inner_dim(); ++j) c[j] = coefficient(j, u);
}

double Penalty::value(In x, In u) const {
  double total = 0;
  for (Index j = 0; j < inner_dim(); ++j) total += coefficient(j, u) * x[j] * x[j];
  return total / 2;
}

void Penalty::add_product(In x, In u, Out out) const {
  for (Index j = 0; j < inner_dim(); ++j) out[j] += coefficient(j, u) * x[j];
}

void Penalty::cross(In x, In p, Out out) const {
  out.setZero();
  for (const Run& r : runs_) {
    if (r.index < 0) continue;
    out[r.index] += r.count == 1 ? x[r.first] * p[r.first] : x.segment(r.first, r.count).dot(p.segment(r.first, r.count));
  }
}

void Penalty::add_cross_t(In x, In w, Out out) const {
  for (Index j = 0; j < inner_dim(); ++j) {
    if (index(j) >= 0) out[j] += x[j] * w[index(j)];
  }
}

void Penalty::add_tangents(In x, In u, InM dx, InM du, OutM dg) const {
  for (Index j = 0; j < inner_dim(); ++j) {
    dg.row(j) += coefficient(j, u) * dx.row(j);
    const Index tuned = index(j);
    if (tuned < 0) continue;
    if (du.size() > 0)
      dg.row(j) += x[j] * du.row(tuned);
    else
      dg(j, tuned) += x[j];
  }
}

std::pair<double, double> Penalty::range(In u) const {
  double least = std::numeric_limits<double>::infinity(), largest = 0;
  for (Index j = 0; j < inner_dim(); ++j) {
    least = std::min(least, coefficient(j, u));
    largest = std::max(largest, coefficient(j, u));
  }
  return {inner_dim() > 0 ? least : 0, largest};
}

namespace {

/// Have the features one penalty?
bool one_penalty_of(const Design& design, const Eigen::Ref<const Vec>& c) {
  const auto of_features = c.head(design.features());
  return of_features.size() > 0 && of_features.minCoeff() == of_features.maxCoeff();
}

/// Whether dual_inverse costs less than the products that CG takes without it. Measured: a quadratic f, for which it is kept from
/// the inner solution to the adjoint and its estimates, saves some 15 products a factor where the features have one penalty,
/// whose products of the rows are kept, and a share of the rows where penalties are many. Another f has a factor of its own at
/// every step, and asks for little of it.
bool dual_pays(const Design& design, bool quadratic, bool one) {
  constexpr Index kAlways = 200, kMost = 2000;
  constexpr double kSavedByOne = 15, kShare = 0.15;
  if (!design.in_memory()) return false;  // all rows are, in row_gram
  if (design.rows() <= kAlways) return true;
  if (!quadratic || design.rows() > kMost) return false;
  const auto rows = static_cast<double>(design.rows());
  // Operations of a product: four for each number stored, and what is done to vectors of all columns.
  const double product = 4 * static_cast<double>(design.stored()) + 10 * static_cast<double>(design.cols());
  const double gram = one ? 0 : design.sparse() ? 3 : rows / 30;  // in products
  return gram + rows * rows * rows / (3 * product) <= (one ? kSavedByOne : kShare * rows);
}

}  // namespace

/// f_xx = A' diag(weight) A + diag(c) at one point; with a Gram matrix its data part is that.
class LinearModel::LinearCurvature final : public Curvature {
public:
  LinearCurvature(std::shared_ptr<Parts> parts, std::shared_ptr<const Design> design, In x, In u)
      : parts_(std::move(parts)), design_(std::move(design)), x_(x), c_(x.size()) {
    parts_->penalty.coefficients(u, c_);
  }
  Vec& second() { return second_; }

  void hessian(In p, Out out) const override {
    if (const Mat* gram = kept()) {
      out.noalias() = gram->lazyProduct(p);
    } else {
      const Vec& h = weights();
      design_->sweep(
          p, [&](Index row0, BlockIn t, BlockOut w) { w.col(0) = t.col(0).cwiseProduct(h.segment(row0, t.rows())); }, out);
    }
    out += c_.cwiseProduct(p);
  }
  void hessian_batch(InM p, OutM out) const override {
    if (const Mat* gram = kept()) {
      out.noalias() = *gram * p;
    } else {
      const Vec& h = weights();
      design_->sweep_batch(
          p, [&](Index row0, BlockIn t, BlockOut w) { w = t.array().colwise() * h.segment(row0, t.rows()).array(); }, out);
    }
    out += c_.asDiagonal() * p;
  }
  void cross(In p, Out out) const override { parts_->penalty.cross(x_, p, out); }
  void cross_t(In w, Out out) const override {
    out.setZero();
    parts_->penalty.add_cross_t(x_, w, out);
  }
  bool diagonal(Out d) const override {
    if (const Mat* gram = kept())
      d = gram->diagonal();
    else
      design_->weighted_squares(weights(), d);
    d += c_;
    return true;
  }
  bool dense(OutM h) const override {
    if (parts_->keeps_gram())
      h = parts_->kept_gram();
    else if (x_.size() <= kDenseDim)
      design_->weighted_gram(weights(), h);
    else
      return false;
    h.diagonal() += c_;
    return true;
  }
  /// Measured: a dense Gram matrix of d columns takes the time of d/40 passes, a sparse one of k numbers a row that of k/4; a
  /// factor d^3/3 operations where a product takes four for each number stored.
  double factor_cost(Index n) const override {
    if (!kept() && n > kDenseDim) return std::numeric_limits<double>::infinity();
    const double in_row = stored() / static_cast<double>(std::max<Index>(1, design_->rows()));
    const double gram = kept() ? 0 : design_->sparse() ? in_row / 4 : static_cast<double>(n) / 40;
    return gram + factor_operations(n);
  }
  /// Those operations take less than half the time of the others: a product waits for memory (measured, 15000 x 500: 1.2 ms, 2
  /// ms).
  double refactor_cost(Index n) const override { return 0.45 * factor_operations(n); }

  /// Through the rows where there are few: so many soft modes are left of columns without a row that no diagonal helps.
  std::shared_ptr<const LinearOperator> preconditioner(Index n) const override {
    const std::lock_guard lock(preconditioner_lock_);
    if (!preconditioner_) preconditioner_ = new_preconditioner(n);
    return preconditioner_;
  }

private:
  std::shared_ptr<const LinearOperator> new_preconditioner(Index n) const {
    const bool one = one_penalty_of(*design_, c_);
    if (2 * design_->rows() <= n && !kept() && dual_pays(*design_, second_.size() == 0, one)) {
      const auto inverse = second_.size() == 0 ? parts_->kept_dual(c_)
                                               : dual_inverse(*design_, second_, c_, one ? &parts_->kept_row_gram() : nullptr);
      if (inverse) return inverse;
    }
    return Curvature::preconditioner(n);
  }

  double stored() const { return static_cast<double>(std::max<Index>(1, design_->stored())); }
  /// of a factor over those of a product
  double factor_operations(Index n) const {
    const auto d = static_cast<double>(n);
    return d * d * d / (12 * (kept() ? d * d / 2 : stored()));
  }

  static constexpr Index kDenseDim = 8000;
  const Mat* kept() const { return parts_->by_gram ? &parts_->kept_gram() : nullptr; }
  const Vec& weights() const { return second_.size() > 0 ? second_ : parts_->s; }

  std::shared_ptr<Parts> parts_;
  std::shared_ptr<const Design> design_;
  Vec x_, c_;
  Vec second_;  // s phi''(A x); empty for a quadratic loss, where it is s
  mutable std::mutex preconditioner_lock_;
  mutable std::shared_ptr<const LinearOperator> preconditioner_;
};

LinearModel::Parts::Parts(Design a, std::shared_ptr<const Loss> phi, Vec targets, Vec weights, Penalty c)
    : design(std::move(a)), loss(std::move(phi)), y(std::move(targets)), s(std::move(weights)), penalty(std::move(c)) {
  const Index d = design.cols();
  by_gram = keeps_gram() && (d <= kEigenDim || d * d <= 2 * design.stored());
}

LinearModel::LinearModel(Design design, std::shared_ptr<const Loss> loss, Vec y, Vec s, Penalty penalty) {
  if (!loss) throw UsageError("a linear model needs a loss, got none");
  if (y.size() != design.rows() || s.size() != design.rows() || penalty.inner_dim() != design.cols())
    throw UsageError("a linear model of " + std::to_string(design.rows()) + " rows and " + std::to_string(design.cols()) +
                     " columns needs as many targets, row weights and penalties; got " + std::to_string(y.size()) + ", " +
                     std::to_string(s.size()) + " and " + std::to_string(penalty.inner_dim()));
  if (!s.allFinite() || (s.array() < 0).any()) throw UsageError("row weights must be finite and not negative");
  if (const std::string wrong = loss->check(y); !wrong.empty()) throw UsageError(wrong);
  design_ = std::make_shared<const Design>(design);
  parts_ = std::make_shared<Parts>(std::move(design), std::move(loss), std::move(y), std::move(s), std::move(penalty));
}

bool LinearModel::penalty_diagonal(In u, Out c) const {
  parts_->penalty.coefficients(u, c);
  return true;
}

double LinearModel::value(In x, In u) const {
  const Parts& f = *parts_;
  const double total = design_->visit(x, [&](Index row0, BlockIn t, BlockOut) {
    return f.loss->weighted(t.rows(), t.data(), f.y.data() + row0, f.s.data() + row0, nullptr, nullptr);
  });
  return total + f.penalty.value(x, u);
}

double LinearModel::gradient(In x, In u, Out g) const {
  const Parts& f = *parts_;
  const double total = design_->sweep(
      x,
      [&](Index row0, BlockIn t, BlockOut w) {
        return f.loss->weighted(t.rows(), t.data(), f.y.data() + row0, f.s.data() + row0, w.data(), nullptr);
      },
      g);
  f.penalty.add_product(x, u, g);
  return total + f.penalty.value(x, u);
}

std::unique_ptr<const Curvature> LinearModel::linearize(In x, In u, FirstOrder* at) const {
  const Parts& f = *parts_;
  auto curvature = std::make_unique<LinearCurvature>(parts_, design_, x, u);
  if (at) at->gradient.resize(x.size());
  if (f.loss->quadratic()) {
    if (at) at->value = gradient(x, u, at->gradient);
    return curvature;
  }
  Vec& second = curvature->second();
  second.resize(design_->rows());
  if (!at) {
    design_->visit(x, [&](Index row0, BlockIn t, BlockOut) {
      f.loss->evaluate(t.rows(), t.data(), f.y.data() + row0, nullptr, nullptr, second.data() + row0);
    });
    second.array() *= f.s.array();
    return curvature;
  }
  const double total = design_->sweep(
      x,
      [&](Index row0, BlockIn t, BlockOut w) {
        return f.loss->weighted(t.rows(), t.data(), f.y.data() + row0, f.s.data() + row0, w.data(), second.data() + row0);
      },
      at->gradient);
  f.penalty.add_product(x, u, at->gradient);
  at->value = total + f.penalty.value(x, u);
  return curvature;
}

std::size_t LinearModel::linearization_bytes() const {
  if (parts_->loss->quadratic()) return 0;
  return sizeof(double) * static_cast<std::size_t>(design_->rows() + 2 * design_->cols());
}

void LinearModel::adjoint(In x, In u, In p, Out out_x, Out out_u) const {
  Parts& f = *parts_;
  if (f.loss->quadratic()) {
    if (f.by_gram)
      out_x.noalias() = f.kept_gram().lazyProduct(p);
    else
      design_->sweep(
          p, [&](Index row0, BlockIn t, BlockOut w) { w.col(0) = t.col(0).cwiseProduct(f.s.segment(row0, t.rows())); }, out_x);
  } else {
    design_->sweep_pair(
        x, p,
        [&](Index row0, BlockIn t, BlockOut w) {
          f.loss->evaluate(t.rows(), t.data(), f.y.data() + row0, nullptr, nullptr, w.data());
          w.col(0).array() *= f.s.segment(row0, t.rows()).array();  // as linearize() has it, to the bit
          w.col(0).array() *= t.col(1).array();
        },
        out_x);
  }
  f.penalty.add_product(p, u, out_x);
  f.penalty.cross(x, p, out_u);
}

void LinearModel::tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const {
  const Parts& f = *parts_;
  const Index k = dx.cols();
  design_->sweep_more(
      x, dx,
      [&](Index row0, BlockIn t, BlockOut w) {
        double second[kChunk];
        for (Index i = 0; i < t.rows(); i += kChunk) {
          const Index m = std::min(kChunk, t.rows() - i);
          const double* s = f.s.data() + row0 + i;
          f.loss->evaluate(m, t.data() + i, f.y.data() + row0 + i, nullptr, w.data() + i, second);
          for (Index r = 0; r < m; ++r) {
            w(i + r, 0) *= s[r];
            second[r] *= s[r];
          }
          for (Index c = 1; c <= k; ++c) {
            for (Index r = 0; r < m; ++r) w(i + r, c) = second[r] * t(i + r, c);
          }
        }
      },
      g, dg);
  f.penalty.add_product(x, u, g);
  f.penalty.add_tangents(x, u, dx, du, dg);
}

const Mat* LinearModel::gram() const { return parts_->keeps_gram() ? &parts_->kept_gram() : nullptr; }

const Mat& LinearModel::Parts::kept_gram() {
  std::call_once(gram_once, [&] {
    gram.resize(design.cols(), design.cols());
    design.weighted_gram(s, gram);
  });
  return gram;
}

const Mat& LinearModel::Parts::kept_row_gram() {
  std::call_once(row_gram_once, [&] {
    row_gram.resize(design.rows(), design.rows());
    design.row_gram(Vec::Ones(design.features()), row_gram);
  });
  return row_gram;
}

std::shared_ptr<const LinearOperator> LinearModel::Parts::kept_dual(In c) {
  const std::lock_guard lock(dual_lock);
  if (dual_at.size() != c.size() || dual_at != c) {
    dual = dual_inverse(design, s, c, one_penalty_of(design, c) ? &kept_row_gram() : nullptr);
    dual_at = c;
  }
  return dual;
}

double LinearModel::Parts::largest_data_eigenvalue() {
  std::call_once(eigenvalue_once, [&] { data_eigenvalue = weighted_eigenvalue(design, s); });
  return data_eigenvalue;
}

// Eigenvalues are right to a few roundings of the largest one; both ends are moved outwards by that.
std::pair<double, double> LinearModel::Parts::spectrum(In u) {
  Vec c(penalty.inner_dim());
  penalty.coefficients(u, c);
  const Mat& data = kept_gram();
  const std::lock_guard lock(spectrum_lock);
  if (spectrum_at.size() != c.size() || spectrum_at != c) {
    Eigen::MatrixXd h = data;
    h.diagonal() += c;
    const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h, Eigen::EigenvaluesOnly).eigenvalues();
    const double rounding = 4 * std::numeric_limits<double>::epsilon() * static_cast<double>(c.size()) * e[e.size() - 1];
    least = std::max({0.0, c.minCoeff(), e[0] - rounding});
    largest = e[e.size() - 1] + rounding;
    spectrum_at = c;
  }
  return {least, largest};
}

double LinearModel::smoothness(In u) const {
  if (quadratic() && inner_dim() > 0 && inner_dim() <= kEigenDim) return parts_->spectrum(u).second;
  return parts_->loss->curvature_bound() * parts_->largest_data_eigenvalue() + parts_->penalty.range(u).second;
}

double LinearModel::convexity(In u) const {
  if (quadratic() && inner_dim() > 0 && inner_dim() <= kEigenDim) return parts_->spectrum(u).first;
  return parts_->loss->convex() ? parts_->penalty.range(u).first : 0;
}

double LinearModel::derivative_lipschitz(In, InM dx, In du) const {
  const Parts& f = *parts_;
  double cross = 0;
  for (Index j = 0; j < inner_dim(); ++j) {
    if (f.penalty.index(j) >= 0) cross = std::max(cross, std::abs(du[f.penalty.index(j)]));
  }
  if (f.loss->quadratic()) return cross;
  Vec weight = Vec::Zero(f.design.rows()), column(dx.rows()), t(f.design.rows());
  for (Index k = 0; k < dx.cols(); ++k) {
    column = dx.col(k);
    f.design.multiply(column, t);
    weight += t.cwiseAbs2();
  }
  weight = weight.cwiseSqrt().cwiseProduct(f.s);
  return f.loss->third_bound() * weighted_eigenvalue(f.design, weight) + cross;
}

/// phi'(0, y)
Vec LinearModel::Parts::first_at_zero() const {
  const Vec zero = Vec::Zero(design.rows());
  Vec first(design.rows());
  loss->evaluate(zero.size(), zero.data(), y.data(), nullptr, first.data(), nullptr);
  return first;
}

double LinearModel::gradient_scale(In) const {
  Parts& f = *parts_;
  std::call_once(f.scale_once, [&] {
    Vec g(f.design.cols());
    f.design.multiply_t(f.first_at_zero().cwiseProduct(f.s), g);
    f.gradient_scale = g.norm();
  });
  return f.gradient_scale;
}

const ColumnMoments& LinearModel::column_moments() const {
  Parts& f = *parts_;
  std::call_once(f.moments_once, [&] { f.moments = f.design.column_moments(f.s); });
  return f.moments;
}

double LinearModel::gradient_terms(In) const {
  Parts& f = *parts_;
  std::call_once(f.terms_once, [&] {
    Vec squares(f.design.cols());
    f.design.weighted_squares(f.s, squares);
    f.gradient_terms = f.first_at_zero().cwiseProduct(f.s.cwiseSqrt()).norm() * std::sqrt(std::max(squares.sum(), 0.0));
  });
  return f.gradient_terms;
}

std::shared_ptr<const Objective> LinearModel::counting_reads(std::shared_ptr<WorkCounter> counter) const {
  auto twin = std::make_shared<LinearModel>(*this);
  twin->design_ = std::make_shared<const Design>(design_->counted(std::move(counter)));
  return twin;
}

}  // namespace tacit::inline TACIT_ABI
