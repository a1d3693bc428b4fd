// What the program holds in memory for data of a known size, as run.json says.
#include <doctest/doctest.h>

#include <random>
#include <sstream>

#include <nlohmann/json.hpp>

#include "problems/number_files.hpp"
#include "process.hpp"
#include "sanitized.hpp"

#ifndef TACIT_TEST_SANITIZED

namespace {

using namespace process_test;
using namespace tacit_test;

constexpr std::size_t kRows = 20000, kColumns = 200, kSparseRows = 25000, kStored = 80;

/// Files of made-up numbers: the same in two orders of .npy and as a table, and sparse rows.
void write_files(const Scratch& work) {
  std::mt19937 random(1);
  std::vector<double> x(kRows * kColumns), transposed(x.size());
  for (double& v : x) v = static_cast<double>(random() % 20001) / 10000 - 1;
  for (std::size_t i = 0; i < x.size(); ++i) transposed[i % kColumns * kRows + i / kColumns] = x[i];
  const std::string shape = "(" + std::to_string(kRows) + ", " + std::to_string(kColumns) + ")";
  write_text(work / "c.npy", npy("<f8", shape, raw<double>(x)));
  write_text(work / "fortran.npy", npy("<f8", shape, raw<double>(transposed), true));
  write_text(work / "c.npy.gz", gzip(npy("<f8", shape, raw<double>(x))));
  std::ostringstream table, sparse;
  for (std::size_t j = 0; j < kColumns; ++j) table << (j == 0 ? "c" : ",c") << j;
  for (std::size_t i = 0; i < x.size(); ++i) table << (i % kColumns == 0 ? '\n' : ',') << x[i];
  write_text(work / "table.csv", table.str() + "\n");
  for (std::size_t i = 0; i < kSparseRows; ++i) {
    sparse << x[i];
    for (std::size_t k = 0; k < kStored; ++k) sparse << ' ' << 100 * k + 1 + random() % 100 << ":" << x[i * kStored + k] + 2;
    sparse << '\n';
  }
  write_text(work / "sparse.svm", sparse.str());
  write_text(work / "sparse.svm.gz", gzip(sparse.str()));
  write_text(work / "small.csv", "a,b,y\n1,2,3\n2,3,5\n3,1,4\n5,7,9\n2,8,1\n");
}

double peak(const Scratch& work, const std::string& file) {
  const bool sparse = file.find(".svm") != std::string::npos;
  write_text(work / "run.yaml", "tacit: 1\ndata: {train: " + file + (sparse ? "" : ", target: last") +
                                    "}\nmodel: {kind: ridge}\nhyper: {l2: {start: 1}}\nouter: {max_steps: 1}\n"
                                    "inner: {solver: gradient-descent, max_steps: 3}\n");
  Start start;  // a thread more has pieces of the text and sums of its own
  start.arguments = {"tune", (work / "run.yaml").string(), "-q", "limits.threads=1", "-o", (work / file).string() + ".run"};
  REQUIRE(run(start).code != 1);
  const nlohmann::json r = nlohmann::json::parse(read_text(work / (file + ".run") / "run.json"));
  return r["peak_memory_bytes"].get<double>();
}

}  // namespace

TEST_CASE("reading: the peak of memory is a small multiple of the numbers, whatever the format") {
  const Scratch work;
  write_files(work);
  const double program = peak(work, "small.csv");
  const double dense = 8.0 * kRows * kColumns, sparse = 12.0 * kSparseRows * kStored;
  struct Case {
    std::string file;
    double numbers, most;
  };
  for (const Case& c : {Case{"table.csv", dense, 2.5}, Case{"c.npy", dense, 1.2}, Case{"c.npy.gz", dense, 1.2},
                        Case{"fortran.npy", dense, 1.2}, Case{"sparse.svm", sparse, 1.5}, Case{"sparse.svm.gz", sparse, 1.5}}) {
    CAPTURE(c.file);
    const double held = (peak(work, c.file) - program) / c.numbers;
    CAPTURE(held);
    CHECK(held < c.most);
    CHECK(held > 0.9);
  }
}

#endif
