// Does `window: auto` meet its target, and what does it cost? Ten inner problems (ridge and logistic regression; diabetes, breast
// cancer, synthetic data with condition numbers 1e2 to 1e4), each from x = 0 and from a start ten times as far off in a random
// direction, with three maps and three targets: 180 runs of one hypergradient from a cold start, nothing known before. The error
// is the true one, in theta. Costs are gradients plus Hessian products, calibration included; beside them the least cost at which
// a full unroll and conjugate gradients on the adjoint equation reach the very error that the automatic window reached, which
// only hindsight can know, and the cost and error of `auto` with CG at the same target. Prints markdown tables. Arguments: FIRST
// COUNT, the first seed and how many; a seed draws the synthetic data, the penalties and the far start. Seed 0 is the set that
// the rules were tuned on. More than one seed: the summary alone, without the costs in hindsight. Or `runs`: whole warm-started
// runs of shipped run files, each row's hypergradient against its reference.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "shipped.hpp"

namespace {

using namespace tacit;

struct Case {
  std::string label;
  Problem problem;
  Vec u;
};

/// The training problem of a shipped run, all penalties alike; without intercept, so that heavy ball can choose its
/// momentum.
Case of_run(const std::string& name, double l2, std::mt19937_64& random) {
  shipped::Choices c = shipped::choices(name, TACIT_SOURCE_DIR);
  c.prepare.model.intercept = false;
  const Problem p = shipped::Run(c).problem();
  return {name, p, Vec::Constant(p.space.size(), l2 * std::pow(10.0, std::uniform_real_distribution<double>(-1, 1)(random)))};
}

/// 150 training and 100 validation rows, 30 features with a penalty each, which spread over a factor 10; column scales such that
/// f_xx has about this condition number, penalties included.
Case synthetic(bool logistic, double condition, unsigned seed) {
  constexpr Index kFeatures = 30;
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const auto draw = [&](Index rows, Index columns) {
    Mat m(rows, columns);
    for (double& v : m.reshaped()) v = normal(random);
    return m;
  };
  const Vec truth = draw(kFeatures, 1).col(0);
  const auto part = [&](Index rows) {
    Mat a = draw(rows, kFeatures);
    const Vec signal = a * truth;
    for (Index j = 0; j < kFeatures; ++j)
      a.col(j) *= std::pow(condition, -0.5 * static_cast<double>(j) / static_cast<double>(kFeatures - 1));
    Vec y = signal + 3 * draw(rows, 1).col(0);
    if (logistic) y = y.unaryExpr([](double v) { return v > 0 ? 1.0 : -1.0; });
    return std::pair(Design(std::make_shared<const Mat>(std::move(a))), std::move(y));
  };
  ModelParts parts;
  std::tie(parts.train, parts.y) = part(150);
  std::tie(parts.validation, parts.validation_y) = part(100);
  ModelOptions options;
  options.intercept = false;
  options.per = PenaltyPer::feature;
  Case c{std::string(logistic ? "logistic" : "ridge") + ", condition " + std::to_string(static_cast<long>(condition)), {}, {}};
  c.problem = make_task(logistic ? "logistic" : "ridge")->make(parts, options);
  const double l2 = c.problem.f->smoothness(Vec::Zero(kFeatures)) / condition;
  c.u.resize(kFeatures);
  for (Index j = 0; j < kFeatures; ++j) c.u[j] = l2 * std::pow(10.0, std::uniform_real_distribution<double>(0, 1)(random));
  return c;
}

/// What is known in hindsight about one problem, start and map.
struct Run {
  Problem problem;
  Vec u;
  std::string map;
  Vec truth;  ///< in theta
};

double error_of(const Run& r, In gradient) {
  Vec theta(r.u.size()), g(r.u.size());
  r.problem.space.from_model(r.u, theta);
  r.problem.space.pull_back(theta, gradient, g);
  return (g - r.truth).norm() / r.truth.norm();
}

struct Outcome {
  double error = 0;
  std::int64_t work = 0;
  Index steps = 0, states = 0, taped = 0, terms = 0;
  Status status = Status::not_run;
};

std::unique_ptr<InnerSolver> solver_of(const std::string& map, Index max_steps) {
  Registry<Algorithm> algorithms("algorithm", "inner.solver");
  register_algorithms(algorithms);
  auto solver = std::make_unique<IterateSolver>(algorithms.make(map));
  solver->options.max_steps = max_steps;
  solver->options.tolerance = 1e-12;
  return solver;
}

Outcome automatic(const Run& r, HypergradientEstimator& estimator, double target) {
  estimator.aim(target);
  auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(r.problem, counter);
  const auto solver = solver_of(r.map, 1000000);
  Calibration calibration;
  const Accuracy asked{1e-12};
  InnerSolution inner = solve_as_planned(p, r.u, *solver, estimator, nullptr, calibration, asked);
  const Hypergradient h =
      estimate_as_planned(p, r.u, *solver, estimator, inner, nullptr, calibration, asked, estimator.tolerance());
  Outcome o;
  o.error = error_of(r, h.gradient);
  o.work = counter->read().inner_units();
  o.steps = inner.steps;
  o.states = inner.tape ? static_cast<Index>(inner.tape->bytes() / sizeof(double)) / inner.map->state_dim() : 0;
  o.taped = h.window;
  o.terms = h.linear_steps;
  o.status = h.status;
  return o;
}

/// The error of the hypergradient after k = 1, 2, ... steps, unrolled in full (forward mode over all hyperparameters) until it is
/// at most `least` for good.
std::vector<double> unrolled_errors(const Run& r, double least) {
  const auto map = std::move(*solver_of(r.map, 1)).solve(r.problem, r.u, nullptr, {0}, {}).map;
  const Index n = map->inner_dim(), m = r.u.size(), s = map->state_dim();
  Vec z(s), next(s), lx(n), lu(m);
  map->lift(r.problem.cold_start(r.u), z);
  Mat dz = Mat::Zero(s, m), dnext(s, m);
  const Mat du = Mat::Identity(m, m);
  std::vector<double> errors;
  for (Index k = 0, good = 0; k < 400000 && good < 50; ++k) {
    map->step_tangents(k, z, r.u, dz, du, next, dnext);
    z.swap(next);
    dz.swap(dnext);
    r.problem.l->gradient(z.head(n), r.u, lx, lu);
    errors.push_back(error_of(r, lu + dz.topRows(n).transpose() * lx));
    good = errors.back() <= least ? good + 1 : 0;
  }
  return errors;
}

/// Steps after which all errors are at most this; 0: none.
Index steps_to(const std::vector<double>& errors, double error) {
  Index k = static_cast<Index>(errors.size());
  while (k > 0 && errors[static_cast<std::size_t>(k - 1)] <= error) --k;
  return k == static_cast<Index>(errors.size()) ? 0 : k + 1;
}

/// Least gradients plus products with which CG on the adjoint equation at some iterate x_k reaches an error for good.
Index cheapest_cg(const Run& r, double error) {
  const auto map = std::move(*solver_of(r.map, 1)).solve(r.problem, r.u, nullptr, {0}, {}).map;
  const Index n = map->inner_dim();
  Vec z(map->state_dim()), next(z.size());
  map->lift(r.problem.cold_start(r.u), z);
  InnerSolution at;
  at.inner_dim = n;
  Index best = 0, check = 1;
  int useful = 0;
  for (Index k = 1; k < 400000 && (best == 0 || (k < best && useful < 12)); ++k) {
    map->step(k - 1, z, r.u, next);
    z.swap(next);
    if (k < check) continue;
    check = k + std::max<Index>(1, k / 25);
    at.z = z.head(n);
    if (error_of(r, ImplicitDirectEstimator().estimate(r.problem, r.u, at, nullptr, 0).gradient) > 0.95 * error) continue;
    ++useful;
    ImplicitCgEstimator cg;
    cg.relative_tolerance = 0;
    for (cg.max_steps = 1; cg.max_steps < 4 * n; ++cg.max_steps) {
      if (error_of(r, cg.estimate(r.problem, r.u, at, nullptr, 0).gradient) > error) continue;
      if (best == 0 || k + cg.max_steps < best) best = k + cg.max_steps;
      break;
    }
  }
  return best;
}

struct Tally {
  std::vector<double> misses, costs_full, costs_cg, costs_auto_cg, tape;
  int runs = 0, met = 0;
};

double quantile(std::vector<double> v, double q) {
  if (v.empty()) return std::nan("");
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(std::lround(q * static_cast<double>(v.size() - 1)))];
}

std::string spread(const std::vector<double>& v) {
  char text[80];
  std::snprintf(text, sizeof text, "%.2f (%.2f-%.2f)", quantile(v, 0.5), quantile(v, 0.1), quantile(v, 0.9));
  return v.empty() ? "-" : text;
}

using Tallies = std::map<std::string, Tally>;

void run_case(const Case& c, bool far, const std::string& map, unsigned seed, bool hindsight, Tallies& tallies) {
  Run r{c.problem, c.u, map, {}};
  const Vec zero = Vec::Zero(c.problem.f->inner_dim());
  const Vec solution = polish(c.problem, c.u, zero).x;
  Vec theta(c.u.size());
  r.truth.resize(c.u.size());
  c.problem.space.from_model(c.u, theta);
  c.problem.space.pull_back(theta, reference_hypergradient(c.problem, c.u, solution).gradient, r.truth);
  if (far) {
    std::mt19937_64 random(seed + 7);
    std::normal_distribution<double> normal;
    Vec d(zero.size());
    for (double& v : d) v = normal(random);
    r.problem.start = std::make_shared<ConstantStart>(solution + 10 * solution.norm() * d.normalized());
  }
  std::vector<Outcome> outcomes;
  const std::vector<double> targets{1e-1, 1e-2, 1e-3};
  double least = 1;
  for (const double target : targets) {
    UnrollEstimator sweep(true);
    sweep.window = Count::automatic();
    outcomes.push_back(automatic(r, sweep, target));
    least = std::min(least, outcomes.back().error);
  }
  const std::vector<double> errors = hindsight ? unrolled_errors(r, least) : std::vector<double>{};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Outcome& o = outcomes[i];
    ImplicitCgEstimator cg;
    const Outcome with_cg = automatic(r, cg, targets[i]);
    const Index full = hindsight ? steps_to(errors, o.error) : 0, best = hindsight ? cheapest_cg(r, o.error) : 0;
    if (hindsight || o.error > targets[i] || with_cg.error > targets[i]) {
      std::printf("| %s | %s | %s | %.0e | %.2e | %s | %ld | %ld | %ld + %ld | %ld | %ld | %ld | %ld | %.2e |\n", c.label.c_str(),
                  far ? "far" : "zero", map.c_str(), targets[i], o.error, o.error <= targets[i] ? "yes" : "**no**",
                  static_cast<long>(o.work), static_cast<long>(o.steps), static_cast<long>(o.taped),
                  static_cast<long>(o.terms - o.taped), static_cast<long>(o.states), static_cast<long>(2 * full),
                  static_cast<long>(best), static_cast<long>(with_cg.work), with_cg.error);
      std::fflush(stdout);
    }
    for (const std::string& key : {std::string("all"), map, std::string(far ? "far" : "zero")}) {
      Tally& t = tallies[key];
      ++t.runs;
      t.met += o.error <= targets[i];
      t.misses.push_back(o.error / targets[i]);
      if (full > 0) t.costs_full.push_back(static_cast<double>(2 * full) / static_cast<double>(o.work));
      if (full > 0) t.tape.push_back(static_cast<double>(full) / static_cast<double>(o.states));
      if (best > 0) t.costs_cg.push_back(static_cast<double>(best) / static_cast<double>(o.work));
      t.costs_auto_cg.push_back(static_cast<double>(with_cg.work) / static_cast<double>(o.work));
      Tally& other = tallies[key + ", auto with CG"];
      ++other.runs;
      other.met += with_cg.error <= targets[i];
      other.misses.push_back(with_cg.error / targets[i]);
    }
  }
}

std::vector<Case> cases_of(unsigned seed) {
  std::mt19937_64 random(seed);
  const auto fixed = [&](const char* file, double l2) {
    Case c = of_run(file, l2, random);
    if (seed == 0) c.u.setConstant(l2);
    return c;
  };
  std::vector<Case> cases{fixed("ridge_diabetes", 0.01), fixed("ridge_diabetes_per_feature", 0.02),
                          fixed("logistic_breast_cancer", 0.01), fixed("logistic_breast_cancer_per_feature", 0.005)};
  for (const double condition : {1e2, 1e3, 1e4}) {
    cases.push_back(synthetic(false, condition, 2 * seed + 1));
    cases.push_back(synthetic(true, condition, 2 * seed + 2));
  }
  return cases;
}

void print_summary(const Tallies& tallies) {
  std::printf(
      "\n| runs | met | worst error / target | error / target | cost of full unroll / cost | cost of CG / cost | auto with CG "
      "/ cost | states of full unroll / kept |\n|---|---|---|---|---|---|---|---|\n");
  for (const auto& [key, t] : tallies) {
    std::printf("| %s | %d of %d | %.2f | %s | %s | %s | %s | %s |\n", key.c_str(), t.met, t.runs, quantile(t.misses, 1),
                spread(t.misses).c_str(), spread(t.costs_full).c_str(), spread(t.costs_cg).c_str(),
                spread(t.costs_auto_cg).c_str(), spread(t.tape).c_str());
  }
}

/// A shipped run with a map as inner solver, tuned with window auto or estimator auto: rows that met the target by their
/// reference.
void whole_run(const std::string& file, const std::string& map, const std::string& target, bool sweep) {
  shipped::Choices c = shipped::choices(file, TACIT_SOURCE_DIR);
  c.prepare.model.intercept = false;
  c.solver = map;
  c.solver_options["max_steps"] = 100000;
  c.driver.max_steps = 25;
  c.accuracy = std::stod(target);
  c.estimator = "auto";
  c.window_auto = sweep;
  const shipped::Run run(c);
  OracleOptions options;
  options.reference_every = 1;
  const auto oracle = run.oracle(options);
  int rows = 0, met = 0, limited = 0;
  double worst = 0;
  const auto look = [&](const StepRecord& r) {
    const double miss = r.diagnostics.hypergradient_error_reference / std::stod(target);
    if (r.diagnostics.inner_status == Status::step_limit) {
      ++limited;
      return;
    }
    ++rows;
    met += miss <= 1;
    worst = std::max(worst, miss);
  };
  const Summary m = solve(c.driver, run.problem().space, *oracle, *run.optimizer(), run.start(), {look});
  std::printf("| %s | %s | %s | %s | %d of %d | %.2f | %d | %ld | %ld |\n", file.c_str(), map.c_str(),
              sweep ? "window" : "estimator", target.c_str(), met, rows, worst, limited, static_cast<long>(m.work.gradients),
              static_cast<long>(m.work.hessian_products));
  std::fflush(stdout);
}

int whole_runs() {
  std::printf(
      "| run | map | auto | target | rows that met it | worst error / target | rows stopped by the step limit | gradients | "
      "products "
      "|\n|---|---|---|---|---|---|---|---|---|\n");
  for (const bool sweep : {true, false}) {
    for (const char* file :
         {"ridge_diabetes", "ridge_diabetes_per_feature", "logistic_breast_cancer", "logistic_breast_cancer_per_feature"}) {
      for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) {
        for (const char* target : {"0.1", "0.01", "0.001"}) whole_run(file, map, target, sweep);
      }
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "runs") return whole_runs();
  const unsigned first = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 0;
  const unsigned count = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
  std::printf(
      "| problem | start | map | target | error | met | gradients + products | inner steps | taped + frozen, last sweep | states "
      "kept "
      "| full unroll, same error | CG, same error | auto with CG | its error |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  Tallies tallies;
  for (unsigned seed = first; seed < first + count; ++seed) {
    for (const Case& c : cases_of(seed)) {
      for (const bool far : {false, true}) {
        for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) run_case(c, far, map, seed, count == 1, tallies);
      }
    }
  }
  print_summary(tallies);
  return 0;
}
