// What every registered model owes, whatever its name, and every model of a loss that came through the loss door: derivatives
// that fit, constants that enclose the curvature, the same numbers from dense and sparse rows, weights that count rows, an
// intercept that is free.
#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/loss_door.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/problems/models/moments.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

constexpr Index kFeatures = 6, kTrain = 30, kValidation = 17;

/// Rows of one storage; a third of the entries are zero, one column is zero throughout, scales are uneven.
Design rows_of(Mat a, bool sparse) {
  if (!sparse) return Design(std::make_shared<Mat>(std::move(a)));
  return Design(std::make_shared<CsrMatrix>(a.sparseView()));
}

Mat raw_rows(Index n, unsigned seed) {
  Mat a = test::uneven_data(n, kFeatures, seed);
  a = (a.array().abs() < 0.3).select(0, a).eval();
  a.col(2).setZero();
  return a;
}

Vec targets(const Mat& a, unsigned seed, bool classifier) {
  const Vec y = a * Vec::LinSpaced(kFeatures, -2, 1) + test::Numbers(seed).vec(a.rows());
  return classifier ? Vec(y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })) : y;
}

ModelParts parts_of(bool classifier, bool sparse, bool weighted) {
  const Mat train = raw_rows(kTrain, 5), validation = raw_rows(kValidation, 6);
  ModelParts p;
  p.train = rows_of(train, sparse);
  p.validation = rows_of(validation, sparse);
  p.y = targets(train, 7, classifier);
  p.validation_y = targets(validation, 8, classifier);
  if (weighted) {
    p.weights = Vec::LinSpaced(kTrain, 0.2, 3);
    p.validation_weights = Vec::LinSpaced(kValidation, 2, 0.5);
  }
  p.groups = {{"even", {0, 2, 4}}, {"odd", {1, 3, 5}}};
  return p;
}

/// A kind of model: what it makes of parts and choices.
struct Family {
  std::string name;
  bool classifier;
  std::shared_ptr<const Loss> loss;
  std::function<Problem(const ModelParts&, const ModelOptions&)> make;
  bool tame = true;  ///< its loss has derivatives without NaN at infinity
};

/// By the loss door: told all that is known of it, told nothing but bounds, and with functions that run over no fast kernel.
std::vector<Family> families_by_the_door() {
  const auto family = [](const std::string& name, bool classifier, std::shared_ptr<const Loss> loss, bool tame) {
    const auto make = [loss](const ModelParts& parts, const ModelOptions& options) {
      return linear_problem(loss, parts, options);
    };
    return Family{name, classifier, loss, make, tame};
  };
  const auto logistic = [](auto z, double y) { return softplus(-y * z); };
  const auto squares = [](auto z, double y) { return (z - y) * (z - y) / 2; };
  const auto pseudo_huber = [](auto z, double y) {
    using std::sqrt;
    return sqrt(1 + (z - y) * (z - y)) - 1;
  };
  const LossFacts bounded{.curvature_bound = 1, .convex = true, .least = 0};
  return {family("logistic by the door", true, make_loss(logistic, {.curvature_bound = 0.25, .convex = true, .least = 0}), true),
          family("ridge by the door", false, make_loss(squares, {.least = 0, .quadratic = true}), false),
          family("squares by the door", false, make_loss(squares, bounded), false),
          family("pseudo-Huber by the door", false, make_loss(pseudo_huber, bounded), false)};
}

/// Ridge regression that reads its rows once, as a fold has it.
Family ridge_by_moments() {
  const std::shared_ptr<const ModelTask> task = make_task("ridge");
  const auto make = [task](const ModelParts& parts, const ModelOptions& options) {
    const auto moments = [](const Design& rows, const Vec& y, const Vec& w) {
      return row_moments(rows, y, w.size() > 0 ? w : Vec(Vec::Ones(rows.rows())));
    };
    const ProblemMoments both =
        problem_moments(moments(parts.train, parts.y, parts.weights),
                        moments(parts.validation, parts.validation_y, parts.validation_weights), Vec(), Vec(), Vec(), options);
    return by_moments(task->make(parts, options), both);
  };
  return {"ridge by moments", false, task->loss(), make};
}

std::vector<Family> all_families() {
  Registry<ModelTask> registry("model", "model.kind");
  register_models(registry);
  std::vector<Family> all;
  for (const std::string& name : registry.names()) {
    const std::shared_ptr<const ModelTask> task = registry.make(name);
    all.push_back({name, task->classifier(), task->loss(),
                   [task](const ModelParts& parts, const ModelOptions& options) { return task->make(parts, options); }});
  }
  for (Family& f : families_by_the_door()) all.push_back(std::move(f));
  all.push_back(ridge_by_moments());
  return all;
}

struct Made {
  std::string name;
  const Family& family;
  ModelParts parts;
  ModelOptions options;
  bool sparse;
  Problem problem;
};

/// body(made) for every model in every way in which it can be set up.
void for_each_model(const std::function<void(const Made&)>& body) {
  for (const Family& family : all_families()) {
    const std::string& name = family.name;
    for (const bool sparse : {false, true}) {
      for (const bool rich : {false, true}) {  // intercept, weights and a sum, or none of them
        for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature, PenaltyPer::group}) {
          ModelOptions options;
          options.per = per;
          options.intercept = rich;
          options.reduction = rich ? Reduction::sum : Reduction::mean;
          const ModelParts parts = parts_of(family.classifier, sparse, rich);
          CAPTURE(name);
          CAPTURE(sparse);
          CAPTURE(rich);
          CAPTURE(static_cast<int>(per));
          body({name, family, parts, options, sparse, family.make(parts, options)});
        }
      }
    }
  }
}

Vec penalties(const Problem& p) { return Vec::LinSpaced(p.f->outer_dim(), 0.03, 0.4); }

/// One thing that can be asked of a problem, and all numbers of its answer.
struct Call {
  std::string name;
  std::function<std::vector<double>(const Problem&)> ask;
};

std::vector<double> numbers(std::initializer_list<double> some, const Vec& more = {}) {
  std::vector<double> all(some);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<double> numbers(const Mat& m, const Vec& more = {}) {
  std::vector<double> all(m.data(), m.data() + m.size());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Everything an objective and its curvature offer, at u and at 3 u.
std::vector<Call> calls_of(Index n, Index m, const std::function<Vec(const Problem&)>& u_of) {
  const Vec x = test::Numbers(21).vec(n), p = test::Numbers(22).vec(n);
  const Mat dx = test::Numbers(23).mat(n, 3), du = test::Numbers(24).mat(m, 3);
  std::vector<Call> calls;
  const auto add = [&](const std::string& name, auto ask) {
    for (const double level : {1.0, 3.0})
      calls.push_back({name, [=](const Problem& problem) { return ask(*problem.f, Vec(level * u_of(problem))); }});
  };
  add("value", [=](const Objective& f, const Vec& u) { return numbers({f.value(x, u)}); });
  add("gradient", [=](const Objective& f, const Vec& u) {
    Vec g(n);
    const double value = f.gradient(x, u, g);
    return numbers({value}, g);
  });
  add("linearize", [=](const Objective& f, const Vec& u) {
    FirstOrder at;
    f.linearize(x, u, &at);
    return numbers({at.value}, at.gradient);
  });
  add("hessian", [=](const Objective& f, const Vec& u) {
    Vec out(n);
    f.linearize(x, u)->hessian(p, out);
    return numbers({}, out);
  });
  add("hessian of an older linearization", [=](const Objective& f, const Vec& u) {
    Vec out(n), again(n);
    Mat h(n, n);
    const auto curvature = f.linearize(x, u);
    curvature->hessian(p, out);
    f.linearize(x, u)->dense(h);
    (void)f.smoothness(u);
    curvature->hessian(p, again);
    return numbers({(again - out).norm()}, out);
  });
  add("hessian_batch", [=](const Objective& f, const Vec& u) {
    Mat out(n, 3);
    f.linearize(x, u)->hessian_batch(dx, out);
    return numbers(out);
  });
  add("diagonal and dense", [=](const Objective& f, const Vec& u) {
    Vec d = Vec::Zero(n);
    Mat h = Mat::Zero(n, n);
    const auto curvature = f.linearize(x, u);
    curvature->diagonal(d);
    curvature->dense(h);
    return numbers(h, d);
  });
  add("adjoint", [=](const Objective& f, const Vec& u) {
    Vec a(n), b(m);
    f.adjoint(x, u, p, a, b);
    Vec both(n + m);
    both << a, b;
    return numbers({}, both);
  });
  add("adjoint of a linearization", [=](const Objective& f, const Vec& u) {
    Vec a(n), b(m);
    f.linearize(x, u)->adjoint(p, a, b);
    Vec both(n + m);
    both << a, b;
    return numbers({}, both);
  });
  add("tangents", [=](const Objective& f, const Vec& u) {
    Vec g(n);
    Mat dg(n, 3);
    f.tangents(x, u, dx, du, g, dg);
    return numbers(dg, g);
  });
  add("smoothness", [=](const Objective& f, const Vec& u) { return numbers({f.smoothness(u)}); });
  add("convexity", [=](const Objective& f, const Vec& u) { return numbers({f.convexity(u)}); });
  add("gradient_scale", [=](const Objective& f, const Vec& u) { return numbers({f.gradient_scale(u)}); });
  add("derivative_lipschitz", [=](const Objective& f, const Vec& u) {
    return numbers({f.derivative_lipschitz(u, test::Numbers(25).mat(n, m), Vec::Ones(m))});
  });
  calls.push_back({"criterion", [=](const Problem& problem) {
                     Vec gx(n), gu(m);
                     const double l = problem.l->gradient(x, u_of(problem), gx, gu);
                     return numbers({l, problem.l->smoothness()}, gx);
                   }});
  return calls;
}

/// Every registered solver that takes the problem: where it gets within a few steps.
void add_solves(std::vector<Call>& calls, const Problem& first, const std::function<Vec(const Problem&)>& u_of) {
  Registry<InnerSolver> solvers("solver");
  register_solvers(solvers);
  for (const std::string& name : solvers.names()) {
    if (name == "cholesky" && !first.f->quadratic()) continue;
    if ((name == "heavy-ball" || name == "nesterov") && !(first.f->convexity(u_of(first)) > 0)) continue;
    calls.push_back({name, [=](const Problem& problem) {
                       Registry<InnerSolver> registry("solver");
                       register_solvers(registry);
                       const auto solver = registry.make(name);
                       const InnerSolution s = solver->solve(problem, u_of(problem), nullptr, Accuracy{1e-3}, TapeRequest{});
                       return numbers({s.residual, static_cast<double>(s.steps)}, s.z);
                     }});
  }
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// Each answer alone on a problem of its own, then all of them in `orders` orders, on one fresh problem an order.
void check_history(const std::function<Problem()>& make, int orders) {
  const Problem first = make();
  const auto u_of = [](const Problem& p) { return Vec(10 * penalties(p)); };
  std::vector<Call> calls = calls_of(first.f->inner_dim(), first.f->outer_dim(), u_of);
  add_solves(calls, first, u_of);
  std::vector<std::vector<double>> alone;
  for (const Call& call : calls) alone.push_back(call.ask(make()));
  std::vector<std::size_t> order(calls.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  test::Numbers draw(31);
  for (int k = 0; k < orders; ++k) {
    const Problem problem = make();
    std::string before = "nothing";
    for (const std::size_t i : order) {
      CAPTURE(calls[i].name);
      CAPTURE(before);
      CHECK(same_bits(calls[i].ask(problem), alone[i]));
      before = calls[i].name;
    }
    for (std::size_t i = order.size(); i-- > 1;)
      std::swap(order[i], order[static_cast<std::size_t>((draw.next() + 1) / 2 * static_cast<double>(i))]);
  }
}

}  // namespace

TEST_CASE("models: derivatives of every registered model and of its criterion pass all checks") {
  for_each_model([](const Made& m) {
    test::Numbers draw(3);
    for (int k = 0; k < 3; ++k) {
      const VerifyReport r = verify(m.problem, {penalties(m.problem), draw.vec(m.problem.f->inner_dim())});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      for (const Finding& f : r.findings) {
        CAPTURE(f.sentence());
        if (f.verdict == Verdict::not_checked) continue;
        CHECK(f.difference <= (f.against.find("differences") == 0 ? 1e-7 : 1e-12));
      }
    }
  });
}

TEST_CASE("models: no check gives a false alarm, whatever the units of x and of the penalties are") {
  int seed = 0;
  for_each_model([&](const Made& m) {
    for (const double size : {0.0, 1e-6, 1e-3, 1e3, 1e6}) {
      for (const double level : {1e-6, 1e-2, 1e2, 1e6}) {
        VerifyOptions options;
        options.seed = static_cast<std::uint64_t>(++seed);
        const Vec x = size * test::Numbers(static_cast<unsigned>(seed)).vec(m.problem.f->inner_dim());
        const VerifyReport r = verify(m.problem, {level * penalties(m.problem), x}, options);
        CAPTURE(size);
        CAPTURE(level);
        CAPTURE(r.to_text());
        CHECK(r.ok());
        CHECK(r.find("hessian")->verdict == Verdict::ok);
      }
    }
    for (const double level : {1e-6, 1.0, 1e6}) {  // at a point of its own
      const VerifyReport r = verify(m.problem, {level * penalties(m.problem)});
      CAPTURE(level);
      CAPTURE(r.to_text());
      CHECK(r.ok());
    }
  });
}

TEST_CASE("models: dense form, diagonal and batches are one and the same Hessian, before and after it is kept") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Vec u = penalties(m.problem), x = test::Numbers(9).vec(f.inner_dim());
    const Index n = f.inner_dim();
    const auto curvature = f.linearize(x, u);
    Mat single(n, n), batch(n, n), dense(n, n);
    Vec column(n), diagonal(n);
    for (Index j = 0; j < n; ++j) {
      curvature->hessian(Vec::Unit(n, j), column);
      single.col(j) = column;
    }
    curvature->hessian_batch(Mat::Identity(n, n), batch);
    CHECK((batch - single).norm() <= 1e-13 * single.norm());
    if (curvature->diagonal(diagonal)) CHECK((diagonal - single.diagonal()).norm() <= 1e-13 * diagonal.norm());
    if (!curvature->dense(dense)) return;
    CHECK((dense - single).norm() <= 1e-13 * single.norm());
    CHECK(curvature->factor_cost(n) >= 0);
    CHECK(std::isfinite(curvature->factor_cost(n)));
    f.linearize(x, u)->hessian_batch(Mat::Identity(n, n), batch);
    CHECK((batch - single).norm() <= 1e-13 * single.norm());
  });
}

TEST_CASE("models: the diagonal that u adds to the Hessian is what u changes of it") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Index n = f.inner_dim();
    const Vec u = penalties(m.problem), other = 3 * u, x = test::Numbers(10).vec(n);
    Vec c(n), more(n);
    REQUIRE(f.penalty_diagonal(u, c));
    REQUIRE(f.penalty_diagonal(other, more));
    CHECK(c.maxCoeff() > 0);
    Mat a(n, n), b(n, n);
    hessian_matrix(*f.linearize(x, u), a);
    hessian_matrix(*f.linearize(x, other), b);
    const Mat expected = a + Mat((more - c).asDiagonal());
    CHECK((b - expected).norm() <= 1e-13 * b.norm());
  });
}

TEST_CASE("models: smoothness and convexity enclose the curvature everywhere, and so does the criterion's constant") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Criterion& l = *m.problem.l;
    const Index n = f.inner_dim();
    test::Numbers draw(11);
    for (const double level : {1e-9, 1e-3, 1.0, 1e6}) {
      const Vec u = level * penalties(m.problem);
      for (const double size : {0.0, 0.1, 30.0}) {
        const Vec x = size * draw.vec(n);
        Mat h(n, n);
        hessian_matrix(*f.linearize(x, u), h);
        const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(h), Eigen::EigenvaluesOnly).eigenvalues();
        const double rounding = 1e-14 * e[n - 1];
        CHECK(f.smoothness(u) >= e[n - 1] - rounding);
        CHECK(f.convexity(u) <= e[0] + rounding);
        CHECK(f.convexity(u) >= 0);
      }
    }
    if (std::isnan(l.smoothness())) return;
    const Vec u = penalties(m.problem);
    Vec ga(n), gb(n), gu(u.size());
    for (int k = 0; k < 200; ++k) {
      const Vec a = draw.vec(n), b = a + std::pow(10.0, 2 * draw.next()) * draw.vec(n);
      l.gradient(a, u, ga, gu);
      CHECK(gu.isZero(0));  // a constant promises that l_u does not depend on x
      l.gradient(b, u, gb, gu);
      CHECK((ga - gb).norm() <= l.smoothness() * (a - b).norm() * (1 + 1e-12));
    }
  });
}

TEST_CASE("models: sparse rows give the numbers of dense ones") {
  for_each_model([](const Made& m) {
    if (!m.sparse) return;
    const Problem other = m.family.make(parts_of(m.family.classifier, false, m.parts.weights.size() > 0), m.options);
    const Index n = m.problem.f->inner_dim();
    const Vec u = penalties(m.problem), x = test::Numbers(13).vec(n), p = test::Numbers(14).vec(n);
    Vec ga(n), gb(n), ca(u.size()), cb(u.size());
    CHECK(m.problem.f->gradient(x, u, ga) == doctest::Approx(other.f->gradient(x, u, gb)).epsilon(1e-14));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    m.problem.f->adjoint(x, u, p, ga, ca);
    other.f->adjoint(x, u, p, gb, cb);
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    CHECK((ca - cb).norm() <= 1e-13 * cb.norm());
    CHECK(m.problem.l->gradient(x, u, ga, ca) == doctest::Approx(other.l->gradient(x, u, gb, cb)).epsilon(1e-14));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    CHECK((m.problem.space.lower() - other.space.lower()).norm() <= 1e-13);
  });
}

TEST_CASE("models: weight 2 is a row twice and weight 0 a row left out") {
  for_each_model([](const Made& m) {
    ModelParts weighted = m.parts, repeated = m.parts;
    weighted.weights = Vec::Ones(kTrain);
    weighted.weights[3] = 2;
    weighted.weights[8] = 0;
    std::vector<Index> rows;
    for (Index i = 0; i < kTrain; ++i)
      for (Index k = 0; k < static_cast<Index>(weighted.weights[i]); ++k) rows.push_back(i);
    repeated.train = weighted.train.row_list(rows);
    repeated.y = weighted.y(rows);
    repeated.weights = Vec();
    const Problem a = m.family.make(weighted, m.options), b = m.family.make(repeated, m.options);
    const Vec u = penalties(a), x = test::Numbers(15).vec(a.f->inner_dim());
    Vec ga(x.size()), gb(x.size());
    CHECK(a.f->gradient(x, u, ga) == doctest::Approx(b.f->gradient(x, u, gb)).epsilon(1e-13));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
  });
}

TEST_CASE("models: the intercept is a last coordinate that no penalty touches") {
  for_each_model([](const Made& m) {
    CHECK(m.problem.f->inner_dim() == kFeatures + (m.options.intercept ? 1 : 0));
    if (!m.options.intercept) return;
    const Index n = m.problem.f->inner_dim(), b = n - 1;
    const Vec u = penalties(m.problem), x = test::Numbers(17).vec(n);
    Vec g(n), more(n), cross(n);
    m.problem.f->gradient(x, u, g);
    m.problem.f->gradient(x, 3 * u, more);
    CHECK(more[b] == g[b]);
    CHECK((more - g).head(b).norm() > 0);
    m.problem.f->linearize(x, u)->cross_t(Vec::Ones(u.size()), cross);
    CHECK(cross[b] == 0);
    // It acts as a column of ones.
    ModelOptions without = m.options;
    without.intercept = false;
    const Problem plain = m.family.make(m.parts, without);
    Vec level = x;
    level[b] = 0;
    CHECK(m.problem.f->value(level, u) == doctest::Approx(plain.f->value(x.head(b), u)).epsilon(1e-14));
  });
}

TEST_CASE("models: no number depends on what was asked before") {
  for_each_model([](const Made& m) {
    check_history([&] { return m.family.make(parts_of(m.family.classifier, m.sparse, m.options.intercept), m.options); }, 3);
  });
}

TEST_CASE("models: nor where the Gram matrix is too wide for its eigenvalues, or not worth making") {
  for (const Family& family : all_families()) {
    const std::string& name = family.name;
    for (const Index rows : {60, 200}) {
      CAPTURE(name);
      CAPTURE(rows);
      const auto make = [&] {
        constexpr Index kWide = LinearModel::kEigenDim + 20;
        ModelParts p;
        const Mat a = test::Numbers(41).mat(rows, kWide);
        p.train = Design(std::make_shared<Mat>(a));
        p.y = a * test::Numbers(42).vec(kWide);
        if (family.classifier) p.y = p.y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; }).eval();
        p.validation = p.train;
        p.validation_y = p.y;
        return family.make(p, {});
      };
      const Problem made = make();
      const LinearModel& f = *made.f->linear();
      CHECK(f.by_gram() == (f.quadratic() && rows == 200));
      check_history(make, 2);
    }
  }
}

TEST_CASE("models: tangents without du are those of the identity, bit for bit, and count the same") {
  for_each_model([](const Made& m) {
    const Index n = m.problem.f->inner_dim(), k = m.problem.f->outer_dim();
    const Vec u = penalties(m.problem), x = test::Numbers(51).vec(n);
    const Mat dx = test::Numbers(52).mat(n, k);
    Vec g(n), same(n);
    Mat dg(n, k), explicitly(n, k);
    const auto with = std::make_shared<WorkCounter>(), without = std::make_shared<WorkCounter>();
    counted(m.problem, with).f->tangents(x, u, dx, Mat::Identity(k, k), same, explicitly);
    counted(m.problem, without).f->tangents(x, u, dx, Mat(), g, dg);
    CHECK(g == same);
    CHECK(dg == explicitly);
    CHECK(with->read() == without->read());
  });
}

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
