// Softmax regression with one weight a sample, as an objective of one's own.
//
//   f(x, u) = 1/n sum_i u_i loss_i(x) + rho/2 |x|^2,  loss_i(x) = -ln softmax(X' a_i)[label_i],  X: x as a matrix, a column a
//   class
//
// With P = softmax(A X), Y the labels as unit rows and E_i = P_i - Y_i:
//   f_x = A' diag(u) E / n + rho X,   f_xx V = A' diag(u) dP / n + rho V  with dP_i = P_i o (Z_i - P_i . Z_i), Z = A V,
//   f_ux V = (E_i . Z_i) / n,         f_xu w = A' diag(w) E / n.
#pragma once
#include <tacit/core/model/adapt.hpp>
#include <vector>

struct Rows {  // a sample a row, the last column 1
  Eigen::MatrixXd A;
  std::vector<tacit::Index> label;
  tacit::Index size() const { return A.rows(); }
  Eigen::Map<const Eigen::MatrixXd> matrix(const tacit::Vec& x) const { return {x.data(), A.cols(), 10}; }
  Eigen::MatrixXd probabilities(const tacit::Vec& x) const {
    Eigen::MatrixXd P = A * matrix(x);
    P = (P.colwise() - P.rowwise().maxCoeff()).array().exp();
    return P.array().colwise() / P.rowwise().sum().array();
  }
  Eigen::MatrixXd errors(const tacit::Vec& x) const {  // E
    Eigen::MatrixXd E = probabilities(x);
    for (tacit::Index i = 0; i < size(); ++i) E(i, label[i]) -= 1;
    return E;
  }
  tacit::Vec losses(const tacit::Vec& x) const {
    const Eigen::MatrixXd Z = A * matrix(x);
    const tacit::Vec top = Z.rowwise().maxCoeff();
    tacit::Vec loss = top.array() + (Z.colwise() - top).array().exp().rowwise().sum().log();
    for (tacit::Index i = 0; i < size(); ++i) loss[i] -= Z(i, label[i]);
    return loss;
  }
  double accuracy(const tacit::Vec& x) const {
    const Eigen::MatrixXd Z = A * matrix(x);
    tacit::Index right = 0, best = 0;
    for (tacit::Index i = 0; i < size(); ++i) Z.row(i).maxCoeff(&best), right += best == label[i];
    return double(right) / double(size());
  }
  /// A' diag(w) E / n as a vector.
  tacit::Vec weighted(const tacit::Vec& w, const Eigen::MatrixXd& E) const {
    const Eigen::MatrixXd G = A.transpose() * (w.asDiagonal() * E) / double(size());
    return G.reshaped();
  }
};

struct Weighted {  // inner
  Rows rows;
  double rho = 1e-3;
  tacit::Index inner_dim() const { return 10 * rows.A.cols(); }
  tacit::Index outer_dim() const { return rows.size(); }
  double convexity(const tacit::Vec&) const { return rho; }
  double smoothness(const tacit::Vec& u) const { return u.dot(rows.A.rowwise().squaredNorm()) / double(2 * rows.size()) + rho; }
  double value(const tacit::Vec& x, const tacit::Vec& u) const {
    return u.dot(rows.losses(x)) / double(rows.size()) + rho * x.squaredNorm() / 2;
  }
  tacit::Vec gradient(const tacit::Vec& x, const tacit::Vec& u) const { return rows.weighted(u, rows.errors(x)) + rho * x; }
  tacit::Vec hessian(const tacit::Vec& x, const tacit::Vec& u, const tacit::Vec& p) const {
    const Eigen::MatrixXd P = rows.probabilities(x), Z = rows.A * rows.matrix(p);
    const tacit::Vec mean = P.cwiseProduct(Z).rowwise().sum();
    return rows.weighted(u, P.cwiseProduct(Z.colwise() - mean)) + rho * p;
  }
  tacit::Vec cross(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& p) const {
    return rows.errors(x).cwiseProduct(rows.A * rows.matrix(p)).rowwise().sum() / double(rows.size());
  }
  tacit::Vec cross_t(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& w) const {
    return rows.weighted(w, rows.errors(x));
  }
};

struct CleanLoss {  // outer
  Rows rows;
  double least() const { return 0; }
  double value(const tacit::Vec& x, const tacit::Vec&) const { return rows.losses(x).mean(); }
  tacit::Vec gradient_x(const tacit::Vec& x, const tacit::Vec&) const {
    return rows.weighted(tacit::Vec::Ones(rows.size()), rows.errors(x));
  }
  tacit::Vec gradient_u(const tacit::Vec&, const tacit::Vec& u) const { return tacit::Vec::Zero(u.size()); }
};
