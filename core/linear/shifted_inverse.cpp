#include <tacit/core/linear/shifted_inverse.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <Eigen/Householder>

#include <tacit/core/linear/detail/kernels.hpp>

namespace tacit::inline TACIT_ABI {

/// Q = H_0 H_1 ..., H_i = I - h_i v_i v_i', in groups I - V T V' (Schreiber, Van Loan 1989): as fast to apply as the matrix
/// itself, which would take as long to make as the tridiagonal form.
class TridiagonalForm::Reflections {
public:
  Reflections(const Eigen::MatrixXd& packed, const Vec& h) {
    constexpr Index kGroup = 16;
    for (Index i = 0; i < h.size(); i += kGroup) groups_.push_back(group(packed, h, i, std::min(kGroup, h.size() - i)));
  }
  /// y = Q' y and y = Q y
  void transposed(Vec& y) const {
    for (const Group& g : groups_) {
      auto part = y.tail(g.v.rows());
      part.noalias() -= g.v * (g.t.transpose() * (g.v.transpose() * part)).eval();
    }
  }
  void apply(Vec& y) const {
    for (auto g = groups_.rbegin(); g != groups_.rend(); ++g) {
      auto part = y.tail(g->v.rows());
      part.noalias() -= g->v * (g->t * (g->v.transpose() * part)).eval();
    }
  }

private:
  struct Group {
    Eigen::MatrixXd v, t;  ///< v acts on the last rows
  };

  /// v_i is 1 in row i + 1 and what Eigen has packed into column i below that.
  static Group group(const Eigen::MatrixXd& packed, const Vec& h, Index first, Index count) {
    const Index rows = packed.rows() - 1 - first;
    Group g{Eigen::MatrixXd::Zero(rows, count), Eigen::MatrixXd::Zero(count, count)};
    for (Index j = 0; j < count; ++j) {
      g.v(j, j) = 1;
      g.v.col(j).tail(rows - j - 1) = packed.col(first + j).tail(rows - j - 1);
      const Vec common = g.v.leftCols(j).transpose() * g.v.col(j);
      g.t.col(j).head(j) = -h[first + j] * (g.t.topLeftCorner(j, j) * common);
      g.t(j, j) = h[first + j];
    }
    return g;
  }

  std::vector<Group> groups_;
};

/// T + c I = L D L', L with one diagonal beside its ones.
class TridiagonalForm::ShiftedInverse final : public LinearOperator {
public:
  ShiftedInverse(std::shared_ptr<const Reflections> q, Vec pivots, Vec beside)
      : q_(std::move(q)), pivots_(std::move(pivots)), beside_(std::move(beside)) {}
  Index dim() const override { return pivots_.size(); }
  void apply(In x, Out y) const override {
    Vec z = x;
    q_->transposed(z);
    for (Index i = 1; i < z.size(); ++i) z[i] -= beside_[i - 1] * z[i - 1];
    z.array() /= pivots_.array();
    for (Index i = z.size() - 1; i-- > 0;) z[i] -= beside_[i] * z[i + 1];
    q_->apply(z);
    y = z;
  }

private:
  std::shared_ptr<const Reflections> q_;
  Vec pivots_, beside_;
};

// A reflection I - t v v' takes off all of the rest A but v w' + w v', w = t (A v - t (v'A v) v / 2). The next one reads its
// column alone, and the pass that updates the others makes their product with its v.
TridiagonalForm::TridiagonalForm(const Eigen::MatrixXd& h) {
  const Index n = h.rows(), last = std::max<Index>(0, n - 1);
  Eigen::MatrixXd a = h;
  Vec v = Vec::Zero(n), w = Vec::Zero(n), product(n), scale(last);
  diagonal_.resize(n);
  beside_.resize(last);
  for (Index k = 0; k < n; ++k) {
    const Index rest = n - 1 - k;
    a.col(k).tail(rest + 1) -= w[k] * v.tail(rest + 1) + v[k] * w.tail(rest + 1);
    diagonal_[k] = a(k, k);
    if (rest == 0) break;
    a.col(k).tail(rest).makeHouseholderInPlace(scale[k], beside_[k]);
    Vec next = a.col(k);
    next[k + 1] = 1;
    kernels::update_symmetric(rest, &a(k + 1, k + 1), n, &v[k + 1], &w[k + 1], &next[k + 1], &product[k + 1]);
    v.swap(next);
    const double along = scale[k] * v.tail(rest).dot(product.tail(rest)) / 2;
    w.tail(rest) = scale[k] * (product.tail(rest) - along * v.tail(rest));
  }
  q_ = std::make_shared<const Reflections>(a, scale);
}

std::shared_ptr<const LinearOperator> TridiagonalForm::inverse(double c) const {
  Vec pivots = diagonal_.array() + c, beside = beside_;
  for (Index i = 0; i < pivots.size(); ++i) {
    if (i > 0) {
      beside[i - 1] /= pivots[i - 1];
      pivots[i] -= beside[i - 1] * beside_[i - 1];
    }
    if (!(pivots[i] > 0)) return nullptr;
  }
  return std::make_shared<const ShiftedInverse>(q_, std::move(pivots), std::move(beside));
}

/// Pivots of T - c I have the signs of its eigenvalues (Sylvester's law of inertia).
bool TridiagonalForm::all_beyond(double c, double sign) const {
  double pivot = 1;
  for (Index i = 0; i < dim(); ++i) {
    pivot = diagonal_[i] - c - (i > 0 ? beside_[i - 1] * (beside_[i - 1] / pivot) : 0);
    if (!(sign * pivot > 0)) return false;
  }
  return true;
}

std::pair<double, double> TridiagonalForm::extreme_eigenvalues() const {
  if (dim() == 0) return {0, 0};
  Vec radius = Vec::Zero(dim());
  radius.head(beside_.size()) += beside_.cwiseAbs();
  radius.tail(beside_.size()) += beside_.cwiseAbs();
  const double low = (diagonal_ - radius).minCoeff(), high = (diagonal_ + radius).maxCoeff();  // Gershgorin's discs
  const double enough = std::numeric_limits<double>::epsilon() * std::max(std::abs(low), std::abs(high));
  // From `outside` all eigenvalues lie in the direction `sign`, from `inside` not all.
  const auto end = [&](double outside, double inside, double sign) {
    while (std::abs(inside - outside) > enough) {
      const double middle = outside + 0.5 * (inside - outside);
      if (middle == outside || middle == inside) break;
      (all_beyond(middle, sign) ? outside : inside) = middle;
    }
    return outside;
  };
  return {end(low, high, 1), end(high, low, -1)};
}

}  // namespace tacit::inline TACIT_ABI
