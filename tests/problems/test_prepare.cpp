// A data set is read, never written: problems prepared from it for other rows stand beside each other.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/models/fitted_model.hpp>
#include <tacit/problems/models/scores.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::Folder;

namespace {

/// 40 rows of three numbers and a word, cells missing here and there; y a number, or a class by its sign.
std::string rows_text(bool classes, const std::string& other = "") {
  std::string text = "a,b,c,word,y\n";
  for (int i = 0; i < 40; ++i) {
    if (i % 4 == 3 && !other.empty()) {
      text += other + (classes ? (i % 8 == 3 ? "no\n" : "yes\n") : std::to_string(-i) + "\n");
      continue;
    }
    const double a = std::sin(1.0 + 3 * i), b = std::cos(2.0 * i * i), c = i % 7 - 2.5;
    text += (i % 5 == 0 ? std::string("") : std::to_string(a)) + "," + std::to_string(100 + b) + "," +
            (i % 6 == 1 ? std::string("NA") : std::to_string(c)) + "," + (i % 2 ? "left" : "right") + ",";
    const double y = 2 * a - b + 0.3 * c + std::sin(50.0 * i);
    text += classes ? (y > 0 ? "yes\n" : "no\n") : std::to_string(y) + "\n";
  }
  return text;
}

std::shared_ptr<const Dataset> data_of(const Folder& folder, const std::string& text, bool classes, Missing missing) {
  DataOptions o;
  o.train = folder.write("d.csv", text);
  o.missing = missing;
  o.target_kind = classes ? TargetKind::classes : TargetKind::number;
  return std::make_shared<const Dataset>(load_dataset(o));
}

/// Rows i with i mod 4 == k validate, the others train.
Split fold(Index rows, Index k) {
  Split s;
  for (Index i = 0; i < rows; ++i) (i % 4 == k ? s.validation : s.train).push_back(i);
  return s;
}

PrepareChoices choices_of(bool classes) {
  PrepareChoices c{make_task(classes ? "logistic" : "ridge")};
  c.class_weight.balanced = classes;
  c.model.per = PenaltyPer::feature;
  return c;
}

/// Numbers that depend on every entry of the problem: value, gradient, a product and, with a criterion, its gradient.
std::vector<double> bits_of(const Problem& p, bool criterion) {
  const Index n = p.f->inner_dim(), m = p.f->outer_dim();
  Vec x(n), u(m), g(n), q(n), gu(m);
  for (Index i = 0; i < n; ++i) x[i] = std::sin(1.0 + static_cast<double>(i));
  for (Index i = 0; i < m; ++i) u[i] = 0.1 + 0.01 * static_cast<double>(i);
  std::vector<double> all{p.f->gradient(x, u, g)};
  p.f->linearize(x, u)->hessian(g, q);
  all.insert(all.end(), g.begin(), g.end());
  all.insert(all.end(), q.begin(), q.end());
  all.insert(all.end(), p.space.lower().begin(), p.space.lower().end());
  if (!criterion) return all;
  all.push_back(p.l->gradient(x, u, g, gu));
  all.insert(all.end(), g.begin(), g.end());
  return all;
}

bool same_bits(const Mat& a, const Mat& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), sizeof(double) * static_cast<std::size_t>(a.size())) == 0;
}

}  // namespace

TEST_CASE("prepare: other folds, and a final fit, leave the problem of a fold and the data set as they are, to the bit") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    for (const Missing missing : {Missing::mean, Missing::median}) {
      const auto data = data_of(folder, rows_text(classes), classes, missing);
      REQUIRE(data->missing.size() > 5);
      const Mat before = data->x.dense;
      const Prepared a = prepare_problem(data, fold(40, 0), choices_of(classes));
      const std::vector<double> alone = bits_of(a.problem, true);
      const Vec x = Vec::LinSpaced(a.problem.f->inner_dim(), -1, 1);
      const double lost = score(a, a.rows.validation, x).loss.mean;
      const FittedModel model = fitted_model(a, Vec::Ones(a.problem.space.size()), x);
      std::vector<Prepared> others;
      for (const Index k : {1, 2, 3}) others.push_back(prepare_problem(data, fold(40, k), choices_of(classes)));
      others.push_back(prepare_again(a, rows_of_refit(a.rows)));
      CHECK(bits_of(a.problem, true) == alone);
      CHECK(score(a, a.rows.validation, x).loss.mean == lost);
      CHECK(fitted_model(a, Vec::Ones(a.problem.space.size()), x).coefficients == model.coefficients);
      CHECK(same_bits(data->x.dense, before));
      // And they are other problems: the same rows give the same bits again, other rows do not.
      CHECK(bits_of(prepare_problem(data, fold(40, 0), choices_of(classes)).problem, true) == alone);
      for (const Prepared& other : others) CHECK(bits_of(other.problem, false) != bits_of(a.problem, false));
    }
  }
}

TEST_CASE("prepare: what the validation rows hold changes no bit of the training problem") {
  const Folder folder;
  for (const bool classes : {false, true}) {
    for (const Missing missing : {Missing::mean, Missing::median}) {
      const auto plain = data_of(folder, rows_text(classes), classes, missing);
      const Prepared a = prepare_problem(plain, fold(40, 3), choices_of(classes));
      for (const char* cells : {"1e6,-3e5,77,left,", ",,,right,", "0,0,0,left,"}) {
        const auto other = data_of(folder, rows_text(classes, cells), classes, missing);
        const Prepared b = prepare_problem(other, fold(40, 3), choices_of(classes));
        CHECK(bits_of(b.problem, false) == bits_of(a.problem, false));
        const Vec u = Vec::Ones(a.problem.space.size()), x = Vec::LinSpaced(a.problem.f->inner_dim(), -1, 1);
        CHECK(fitted_model(b, u, x).coefficients == fitted_model(a, u, x).coefficients);
        CHECK(fitted_model(b, u, x).intercept == fitted_model(a, u, x).intercept);
        CHECK(bits_of(b.problem, true) != bits_of(a.problem, true));  // the rows themselves are seen
      }
    }
  }
}

TEST_CASE("prepare: the data set lives as long as what was made of it") {
  const Folder folder;
  std::optional<Prepared> kept;
  std::vector<double> bits;
  for (const Missing missing : {Missing::mean, Missing::drop_row}) {
    {
      const auto data = data_of(folder, rows_text(false), false, missing);
      kept = prepare_problem(data, fold(data->rows(), 1), choices_of(false));
      bits = bits_of(kept->problem, true);
    }
    const Problem problem = kept->problem;
    kept.reset();
    CHECK(bits_of(problem, true) == bits);
  }
}

TEST_CASE("prepare: a model of the prepared problem predicts from a file what it does on the rows") {
  const Folder folder;
  const auto data = data_of(folder, rows_text(true), true, Missing::median);
  const Prepared a = prepare_problem(data, fold(40, 2), choices_of(true));
  const Vec x = Vec::LinSpaced(a.problem.f->inner_dim(), -1, 1);
  const FittedModel m = fitted_model(a, Vec::Ones(a.problem.space.size()), x);
  const Margins z = margins(m, folder.path("d.csv"));
  const Vec here = a.margins(all_rows(40).train, x);
  CHECK((z.values - here).norm() < 1e-12 * here.norm());
  CHECK(m.classes == std::vector<std::string>{"no", "yes"});
  CHECK(m.hyperparameters.front().labels == data->feature_names);
}

TEST_CASE("prepare: a model and a target that do not go together are refused") {
  const Folder folder;
  const auto numbers = data_of(folder, rows_text(false), false, Missing::mean);
  const auto classes = data_of(folder, rows_text(true), true, Missing::mean);
  CHECK_THROWS_AS(prepare_problem(numbers, fold(40, 0), choices_of(true)), UsageError);
  CHECK_THROWS_AS(prepare_problem(classes, fold(40, 0), choices_of(false)), UsageError);
  CHECK_THROWS_AS(prepare_problem(numbers, fold(40, 0), {}), UsageError);
  CHECK_THROWS_AS(prepare_problem(nullptr, fold(40, 0), choices_of(false)), UsageError);
  PrepareChoices c = choices_of(true);
  c.positive = "yse";
  try {
    prepare_problem(classes, fold(40, 0), c);
    FAIL("an unknown class was taken");
  } catch (const UsageError& e) {
    CHECK(contains(e.what(), "did you mean 'yes'"));
    CHECK(e.key() == "model.positive");
  }
}

TEST_CASE("tasks: every kind of this version has a loss that is offered, metrics and a formula, and the others say what to use") {
  const Vec z{{0.3, -1.2, 2.0}}, w{{1, 2, 1}};
  int here = 0;
  for (const ModelKind& k : model_kinds()) {
    CAPTURE(k.name);
    CHECK(find_model_kind(k.name) == &k);
    CHECK_FALSE(k.hyper.empty());
    if (!k.available()) {
      CHECK(std::string(k.instead).rfind("use ", 0) == 0);
      CHECK_THROWS_AS(make_task(k.name), UsageError);
      continue;
    }
    ++here;
    const auto task = make_task(k.name);
    CHECK(&task->kind() == &k);
    const Vec y = task->classifier() ? Vec{{1, -1, -1}} : Vec{{0.5, -2, 1}};
    // Losses by row are those of the loss that is minimised.
    Vec phi(3);
    task->loss()->evaluate(3, z.data(), y.data(), phi.data(), nullptr, nullptr);
    CHECK((task->losses(y, z) - phi).norm() < 1e-14);
    CHECK(task->metrics(y, z, w).size() == 3);
    // No other constant has a smaller loss.
    const double best = task->best_constant(y, w);
    const auto mean = [&](double c) { return mean_loss(task->losses(y, Vec::Constant(3, c)), w).mean; };
    CHECK(mean(best) < mean(best + 1e-3));
    CHECK(mean(best) < mean(best - 1e-3));
    CHECK(contains(task->loss_text("P"), "P"));
    CHECK(std::string(task->loss_formula(formula::name("P")).element) == "mrow");
  }
  CHECK(here >= 2);
  CHECK(usual_model(false).classifier == false);
  CHECK(usual_model(true).classifier);
}
