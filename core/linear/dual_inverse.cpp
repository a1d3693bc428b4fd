#include <tacit/core/linear/dual_inverse.hpp>

#include <algorithm>
#include <utility>

#include <Eigen/Cholesky>

namespace tacit::inline TACIT_ABI {
namespace {

/// With r' = diag(c)^{-1/2} r, f = sqrt(weight) and s the entry of r that belongs to the intercept b:
///   b = (s - f' K^{-1} B r') / (f' K^{-1} f),  v' = r' - B' K^{-1} (B r' + b f),  v = diag(c)^{-1/2} v'.
class DualInverse final : public LinearOperator {
public:
  DualInverse(const Design& a, In weight, In c) : a_(a), f_(weight.cwiseSqrt()), root_(a.cols()) {
    const Index p = a.features();
    root_.head(p) = c.head(p).cwiseSqrt().cwiseInverse();
    if (a.intercept()) root_[p] = 0;
  }
  bool factor(const Mat* products) {
    factor_.compute(kernel(products));
    if (factor_.info() != Eigen::Success || !factor_.matrixLLT().diagonal().allFinite()) return false;
    if (!a_.intercept()) return true;
    free_ = factor_.solve(f_);
    along_ = f_.dot(free_);
    return along_ > 0;
  }
  Index dim() const override { return a_.cols(); }
  void apply(In r, Out y) const override {
    Vec v = r.cwiseProduct(root_), t(a_.rows());
    forward(v, t);
    Vec k = factor_.solve(t);
    double b = 0;
    if (a_.intercept()) {
      b = (r[a_.features()] - f_.dot(k)) / along_;
      k += b * free_;
    }
    Vec back(a_.cols());
    a_.multiply_t(k.cwiseProduct(f_), back);
    y = v - back.cwiseProduct(root_);
    y = y.cwiseProduct(root_).eval();
    if (a_.intercept()) y[a_.features()] = b;
  }

private:
  /// t = B v'; the intercept's entry of root_ is 0, so that it takes no part.
  void forward(const Vec& v, Vec& t) const {
    a_.multiply(v.cwiseProduct(root_), t);
    t = t.cwiseProduct(f_);
  }
  /// K = I + diag(f) X diag(1/c) X' diag(f)
  Mat kernel(const Mat* products) const {
    Mat k(a_.rows(), a_.rows());
    if (products)
      k = *products * (root_[0] * root_[0]);
    else
      a_.row_gram(root_.head(a_.features()).cwiseAbs2(), k);
    k = f_.asDiagonal() * k * f_.asDiagonal();
    k.diagonal().array() += 1;
    return k;
  }

  Design a_;
  Vec f_, root_;  // root_: c^{-1/2}, 0 for the intercept
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Vec free_;          // K^{-1} f
  double along_ = 0;  // f' K^{-1} f
};

}  // namespace

std::shared_ptr<const LinearOperator> dual_inverse(const Design& a, In weight, In c, const Mat* products) {
  const Index p = a.features();
  if (p == 0 || !(c.head(p).minCoeff() > 0) || (a.intercept() && c[p] != 0)) return nullptr;
  auto inverse = std::make_shared<DualInverse>(a, weight, c);
  return inverse->factor(c.head(p).minCoeff() == c.head(p).maxCoeff() ? products : nullptr) ? inverse : nullptr;
}

}  // namespace tacit::inline TACIT_ABI
