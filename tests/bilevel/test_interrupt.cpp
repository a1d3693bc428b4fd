// A run that is asked to stop in the middle of an evaluation keeps what came before.
#include <doctest/doctest.h>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// A run of gradient descent on ridge whose `stop`-th question to the problem is answered with yes, and the next ones with
/// `after`: what the grace of a real run is.
struct StoppedRun {
  long asked = 0;
  Summary summary;
  std::vector<StepRecord> rows;
  Work work, diagnostic_work;

  explicit StoppedRun(long stop, bool after = false, DriverOptions options = {}) {
    const Problem p = interruptible(test::reference_problem("ridge_diabetes", true), [this, stop, after] {
      ++asked;
      return asked == stop || (after && asked > stop);
    });
    auto solver = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
    solver->options.max_steps = 100000;
    const auto oracle = make_oracle(p, solver, std::make_shared<ImplicitCgEstimator>());
    options.max_steps = 4;
    LbfgsOuter optimizer;
    summary = solve(options, p.space, *oracle, optimizer, Vec::Constant(10, -2), {[this](const StepRecord& r) {
                      rows.push_back(r);
                      marks.push_back(asked);
                    }});
  }
  std::vector<long> marks;  ///< questions by the end of each row
};

}  // namespace

TEST_CASE(
    "interrupt: a run stopped in the middle of an inner solve keeps the rows before, and its best point is solved to the end") {
  const StoppedRun whole(-1);
  REQUIRE(whole.rows.size() == 5);
  for (const bool grace : {true, false}) {
    CAPTURE(grace);
    for (std::size_t row = 1; row < whole.marks.size(); ++row) {
      CAPTURE(row);
      const StoppedRun run((whole.marks[row - 1] + whole.marks[row]) / 2, !grace);
      CHECK(run.summary.reason == StopReason::interrupted);
      CHECK(run.summary.message == "interrupted; the best point so far is kept");
      REQUIRE(run.rows.size() == row);
      for (std::size_t k = 0; k < row; ++k) CHECK(run.rows[k].outer_loss == whole.rows[k].outer_loss);
      CHECK(run.summary.usable());
      REQUIRE(run.summary.best_evaluation.theta.size() == 10);
      if (grace) CHECK(run.summary.best_evaluation.solved.inner == run.summary.tightest.inner);
    }
  }
}

TEST_CASE("interrupt: before the start is solved there is no point to keep, and a run out of time has failed") {
  StoppedRun run(5);
  CHECK(run.summary.reason == StopReason::interrupted);
  CHECK(run.summary.best_evaluation.theta.size() == 0);
  CHECK(run.rows.empty());
  DriverOptions options;
  options.time_limit = 0.0;
  run = StoppedRun(5, false, options);
  CHECK(run.summary.reason == StopReason::failed);
  CHECK(run.summary.message.find("s is reached before the start was solved; raise DriverOptions::time_limit") !=
        std::string::npos);
}

TEST_CASE("interrupt: a step whose diagnostics are cut short counts, and their work stays apart") {
  const StoppedRun whole(-1);
  // The last question of row 1 is one of its diagnostics.
  const StoppedRun run(whole.marks[1]);
  CHECK(run.summary.reason == StopReason::interrupted);
  REQUIRE(run.rows.size() == 2);
  CHECK(run.rows[1].outer_loss == whole.rows[1].outer_loss);
  CHECK(run.rows[1].work == whole.rows[1].work);
  CHECK(run.rows[1].diagnostics.hypergradient_error == whole.rows[1].diagnostics.hypergradient_error);
  CHECK(std::isnan(run.rows[1].diagnostics.implicit_truncation));
}
