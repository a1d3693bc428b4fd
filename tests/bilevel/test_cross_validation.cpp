// Cross-validation as a sum of problems: its loss, its hypergradient, and that no fold sees what it holds out.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <tacit/bilevel/start_search.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/model/stacked.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/problems/models/held_out.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::Folder;

namespace {

struct Row {
  std::string cells;  ///< a,b,c,word
  double y;
  int fold, weight, group;
};

std::vector<Row> made_rows(int n) {
  std::vector<Row> rows;
  for (int i = 0; i < n; ++i) {
    const double a = std::sin(1.0 + 3 * i), b = std::cos(2.0 * i * i), c = i % 7 - 2.5;
    const char* word = i % 3 == 0 ? "left" : i % 3 == 1 ? "right" : "up";
    rows.push_back(
        {std::to_string(a) + "," + std::to_string(100 + 3 * b) + "," + (i % 6 == 1 ? "" : std::to_string(c)) + "," + word,
         2 * a - b + 0.3 * c + std::sin(50.0 * i), i % 4, 1 + i % 3, i / 3});
  }
  return rows;
}

struct Made {
  bool classes = false;
  bool weighted = false;  ///< the column weight, which is 1 otherwise
  bool named = true;      ///< folds by the column fold
};

std::shared_ptr<const Dataset> data_of(const Folder& folder, const std::vector<Row>& rows, const Made& made) {
  std::string text = "a,b,c,word,fold,weight,group,y\n";
  for (const Row& r : rows)
    text += r.cells + "," + std::to_string(r.fold) + "," + std::to_string(made.weighted ? r.weight : 1) + "," +
            std::to_string(r.group) + "," + (made.classes ? (r.y > 0 ? "yes" : "no") : std::to_string(r.y)) + "\n";
  DataOptions o;
  o.train = folder.write("d.csv", text);
  o.missing = Missing::mean;
  o.target_kind = made.classes ? TargetKind::classes : TargetKind::number;
  o.weight = "weight";
  o.drop = {"group"};
  if (made.named)
    o.split_column = "fold";
  else
    o.drop.emplace_back("fold");
  o.feature_groups = {{"numbers", {"a", "b", "c"}}, {"words", {"word"}}};
  return std::make_shared<const Dataset>(load_dataset(o));
}

PrepareChoices choices_of(bool classes, PenaltyPer per, bool balanced = false) {
  PrepareChoices c{make_task(classes ? "logistic" : "ridge")};
  c.class_weight.balanced = balanced;
  c.model.per = per;
  return c;
}

Validation folded(const std::shared_ptr<const Dataset>& data, const PrepareChoices& choices, const FoldOptions& options = {}) {
  const Folds folds = make_folds(*data, options);
  return cross_validation(prepare_problem(data, rows_of_folds(folds), choices), folds);
}

std::unique_ptr<Oracle> oracle_of(const Validation& v, Index threads = 1) {
  std::vector<Summand> parts;
  for (std::size_t k = 0; k < v.parts.size(); ++k) parts.push_back({exact_oracle(v.parts[k].problem), v.weight[k], v.names[k]});
  return sum_of(std::move(parts), {threads});
}

Vec middle(const Validation& v) {
  const HyperSpace& space = v.parts.front().problem.space;
  return Vec::LinSpaced(space.size(), -2.0, -0.5);
}

double loss_at(const Oracle& oracle, In theta) { return oracle.evaluate_fully(theta, nullptr).value; }

/// Central differences, extrapolated once (Richardson).
Vec differences(const Oracle& oracle, const Vec& theta) {
  Vec g(theta.size());
  const auto slope = [&](Index j, double h) {
    Vec up = theta, down = theta;
    up[j] += h;
    down[j] -= h;
    return (loss_at(oracle, up) - loss_at(oracle, down)) / (2 * h);
  };
  for (Index j = 0; j < theta.size(); ++j) g[j] = (4 * slope(j, 1e-3) - slope(j, 2e-3)) / 3;
  return g;
}

}  // namespace

TEST_CASE("the hypergradient of K folds is that of their loss by central differences") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    for (const bool weighted : {false, true}) {
      for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::group, PenaltyPer::feature}) {
        const auto data = data_of(folder, made_rows(60), {classes, weighted});
        const Validation v = folded(data, choices_of(classes, per, classes && weighted));
        const auto oracle = oracle_of(v);
        const Vec theta = middle(v);
        const Evaluation e = oracle->differentiate(oracle->evaluate(theta, oracle->tightest()), oracle->tightest());
        const Vec expected = differences(*oracle, theta);
        CAPTURE(classes);
        CAPTURE(weighted);
        CAPTURE(theta.size());
        CHECK((e.gradient - expected).norm() <= 1e-6 * expected.norm());
        CHECK(expected.norm() > 0);
      }
    }
  }
}

TEST_CASE("the loss of K folds is that of all rows held out, each by its weight") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    const auto data = data_of(folder, made_rows(60), {classes, true});
    const Validation v = folded(data, choices_of(classes, PenaltyPer::feature));
    const auto oracle = oracle_of(v);
    const Evaluation e = oracle->evaluate_fully(middle(v), nullptr);
    const std::vector<Vec> x = solutions(e);
    REQUIRE(x.size() == 4);
    const HeldOut rows = held_out(v, x);
    CHECK(rows.row.size() == 60);
    const double mean = row_losses(v, rows).dot(rows.weight) / rows.weight.sum();
    CHECK(e.value == doctest::Approx(mean).epsilon(1e-13));
    CHECK(score(v, x).loss.mean == e.value);
  }
}

TEST_CASE("rows given twice, both in one fold, count as rows of weight 2") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    const std::vector<Row> rows = made_rows(48);
    std::vector<Row> repeated;
    for (const Row& r : rows) repeated.insert(repeated.end(), static_cast<std::size_t>(r.weight), r);
    const auto weighted = folded(data_of(folder, rows, {classes, true}), choices_of(classes, PenaltyPer::feature));
    const auto copied = folded(data_of(folder, repeated, {classes, false}), choices_of(classes, PenaltyPer::feature));
    const auto a = oracle_of(weighted), b = oracle_of(copied);
    const Vec theta = middle(weighted);
    const Evaluation one = a->differentiate(a->evaluate_fully(theta, nullptr), a->tightest());
    const Evaluation two = b->differentiate(b->evaluate_fully(theta, nullptr), b->tightest());
    CHECK(one.value == doctest::Approx(two.value).epsilon(1e-10));
    CHECK((one.gradient - two.gradient).norm() <= 1e-8 * one.gradient.norm());
    // Of K folds the standard error is one of fold losses, so that copies change nothing.
    const double se = score(weighted, solutions(one)).loss.standard_error;
    CHECK(se == doctest::Approx(score(copied, solutions(two)).loss.standard_error).epsilon(1e-9));
    CHECK(se > 0);
  }
}

TEST_CASE("the order of rows changes rounding alone where a column names the folds") {
  const Folder folder;
  std::vector<Row> rows = made_rows(60), other = rows;
  SplitMix64 random(4);
  std::vector<Index> order(rows.size());
  std::iota(order.begin(), order.end(), Index{0});
  random.shuffle(order);
  for (std::size_t i = 0; i < rows.size(); ++i) other[i] = rows[static_cast<std::size_t>(order[i])];
  for (const bool classes : {false, true}) {
    const auto a = folded(data_of(folder, rows, {classes, true}), choices_of(classes, PenaltyPer::feature));
    const auto b = folded(data_of(folder, other, {classes, true}), choices_of(classes, PenaltyPer::feature));
    const auto one = oracle_of(a)->evaluate_fully(middle(a), nullptr), two = oracle_of(b)->evaluate_fully(middle(b), nullptr);
    CHECK(std::abs(one.value - two.value) <= 1e-10 * one.value);
  }
}

TEST_CASE("folds on one thread and on several have the same bits") {
  const Folder folder;
  const auto data = data_of(folder, made_rows(60), {true, true, false});
  FoldOptions o;
  o.repeats = 2;
  const Validation v = folded(data, choices_of(true, PenaltyPer::feature), o);
  const Vec theta = middle(v);
  const auto run = [&](Index threads) {
    const auto oracle = oracle_of(v, threads);
    Evaluation e = oracle->differentiate(oracle->evaluate(theta, oracle->tightest()), oracle->tightest());
    return oracle->differentiate(oracle->evaluate(theta.array() + 0.1, oracle->tightest(), &e), oracle->tightest());
  };
  const Evaluation one = run(1);
  for (const Index threads : {2, 3, 7}) {
    const Evaluation many = run(threads);
    CHECK(many.value == one.value);
    CHECK(many.gradient == one.gradient);
  }
}

TEST_CASE("what a fold holds out cannot change its fit by a bit") {
  const Folder folder, other_folder;
  for (const bool classes : {false, true}) {
    const std::vector<Row> rows = made_rows(60);
    std::vector<Row> changed = rows;
    for (Row& r : changed) {
      if (r.fold != 2) continue;
      r.cells = "1e6,-2e5,,up";  // far away, a missing cell more
      r.y = -r.y;
      r.weight = 4 - r.weight;
    }
    const auto a = folded(data_of(folder, rows, {classes, true}), choices_of(classes, PenaltyPer::all, classes));
    const auto b = folded(data_of(other_folder, changed, {classes, true}), choices_of(classes, PenaltyPer::all, classes));
    const Prepared &p = a.parts[2], &q = b.parts[2];
    CHECK(p.scaling.scale == q.scaling.scale);
    CHECK(p.scaling.shift == q.scaling.shift);
    CHECK(p.class_weights == q.class_weights);
    const Vec theta = Vec::Constant(1, -1);
    const auto x = [&](const Prepared& part) { return solutions(exact_oracle(part.problem)->evaluate_fully(theta, nullptr))[0]; };
    CHECK(x(p) == x(q));
    CHECK(x(a.parts[0]) != x(b.parts[0]));  // which trains on them
  }
}

TEST_CASE("a level that no training row of a fold has changes nothing there") {
  const Folder folder, without;
  std::vector<Row> rows = made_rows(40);
  for (Row& r : rows) {
    r.fold = r.fold % 2;
    if (r.cells.ends_with("up")) r.cells.replace(r.cells.size() - 2, 2, "left");
  }
  std::vector<Row> with = rows;
  with[0].cells.replace(with[0].cells.rfind(',') + 1, std::string::npos, "seldom");  // row 0 is held out by fold 0
  const auto a = folded(data_of(folder, with, {}), choices_of(false, PenaltyPer::all));
  const auto b = folded(data_of(without, rows, {}), choices_of(false, PenaltyPer::all));
  const Vec theta = Vec::Constant(1, -1);
  const auto x = [&](const Prepared& part) { return solutions(exact_oracle(part.problem)->evaluate_fully(theta, nullptr))[0]; };
  const Vec more = x(a.parts[0]), fewer = x(b.parts[0]);
  REQUIRE(more.size() == fewer.size() + 1);
  const auto& names = a.parts[0].data->feature_names;
  Index at = 0;
  for (std::size_t j = 0; j < names.size(); ++j) {
    if (names[j] == "word=seldom") {
      CHECK(more[static_cast<Index>(j)] == 0);
      continue;
    }
    CHECK(more[static_cast<Index>(j)] == doctest::Approx(fewer[at++]).epsilon(1e-12));
  }
}

TEST_CASE("repeated folds are averaged, and their standard error is not divided by the number of draws") {
  const Folder folder;
  const auto data = data_of(folder, made_rows(60), {false, true, false});
  FoldOptions o;
  o.repeats = 3;
  const PrepareChoices choices = choices_of(false, PenaltyPer::all);
  const Validation v = folded(data, choices, o);
  const auto oracle = oracle_of(v);
  const Evaluation e = oracle->evaluate_fully(middle(v), nullptr);
  const std::vector<Vec> x = solutions(e);
  REQUIRE(x.size() == 15);
  double mean = 0, se = 0, rmse = 0;
  for (std::size_t draw = 0; draw < 3; ++draw) {
    Validation one;
    one.folds = 5;
    double total = 0;
    for (std::size_t k = 5 * draw; k < 5 * draw + 5; ++k) {
      one.parts.push_back(v.parts[k]);
      one.names.push_back(v.names[k]);
      one.weight.push_back(v.weight[k]);
      total += v.weight[k];
    }
    for (double& w : one.weight) w /= total;
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(5 * draw);
    const Score s = score(one, {first, first + 5});
    mean += s.loss.mean / 3;
    se += s.loss.standard_error / 3;
    rmse += s.metrics[0].second / 3;
  }
  const Score s = score(v, x);
  CHECK(s.loss.mean == doctest::Approx(mean).epsilon(1e-12));
  CHECK(e.value == doctest::Approx(mean).epsilon(1e-12));
  CHECK(s.loss.standard_error == doctest::Approx(se).epsilon(1e-12));
  CHECK(s.metrics[0].first == "rmse");
  CHECK(s.metrics[0].second == doctest::Approx(rmse).epsilon(1e-12));
}

TEST_CASE("the standard error over folds is cv.glmnet's") {
  // sqrt(weighted.mean((l - mean)^2, w) / (K - 1)) by hand.
  const Vec loss = (Vec(3) << 1, 2, 4).finished(), weight = (Vec(3) << 10, 10, 20).finished();
  const MeanLoss m = mean_of_folds(loss, weight, 3);
  CHECK(m.mean == doctest::Approx(2.75));
  CHECK(m.standard_error == doctest::Approx(std::sqrt((10 * 1.75 * 1.75 + 10 * 0.75 * 0.75 + 20 * 1.25 * 1.25) / 40 / 2)));
  CHECK_THROWS_AS(mean_of_folds(loss, weight, 2), UsageError);
  CHECK_THROWS_AS(mean_of_folds(loss, weight, 1), UsageError);
}

TEST_CASE("folds stacked to one problem have the hypergradient of their sum") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    const Validation v = folded(data_of(folder, made_rows(60), {classes, true}), choices_of(classes, PenaltyPer::feature));
    std::vector<Problem> problems;
    for (const Prepared& p : v.parts) problems.push_back(p.problem);
    const auto sum = oracle_of(v), one = exact_oracle(stacked(problems, v.weight));
    const Vec theta = middle(v);
    const Evaluation a = sum->differentiate(sum->evaluate_fully(theta, nullptr), sum->tightest());
    const Evaluation b = one->differentiate(one->evaluate_fully(theta, nullptr), one->tightest());
    CHECK(a.value == doctest::Approx(b.value).epsilon(1e-12));
    CHECK((a.gradient - b.gradient).norm() <= 1e-9 * a.gradient.norm());
  }
}
