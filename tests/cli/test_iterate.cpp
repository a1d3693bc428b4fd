// inner.response: iterate in a run file, against loops of this file: losses after K steps and their central differences.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/start.hpp>

#include "paths.hpp"
#include "problems/files.hpp"
#include "run_support.hpp"

using namespace tacit;
using nlohmann::json;
using tacit_test::Folder;

namespace {

using Words = std::vector<std::string>;

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// Rows of the columns and a column of ones, as the inner problem has them, without any product of the library's kernels.
Mat rows_of(const Prepared& p, const std::vector<Index>& which) {
  const Index n = p.problem.f->inner_dim();
  Mat a(static_cast<Index>(which.size()), n);
  for (Index j = 0; j < n; ++j) a.col(j) = p.margins(which, Vec::Unit(n, j));
  return a;
}

/// 1/n sum phi(a_i x, y_i) + 1/2 sum_j u_j x_j^2 without the intercept, x after K steps from `start`, and the validation loss.
struct Loop {
  Mat train, validation;
  Vec y_train, y_validation;
  bool logistic = false;
  double step = 0, momentum = 0, start = 0;
  bool nesterov = false;
  Index steps = 0;

  Loop(const Prepared& p, const std::vector<Index>& rows, bool classes)
      : train(rows_of(p, rows)), validation(rows_of(p, p.rows.validation)), y_train(pick(p.y, rows)),
        y_validation(pick(p.y, p.rows.validation)), logistic(classes) {}

  Vec slope(const Vec& z, const Vec& y) const {
    if (!logistic) return z - y;
    return (-y.array() / (1 + (y.array() * z.array()).exp())).matrix();
  }
  double loss(const Vec& x) const {
    const Vec z = validation * x;
    if (!logistic) return (z - y_validation).squaredNorm() / 2 / static_cast<double>(z.size());
    return (-y_validation.array() * z.array()).exp().log1p().mean();
  }
  Vec gradient(const Vec& x, const Vec& u) const {
    Vec g = train.transpose() * slope(train * x, y_train) / static_cast<double>(train.rows());
    for (Index j = 0; j + 1 < x.size(); ++j) g[j] += (u.size() == 1 ? u[0] : u[j]) * x[j];
    return g;
  }
  Vec after_steps(const Vec& u) const {
    Vec x = Vec::Constant(train.cols(), start), last = x;
    for (Index k = 0; k < steps; ++k) {
      const Vec ahead = x + momentum * (x - last);
      const Vec next = ahead - step * gradient(nesterov ? ahead : x, u);
      last = x;
      x = next;
    }
    return x;
  }
  double value(const Vec& theta) const { return loss(after_steps(theta.array().exp().matrix())); }
  /// By central differences of order four.
  Vec hypergradient(const Vec& theta) const {
    constexpr double h = 2e-4;  // a penalty near 2/step moves the loss like its 20th power
    Vec g(theta.size());
    for (Index j = 0; j < theta.size(); ++j) {
      const auto at = [&](double move) { return value(theta + move * Vec::Unit(theta.size(), j)); };
      g[j] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    }
    return g;
  }
};

double number(const RunConfig& config, const StrategyCatalog& catalog, const std::string& key) {
  for (const KeyInfo& k : list_keys(config, catalog, Listed::chosen))
    if (k.path == key) return std::stod(k.value);
  return 0;
}

Loop loop_of(const RunConfig& c, const Prepared& p, const std::vector<Index>& rows, const Strategies& s) {
  Loop loop(p, rows, c.model.kind == "logistic");
  loop.step = number(c, s.catalog, "inner.step");
  loop.momentum = number(c, s.catalog, "inner.momentum");
  loop.start = c.inner.start.number;
  loop.nesterov = c.inner.solver == "nesterov";
  loop.steps = c.inner.max_steps().value();
  return loop;
}

Vec vector_of(const json& value) {
  const json& list = value.begin().value();  // of the only block
  if (list.is_number()) return Vec::Constant(1, list.get<double>());
  const auto v = list.get<std::vector<double>>();
  return Eigen::Map<const Vec>(v.data(), static_cast<Index>(v.size()));
}

/// Is every row of the trace of a run that of its K steps?
void check_trace(const std::string& folder, double share, bool exact) {
  const Strategies strategies;
  const auto a = assemble(load_run_file(folder + "/config.resolved.yaml", {}, strategies.catalog), strategies);
  const Loop loop = loop_of(a->config, a->prepared, a->prepared.rows.train, strategies);
  REQUIRE(loop.step > 0);
  std::istringstream lines(run_test::read(folder + "/trace.jsonl"));
  int rows = 0;
  double floor = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const json row = json::parse(line);
    if (rows == 0) floor = a->config.outer.tolerance * row.at("outer_loss").get<double>();
    const Vec theta = vector_of(row.at("theta")), g = vector_of(row.at("hypergradient")), truth = loop.hypergradient(theta);
    CAPTURE(rows);
    CHECK(row.at("outer_loss").get<double>() == doctest::Approx(loop.value(theta)).epsilon(1e-11));
    CHECK(row.at("outer_loss_error").get<double>() == 0);
    CHECK(row.at("inner_steps").get<Index>() == loop.steps);
    const double off = (g - truth).norm() / std::max(truth.norm(), floor);
    if (exact)
      CHECK(off <= share);
    else  // what was cut is what is told
      CHECK(row.at("hypergradient_error").get<double>() == doctest::Approx(off).epsilon(share));
  }
  CHECK(rows >= 1);
}

const Words kDiabetes{"model.kind=ridge", "data.target=target"},
    kCancer{"model.kind=logistic", "data.target=last", "data.skip_rows=1", "data.header=absent"};

std::string run_file(const Folder& folder, const std::string& data, const std::string& inner = "max_steps: 20") {
  return folder.write("run.yaml", "tacit: 1\ndata: {train: " + tacit::test::source_dir() + "/data/" + data +
                                      "}\nhyper: {l2: {start: 0.1}}\ninner: {response: iterate, " + inner +
                                      "}\nouter: {max_steps: 3}\nvalidation: {scheme: holdout}\n");
}

}  // namespace

TEST_CASE("iterate: loss and hypergradient of each step of a run are those of K steps, in both models and all maps") {
  const Folder folder;
  const std::string ridge = run_file(folder, "diabetes.csv");
  const std::vector<Words> ways{{},
                                {"hyper.l2.per=feature"},
                                {"hyper.l2.start=auto"},
                                {"hyper.l2.start=auto", "hyper.l2.per=feature"},
                                {"inner.step=0.1", "inner.start=0.5"},
                                {"inner.solver=heavy-ball", "inner.step=0.2", "inner.momentum=0.3"},
                                {"inner.solver=nesterov", "inner.momentum=0.6", "hyper.l2.per=feature"},
                                {"hypergradient.estimator=full-unroll", "hypergradient.stride=3"},
                                {"hypergradient.estimator=forward"},
                                {"hypergradient.estimator=finite-difference"}};
  int run = 0;
  for (const Words& model : {kDiabetes, kCancer}) {
    if (model == kCancer) (void)run_file(folder, "breast_cancer.csv");
    std::vector<Words> all = ways;
    // Momentum of its own needs a bound of the curvature, which ridge has.
    if (model == kDiabetes) all.insert(all.end(), {{"inner.solver=heavy-ball"}, {"inner.solver=nesterov"}});
    for (const Words& way : all) {
      std::string text = model.front() + " ";
      for (const std::string& w : way) text += w + " ";
      CAPTURE(text);
      const std::string out = folder.path("out" + std::to_string(run++));
      const run_test::Ran ran = run_test::run(with(with({"tune", ridge, "-o", out}, model), way));
      CAPTURE(ran.err);
      REQUIRE(ran.code == 0);
      CHECK(ran.err.find("not converged") == std::string::npos);
      CHECK(ran.out.find("no solution") != std::string::npos);
      check_trace(out, 1e-6, true);
    }
  }
}

TEST_CASE("iterate: of a truncated derivative the run tells the error that the K steps have") {
  const Folder folder;
  for (const Words& way : {Words{"hypergradient={estimator: truncated-unroll, window: 5}"},
                           Words{"hypergradient={estimator: forward, window: 5}"}}) {
    const std::string out = folder.path(way.front().substr(27, 4));
    const run_test::Ran ran =
        run_test::run(with(with({"tune", run_file(folder, "diabetes.csv"), "-o", out, "outer.max_steps=50"}, kDiabetes), way));
    CHECK(ran.code == 0);
    CHECK(ran.err.find("W302") != std::string::npos);
    CHECK(ran.err.find("implicit-cg") == std::string::npos);  // which cannot be used here
    CHECK(ran.out.find("doubtful") != std::string::npos);
    check_trace(out, 1e-4, false);
  }
}

TEST_CASE("iterate: the model that is left has made the same K steps on training and validation rows") {
  const Strategies strategies;
  const Folder folder;
  for (const Words& model : {kDiabetes, kCancer}) {
    for (const char* refit : {"outer.refit=true", "outer.refit=false"}) {
      const std::string data = model == kCancer ? "breast_cancer.csv" : "diabetes.csv";
      const std::string file = run_file(folder, data, "max_steps: 7"), out = folder.path(data + refit);
      REQUIRE(run_test::run(with({"tune", file, "-q", "-o", out, refit}, model)).code == 0);
      const auto a = assemble(load_run_file(out + "/config.resolved.yaml", {}, strategies.catalog), strategies);
      const bool again = a->config.outer.refit;
      const std::vector<Index> rows = again ? rows_of_refit(a->prepared.rows) : a->prepared.rows.train;
      const Prepared p = again ? prepare_again(a->prepared, rows) : a->prepared;
      Loop loop = loop_of(a->config, p, rows, strategies);
      const json run = json::parse(run_test::read(out + "/run.json"));
      const double l2 = run.at("best").at("hyperparameters").at("l2").get<double>();
      const Vec x = loop.after_steps(Vec::Constant(1, l2));
      CHECK(run.at("refit") == (again ? json{{"status", "as asked"}, {"gradient_norm", run["refit"]["gradient_norm"]}} : json()));
      std::vector<Index> all(static_cast<std::size_t>(p.y.size()));
      for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
      const Vec margins = rows_of(p, all) * x;
      const run_test::Ran told = run_test::run({"predict", out, a->config.data.train.path.value()});
      REQUIRE(told.code == 0);
      std::istringstream lines(told.out);
      std::string line;
      std::getline(lines, line);
      for (const double margin : margins) {
        REQUIRE(std::getline(lines, line));
        // A number, or the probability of the later class in the last column.
        const double value = std::stod(line.substr(line.rfind(',') + 1));
        CHECK(value == doctest::Approx(loop.logistic ? 1 / (1 + std::exp(-margin)) : margin).epsilon(1e-9));
      }
      for (const char* none : {"/elsewhere.py", "/elsewhere.R"}) CHECK_FALSE(std::filesystem::exists(out + none));
      CHECK(run.at("elsewhere").empty());
      CHECK(run.at("model").at("steps") == 7);
    }
  }
}

TEST_CASE("iterate: each solver with each estimator is the derivative of the steps, or refused before anything is read") {
  const Strategies strategies;
  const Folder folder;
  const std::string file = run_file(folder, "diabetes.csv");
  int right = 0, refused = 0;
  for (const std::string& solver : with(strategies.solvers.names(), {"auto"})) {
    for (const std::string& estimator : with(strategies.estimators.names(), {"auto"})) {
      CAPTURE(solver);
      CAPTURE(estimator);
      const bool map = solver == "auto" || strategies.solvers.make(solver)->can_record();
      const bool steps = estimator == "auto" || strategies.estimators.make(estimator)->of_iterate();
      Words words = with(kDiabetes, {"inner.solver=" + solver, "hypergradient.estimator=" + estimator});
      if (estimator == "truncated-unroll") words.push_back("hypergradient.window=20");
      if (!map || !steps) {
        ++refused;
        const std::string nothing = "data.train=" + folder.path("no.csv");
        try {
          load_run_file(file, with(words, {nothing}), strategies.catalog);
          FAIL_CHECK("not refused");
        } catch (const RunFileError& e) {
          std::set<std::string> told;
          for (const Issue& i : e.issues())
            if (i.code == "E208") told.insert(i.what.substr(0, i.what.find(':')));
          CHECK(told.count("'inner.solver") == (map ? 0 : 1));
          CHECK(told.count("'hypergradient.estimator") == (steps ? 0 : 1));
        }
        continue;
      }
      ++right;
      const auto a = assemble(load_run_file(file, words, strategies.catalog), strategies);
      const Vec theta = starting_point(*a, strategies);
      const auto oracle = make_oracle(a->problem, a->method.solver, a->method.estimator, oracle_options(a->config));
      const Evaluation e = oracle->differentiate(oracle->evaluate(theta, {}), {});
      const Loop loop = loop_of(a->config, a->prepared, a->prepared.rows.train, strategies);
      const Vec truth = loop.hypergradient(theta);
      CHECK(e.value == doctest::Approx(loop.value(theta)).epsilon(1e-12));
      CHECK((e.gradient - truth).norm() <= 1e-7 * truth.norm());
      CHECK(e.diagnostics.inner_status == Status::as_asked);
    }
  }
  CHECK(right == 4 * 5);
  CHECK(refused > 30);
}

TEST_CASE("iterate: keys that say what it implies change nothing, and auto may be written") {
  const Strategies strategies;
  const Folder folder;
  const std::string file = run_file(folder, "diabetes.csv");
  const std::string implied = to_yaml(load_run_file(file, {}, strategies.catalog), strategies.catalog);
  for (const Words& words : std::vector<Words>{{"inner.warm_start=false"},
                                               {"inner.tolerance=0"},
                                               {"outer.schedule=fixed"},
                                               {"outer.schedule=auto"},
                                               {"inner.solver=auto"},
                                               {"inner.solver=gradient-descent", "inner.step=auto"},
                                               {"hypergradient.estimator=auto"},
                                               {"hypergradient={estimator: full-unroll, stride: auto}"}}) {
    CAPTURE(words.front());
    CHECK(to_yaml(load_run_file(file, words, strategies.catalog), strategies.catalog) == implied);
  }
  for (const char* line : {"  solver: gradient-descent\n", "  response: iterate\n", "  warm_start: false\n", "  tolerance: 0\n",
                           "  schedule: fixed\n", "  estimator: full-unroll\n", "  stride: auto\n"})
    CHECK(implied.find(line) != std::string::npos);
  // A solution is as it was.
  const std::string other = to_yaml(load_run_file(file, {"inner.response=solution"}, strategies.catalog), strategies.catalog);
  for (const char* line : {"  solver: auto\n", "  response: solution\n", "  warm_start: true\n", "  schedule: auto\n"})
    CHECK(other.find(line) != std::string::npos);
}

TEST_CASE("iterate: the search of a start is over losses after K steps, and the steps are numbers before it") {
  const Strategies strategies;
  const Folder folder;
  for (const char* per : {"all", "feature"}) {
    // From far away, few steps: the best penalty of the iterate has nothing to do with that of the solution.
    const std::string file = run_file(folder, "diabetes.csv", "max_steps: 3, start: 40");
    const auto a = assemble(
        load_run_file(file, with(kDiabetes, {"hyper.l2.start=auto", std::string("hyper.l2.per=") + per}), strategies.catalog),
        strategies);
    const Vec theta = starting_point(*a, strategies);
    const Loop loop = loop_of(a->config, a->prepared, a->prepared.rows.train, strategies);
    REQUIRE(loop.step > 0);
    REQUIRE(a->method.solver->fixed_map());
    double best = loop.value(theta);
    for (double t = -12; t <= 5; t += 0.25) CHECK(best <= 1.02 * loop.value(Vec::Constant(theta.size(), t)));
    tune_single_penalty(*a);
    if (!a->single) continue;
    CHECK(a->single->loss == doctest::Approx(loop.value(Vec::Constant(theta.size(), a->single->theta))).epsilon(1e-10));
    CHECK(best <= a->single->loss * (1 + 1e-12));
  }
}

TEST_CASE("iterate: compare has the derivative of the K steps for its truth, in both modes and for each swept value") {
  const Folder folder;
  const std::string out = folder.path("out");
  const Words words{"compare",
                    run_file(folder, "diabetes.csv"),
                    "-o",
                    out,
                    "--json",
                    "compare.mode=both",
                    "compare.path=3",
                    "compare.sweep={inner.max_steps: [4, 20]}",
                    "compare.estimators=[{label: auto, estimator: auto}, {label: cut, estimator: truncated-unroll, window: 4}, "
                    "{label: forward, estimator: forward}, {label: differences, estimator: finite-difference}]"};
  const run_test::Ran ran = run_test::run(with(words, kDiabetes));
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  const json told = json::parse(ran.out);
  CHECK(told.at("reference").at("confirmed") == true);
  CHECK(told.at("table").size() == 16);
  for (const json& row : told.at("table")) {
    const bool cut = row.at("label") == "cut" && row.at("sweep").at("inner.max_steps") == "20";
    const double error = row.at("relative_error").at("median").get<double>();
    CAPTURE(row.dump());
    if (cut)
      CHECK(error > 0.05);
    else
      CHECK(error < 1e-6);
    CHECK(row.at("status") == (cut ? "step limit" : "converged"));
  }
  for (const char* label : {"auto", "forward", "differences"}) check_trace(out + "/own-run/" + label + "-sweep1", 1e-6, true);
}
