// No number of a model depends on what was asked of it before.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <tacit/core/inner/inner.hpp>

#include "model_families.hpp"

using namespace tacit;
using namespace models_test;

namespace {

/// One thing that can be asked of a problem, and all numbers of its answer.
struct Call {
  std::string name;
  std::function<std::vector<double>(const Problem&)> ask;
};

std::vector<double> numbers(std::initializer_list<double> some, const Vec& more = {}) {
  std::vector<double> all(some);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<double> numbers(const Mat& m, const Vec& more = {}) {
  std::vector<double> all(m.data(), m.data() + m.size());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Everything an objective and its curvature offer, at u and at 3 u.
std::vector<Call> calls_of(Index n, Index m, const std::function<Vec(const Problem&)>& u_of) {
  const Vec x = test::Numbers(21).vec(n), p = test::Numbers(22).vec(n);
  const Mat dx = test::Numbers(23).mat(n, 3), du = test::Numbers(24).mat(m, 3);
  std::vector<Call> calls;
  const auto add = [&](const std::string& name, auto ask) {
    for (const double level : {1.0, 3.0})
      calls.push_back({name, [=](const Problem& problem) { return ask(*problem.f, Vec(level * u_of(problem))); }});
  };
  add("value", [=](const Objective& f, const Vec& u) { return numbers({f.value(x, u)}); });
  add("gradient", [=](const Objective& f, const Vec& u) {
    Vec g(n);
    const double value = f.gradient(x, u, g);
    return numbers({value}, g);
  });
  add("linearize", [=](const Objective& f, const Vec& u) {
    FirstOrder at;
    f.linearize(x, u, &at);
    return numbers({at.value}, at.gradient);
  });
  add("hessian", [=](const Objective& f, const Vec& u) {
    Vec out(n);
    f.linearize(x, u)->hessian(p, out);
    return numbers({}, out);
  });
  add("hessian of an older linearization", [=](const Objective& f, const Vec& u) {
    Vec out(n), again(n);
    Mat h(n, n);
    const auto curvature = f.linearize(x, u);
    curvature->hessian(p, out);
    f.linearize(x, u)->dense(h);
    (void)f.smoothness(u);
    curvature->hessian(p, again);
    return numbers({(again - out).norm()}, out);
  });
  add("hessian_batch", [=](const Objective& f, const Vec& u) {
    Mat out(n, 3);
    f.linearize(x, u)->hessian_batch(dx, out);
    return numbers(out);
  });
  add("diagonal and dense", [=](const Objective& f, const Vec& u) {
    Vec d = Vec::Zero(n);
    Mat h = Mat::Zero(n, n);
    const auto curvature = f.linearize(x, u);
    curvature->diagonal(d);
    curvature->dense(h);
    return numbers(h, d);
  });
  add("adjoint", [=](const Objective& f, const Vec& u) {
    Vec a(n), b(m);
    f.adjoint(x, u, p, a, b);
    Vec both(n + m);
    both << a, b;
    return numbers({}, both);
  });
  add("adjoint of a linearization", [=](const Objective& f, const Vec& u) {
    Vec a(n), b(m);
    f.linearize(x, u)->adjoint(p, a, b);
    Vec both(n + m);
    both << a, b;
    return numbers({}, both);
  });
  add("tangents", [=](const Objective& f, const Vec& u) {
    Vec g(n);
    Mat dg(n, 3);
    f.tangents(x, u, dx, du, g, dg);
    return numbers(dg, g);
  });
  add("smoothness", [=](const Objective& f, const Vec& u) { return numbers({f.smoothness(u)}); });
  add("convexity", [=](const Objective& f, const Vec& u) { return numbers({f.convexity(u)}); });
  add("gradient_scale", [=](const Objective& f, const Vec& u) { return numbers({f.gradient_scale(u)}); });
  add("derivative_lipschitz", [=](const Objective& f, const Vec& u) {
    return numbers({f.derivative_lipschitz(u, test::Numbers(25).mat(n, m), Vec::Ones(m))});
  });
  calls.push_back({"criterion", [=](const Problem& problem) {
                     Vec gx(n), gu(m);
                     const double l = problem.l->gradient(x, u_of(problem), gx, gu);
                     return numbers({l, problem.l->smoothness()}, gx);
                   }});
  return calls;
}

/// Every registered solver that takes the problem: where it gets within a few steps.
void add_solves(std::vector<Call>& calls, const Problem& first, const std::function<Vec(const Problem&)>& u_of) {
  Registry<InnerSolver> solvers("solver");
  register_solvers(solvers);
  for (const std::string& name : solvers.names()) {
    if (name == "cholesky" && !first.f->quadratic()) continue;
    if ((name == "heavy-ball" || name == "nesterov") && !(first.f->convexity(u_of(first)) > 0)) continue;
    calls.push_back({name, [=](const Problem& problem) {
                       Registry<InnerSolver> registry("solver");
                       register_solvers(registry);
                       const auto solver = registry.make(name);
                       const InnerSolution s = solver->solve(problem, u_of(problem), nullptr, Accuracy{1e-3}, TapeRequest{});
                       return numbers({s.residual, static_cast<double>(s.steps)}, s.z);
                     }});
  }
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// Each answer alone on a problem of its own, then all of them in `orders` orders, on one fresh problem an order.
void check_history(const std::function<Problem()>& make, int orders) {
  const Problem first = make();
  const auto u_of = [](const Problem& p) { return Vec(10 * penalties(p)); };
  std::vector<Call> calls = calls_of(first.f->inner_dim(), first.f->outer_dim(), u_of);
  add_solves(calls, first, u_of);
  std::vector<std::vector<double>> alone;
  for (const Call& call : calls) alone.push_back(call.ask(make()));
  std::vector<std::size_t> order(calls.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  test::Numbers draw(31);
  for (int k = 0; k < orders; ++k) {
    const Problem problem = make();
    std::string before = "nothing";
    for (const std::size_t i : order) {
      CAPTURE(calls[i].name);
      CAPTURE(before);
      CHECK(same_bits(calls[i].ask(problem), alone[i]));
      before = calls[i].name;
    }
    for (std::size_t i = order.size(); i-- > 1;)
      std::swap(order[i], order[static_cast<std::size_t>((draw.next() + 1) / 2 * static_cast<double>(i))]);
  }
}

}  // namespace

TEST_CASE("models: no number depends on what was asked before") {
  for_each_model([](const Made& m) {
    check_history([&] { return m.family.make(parts_of(m.family.classifier, m.sparse, m.options.intercept), m.options); }, 3);
  });
}

TEST_CASE("models: nor where the Gram matrix is too wide for its eigenvalues, or not worth making") {
  for (const Family& family : all_families()) {
    const std::string& name = family.name;
    for (const Index rows : {60, 200}) {
      CAPTURE(name);
      CAPTURE(rows);
      const auto make = [&] {
        constexpr Index kWide = LinearModel::kEigenDim + 20;
        ModelParts p;
        const Mat a = test::Numbers(41).mat(rows, kWide);
        p.train = Design(std::make_shared<Mat>(a));
        p.y = a * test::Numbers(42).vec(kWide);
        if (family.classifier) p.y = p.y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; }).eval();
        p.validation = p.train;
        p.validation_y = p.y;
        return family.make(p, {});
      };
      const Problem made = make();
      const LinearModel& f = *made.f->linear();
      CHECK(f.by_gram() == (f.quadratic() && rows == 200));
      check_history(make, 2);
    }
  }
}
