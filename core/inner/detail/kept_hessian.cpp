#include <tacit/core/inner/detail/kept_hessian.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/linear/detail/kernels.hpp>

namespace tacit::inline TACIT_ABI::detail {

void KeptHessian::state(StateVisitor& v) {
  Index n = data ? data->rows() : 0;
  Vec entries = data ? Vec(data->reshaped()) : Vec();
  v.state("kept.dim", n);
  v.state("kept.data", entries);
  v.state("kept.penalty", penalty);
  v.state("kept.factored", factored);
  v.state("kept.scale", scale);
  v.state("kept.cheap", cheap);
  v.state("kept.spent", spent);
  if (entries.size() != n * n)
    throw UsageError("the saved Hessian has " + std::to_string(entries.size()) + " entries, not n x n");
  data = n > 0 ? std::make_shared<const Eigen::MatrixXd>(entries.reshaped(n, n)) : nullptr;
}

bool KeptHessian::outdated(const Vec& now) const { return far_apart(factored, now) || (cheap && factored != now); }

std::shared_ptr<const Eigen::MatrixXd> data_hessian(const Curvature& curvature, const Vec& penalty) {
  const Index n = penalty.size();
  Mat h(n, n);
  if (!curvature.dense(h) || !h.allFinite()) return nullptr;
  auto data = std::make_shared<Eigen::MatrixXd>(std::move(h));
  data->diagonal() -= penalty;
  return data;
}

double scale_along(const Eigen::MatrixXd& data, const Vec& penalty, const Vec& s, const Vec& y) {
  constexpr double kMost = 10;
  Vec by_data(s.size());
  kernels::multiply_symmetric(s.size(), data.data(), data.outerStride(), s.data(), by_data.data());
  const double was = s.dot(by_data), is = s.dot(y - penalty.cwiseProduct(s));
  return was > 0 && is > 0 && std::isfinite(is / was) ? std::clamp(is / was, 1 / kMost, kMost) : 1;
}

std::shared_ptr<const CholeskyInverse> inverse_at(const Eigen::MatrixXd& data, double scale, const Vec& penalty) {
  Eigen::MatrixXd h(data.rows(), data.cols());
  for (Index j = 0; j < h.cols(); ++j) {
    h.col(j).head(j).setZero();  // a saved factor has it all
    h.col(j).tail(h.rows() - j) = scale * data.col(j).tail(h.rows() - j);
  }
  h.diagonal() += penalty;
  return cholesky_in_place(std::move(h));
}

bool far_apart(const Vec& a, const Vec& b) {
  if (a.size() != b.size()) return true;
  return (a.array() > 2 * b.array()).any() || (b.array() > 2 * a.array()).any();
}

}  // namespace tacit::inline TACIT_ABI::detail
