// The two parts of a hypergradient's error: what the derivative has not forgotten of its start, and what inexact iterates leave.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

const char* const kProblems[] = {"ridge_diabetes", "logistic_breast_cancer"};

std::unique_ptr<Algorithm> map_named(const std::string& name) {
  if (name == "heavy-ball") return std::make_unique<HeavyBall>();
  if (name == "nesterov") return std::make_unique<Nesterov>();
  return std::make_unique<GradientDescent>();
}

}  // namespace

TEST_CASE("parts of an error: where the iterates are exact, forgetting is all of it, of every map and window") {
  for (const char* key : kProblems) {
    const Problem p = test::reference_problem(key, true);
    const Vec u = Vec::Constant(p.space.size(), 0.1);
    const Vec truth = reference_hypergradient(p, u, Vec::Zero(p.f->inner_dim())).gradient;
    InnerSolution exact;
    exact.inner_dim = p.f->inner_dim();
    exact.z = polish(p, u, Vec::Zero(exact.inner_dim)).x;
    for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) {
      for (const Index steps : {1, 3, 10, 30}) {
        CAPTURE(key);
        CAPTURE(map);
        CAPTURE(steps);
        const InnerSolution s = test::run_map(map_named(map), p, u, steps, {TapeRequest::kAll, 1}, &exact);
        const Hypergradient h = UnrollEstimator(false).estimate(p, u, s, nullptr, 0);
        const Vec off = h.gradient - truth, gap = adjoint_gap(p, u, s.x(), h.adjoint);
        CHECK(off.norm() > 1e-6 * truth.norm());
        CHECK((off - gap).norm() <= 1e-9 * off.norm());
      }
    }
  }
}

TEST_CASE("parts of an error: an adjoint that solves its equation has forgotten, and one that does not is off by its gap alone") {
  for (const char* key : kProblems) {
    CAPTURE(key);
    const Problem p = test::reference_problem(key, true);
    const Vec u = Vec::Constant(p.space.size(), 0.1);
    const InnerSolution s = test::run_map(std::make_unique<GradientDescent>(), p, u, 20, {TapeRequest::kAll, 1});
    const Hypergradient exact = ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
    CHECK(adjoint_gap(p, u, s.x(), exact.adjoint).norm() <= 1e-10 * exact.gradient.norm());
    for (const Index terms : {1, 5, 20}) {
      NeumannEstimator few;
      few.max_steps = terms;
      const Hypergradient h = few.estimate(p, u, s, nullptr, 0);
      const Vec off = h.gradient - exact.gradient;
      CHECK(off.norm() > 1e-3 * exact.gradient.norm());
      CHECK((off - adjoint_gap(p, u, s.x(), h.adjoint)).norm() <= 1e-9 * off.norm());
    }
  }
}
