// How far reported outer losses are off, against what they say of themselves.
//   losses SEEDS SPEC...   tunes each data set with one penalty and with one per feature (start auto, implicit-cg), so many
//   splits
//                          each, and holds the loss of every row, and the one that is reported, against the loss at a point that
//                          Newton steps polished. SPEC: KIND:FILE[:OPTION=VALUE]..., KIND ridge or logistic, options target,
//                          skip, positive; LIBSVM files by their ending.
//   losses budgets         random inner budgets on the data of the repository: estimate over true error of the loss.
// Prints a markdown table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/hypergrad/reference.hpp>
#include <tacit/problems/models/scores.hpp>

#include "shipped.hpp"
#include "watched.hpp"

namespace {

using namespace tacit;

std::vector<std::string> split_at(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

shipped::Choices choices_of(const std::string& spec) {
  const std::vector<std::string> parts = split_at(spec, ':');
  if (parts.size() < 2) throw UsageError("a data set is given as KIND:FILE[:OPTION=VALUE]..., got '" + spec + "'");
  shipped::Choices c;
  c.prepare.task = make_task(parts[0]);
  c.data.target_kind = c.prepare.task->classifier() ? TargetKind::classes : TargetKind::number;
  c.data.train = parts[1];
  for (std::size_t k = 2; k < parts.size(); ++k) {
    const std::vector<std::string> option = split_at(parts[k], '=');
    if (option.size() != 2) throw UsageError("an option is NAME=VALUE, got '" + parts[k] + "'");
    if (option[0] == "target") c.data.target = option[1];
    if (option[0] == "skip") c.data.table.skip_rows = std::stol(option[1]), c.data.table.header = Header::absent;
    if (option[0] == "positive") c.prepare.positive = option[1];
  }
  return c;
}

double loss_at_solution(const Problem& problem, In u, In x) { return problem.l->value(polish(problem, u, x).x, u); }

struct Account {
  long rows = 0, close = 0, wrong = 0, negative = 0, unknown = 0, limited = 0;
  double worst = 0, worst_off = 0;
  void add(double value, double error, double truth, bool at_limit) {
    const double off = std::abs(value - truth), scale = std::abs(truth);
    ++rows;
    close += off <= 1e-5 * scale;
    negative += value < 0;
    unknown += std::isnan(error);
    limited += at_limit;
    wrong += !(off <= 10 * error + 1e-12 * scale);
    worst_off = std::max(worst_off, off / scale);
    if (off > 1e-12 * scale) worst = std::max(worst, off / error);
  }
  void add(const Account& a) {
    rows += a.rows, close += a.close, wrong += a.wrong, negative += a.negative, unknown += a.unknown, limited += a.limited;
    worst = std::max(worst, a.worst), worst_off = std::max(worst_off, a.worst_off);
  }
  void print(const std::string& name) const {
    std::printf("| %s | %ld | %ld | %.2e | %ld | %.2g | %ld | %ld | %ld |\n", name.c_str(), rows, close, worst_off, wrong, worst,
                negative, unknown, limited);
    std::fflush(stdout);
  }
};

/// One run; its rows and what it reports.
Account tuned(shipped::Choices c, std::shared_ptr<const Dataset> data, PenaltyPer per, std::uint64_t seed, long& parted) {
  c.prepare.model.per = per;
  c.split.seed = seed;
  c.prepare.model.intercept = true;
  const Prepared prepared = prepare_holdout(data, make_split(*data, c.split), c.prepare);
  const Problem& problem = prepared.problem;
  std::shared_ptr<const InnerSolver> solver;
  if (problem.f->quadratic() && problem.f->inner_dim() <= 2000)
    solver = std::make_shared<CholeskySolver>();
  else
    solver = std::make_shared<NewtonCgSolver>();
  auto chosen = automatic_estimator(problem);
  chosen.estimator->aim(1e-2);
  const std::shared_ptr<const HypergradientEstimator> estimator = std::move(chosen.estimator);
  Account account;
  const auto look = [&](const Evaluation& e, Index, double) {
    account.add(e.value, e.diagnostics.outer_loss_error, loss_at_solution(problem, e.u, e.state->inner.x()),
                e.diagnostics.inner_status != Status::converged);
  };
  OracleOptions options;
  options.reference_every = 0;
  Watched oracle(make_oracle(problem, solver, estimator, options), look);
  LbfgsOuter optimizer;
  DriverOptions driver;
  driver.follow_target = true;
  const Summary s = solve(driver, problem.space, oracle, optimizer, shipped::searched_start(prepared));
  if (!s.best_evaluation.state) return account;
  const Vec x = s.best_evaluation.state->inner.x();
  account.add(s.best.outer_loss, s.best.diagnostics.outer_loss_error, loss_at_solution(problem, s.best.u, x),
              s.best.diagnostics.inner_status != Status::converged);
  const double score = tacit::score(prepared, prepared.rows.validation, x).loss.mean;
  parted += std::abs(score - s.best.outer_loss) > 1e-13 * std::abs(score);
  return account;
}

void data_sets(int seeds, const std::vector<std::string>& specs) {
  std::printf(
      "| run | rows | within 1e-5 | largest relative error | above 10 x own estimate | error / estimate, largest | negative | "
      "estimate not known | not converged |\n|---|---|---|---|---|---|---|---|---|\n");
  Account all;
  long parted = 0;
  for (const std::string& spec : specs) {
    const shipped::Choices c = choices_of(spec);
    const auto data = std::make_shared<const Dataset>(load_dataset(c.data));
    for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
      Account sum;
      for (int seed = 0; seed < seeds; ++seed) sum.add(tuned(c, data, per, static_cast<std::uint64_t>(seed), parted));
      const std::string file = split_at(c.data.train, '/').back();
      sum.print(file + ", " + c.prepare.task->kind().name + (per == PenaltyPer::all ? "" : ", per feature"));
      all.add(sum);
    }
  }
  all.print("all");
  std::printf("reported losses that are not the score of the reported coefficients: %ld\n", parted);
}

double quantile(std::vector<double> v, double share) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(share * static_cast<double>(v.size() - 1))];
}

void budgets() {
  std::mt19937_64 random(1);
  std::vector<double> ratio;
  std::printf(
      "| run | pairs | error of the loss, relative: least .. largest | estimate / error: 5 %% | median | 95 %% "
      "|\n|---|---|---|---|---|---|\n");
  for (const std::string name :
       {"ridge_diabetes", "ridge_diabetes_per_feature", "logistic_breast_cancer", "logistic_breast_cancer_per_feature"}) {
    for (const std::string solver : {"gradient-descent", "lbfgs", "newton-cg"}) {
      std::vector<double> own, size;
      for (int draw = 0; draw < 25; ++draw) {
        shipped::Choices c = shipped::choices(name, TACIT_SOURCE_DIR);
        c.solver = solver;
        const double most = solver == "newton-cg" ? 5 : solver == "lbfgs" ? 20 : 400;
        const double steps = std::exp(std::uniform_real_distribution<>(0, std::log(most))(random));
        c.solver_options = {{"max_steps", std::ceil(steps)}};
        c.estimator = "implicit-cg";
        const shipped::Run run(c);
        const Problem& problem = run.problem();
        Vec theta = problem.space.lower();
        for (double& t : theta)
          t += std::uniform_real_distribution<>(0.2, 0.8)(random) * (problem.space.upper()[0] - problem.space.lower()[0]);
        const auto oracle = run.oracle();
        Evaluation e = oracle->evaluate(theta, oracle->tightest());
        e = oracle->differentiate(std::move(e), oracle->tightest());
        e = oracle->diagnose(std::move(e), 1, 1e-4 * std::abs(e.value));
        const double truth = loss_at_solution(problem, e.u, e.state->inner.x()), off = std::abs(e.value - truth);
        if (!(off > 1e-11 * std::abs(truth))) continue;
        own.push_back(e.diagnostics.outer_loss_error / off);
        size.push_back(off / std::abs(truth));
      }
      if (own.empty()) continue;
      std::printf("| %s, %s | %zu | %.1e .. %.1e | %.3g | %.3g | %.3g |\n", name.c_str(), solver.c_str(), own.size(),
                  quantile(size, 0), quantile(size, 1), quantile(own, 0.05), quantile(own, 0.5), quantile(own, 0.95));
      ratio.insert(ratio.end(), own.begin(), own.end());
    }
  }
  std::printf("| all | %zu | | %.3g | %.3g | %.3g |\n", ratio.size(), quantile(ratio, 0.05), quantile(ratio, 0.5),
              quantile(ratio, 0.95));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  if (given.size() == 1 && given[0] == "budgets") return budgets(), 0;
  if (given.size() < 2) return std::fprintf(stderr, "usage: losses budgets | losses SEEDS KIND:FILE[:OPTION=VALUE]...\n"), 2;
  data_sets(std::stoi(given[0]), {given.begin() + 1, given.end()});
  return 0;
}
