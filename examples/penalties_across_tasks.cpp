// One penalty per feature, learned across related tasks: which features matter is common to all, how they matter is each task's
// own. Two classes from few rows a task, y = -1 or +1, A_t: n x d, coefficients w_j of size s_j:
//
//   x_t*(u) = argmin over x of  f_t(x, u) = 1/n sum_i log(1 + exp(-y_i a_i x)) + sum_j u_j/2 x_j^2         u in R^d, u > 0
//   min over u of  1/T sum_t l_t(x_t*(u)),   l_t(x) = 1/m sum_i log(1 + exp(-z_i b_i x))                   on its hold-out rows
//
// For coefficients that are normal with variance s_j^2 the posterior mode has u_j = 1 / (n s_j^2): the right penalties are known,
// and the tasks should find their order of magnitude. The loss of a row comes through the loss door, phi(z, y) = log(1 + exp(-y
// z)).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/linear/loss_door.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/criteria.hpp>
using namespace tacit;

constexpr Index d = 20, n = 40, m = 40;  // features, rows to fit, rows to judge by
constexpr double rows = n;
const auto loss =
    make_loss([](auto z, double y) { return softplus(-y * z); }, {.curvature_bound = 0.25, .convex = true, .least = 0});
const auto solver = std::make_shared<NewtonCgSolver>();

std::mt19937 random_engine(11);
double normal() { return std::normal_distribution<double>()(random_engine); }

/// Features 0 .. 4 matter, the others hardly.
const Vec s = Vec::NullaryExpr(d, [](Index j) { return j < 5 ? 2.0 : 0.05; });

struct Task {
  Problem problem;
  const HoldoutLoss* judge;
};

/// u: one penalty for all features (groups = 1), or one each.
Task make_task(const Vec& w, Index groups, Index judged) {
  const auto data = std::make_shared<Mat>(Mat::NullaryExpr(n + judged, d, [] { return normal(); }));
  const Vec y = (*data * w).unaryExpr(
      [](double z) { return std::uniform_real_distribution<double>()(random_engine) < sigmoid(z) ? 1.0 : -1.0; });
  std::vector<Index> index(d);
  for (Index j = 0; j < d; ++j) index[static_cast<std::size_t>(j)] = groups == 1 ? 0 : j;
  const Design all{std::shared_ptr<const Mat>(data)};
  Task task;
  task.problem.f = std::make_shared<LinearModel>(all.row_range(0, n), loss, y.head(n), Vec::Constant(n, 1 / rows),
                                                 Penalty(index, Vec::Zero(d), groups));
  auto judge = std::make_shared<HoldoutLoss>(all.row_range(n, judged), loss, y.tail(judged), Vec::Ones(judged));
  task.judge = judge.get();
  task.problem.l = std::move(judge);
  task.problem.space = HyperSpace({HyperBlock{"penalty", groups, Scale::log, 1e-4, 1e2}});
  return task;
}
Vec coefficients() {
  return s.unaryExpr([](double size) { return size * normal(); });
}

/// u that is best for the hold-out rows of all tasks together; the same tasks for any number of penalties.
Summary learn(int tasks, Index groups) {
  random_engine.seed(11);
  std::vector<Summand> parts;
  for (int t = 0; t < tasks; ++t)
    parts.push_back({make_oracle(make_task(coefficients(), groups, m).problem, solver, std::make_shared<ImplicitCgEstimator>()),
                     1.0 / tasks});
  LbfgsOuter optimizer;
  const HyperSpace space({HyperBlock{"penalty", groups, Scale::log, 1e-4, 1e2}});
  return solve({}, space, *sum_of(std::move(parts)), optimizer, Vec::Constant(groups, std::log(0.1)));
}

/// Mean loss on many rows of new tasks that are fitted with these penalties.
double loss_of_new_tasks(const Vec& u) {
  random_engine.seed(12);
  double sum = 0;
  for (int t = 0; t < 200; ++t) {
    const Task task = make_task(coefficients(), d, 1000);
    const InnerSolution x = solver->solve(task.problem, u, nullptr, {1e-8}, {});
    sum += task.judge->value(x.x(), u) / 200;
  }
  return sum;
}

int main(int argc, char** argv) {
  const int tasks = argc > 1 ? std::atoi(argv[1]) : 60;
  const Summary each = learn(tasks, d), one = learn(tasks, 1);
  std::printf("%s\n", each.brief().c_str());
  const Vec right = 1 / (rows * s.array().square());
  const double mean_low = std::exp(each.best.u.head(5).array().log().mean()),
               mean_high = std::exp(each.best.u.tail(15).array().log().mean());
  std::printf("penalties learned on %d tasks: %.3g for features that matter (right: %.3g), %.3g for the others (right: %.3g)\n",
              tasks, mean_low, right[0], mean_high, right[d - 1]);
  const double own = loss_of_new_tasks(each.best.u), common = loss_of_new_tasks(Vec::Constant(d, one.best.u[0])),
               best = loss_of_new_tasks(right);
  std::printf(
      "loss of new tasks from %ld rows: %.4f with them, %.4f with the one best penalty (%.3g), %.4f with the right ones\n",
      static_cast<long>(n), own, common, one.best.u[0], best);
  return each.usable() && one.usable() && own < common && own - best < 0.25 * (common - best) ? 0 : 1;
}
