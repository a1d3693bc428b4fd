// What newton-cg keeps of f_xx from run to run, and the eigenpair that is led over from a matrix near.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <Eigen/Dense>

#include <tacit/core/inner/detail/kept_hessian.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/support/byte_stream.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/models.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Logistic regression of noisy classes on columns that walk, each near the one before, so that the diagonal of f_xx is a poor
/// guide to its inverse.
Problem correlated(PenaltyPer per, std::shared_ptr<const Loss> loss = std::make_shared<const LogisticLoss>()) {
  const Index n = 600, p = 120;
  test::Numbers draw(31);
  auto x = std::make_shared<Mat>(draw.mat(n, p));
  for (Index j = 1; j < p; ++j) x->col(j) = 0.98 * x->col(j - 1) + 0.2 * x->col(j);
  ModelParts parts;
  parts.train = Design(std::shared_ptr<const Mat>(x));
  parts.y.resize(n);
  for (Index i = 0; i < n; ++i) parts.y[i] = (*x)(i, 5) - (*x)(i, 60) + 3 * draw.next() > 0 ? 1 : -1;
  parts.validation = parts.train.row_range(0, 50);
  parts.validation_y = parts.y.head(50);
  ModelOptions options;
  options.per = per;
  options.lower = 1e-6;
  options.upper = 1e3;
  return linear_problem(std::move(loss), parts, options);
}

struct Path {
  std::vector<InnerSolution> solutions;
  Work work;
};

/// Solves along the penalties from large to small; forget: without what was kept.
Path along(const Problem& problem, const std::vector<Vec>& us, bool forget) {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem counting = counted(problem, counter);
  Path path;
  for (const Vec& u : us) {
    std::optional<InnerSolution> last;
    if (!path.solutions.empty()) last = path.solutions.back();
    if (last && forget) {
      last->kept = nullptr;
      last->inverse = nullptr;
    }
    path.solutions.push_back(NewtonCgSolver().solve(counting, u, last ? &*last : nullptr, Accuracy{1e-7}, {}));
    CHECK(path.solutions.back().status == Status::converged);
  }
  path.work = counter->read();
  return path;
}

std::vector<Vec> penalties(Index m) {
  std::vector<Vec> us;
  for (const double level : {1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4}) {
    Vec u(m);
    for (Index j = 0; j < m; ++j) u[j] = level * (1 + 0.5 * static_cast<double>(j % 3));
    us.push_back(u);
  }
  return us;
}

}  // namespace

TEST_CASE("newton-cg: what is kept of f_xx changes no solution and saves products, of one penalty and of many") {
  for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
    const Problem problem = correlated(per);
    const std::vector<Vec> us = penalties(problem.space.size());
    const Path kept = along(problem, us, false), forgot = along(problem, us, true);
    CAPTURE(problem.space.size());
    for (std::size_t k = 0; k < us.size(); ++k) {
      const Vec &a = kept.solutions[k].z, &b = forgot.solutions[k].z;
      CHECK((a - b).norm() <= 1e-4 * b.norm());
    }
    CHECK(kept.work.hessian_products < forgot.work.hessian_products / 2);
    CHECK(kept_hessian(kept.solutions.back()) != nullptr);
    CHECK_FALSE(kept_hessian(InnerSolution{}));
  }
}

TEST_CASE("newton-cg: a run starts from the solution to first order in u, which is all of it where f is quadratic") {
  const Problem problem = correlated(PenaltyPer::feature, std::make_shared<const SquaredLoss>());
  const Path path = along(problem, penalties(problem.space.size()), false);
  const InnerSolution& last = path.solutions.back();
  REQUIRE(kept_hessian(last));
  const auto counter = std::make_shared<WorkCounter>();
  const Vec u = 3 * penalties(problem.space.size()).back();
  const InnerSolution next = NewtonCgSolver().solve(counted(problem, counter), u, &last, Accuracy{1e-7}, {});
  CHECK(next.x0 == last.x());
  CHECK_FALSE(next.cold);
  CHECK((next.x() - last.x()).norm() > 1e-3 * last.x().norm());
  CHECK(next.steps == 0);
  CHECK(next.residual <= 1e-8);
  CHECK(counter->read().hessian_products == 0);
}

TEST_CASE("newton-cg: an earlier point that is no number leaves a cold start with what was kept") {
  const Problem problem = correlated(PenaltyPer::all);
  const Path path = along(problem, penalties(1), false);
  InnerSolution nowhere = path.solutions.back();
  nowhere.z.setConstant(std::numeric_limits<double>::quiet_NaN());
  const Vec u = Vec::Constant(1, 1e-4);
  const auto count = [&](const InnerSolution* from) {
    const auto counter = std::make_shared<WorkCounter>();
    const InnerSolution s = NewtonCgSolver().solve(counted(problem, counter), u, from, Accuracy{1e-7}, {});
    CHECK(s.status == Status::converged);
    CHECK(s.cold);
    CHECK((s.z - path.solutions.back().z).norm() <= 1e-4 * s.z.norm());
    return counter->read().hessian_products;
  };
  CHECK(count(&nowhere) < count(nullptr));
}

TEST_CASE("newton-cg: the first of many solves makes what they save by") {
  const Problem problem = correlated(PenaltyPer::all);
  const NewtonCgSolver solver;
  const Index n = problem.f->inner_dim();
  InnerSolution told;
  told.inner_dim = n;
  told.z = Vec::Constant(n, std::numeric_limits<double>::quiet_NaN());
  told.kept = solver.ahead(n);
  REQUIRE(told.kept);
  const Vec u = Vec::Constant(1, 10);  // so few products that a solve alone makes no factor
  const InnerSolution alone = solver.solve(problem, u, nullptr, Accuracy{1e-7}, {});
  const InnerSolution first = solver.solve(problem, u, &told, Accuracy{1e-7}, {});
  CHECK_FALSE(kept_hessian(alone));
  CHECK(kept_hessian(first));
  CHECK(first.cold);
  CHECK((first.z - alone.z).norm() <= 1e-5 * alone.z.norm());
  CHECK_FALSE(solver.ahead(10000));
  CHECK_FALSE(NewtonSolver().ahead(n));
}

TEST_CASE("newton: it pays where a Gram matrix costs no more than some passes over few columns") {
  const auto model = [](Index rows, Index columns) {
    return LinearModel(Design(std::make_shared<const Mat>(Mat::Zero(rows, columns))), std::make_shared<const SquaredLoss>(),
                       Vec::Zero(rows), Vec::Ones(rows), one_penalty(columns, false));
  };
  CHECK(newton_pays(model(2000, 100)));
  CHECK_FALSE(newton_pays(model(2001, 100)));
  CHECK_FALSE(newton_pays(model(10, 201)));
  CHECK(newton_pays(*test::logistic_problem().f));
}

TEST_CASE("newton-cg: what is kept goes through bytes to the same bits") {
  const Problem problem = correlated(PenaltyPer::all);
  InnerSolution whole = along(problem, penalties(1), false).solutions.back(), read;
  REQUIRE(kept_hessian(whole));
  StateWriter writer;
  whole.state(writer);
  StateReader reader(writer.bytes());
  read.state(reader);
  CHECK(reader.at_end());
  const Vec u = Vec::Constant(1, 2e-5);
  const InnerSolution a = NewtonCgSolver().solve(problem, u, &whole, Accuracy{1e-7}, {});
  const InnerSolution b = NewtonCgSolver().solve(problem, u, &read, Accuracy{1e-7}, {});
  CHECK(a.z == b.z);
  CHECK(a.kept->spent == b.kept->spent);
}

TEST_CASE("eigenpair near: led over to another matrix by a factor of the first, with few products") {
  const Index n = 80;
  test::Numbers draw(32);
  const Mat a = draw.mat(200, n), change = draw.mat(200, n);
  Eigen::MatrixXd first = a.transpose() * a;
  first.diagonal().array() += 0.1;
  const Eigen::MatrixXd second = first + 0.02 * change.transpose() * change;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> before(first), after(second);
  const auto factor = cholesky_inverse(first);
  REQUIRE(factor);
  const auto product = [&](In p, Out out) { out = second * p; };
  const Vec start = before.eigenvectors().col(0);
  const Spectrum s = smallest_eigenvalue_near(product, *factor, start, 1e-4, 30);
  CHECK(s.smallest_residual <= 1e-4 * s.smallest);
  CHECK(std::abs(s.smallest - after.eigenvalues()[0]) <= 1e-4 * after.eigenvalues()[0]);
  CHECK(s.products <= 20);
  CHECK(s.smallest >= after.eigenvalues()[0] * (1 - 1e-12));  // a Rayleigh quotient
  CHECK((second * s.smallest_vector - s.smallest * s.smallest_vector).norm() <= 1.01e-4 * s.smallest);
  // At its own eigenvector one product is all.
  CHECK(smallest_eigenvalue_near(product, *factor, after.eigenvectors().col(0), 1e-4, 30).products == 1);
  // From nothing.
  const Spectrum found = smallest_eigenvalue_near(product, *factor, Vec::Zero(n), 1e-4, 30);
  CHECK(std::abs(found.smallest - after.eigenvalues()[0]) <= 1e-4 * after.eigenvalues()[0]);
  // No more than it may, and what it has by then.
  const Spectrum cut = smallest_eigenvalue_near(product, *factor, draw.vec(n), 1e-12, 2);
  CHECK(cut.products == 3);
  CHECK(cut.smallest_residual > 1e-12 * cut.smallest);
}

TEST_CASE(
    "newton-cg: what one problem has kept serves another that differs by little, and what all have spent counts for the first") {
  const Problem problem = correlated(PenaltyPer::all);
  const std::vector<Vec> us = penalties(1);
  const InnerSolution lender = along(problem, us, false).solutions.back();
  REQUIRE(kept_hessian(lender));
  const NewtonCgSolver solver;
  const Vec strong = Vec::Constant(1, 1e2);  // a product or two, not worth a factor
  InnerSolution first = solver.solve(problem, strong, nullptr, Accuracy{1e-2}, {}), second = first, lends = lender;
  REQUIRE(first.kept);
  REQUIRE_FALSE(first.kept->data);
  const double spent = first.kept->spent;
  CHECK(spent > 0);
  share_kept({&first, nullptr, &second});
  CHECK(first.kept->spent > 2 * spent);
  CHECK(second.kept->spent == 0);
  CHECK(second.inverse == nullptr);
  share_kept({&first, &lends});
  CHECK(first.kept->data == lender.kept->data);
  CHECK(first.inverse == lender.inverse);
  CHECK(lends.kept->data == lender.kept->data);
  const auto products = [&](const InnerSolution& from) {
    const auto counter = std::make_shared<WorkCounter>();
    const InnerSolution s = solver.solve(counted(problem, counter), us.back(), &from, Accuracy{1e-7}, {});
    CHECK(s.status == Status::converged);
    CHECK((s.z - lender.z).norm() <= 1e-4 * s.z.norm());
    return counter->read().hessian_products;
  };
  CHECK(products(first) < products(second));
}

TEST_CASE("newton-cg: a run leaves a factor as large as f_xx^{-1} is, which leaves about as much as it says") {
  for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
    const Problem problem = correlated(per);
    const std::vector<Vec> us = penalties(problem.space.size());
    const Path path = along(problem, us, false);
    int known = 0;
    for (std::size_t k = 1; k < us.size(); ++k) {
      const InnerSolution& s = path.solutions[k];
      if (!s.inverse || std::isnan(s.inverse_left)) continue;
      ++known;
      CAPTURE(k);
      Vec d(s.inner_dim), hd(s.inner_dim);
      s.inverse->apply(s.gradient, d);
      s.curvature->hessian(d, hd);
      const double left = (s.gradient - hd).norm() / s.gradient.norm(), best = s.gradient.dot(hd) / hd.squaredNorm();
      CHECK(left <= s.inverse_left);
      CHECK(std::abs(best - 1) <= s.inverse_left);
    }
    CHECK(known >= 3);
  }
}

TEST_CASE("newton-cg: steps by the kept factor say what they leave, and the solution keeps f, f_x and f_xx of its point") {
  const Problem problem = correlated(PenaltyPer::all);
  const Path path = along(problem, penalties(1), false);
  const InnerSolution s = NewtonCgSolver().solve(problem, Vec::Constant(1, 8e-5), &path.solutions.back(), Accuracy{1e-9}, {});
  CHECK(s.inverse_left > 0);
  CHECK(s.inverse_left < 1);
  const Vec u = Vec::Constant(1, 8e-5);
  Vec g(s.inner_dim), a(s.inner_dim), b(s.inner_dim);
  CHECK(s.value == problem.f->gradient(s.x(), u, g));
  CHECK(s.gradient == g);
  REQUIRE(s.curvature);
  CHECK(curvature_at(problem, u, s) == s.curvature);
  const Vec p = Vec::LinSpaced(s.inner_dim, -1, 1);
  s.curvature->hessian(p, a);
  problem.f->linearize(s.x(), u)->hessian(p, b);
  CHECK(a == b);
  problem.f->gradient(s.x0, u, g);
  CHECK(std::abs(s.start_gradient - g.norm()) <= 1e-10 * g.norm());
}
