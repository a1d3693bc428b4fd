// A linear representation that many small tasks share. Task t has its own rows A_t, y_t; features are common to all:
//   x_t*(U) = argmin over x of  f_t(x, U) = |A_t U x - y_t|^2 / 2n + lambda/2 |x|^2          x in R^k, U in R^(d x k)
//   min over U of  1/T sum_t l_t(x_t*(U), U),   l_t(x, U) = |B_t U x - z_t|^2 / 2m            on the task's hold-out rows
// U stands in l_t too, so that its gradient has a direct part besides the one through x*. With r = A U x - y and s = B U x - z:
//   f_x  = U'A'r/n + lambda x        f_xx p = U'A'A U p/n + lambda p
//   f_ux p = A'(r p' + A U p x')/n   f_xu W = (W'A'r + U'A'A W x)/n
//   l_x  = U'B's/m                   l_U    = B's x'/m
#include <Eigen/Dense>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/hypergrad/estimators.hpp>
using namespace tacit;
using Eigen::MatrixXd;

constexpr Index d = 20, k = 2, n = 6, m = 12;  // features, their combinations, rows to fit and rows to judge by
constexpr double rows = n, judged = m, lambda = 0.01, noise = 0.1;
const HyperSpace space({HyperBlock::matrix("U", d, k)});  // linear scale, without bounds

struct Fit {  // the inner problem of one task
  MatrixXd A;
  Vec y;
  Index inner_dim() const { return k; }
  Index outer_dim() const { return d * k; }
  struct At {  // what all products at one point share
    const MatrixXd& A;
    Vec x;
    MatrixXd C;  // A U
    Vec r;
    void hessian(In p, Out out) const { out = C.transpose() * (C * p) / rows + lambda * p; }
    void cross(In p, Out out) const {
      space.block(out, "U") = A.transpose() * (r * p.transpose() + C * p * x.transpose()) / rows;
    }
    void cross_t(In w, Out out) const {
      const MatrixXd AW = A * space.block(w, "U");
      out = (AW.transpose() * r + C.transpose() * (AW * x)) / rows;
    }
  };
  At linearize(In x, In u) const {
    const MatrixXd C = A * space.block(u, "U");
    return {A, x, C, C * x - y};
  }
  double value_and_gradient(In x, In u, Out g) const {
    const At at = linearize(x, u);
    g = at.C.transpose() * at.r / rows + lambda * x;
    return at.r.squaredNorm() / (2 * rows) + lambda / 2 * x.squaredNorm();
  }
  bool quadratic() const { return true; }
  double convexity(In) const { return lambda; }
};

struct HoldOut {  // its outer loss
  MatrixXd B;
  Vec z;
  double value(In x, In u) const { return (B * space.block(u, "U") * x - z).squaredNorm() / (2 * judged); }
  double value_and_gradient(In x, In u, Out gx, Out gu) const {
    const auto U = space.block(u, "U");
    const Vec back = B.transpose() * (B * (U * x) - z) / judged;
    gx = U.transpose() * back;
    space.block(gu, "U") = back * x.transpose();
    return value(x, u);
  }
};

std::mt19937 random_engine(7);
MatrixXd draw(Index height, Index width) {
  std::normal_distribution<double> normal;
  return MatrixXd::NullaryExpr(height, width, [&] { return normal(random_engine); });
}

MatrixXd basis(const MatrixXd& U) { return MatrixXd(U.householderQr().householderQ()).leftCols(k); }

/// Mean squared error, without the noise, of fresh tasks' coefficients w: ridge on the features A U, from n rows each.
double error_of_new_tasks(const MatrixXd& U, const MatrixXd& truth, double penalty) {
  double sum = 0;
  for (int task = 0; task < 400; ++task) {
    const MatrixXd A = draw(n, d), C = A * U;
    const Vec w = truth * draw(k, 1), y = A * w + noise * draw(n, 1);
    const MatrixXd H = C.transpose() * C / rows + penalty * MatrixXd::Identity(C.cols(), C.cols());
    sum += (U * H.ldlt().solve(C.transpose() * y / rows) - w).squaredNorm() / 400;
  }
  return sum;
}

int main(int argc, char** argv) {
  const int tasks = argc > 1 ? std::atoi(argv[1]) : 60;
  const MatrixXd truth = draw(d, k);  // y = A truth w_t + noise
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto estimator = std::make_shared<ImplicitCgEstimator>();
  std::vector<Summand> parts;
  for (int t = 0; t < tasks; ++t) {
    const MatrixXd A = draw(n, d), B = draw(m, d);
    const Vec w = truth * draw(k, 1);
    Problem task;
    task.f = adapt(Fit{A, A * w + noise * draw(n, 1)});
    task.l = adapt_criterion(HoldOut{B, B * w + noise * draw(m, 1)});
    task.space = space;
    parts.push_back({make_oracle(task, solver, estimator), 1.0 / tasks});
  }
  LbfgsOuter optimizer;
  const Summary run = solve({}, space, *sum_of(std::move(parts)), optimizer, Vec(draw(d, k).reshaped() / 4));
  std::printf("%s\n", run.brief().c_str());
  const MatrixXd U = space.block(run.best.u, "U"), all = MatrixXd::Identity(d, d);
  const double cosine = Eigen::JacobiSVD<MatrixXd>(basis(U).transpose() * basis(truth)).singularValues()[k - 1];
  const double angle = std::acos(std::min(1.0, cosine));
  double raw = 1e300;  // all d features, at the best of some penalties
  for (const double penalty : {1e-3, 1e-2, 1e-1, 1.0}) raw = std::min(raw, error_of_new_tasks(all, truth, penalty));
  const double learned = error_of_new_tasks(U, truth, lambda), right = error_of_new_tasks(truth, truth, lambda);
  std::printf("largest angle between the learned span and the true one: %.3f rad\n", angle);
  std::printf("error of new tasks: %.3g with U learned on %d tasks, %.3g with the true one, ", learned, tasks, right);
  std::printf("%.3g on the raw features, %.3g without a fit\n", raw, truth.squaredNorm());
  return run.usable() && angle < 0.1 && learned < 2 * right && learned < raw / 10 ? 0 : 1;
}
