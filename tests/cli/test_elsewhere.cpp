// The scripts are run by the real tools where these are installed; elsewhere the texts alone are looked at.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <cstdlib>

#include <Eigen/Cholesky>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <random>
#include <sstream>
#include <string>

#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/problems/data/scaling.hpp>

namespace fs = std::filesystem;
using namespace tacit;

namespace {

struct Scratch {
  fs::path path;
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tacit-elsewhere-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { fs::remove_all(path); }
};

struct Run {
  int status = -1;
  std::string output;
};

Run run(const std::string& command) {
  Run result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) result.output.append(buffer, n);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

/// A Python that has scikit-learn, or empty.
const std::string& python() {
  static const std::string found = [] {
    for (const char* candidate : {"/usr/bin/python3", "python3"})
      if (run(std::string(candidate) +
              " -c 'import sys; from importlib.util import find_spec as f; sys.exit(not (f(\"sklearn\") and f(\"scipy\")))'")
              .status == 0)
        return std::string(candidate);
    MESSAGE("no Python with scikit-learn here: elsewhere.py is written but not run");
    return std::string();
  }();
  return found;
}

/// A fit by Newton's method with dense matrices, apart from the library's solvers.
struct Fit {
  FittedModel model;
  ElsewhereFit elsewhere;
  double weight_sum = 0, sd_y = 0;
};

struct Choice {
  std::string kind = "ridge";
  Standardize standardize = Standardize::yes;
  bool intercept = true, mean = true, per_feature = false;
  std::string weight_column;
  std::map<std::string, double> class_weight;
};

/// Minimises the objective of the run over (w, b) on prepared columns.
Vec newton(const Mat& a, const Vec& y, const Vec& s, const Vec& l2, const Choice& c) {
  const double n = c.mean ? s.sum() : 1;
  Vec x = Vec::Zero(a.cols());
  for (int step = 0; step < 60; ++step) {
    const Vec margin = a * x;
    Vec slope = margin - y, curvature = Vec::Ones(y.size());
    if (c.kind == "logistic") {
      const Vec p = (1 + (-margin.array()).exp()).inverse();
      slope = p - y;
      curvature = p.array() * (1 - p.array());
    }
    const Vec g = a.transpose() * (s.array() * slope.array() / n).matrix() + l2.cwiseProduct(x);
    Eigen::MatrixXd h = a.transpose() * (s.array() * curvature.array() / n).matrix().asDiagonal() * a;
    h.diagonal() += l2;
    const Vec d = h.ldlt().solve(g);
    x -= d;
    if (d.norm() <= 1e-15 * x.norm()) break;
  }
  return x;
}

Fit fit(const Dataset& data, const std::vector<Index>& rows, const Choice& c, Vec l2) {
  const Filled filled = fit_fills(data, rows);
  const Features& features = filled.x ? *filled.x : data.x;
  // Of several classes the last against the rest; weights with class weights from here on.
  const std::size_t k = data.classes.size();
  Vec target = data.y, weight = data.weight;
  std::vector<std::string> classes;
  if (k > 0) {
    classes = {k > 2 ? "rest" : data.classes[0], data.classes[k - 1]};
    target = (data.y.array() == static_cast<double>(k - 1)).cast<double>();
    for (Index i = 0; i < target.size(); ++i)
      if (!c.class_weight.empty()) weight(i) *= c.class_weight.at(classes[target(i) > 0]);
  }
  const auto scaling = fit_scaling(features, weight, rows, c.standardize);
  const Mat all = features.sparse ? Mat(features.csr) : features.dense;
  const Index p = all.cols(), n = static_cast<Index>(rows.size());
  if (c.per_feature)
    for (Index j = 0; j < p; ++j) l2.conservativeResize(j + 1), l2(j) = l2(0) * std::pow(3.0, static_cast<double>(j % 5));
  Mat a = Mat::Ones(n, p + (c.intercept ? 1 : 0));
  Vec y(n), s(n);
  for (Index i = 0; i < n; ++i) {
    const Index r = rows[static_cast<std::size_t>(i)];
    a.row(i).head(p) = all.row(r);
    y(i) = target(r);
    s(i) = weight(r);
  }
  if (scaling.shift.size() > 0) a.leftCols(p).rowwise() -= scaling.shift.transpose();
  if (scaling.scale.size() > 0) a.leftCols(p).array().rowwise() /= scaling.scale.transpose().array();
  Vec penalty = Vec::Zero(a.cols());
  penalty.head(p) = l2.size() == 1 ? Vec(Vec::Constant(p, l2(0))) : l2;
  const Vec x = newton(a, y, s, penalty, c);
  const OriginalCoefficients original = to_original(scaling, x.head(p), c.intercept ? x(p) : 0);

  Fit result;
  FittedModel& m = result.model;
  m.tacit_version = "0";
  m.kind = c.kind;
  m.task = c.kind == "logistic" ? Task::binary : Task::regression;
  m.encoder = filled.encoder;
  m.features = data.feature_names;
  m.coefficients = original.w;
  m.intercept = original.intercept;
  if (m.task == Task::binary) m.classes = classes, m.positive = classes[1];
  result.elsewhere = {fit_rows(data, rows, c.weight_column),
                      c.weight_column,
                      c.class_weight,
                      c.intercept,
                      scaling.scale.size() > 0,
                      c.mean,
                      l2,
                      !features.sparse};
  result.weight_sum = s.sum();
  result.sd_y = weighted_sd(y, s, c.intercept);
  return result;
}

/// Writes the run folder and runs elsewhere.py in it; 0 also where there is no scikit-learn.
Run run_python(const Scratch& dir, const Fit& f) {
  write_model(f.model, dir.path / "model.json");
  REQUIRE(write_elsewhere([&](const std::string& name) { return dir.path / name; }, f.model, f.elsewhere));
  return python().empty() ? Run{0, ""} : run(python() + " " + (dir.path / "elsewhere.py").string());
}

std::vector<Index> all_but_every(Index k, Index n) {
  std::vector<Index> rows;
  for (Index i = 0; i < n; ++i)
    if (i % k != 0) rows.push_back(i);
  return rows;
}

/// A table with all that is awkward: ; and decimal comma, a text column with a missing cell, missing numbers, a constant column,
/// quotes.
std::string awkward_table(bool classes) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  const auto text = [](double v) {
    std::string s = number_text(v);
    const auto dot = s.find('.');
    if (dot != std::string::npos) s[dot] = ',';
    return s;
  };
  std::ostringstream out;
  out << "# a comment line\n\"a \"\"size\"\"; m\";city;w;big;const;target\n";
  const char* cities[] = {"Oslo", "\"Ber;gen\"", " Troms\u00f8", "?"};
  for (int i = 0; i < 120; ++i) {
    const double a = normal(random), big = 5000 + 300 * normal(random);
    const auto city = random() % 4;
    const double y = 2 * a + (city == 1 ? 1.5 : 0) - big / 200 + normal(random);
    if (i % 17 == 5) out << "\n";  // blank lines are no rows
    out << (i % 10 == 3 ? "NA" : text(a)) << ";" << cities[city] << ";" << 1 + i % 3 << ";" << (i % 13 == 4 ? "" : text(big))
        << ";7;";
    if (classes)
      out << (y > -25 ? "yes, sure" : i % 3 == 0 ? "maybe" : "no");
    else
      out << text(y);
    out << "\n";
  }
  return out.str();
}

Dataset load_awkward(const Scratch& dir, bool classes) {
  DataOptions o;
  o.train = (dir.path / "data.csv").string();
  write_atomically(o.train, awkward_table(classes));
  o.target = "target";
  o.target_kind = classes ? TargetKind::classes : TargetKind::number;
  o.weight = "w";
  o.table.decimal = ',';
  o.table.skip_rows = 1;
  o.missing = Missing::median;
  return load_dataset(o);
}

}  // namespace

TEST_CASE("elsewhere.py: ridge, one penalty, text, missing cells, weights, standardized") {
  const Scratch dir;
  const Dataset data = load_awkward(dir, false);
  Choice c;
  c.weight_column = "w";
  Fit f = fit(data, all_but_every(4, data.rows()), c, Vec::Constant(1, 0.3));
  const Run good = run_python(dir, f);
  INFO(good.output);
  CHECK(good.status == 0);
  if (python().empty()) return;
  CHECK(good.output.find("city=Ber;gen") != std::string::npos);
  CHECK(good.output.find("rows 90") != std::string::npos);
  // The script must be able to fail: here an intercept that is off, then no data.
  f.model.intercept += 1e-4 * std::abs(f.model.intercept);
  CHECK(run_python(dir, f).status == 1);
  fs::remove(dir.path / "data.csv");
  CHECK(run(python() + " " + (dir.path / "elsewhere.py").string()).status == 2);
}

TEST_CASE("elsewhere.py: ridge, one penalty per feature, sum, no intercept, weights written out") {
  const Scratch dir;
  const Dataset data = load_awkward(dir, false);
  Choice c;
  c.mean = c.intercept = false;
  c.per_feature = true;
  const Fit f = fit(data, all_but_every(3, data.rows()), c, Vec::Constant(1, 2));
  CHECK(f.elsewhere.data[0].weights.size() == 80);
  const Run good = run_python(dir, f);
  INFO(good.output);
  CHECK(good.status == 0);
}

TEST_CASE("elsewhere.py: logistic, one penalty per feature, text labels, one class against the rest, class weights") {
  const Scratch dir;
  const Dataset data = load_awkward(dir, true);
  Choice c;
  c.kind = "logistic";
  c.per_feature = true;
  c.weight_column = "w";
  c.class_weight = {{"rest", 2.5}, {"yes, sure", 0.75}};
  const Run good = run_python(dir, fit(data, all_but_every(5, data.rows()), c, Vec::Constant(1, 0.004)));
  INFO(good.output);
  CHECK(good.status == 0);
}

TEST_CASE("elsewhere.py: logistic from LIBSVM text, scaled but not centred") {
  const Scratch dir;
  std::mt19937_64 random(5);
  std::string text;
  for (int i = 0; i < 80; ++i) {
    text += random() % 2 ? "+1" : "-1";
    for (int j = 1; j <= 12; ++j)
      if (random() % 3 == 0) text += " " + std::to_string(j) + ":" + number_text(static_cast<double>(random() % 100) / 8 * j);
    text += "\n";
  }
  DataOptions o;
  o.train = (dir.path / "d.svm").string();
  write_atomically(o.train, text);
  o.target_kind = TargetKind::classes;
  Dataset data = load_dataset(o);
  Choice c;
  c.kind = "logistic";
  Fit f = fit(data, all_but_every(4, data.rows()), c, Vec::Constant(1, 0.01));
  const Run good = run_python(dir, f);
  INFO(good.output);
  CHECK(good.status == 0);
  if (python().empty()) return;
  f.model.coefficients(3) += 3e-6 * f.model.coefficients.cwiseAbs().maxCoeff();
  CHECK(run_python(dir, f).status == 1);
}

namespace {

/// Runs elsewhere.py with a LogisticRegression that takes these parameters alone, as later versions of scikit-learn do.
Run run_newer(const Scratch& dir, const std::string& parameters, const std::string& strength) {
  write_atomically(dir.path / "newer.py",
                   "import runpy\nimport numpy as np\nimport sklearn.linear_model as m\nold = m.LogisticRegression\n"
                   "class Newer:\n"
                   "    def __init__(self, *, " +
                       parameters +
                       ", fit_intercept=True, tol=1e-4, max_iter=100, solver='lbfgs'):\n"
                       "        self.options = dict(fit_intercept=fit_intercept, tol=tol, max_iter=max_iter, solver=solver)\n"
                       "        self.given = locals()\n"
                       "    def fit(self, X, y, sample_weight):\n"
                       "        n, given = np.sum(sample_weight), self.given\n"
                       "        return old(C=" +
                       strength +
                       ", **self.options).fit(X, y, sample_weight=sample_weight)\n"
                       "m.LogisticRegression = Newer\n"
                       "runpy.run_path('" +
                       (dir.path / "elsewhere.py").string() + "', run_name='__main__')\n");
  return run(python() + " " + (dir.path / "newer.py").string());
}

}  // namespace

TEST_CASE("elsewhere.py: a scikit-learn that knows no penalty=, and one that takes alpha for C in either unit") {
  const Scratch dir;
  const Dataset data = load_awkward(dir, true);
  Choice c;
  c.kind = "logistic";
  c.weight_column = "w";
  const Fit f = fit(data, all_but_every(4, data.rows()), c, Vec::Constant(1, 0.03));
  REQUIRE(run_python(dir, f).status == 0);
  if (python().empty()) return;
  for (const auto& version : {std::pair<std::string, std::string>{"C=1.0, l1_ratio=0.0", "given['C']"},
                              {"alpha=1.0, l1_ratio=0.0", "1 / (given['alpha'] * n)"},
                              {"alpha=1.0", "1 / given['alpha']"}}) {
    const std::string &parameters = version.first, &strength = version.second;
    CAPTURE(parameters);
    const Run good = run_newer(dir, parameters, strength);
    INFO(good.output);
    CHECK(good.status == 0);
  }
  // Another meaning of alpha is no fit of this run, and is not taken for one.
  CHECK(run_newer(dir, "alpha=1.0", "7 / given['alpha']").status == 1);
}

TEST_CASE("elsewhere.py: more columns than rows are fitted in the span of the rows") {
  const Scratch dir;
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::string text;
  for (int i = 0; i < 24; ++i) {
    for (int j = 0; j < 60; ++j) text += number_text(normal(random)) + ",";
    text += i % 3 == 0 ? "no\n" : "yes\n";
  }
  DataOptions o;
  o.train = (dir.path / "wide.csv").string();
  write_atomically(o.train, text);
  o.target_kind = TargetKind::classes;
  o.table.header = Header::absent;
  const Dataset data = load_dataset(o);
  for (const bool per_feature : {false, true}) {
    Choice c;
    c.kind = "logistic";
    c.per_feature = per_feature;
    const Run good = run_python(dir, fit(data, all_but_every(6, data.rows()), c, Vec::Constant(1, 0.01)));
    INFO(good.output);
    CHECK(good.status == 0);
  }
}

TEST_CASE("lambda elsewhere gives scikit-learn's solution when put into scikit-learn") {
  if (python().empty()) return;
  const Scratch dir;
  std::string script = "import numpy as np\nfrom sklearn.linear_model import *\n";
  std::vector<Vec> expected;
  for (const std::string kind : {"ridge", "logistic"}) {
    for (const bool mean : {true, false}) {
      const Dataset data = load_awkward(dir, kind == "logistic");
      Choice c;
      c.kind = kind;
      c.mean = mean;
      c.weight_column = "w";
      c.standardize = Standardize::no;
      std::vector<Index> rows(static_cast<std::size_t>(data.rows()));
      std::iota(rows.begin(), rows.end(), Index{0});
      const Fit f = fit(data, rows, c, Vec::Constant(1, 0.2));
      const Mat x = fit_fills(data, rows).x->dense;
      expected.push_back(f.model.coefficients);
      const auto lambdas = lambda_elsewhere(kind, f.elsewhere.l2, f.weight_sum, f.sd_y, mean);
      REQUIRE(lambdas.size() == 2);
      script += "X = []; y = []; w = []\n";
      for (const Index r : rows) {
        script += "X.append([";
        for (Index j = 0; j < x.cols(); ++j) script += number_text(x(r, j)) + ", ";
        script += "]); y.append(" + number_text(kind == "ridge" ? data.y(r) : data.y(r) == 2) + "); w.append(" +
                  number_text(data.weight(r)) + ")\n";
      }
      const std::string options = kind == "ridge" ? ", solver='svd'" : ", solver='newton-cg', tol=1e-12, max_iter=10000";
      const std::string tool = lambdas[0].tool.substr(lambdas[0].tool.find(' ') + 1);
      script += "m = " + tool + "(" + lambdas[0].parameter + "=" + number_text(lambdas[0].values(0)) + options +
                ").fit(X, y, sample_weight=w)\nprint(*[repr(float(v)) for v in np.ravel(m.coef_)])\n";
    }
  }
  write_atomically(dir.path / "direct.py", script);
  const Run direct = run(python() + " -W ignore " + (dir.path / "direct.py").string());
  INFO(direct.output);
  std::istringstream out(direct.output);
  for (const Vec& w : expected) {
    for (Index j = 0; j < w.size(); ++j) {
      double value = NAN;
      out >> value;
      CHECK(std::abs(value - w(j)) < 1e-6 * w.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("lambda elsewhere by its formulas") {
  Vec l2(2);
  l2 << 0.5, 2;
  const auto ridge = lambda_elsewhere("ridge", l2, 100, 3);
  CHECK(ridge[0].values == 100 * l2);
  CHECK(ridge[1].values == 3 * l2);
  const auto sum = lambda_elsewhere("ridge", l2, 100, 3, false);
  CHECK(sum[0].values.isApprox(l2, 1e-15));
  CHECK(sum[1].values.isApprox(3 * l2 / 100, 1e-15));
  const auto logistic = lambda_elsewhere("logistic", l2.head(1), 100, 3);
  CHECK(logistic[0].values(0) == doctest::Approx(0.02).epsilon(1e-15));
  CHECK(logistic[1].values(0) == 0.5);
  CHECK(lambda_elsewhere("svm", l2, 100, 3).empty());
  CHECK_THROWS_AS(lambda_elsewhere("ridge", l2, 0, 3), UsageError);
  const std::vector<std::string> lines = lambda_elsewhere_lines(ridge);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("scikit-learn Ridge  alpha = 50 .. 200") == 0);
  CHECK(lambda_elsewhere_lines(logistic)[0] == "scikit-learn LogisticRegression  C = 0.02");
  Vec y(3), w(3);
  y << 1, 2, 6;
  w << 2, 1, 1;
  CHECK(weighted_sd(y, w) == doctest::Approx(std::sqrt(42.0 / 4 - 6.25)).epsilon(1e-14));
  CHECK(weighted_sd(y, w, false) == doctest::Approx(std::sqrt(42.0 / 4)).epsilon(1e-14));
}

TEST_CASE("elsewhere.R repeats the fit where R and glmnet are") {
  const Scratch dir;
  const Dataset data = load_awkward(dir, false);
  Choice c;
  c.per_feature = true;
  c.weight_column = "w";
  const Fit f = fit(data, all_but_every(4, data.rows()), c, Vec::Constant(1, 0.3));
  const std::string script = elsewhere_r(f.model, f.elsewhere);
  CHECK(script.find("WEIGHT <- \"w\"") != std::string::npos);
  CHECK(script.find("\"city=Ber;gen\"") != std::string::npos);
  CHECK(script.find((dir.path / "data.csv").string()) != std::string::npos);
  if (run("Rscript -e 'library(glmnet)'").status != 0) {
    MESSAGE("no R with glmnet here: elsewhere.R is written but not run");
    return;
  }
  write_atomically(dir.path / "elsewhere.R", script);
  const Run good = run("Rscript " + (dir.path / "elsewhere.R").string());
  INFO(good.output);
  CHECK(good.status == 0);
}

TEST_CASE("no script for models that other tools fit otherwise") {
  const Scratch dir;
  Fit f;
  f.model.kind = "huber";
  CHECK_FALSE(write_elsewhere([&](const std::string& name) { return dir.path / name; }, f.model, f.elsewhere));
  CHECK_FALSE(fs::exists(dir.path / "elsewhere.py"));
  CHECK_THROWS_AS(elsewhere_python(f.model, f.elsewhere), UsageError);
}
