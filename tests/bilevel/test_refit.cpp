// The final fit: how far it came is part of what it returns.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/bilevel/refit.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/models.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// 12 rows of two columns, the second all zero when it is to be empty; y is 1 or -1, told apart by the first.
Problem problem_of(std::shared_ptr<const Loss> loss, double l2, bool empty) {
  auto x = std::make_shared<Mat>(12, 2);
  Vec y(12);
  for (Index i = 0; i < 12; ++i) {
    (*x)(i, 0) = static_cast<double>(i) - 5.5;
    (*x)(i, 1) = empty ? 0 : std::cos(static_cast<double>(3 * i));
    y[i] = i > 5 ? 1 : -1;
  }
  ModelParts parts;
  parts.train = Design(std::shared_ptr<const Mat>(x));
  parts.validation = parts.train.row_range(0, 0);
  parts.y = y;
  ModelOptions options;
  options.fixed = l2;
  return linear_problem(std::move(loss), parts, options);
}

Vec none() { return Vec(0); }

/// Logistic regression on the first rows of 600 with 60 correlated columns, one penalty.
Problem first_rows(Index rows) {
  const Index n = 600, p = 60;
  test::Numbers draw(31);
  auto x = std::make_shared<Mat>(draw.mat(n, p));
  for (Index j = 1; j < p; ++j) x->col(j) = 0.9 * x->col(j - 1) + 0.3 * x->col(j);
  Vec y(n);
  for (Index i = 0; i < n; ++i) y[i] = (*x)(i, 5) - (*x)(i, 40) + 2 * draw.next() > 0 ? 1 : -1;
  ModelParts parts;
  parts.train = Design(std::shared_ptr<const Mat>(x)).row_range(0, rows);
  parts.validation = parts.train.row_range(0, 0);
  parts.y = y.head(rows);
  return linear_problem(std::make_shared<LogisticLoss>(), parts, {});
}

}  // namespace

TEST_CASE("refit: a problem with one solution is solved to rounding, from anywhere and without a word") {
  for (const bool empty : {false, true}) {
    for (const std::shared_ptr<const Loss>& loss : {std::shared_ptr<const Loss>(std::make_shared<SquaredLoss>()),
                                                    std::shared_ptr<const Loss>(std::make_shared<LogisticLoss>())}) {
      const Problem p = problem_of(loss, 0.1, empty);
      for (const Vec& x : {Vec{{0, 0, 0}}, Vec{{5, -3, 2}}}) {
        const Refit r = refit(p, none(), x);
        CHECK(r.reached());
        CHECK(r.message.empty());
        Vec g(3);
        p.f->gradient(r.x, none(), g);
        CHECK(g.norm() < 1e-14);
        CHECK(r.gradient_norm == g.norm());
      }
    }
  }
}

TEST_CASE("refit: what does not reach rounding says so, with its status and the numbers") {
  // No single solution: a column that says nothing.
  const Refit flat = refit(problem_of(std::make_shared<SquaredLoss>(), 0, true), none(), Vec{{1, 1, 1}});
  // No solution at all: the classes lie apart, and the coefficients grow without end.
  const Refit endless = refit(problem_of(std::make_shared<LogisticLoss>(), 0, false), none(), Vec::Zero(3));
  CHECK(flat.status == Status::negative_curvature);
  CHECK(endless.status != Status::rounding);
  for (const Refit* r : {&flat, &endless}) {
    INFO(r->message);
    CHECK_FALSE(r->reached());
    CHECK(r->message.find(to_string(r->status)) != std::string::npos);
    CHECK(r->message.find("gradient is ") != std::string::npos);
    CHECK(r->x.allFinite());
  }
}

TEST_CASE("refit: with what newton-cg has kept of other rows it gets to the same solution in fewer passes") {
  const Problem part = first_rows(400), whole = first_rows(600);
  const Vec u = Vec::Constant(1, 1e-3), stronger = Vec::Constant(1, 1e-1);
  const InnerSolution none_kept = NewtonCgSolver().solve(part, u, nullptr, Accuracy{1e-6}, {});
  InnerSolution solved = NewtonCgSolver().solve(part, Vec(u / 8), &none_kept, Accuracy{1e-9}, {});
  for (int k = 0; k < 12 && !kept_hessian(solved); ++k)
    solved = NewtonCgSolver().solve(part, Vec(u * std::pow(2.0, k)), &solved, Accuracy{1e-9}, {});
  REQUIRE(kept_hessian(solved));
  for (const Vec& at : {u, stronger}) {
    const auto plain = std::make_shared<WorkCounter>(), near = std::make_shared<WorkCounter>();
    const Refit a = refit(counted(whole, plain), at, solved.x());
    const Refit b = refit(counted(whole, near), at, solved.x(), &solved);
    CHECK(b.reached());
    CHECK((a.x - b.x).norm() <= 1e-10 * a.x.norm());
    CHECK(b.gradient_norm <= 1e-12 * whole.f->gradient_scale(at));
    CHECK(near->read().inner_units() <= plain->read().inner_units());
  }
  const InnerSolution nothing{};
  CHECK(refit(whole, u, solved.x(), &nothing).x == refit(whole, u, solved.x()).x);
}
