// Who says which row of a run is the best, and how long a run goes on without a better one.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/core/support/errors.hpp>

#include "bilevel/fixtures.hpp"

using namespace tacit;
using tacit_test::box;
using tacit_test::FakeOracle;

namespace {

FakeOracle slope() {
  return FakeOracle([](const Vec& v, Vec& g) { return tacit_test::hyperbolic(v, g, Vec::Constant(1, 4), Vec::Constant(1, 1)); });
}

struct Run {
  Summary summary;
  std::vector<StepRecord> rows;
};

Run run(DriverOptions options) {
  const FakeOracle oracle = slope();
  GradientDescentOuter optimizer;
  optimizer.step_size = 0.02;
  options.tolerance = 1e-6;
  Run r;
  r.summary = solve(options, box(1, -9, 9), oracle, optimizer, Vec::Constant(1, 0.0),
                    {[&](const StepRecord& row) { r.rows.push_back(row); }});
  return r;
}

}  // namespace

TEST_CASE("judge: the best row is the one it prefers, the steps follow the loss") {
  DriverOptions options;
  const Run plain = run(options);
  options.judge = [](const Evaluation& e) { return std::abs(e.theta[0] - 2); };
  const Run judged = run(options);
  REQUIRE(judged.rows.size() == plain.rows.size());
  std::size_t nearest = 0;
  for (std::size_t i = 0; i < judged.rows.size(); ++i) {
    CHECK(judged.rows[i].outer_loss == plain.rows[i].outer_loss);
    CHECK(judged.rows[i].judged == std::abs(judged.rows[i].theta[0] - 2));
    if (judged.rows[i].judged < judged.rows[nearest].judged) nearest = i;
  }
  CHECK(judged.summary.best.step == judged.rows[nearest].step);
  CHECK(judged.summary.best.step < plain.summary.best.step);
  CHECK(judged.summary.best_evaluation.theta == judged.rows[nearest].theta);
}

TEST_CASE("judge: of equal ones the lower loss, and what is no number is worse than any") {
  DriverOptions options;
  options.judge = [](const Evaluation& e) { return e.theta[0] < 3 ? 0.25 : std::nan(""); };
  const Run r = run(options);
  Index last = 0;
  for (const StepRecord& row : r.rows) {
    if (row.theta[0] < 3) last = row.step;
  }
  CHECK(last < r.summary.last.step);
  CHECK(r.summary.best.step == last);  // the loss falls from row to row
}

TEST_CASE("patience: a run ends after so many steps without a better row") {
  DriverOptions options;
  options.judge = [](const Evaluation& e) { return std::abs(e.theta[0] - 2); };
  const Index best = run(options).summary.best.step;
  for (const Index patience : {1, 3}) {
    CAPTURE(patience);
    options.patience = patience;
    const Summary s = run(options).summary;
    CHECK(s.reason == StopReason::patience);
    CHECK(s.best.step == best);
    CHECK(s.last.step == best + patience);
    CHECK(s.message.find("the last " + std::to_string(patience) + " step") == 0);
    CHECK(s.usable());
    CHECK(std::string(status_word(s.reason, false)) == "budget");
  }
  options.patience = 1000;
  CHECK(run(options).summary.reason != StopReason::patience);
  options.patience = -1;
  CHECK_THROWS_AS(run(options), UsageError);
}
