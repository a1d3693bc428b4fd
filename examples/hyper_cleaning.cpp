// Hyper-cleaning of digits (Franceschi et al. 2017): half of the labels are wrong, and one weight a sample is to find out which.
//
//   x*(u) = argmin_x  1/n sum_i u_i loss_i(x) + rho/2 |x|^2,  loss_i(x) = -ln softmax(X' a_i)[label_i]     softmax regression
//   minimize over u in (0, 1)^n  mean loss of x*(u) on clean rows
//
// With P = softmax(A X), Y the labels as unit rows and E_i = P_i - Y_i:
//   f_x = A' diag(u) E / n + rho X,   f_xx V = A' diag(u) dP / n + rho V  with dP_i = P_i o (Z_i - P_i . Z_i), Z = A V,
//   f_ux V = (E_i . Z_i) / n,         f_xu w = A' diag(w) E / n.
// As many weights as samples overfit the clean rows in the end. An observer looks at other clean rows and stops.
#include <cstdio>
#include <cstdlib>
#include <algorithm>
#include <numeric>
#include <random>
#include <vector>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/models/metrics.hpp>
using namespace tacit;
using Eigen::MatrixXd;

namespace {

struct Rows {  // a sample a row, the last column 1
  MatrixXd A;
  std::vector<Index> label;
  Index size() const { return A.rows(); }
  Eigen::Map<const MatrixXd> matrix(const Vec& x) const { return {x.data(), A.cols(), 10}; }
  MatrixXd probabilities(const Vec& x) const {
    MatrixXd P = A * matrix(x);
    P = (P.colwise() - P.rowwise().maxCoeff()).array().exp();
    return P.array().colwise() / P.rowwise().sum().array();
  }
  MatrixXd errors(const Vec& x) const {  // E
    MatrixXd E = probabilities(x);
    for (Index i = 0; i < size(); ++i) E(i, label[i]) -= 1;
    return E;
  }
  Vec losses(const Vec& x) const {
    const MatrixXd Z = A * matrix(x);
    const Vec top = Z.rowwise().maxCoeff();
    Vec loss = top.array() + (Z.colwise() - top).array().exp().rowwise().sum().log();
    for (Index i = 0; i < size(); ++i) loss[i] -= Z(i, label[i]);
    return loss;
  }
  double accuracy(const Vec& x) const {
    const MatrixXd Z = A * matrix(x);
    Index right = 0, best = 0;
    for (Index i = 0; i < size(); ++i) Z.row(i).maxCoeff(&best), right += best == label[i];
    return double(right) / double(size());
  }
  /// A' diag(w) E / n as a vector.
  Vec weighted(const Vec& w, const MatrixXd& E) const {
    const MatrixXd G = A.transpose() * (w.asDiagonal() * E) / double(size());
    return G.reshaped();
  }
};

struct Weighted {  // inner
  Rows rows;
  double rho = 1e-3;
  Index inner_dim() const { return 10 * rows.A.cols(); }
  Index outer_dim() const { return rows.size(); }
  double convexity(const Vec&) const { return rho; }
  double smoothness(const Vec& u) const { return u.dot(rows.A.rowwise().squaredNorm()) / double(2 * rows.size()) + rho; }
  double value(const Vec& x, const Vec& u) const { return u.dot(rows.losses(x)) / double(rows.size()) + rho * x.squaredNorm() / 2; }
  Vec gradient(const Vec& x, const Vec& u) const { return rows.weighted(u, rows.errors(x)) + rho * x; }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    const MatrixXd P = rows.probabilities(x), Z = rows.A * rows.matrix(p);
    const Vec mean = P.cwiseProduct(Z).rowwise().sum();
    return rows.weighted(u, P.cwiseProduct(Z.colwise() - mean)) + rho * p;
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const {
    return rows.errors(x).cwiseProduct(rows.A * rows.matrix(p)).rowwise().sum() / double(rows.size());
  }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return rows.weighted(w, rows.errors(x)); }
};

struct CleanLoss {  // outer
  Rows rows;
  double least() const { return 0; }
  double value(const Vec& x, const Vec&) const { return rows.losses(x).mean(); }
  Vec gradient_x(const Vec& x, const Vec&) const { return rows.weighted(Vec::Ones(rows.size()), rows.errors(x)); }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

struct Result {
  double auc, accuracy, with_clean, with_all;
};

/// One seed; `all`: the observer does not stop the run, so that the table shows what comes after.
Result clean(const Dataset& digits, unsigned seed, bool all) {
  std::mt19937 random(seed);
  std::vector<Index> order(digits.rows());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  const auto take = [&](Index first, Index count) {
    Rows r{MatrixXd::Ones(count, digits.x.cols() + 1), std::vector<Index>(count)};
    for (Index i = 0; i < count; ++i) {
      r.A.row(i).head(digits.x.cols()) = digits.x.dense.row(order[first + i]) / 16;
      r.label[i] = Index(digits.y[order[first + i]]);
    }
    return r;
  };
  Rows train = take(0, 600);
  const Rows outer = take(600, 300), aside = take(900, 200), test = take(1100, digits.rows() - 1100);
  const Index n = train.size();
  Vec wrong = Vec::Constant(n, -1);  // +1: the label is wrong
  for (Index i = 0; i < n / 2; ++i) wrong[i] = 1, train.label[i] = (train.label[i] + 1 + Index(random() % 9)) % 10;

  Problem problem;
  problem.f = adapt(Weighted{train});
  problem.l = adapt_criterion(CleanLoss{outer});
  problem.space = HyperSpace({{"weight", n, Scale::logit, 1e-4, 1 - 1e-4}});
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto trained_with = [&](const Vec& u) { return test.accuracy(solver->solve(problem, u, nullptr, {1e-6}, {}).x()); };

  Result result{0, 0, trained_with((1 - wrong.array()) / 2), trained_with(Vec::Ones(n))};
  double least = std::numeric_limits<double>::infinity();
  Index since = 0;
  std::printf("seed %u\nstep  loss on clean rows  on those kept aside  AUC of the weights  test accuracy\n", seed);
  const Observer watch = [&](const StepRecord& record, const Evaluation& e) {
    const Vec x = e.state->inner.x();
    const double loss = aside.losses(x).mean(), area = auc(wrong, -record.u, Vec::Ones(n)), accuracy = test.accuracy(x);
    const bool better = loss < least;
    since = better ? 0 : since + 1;
    if (better) least = loss, result.auc = area, result.accuracy = accuracy;
    std::printf("%4td %20.4f %20.4f %19.4f %14.4f\n", record.step, record.outer_loss, loss, area, accuracy);
    return since < 2 || all ? Onward::go_on : Onward::stop;
  };
  DriverOptions options;
  options.max_steps = 30;
  LbfgsOuter optimizer;
  const auto oracle = make_oracle(problem, solver, std::make_shared<ImplicitCgEstimator>());
  const Summary summary = solve(options, problem.space, *oracle, optimizer, Vec::Zero(n), {watch});
  std::printf("%s\n", summary.message.c_str());
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: hyper_cleaning DIGITS [SEEDS [all]]\n"), 2;
  DataOptions from;
  from.train = argv[1];
  from.target_kind = TargetKind::classes;
  const Dataset digits = load_dataset(from);
  const int seeds = argc > 2 ? std::atoi(argv[2]) : 1;
  Result mean{0, 0, 0, 0};
  for (int seed = 1; seed <= seeds; ++seed) {
    const Result r = clean(digits, unsigned(seed), argc > 3);
    mean = {mean.auc + r.auc / seeds, mean.accuracy + r.accuracy / seeds, mean.with_clean + r.with_clean / seeds,
            mean.with_all + r.with_all / seeds};
  }
  std::printf("AUC %.4f; test accuracy %.4f, of training on the clean half alone %.4f, on all labels %.4f\n", mean.auc, mean.accuracy,
              mean.with_clean, mean.with_all);
  return mean.auc >= 0.95 && mean.accuracy >= mean.with_clean - 0.02 ? 0 : 1;
}
