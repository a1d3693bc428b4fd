// Hyper-cleaning of digits (Franceschi et al. 2017): half of the labels are wrong, and one weight a sample is to find out which.
//
//   x*(u) = argmin_x  1/n sum_i u_i loss_i(x) + rho/2 |x|^2     softmax regression (weighted_softmax.hpp)
//   minimize over u in (0, 1)^n  mean loss of x*(u) on clean rows
//
// As many weights as samples overfit the clean rows in the end. An observer looks at other clean rows and stops.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/models/metrics.hpp>
#include <vector>
#include "weighted_softmax.hpp"
using namespace tacit;

namespace {

struct Result {
  double auc, accuracy, right_half, clean_rows, all;
};

/// One seed; `all`: the observer does not stop the run, so that the table shows what comes after.
Result clean(const Dataset& digits, unsigned seed, bool all) {
  std::mt19937 random(seed);
  std::vector<Index> order(digits.rows());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  const auto take = [&](Index first, Index count) {
    Rows r{Eigen::MatrixXd::Ones(count, digits.x.cols() + 1), std::vector<Index>(count)};
    for (Index i = 0; i < count; ++i) {
      r.A.row(i).head(digits.x.cols()) = digits.x.dense.row(order[first + i]) / 16;
      r.label[i] = Index(digits.y[order[first + i]]);
    }
    return r;
  };
  Rows train = take(0, 600);
  const Rows outer = take(600, 400), aside = take(1000, 200), test = take(1200, digits.rows() - 1200);
  const Index n = train.size();
  Vec wrong = Vec::Constant(n, -1);  // +1: the label is wrong
  for (Index i = 0; i < n / 2; ++i) wrong[i] = 1, train.label[i] = (train.label[i] + 1 + Index(random() % 9)) % 10;

  Problem problem;
  problem.f = adapt(Weighted{train});
  problem.l = adapt_criterion(CleanLoss{outer});
  problem.space = HyperSpace({{"weight", n, Scale::logit, 1e-4, 1 - 1e-4}});
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto trained_on = [&](const Rows& rows, const Vec& u) {
    Problem p = problem;
    p.f = adapt(Weighted{rows});
    return test.accuracy(solver->solve(p, u, nullptr, {1e-6}, {}).x());
  };

  Result result{0, 0, trained_on(train, (1 - wrong.array()) / 2), trained_on(outer, Vec::Ones(outer.size())),
                trained_on(train, Vec::Ones(n))};
  double least = std::numeric_limits<double>::infinity();
  std::printf("seed %u\nstep  loss on clean rows  on those kept aside  AUC of the weights  test accuracy\n", seed);
  const Observer watch = [&](const StepRecord& record, const Evaluation& e) {
    const Vec x = e.state->inner.x();
    const double loss = aside.losses(x).mean(), area = auc(wrong, -record.u, Vec::Ones(n)), accuracy = test.accuracy(x);
    const bool better = loss < least;
    if (better) least = loss, result.auc = area, result.accuracy = accuracy;
    std::printf("%4td %20.4f %20.4f %19.4f %14.4f\n", record.step, record.outer_loss, loss, area, accuracy);
    return better || all ? Onward::go_on : Onward::stop;
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
  Result mean{};
  for (int seed = 1; seed <= seeds; ++seed) {
    const Result r = clean(digits, unsigned(seed), argc > 3);
    mean = {mean.auc + r.auc / seeds, mean.accuracy + r.accuracy / seeds, mean.right_half + r.right_half / seeds,
            mean.clean_rows + r.clean_rows / seeds, mean.all + r.all / seeds};
  }
  std::printf(
      "AUC %.4f; test accuracy %.4f; of training on the half with right labels %.4f, on the clean rows %.4f, on all labels "
      "%.4f\n",
      mean.auc, mean.accuracy, mean.right_half, mean.clean_rows, mean.all);
  return mean.auc >= 0.95 && mean.accuracy >= std::max(mean.right_half, mean.clean_rows) - 0.02 ? 0 : 1;
}
