// Small problems written as plain structs, for the tests of the core.
#pragma once
#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/model/adapt.hpp>

namespace tacit::test {

/// Deterministic pseudo-random numbers in [-1, 1], the same everywhere.
class Numbers {
public:
  explicit Numbers(unsigned seed) : state_(seed * 2654435761ULL + 88172645463325252ULL) {}
  double next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return 2 * (static_cast<double>(state_ >> 11) / 9007199254740992.0) - 1;
  }
  Vec vec(Index n) {
    Vec v(n);
    for (double& e : v) e = next();
    return v;
  }
  Mat mat(Index n, Index k) {
    Mat m(n, k);
    for (Index i = 0; i < n; ++i) {
      for (double& e : m.row(i)) e = next();
    }
    return m;
  }

private:
  unsigned long long state_;
};

/// 1/(2n) ||Ax - y||^2 + 1/2 sum_j u_j x_j^2 with m = 1 (one weight for all) or m = d (one each).
struct PlainRidge {
  Mat a;
  Vec y;
  Index m = 1;
  double rows() const { return static_cast<double>(a.rows()); }
  Vec weights(const Vec& u) const { return m == 1 ? Vec::Constant(a.cols(), u[0]) : u; }
  Vec fold(const Vec& v) const { return m == 1 ? Vec::Constant(1, v.sum()) : v; }
  Index inner_dim() const { return a.cols(); }
  Index outer_dim() const { return m; }
  double value(const Vec& x, const Vec& u) const {
    return (a * x - y).squaredNorm() / (2 * rows()) + 0.5 * weights(u).dot(x.cwiseAbs2());
  }
  Vec gradient(const Vec& x, const Vec& u) const { return a.transpose() * (a * x - y) / rows() + weights(u).cwiseProduct(x); }
  Vec hessian(const Vec&, const Vec& u, const Vec& p) const {
    return a.transpose() * (a * p) / rows() + weights(u).cwiseProduct(p);
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return fold(x.cwiseProduct(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return weights(w).cwiseProduct(x); }
  double convexity(const Vec& u) const { return u.minCoeff(); }
  bool quadratic() const { return true; }
};

/// 1/n sum log(1 + exp(-y_i a_i x)) + 1/2 sum_j u_j x_j^2.
struct PlainLogistic {
  Mat a;
  Vec y;
  Index m = 1;
  double rows() const { return static_cast<double>(a.rows()); }
  Vec weights(const Vec& u) const { return m == 1 ? Vec::Constant(a.cols(), u[0]) : u; }
  Vec fold(const Vec& v) const { return m == 1 ? Vec::Constant(1, v.sum()) : v; }
  Vec margins(const Vec& x) const { return y.cwiseProduct(a * x); }
  Index inner_dim() const { return a.cols(); }
  Index outer_dim() const { return m; }
  double value(const Vec& x, const Vec& u) const {
    double sum = 0;
    for (const double t : margins(x)) sum += std::max(0.0, -t) + std::log1p(std::exp(-std::abs(t)));
    return sum / rows() + 0.5 * weights(u).dot(x.cwiseAbs2());
  }
  Vec gradient(const Vec& x, const Vec& u) const {
    const Vec s = margins(x).unaryExpr([](double t) { return -1 / (1 + std::exp(t)); });
    return a.transpose() * s.cwiseProduct(y) / rows() + weights(u).cwiseProduct(x);
  }
  Vec second(const Vec& x) const {
    return margins(x).unaryExpr([](double t) {
      const double e = std::exp(-std::abs(t));
      return e / ((1 + e) * (1 + e));
    });
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return a.transpose() * second(x).cwiseProduct(a * p) / rows() + weights(u).cwiseProduct(p);
  }
  Vec hessian_diagonal(const Vec& x, const Vec& u) const { return a.cwiseAbs2().transpose() * second(x) / rows() + weights(u); }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return fold(x.cwiseProduct(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return weights(w).cwiseProduct(x); }
  double convexity(const Vec& u) const { return u.minCoeff(); }
};

/// 1/2 ||x - t||^2.
struct PlainDistance {
  Vec t;
  double value(const Vec& x, const Vec&) const { return 0.5 * (x - t).squaredNorm(); }
  Vec gradient_x(const Vec& x, const Vec&) const { return x - t; }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

/// |A x - b|^2 / 2 + lambda |x - u|^2 / 2, as iMAML has it, and |C x - d|^2 / 2 + |u|^2 / 100.
struct Proximal {
  Mat a;
  Vec b;
  double lambda = 0.5;
  Index inner_dim() const { return a.cols(); }
  Index outer_dim() const { return a.cols(); }
  double value(const Vec& x, const Vec& u) const { return (a * x - b).squaredNorm() / 2 + lambda * (x - u).squaredNorm() / 2; }
  Vec gradient(const Vec& x, const Vec& u) const { return a.transpose() * (a * x - b) + lambda * (x - u); }
  Vec hessian(const Vec&, const Vec&, const Vec& p) const { return a.transpose() * (a * p) + lambda * p; }
  Vec cross(const Vec&, const Vec&, const Vec& p) const { return -lambda * p; }
  Vec cross_t(const Vec&, const Vec&, const Vec& w) const { return -lambda * w; }
};
struct ProximalLoss {
  Mat c;
  Vec d;
  double value(const Vec& x, const Vec& u) const { return (c * x - d).squaredNorm() / 2 + u.squaredNorm() / 100; }
  Vec gradient_x(const Vec& x, const Vec&) const { return c.transpose() * (c * x - d); }
  Vec gradient_u(const Vec&, const Vec& u) const { return u / 50; }
};

/// x_0 = u
class StartAtU final : public Start {
public:
  void point(In u, Out x) const override { x = u; }
  void vjp(In, In p, Out add_u) const override { add_u += p; }
  void jvp(In, InM du, OutM dx) const override { dx = du; }
};

/// Log-scaled hyperparameters in [1e-12, 1e12].
template <class F>
Problem plain_problem(std::string name, F f) {
  Problem p;
  p.name = std::move(name);
  const Index n = f.inner_dim(), m = f.outer_dim();
  p.f = adapt(std::move(f));
  p.l = adapt_criterion(PlainDistance{Numbers(99).vec(n)});
  p.space = HyperSpace({HyperBlock{"u", m, Scale::log, 1e-12, 1e12}});
  return p;
}

/// Rows of data with columns of different size, so that the Hessian is not too well conditioned.
inline Mat uneven_data(Index n, Index d, unsigned seed) {
  Mat a = Numbers(seed).mat(n, d);
  for (Index j = 0; j < d; ++j) a.col(j) *= 1.5 / (1.0 + 0.4 * static_cast<double>(j));
  return a;
}

inline Problem ridge_problem(Index m_is_d = 0) {
  const Mat a = uneven_data(40, 8, 3);
  return plain_problem("ridge", PlainRidge{a, a * Numbers(5).vec(8) + 0.3 * Numbers(7).vec(40), m_is_d ? 8 : 1});
}

inline Problem logistic_problem(Index m_is_d = 0) {
  const Mat a = uneven_data(60, 8, 11);
  const Vec noisy = a * Numbers(13).vec(8) + 0.5 * Numbers(17).vec(60);
  return plain_problem("logistic",
                       PlainLogistic{a, noisy.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; }), m_is_d ? 8 : 1});
}

/// A numeric CSV file with one header line.
inline Mat read_numbers(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot open " + path);
  std::string line;
  std::getline(in, line);
  std::vector<std::vector<double>> rows;
  while (std::getline(in, line)) {
    std::vector<double> row;
    const char* at = line.data();
    const char* const end = at + line.size();
    while (at < end) {
      double v = 0;
      const auto r = std::from_chars(at, end, v);
      if (r.ec != std::errc()) throw std::runtime_error("not a number in " + path);
      row.push_back(v);
      at = r.ptr + 1;
    }
    rows.push_back(std::move(row));
  }
  Mat m(static_cast<Index>(rows.size()), static_cast<Index>(rows.front().size()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j) m(static_cast<Index>(i), static_cast<Index>(j)) = rows[i][j];
  return m;
}

/// The given rows of a table, target last.
inline std::pair<Mat, Vec> rows_where(const Mat& table, bool validation) {
  std::vector<Index> keep;
  for (Index i = 0; i < table.rows(); ++i)
    if ((i % 3 == 2) == validation) keep.push_back(i);
  Mat a(static_cast<Index>(keep.size()), table.cols() - 1);
  Vec y(a.rows());
  for (Index i = 0; i < a.rows(); ++i) {
    a.row(i) = table.row(keep[static_cast<std::size_t>(i)]).head(a.cols());
    y[i] = table(keep[static_cast<std::size_t>(i)], a.cols());
  }
  return {a, y};
}

/// The reference split: validation = rows i with i mod 3 = 2.
inline std::pair<Mat, Vec> training_rows(const Mat& table) { return rows_where(table, false); }
inline std::pair<Mat, Vec> validation_rows(const Mat& table) { return rows_where(table, true); }

}  // namespace tacit::test
