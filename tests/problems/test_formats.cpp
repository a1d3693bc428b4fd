// One table tells the formats of files, for everybody who reads or names one.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/readers/formats.hpp>

#include "paths.hpp"
#include "problems/files.hpp"

using namespace tacit;

TEST_CASE("formats: the name of a file tells its format, packed or not, whatever its case and folder") {
  std::set<std::string> endings;
  for (const FileFormat& format : file_formats()) {
    CHECK(find_format(format.name) == &format);
    CHECK_FALSE(format.doc.empty());
    for (const std::string& ending : format.endings) {
      CAPTURE(ending);
      CHECK(endings.insert(ending).second);
      for (const std::string& name : {"a" + ending, "b.x" + ending + ".gz", "old.csv.d/A" + ending + ".GZ", "UP" + ending}) {
        CHECK(format_of_file(name) == &format);
        CHECK(table_format("auto", name) == format.name);
      }
    }
  }
  CHECK(endings.size() == file_endings().size());
  for (const char* none : {"data", "data.gz", "a.csv/data", "a.xlsx", ".gz"}) CHECK(format_of_file(none) == nullptr);
  CHECK(find_format("xlsx") == nullptr);
  CHECK_THROWS_AS(table_format("xlsx", "a.csv"), UsageError);
  CHECK_THROWS_AS(table_format("auto", "a.xlsx"), UsageError);
  CHECK(format_of_file("train-images-idx3-ubyte.gz")->name == "idx");
  CHECK(format_of_file("train-images.idx3-ubyte")->name == "idx");
  CHECK(format_extension("a/B.CSV.gz") == ".csv");
  CHECK(format_extension("a.b/c") == "");
}

TEST_CASE("formats: the table of docs/data.md is this one") {
  std::ifstream in(tacit::test::source_dir() + "/docs/data.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const FileFormat& f : file_formats())
    CHECK(tacit_test::contains(page, "| " + f.name + " | " + join(f.endings) + " | " + f.doc + " |"));
}

TEST_CASE("formats: where the name of a file says nothing, its first bytes do") {
  tacit_test::Folder folder;
  for (const std::string name : {"a.xlsx", "a.parquet", "a"}) {
    DataOptions o;
    o.train = folder.write(name, "PK\x03\x04 and more");
    CHECK_THROWS_WITH_AS(load_dataset(o), doctest::Contains("Excel"), DataError);
    folder.write(name, "1,2\n");
    CHECK_THROWS_WITH_AS(load_dataset(o), doctest::Contains("does not say its format"), UsageError);
  }
}

TEST_CASE("formats: bytes that contradict the name of a file are refused, with the format that they are") {
  using namespace std::string_literals;
  const std::string idx = "\0\0\x08\x01\0\0\0\x02"s + "ab";
  const std::vector<std::pair<std::string, std::string>> contents{
      {"\x93NUMPY\x01\0v\0{'descr'"s, "NumPy"},
      {"%%MatrixMarket matrix array real general\n1 1\n1\n", "MatrixMarket"},
      {idx, "IDX"},
      {"PK\x03\x04 and more", "Excel"},
      {"\x89HDF\r\n\x1a\n", "HDF5"},
      {"PAR1....", "Parquet"},
      {"\n<!DOCTYPE html>\n<html><body>\n", "HTML"},
      {"<?xml version=\"1.0\"?>\n<a/>\n", "XML"},
      {"[\n  {\"a\": 1, \"y\": 2},\n", "JSON"},
      {"{ \"a\": [1, 2] }\n", "JSON"},
      {"% by hand\n\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n", "ARFF"},
      {"SQLite format 3\0"s, "SQLite"}};
  tacit_test::Folder folder;
  for (const auto& sample : contents) {
    const auto &bytes = sample.first, &title = sample.second;
    for (const std::string name : {"a.csv", "a.tsv", "a.txt", "a.svm", "a.npy", "a.mtx", "a-ubyte"}) {
      const FileFormat* format = format_of_file(name);
      if (content_of(bytes).format == format) continue;
      CAPTURE(name);
      CAPTURE(title);
      DataOptions o;
      o.train = folder.write(name, bytes);
      o.target = "last";
      try {
        load_dataset(o);
        FAIL("it was read");
      } catch (const DataError& e) {
        CHECK(std::string(e.code()) == "D103");
        CHECK(std::string(e.what()).find(title) != std::string::npos);
        CHECK_FALSE(e.remedy().empty());
      }
    }
  }
  // Two zero bytes alone are no IDX file, and a table may begin with P.
  CHECK(content_of("\0\0\x08\x01\0\0\0\x03"s + "ab").title.empty());
  CHECK(content_of("PAR,b\n1,2\n").title.empty());
}

TEST_CASE("formats: training rows and rows beside them are of one kind, and the refusal names both") {
  const std::map<std::string, std::string> kinds{{"a.csv", "table"},   {"a.tsv.gz", "table"},   {"a.svm", "libsvm"},
                                                 {"a.npy", "numbers"}, {"a.mtx.gz", "numbers"}, {"a.idx", "numbers"}};
  for (const auto& first : kinds) {
    for (const auto& second : kinds) {
      const std::string &train = first.first, &kind = first.second, &other = second.first, &other_kind = second.second;
      for (const bool test : {false, true}) {
        DataOptions o;
        o.train = train;
        (test ? o.test_file : o.validation_file) = other;
        std::string code, text;
        try {
          load_dataset(o);
        } catch (const DataError& e) {
          code = e.code();
          text = e.what();
        } catch (const UsageError&) {  // a target that is not named
        }
        CAPTURE(train);
        CAPTURE(other);
        CHECK((code == "D103") == (kind != other_kind));
        if (kind != other_kind) CHECK(text.find("'" + other + "' is " + format_of_file(other)->title) != std::string::npos);
      }
    }
  }
  // A .txt may be LIBSVM text beside it, or a table.
  DataOptions o;
  o.train = "a.svm";
  o.validation_file = "b.txt";
  tacit_test::data_error("D101", [&] { load_dataset(o); });
}
