#include <cmath>
#include <set>
#include <tacit/problems/readers/data_errors.hpp>
#include <tacit/problems/readers/table.hpp>

#include "paths.hpp"
#include "problems/files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::data_error_at;
using Names = std::vector<std::string>;

namespace {

Table parse(const std::string& text, const TableOptions& options = {}, const std::string& name = "t.csv") {
  return Table::parse(TextFile::from_string(name, text), options);
}
TableOptions with_delimiter(const std::string& delimiter) {
  TableOptions o;
  o.delimiter = delimiter;
  return o;
}
const std::string kData = tacit::test::source_dir() + "/data/";

}  // namespace

TEST_CASE("numbers are read to the last bit, with or without a header") {
  const Table t = parse("a,b,c\n1,-2.5,+3e2\n0.1,1e-320,17.990000000000002\n");
  CHECK(t.has_header());
  CHECK(t.names() == Names{"a", "b", "c"});
  CHECK(t.rows() == 2);
  CHECK(t.value(0, 2) == 300);
  CHECK(t.value(1, 0) == 0.1);
  CHECK(t.value(1, 1) >= 0);
  CHECK(t.value(1, 1) < 1e-300);
  CHECK(t.value(1, 2) == 17.990000000000002);
  const Table bare = parse("1,2\n3,4\n");
  CHECK_FALSE(bare.has_header());
  CHECK(bare.names() == Names{"x1", "x2"});
  CHECK(bare.rows() == 2);
  TableOptions present;
  present.header = Header::present;
  CHECK(parse("1,2\n3,4\n", present).names() == Names{"1", "2"});
  TableOptions absent;
  absent.header = Header::absent;
  CHECK(parse("a,b\n3,4\n", absent).rows() == 2);
}

TEST_CASE("RFC 4180: quotation marks, doubled ones, delimiters and line ends inside a cell") {
  const Table t = parse("name,\"a, \"\"b\"\"\"\r\n\"x\r\ny\",1\r\n\"\"\"\",\"2\"");
  CHECK(t.names() == Names{"name", "a, \"b\""});
  REQUIRE(t.rows() == 2);
  CHECK(t.cell(0, 0) == "x\r\ny");
  CHECK(t.cell(1, 0) == "\"");
  CHECK(t.value(1, 1) == 2);
  CHECK(t.text(0).levels == Names{"x\r\ny", "\""});
}

TEST_CASE("line ends, blank lines, byte order mark and blanks around cells do not matter") {
  const Table t = parse(
      "\xef\xbb\xbf"
      "a, b\r\n\r\n 1 ,\t2\n\n3,4");
  CHECK(t.names() == Names{"a", "b"});
  REQUIRE(t.rows() == 2);
  CHECK(t.value(0, 0) == 1);
  CHECK(t.value(0, 1) == 2);
  CHECK(t.value(1, 1) == 4);
}

TEST_CASE("delimiters are guessed from the first lines or given") {
  CHECK(parse("a;b\n1;2\n").cols() == 2);
  CHECK(parse("a\tb\n1\t2\n").cols() == 2);
  CHECK(parse("a b  c\n1   2 3 \n", {}, "t.txt").cols() == 3);
  CHECK(parse("New York\nSan Jose\n").cols() == 1);
  CHECK(parse("1 2\n3 4\n", with_delimiter("space")).value(1, 1) == 4);
  CHECK(parse("1,2\t3\n", with_delimiter("tab")).cols() == 2);
  CHECK(parse("a\tb\n\t\n1\t2\n", {}, "t.tsv").rows() == 2);
  CHECK_THROWS_AS(parse("1|2\n", with_delimiter("\"")), UsageError);
  TableOptions comma;
  comma.decimal = ',';
  const Table t = parse("a;b\n1,5;2\n-0,25;1e3\n", comma);
  CHECK(t.value(0, 0) == 1.5);
  CHECK(t.value(1, 0) == -0.25);
  CHECK(t.value(1, 1) == 1000);
  CHECK(parse("1,5;2,5\n3,5;4,5\n", comma).cols() == 2);
  CHECK(parse("a\n1,5\n", comma).value(0, 0) == 1.5);
  TableOptions skip;
  skip.skip_rows = 1000000000;
  data_error("D102", [&] { parse("a\n1\n", skip); });
}

TEST_CASE("missing values, words and numbers that are not finite are told apart") {
  TableOptions o;
  o.missing_values = {"", "NA", "-999"};
  const Table t = parse("a,b,c\n1,x,inf\n,NA,2\n-999.0,y,1e999\n", o);
  CHECK(t.cells(0).numbers == 1);
  CHECK(t.cells(0).missing == 2);
  CHECK(std::isnan(t.value(1, 0)));
  CHECK(std::isnan(t.value(2, 0)));
  CHECK(t.cells(1).text());
  CHECK(t.text(1).codes == std::vector<std::int32_t>{0, -1, 1});
  CHECK(t.cells(2).not_finite == 2);
  CHECK(t.cells(2).first_not_finite == 0);
  CHECK(parse("a\nnan\n1\n").cells(0).not_finite == 1);  // the default list has NaN, not nan
  CHECK(parse("a,b\nNaN,2\n1,3\n").cells(0).missing == 1);
}

TEST_CASE("numbers are the same label however they are written") {
  const Table t = parse("a\n1\n1.0\n100000\n+1\nb\n");
  CHECK(t.text(0).levels == Names{"1", "100000", "b"});
  CHECK(parse("a,b\n1,2\n1.50,2\n").text(0).levels == Names{"1", "1.5"});
}

TEST_CASE("broken tables are refused with their place") {
  const DataError ragged = data_error_at("D105", 3, 5, [] { parse("a,b\n1,2\n1,2,3\n"); });
  CHECK(contains(ragged.what(), "3 cells"));
  data_error_at("D105", 3, 2, [] { parse("a,b\n1,2\n1\n3,4\n"); });
  const DataError first = data_error("D105", [] { parse("569,30,malignant,benign\n1,2,3,4,5\n"); });
  CHECK(contains(first.remedy(), "skip_rows"));
  data_error_at("D104", 2, 1, [] { parse("a,b\n\"1,2\n3,4\n"); });
  data_error_at("D104", 2, 4, [] { parse("a,b\n\"1\"2,3\n"); });
  data_error_at("D106", 1, 5, [] { parse("a,b,a\n1,2,3\n"); });
  data_error("D102", [] { parse(""); });
  data_error("D102", [] { parse("\n\n"); });
  data_error("D102", [] { parse("a,b\n"); });
  data_error("D103", [] { parse(std::string("a,b\n1,\0\n", 8)); });
  data_error("D103", [] {
    parse(
        "\xff\xfe"
        "a");
  });
}

TEST_CASE("an error points at a character, not at a byte, and shows the line") {
  const Table t = parse("a,b\n\xc3\xa9\xc3\xa9,x\n1,2\n");
  const DataError e = t.error("D108", "what", 0, 1, "do");
  CHECK(e.where().line == 2);
  CHECK(e.where().column == 4);
  CHECK(e.source_line() == "\xc3\xa9\xc3\xa9,x");
}

TEST_CASE("files: missing, folder, empty, gzip whole and cut off") {
  const tacit_test::Folder folder;
  data_error("D101", [&] { Table::read(folder.path("nothing.csv")); });
  data_error("D101", [&] { Table::read(folder.path()); });
  data_error("D102", [&] { Table::read(folder.write("empty.csv", "")); });
  const Table digits = Table::read(kData + "digits.csv.gz");
  CHECK(digits.rows() == 1797);
  CHECK(digits.cols() == 65);
  CHECK(digits.value(1796, 64) == 8);
  std::ifstream in(kData + "digits.csv.gz", std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(in), {}};
  data_error("D103", [&] { Table::read(folder.write("cut.csv.gz", packed.substr(0, packed.size() / 2))); });
  data_error("D103", [&] { Table::read(folder.write("trailer.csv.gz", packed.substr(0, packed.size() - 4))); });
  CHECK(digits.file().digest() == digest_of(packed));
  CHECK(digest_of("") == 0x2d06800538d394c2ULL);  // published test value
}

TEST_CASE("a first line that is no header is skipped") {
  TableOptions o;
  o.header = Header::absent;
  o.skip_rows = 1;
  const Table t = Table::read(kData + "breast_cancer.csv", o);
  CHECK(t.rows() == 569);
  CHECK(t.cols() == 31);
  CHECK(t.value(0, 0) == 17.99);
  CHECK(Table::read(kData + "wine.csv", o).rows() == 178);
  data_error("D105", [] { Table::read(kData + "wine.csv"); });
}

TEST_CASE("every code has one meaning") {
  std::set<std::string> codes;
  for (const DataCode& c : data_codes()) codes.insert(c.code);
  CHECK(codes.size() == data_codes().size());
  CHECK(*codes.begin() == "D101");
}

TEST_CASE("numbers that no double can hold: too small is 0, too large is refused, by their power of ten alone") {
  const std::string zeros(400, '0');
  double value = 1;
  for (const char* text : {"1e-400", "-1e-400", "0.1e-330"}) {
    CAPTURE(text);
    CHECK(read_number(text, '.', value) == NumberText::number);
    CHECK(value == 0);
  }
  CHECK(read_number("0." + zeros + "1e5", '.', value) == NumberText::number);
  CHECK(value == 0);
  CHECK(read_number("0." + zeros + "1e401", '.', value) == NumberText::number);
  CHECK(value == 1);
  CHECK(read_number("1" + zeros + "e-400", '.', value) == NumberText::number);
  CHECK(value == 1);
  CHECK(read_number("0.0e999", '.', value) == NumberText::number);
  CHECK(value == 0);
  CHECK(read_number("1e-99999999999999999999", '.', value) == NumberText::number);
  for (const std::string& text :
       {std::string("1e400"), "1" + zeros + "e-5", "1" + zeros, std::string("-1.1e150"), std::string("1e99999999999999999999")}) {
    CAPTURE(text);
    CHECK(read_number(text, '.', value) == NumberText::out_of_range);
  }
  CHECK(read_number("1e150", '.', value) == NumberText::number);
}

TEST_CASE("the delimiter is guessed from what stands outside of quotation marks, over several lines too") {
  const auto columns = [](const std::string& text, char decimal) {
    TableOptions options;
    options.decimal = decimal;
    return Table::parse(TextFile::from_string("d.csv", text), options).cols();
  };
  CHECK(columns("\"a\nx,\";b;\"y;z\"\n1;2;3\n", '.') == 3);
  CHECK(columns("\"a\nx\";b;y\r\n1,5;2;3\r\n", ',') == 3);
  CHECK(columns("\"a;\nb;\",y\n1,2\n", '.') == 2);
}
