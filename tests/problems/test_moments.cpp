// Ridge regression in folds through moments: the same losses and hypergradients as through the rows, and nothing of a held-out
// row in the fit that holds it out.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include <tacit/bilevel/refit.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/problems/data/validation.hpp>
#include <tacit/problems/models/moments.hpp>

#include "core/plain_problems.hpp"
#include "hypergrad/reference_problems.hpp"
#include "paths.hpp"

using namespace tacit;

namespace {

std::shared_ptr<Dataset> dataset(const Mat& x, const Vec& y, bool sparse = false) {
  auto d = std::make_shared<Dataset>();
  if (sparse) {
    d->x.sparse = d->x.sparse_format = true;
    d->x.csr = x.sparseView();
  } else {
    d->x.dense = x;
  }
  d->y = y;
  d->weight = Vec::Ones(y.size());
  d->origin.assign(static_cast<std::size_t>(y.size()), Origin::train);
  for (Index j = 0; j < x.cols(); ++j) d->feature_names.push_back("x" + std::to_string(j));
  return d;
}

Mat diabetes_table() { return test::read_numbers(test::source_dir() + "/tests/reference/diabetes.csv"); }

/// Row i in fold i mod 5, as golden.json has it.
Folds folds_by_number(Index rows, Index folds = 5) {
  Folds f;
  f.folds = folds;
  f.parts.resize(static_cast<std::size_t>(folds));
  for (Index k = 0; k < folds; ++k) {
    Split& part = f.parts[static_cast<std::size_t>(k)];
    for (Index i = 0; i < rows; ++i) (i % folds == k ? part.validation : part.train).push_back(i);
    f.names.push_back("fold " + std::to_string(k + 1));
  }
  return f;
}

struct Setup {
  std::shared_ptr<const Dataset> data;
  Folds folds;
  PrepareChoices choices{make_task("ridge")};
  Validation through(bool moments) const {
    Split rows = all_rows(data->rows());
    const Prepared whole = prepare_problem(data, std::move(rows), choices);
    Validation v = cross_validation(whole, folds);
    for (std::size_t k = 0; k < v.parts.size(); ++k) {
      if (!moments) v.parts[k] = prepare_problem(data, folds.parts[k], v.parts[k].choices);
    }
    return v;
  }
};

struct Answer {
  double loss;
  Vec gradient;
  std::vector<Vec> x;
};

Answer answer_of(const Validation& v, const Vec& theta, bool centred = false) {
  std::vector<Summand> parts;
  for (std::size_t k = 0; k < v.parts.size(); ++k) {
    const Prepared& part = v.parts[k];
    parts.push_back({exact_oracle(centred ? centred_problem(part, part.model().per) : part.problem), v.weight[k], v.names[k]});
  }
  const auto sum = sum_of(std::move(parts));
  const Evaluation e = sum->differentiate(sum->evaluate(theta, sum->tightest()), sum->tightest());
  return {e.value, e.gradient, solutions(e)};
}

bool goes_through_moments(const Validation& v) {
  for (const Prepared& part : v.parts) {
    if (!part.moments.training || !part.moments.validation) return false;
  }
  return true;
}

/// The same through both, at some points of the box.
void check_agreement(const Setup& s, double loss_tolerance = 1e-10, double gradient_tolerance = 1e-8) {
  const Validation rows = s.through(false), moments = s.through(true);
  REQUIRE(goes_through_moments(moments));
  const HyperSpace& space = moments.parts.front().problem.space;
  for (const double share : {0.05, 0.35, 0.6, 0.9}) {
    CAPTURE(share);
    const Vec theta = space.lower() + share * (space.upper() - space.lower()) + 0.5 * test::Numbers(5).vec(space.size());
    const Answer a = answer_of(rows, theta, true), b = answer_of(moments, theta, true);
    CHECK(b.loss == doctest::Approx(a.loss).epsilon(loss_tolerance));
    CHECK((b.gradient - a.gradient).norm() <= gradient_tolerance * std::max(a.gradient.norm(), 1e-6 * a.loss));
  }
}

Setup random_setup(unsigned seed, Index n, Index d, double noise) {
  test::Numbers draw(seed);
  Mat x = draw.mat(n, d);
  const Vec y = x * draw.vec(d) + noise * draw.vec(n);
  return {dataset(x, y), folds_by_number(n, 4)};
}

}  // namespace

TEST_CASE("moments: five-fold ridge on diabetes has the reference's loss to 1e-10 and hypergradient to 1e-8, both ways") {
  const auto golden = test::reference_file("golden.json")["ridge_cv5_diabetes"];
  const Mat table = diabetes_table();
  Setup s{dataset(table.leftCols(10), table.col(10)), folds_by_number(table.rows())};
  s.choices.standardize = Standardize::no;
  s.choices.model.intercept = false;
  s.choices.model.lower = 1e-9;
  s.choices.model.upper = 1e9;
  int points = 0;
  for (const auto& point : golden["points"]) {
    const Vec theta = test::to_vec(point["theta"]);
    s.choices.model.per = theta.size() > 1 ? PenaltyPer::feature : PenaltyPer::all;
    for (const bool moments : {false, true}) {
      CAPTURE(moments);
      CAPTURE(theta.transpose());
      const Validation v = s.through(moments);
      CHECK(goes_through_moments(v) == moments);
      const Answer a = answer_of(v, theta);
      CHECK(a.loss == doctest::Approx(point["outer_loss"].get<double>()).epsilon(1e-10));
      const Vec wanted = test::to_vec(point["hypergrad"]);
      CHECK((a.gradient - wanted).norm() <= 1e-8 * wanted.norm());
      for (std::size_t k = 0; k < 5; ++k)
        CHECK(a.x[k].norm() == doctest::Approx(point["w_norms"][k].get<double>()).epsilon(1e-9));
    }
    ++points;
  }
  CHECK(points >= 4);
}

TEST_CASE(
    "moments: losses and hypergradients are those of the rows, for every penalty, intercept, reduction, weight and scaling") {
  for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature, PenaltyPer::group}) {
    for (const bool intercept : {false, true}) {
      for (const bool plain : {false, true}) {
        for (const bool sparse : {false, true}) {
          CAPTURE(static_cast<int>(per));
          CAPTURE(intercept);
          CAPTURE(plain);
          CAPTURE(sparse);
          Setup s = random_setup(3, 90, 8, 1);
          Mat x = s.data->x.dense;
          x.col(3) *= 100;
          x.col(5) = (x.col(5).array().abs() < 0.7).select(0, x.col(5));
          const auto data = dataset(x, s.data->y, sparse);
          if (!plain) data->weight = (test::Numbers(6).vec(90).array() + 1.5).matrix();
          data->weighted = !plain;
          data->groups = {{"even", {0, 2, 4, 6}}, {"odd", {1, 3, 5, 7}}};
          s.data = data;
          s.choices.model.per = per;
          s.choices.model.intercept = intercept;
          s.choices.model.reduction = plain ? Reduction::mean : Reduction::sum;
          s.choices.standardize = plain ? Standardize::automatic : Standardize::no;
          check_agreement(s);
        }
      }
    }
  }
}

TEST_CASE("moments: they agree where columns and target are far from 0, and where the fit is nearly exact") {
  for (const bool standardize : {false, true}) {
    for (const double noise : {1.0, 1e-6}) {
      CAPTURE(standardize);
      CAPTURE(noise);
      Setup s = random_setup(9, 80, 5, noise);
      Mat x = s.data->x.dense;
      x.col(0).array() += 1e6;
      x.col(1) *= 1e-3;
      x.col(2).array() -= 20;
      x.col(4).setConstant(7);
      s.data = dataset(x, (s.data->y.array() + 300).matrix());
      s.choices.standardize = standardize ? Standardize::yes : Standardize::no;
      check_agreement(s);
    }
  }
}

TEST_CASE("moments: what the held-out rows of a fold hold does not change its fit by a bit") {
  for (const bool sparse : {false, true}) {
    for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
      CAPTURE(sparse);
      CAPTURE(static_cast<int>(per));
      Setup s = random_setup(21, 60, 4, 1);
      const Mat x = s.data->x.dense;
      const Vec y = s.data->y;
      s.choices.model.lower = 1e-6;
      s.choices.model.upper = 1e3;
      s.choices.model.per = per;
      const auto solution = [&](double size) {
        Mat changed = x;
        Vec target = y;
        for (const Index i : s.folds.parts[1].validation) {
          changed.row(i) = size * x.row(i).reverse();
          target[i] *= size;
        }
        s.data = dataset(changed, target, sparse);
        const Validation v = s.through(true);
        CHECK(v.parts[1].moments.training);
        return answer_of(v, Vec::Constant(per == PenaltyPer::all ? 1 : 4, -2)).x[1];
      };
      const Vec before = solution(1);
      CHECK(before == solution(1e40));
      CHECK(before == solution(0));
    }
  }
}

namespace {

/// The same data without the number of one cell, which the mean of its column fills.
std::shared_ptr<const Dataset> with_missing(const Dataset& data, MissingCell cell) {
  auto out = std::make_shared<Dataset>(data);
  out->x.dense(cell.row, cell.feature) = std::nan("");
  out->missing = {cell};
  out->encoder.missing = Missing::mean;
  for (Index j = 0; j < data.x.cols(); ++j) {
    EncodedColumn column;
    column.name = data.feature_names[static_cast<std::size_t>(j)];
    column.first = j;
    out->encoder.columns.push_back(column);
  }
  return out;
}

}  // namespace

TEST_CASE("moments: a fold whose training rows have cells to fill goes through its rows, the others as they did") {
  Setup s = random_setup(31, 60, 4, 1);
  s.data = with_missing(*s.data, {s.folds.parts[1].validation[2], 2});
  const Validation rows = s.through(false), moments = s.through(true);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK((moments.parts[k].moments.training != nullptr) == (k == 1));
    CHECK((moments.parts[k].moments.validation != nullptr) == (k != 1));
  }
  const Answer a = answer_of(rows, Vec::Constant(1, -3)), b = answer_of(moments, Vec::Constant(1, -3));
  CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-10));
  CHECK((b.gradient - a.gradient).norm() <= 1e-8 * a.gradient.norm());
}

TEST_CASE("moments: a column whose squares leave double precision is none of them, and its folds go through their rows") {
  Setup s = random_setup(33, 60, 4, 1);
  s.choices.standardize = Standardize::yes;
  const Answer wanted = answer_of(s.through(true), Vec::Constant(1, -3));
  for (const double unit : {1e-300, 1e-160}) {
    auto data = std::make_shared<Dataset>(*s.data);
    data->x.dense.col(2) *= unit;
    Setup tiny = s;
    tiny.data = data;
    tiny.choices.model.lower = 1e-6;
    tiny.choices.model.upper = 1e3;
    const Validation v = tiny.through(true);
    CHECK_FALSE(goes_through_moments(v));
    CHECK(answer_of(v, Vec::Constant(1, -3)).loss == doctest::Approx(wanted.loss).epsilon(1e-9));
  }
}

TEST_CASE(
    "moments: a column that is constant in each fold, and differs by what has no square, is fitted through the rows in the end") {
  Setup s = random_setup(34, 60, 4, 1);
  s.folds = folds_by_number(60, 2);
  for (const double apart : {1e-3, 1e-160}) {
    CAPTURE(apart);
    auto data = std::make_shared<Dataset>(*s.data);
    for (std::size_t k = 0; k < 2; ++k) {
      for (const Index i : s.folds.parts[k].validation) data->x.dense(i, 2) = static_cast<double>(k) * apart;
    }
    Setup two = s;
    two.data = data;
    const Validation v = two.through(true);
    CHECK(goes_through_moments(v));
    CHECK((v.raw_moments != nullptr) == (apart == 1e-3));
  }
}

TEST_CASE("moments: repeated draws, folds that leave rows to train in all, and sets without a column's entries") {
  Setup s = random_setup(41, 66, 4, 1);
  FoldOptions options;
  options.folds = 3;
  options.repeats = 2;
  s.folds = make_folds(*s.data, options);
  check_agreement(s);
  s.folds = folds_by_number(66, 3);
  for (Split& part : s.folds.parts) {
    std::erase_if(part.validation, [](Index i) { return i >= 60; });
    std::vector<Index> train;
    for (Index i = 0; i < 66; ++i) {
      if (!std::binary_search(part.validation.begin(), part.validation.end(), i)) train.push_back(i);
    }
    part.train = train;
  }
  check_agreement(s);
  Mat x = s.data->x.dense;
  for (Index i = 0; i < 66; ++i) {
    if (i % 3 != 1) x(i, 2) = 0;  // an empty column but for one fold
  }
  s.data = dataset(x, s.data->y, true);
  check_agreement(s);
}

TEST_CASE("moments: rows that are kept aside from those that validate neither train nor validate their fold") {
  Setup s = random_setup(51, 60, 4, 1);
  for (Split& part : s.folds.parts) part.validation.resize(10);
  check_agreement(s);
  const auto solution = [&](double size) {
    auto data = std::make_shared<Dataset>(*s.data);
    const Index aside = 1 + 4 * 12;  // of fold 2
    data->x.dense.row(aside) *= size;
    data->y[aside] *= size;
    Setup changed = s;
    changed.data = data;
    changed.choices.model.lower = 1e-6;
    changed.choices.model.upper = 1e3;
    return answer_of(changed.through(true), Vec::Constant(1, -2)).x;
  };
  const auto before = solution(1), after = solution(1e30);
  CHECK(before[1] == after[1]);
  CHECK(before[0] != after[0]);
}

TEST_CASE("moments: a hold-out and its final fit go through moments, with the losses and hypergradients of their rows") {
  Setup s = random_setup(61, 90, 5, 1);
  auto far = std::make_shared<Dataset>(*s.data);
  far->x.dense.col(1).array() += 1e4;
  far->x.dense.col(3) *= 50;
  s.data = far;
  const Split split = s.folds.parts[1];
  for (const Standardize standardize : {Standardize::no, Standardize::yes}) {
    for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature}) {
      s.choices.standardize = standardize;
      s.choices.model.per = per;
      const Prepared moments = prepare_holdout(s.data, split, s.choices), rows = prepare_problem(s.data, split, s.choices);
      REQUIRE(moments.moments.training);
      REQUIRE(moments.moments.validation);
      CHECK_FALSE(rows.moments.training);
      const HyperSpace& space = rows.problem.space;
      const Vec theta = (0.6 * space.lower() + 0.4 * space.upper()) + 0.5 * test::Numbers(7).vec(space.size());
      const Answer a = answer_of(hold_out(rows), theta, true), b = answer_of(hold_out(moments), theta, true);
      CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-10));
      CHECK((b.gradient - a.gradient).norm() <= 1e-8 * a.gradient.norm());
      const std::vector<Index> all = rows_of_refit(split);
      const Prepared last = prepare_again(moments, all), last_rows = prepare_again(rows, all);
      CHECK(last.moments.training);
      CHECK_FALSE(last_rows.moments.training);
      Vec u(theta.size());
      space.to_model(theta, u);
      const Vec x = refit(last.problem, u, Vec::Zero(6)).x, y = refit(last_rows.problem, u, Vec::Zero(6)).x;
      CHECK((last.margins(all, x) - last_rows.margins(all, y)).norm() <= 1e-9 * last_rows.margins(all, y).norm());
      std::vector<Index> fewer = all;
      fewer.pop_back();
      CHECK_FALSE(prepare_again(moments, fewer).moments.training);
    }
  }
}

TEST_CASE("moments: the final fit after folds takes theirs, and a hold-out with cells to fill or another model takes none") {
  Setup s = random_setup(71, 80, 4, 1);
  const Validation v = s.through(true);
  REQUIRE(v.raw_moments);
  Prepared whole = prepare_problem(s.data, all_rows(80), s.choices);
  const Prepared through_rows = prepare_again(whole, whole.rows.train);
  whole.raw_moments = v.raw_moments;
  const Prepared last = prepare_again(whole, whole.rows.train);
  REQUIRE(last.moments.training);
  const Vec u = Vec::Constant(1, 0.01);
  const Vec x = refit(last.problem, u, Vec::Zero(5)).x, y = refit(through_rows.problem, u, Vec::Zero(5)).x;
  CHECK((x - y).norm() <= 1e-10 * y.norm());

  const Split split = s.folds.parts[0];
  const Prepared partly = prepare_holdout(with_missing(*s.data, {split.validation[3], 1}), split, s.choices);
  CHECK(partly.moments.training);
  CHECK_FALSE(partly.moments.validation);
  CHECK_FALSE(prepare_again(partly, rows_of_refit(split)).moments.training);
  auto classes = std::make_shared<Dataset>(*s.data);
  for (Index i = 0; i < 80; ++i) classes->y[i] = classes->y[i] > 0 ? 1 : 0;
  classes->classes = {"no", "yes"};
  s.choices.task = make_task("logistic");
  CHECK_FALSE(prepare_holdout(classes, split, s.choices).raw_moments);
}

TEST_CASE("moments: they are taken where they are cheaper than passes and fit into memory") {
  const auto design = [](Index rows, Index columns) { return Design(std::make_shared<const Mat>(Mat::Zero(rows, columns))); };
  CHECK(moments_pay(design(100, 50), 20));
  CHECK(!moments_pay(design(100, 51), 20));
  CHECK(!moments_pay(design(10, 0), 20));
  CHECK(!moments_pay(design(2000, 1000), 300));
  CsrMatrix few(100, 20);
  for (Index i = 0; i < 100; ++i) few.insert(i, i % 20) = 1;
  few.makeCompressed();
  CHECK(!moments_pay(Design(std::make_shared<const CsrMatrix>(few)), 20));
}
