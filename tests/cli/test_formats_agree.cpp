// Copies of one data set in every format give the same numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include <tacit/problems/data/split.hpp>
#include <tacit/problems/readers/table.hpp>

#include "paths.hpp"
#include "problems/number_files.hpp"
#include "run_support.hpp"

namespace {

using nlohmann::json;
using run_test::Folder;
using run_test::Ran;
using run_test::read;
using run_test::run;
using namespace tacit;
using namespace tacit_test;

void write(const std::filesystem::path& file, const std::string& bytes, bool packed) {
  std::ofstream(packed ? file.string() + ".gz" : file.string(), std::ios::binary) << (packed ? gzip(bytes) : bytes);
}

std::string number(double v) { return std::to_string(static_cast<int>(v)); }

/// How a copy is named in a run file.
struct Copy {
  std::string train, target;
};

/// x (whole numbers from 0 to 255) and labels 0 and 1 in every format, plain or packed.
std::vector<Copy> write_copies(const std::filesystem::path& to, const Mat& x, const Vec& y) {
  const std::size_t n = static_cast<std::size_t>(x.rows()), p = static_cast<std::size_t>(x.cols());
  std::vector<double> rows, columns, with_y, labels(y.data(), y.data() + y.size());
  std::string csv, tsv, svm, entries, array, lines;
  long stored = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    svm += number(y[i]);
    for (Index j = 0; j < x.cols(); ++j) {
      rows.push_back(x(i, j)), with_y.push_back(x(i, j));
      csv += number(x(i, j)) + ",", tsv += number(x(i, j)) + "\t";
      if (x(i, j) == 0) continue;
      ++stored;
      svm += " " + std::to_string(j + 1) + ":" + number(x(i, j));
      entries += std::to_string(i + 1) + " " + std::to_string(j + 1) + " " + number(x(i, j)) + "\n";
    }
    with_y.push_back(y[i]);
    csv += number(y[i]) + "\n", tsv += number(y[i]) + "\n", svm += "\n", lines += number(y[i]) + "\n";
  }
  for (Index j = 0; j < x.cols(); ++j) {
    for (Index i = 0; i < x.rows(); ++i) columns.push_back(x(i, j)), array += number(x(i, j)) + "\n";
  }
  const std::string size = std::to_string(n) + " " + std::to_string(p),
                    shape = "(" + std::to_string(n) + ", " + std::to_string(p) + ")";
  const std::string banner = "%%MatrixMarket matrix ";
  std::vector<Copy> copies;
  for (const bool packed : {false, true}) {
    const std::string gz = packed ? ".gz" : "";
    const auto add = [&](const std::string& name, const std::string& bytes, const std::string& target) {
      write(to / name, bytes, packed);
      copies.push_back({name + gz, target});
    };
    write(to / "y.npy", npy("|u1", "(" + std::to_string(n) + ",)", raw<std::uint8_t>(labels)), packed);
    write(to / "y-ubyte", idx(8, {static_cast<double>(n)}, raw<std::uint8_t>(labels)), packed);
    write(to / "y.txt", lines, packed);
    write(to / "y.mtx", banner + "array integer general\n" + std::to_string(n) + " 1\n" + lines, packed);
    add("d.csv", csv, "last");
    add("d.tsv", tsv, "last");
    add("d.svm", svm, "");
    add("rows.npy", npy("<f4", shape, raw<float>(rows)), "y.npy" + gz);
    add("columns.npy", npy(">i2", shape, raw<std::int16_t>(columns, true), true), "y.txt" + gz);
    add("target.npy", npy("<f8", "(" + std::to_string(n) + ", " + std::to_string(p + 1) + ")", raw<double>(with_y)), "last");
    add("c.mtx", banner + "coordinate integer general\n" + size + " " + std::to_string(stored) + "\n" + entries, "y.mtx" + gz);
    add("a.mtx", banner + "array integer general\n" + size + "\n" + array, "y.npy" + gz);
    add("x-idx3-ubyte", idx(8, {static_cast<double>(n), 8, static_cast<double>(p / 8)}, raw<std::uint8_t>(rows)), "y-ubyte" + gz);
  }
  return copies;
}

/// The rows of the trace without what a clock says.
std::vector<json> trace_of(const std::filesystem::path& folder) {
  std::vector<json> rows;
  std::istringstream lines(read(folder / "trace.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    json row = json::parse(line);
    for (auto it = row.begin(); it != row.end();)
      it = it.key().find("seconds") == std::string::npos ? std::next(it) : row.erase(it);
    rows.push_back(std::move(row));
  }
  return rows;
}

struct Result {
  std::vector<json> trace;
  json file, model;
};

Result tuned(const Folder& f, const Copy& copy, const std::string& standardize,
             const std::string& more = "outer: {max_steps: 2}\n") {
  std::ofstream(f.path / "run.yaml") << "tacit: 1\ndata: {train: " + copy.train +
                                            (copy.target.empty() ? "" : ", target: " + copy.target) +
                                            "}\nmodel: {kind: logistic}\nhyper: {l2: {start: 0.01}}\n" + more +
                                            "prepare: {standardize: " + standardize + "}\n";
  const std::filesystem::path out = f.path / "out";
  const Ran r = run({"tune", (f.path / "run.yaml").string(), "-o", out.string(), "--force", "-q"});
  CAPTURE(copy.train);
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  return {trace_of(out), json::parse(read(out / "run.json")), json::parse(read(out / "model.json"))};
}

}  // namespace

TEST_CASE("formats agree: digits from CSV, TSV, LIBSVM, npy, MatrixMarket and IDX, packed or not, to the bit") {
  const Folder f("formats-agree");
  const Table table = Table::read(tacit::test::source_dir() + "/data/digits.csv.gz");
  constexpr Index kRows = 400;  // more than half of the entries of these are not zero
  Mat x(kRows, 64);
  Vec y(kRows);
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = 0; j < 64; ++j) x(i, j) = table.value(i, j);
    y[i] = table.value(i, 64) == 3 ? 1 : 0;
  }
  REQUIRE((x.array() != 0).count() >= x.size() / 2);
  const std::vector<Copy> copies = write_copies(f.path, x, y);
  for (const std::string standardize : {"true", "false"}) {
    const Result first = tuned(f, copies.front(), standardize);
    REQUIRE(first.trace.size() >= 2);
    for (const Copy& copy : copies) {
      const Result r = tuned(f, copy, standardize);
      CAPTURE(copy.train);
      CHECK(r.trace == first.trace);
      CHECK(r.model.at("coefficients") == first.model.at("coefficients"));
      CHECK(r.file.at("storage") == "dense");
      CHECK(r.file.at("data").size() == (copy.target.empty() || copy.target == "last" ? 1 : 2));
    }
  }
}

TEST_CASE("formats agree: sparse images of 0 to 255, dense against sparse storage to 1e-10") {
  const Folder f("formats-sparse");
  constexpr Index kRows = 120, kColumns = 32;
  SplitMix64 random(7);
  Mat x = Mat::Zero(kRows, kColumns);
  Vec y(kRows);
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = 0; j < kColumns; ++j) {
      if (random.below(4) == 0) x(i, j) = static_cast<double>(1 + random.below(255));
    }
    y[i] = x(i, 0) + x(i, 1) > static_cast<double>(random.below(200)) ? 1 : 0;
  }
  const std::vector<Copy> copies = write_copies(f.path, x, y);
  // Sparse columns are not centred, so that the paths of the inner solver differ: what agrees are its solutions.
  const std::string exact =
      "inner: {solver: newton, tolerance: 1.0e-13}\nhypergradient: {estimator: implicit-direct}\n"
      "outer: {max_steps: 2, schedule: fixed}\n";
  for (const std::string standardize : {"true", "false"}) {
    const Result first = tuned(f, copies.front(), standardize, exact);
    for (const Copy& copy : copies) {
      const Result r = tuned(f, copy, standardize, exact);
      const bool sparse = copy.train.find(".svm") != std::string::npos || copy.train.find("c.mtx") == 0;
      CAPTURE(copy.train);
      CAPTURE(standardize);
      CHECK(r.file.at("storage") == (sparse ? "sparse" : "dense"));
      if (!sparse) {
        CHECK(r.trace == first.trace);
        continue;
      }
      REQUIRE(r.trace.size() == first.trace.size());
      for (std::size_t k = 0; k < r.trace.size(); ++k) {
        const double a = r.trace[k].at("outer_loss"), b = first.trace[k].at("outer_loss");
        const double u = r.trace[k].at("u").at("l2"), v = first.trace[k].at("u").at("l2");
        CHECK(std::abs(a - b) <= 1e-10 * b);
        CHECK(std::abs(u - v) <= 1e-10 * v);
      }
    }
  }
}
