#include <doctest/doctest.h>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/model/counting.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

TEST_CASE("counting: each evaluation adds what it is") {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem plain = test::logistic_problem(1), p = counted(plain, counter);
  CHECK(p.work == counter);
  const Index n = p.f->inner_dim(), m = p.f->outer_dim();
  const Vec x = test::Numbers(1).vec(n), u = Vec::Constant(m, 0.1), d = test::Numbers(2).vec(n), w = test::Numbers(3).vec(m);
  Vec g(n), c(m), same(n);
  Work before;
  const auto added = [&] {
    const Work now = counter->read(), delta = now - before;
    before = now;
    return delta;
  };
  CHECK(p.f->value(x, u) == plain.f->value(x, u));
  CHECK(added() == Work{.values = 1});
  CHECK(p.f->gradient(x, u, g) == plain.f->gradient(x, u, same));
  CHECK(g == same);
  CHECK(added() == Work{.gradients = 1});
  FirstOrder at;
  const auto curvature = p.f->linearize(x, u, &at);
  CHECK(at.gradient == g);
  CHECK(added() == Work{.gradients = 1});
  curvature->hessian(d, g);
  CHECK(added() == Work{.hessian_products = 1});
  curvature->cross(d, c);
  curvature->cross_t(w, g);
  CHECK(added() == Work{.cross_products = 2});
  curvature->adjoint(d, g, c);
  CHECK(added() == Work{.hessian_products = 1, .cross_products = 1});
  Mat block = test::Numbers(4).mat(n, 5), out(n, 5), hyper = test::Numbers(5).mat(m, 5);
  curvature->hessian_batch(block, out);
  CHECK(added() == Work{.hessian_products = 5});
  p.f->adjoint(x, u, d, g, c);
  CHECK(added() == Work{.hessian_products = 1, .cross_products = 1});
  p.f->tangents(x, u, block, hyper, g, out);
  CHECK(added() == Work{.gradients = 1, .hessian_products = 5, .cross_products = 5});
  Vec diagonal(n);
  CHECK(curvature->diagonal(diagonal));
  CHECK(p.f->convexity(u) == plain.f->convexity(u));
  CHECK(p.f->quadratic() == plain.f->quadratic());
  CHECK(added() == Work{});
  // What a struct is asked for its constants, once a point.
  CHECK(p.f->smoothness(u) == plain.f->smoothness(u));
  const Work power = added();
  CHECK(power.hessian_products > 1);
  CHECK(power == Work{.hessian_products = power.hessian_products});
  CHECK(p.f->gradient_scale(u) == plain.f->gradient_scale(u));
  CHECK(added() == Work{.gradients = 1});
  CHECK(p.f->smoothness(u) == plain.f->smoothness(u));
  CHECK(p.f->gradient_scale(u) == plain.f->gradient_scale(u));
  CHECK(added() == Work{});
}

TEST_CASE("counting: maps add their steps, replays included") {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(test::ridge_problem(), counter);
  const Vec u = Vec::Constant(1, 0.1);
  const auto map = Nesterov().bind(p, u);
  const Work chosen = counter->read();  // what its step size took
  CHECK(chosen == Work{.hessian_products = chosen.hessian_products});
  Vec z = Vec::Zero(map->state_dim()), next(map->state_dim());
  for (Index k = 0; k < 7; ++k) {
    map->step(k, z, u, next);
    z.swap(next);
  }
  CHECK(counter->read() - chosen == Work{.gradients = 7, .map_steps = 7});
  Vec pulled(map->state_dim()), grad = Vec::Zero(1);
  map->vjp(6, z, u, next, pulled, grad);
  CHECK(counter->read() - chosen == Work{.gradients = 7, .hessian_products = 1, .cross_products = 1, .map_steps = 7});
}

TEST_CASE("counting: refuses what cannot be counted") {
  CHECK_THROWS_AS(counted(Problem{}, std::make_shared<WorkCounter>()), UsageError);
  CHECK_THROWS_AS(counted(test::ridge_problem(), nullptr), UsageError);
}
