// Several problems as one.
#include <doctest/doctest.h>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/stacked.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

ModelParts parts_of(unsigned seed, Index rows, bool classifier) {
  ModelParts p;
  const Mat a = test::uneven_data(rows, 4, seed), b = test::uneven_data(9, 4, seed + 1);
  p.train = Design(std::make_shared<Mat>(a));
  p.validation = Design(std::make_shared<Mat>(b));
  p.y = a * Vec::LinSpaced(4, -2, 1) + test::Numbers(seed + 2).vec(rows);
  p.validation_y = b * Vec::LinSpaced(4, -2, 1) + test::Numbers(seed + 3).vec(9);
  if (classifier) {
    p.y = p.y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; }).eval();
    p.validation_y = p.validation_y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; }).eval();
  }
  return p;
}

std::vector<Problem> folds(bool classifier, PenaltyPer per) {
  const auto task = make_task(classifier ? "logistic" : "ridge");
  ModelOptions o;
  o.per = per;
  o.lower = 1e-4;
  o.upper = 1e2;
  std::vector<Problem> all;
  for (unsigned k = 0; k < 3; ++k) all.push_back(task->make(parts_of(10 * k + 1, 20 + static_cast<Index>(k), classifier), o));
  return all;
}

}  // namespace

TEST_CASE("a stacked problem passes verify, with its constants, whatever its parts") {
  for (const bool classifier : {false, true}) {
    for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
      const Problem p = stacked(folds(classifier, per), {0.5, 0.3, 0.2});
      CHECK(p.f->inner_dim() == 15);
      CHECK(p.check().empty());
      const VerifyReport report = verify(p, {Vec::Constant(p.f->outer_dim(), 0.3)});
      CAPTURE(report.to_text());
      CHECK(report.ok());
    }
  }
}

TEST_CASE("solution, loss and products of a stacked problem are those of its parts") {
  const std::vector<Problem> parts = folds(true, PenaltyPer::feature);
  const std::vector<double> weights{0.5, 0.3, 0.2};
  const Problem p = stacked(parts, weights);
  const Vec u = Vec::LinSpaced(4, 0.02, 0.3);
  const NewtonSolver newton;
  const Vec x = newton.solve(p, u, nullptr, Accuracy{1e-13}, {}).x();
  double value = 0;
  Vec gu = Vec::Zero(4), one_u(4);
  for (std::size_t k = 0; k < 3; ++k) {
    const Vec own = newton.solve(parts[k], u, nullptr, Accuracy{1e-13}, {}).x();
    const Vec mine = x.segment(5 * static_cast<Index>(k), 5);
    CHECK((mine - own).norm() <= 1e-10 * own.norm());
    value += weights[k] * parts[k].l->value(mine, u);
    Vec out_x(5);
    parts[k].f->adjoint(mine, u, Vec::LinSpaced(5, -1, 1), out_x, one_u);
    gu += one_u;
  }
  CHECK(p.l->value(x, u) == value);
  Vec p_all(15), out_x(15), out_u(4);
  p_all << Vec::LinSpaced(5, -1, 1), Vec::LinSpaced(5, -1, 1), Vec::LinSpaced(5, -1, 1);
  p.f->adjoint(x, u, p_all, out_x, out_u);
  CHECK(out_u == gu);
}

TEST_CASE("problems that do not go together are not stacked") {
  std::vector<Problem> parts = folds(false, PenaltyPer::all);
  CHECK_THROWS_AS(stacked({}, {}), UsageError);
  CHECK_THROWS_AS(stacked(parts, {1, 1}), UsageError);
  CHECK_THROWS_AS(stacked(parts, {1, 1, std::numeric_limits<double>::quiet_NaN()}), UsageError);
  parts[1] = folds(false, PenaltyPer::feature)[1];
  CHECK_THROWS_AS(stacked(parts, {1, 1, 1}), UsageError);
  parts = folds(false, PenaltyPer::all);
  parts[2].l = nullptr;
  CHECK_THROWS_AS(stacked(parts, {1, 1, 1}), UsageError);
}
