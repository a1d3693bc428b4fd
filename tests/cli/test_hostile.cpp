// Random runs on hostile data through the program: whatever the numbers, no row is far off in silence, and no verdict is clean where
// the result is wrong. The truth is an independent one: Newton's method in long double, on columns that are centred and scaled first
// (the intercept absorbs the one, the penalties the other). TACIT_HOSTILE_RUNS=3000 makes as many runs, TACIT_HOSTILE_SEED others.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include <Eigen/Dense>
#include <nlohmann/json.hpp>

#include <tacit/core/support/text.hpp>

#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Real = long double;
using RVec = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using RMat = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

long number_of_runs() {
  const char* asked = std::getenv("TACIT_HOSTILE_RUNS");
  return asked ? std::atol(asked) : 60;
}

unsigned first_seed() {
  const char* asked = std::getenv("TACIT_HOSTILE_SEED");
  return asked ? static_cast<unsigned>(std::atol(asked)) : 1;
}

class Draw {
public:
  explicit Draw(unsigned seed) : engine_(seed) {}
  double normal() { return std::normal_distribution<>()(engine_); }
  double between(double a, double b) { return std::uniform_real_distribution<>(a, b)(engine_); }
  int below(int n) { return std::uniform_int_distribution<>(0, n - 1)(engine_); }
  bool chance(double p) { return between(0, 1) < p; }
  Eigen::MatrixXd matrix(int rows, int columns) {
    Eigen::MatrixXd m(rows, columns);
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) m(i, j) = normal();
    }
    return m;
  }
  template <class T>
  T of(std::initializer_list<T> list) {
    return *(list.begin() + below(static_cast<int>(list.size())));
  }

private:
  std::mt19937_64 engine_;
};

struct Table {
  std::string kind;
  Eigen::MatrixXd x;
  Eigen::VectorXd y;
  int train = 0;  ///< the first so many rows
};

/// n rows of a kind that somebody has.
Table table_of(Draw& draw, bool logistic) {
  Table t;
  const int kind = draw.below(11);
  int n = 12 + draw.below(50), d = 1 + draw.below(8);
  if (kind == 3) n = 16 + draw.below(20), d = 20 + draw.below(40);
  if (kind == 8) n = 8, d = 1 + draw.below(3);
  if (kind == 6) n = 40, d = 2 + draw.below(2);
  t.x = draw.matrix(n, d);
  t.y = t.x * draw.matrix(d, 1) + (kind == 7 ? 0 : 1) * draw.matrix(n, 1);
  const auto column = [&] { return t.x.col(draw.below(d)); };
  switch (kind) {
    case 1:
      t.kind = "a mean far from the spread";
      column().array() += std::pow(10, draw.between(1, 9));
      break;
    case 2:
      t.kind = "scales apart";
      for (int j = 0; j < d; ++j) t.x.col(j) *= std::pow(10, draw.between(-8, 8));
      break;
    case 3:
      t.kind = "wide";
      break;
    case 4:
      t.kind = "columns alike";
      if (d > 1) t.x.col(d - 1) = t.x.col(0) * draw.of({1.0, -2.0}) + (draw.chance(0.5) ? 1e-9 : 0) * t.x.col(d - 1);
      break;
    case 5:
      t.kind = "a constant column";
      column().setConstant(draw.of({0.0, 1.0, 1.7e12, 0.1}));
      if (draw.chance(0.2)) t.x.setZero();
      break;
    case 6:
      t.kind = "balanced cells";
      for (int i = 0; i < n; ++i) {
        const double a = i % 4 < 2 ? 1 : -1, b = i % 2 == 0 ? 1 : -1;
        t.x.row(i).setConstant(a);
        t.x(i, 0) = a * 0.3;
        t.x(i, 1) = b * 0.7;
        t.y[i] = a * b;
      }
      break;
    case 7:
      t.kind = "separable";
      break;
    case 8:
      t.kind = "few rows";
      break;
    case 9:
      t.kind = "huge or tiny columns";
      column() *= std::pow(10, draw.of({-80.0, -40.0, 40.0, 80.0}));
      break;
    case 10:
      t.kind = "a target of another size";
      t.y *= std::pow(10, draw.between(-30, 30));
      if (draw.chance(0.2)) t.y.setConstant(5);
      break;
    default:
      t.kind = "plain";
  }
  t.train = kind == 6 ? n / 2 : (2 * n) / 3;
  if (logistic) {
    t.y = t.y.unaryExpr([](double v) { return v > 0 ? 1.0 : -1.0; });
    t.y[0] = t.y[t.train] = 1;
    t.y[1] = t.y[t.train + 1] = -1;
  }
  return t;
}

void write(const Table& t, const fs::path& file) {
  std::ofstream out(file);
  for (int j = 0; j < t.x.cols(); ++j) out << 'f' << j << ',';
  out << "y,part\n";
  for (int i = 0; i < t.x.rows(); ++i) {
    for (int j = 0; j < t.x.cols(); ++j) out << tacit::number_text(t.x(i, j)) << ',';
    out << tacit::number_text(t.y[i]) << (i < t.train ? ",train\n" : ",validation\n");
  }
}

/// loss and d loss / d ln u at the solution, in long double.
class Truth {
public:
  Truth(const Table& t, bool logistic, bool standardized) : logistic_(logistic), n_(t.train), d_(static_cast<int>(t.x.cols())) {
    const RMat all = t.x.cast<Real>();
    y_ = t.y.cast<Real>();
    x_.resize(all.rows(), d_ + 1);
    x_.col(d_).setOnes();
    penalty_scale_ = RVec::Ones(d_);
    for (int j = 0; j < d_; ++j) {
      const Real mean = all.col(j).head(n_).mean();
      Real spread = std::sqrt((all.col(j).head(n_).array() - mean).square().mean());
      const bool constant = (all.col(j).head(n_).array() == all(0, j)).all();
      if (constant) spread = 1;
      x_.col(j) = (all.col(j).array() - (constant ? all(0, j) : mean)) / spread;
      if (!standardized) penalty_scale_[j] = 1 / (spread * spread);
    }
  }

  /// False where Newton's method does not end.
  bool solve(const std::vector<double>& u) {
    c_ = RVec::Zero(d_ + 1);
    for (int j = 0; j < d_; ++j) c_[j] = static_cast<Real>(u.size() == 1 ? u[0] : u[static_cast<std::size_t>(j)]) * penalty_scale_[j];
    RVec x = RVec::Zero(d_ + 1);
    for (int k = 0; k < 300; ++k) {
      at(x);
      const Real size = gradient_.norm();
      RVec step = -hessian_.ldlt().solve(gradient_);
      if (!step.allFinite()) return false;
      const Real decrease = -gradient_.dot(step);
      if (!(decrease > 1e-32L * std::abs(value_)) || size == 0) return finish(x);
      const Real before = value_;
      Real t = 1;
      while (t > 1e-12L && !(value_at(x + t * step) <= before - 1e-4L * t * decrease)) t /= 2;
      if (t <= 1e-12L) return finish(x);
      x += t * step;
    }
    return false;
  }
  Real loss = 0;
  RVec gradient;  ///< by feature, in ln u

private:
  Real phi(Real z, Real y) const {
    if (!logistic_) return (z - y) * (z - y) / 2;
    const Real m = -y * z;
    return m > 0 ? m + std::log1p(std::exp(-m)) : std::log1p(std::exp(m));
  }
  Real value_at(const RVec& x) const {
    Real sum = 0;
    for (int i = 0; i < n_; ++i) sum += phi(x_.row(i).dot(x), y_[i]);
    return sum / n_ + c_.dot(x.cwiseAbs2()) / 2;
  }
  void at(const RVec& x) {
    value_ = value_at(x);
    gradient_ = c_.cwiseProduct(x);
    hessian_ = c_.asDiagonal();
    for (int i = 0; i < n_; ++i) {
      const Real z = x_.row(i).dot(x), s = 1 / (1 + std::exp(y_[i] * z));
      gradient_ += (logistic_ ? -y_[i] * s : z - y_[i]) / n_ * x_.row(i).transpose();
      hessian_ += (logistic_ ? s * (1 - s) : Real(1)) / n_ * x_.row(i).transpose() * x_.row(i);
    }
  }
  bool finish(const RVec& x) {
    at(x);
    RVec seed = RVec::Zero(d_ + 1);
    loss = 0;
    const auto rows = x_.rows() - n_;
    for (Eigen::Index i = n_; i < x_.rows(); ++i) {
      const Real z = x_.row(i).dot(x);
      loss += phi(z, y_[i]) / rows;
      seed += (logistic_ ? -y_[i] / (1 + std::exp(y_[i] * z)) : z - y_[i]) / rows * x_.row(i).transpose();
    }
    const RVec w = hessian_.ldlt().solve(seed);
    gradient = -(c_.cwiseProduct(x).cwiseProduct(w)).head(d_);
    return gradient.allFinite() && std::isfinite(static_cast<double>(loss));
  }

  bool logistic_;
  int n_, d_;
  RMat x_;
  RVec y_, penalty_scale_, c_, gradient_;
  RMat hessian_;
  Real value_ = 0;
};

struct Setup {
  bool logistic, feature, standardized;
  std::vector<std::string> arguments;
  std::string text() const {
    std::string all;
    for (const std::string& a : arguments) all += a + " ";
    return all;
  }
};

Setup setup_of(Draw& draw, bool logistic) {
  Setup s;
  s.logistic = logistic;
  s.feature = draw.chance(0.4);
  s.standardized = draw.chance(0.5);
  const std::string solver = draw.of<std::string>(
      {"auto", "gradient-descent", "heavy-ball", "nesterov", "lbfgs", "newton", "newton-cg", "cholesky"});
  const std::string estimator =
      draw.of<std::string>({"auto", "implicit-cg", "implicit-direct", "full-unroll", "truncated-unroll", "neumann", "fixed-point",
                            "one-step", "forward", "finite-difference"});
  s.arguments = {logistic ? "model.kind=logistic" : "model.kind=ridge",
                 s.feature ? "hyper.l2.per=feature" : "hyper.l2.per=all",
                 s.standardized ? "prepare.standardize=true" : "prepare.standardize=false",
                 "inner.solver=" + solver,
                 "hypergradient.estimator=" + estimator,
                 "outer.max_steps=" + std::to_string(1 + draw.below(6))};
  const auto also = [&](std::string argument) { s.arguments.push_back(std::move(argument)); };
  const bool iterative = solver != "cholesky" && solver != "auto";
  if (iterative && draw.chance(0.5)) also("inner.max_steps=" + draw.of<std::string>({"1", "3", "30", "300", "3000"}));
  if (iterative && draw.chance(0.3)) also("inner.tolerance=" + draw.of<std::string>({"0", "1e-2", "1e-4", "1e-11"}));
  if (estimator == "truncated-unroll" && draw.chance(0.5)) also("hypergradient.window=auto");
  if (draw.chance(0.4)) {
    const double lower = std::pow(10, draw.between(-13, -2)), start = lower * std::pow(10, draw.between(0, 4));
    also("hyper.l2.range=[" + tacit::number_text(lower) + "," + tacit::number_text(lower * 1e6) + "]");
    also("hyper.l2.start=" + tacit::number_text(start));
  }
  return s;
}

std::vector<double> numbers(const json& j) {
  return j.is_number() ? std::vector<double>{j.get<double>()} : j.get<std::vector<double>>();
}

struct Tally {
  long runs = 0, refused = 0, failed = 0, clean = 0, doubtful = 0, rows = 0, known = 0, off = 0, silent = 0, wrong_loss = 0;
};

/// What is wrong with a row, as a sentence; "" when nothing is.
std::string row_fault(const json& row, Truth& truth, const Setup& s, double floor, bool warned, Tally& tally) {
  ++tally.rows;
  if (row.at("outer_loss").get<double>() < 0) return "a negative loss";
  if (!row.contains("hypergradient") || !truth.solve(numbers(row.at("u").at("l2")))) return "";
  ++tally.known;
  const std::vector<double> got = numbers(row.at("hypergradient").at("l2"));
  double off = 0, size = 0;
  if (s.feature) {
    for (std::size_t j = 0; j < got.size(); ++j) {
      const auto exact = static_cast<double>(truth.gradient[static_cast<Eigen::Index>(j)]);
      off += std::pow(got[j] - exact, 2);
      size += exact * exact;
    }
  } else {
    const auto exact = static_cast<double>(truth.gradient.sum());
    off = std::pow(got[0] - exact, 2);
    size = exact * exact;
  }
  const double error = std::sqrt(off) / std::max(std::sqrt(size), floor);
  const double loss = row.at("outer_loss"), exact = static_cast<double>(truth.loss);
  const double claimed = row.value("outer_loss_error", std::nan(""));
  tally.off += error > 0.1;
  if (error > 0.1 && !(row.value("hypergradient_error", 0.0) > 0.05) && !warned) {
    ++tally.silent;
    return "the hypergradient is off by " + tacit::brief_number(error) + ", the estimate is " +
           (row.contains("hypergradient_error") ? tacit::brief_number(row.at("hypergradient_error")) : "missing");
  }
  if (std::abs(loss - exact) > 10 * claimed + 1e-9 * std::abs(exact) && std::abs(loss - exact) > 0.01 * std::abs(exact) && !warned) {
    ++tally.wrong_loss;
    return "the loss " + tacit::brief_number(loss) + " is " + tacit::brief_number(exact) + " in truth, off by " +
           tacit::brief_number(claimed) + " as it says";
  }
  return "";
}

/// A converged verdict needs a true gradient of the size that was asked, or one that is known.
std::string verdict_fault(const json& result, const std::vector<json>& rows, Truth& truth, const Setup& s, double floor) {
  if (result.at("status") != "converged" || rows.empty()) return "";
  const json& row = rows[result.at("best").at("step").get<std::size_t>()];
  if (!truth.solve(numbers(row.at("u").at("l2")))) return "";
  const std::vector<double> got = numbers(row.at("hypergradient").at("l2"));
  double off = 0, size = 0;
  for (std::size_t j = 0; j < got.size(); ++j) {
    const auto exact = static_cast<double>(s.feature ? truth.gradient[static_cast<Eigen::Index>(j)] : truth.gradient.sum());
    off += std::pow(got[j] - exact, 2);
    size += exact * exact;
  }
  const bool wrong = std::sqrt(size) > 3 * floor && std::sqrt(off) > 0.5 * std::sqrt(size);
  return wrong ? "converged with a hypergradient that is wrong by " + tacit::brief_number(std::sqrt(off / size)) : "";
}

std::string fault_of_run(unsigned seed, const fs::path& folder, Tally& tally) {
  Draw draw(seed);
  const bool logistic = draw.chance(0.5);
  const Table table = table_of(draw, logistic);
  const Setup s = setup_of(draw, logistic);
  write(table, folder / "t.csv");
  std::ofstream(folder / "run.yaml") << "tacit: 1\ndata: {train: t.csv, target: y}\nvalidation: {split_column: part}\n";
  const fs::path out = folder / "out";
  fs::remove_all(out);
  std::vector<std::string> arguments{"tune", (folder / "run.yaml").string()};
  arguments.insert(arguments.end(), s.arguments.begin(), s.arguments.end());
  for (const std::string& a : {std::string("-o"), out.string(), std::string("--json"), std::string("-q")}) arguments.push_back(a);
  const auto start = std::chrono::steady_clock::now();
  const run_test::Ran ran = run_test::run(arguments);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string where = table.kind + ", " + s.text() + ": ";
  ++tally.runs;
  if (seconds > 60) return where + "it took " + tacit::brief_number(seconds) + " s";
  if (ran.code == 2 || ran.code == 3) return ++tally.refused, ran.err.empty() ? where + "refused without a word" : "";
  if (ran.code != 0 && ran.code != 4) return where + "exit code " + std::to_string(ran.code) + " " + ran.err;
  tally.failed += ran.code == 4;
  const json result = json::parse(ran.out);
  tally.clean += result.at("status") == "converged";
  tally.doubtful += result.at("status") == "doubtful";
  if (result.at("best").is_object() && result.at("metrics").is_object() &&
      result.at("best").at("outer_loss") != result.at("metrics").at("loss"))
    return where + "two losses of one point";
  std::vector<json> rows;
  std::ifstream trace(out / "trace.jsonl");
  for (std::string line; std::getline(trace, line);) rows.push_back(json::parse(line));
  if (rows.empty() || result.at("best").is_null()) return "";
  bool warned = ran.code == 4;
  for (const json& w : result.at("warnings")) warned = warned || w.at("code").get<std::string>().rfind("W30", 0) == 0;
  const double floor = 1e-4 * std::abs(rows.front().at("outer_loss").get<double>());
  Truth truth(table, logistic, s.standardized);
  for (const json& row : rows) {
    if (const std::string fault = row_fault(row, truth, s, floor, warned, tally); !fault.empty())
      return where + "step " + row.at("step").dump() + ": " + fault;
  }
  const std::string fault = verdict_fault(result, rows, truth, s, floor);
  return fault.empty() ? "" : where + fault;
}

}  // namespace

TEST_CASE("hostile data: no crash, no number that is wrong in silence, no clean verdict on a wrong result") {
  const run_test::Folder folder("hostile");
  Tally tally;
  const unsigned first = first_seed();
  for (long k = 0; k < number_of_runs(); ++k) {
    const unsigned seed = 1000000 * first + static_cast<unsigned>(k);
    CAPTURE(seed);
    const std::string fault = fault_of_run(seed, folder.path, tally);
    CHECK(fault == "");
  }
  MESSAGE(tally.runs << " runs, " << tally.refused << " refused, " << tally.failed << " failed, " << tally.clean << " converged, "
                     << tally.doubtful << " doubtful; " << tally.rows << " rows, " << tally.known << " with a known truth, "
                     << tally.off << " off by more than 10 %, " << tally.silent << " of them in silence");
  CHECK(tally.runs - tally.refused >= tally.runs / 3);
  CHECK(tally.known >= tally.runs / 2);
}
