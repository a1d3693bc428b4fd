// Two inner problems that are no minimization by one of Tacit's solvers, their hypergradients held against central differences.
//
// 1. A black box: a routine of somebody else finds x*(u) = argmin_x f(x, u), here ridge regression by a Cholesky factor of
//    Eigen. Only the products of f are needed beside it, since with f_xx w = l_x
//      d l / d u = l_u - f_ux w.
// 2. An equilibrium: x = tanh(W x + B u), a recurrent network at rest. There is no f; "f_x" is the map G(x, u) = x - tanh(W x + B
// u)
//    whose zero is sought, and with the slopes S = diag(1 - tanh^2)
//      G_x = I - S W, which is not symmetric, G_u = -S B,   d l / d u = l_u - G_u' w where G_x' w = l_x.
//    A step of size 1 along -G is x+ = tanh(W x + B u), which converges where |W| < 1; w is found by the same iteration
//    transposed.
#include <Eigen/Cholesky>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "ridge_task.hpp"
using namespace tacit;

namespace {

/// Fills x and a status, no more; Tacit computes the residual at the point it is given.
class CholeskyOfEigen final : public InnerSolver {
public:
  explicit CholeskyOfEigen(Ridge data) : data_(std::move(data)) {}
  void fields(FieldVisitor&) override {}
  InnerSolution solve(const Problem&, In u, const InnerSolution*, Accuracy, TapeRequest) const override {
    Eigen::MatrixXd H = data_.A.transpose() * data_.A / data_.n();
    H.diagonal() += u;
    InnerSolution found;
    found.z = H.llt().solve(data_.A.transpose() * data_.y / data_.n());
    found.status = Status::converged;
    return found;
  }

private:
  Ridge data_;
};

struct AtRest {
  Eigen::MatrixXd W, B;
  Vec state(const Vec& x, const Vec& u) const { return (W * x + B * u).array().tanh(); }
  Vec slopes(const Vec& x, const Vec& u) const { return 1 - state(x, u).array().square(); }
  Index inner_dim() const { return W.rows(); }
  Index outer_dim() const { return B.cols(); }
  double value(const Vec&, const Vec&) const { return 0; }  // there is none
  Vec gradient(const Vec& x, const Vec& u) const { return x - state(x, u); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const { return p - slopes(x, u).cwiseProduct(W * p); }
  Vec hessian_transposed(const Vec& x, const Vec& u, const Vec& p) const {
    return p - W.transpose() * slopes(x, u).cwiseProduct(p);
  }
  Vec cross(const Vec& x, const Vec& u, const Vec& p) const { return -B.transpose() * slopes(x, u).cwiseProduct(p); }
  Vec cross_t(const Vec& x, const Vec& u, const Vec& w) const { return -slopes(x, u).cwiseProduct(B * w); }
  double smoothness(const Vec&) const { return 1 + W.norm(); }
};

/// Largest difference between the hypergradient and central differences of the value, over the largest entry; says both.
bool check(const char* what, const Problem& problem, const Vec& u, const InnerSolver& solver,
           const HypergradientEstimator& estimator) {
  const OuterGradient h = hypergradient(problem, u, solver, estimator);
  Vec by_differences(u.size());
  constexpr double step = 1e-5;
  for (Index j = 0; j < u.size(); ++j) {
    const Vec e = step * Vec::Unit(u.size(), j);
    by_differences[j] =
        (hypergradient(problem, u + e, solver, estimator).value - hypergradient(problem, u - e, solver, estimator).value) /
        (2 * step);
  }
  const double off = (h.gradient - by_differences).cwiseAbs().maxCoeff() / by_differences.cwiseAbs().maxCoeff();
  std::printf("%-12s loss %.6f, %td hyperparameters, %s, hypergradient off by %.1e %s\n", what, h.value, u.size(),
              to_string(h.status), off, h.message.c_str());
  return h.usable() && off < 1e-7;
}

bool black_box() {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  const auto draw = [&] { return normal(random); };
  const Ridge ridge{Eigen::MatrixXd::NullaryExpr(30, 8, draw), Vec::NullaryExpr(30, draw)};
  Problem problem;
  problem.f = adapt(ridge);
  problem.l = adapt_criterion(HoldOut{Eigen::MatrixXd::NullaryExpr(30, 8, draw), Vec::NullaryExpr(30, draw)});
  problem.space = HyperSpace({{"penalty", 8, Scale::log, 1e-4, 1e2}});
  ImplicitCgEstimator estimator;
  estimator.relative_tolerance = 1e-10;
  return check("black box", problem, Vec::Constant(8, 0.3), CholeskyOfEigen(ridge), estimator);
}

bool equilibrium() {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  const auto draw = [&] { return normal(random); };
  const Index n = 20, m = 6;
  Eigen::MatrixXd W = Eigen::MatrixXd::NullaryExpr(n, n, draw);
  W *= 0.9 / W.jacobiSvd().singularValues()[0];
  Problem problem;
  problem.f = adapt(AtRest{W, Eigen::MatrixXd::NullaryExpr(n, m, draw)});
  problem.l = adapt_criterion(HoldOut{Eigen::MatrixXd::Identity(n, n), Vec::NullaryExpr(n, draw)});
  problem.space = HyperSpace({{"input", m, Scale::linear, -10, 10}});
  auto iteration = std::make_unique<GradientDescent>();
  iteration->step = 1;
  IterateSolver solver(std::move(iteration));
  solver.options.tolerance = 1e-12;
  FixedPointEstimator estimator;
  estimator.relative_tolerance = 1e-10;
  estimator.max_steps = 1000;
  return check("equilibrium", problem, Vec::LinSpaced(m, -0.5, 0.5), solver, estimator);
}

}  // namespace

int main() {
  const bool first = black_box(), second = equilibrium();
  return first && second ? 0 : 1;
}
