// What unrolled estimators are to each other, for every registered algorithm, cold and warm: forward and reverse mode, windows
// and late starts, checkpoints and the whole tape.
#include <doctest/doctest.h>

#include <functional>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

constexpr Index kSteps = 41;

struct Run {
  const Problem& problem;
  const Vec& u;
  /// The run of kSteps steps with the given tape.
  std::function<InnerSolution(TapeRequest)> tape;
};

/// body(run) for every algorithm with its own step size, on ridge and logistic, one penalty and one each, cold and warm.
void for_each_run(const std::function<void(const Run&)>& body) {
  Registry<Algorithm> registry("algorithm", "inner.solver");
  register_algorithms(registry);
  for (const std::string& name : registry.names()) {
    for (const std::string key : {"ridge_diabetes", "logistic_breast_cancer"}) {
      for (const bool per_feature : {false, true}) {
        for (const bool warm : {false, true}) {
          const Problem p = test::reference_problem(key, per_feature);
          const Vec u = Vec::LinSpaced(p.f->outer_dim(), 0.02, 0.3);
          const InnerSolution before = test::run_map(registry.make(name), p, 1.5 * u, 15, {});
          CAPTURE(name);
          CAPTURE(key);
          CAPTURE(per_feature);
          CAPTURE(warm);
          body({p, u, [&](TapeRequest tape) {
                  const InnerSolution s = test::run_map(registry.make(name), p, u, kSteps, tape, warm ? &before : nullptr);
                  CHECK(s.cold == !warm);
                  CHECK(s.steps == kSteps);
                  return s;
                }});
        }
      }
    }
  }
}

Hypergradient reverse(const Run& r, const InnerSolution& s, Count window, Count stride = Count::of(1)) {
  UnrollEstimator e(!window.is_all());
  e.window = window;
  e.stride = stride;
  return e.estimate(r.problem, r.u, s, nullptr, 0);
}

Hypergradient forward(const Run& r, const InnerSolution& s, Count window) {
  ForwardEstimator e;
  e.window = window;
  return e.estimate(r.problem, r.u, s, nullptr, 0);
}

double apart(const Hypergradient& a, const Hypergradient& b) { return (a.gradient - b.gradient).norm() / b.gradient.norm(); }

}  // namespace

TEST_CASE("identities: full unroll is forward mode, last K is the late start, a window of all steps is the full unroll") {
  for_each_run([](const Run& r) {
    const InnerSolution s = r.tape({TapeRequest::kAll, 1});
    const Hypergradient full = reverse(r, s, Count::all());
    CHECK(apart(forward(r, s, Count::all()), full) <= 1e-12);
    for (const Index k : {Index{1}, Index{2}, Index{13}, kSteps - 1}) {
      CAPTURE(k);
      const Hypergradient last = reverse(r, s, Count::of(k));
      CHECK(last.window == k);
      CHECK(apart(forward(r, s, Count::of(k)), last) <= 1e-12);
      if (k <= 13) CHECK(apart(last, full) > 1e-12);  // what is compared is not all the same number
      // The tape of the window alone gives the same bits.
      CHECK(reverse(r, r.tape({k, 1}), Count::of(k)).gradient == last.gradient);
    }
    for (const Index k : {kSteps, kSteps + 1, 100 * kSteps}) {
      CAPTURE(k);
      CHECK(reverse(r, s, Count::of(k)).gradient == full.gradient);
      CHECK(reverse(r, r.tape({k, 1}), Count::of(k)).gradient == full.gradient);
      CHECK(forward(r, s, Count::of(k)).gradient == forward(r, s, Count::all()).gradient);
      CHECK(reverse(r, s, Count::of(k)).window == kSteps);
    }
  });
}

TEST_CASE("identities: checkpoints give the full unroll and every last K bit for bit, whatever the stride") {
  for_each_run([](const Run& r) {
    const InnerSolution whole = r.tape({TapeRequest::kAll, 1});
    const Hypergradient full = reverse(r, whole, Count::all());
    for (const Index stride :
         {Index{2}, Index{5}, Index{8}, kSteps - 1, kSteps, kSteps + 1, 10 * kSteps, TapeRequest::kAutoStride}) {
      CAPTURE(stride);
      const Count count = stride == TapeRequest::kAutoStride ? Count::automatic() : Count::of(stride);
      const InnerSolution s = r.tape({TapeRequest::kAll, stride});
      CHECK(s.z == whole.z);
      CHECK(reverse(r, s, Count::all(), count).gradient == full.gradient);
      for (const Index k : {Index{1}, Index{9}, kSteps - 1}) {
        CAPTURE(k);
        CHECK(reverse(r, r.tape({k, stride}), Count::of(k), count).gradient == reverse(r, whole, Count::of(k)).gradient);
      }
    }
  });
}
