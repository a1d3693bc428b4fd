// What a struct of somebody's own is asked for is what the account says, for every solver and estimator.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

struct Calls {
  std::atomic<std::int64_t> values{0}, gradients{0}, hessian{0}, cross{0};
};

/// A plain struct that counts its own calls and knows no constants.
template <class Base>
struct Watched : Base {
  std::shared_ptr<Calls> calls = std::make_shared<Calls>();
  double value(const Vec& x, const Vec& u) const {
    ++calls->values;
    return Base::value(x, u);
  }
  Vec gradient(const Vec& x, const Vec& u) const {
    ++calls->gradients;
    return Base::gradient(x, u);
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    ++calls->hessian;
    return Base::hessian(x, u, p);
  }
  Vec cross(const Vec& x, const Vec& u, const Vec& p) const {
    ++calls->cross;
    return Base::cross(x, u, p);
  }
  Vec cross_t(const Vec& x, const Vec& u, const Vec& w) const {
    ++calls->cross;
    return Base::cross_t(x, u, w);
  }
};

template <class Base>
std::pair<Problem, std::shared_ptr<Calls>> watched() {
  const Mat a = test::uneven_data(40, 8, 3);
  Watched<Base> f;
  f.a = a;
  f.y = a * test::Numbers(5).vec(8) + 0.3 * test::Numbers(7).vec(40);
  if constexpr (std::is_same_v<Base, test::PlainLogistic>) f.y = f.y.array().sign();
  const auto calls = f.calls;
  Problem p = test::plain_problem("watched", std::move(f));
  p.l = adapt_criterion(test::PlainDistance{0.3 * test::Numbers(5).vec(8)});
  p.space = HyperSpace({HyperBlock{"u", 1, Scale::log, 1e-4, 1e2}});
  return {p, calls};
}

template <class Base>
void check_account() {
  Registry<InnerSolver> solvers("solver");
  register_solvers(solvers);
  Registry<HypergradientEstimator> estimators("estimator");
  register_estimators(estimators);
  Index runs = 0;
  for (const std::string& solver_name : solvers.names()) {
    for (const std::string& name : estimators.names()) {
      CAPTURE(solver_name);
      CAPTURE(name);
      const auto [p, calls] = watched<Base>();
      std::shared_ptr<const InnerSolver> solver = solvers.make(solver_name);
      if (solver_name == "cholesky" && !p.f->quadratic()) continue;
      std::unique_ptr<Oracle> oracle;
      try {
        check_pair(name, *estimators.make(name), solver_name, *solver);
        OracleOptions options;
        options.reference_every = 2;
        options.audit_every = 2;
        oracle = make_oracle(p, solver, estimators.make(name), options);
      } catch (const UsageError&) {
        continue;  // a pair that cannot work
      }
      LbfgsOuter optimizer;
      DriverOptions options;
      options.max_steps = 4;
      const Summary s = solve(options, p.space, *oracle, optimizer, Vec::Zero(1));
      CHECK(s.steps > 0);
      const Work all = oracle->work() + oracle->diagnostic_work();
      CHECK(calls->gradients == all.gradients);
      CHECK(calls->hessian == all.hessian_products);
      CHECK(calls->cross == all.cross_products);
      CHECK(calls->values == all.values + all.gradients);  // a gradient gives the value too
      ++runs;
    }
  }
  CHECK(runs >= 30);
}

}  // namespace

TEST_CASE("honest work: every call of a struct is in the account, per kind, for every solver with every estimator") {
  check_account<test::PlainRidge>();
  check_account<test::PlainLogistic>();
}

TEST_CASE("honest work: the smoothness of a struct is computed once a point, and is the same whatever was asked before") {
  const auto [p, calls] = watched<test::PlainRidge>();
  const auto bits = [](double v) {
    std::uint64_t b;
    std::memcpy(&b, &v, sizeof b);
    return b;
  };
  std::vector<Vec> points;
  for (int k = 0; k < 30; ++k) points.push_back(Vec::Constant(1, 0.01 * (k + 1)));
  std::vector<std::uint64_t> alone;
  for (const Vec& u : points) alone.push_back(bits(watched<test::PlainRidge>().first.f->smoothness(u)));
  for (const int stride : {1, 7, 11}) {
    for (int k = 0; k < 30; ++k) {
      const auto i = static_cast<std::size_t>(k * stride % 30);
      CHECK(bits(p.f->smoothness(points[i])) == alone[i]);
      const std::int64_t before = calls->hessian;
      CHECK(bits(p.f->smoothness(points[i])) == alone[i]);
      CHECK(calls->hessian == before);
    }
  }
  // What one counter sees does not depend on what others asked.
  const auto first = std::make_shared<WorkCounter>(), second = std::make_shared<WorkCounter>();
  counted(p, first).f->smoothness(points[4]);
  counted(p, second).f->smoothness(points[4]);
  CHECK(first->read() == second->read());
  CHECK(first->read().hessian_products > 0);
  // Decorators of decorators count each.
  const Problem twice = counted(counted(p, first), second);
  Vec g(8);
  const std::int64_t before = first->read().gradients;
  twice.f->gradient(Vec::Ones(8), points[0], g);
  CHECK(first->read().gradients == before + 1);
  CHECK(second->read().gradients == 1);
}

TEST_CASE("honest work: threads that ask for the same smoothness get the same number, computed once") {
  const auto [p, calls] = watched<test::PlainLogistic>();
  const auto counter = std::make_shared<WorkCounter>();
  const Problem q = counted(p, counter);
  const Vec u = Vec::Constant(1, 0.3);
  std::vector<double> seen(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < seen.size(); ++i) threads.emplace_back([&, i] { seen[i] = q.f->smoothness(u); });
  for (std::thread& t : threads) t.join();
  CHECK(seen == std::vector<double>(4, p.f->smoothness(u)));
  CHECK(counter->read().hessian_products * 2 == calls->hessian);  // once for q, once for p
}
