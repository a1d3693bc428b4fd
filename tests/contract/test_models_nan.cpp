// A NaN in the data of a model, or in what its loss is asked for, is in what comes out.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "model_families.hpp"

using namespace tacit;
using namespace models_test;

namespace {

/// Quiet, signalling, negative, and with a payload, R's NA (1954) first among them.
std::vector<double> all_nans() {
  std::vector<double> all;
  for (const std::uint64_t bits :
       {0x7FF8000000000000u, 0xFFF8000000000000u, 0x7FF00000000007A2u, 0x7FF80000000007A2u, 0xFFF00000000007A2u,
        0x7FF0000000000001u, 0xFFF0000000000001u, 0x7FF4000000000000u, 0x7FFFFFFFFFFFFFFFu, 0xFFFFFFFFFFFFFFFFu,
        0x7FF8000000000BFFu, 0x7FF80000000003FFu, 0x7FF8000000000400u, 0x7FF8000000000FFFu, 0x7FFC000000000001u}) {
    all.push_back(std::bit_cast<double>(std::uint64_t{bits}));
  }
  return all;
}

}  // namespace

TEST_CASE("models: a NaN of any bits makes value and derivatives of a loss NaN, in its own row alone, infinity makes no NaN") {
  for (const Family& family : all_families()) {
    CAPTURE(family.name);
    const auto& loss = family.loss;
    for (const Index n : {1, 2, 3, 7, 8, 15, 16, 33, 257, 300}) {
      Vec targets(n);
      for (Index i = 0; i < n; ++i) targets[i] = i % 3 == 0 ? 1 : -1;
      for (const double nan : all_nans()) {
        for (const Index at : {Index{0}, n / 2, n - 1}) {
          Vec z = Vec::LinSpaced(n, -3, 3), phi(n), first(n), second(n);
          std::memcpy(z.data() + at, &nan, sizeof nan);
          loss->evaluate(n, z.data(), targets.data(), phi.data(), first.data(), second.data());
          CHECK(std::isnan(phi[at]));
          CHECK(std::isnan(first[at]));
          if (!loss->quadratic()) CHECK(std::isnan(second[at]));
          CHECK(phi.array().isNaN().count() == 1);
          CHECK(first.array().isNaN().count() == 1);
          CHECK(second.array().isNaN().count() <= 1);
        }
      }
    }
    for (const double z : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
      for (const double y : {1.0, -1.0}) {
        if (!family.tame) continue;
        double phi = 0, first = 0, second = 0;
        loss->evaluate(1, &z, &y, &phi, &first, &second);
        CHECK_FALSE(std::isnan(phi));
        CHECK_FALSE(std::isnan(first));
        CHECK_FALSE(std::isnan(second));
        // Flat where the loss is 0, and falling or rising to where it is infinite.
        if (std::isinf(phi)) CHECK(std::abs(first) >= 0.5);
        if (!std::isinf(phi)) CHECK(std::abs(first) <= 1e-300);
      }
    }
  }
}

TEST_CASE("models: a NaN of any bits in the data reaches value and every derivative of the objective") {
  for (const Family& family : all_families()) {
    const std::string& name = family.name;
    for (const bool sparse : {false, true}) {
      for (const double nan : all_nans()) {
        CAPTURE(name);
        CAPTURE(sparse);
        ModelParts p = parts_of(family.classifier, sparse, false);
        Mat a = raw_rows(kTrain, 5);
        std::memcpy(&a(17, 3), &nan, sizeof nan);
        p.train = rows_of(a, sparse);
        ModelOptions options;
        options.lower = 1e-3;
        options.upper = 1e3;
        const Problem problem = family.make(p, options);
        const Objective& f = *problem.f;
        const Index n = f.inner_dim();
        const Vec u = penalties(problem), x = test::Numbers(61).vec(n);
        Vec g(n), h(n), b(n), cross(u.size());
        Mat dg(n, 4);
        FirstOrder at;
        const auto c = f.linearize(x, u, &at);
        CHECK(std::isnan(f.value(x, u)));
        CHECK(std::isnan(f.gradient(x, u, g)));
        CHECK(std::isnan(at.value));
        c->hessian(x, h);
        f.adjoint(x, u, x, b, cross);
        f.tangents(x, u, test::Numbers(62).mat(n, 4), Mat::Ones(u.size(), 4), at.gradient, dg);
        CHECK(std::isnan(g[3]));
        CHECK(std::isnan(h[3]));
        CHECK(std::isnan(b[3]));
        CHECK(std::isnan(at.gradient[3]));
        CHECK(dg.row(3).array().isNaN().all());
      }
    }
  }
}
