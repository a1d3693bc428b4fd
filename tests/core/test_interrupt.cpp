// A solve that is asked to stop ends at its next evaluation, whatever runs on the problem.
#include <doctest/doctest.h>

#include <tacit/core/model/counting.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// Says yes at its n-th question.
struct Patience {
  long left;
  bool operator()() { return left-- <= 0; }
};

/// How often `work` asks on a problem that is never to stop.
template <class Work>
long questions(const Problem& problem, Work work) {
  long asked = 0;
  work(interruptible(problem, [&] {
    ++asked;
    return false;
  }));
  return asked;
}

template <class Work>
void check_interrupts(const Problem& problem, Work work) {
  const long all = questions(problem, work);
  REQUIRE(all >= 1);
  for (const long at : {0L, all / 2, all - 1}) {
    CAPTURE(at);
    const auto counter = std::make_shared<WorkCounter>();
    auto patience = std::make_shared<Patience>(Patience{at});
    CHECK_THROWS_AS(work(interruptible(counted(problem, counter), [patience] { return (*patience)(); })), Interruption);
    CHECK(patience->left == -1);  // nothing was evaluated after that
    CHECK(counter->read().gradients <= at);
  }
}

}  // namespace

TEST_CASE("interrupt: every solver and every estimator ends at the evaluation that is told to stop") {
  Registry<InnerSolver> solvers("solver", "inner.solver");
  register_solvers(solvers);
  for (const std::string& name : solvers.names()) {
    CAPTURE(name);
    const auto solver = solvers.make(name);
    const Problem p = test::reference_problem("ridge_diabetes", true);
    check_interrupts(p, [&](const Problem& q) { (void)solver->solve(q, Vec::Constant(10, 0.1), nullptr, {1e-8}, {}); });
  }
  Registry<HypergradientEstimator> estimators("estimator", "hypergradient.estimator");
  register_estimators(estimators);
  const Problem p = test::reference_problem("logistic_breast_cancer", false);
  const Vec u = Vec::Constant(1, 0.1);
  for (const std::string& name : estimators.names()) {
    CAPTURE(name);
    const auto estimator = estimators.make(name);
    if (name == "truncated-unroll") static_cast<UnrollEstimator&>(*estimator).window = Count::of(5);
    check_interrupts(p, [&](const Problem& q) {
      const InnerSolution s = test::run_map(std::make_unique<GradientDescent>(), q, u, 20, {TapeRequest::kAll, 1});
      (void)estimator->estimate(q, u, s, nullptr, 1e-8);
    });
  }
  check_interrupts(p, [&](const Problem& q) { (void)reference_hypergradient(q, u, Vec::Zero(q.f->inner_dim())); });
}

TEST_CASE("interrupt: a problem that is not stopped gives the same numbers and the same counts") {
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(30, 0.1);
  const auto plain = std::make_shared<WorkCounter>(), guarded = std::make_shared<WorkCounter>();
  const auto solve = [&](const Problem& q) {
    const InnerSolution s = NewtonCgSolver().solve(q, u, nullptr, {1e-8}, {});
    return ImplicitCgEstimator().estimate(q, u, s, nullptr, 1e-8).gradient;
  };
  CHECK(solve(counted(p, plain)) == solve(counted(interruptible(p, [] { return false; }), guarded)));
  CHECK(plain->read() == guarded->read());
  CHECK(guarded->read().passes_known);
  CHECK(guarded->read().data_passes > 0);
}

TEST_CASE("interrupt: what is missing is said") {
  CHECK_THROWS_AS(interruptible(Problem{}, [] { return false; }), UsageError);
  CHECK_THROWS_AS(interruptible(test::reference_problem("ridge_diabetes", false), {}), UsageError);
}
