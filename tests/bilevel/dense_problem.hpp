// A small dense problem written from its formulas, independent of the library's kernels, and readers of the reference data.
#pragma once
#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>

#include <tacit/core/model/model.hpp>

namespace tacit_test {

using namespace tacit;

/// A matrix and a target column from a CSV file of numbers with one header line; the target is the last column.
struct Table {
  Mat x;
  Vec y;
};

inline Table read_table(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path);
  std::string line;
  std::getline(in, line);
  std::vector<std::vector<double>> rows;
  while (std::getline(in, line)) {
    std::vector<double> row;
    const char* at = line.data();
    const char* end = at + line.size();
    while (at < end) {
      double v = 0;
      const auto [next, error] = std::from_chars(*at == '+' ? at + 1 : at, end, v);
      if (error != std::errc()) break;
      row.push_back(v);
      at = next + 1;
    }
    if (!row.empty()) rows.push_back(row);
  }
  Table t;
  const Index n = static_cast<Index>(rows.size()), d = static_cast<Index>(rows.at(0).size()) - 1;
  t.x.resize(n, d);
  t.y.resize(n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < d; ++j) t.x(i, j) = rows[static_cast<std::size_t>(i)].at(static_cast<std::size_t>(j));
    t.y[i] = rows[static_cast<std::size_t>(i)].back();
  }
  return t;
}

/// The rows of the reference split: validation are the rows i with i mod 3 == 2.
inline void split(const Table& all, Table& train, Table& validation) {
  std::vector<Index> in, out;
  for (Index i = 0; i < all.y.size(); ++i) (i % 3 == 2 ? out : in).push_back(i);
  const auto columns = Eigen::seqN(0, all.x.cols());
  train = {all.x(in, columns), all.y(in)};
  validation = {all.x(out, columns), all.y(out)};
}

/// 1/n sum loss(a_i.w, y_i) + sum_j u_j/2 w_j^2; loss: squared error / 2, or log(1 + exp(-y a.w)).
class DenseObjective final : public Objective {
public:
  DenseObjective(Table data, bool logistic, bool per_feature)
      : data_(std::move(data)), logistic_(logistic), per_feature_(per_feature) {
    const Eigen::MatrixXd gram = data_.x.transpose() * data_.x / rows();
    top_ = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(gram).eigenvalues().maxCoeff() * (logistic_ ? 0.25 : 1.0);
  }
  double rows() const { return static_cast<double>(data_.y.size()); }
  Index inner_dim() const override { return data_.x.cols(); }
  Index outer_dim() const override { return per_feature_ ? data_.x.cols() : 1; }
  bool quadratic() const override { return !logistic_; }
  Vec penalty(In u) const { return per_feature_ ? Vec(u) : Vec::Constant(inner_dim(), u[0]); }

  // phi' and phi'' per row.
  void rows_at(In x, Vec& value, Vec& first, Vec& second) const {
    const Vec t = data_.x * x;
    if (!logistic_) {
      first = t - data_.y;
      value = 0.5 * first.array().square();
      second = Vec::Ones(t.size());
      return;
    }
    value.resize(t.size());
    first.resize(t.size());
    second.resize(t.size());
    for (Index i = 0; i < t.size(); ++i) {
      const double m = -data_.y[i] * t[i];
      value[i] = std::max(m, 0.0) + std::log1p(std::exp(-std::abs(m)));
      const double p = m > 0 ? 1 / (1 + std::exp(-m)) : std::exp(m) / (1 + std::exp(m));
      first[i] = -data_.y[i] * p;
      second[i] = p * (1 - p);
    }
  }
  double value(In x, In u) const override {
    Vec v, a, b;
    rows_at(x, v, a, b);
    return v.mean() + 0.5 * penalty(u).dot(x.cwiseAbs2());
  }
  double gradient(In x, In u, Out g) const override {
    Vec v, a, b;
    rows_at(x, v, a, b);
    g = data_.x.transpose() * a / rows() + penalty(u).cwiseProduct(x);
    return v.mean() + 0.5 * penalty(u).dot(x.cwiseAbs2());
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override;
  double smoothness(In u) const override { return top_ + u.maxCoeff(); }
  double convexity(In u) const override { return u.minCoeff(); }
  const Mat& design() const { return data_.x; }
  bool per_feature() const { return per_feature_; }

private:
  Table data_;
  bool logistic_, per_feature_;
  double top_ = 0;
};

class DenseCurvature final : public Curvature {
public:
  DenseCurvature(const DenseObjective& f, Vec x, Vec weight, Vec penalty)
      : f_(f), x_(std::move(x)), weight_(std::move(weight)), penalty_(std::move(penalty)) {}
  void hessian(In p, Out out) const override {
    const Vec t = (f_.design() * p).cwiseProduct(weight_);
    out = f_.design().transpose() * t + penalty_.cwiseProduct(p);
  }
  void cross(In p, Out out) const override {
    if (f_.per_feature())
      out = x_.cwiseProduct(p);
    else
      out[0] = x_.dot(p);
  }
  void cross_t(In w, Out out) const override {
    if (f_.per_feature())
      out = x_.cwiseProduct(w);
    else
      out = x_ * w[0];
  }
  bool diagonal(Out d) const override {
    d = f_.design().cwiseAbs2().transpose() * weight_ + penalty_;
    return true;
  }
  bool dense(OutM h) const override {
    h = f_.design().transpose() * weight_.asDiagonal() * f_.design();
    h.diagonal() += penalty_;
    return true;
  }

private:
  const DenseObjective& f_;
  Vec x_, weight_, penalty_;
};

inline std::unique_ptr<const Curvature> DenseObjective::linearize(In x, In u, FirstOrder* at) const {
  Vec v, a, b;
  rows_at(x, v, a, b);
  if (at) {
    at->value = v.mean() + 0.5 * penalty(u).dot(x.cwiseAbs2());
    at->gradient = data_.x.transpose() * a / rows() + penalty(u).cwiseProduct(x);
  }
  return std::make_unique<DenseCurvature>(*this, x, b / rows(), penalty(u));
}

/// The same mean loss on the validation rows, without penalty.
class DenseCriterion final : public Criterion {
public:
  DenseCriterion(Table data, bool logistic) : f_(std::move(data), logistic, false) {}
  double value(In x, In) const override { return f_.value(x, zero_); }
  double gradient(In x, In, Out gx, Out gu) const override {
    gu.setZero();
    return f_.gradient(x, zero_, gx);
  }

private:
  DenseObjective f_;
  Vec zero_ = Vec::Zero(1);
};

inline Problem dense_problem(const Table& all, bool logistic, bool per_feature, double log_lower, double log_upper) {
  Table train, validation;
  split(all, train, validation);
  Problem p;
  p.name = logistic ? "logistic" : "ridge";
  const auto f = std::make_shared<DenseObjective>(train, logistic, per_feature);
  HyperBlock block;
  block.name = "l2";
  block.size = f->outer_dim();
  block.lower = std::exp(log_lower);
  block.upper = std::exp(log_upper);
  p.f = f;
  p.l = std::make_shared<DenseCriterion>(validation, logistic);
  p.space = HyperSpace({block});
  return p;
}

}  // namespace tacit_test
