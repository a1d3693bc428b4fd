// DriverOptions::verify: no run starts on a problem with a wrong callback.
#include <doctest/doctest.h>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "core/wrong_callbacks.hpp"

using namespace tacit;

namespace {

std::shared_ptr<const Oracle> oracle_of(const test::Parts& parts, const Problem& problem) {
  auto solver = std::make_shared<IterateSolver>(parts.algorithm());
  solver->options.max_steps = 10000;
  return make_oracle(problem, solver, std::make_shared<ImplicitCgEstimator>());
}

struct Ran {
  Summary summary;
  int rows = 0;
};

Ran run(const Oracle& oracle, const HyperSpace& space, bool verify) {
  Ran ran;
  DriverOptions options;
  options.verify = verify;
  options.max_steps = 4;
  LbfgsOuter optimizer;
  ran.summary = solve(options, space, oracle, optimizer, Vec::Zero(3), {[&](const StepRecord&) { ++ran.rows; }});
  return ran;
}

/// What solve() refuses with; empty: it runs.
std::string refusal(const Oracle& oracle, const HyperSpace& space) {
  try {
    run(oracle, space, true);
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("verify: no run starts on a problem with a wrong callback, and the refusal names the first wrong product") {
  for (const test::WrongKind& kind : test::all_wrong_kinds()) {
    CAPTURE(kind.name);
    test::Parts parts;
    kind.apply(parts);
    const Problem problem = parts.problem();
    const std::string said = refusal(*oracle_of(parts, problem), problem.space);
    CHECK(said.find("the problem is not what it says it is: " + kind.product + " ") == 0);
  }
}

TEST_CASE("verify: a right problem runs as it does without, and the work of the checks is diagnostic") {
  const test::Parts parts;
  const Problem problem = parts.problem();
  const Ran plain = run(*oracle_of(parts, problem), problem.space, false);
  const Ran checked = run(*oracle_of(parts, problem), problem.space, true);
  CHECK(checked.rows == plain.rows);
  CHECK(checked.summary.best.outer_loss == plain.summary.best.outer_loss);
  CHECK(checked.summary.best.theta == plain.summary.best.theta);
  CHECK(checked.summary.work == plain.summary.work);
  CHECK(checked.summary.diagnostic_work.gradients > plain.summary.diagnostic_work.gradients + 40);
  CHECK(checked.summary.diagnostic_work.map_steps > plain.summary.diagnostic_work.map_steps + 20);
  CHECK_FALSE(DriverOptions{}.verify);
}

TEST_CASE("verify: of a sum every part is checked, and the wrong one has its name") {
  test::Parts right, wrong;
  wrong.l.gradient_u = [](const Vec&, const Vec&) { return Vec(Vec::Zero(3)); };
  const Problem a = right.problem(), b = wrong.problem();
  for (const Index threads : {1, 2}) {
    SumOptions options;
    options.threads = threads;
    const auto good = sum_of({{oracle_of(right, a)}, {oracle_of(right, a)}}, options);
    const auto bad = sum_of({{oracle_of(right, a)}, {oracle_of(wrong, b), 1, "task B"}}, options);
    CHECK(refusal(*good, a.space).empty());
    CHECK(refusal(*bad, a.space).find("the problem is not what it says it is: task B: l_u ") == 0);
    const VerifyReport r = bad->verify(Vec::Zero(3));
    REQUIRE(r.find("part 1: gradient"));
    CHECK(r.find("part 1: gradient")->verdict == Verdict::ok);
    CHECK(good->diagnostic_work().gradients > 0);
    CHECK(good->verify(Vec::Zero(3)).to_text() == good->verify(Vec::Zero(3)).to_text());
  }
}

TEST_CASE("verify: a run that is interrupted while it checks ends as one without a start") {
  const test::Parts parts;
  int asked = 0;
  const Problem problem = interruptible(parts.problem(), [&] { return ++asked == 30; });
  const Ran ran = run(*oracle_of(parts, problem), problem.space, true);
  CHECK(ran.rows == 0);
  CHECK(ran.summary.reason == StopReason::interrupted);
}
