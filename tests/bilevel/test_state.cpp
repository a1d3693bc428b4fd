// All that the next outer step carries goes through bytes and continues to the same bits, in the middle of any run.
#include <doctest/doctest.h>

#include <limits>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/schedule.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/support/byte_stream.hpp>

#include "bilevel/followers.hpp"
#include "bilevel/ways.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

/// An outer loop of one's own, as the driver's: what it carries is in the optimizer, the tolerances and the number of the step.
struct Loop {
  const Oracle& oracle;
  const HyperSpace& space;
  OuterOptimizer& optimizer;
  Tolerances tolerances;
  Index k = 0;
  double norm = 0;  ///< of the last hypergradient
  std::vector<Vec> theta{}, gradient{};
  std::vector<double> value{}, error{}, nats{};

  Loop(const Oracle& o, const HyperSpace& s, OuterOptimizer& opt)
      : oracle(o), space(s), optimizer(opt),
        tolerances(o.may_loosen() ? Schedule::adaptive : Schedule::fixed, o.tightest(), s.size(), o.target()) {}
  void begin(const Vec& theta0) {
    Evaluation e = oracle.differentiate(oracle.evaluate(theta0, tolerances.at(1)), tolerances.at(1));
    norm = e.gradient.norm();
    optimizer.reset(oracle.diagnose(std::move(e), 0, 1e-6));
  }
  void step() {
    const Tolerance t = tolerances.next(++k, norm);
    StepOutcome out = optimizer.step(oracle, space, t);
    if (out.stalled) tolerances.tighten();
    Evaluation e = oracle.diagnose(std::move(out.accepted), k, 1e-6);
    e.forget_tape();
    norm = e.gradient.norm();
    tolerances.follow(norm, e.effect);
    theta.push_back(e.theta);
    gradient.push_back(e.gradient);
    value.push_back(e.value);
    error.push_back(e.diagnostics.hypergradient_error);
    nats.push_back(e.diagnostics.head_start_nats);
    optimizer.refresh(e);
  }
  void state(StateVisitor& v) {
    optimizer.state(v);
    tolerances.state(v);
    v.state("k", k);
    v.state("norm", norm);
  }
};

std::vector<double> bits(const Loop& loop) {
  std::vector<double> all;
  for (std::size_t i = 0; i < loop.theta.size(); ++i) {
    for (const Vec* v : {&loop.theta[i], &loop.gradient[i]}) all.insert(all.end(), v->begin(), v->end());
    for (const double x : {loop.value[i], loop.error[i], loop.nats[i]}) all.push_back(std::isnan(x) ? 1e300 : x);
  }
  return all;
}

using MakeOracle = std::function<std::unique_ptr<Oracle>()>;

/// Three steps, then three more: once as they are, once by another optimizer and another oracle that read the bytes.
void check_continues(const MakeOracle& make, const HyperSpace& space, const std::string& optimizer_name) {
  const auto optimizers = registry<OuterOptimizer>(register_optimizers);
  const auto oracle = make(), other = make();
  const auto first = optimizers.make(optimizer_name), second = optimizers.make(optimizer_name);
  Loop whole(*oracle, space, *first), resumed(*other, space, *second);
  whole.begin(Vec::Constant(space.size(), -2.0));
  for (int k = 0; k < 3; ++k) whole.step();
  StateWriter writer;
  whole.state(writer);
  StateReader reader(writer.bytes());
  resumed.state(reader);
  CHECK(reader.at_end());
  StateWriter again;
  resumed.state(again);
  CHECK(again.bytes() == writer.bytes());
  whole.theta.clear(), whole.gradient.clear(), whole.value.clear(), whole.error.clear(), whole.nats.clear();
  for (int k = 0; k < 3; ++k) whole.step(), resumed.step();
  CHECK(bits(whole) == bits(resumed));
}

}  // namespace

TEST_CASE("state: a run goes on from bytes to the same bits, with every solver, estimator and optimizer") {
  int cases = 0;
  for (const bool maps : {false, true}) {
    for (const Way& way : ways(maps)) {
      for (const std::string& optimizer : tacit_test::followers()) {
        const Problem p = random_problem(cases % 2 == 0 || way.solver == "cholesky" ? 6 : 3);
        CAPTURE(way.solver);
        CAPTURE(way.estimator);
        CAPTURE(optimizer);
        const auto make = [&] { return make_oracle(p, solver_named(way.solver), way.make()); };
        check_continues(make, p.space, optimizer);
        ++cases;
      }
    }
  }
  CHECK(cases > 200);
  MESSAGE(cases << " combinations");
}

TEST_CASE("state: a sum of oracles carries each part's") {
  const auto make = [] {
    std::vector<Summand> parts;
    for (const unsigned seed : {2U, 4U, 8U})
      parts.push_back({make_oracle(random_problem(seed), solver_named("newton"), std::make_shared<ImplicitCgEstimator>())});
    return sum_of(std::move(parts), {2});
  };
  check_continues(make, random_problem(2).space, "lbfgs");
}

TEST_CASE("state: values of every kind come back to the bit, another state and damaged bytes are refused") {
  const auto visit = [](StateVisitor& v, double& d, Index& i, bool& b, std::string& s, Vec& x, std::vector<double>& l,
                        std::vector<Vec>& w) {
    v.state("d", d);
    v.state("i", i);
    v.state("b", b);
    v.state("s", s);
    v.state("x", x);
    v.state("l", l);
    v.state("w", w);
  };
  double d = -0.0;
  Index i = std::numeric_limits<Index>::min();
  bool b = true;
  std::string s("a\0b", 3);
  Vec x{{1e-310, std::numeric_limits<double>::infinity()}};
  std::vector<double> l{};
  std::vector<Vec> w{Vec(), Vec::Constant(3, 0.1)};
  StateWriter writer;
  visit(writer, d, i, b, s, x, l, w);
  double d2 = 1;
  Index i2 = 0;
  bool b2 = false;
  std::string s2 = "old";
  Vec x2 = Vec::Ones(5);
  std::vector<double> l2{3};
  std::vector<Vec> w2;
  const auto read = [&](std::string_view bytes) {
    StateReader reader(bytes);
    visit(reader, d2, i2, b2, s2, x2, l2, w2);
    return reader.at_end();
  };
  CHECK(read(writer.bytes()));
  CHECK(std::signbit(d2));
  CHECK(d2 == 0);
  CHECK(i2 == i);
  CHECK(b2);
  CHECK(s2 == s);
  CHECK(x2 == x);
  CHECK(l2.empty());
  CHECK(w2 == w);
  for (std::size_t n = 0; n < writer.bytes().size(); ++n) CHECK_THROWS_AS(read(writer.bytes().substr(0, n)), UsageError);
  StateReader reader(writer.bytes());
  CHECK_THROWS_AS(reader.state("i", i2), UsageError);
  StateReader wrong(writer.bytes());
  CHECK_THROWS_AS(wrong.state("other", d2), UsageError);
}
