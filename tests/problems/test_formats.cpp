// One table tells the formats of files, for everybody who reads or names one.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/readers/formats.hpp>

using namespace tacit;

TEST_CASE("formats: the name of a file tells its format, packed or not, whatever its case and folder") {
  std::set<std::string> told;
  for (const FileEnding& e : file_endings()) {
    CAPTURE(e.ending);
    const FileFormat* format = find_format(e.format);
    REQUIRE(format != nullptr);
    told.insert(e.format);
    for (const std::string& name : {"a" + e.ending, "b.x" + e.ending + ".gz", "old.csv.d/A" + e.ending + ".GZ", "UP" + e.ending})
      CHECK(format_of_file(name) == format);
    // The reader of data takes just what the table says can be read.
    if (format->readable)
      CHECK(table_format("auto", "a" + e.ending) == e.format);
    else
      CHECK_THROWS_AS(table_format(e.format, "a" + e.ending), UsageError);
  }
  CHECK(told.size() == file_formats().size());
  for (const char* none : {"data", "data.gz", "a.csv/data", "a.xlsx", ".gz"}) CHECK(format_of_file(none) == nullptr);
  CHECK(find_format("xlsx") == nullptr);
  CHECK(format_of_file("train-images-idx3-ubyte.gz")->name == "idx");
  CHECK(format_extension("a/B.CSV.gz") == ".csv");
  CHECK(format_extension("a.b/c") == "");
}
