// Targets and weights in files of their own, and data sets made of files of numbers.
#include <doctest/doctest.h>

#include <limits>

#include <tacit/problems/data/dataset.hpp>

#include "problems/files.hpp"
#include "problems/number_files.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

/// Four rows of two features in every format, and their targets and labels.
struct Files {
  Folder folder;
  DataOptions o;
  Files() {
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8}, with_y{1, 2, 10, 3, 4, 20, 5, 6, 30, 7, 8, 40}, y{10, 20, 30, 40};
    folder.write("x.npy", npy("<f8", "(4, 2)", raw<double>(x)));
    folder.write("xy.npy", npy("<i4", "(4, 3)", raw<std::int32_t>(with_y)));
    folder.write("x-ubyte", idx(8, {4, 2}, raw<std::uint8_t>(x)));
    folder.write(
        "x.mtx",
        "%%MatrixMarket matrix coordinate integer general\n4 2 8\n1 1 1\n1 2 2\n2 1 3\n2 2 4\n3 1 5\n3 2 6\n4 1 7\n4 2 8\n");
    folder.write("x.csv", "a,b\n1,2\n3,4\n5,6\n7,8\n");
    folder.write("y.npy", npy("<u2", "(4,)", raw<std::uint16_t>(y)));
    folder.write("y.mtx", "%%MatrixMarket matrix array real general\n4 1\n10\n20\n30\n40\n");
    folder.write("y-ubyte", idx(8, {4}, raw<std::uint8_t>(y)));
    folder.write("y.txt", "10\n20\n30\n40\n");
    folder.write("named.csv", "price\n10\n20\n30\n40\n");
    folder.write("labels.txt", "cat\nNew York\ncat\ncat\n");
    folder.write("short.txt", "1\n2\n3\n");
    folder.write("wide.csv", "1,2\n3,4\n5,6\n7,8\n");
    o.base_dir = folder.path();
  }
  Dataset load(const std::string& train, const std::string& target) {
    o.train = train;
    o.target = target;
    return load_dataset(o);
  }
};

const Mat kX{{1, 2}, {3, 4}, {5, 6}, {7, 8}};

}  // namespace

TEST_CASE("target files: every format of data takes every format of targets") {
  Files f;
  for (const std::string train : {"x.npy", "x-ubyte", "x.mtx", "x.csv"}) {
    for (const std::string target : {"y.npy", "y.mtx", "y-ubyte", "y.txt", "named.csv"}) {
      CAPTURE(train);
      CAPTURE(target);
      const Dataset d = f.load(train, target);
      CHECK(d.x.dense == kX);  // no entry is zero, so that the sparse one is stored dense too
      CHECK(d.y == Vec{{10, 20, 30, 40}});
      CHECK(d.encoder.target == target);
      CHECK(d.target_file == f.folder.path(target));
      REQUIRE(d.beside.size() == 1);
      CHECK(d.beside[0].rows == 4);
      CHECK(d.beside[0].digest != 0);
      CHECK(d.files.size() == 1);
      CHECK(d.feature_names == (train == "x.csv" ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{"x1", "x2"}));
    }
    CHECK(f.load(train, "labels.txt").y.size() == 4);
  }
}

TEST_CASE("target files: labels may be texts or numbers, and a name above them is told from them by their number") {
  Files f;
  f.o.target_kind = TargetKind::classes;
  CHECK(f.load("x.npy", "labels.txt").classes == std::vector<std::string>{"New York", "cat"});
  CHECK(f.load("x.npy", "y.npy").classes == std::vector<std::string>{"10", "20", "30", "40"});
  f.folder.write("words.txt", "a\nb\na\nb\n");
  f.folder.write("headed.txt", "kind\na\nb\na\nb\n");
  f.folder.write("counted.txt", "7\n1\n2\n1\n2\n");  // five lines for four rows: the first is a name
  CHECK(f.load("x.npy", "words.txt").y == Vec{{0, 1, 0, 1}});
  CHECK(f.load("x.npy", "headed.txt").y == Vec{{0, 1, 0, 1}});
  CHECK(f.load("x.csv", "counted.txt").classes == std::vector<std::string>{"1", "2"});
  f.o.target_kind = TargetKind::number;
  data_error("D108", [&] { f.load("x.npy", "words.txt"); });
}

TEST_CASE("target files: mistakes") {
  Files f;
  for (const std::string train : {"x.npy", "x.mtx", "x.csv"}) {
    const DataError e = data_error("D123", [&] { f.load(train, "short.txt"); });
    CHECK(contains(e.what(), " 3 "));
    CHECK(contains(e.what(), " 4"));
    data_error("D105", [&] { f.load(train, "wide.csv"); });
    data_error("D105", [&] { f.load(train, "x.npy"); });
    data_error("D101", [&] { f.load(train, "nosuch.npy"); });
    data_error("D107", [&] { f.load(train, "nosuch"); });
  }
  f.folder.write("gap.txt", "1\nNA\n3\n4\n");
  data_error("D110", [&] { f.load("x.npy", "gap.txt"); });
  f.folder.write("nan.npy", npy("<f8", "(4,)", raw<double>({1, 2, 3, std::numeric_limits<double>::quiet_NaN()})));
  data_error("D110", [&] { f.load("x.npy", "nan.npy"); });
  CHECK_THROWS_AS(f.load("x.npy", ""), UsageError);
  f.o.target_kind = TargetKind::classes;
  f.folder.write("far.npy", npy("<i8", "(4,)", raw<std::int64_t>({9.1e15, 9.2e15, 9.1e15, 9.2e15})));
  data_error("D109", [&] { f.load("x.npy", "far.npy"); });
}

TEST_CASE("target files: a column of a table comes before a file of the same name") {
  Files f;
  f.folder.write("t.csv", "a,y.npy\n1,5\n2,6\n3,7\n4,8\n");
  CHECK(f.load("t.csv", "y.npy").y == Vec{{5, 6, 7, 8}});
  CHECK(f.load("t.csv", "1").y == Vec{{1, 2, 3, 4}});
}

TEST_CASE("numbers: a column is the target or the weight by its number, and NaN follows data.missing") {
  Files f;
  for (const std::string target : {"last", "3"}) {
    const Dataset d = f.load("xy.npy", target);
    CHECK(d.x.dense == kX);
    CHECK(d.y == Vec{{10, 20, 30, 40}});
    CHECK(d.feature_names == std::vector<std::string>{"x1", "x2"});
  }
  const Dataset first = f.load("xy.npy", "1");
  CHECK(first.feature_names == std::vector<std::string>{"x2", "x3"});
  // The same rows are predicted with the target's column and without it.
  const EncodedFile with = first.encoder.encode(f.folder.path("xy.npy"));
  const EncodedFile without = first.encoder.encode(f.folder.write("new.npy", npy("<f8", "(1, 2)", raw<double>({2, 10}))));
  CHECK(with.x.dense == first.x.dense);
  CHECK(without.x.dense == Mat{{2, 10}});
  data_error("D131", [&] { first.encoder.encode(f.folder.write("new.npy", npy("<f8", "(1, 1)", raw<double>({2})))); });
  f.o.weight = "2";
  const Dataset weighted = f.load("xy.npy", "3");
  CHECK(weighted.weight == Vec{{2, 4, 6, 8}});
  CHECK(weighted.x.dense == Mat{{1}, {3}, {5}, {7}});
  f.o.weight = "y.npy";
  CHECK(f.load("x.npy", "y.txt").weight == Vec{{10, 20, 30, 40}});
  f.o.weight = "";
  data_error("D107", [&] { f.load("xy.npy", "4"); });
  const double nan = std::numeric_limits<double>::quiet_NaN();
  f.folder.write("gap.npy", npy("<f8", "(4, 2)", raw<double>({1, 2, nan, 4, 5, 6, 7, 8})));
  data_error("D110", [&] { f.load("gap.npy", "y.npy"); });
  f.o.missing = Missing::drop_row;
  const Dataset dropped = f.load("gap.npy", "y.npy");
  CHECK(dropped.y == Vec{{10, 30, 40}});
  CHECK(dropped.row == std::vector<Index>{1, 3, 4});
  f.o.missing = Missing::mean;
  const Dataset holes = f.load("gap.npy", "y.npy");
  const Filled filled = fit_fills(holes, std::vector<Index>{0, 2});
  CHECK(filled.x->dense(1, 0) == 3);
  CHECK(filled.encoder.encode(f.folder.path("gap.npy")).x.dense == filled.x->dense);
}

TEST_CASE("numbers: validation and test files have the columns of the training file and targets of their own") {
  Files f;
  f.o.validation_file = "x-ubyte";  // another format of numbers
  f.o.validation_target = "y.txt";
  f.o.test_file = "x.mtx";
  f.o.test_target = "y-ubyte";
  const Dataset d = f.load("x.npy", "y.npy");
  CHECK(d.rows() == 12);
  CHECK(d.beside.size() == 3);
  CHECK(d.x.dense.bottomRows(4) == kX);
  CHECK(d.y.tail(4) == Vec{{10, 20, 30, 40}});
  CHECK(d.validation_target_file == f.folder.path("y.txt"));
  f.o.test_target = "";
  CHECK_THROWS_AS(f.load("x.npy", "y.npy"), UsageError);
  f.o.test_file = "";
  f.o.validation_file = "xy.npy";
  data_error("D131", [&] { f.load("x.npy", "y.npy"); });
}

TEST_CASE("sparse formats are stored dense from a density of one half on, and keep their rule for standardizing") {
  Folder folder;
  DataOptions o;
  o.train = folder.write("half.svm", "1 1:1\n2 2:1\n");
  const Dataset half = load_dataset(o);
  CHECK_FALSE(half.x.sparse);
  CHECK(half.x.sparse_format);
  CHECK(half.x.dense == Mat{{1, 0}, {0, 1}});
  CHECK(half.notes.size() == 1);
  o.train = folder.write("less.svm", "1 1:1\n2 2:1\n3\n");
  const Dataset less = load_dataset(o);
  CHECK(less.x.sparse);
  CHECK(less.notes.empty());
}
