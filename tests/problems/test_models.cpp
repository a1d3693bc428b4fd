// Models by name: against the golden values, and what a user may rely on.
#include <doctest/doctest.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "paths.hpp"

using namespace tacit;

namespace {

const std::string kReference = tacit::test::source_dir() + "/tests/reference/";

/// All numbers of a table with one header line; the last column is the target.
Mat read_numbers(const std::string& file) {
  std::ifstream in(kReference + file);
  REQUIRE(in.good());
  std::string line;
  std::getline(in, line);
  std::vector<std::vector<double>> rows;
  while (std::getline(in, line)) {
    auto& row = rows.emplace_back();
    for (const char* at = line.data(); at < line.data() + line.size();) {
      double value = 0;
      const auto end = std::from_chars(at, line.data() + line.size(), value);
      row.push_back(value);
      at = end.ptr + 1;
    }
  }
  Mat m(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < m.rows(); ++i) m.row(i) = Eigen::Map<Vec>(rows[static_cast<std::size_t>(i)].data(), m.cols()).transpose();
  return m;
}

/// Rows i with i mod 3 == 2 validate, the others train.
ModelParts golden_parts(const std::string& file) {
  const Mat table = read_numbers(file);
  const Design all(std::make_shared<Mat>(table.leftCols(table.cols() - 1)));
  const Vec y = table.col(table.cols() - 1);
  std::vector<Index> train, validation;
  for (Index i = 0; i < table.rows(); ++i) (i % 3 == 2 ? validation : train).push_back(i);
  ModelParts parts;
  parts.train = all.row_list(train);
  parts.validation = all.row_list(validation);
  parts.y = y(train);
  parts.validation_y = y(validation);
  for (Index j = 0; j < all.features(); ++j) parts.feature_names.push_back("x" + std::to_string(j));
  return parts;
}

std::unique_ptr<ModelTask> family(const std::string& name) {
  Registry<ModelTask> registry("model", "model.kind");
  register_models(registry);
  return registry.make(name);
}

/// Newton's method on the dense Hessian until the gradient is rounding.
Vec solve(const Objective& f, const Vec& u) {
  Vec x = Vec::Zero(f.inner_dim());
  Mat h(x.size(), x.size());
  for (int k = 0; k < 50; ++k) {
    FirstOrder at;
    const auto curvature = f.linearize(x, u, &at);
    if (at.gradient.norm() < 1e-15) break;
    REQUIRE(curvature->dense(h));
    Vec step = Eigen::LLT<Eigen::MatrixXd>(h).solve(at.gradient);
    double t = 1;  // only far away a full step may go up
    while (at.gradient.norm() > 1e-10 && t > 1e-3 && f.value(x - t * step, u) > at.value) t /= 2;
    x -= t * step;
  }
  return x;
}

double norm_ratio(const Vec& a, const Vec& b) { return (a - b).norm() / b.norm(); }

ModelParts small_parts(Index n = 40, Index d = 3) {
  ModelParts parts;
  Mat x(n, d);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < d; ++j) x(i, j) = std::sin(static_cast<double>(1 + 7 * i + 13 * j * j));
  }
  parts.train = Design(std::make_shared<Mat>(x));
  parts.validation = parts.train.row_range(0, n / 2);
  parts.y = (x * Vec::LinSpaced(d, -1, 2)).array() + 0.3;
  parts.validation_y = parts.y.head(n / 2);
  return parts;
}

}  // namespace

TEST_CASE("golden: inner solution, outer loss, hypergradient and extreme eigenvalues of ridge and logistic") {
  const nlohmann::json golden = nlohmann::json::parse(std::ifstream(kReference + "golden.json"));
  const std::vector<std::pair<std::string, std::string>> cases = {{"ridge", "ridge_diabetes"},
                                                                  {"logistic", "logistic_breast_cancer"}};
  for (const auto& [kind, key] : cases) {
    const ModelParts parts = golden_parts(golden[key]["data"]);
    for (const auto& point : golden[key]["points"]) {
      const bool scalar = point["theta"].is_number();
      ModelOptions options;
      options.intercept = false;
      options.per = scalar ? PenaltyPer::all : PenaltyPer::feature;
      const Problem problem = family(kind)->make(parts, options);
      REQUIRE(problem.check().empty());
      const auto theta = scalar ? std::vector<double>{point["theta"].get<double>()} : point["theta"].get<std::vector<double>>();
      const Vec t = Eigen::Map<const Vec>(theta.data(), static_cast<Index>(theta.size()));
      Vec u(t.size());
      problem.space.to_model(t, u);
      const auto reference = point["w"].get<std::vector<double>>();
      const Vec w = Eigen::Map<const Vec>(reference.data(), static_cast<Index>(reference.size()));
      const Vec x = solve(*problem.f, u);
      CHECK(norm_ratio(x, w) < 1e-10);
      CHECK(problem.l->value(x, u) == doctest::Approx(point["outer_loss"].get<double>()).epsilon(1e-10));
      const auto curvature = problem.f->linearize(x, u);
      Mat h(x.size(), x.size());
      REQUIRE(curvature->dense(h));
      const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h, Eigen::EigenvaluesOnly).eigenvalues();
      CHECK(e[0] == doctest::Approx(point["hessian_eig_min"].get<double>()).epsilon(1e-9));
      CHECK(e[e.size() - 1] == doctest::Approx(point["hessian_eig_max"].get<double>()).epsilon(1e-9));
      CHECK(problem.f->smoothness(u) >= e[e.size() - 1] * (1 - 1e-12));
      CHECK(problem.f->convexity(u) <= e[0] * (1 + 1e-12));
      // hypergradient in theta: l_u - f_ux H^-1 l_x, times du/dtheta = u
      Vec gx(x.size()), gu(u.size()), cross(u.size());
      problem.l->gradient(x, u, gx, gu);
      curvature->cross(Eigen::LLT<Eigen::MatrixXd>(h).solve(gx), cross);
      const Vec hyper = u.cwiseProduct(gu - cross);
      const auto& stored = point["hypergrad"];
      const auto wanted = scalar ? std::vector<double>{stored.get<double>()} : stored.get<std::vector<double>>();
      const Vec want = Eigen::Map<const Vec>(wanted.data(), hyper.size());
      CHECK((hyper - want).norm() < 1e-8 * std::max(want.norm(), 1e-3));
    }
  }
}

TEST_CASE("weight 2 equals the row twice, weight 0 the row left out") {
  for (const std::string kind : {"ridge", "logistic"}) {
    ModelParts weighted = small_parts();
    if (kind == "logistic") {
      weighted.y = weighted.y.array().sign();
      weighted.validation_y = weighted.validation_y.array().sign();
    }
    ModelParts twice = weighted;
    weighted.weights = Vec::Ones(40);
    weighted.weights[3] = 2;
    weighted.weights[8] = 0;
    weighted.validation_weights = weighted.weights.head(20);
    std::vector<Index> rows, validation;
    for (Index i = 0; i < 40; ++i) {
      for (Index k = 0; k < (i == 3 ? 2 : i == 8 ? 0 : 1); ++k) {
        rows.push_back(i);
        if (i < 20) validation.push_back(i);
      }
    }
    twice.train = weighted.train.row_list(rows);
    twice.y = weighted.y(rows);
    twice.validation = weighted.validation.row_list(validation);
    twice.validation_y = weighted.validation_y(validation);
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
      ModelOptions options;
      options.reduction = reduction;
      const Problem a = family(kind)->make(weighted, options), b = family(kind)->make(twice, options);
      const Vec x = Vec::LinSpaced(4, -1, 1), u = Vec::Constant(1, 0.7);
      Vec ga(4), gb(4), none(1);
      CHECK(a.f->gradient(x, u, ga) == doctest::Approx(b.f->gradient(x, u, gb)).epsilon(1e-13));
      CHECK(norm_ratio(ga, gb) < 1e-13);
      CHECK(a.l->gradient(x, u, ga, none) == doctest::Approx(b.l->gradient(x, u, gb, none)).epsilon(1e-13));
      CHECK(norm_ratio(ga, gb) < 1e-13);
      CHECK(a.space.lower()[0] == doctest::Approx(b.space.lower()[0]).epsilon(1e-13));
    }
  }
}

TEST_CASE("reduction: sum is n times the mean at n times the penalty") {
  const ModelParts parts = small_parts();
  ModelOptions mean, sum;
  sum.reduction = Reduction::sum;
  const Problem a = family("ridge")->make(parts, mean), b = family("ridge")->make(parts, sum);
  const Vec x = Vec::LinSpaced(4, -1, 1);
  CHECK(b.f->value(x, Vec::Constant(1, 40 * 0.3)) == doctest::Approx(40 * a.f->value(x, Vec::Constant(1, 0.3))).epsilon(1e-13));
  CHECK(b.space.upper()[0] == doctest::Approx(a.space.upper()[0] + std::log(40)).epsilon(1e-13));
}

TEST_CASE("the range of l2 follows the features, not y, and given ends stand") {
  ModelParts parts = small_parts();
  const Problem a = family("ridge")->make(parts, {});
  parts.y *= 1e5;
  const Problem b = family("ridge")->make(parts, {});
  CHECK(a.space.lower() == b.space.lower());
  CHECK(a.space.upper() == b.space.upper());
  const ModelParts plain = small_parts();
  parts.train = plain.train.standardized(Vec::Zero(3), Vec::Constant(3, 0.1));  // features times 10
  const Problem c = family("ridge")->make(parts, {});
  CHECK(c.space.upper()[0] == doctest::Approx(a.space.upper()[0] + std::log(100)).epsilon(1e-12));
  CHECK(a.space.upper()[0] - a.space.lower()[0] >= std::log(1e9));  // as wide for columns of one unit, else wider
  ModelOptions given;
  given.lower = 1e-9;
  const Problem d = family("ridge")->make(plain, given);
  CHECK(d.space.lower()[0] == doctest::Approx(std::log(1e-9)).epsilon(1e-13));
  CHECK(d.space.upper() == a.space.upper());
}

namespace {

/// The default range of l2 on these rows, dense or sparse.
L2Range range_of(const Mat& x, bool sparse, bool intercept = true) {
  CsrMatrix csr = x.sparseView();
  csr.makeCompressed();
  const Design a = sparse ? Design(std::make_shared<const CsrMatrix>(csr)) : Design(std::make_shared<const Mat>(x));
  const Vec s = Vec::Constant(x.rows(), 1.0 / static_cast<double>(x.rows()));
  return default_l2_range(LinearModel(intercept ? a.with_intercept() : a, make_task("ridge")->loss(), Vec::Zero(x.rows()), s,
                                      one_penalty(x.cols(), intercept)));
}

/// Columns of mean 0 and mean square 1 (entries +1 and -1).
Mat signs(Index rows, Index columns) {
  Mat x(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) x(i, j) = (i >> j) % 2 == 0 ? 1 : -1;
  }
  return x;
}

}  // namespace

TEST_CASE("the range of l2 does not see the means of the columns where there is an intercept, dense or sparse") {
  const Mat x = signs(16, 4);
  for (const bool sparse : {false, true}) {
    const L2Range centred = range_of(x, sparse);
    CHECK(centred.lower == doctest::Approx(1e-6).epsilon(1e-12));
    CHECK(centred.upper == doctest::Approx(1e3).epsilon(1e-12));
    for (const double mean : {10.0, 1e3, 1e6, 1e9}) {
      for (const Index columns : {1, 3}) {
        Mat shifted = x;
        shifted.leftCols(columns).array() += mean;
        const L2Range r = range_of(shifted, sparse);
        CHECK(r.lower == doctest::Approx(centred.lower).epsilon(1e-6));
        CHECK(r.upper == doctest::Approx(centred.upper).epsilon(1e-6));
        CHECK(range_of(shifted, sparse, false).upper > 0.9e3 * mean * mean);
      }
    }
  }
}

TEST_CASE("the range of l2 spans the units of all columns, and a constant one has none") {
  for (const bool sparse : {false, true}) {
    for (const double unit : {1e-8, 1e-3, 1e6, 1e100}) {
      Mat x = signs(16, 4);
      x.col(2) *= unit;
      const L2Range r = range_of(x, sparse);
      CHECK(r.lower == doctest::Approx(1e-6 * std::min(1.0, unit * unit)).epsilon(1e-9));
      CHECK(r.upper == doctest::Approx(1e3 * std::max(1.0, unit * unit)).epsilon(1e-9));
    }
    Mat constant = signs(16, 4);
    constant.col(1).setConstant(1.7e12);
    CHECK(range_of(constant, sparse).upper == doctest::Approx(1e3).epsilon(1e-12));
    constant.setConstant(0.3);
    CHECK(range_of(constant, sparse).lower == 1e-6);
  }
}

TEST_CASE("the range of l2 is not drawn down by columns that are seldom filled, nor its upper end by the many that are empty") {
  // 200 columns of one entry 0.2 each in 2000 rows, one in every other row, and 5000 empty ones.
  Mat x = Mat::Zero(2000, 5201);
  for (Index j = 0; j < 200; ++j) x(10 * j, j) = 0.2;
  for (Index i = 0; i < 2000; i += 2) x(i, 200) = 0.2;
  const L2Range r = range_of(x, true);
  const double rare = 0.04 / 2000, common = 0.04 / 4;
  CHECK(r.upper == doctest::Approx(1e3 * common).epsilon(1e-9));
  CHECK(r.lower > 1e-6 * rare);
  CHECK(r.lower < 1e-6 * common);
}

TEST_CASE("penalties per feature, per group and fixed, and the intercept has none") {
  ModelParts parts = small_parts();
  parts.feature_names = {"a", "b", "c"};
  parts.groups = {{"outer", {0, 2}}, {"middle", {1}}};
  ModelOptions options;
  const Vec x = Vec::LinSpaced(4, 1, 4);
  const double data = family("ridge")->make(parts, options).f->value(x, Vec::Zero(1));
  options.per = PenaltyPer::feature;
  const Problem feature = family("ridge")->make(parts, options);
  CHECK(feature.space.blocks()[0].labels == parts.feature_names);
  CHECK(feature.f->value(x, Vec::LinSpaced(3, 1, 3)) == doctest::Approx(data + (1 * 1 + 2 * 4 + 3 * 9) / 2.0));
  options.per = PenaltyPer::group;
  const Problem group = family("ridge")->make(parts, options);
  CHECK(group.space.blocks()[0].name == "l2");
  CHECK(group.space.blocks()[0].labels == std::vector<std::string>{"outer", "middle"});
  CHECK(group.f->value(x, Vec::LinSpaced(2, 1, 2)) == doctest::Approx(data + (1 * 1 + 2 * 4 + 1 * 9) / 2.0));
  options.fixed = 0.5;
  const Problem fixed = family("ridge")->make(parts, options);
  CHECK(fixed.space.size() == 0);
  CHECK(fixed.f->value(x, Vec(0)) == doctest::Approx(data + 0.5 * 14 / 2.0));
}

TEST_CASE("the validation loss has the derivatives it claims") {
  ModelParts parts = small_parts();
  parts.y = parts.y.array().sign();
  parts.validation_y = parts.validation_y.array().sign();
  const Problem problem = family("logistic")->make(parts, {});
  const Vec x = Vec::LinSpaced(4, -1, 1), u = Vec::Constant(1, 0.3);
  const VerifyReport r = verify(problem, {u, x});
  CAPTURE(r.to_text());
  for (const char* product : {"l", "l_x", "l_u", "l_least", "l_smoothness"}) {
    REQUIRE(r.find(product));
    CHECK(r.find(product)->verdict == Verdict::ok);
    CHECK(r.find(product)->difference <= 1e-8);
  }
  const auto& l = dynamic_cast<const HoldoutLoss&>(*problem.l);
  CHECK(l.shares().dot(l.row_losses(x)) == doctest::Approx(problem.l->value(x, u)).epsilon(1e-14));
}

TEST_CASE("the logistic loss is right and finite everywhere") {
  const LogisticLoss loss;
  for (const double z : {-1e308, -800.0, -36.5, -1.0, 0.0, 1.0, 36.5, 800.0, 1e308}) {
    for (const double y : {-1.0, 1.0}) {
      double phi = 0, first = 0, second = 0;
      loss.evaluate(1, &z, &y, &phi, &first, &second);
      const long double m = static_cast<long double>(y) * static_cast<long double>(z);
      const long double exact = m > 0 ? std::log1p(std::exp(-m)) : -m + std::log1p(std::exp(m));
      CHECK(phi == doctest::Approx(static_cast<double>(exact)).epsilon(1e-15));
      CHECK(first == doctest::Approx(static_cast<double>(-static_cast<long double>(y) / (1 + std::exp(m)))).epsilon(1e-15));
      CHECK(std::isfinite(second));
      CHECK(second >= 0);
      CHECK(second <= loss.curvature_bound());
      if (z == -36.5 && y == 1) CHECK(second == doctest::Approx(std::exp(-36.5)).epsilon(1e-14));
    }
  }
}

TEST_CASE("models say what is wrong") {
  const auto ridge = family("ridge"), logistic = family("logistic");
  const ModelParts good = small_parts();
  CHECK_THROWS_AS(logistic->make(good, {}), UsageError);  // targets that are no classes
  ModelParts bad = good;
  bad.weights = Vec::Zero(40);
  CHECK_THROWS_AS(ridge->make(bad, {}), UsageError);
  bad.weights = Vec::Ones(39);
  CHECK_THROWS_AS(ridge->make(bad, {}), UsageError);
  bad = good;
  bad.train = good.train.with_intercept();
  CHECK_THROWS_AS(ridge->make(bad, {}), UsageError);
  ModelOptions groups;
  groups.per = PenaltyPer::group;
  CHECK_THROWS_AS(ridge->make(good, groups), UsageError);
  bad = good;
  bad.groups = {{"g", {0, 1}}};
  CHECK_THROWS_AS(ridge->make(bad, groups), UsageError);  // feature 3 is in none
  bad.groups = {{"g", {0, 1, 2}}, {"h", {1}}};
  CHECK_THROWS_AS(ridge->make(bad, groups), UsageError);  // feature 2 is in two
  ModelOptions range;
  range.lower = 2;
  range.upper = 1;
  CHECK_THROWS_AS(ridge->make(good, range), UsageError);
}
