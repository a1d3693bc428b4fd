// Tunes the penalty of a ridge regression that Tacit knows nothing of: a plain struct with its derivatives is all it takes.
#include <cstdio>
#include <memory>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/hypergrad/estimators.hpp>
using tacit::Index, tacit::Vec;

struct Ridge {  // inner: f(x, u) = |A x - y|^2 / 2n + u/2 |x|^2
  Eigen::MatrixXd A;
  Vec y;
  double n() const { return double(y.size()); }
  Index inner_dim() const { return A.cols(); }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec& u) const { return (A * x - y).squaredNorm() / (2 * n()) + u[0] / 2 * x.squaredNorm(); }
  Vec gradient(const Vec& x, const Vec& u) const { return A.transpose() * (A * x - y) / n() + u[0] * x; }
  Vec hessian(const Vec&, const Vec& u, const Vec& p) const { return A.transpose() * (A * p) / n() + u[0] * p; }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, x.dot(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x * w[0]; }
};
struct HoldOut {  // outer: l(x) = |B x - z|^2 / 2m
  Eigen::MatrixXd B;
  Vec z;
  double value(const Vec& x, const Vec&) const { return (B * x - z).squaredNorm() / double(2 * z.size()); }
  Vec gradient_x(const Vec& x, const Vec&) const { return B.transpose() * (B * x - z) / double(z.size()); }
  Vec gradient_u(const Vec&, const Vec&) const { return Vec::Zero(1); }
};

int main() {
  const Eigen::MatrixXd A = Eigen::MatrixXd::Random(60, 40), B = Eigen::MatrixXd::Random(60, 40);
  const Vec truth = Vec::Random(40), y = A * truth + 3 * Vec::Random(60), z = B * truth + 3 * Vec::Random(60);
  tacit::Problem problem;
  problem.f = tacit::adapt(Ridge{A, y});
  problem.l = tacit::adapt_criterion(HoldOut{B, z});
  problem.space = tacit::HyperSpace({{"lambda", 1, tacit::Scale::log, 1e-6, 1e3}});
  const auto solver = std::make_shared<tacit::IterateSolver>(std::make_unique<tacit::GradientDescent>());
  const auto oracle = tacit::make_oracle(problem, solver, std::make_shared<tacit::ImplicitCgEstimator>());
  tacit::LbfgsOuter optimizer;
  const tacit::Summary summary = tacit::solve({}, problem.space, *oracle, optimizer, Vec::Zero(1));  // from lambda = exp(0)
  std::printf("lambda %.4g, hold-out loss %.6g (%s)\n", summary.best.u[0], summary.best.outer_loss,
              tacit::to_string(summary.reason));
  return summary.usable() ? 0 : 1;
}
