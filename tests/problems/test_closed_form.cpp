// Leave-one-out and generalized cross-validation in closed form: against the fits that they stand for, their formula, central
// differences and scikit-learn.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include <Eigen/Cholesky>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/problems/data/validation.hpp>
#include <tacit/problems/models/closed_form.hpp>
#include <tacit/problems/models/held_out.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "core/plain_problems.hpp"
#include "paths.hpp"

using namespace tacit;

namespace {

Design rows_of(const Mat& a, bool sparse = false) {
  if (sparse) return Design(std::make_shared<CsrMatrix>(a.sparseView()));
  return Design(std::make_shared<Mat>(a));
}

struct Case {
  Mat a;
  Vec y;
  ModelOptions options;
  bool sparse = false;
  double weight = 1;

  Problem all() const { return of(a, y); }
  /// Ridge regression on these rows, without a criterion.
  Problem of(const Mat& rows, const Vec& targets) const {
    ModelParts parts;
    parts.train = rows_of(rows, sparse);
    parts.y = targets;
    parts.weights = Vec::Constant(targets.size(), weight);
    parts.groups = {{"even", {}}, {"odd", {}}};
    for (Index j = 0; j < a.cols(); ++j) parts.groups[static_cast<std::size_t>(j % 2)].columns.push_back(j);
    return make_task("ridge")->make(parts, options);
  }
  Problem scored(RowScore score) const {
    const Problem rows = all();
    return row_score_problem(rows, row_score_loss(rows, score, options.reduction));
  }
};

/// Few columns and many, an intercept or none, one penalty, some and many, a mean or a sum, dense and sparse rows.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Index d : {4, 25}) {
    for (const bool intercept : {false, true}) {
      for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature, PenaltyPer::group}) {
        for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
          test::Numbers draw(static_cast<unsigned>(3 + d));
          Case c;
          c.a = (draw.mat(16, d).array() + 0.4).matrix();
          c.y = (c.a * draw.vec(d) + draw.vec(16)).array() + 3;
          c.options.intercept = intercept;
          c.options.per = per;
          c.options.reduction = reduction;
          c.sparse = d == 4 && intercept;
          c.weight = reduction == Reduction::mean ? 2.5 : 0.5;
          all.push_back(std::move(c));
        }
      }
    }
  }
  return all;
}

void capture_and(const Case& c, const std::function<void()>& body) {
  CAPTURE(c.a.cols());
  CAPTURE(c.options.intercept);
  CAPTURE(static_cast<int>(c.options.per));
  CAPTURE(static_cast<int>(c.options.reduction));
  body();
}

Vec penalties(const Problem& p, double level) { return level * Vec::LinSpaced(p.f->outer_dim(), 1, 3); }

Vec solution(const Problem& p, const Vec& u) { return CholeskySolver().solve(p, u, nullptr, Accuracy{1e-14}, {}).x(); }

double loss_at(const Problem& p, const Vec& u) { return p.l->value(solution(p, u), u); }

Mat without_row(const Mat& a, Index i) {
  Mat b(a.rows() - 1, a.cols());
  b << a.topRows(i), a.bottomRows(a.rows() - 1 - i);
  return b;
}

}  // namespace

TEST_CASE("leave-one-out in closed form is the loss of n fits without one row each, at the same l2") {
  for (const Case& c : cases()) {
    capture_and(c, [&] {
      const Problem p = c.scored(RowScore::leave_one_out);
      const auto& l = static_cast<const RowScoreLoss&>(*p.l);
      for (const double level : {0.01, 1.0, 30.0}) {
        const Vec u = penalties(p, level), x = solution(p, u), held = l.predictions_without(x, u);
        double total = 0;
        for (Index i = 0; i < c.a.rows(); ++i) {
          const Problem fit = c.of(without_row(c.a, i), without_row(c.y, i));
          const Vec w = solution(fit, u);
          const double z = c.a.row(i).dot(w.head(c.a.cols())) + (c.options.intercept ? w[c.a.cols()] : 0);
          CHECK(held[i] == doctest::Approx(z).epsilon(1e-10));
          total += (z - c.y[i]) * (z - c.y[i]) / 2;
        }
        CHECK(l.value(x, u) == doctest::Approx(total / static_cast<double>(c.a.rows())).epsilon(1e-10));
      }
    });
  }
}

TEST_CASE("generalized cross-validation is its formula, the intercept in the trace of the hat matrix") {
  for (const Case& c : cases()) {
    capture_and(c, [&] {
      const Problem p = c.scored(RowScore::gcv);
      const Index n = c.a.rows(), d = c.a.cols(), all = d + (c.options.intercept ? 1 : 0);
      Mat a(n, all);
      a.leftCols(d) = c.a;
      if (c.options.intercept) a.col(d).setOnes();
      const Vec& s = p.f->linear()->row_weights();
      for (const double level : {0.01, 1.0, 30.0}) {
        const Vec u = penalties(p, level);
        Vec penalty(all);
        p.f->linear()->penalty().coefficients(u, penalty);
        Eigen::MatrixXd h = s[0] * a.transpose() * a;
        h.diagonal() += penalty;
        const Eigen::MatrixXd hat = s[0] * a * h.ldlt().solve(Eigen::MatrixXd(a.transpose()));
        const Vec r = hat * c.y - c.y;
        const double left = 1 - hat.trace() / static_cast<double>(n);
        CHECK(loss_at(p, u) == doctest::Approx(r.squaredNorm() / (2 * static_cast<double>(n)) / (left * left)).epsilon(1e-10));
      }
    });
  }
}

TEST_CASE("hypergradients of leave-one-out and of generalized cross-validation are their central differences") {
  for (const Case& c : cases()) {
    for (const RowScore score : {RowScore::leave_one_out, RowScore::gcv}) {
      CAPTURE(static_cast<int>(score));
      capture_and(c, [&] {
        Problem p = c.scored(score);
        const auto oracle = exact_oracle(p);
        const Index m = p.space.size();
        for (const double level : {0.03, 1.0, 30.0}) {
          const Vec u = penalties(p, level), theta = u.array().log();
          const Evaluation e = oracle->differentiate(oracle->evaluate(theta, oracle->tightest()), oracle->tightest());
          Vec differences(m);
          const double h = 1e-4;
          for (Index j = 0; j < m; ++j) {
            const auto at = [&](double step) { return loss_at(p, Vec((theta + step * Vec::Unit(m, j)).array().exp())); };
            differences[j] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
          }
          CHECK((e.gradient - differences).norm() <= 1e-6 * differences.norm());
        }
      });
    }
  }
}

// python3 -c "
// import numpy as np; from sklearn.linear_model import RidgeCV
// t = np.loadtxt('tests/reference/diabetes.csv', delimiter=',', skiprows=1)
// for c in (True, False):
//   for n in (442, 8):
//     m = RidgeCV(alphas=np.logspace(-4, 4, 161), fit_intercept=c, store_cv_values=True).fit(t[:n, :10], t[:n, 10])
//     print(c, n, repr(m.alpha_), repr(m.cv_values_.mean(0).min()))"   with scikit-learn 1.2.1
TEST_CASE("leave-one-out has its minimum where RidgeCV's alpha is (n - 1) l2, within one step of its grid, and the same loss") {
  struct Known {
    bool intercept;
    Index rows;
    double alpha, squares;
  };
  const Mat table = test::read_numbers(test::source_dir() + "/tests/reference/diabetes.csv");
  for (const Known& known : {Known{true, 442, 1.7782794100389228, 0.5058735457875649},
                             {true, 8, 0.05011872336272725, 0.24365214979128005},
                             {false, 442, 1.7782794100389228, 0.5035374923462974},
                             {false, 8, 0.19952623149688806, 0.24795799086790832}}) {
    CAPTURE(known.rows);
    CAPTURE(known.intercept);
    Case c;
    c.a = table.topRows(known.rows).leftCols(10);
    c.y = table.col(10).head(known.rows);
    c.options.intercept = known.intercept;
    const Problem p = c.scored(RowScore::leave_one_out);
    const double n = static_cast<double>(known.rows);
    CHECK(2 * loss_at(p, Vec::Constant(1, known.alpha / (n - 1))) == doctest::Approx(known.squares).epsilon(1e-10));
    const auto oracle = exact_oracle(p);
    const FoundStart found = search_common(*oracle, p.space, true);
    CHECK(std::abs(std::log10((n - 1) * std::exp(found.theta[0]) / known.alpha)) <= 8.0 / 160);
  }
}

TEST_CASE("rows judged by a closed form are held out each by the fit without it, centred or not, one penalty standing for all") {
  auto data = std::make_shared<Dataset>();
  const Index n = 14, d = 3;
  data->x.dense = (test::Numbers(5).mat(n, d).array() + 4).matrix();
  data->y = data->x.dense * test::Numbers(6).vec(d) + test::Numbers(7).vec(n);
  data->weight = Vec::Ones(n);
  data->origin.assign(n, Origin::train);
  data->feature_names = {"a", "b", "c"};
  PrepareChoices choices{make_task("ridge")};
  choices.standardize = Standardize::no;
  choices.model.per = PenaltyPer::feature;
  const Prepared whole = prepare_problem(data, all_rows(n), choices);
  Validation v = row_scored(whole, RowScore::leave_one_out);
  Folds folds;
  folds.folds = n;
  for (Index i = 0; i < n; ++i) {
    Split part;
    for (Index r = 0; r < n; ++r) (r == i ? part.validation : part.train).push_back(r);
    folds.parts.push_back(part);
    folds.names.push_back("row " + std::to_string(i + 1));
  }
  const Validation by_folds = cross_validation(whole, folds);
  std::vector<Vec> fits;
  const Vec u = Vec::Constant(d, 0.3);
  for (const Prepared& part : by_folds.parts) fits.push_back(solution(part.problem, u));
  const HeldOut wanted = held_out(by_folds, fits);
  for (const bool centre : {false, true}) {
    CAPTURE(centre);
    if (centre) v.parts.front() = centred(v.parts.front());
    const Vec x = solution(problem_with(v.parts.front(), PenaltyPer::all), u.head(1));
    for (const Vec& given : {u, Vec(u.head(1))}) {
      const HeldOut rows = held_out(v, {x}, given);
      CHECK((rows.margin - wanted.margin).norm() <= 1e-10 * wanted.margin.norm());
      CHECK(rows.row == wanted.row);
    }
  }
  const HeldOut constant = held_out_constant(v), other = held_out_constant(by_folds);
  CHECK((constant.margin - other.margin).norm() <= 1e-13 * other.margin.norm());
  const Score s = score(row_scored(whole, RowScore::leave_one_out),
                        {solution(row_scored(whole, RowScore::leave_one_out).parts.front().problem, u)}, u);
  CHECK(s.loss.mean == doctest::Approx(mean_loss(by_folds, wanted, row_losses(by_folds, wanted)).mean).epsilon(1e-10));
}

TEST_CASE("closed forms say what they are not for") {
  Case c = cases().front();
  Problem all = c.all();
  const LinearModel& f = *all.f->linear();
  Vec s = f.row_weights();
  s[2] *= 2;
  const auto unequal = std::make_shared<const LinearModel>(f.design(), make_task("ridge")->loss(), f.targets(), s, f.penalty());
  CHECK_THROWS_WITH_AS(RowScoreLoss(unequal, RowScore::leave_one_out),
                       "leave-one-out in closed form needs rows of one weight; use validation.scheme=kfold for unequal ones",
                       UsageError);
  const auto logistic = std::make_shared<const LinearModel>(f.design(), make_task("logistic")->loss(),
                                                            Vec(f.targets().cwiseSign()), f.row_weights(), f.penalty());
  CHECK_THROWS_WITH_AS(RowScoreLoss(logistic, RowScore::gcv), doctest::Contains("is of ridge regression"), UsageError);
  c.a = c.a.topRows(1).eval();
  c.y = c.y.head(1).eval();
  CHECK_THROWS_WITH_AS(c.scored(RowScore::gcv), doctest::Contains("needs at least 2 rows, got 1"), UsageError);
}
