#include <tacit/core/linear/eigen.hpp>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <tacit/core/linear/detail/largest.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

// A fixed vector with entries in (-1, 1) without structure (splitmix64), the same on every machine.
Vec fixed_random(Index n, std::uint64_t seed) {
  Vec v(n);
  std::uint64_t s = seed;
  for (Index i = 0; i < n; ++i) {
    s += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = s;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    v[i] = 2 * (static_cast<double>(z >> 11) * 0x1.0p-53) - 1;
  }
  return v;
}

/// What the vectors of a Lanczos basis have in common, by the recurrence that rounding follows (Simon 1984): while no two have
/// more than sqrt(eps), the tridiagonal form is as good as that of an orthonormal basis.
class Overlap {
public:
  explicit Overlap(Index limit) : now_(Vec::Zero(limit + 1)), before_(now_) { now_[0] = 1; }
  /// Goes on to the vector after number k, which `left` couples to it. True where it has to be made orthogonal to all others.
  bool lost(const Vec& alpha, const Vec& beta, Index k, double left) {
    constexpr double kEps = std::numeric_limits<double>::epsilon();
    norm_ = std::max(norm_, std::abs(alpha[k]) + left + (k > 0 ? beta[k - 1] : 0));
    Vec next = Vec::Zero(now_.size());
    for (Index j = 0; j < k; ++j) {
      const double apart = beta[j] * now_[j + 1] + (alpha[j] - alpha[k]) * now_[j] + (j > 0 ? beta[j - 1] * now_[j - 1] : 0);
      const double common = apart - beta[k - 1] * before_[j];
      next[j] = (common + std::copysign(2 * kEps * norm_, common)) / left;
    }
    next[k] = kEps * norm_ / left;
    const bool much = !(next.cwiseAbs().maxCoeff() <= std::sqrt(kEps));
    const bool orthogonal = much || again_;  // the next vector has the one before this in it too
    if (orthogonal) next.head(k + 1).setConstant(kEps);
    again_ = much && !again_;
    next[k + 1] = 1;
    before_.swap(now_);
    now_.swap(next);
    return orthogonal;
  }

private:
  Vec now_, before_;  ///< products of the last vector and of the one before it with all
  double norm_ = 0;
  bool again_ = false;
};

/// An orthonormal basis that grows by a product at a time, the tridiagonal form of the operator on it, and its eigenpairs. Beyond
/// kWhole variables vectors are made orthogonal to all others only when they have to be.
class Lanczos {
public:
  /// start: of length 1.
  Lanczos(const std::function<void(In, Out)>& product, Vec start, Index limit)
      : product_(product), basis_(start.size(), limit), alpha_(limit), beta_(limit), v_(std::move(start)), w_(v_.size()),
        overlap_(limit) {}

  /// One product more; false when it is not finite.
  bool step() {
    basis_.col(size_) = v_;
    product_(v_, w_);
    alpha_[size_] = v_.dot(w_);
    ++size_;
    if (!std::isfinite(alpha_[size_ - 1])) return false;
    if (basis_.rows() <= kWhole)
      orthogonalize(w_);
    else
      orthogonalize_where_lost();
    left_ = w_.norm();
    ritz_.computeFromTridiagonal(alpha_.head(size_), beta_.head(size_ - 1));
    return true;
  }
  /// Goes on with what is left of the product, or, where nothing is, with another vector: the coupling is zero.
  void extend() { go_to(w_ / left_, left_); }
  void extend_by(Vec v) {
    orthogonalize(v);
    go_to(v.normalized(), 0);
  }

  Index size() const { return size_; }
  double value(Index i) const { return ritz_.eigenvalues()[i]; }
  /// ||what the last product left outside the basis||, and its share in the residual of eigenpair i.
  double left() const { return left_; }
  double share(Index i) const { return std::abs(ritz_.eigenvectors()(size_ - 1, i)); }
  double largest_diagonal() const { return alpha_.head(size_).cwiseAbs().maxCoeff(); }
  Vec vector(Index i) const { return basis_.leftCols(size_) * ritz_.eigenvectors().col(i); }

private:
  /// Takes the components along the basis out of v, twice (Kahan: twice is enough).
  void orthogonalize(Vec& v) const {
    for (int pass = 0; pass < 2; ++pass) v -= basis_.leftCols(size_) * (basis_.leftCols(size_).transpose() * v);
  }
  void orthogonalize_where_lost() {
    const Index k = size_ - 1;
    w_ -= alpha_[k] * v_;
    if (k > 0) w_ -= beta_[k - 1] * basis_.col(k - 1);
    if (overlap_.lost(alpha_, beta_, k, w_.norm())) orthogonalize(w_);
  }
  void go_to(Vec v, double coupling) {
    beta_[size_ - 1] = coupling;
    v_ = std::move(v);
  }

  const std::function<void(In, Out)>& product_;
  Eigen::MatrixXd basis_;
  Vec alpha_, beta_, v_, w_;
  static constexpr Index kWhole = 2000;
  Overlap overlap_;
  double left_ = 0;
  Index size_ = 0;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> ritz_;
};

}  // namespace

Spectrum extreme_eigenvalues(const std::function<void(In, Out)>& product, In start, const LanczosOptions& options) {
  const Index n = start.size();
  const Index limit = std::min(n, options.max_steps);
  Spectrum out;
  if (n == 0) return out;
  Vec v = fixed_random(n, 1);
  v *= 0.1 / v.norm();
  if (const double norm = start.norm(); norm > 0 && std::isfinite(norm)) v += start / norm;
  Lanczos lanczos(product, v.normalized(), limit);
  while (true) {
    ++out.products;
    if (!lanczos.step()) return out;
    const Index last = lanczos.size() - 1;
    const bool exhausted = lanczos.left() <= 1e-13 * lanczos.largest_diagonal();
    const double tail = exhausted ? 0 : lanczos.left();
    out.smallest = lanczos.value(0);
    out.largest = lanczos.value(last);
    out.smallest_residual = tail * lanczos.share(0);
    out.largest_residual = tail * lanczos.share(last);
    const bool small_done = out.smallest_residual <= options.tolerance * std::abs(out.smallest);
    const bool large_done =
        !options.sharp_largest || out.largest_residual <= 0.1 * std::sqrt(std::abs(out.smallest * out.largest));
    if (lanczos.size() == limit || (last >= 3 && !exhausted && small_done && large_done)) {
      out.smallest_vector = lanczos.vector(0);
      out.largest_vector = lanczos.vector(last);
      return out;
    }
    if (exhausted)  // an invariant subspace: go on in its complement
      lanczos.extend_by(fixed_random(n, static_cast<std::uint64_t>(last) + 2));
    else
      lanczos.extend();
  }
}

Spectrum smallest_eigenvalue_near(const std::function<void(In, Out)>& product, const LinearOperator& preconditioner, In start,
                                  double tolerance, Index max_steps, const Vec* start_product) {
  const Index n = start.size();
  // Columns: the vector, the preconditioned residual, the last direction, orthonormal; and H times each.
  Eigen::MatrixXd v(n, 3), hv(n, 3);
  Spectrum out;
  const auto multiply = [&](Index k) {
    Vec h(n);
    product(v.col(k), h);
    hv.col(k) = h;
    ++out.products;
  };
  const double length = start.norm();
  v.col(0) = length > 0 ? Vec(start / length) : Vec(fixed_random(n, 1).normalized());
  if (start_product)
    hv.col(0) = *start_product / length;
  else
    multiply(0);
  Index directions = 0;  // 1 once there is a last direction, in column 2
  for (Index step = 0;; ++step) {
    out.smallest = v.col(0).dot(hv.col(0));
    const Vec residual = hv.col(0) - out.smallest * v.col(0);
    Vec w(n);
    preconditioner.apply(residual, w);
    const double by_inverse = out.smallest * residual.dot(w);
    out.smallest_residual = residual.norm();
    if (by_inverse >= 0) out.smallest_residual = std::min(out.smallest_residual, std::sqrt(by_inverse));
    out.smallest_vector = v.col(0);
    const bool done = !(out.smallest_residual > tolerance * std::abs(out.smallest)) || !std::isfinite(out.smallest);
    if (done || step == max_steps) return out;
    for (int pass = 0; pass < 2; ++pass) {
      w -= v.col(0) * v.col(0).dot(w);
      if (directions > 0) w -= v.col(2) * v.col(2).dot(w);
    }
    if (!(w.norm() > 0) || !w.allFinite()) return out;
    v.col(1) = w.normalized();
    multiply(1);
    const Index k = 2 + directions;
    Eigen::MatrixXd small = v.leftCols(k).transpose() * hv.leftCols(k);
    small = (0.5 * (small + small.transpose())).eval();
    const Eigen::VectorXd best = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(small).eigenvectors().col(0);
    // The new direction is what is added to the vector, made orthogonal to the new vector within the same space.
    Eigen::VectorXd along = best;
    along[0] = 0;
    along -= best * best.dot(along);
    const Vec x = v.leftCols(k) * best, hx = hv.leftCols(k) * best;
    directions = along.norm() > 0 ? 1 : 0;
    if (directions > 0) {
      const Vec p = v.leftCols(k) * along.normalized(), hp = hv.leftCols(k) * along.normalized();
      v.col(2) = p;
      hv.col(2) = hp;
    }
    v.col(0) = x;
    hv.col(0) = hx;
  }
}

namespace detail {

// A linear congruential generator (Knuth 1998, MMIX).
Vec start_of_largest(Index n) {
  Vec v(n);
  std::uint64_t random = 1;
  for (Index i = 0; i < n; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    v[i] = static_cast<double>(random >> 11) * 0x1.0p-53 - 0.5;
  }
  return v.normalized();
}

LargestPair largest_from(const std::function<void(In, Out)>& h, Vec start, double tolerance, Index max_steps) {
  constexpr double kRoom = 4;  // the second eigenvalue is nearer than its Ritz value
  const Index n = start.size(), limit = std::min(n, max_steps);
  Lanczos lanczos(h, std::move(start), limit);
  double value = 0, bound = 0;
  while (true) {
    if (!lanczos.step()) return {std::numeric_limits<double>::quiet_NaN(), {}};
    const Index last = lanczos.size() - 1;
    value = lanczos.value(last);
    const double residual = lanczos.left() * lanczos.share(last), apart = last > 0 ? value - lanczos.value(last - 1) : 0;
    bound = std::min(residual, apart > 0 ? kRoom * residual * residual / apart : residual);
    if (!(bound > tolerance * value) || lanczos.left() <= 1e-14 * value || lanczos.size() == limit) break;
    lanczos.extend();
  }
  value += bound + 4 * std::numeric_limits<double>::epsilon() * static_cast<double>(n) * value;
  return {value, lanczos.vector(lanczos.size() - 1)};
}

}  // namespace detail

double lanczos_largest(const std::function<void(In, Out)>& h, Index n, double tolerance, Index max_steps) {
  return n == 0 ? 0 : detail::largest_from(h, detail::start_of_largest(n), tolerance, max_steps).value;
}

}  // namespace tacit::inline TACIT_ABI
