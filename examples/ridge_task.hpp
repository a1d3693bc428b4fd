// A task for the examples: ridge regression with one penalty a feature, on data of its own.
#pragma once
#include <memory>
#include <random>
#include <tacit/core/model/adapt.hpp>

struct Ridge {  // inner: f(x, u) = |A x - y|^2 / 2n + sum_j u_j x_j^2 / 2
  Eigen::MatrixXd A;
  tacit::Vec y;
  double n() const { return double(y.size()); }
  tacit::Index inner_dim() const { return A.cols(); }
  tacit::Index outer_dim() const { return A.cols(); }
  double value(const tacit::Vec& x, const tacit::Vec& u) const {
    return (A * x - y).squaredNorm() / (2 * n()) + u.dot(x.cwiseAbs2()) / 2;
  }
  tacit::Vec gradient(const tacit::Vec& x, const tacit::Vec& u) const {
    return A.transpose() * (A * x - y) / n() + u.cwiseProduct(x);
  }
  tacit::Vec hessian(const tacit::Vec&, const tacit::Vec& u, const tacit::Vec& p) const {
    return A.transpose() * (A * p) / n() + u.cwiseProduct(p);
  }
  tacit::Vec cross(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& p) const { return x.cwiseProduct(p); }
  tacit::Vec cross_t(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& w) const { return x.cwiseProduct(w); }
};

struct HoldOut {  // outer: l(x) = |B x - z|^2 / 2m
  Eigen::MatrixXd B;
  tacit::Vec z;
  double value(const tacit::Vec& x, const tacit::Vec&) const { return (B * x - z).squaredNorm() / double(2 * z.size()); }
  tacit::Vec gradient_x(const tacit::Vec& x, const tacit::Vec&) const { return B.transpose() * (B * x - z) / double(z.size()); }
  tacit::Vec gradient_u(const tacit::Vec&, const tacit::Vec& u) const { return tacit::Vec::Zero(u.size()); }
};

/// 20 rows to train on and 20 to judge by; of 12 features only the first four matter, in every task with other weights.
inline tacit::Problem make_task(unsigned seed) {
  const tacit::Index rows = 20, features = 12, useful = 4;
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const auto draw = [&] { return normal(random); };
  const Eigen::MatrixXd A = Eigen::MatrixXd::NullaryExpr(rows, features, draw),
                        B = Eigen::MatrixXd::NullaryExpr(rows, features, draw);
  tacit::Vec w = tacit::Vec::Zero(features);
  w.head(useful) = tacit::Vec::NullaryExpr(useful, draw);
  tacit::Problem task;
  task.name = "task " + std::to_string(seed);
  task.f = tacit::adapt(Ridge{A, A * w + 0.5 * tacit::Vec::NullaryExpr(rows, draw)});
  task.l = tacit::adapt_criterion(HoldOut{B, B * w + 0.5 * tacit::Vec::NullaryExpr(rows, draw)});
  task.space = tacit::HyperSpace({{"penalty", features, tacit::Scale::log, 1e-4, 1e2}});
  return task;
}
