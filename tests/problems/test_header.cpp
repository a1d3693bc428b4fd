// Is the first line names or data? By the evidence of the lines below, and where it leaves a doubt, said.
#include <cmath>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/table_start.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::data_error_at;

namespace {

enum class Is { names, data, rather_names, rather_data };

struct Sample {
  std::string first,
      kinds;  // of the columns below: r real, w whole 0..9, l one of three levels, t texts, i 0.., n 1.., q quoted text
  Is is;
};

/// A cell of row i; numbers that look drawn.
std::string cell(char kind, int i, int column) {
  const int drawn = (i * 37 + column * 61 + i * i * 13) % 97;
  switch (kind) {
    case 'r':
      return std::to_string(drawn / 10) + "." + std::to_string(drawn % 10) + "7";
    case 'w':
      return std::to_string(drawn % 10);
    case 'l':
      return std::string("level") + static_cast<char>('A' + drawn % 3);
    case 't':
      return "row" + std::to_string(i);
    case 'i':
      return std::to_string(i);
    default:
      return std::to_string(i + 1);
  }
}

Table table_of(const Sample& s) {
  std::string text = s.first + "\n";
  for (int i = 0; i < 40; ++i) {
    for (std::size_t c = 0; c < s.kinds.size(); ++c) text += (c > 0 ? "," : "") + cell(s.kinds[c], i, static_cast<int>(c));
    text += "\n";
  }
  return Table::parse(TextFile::from_string("t.csv", text));
}

}  // namespace

TEST_CASE("header: names that are numbers are told from a row of data") {
  const std::vector<Sample> samples{
      // pandas, R and spreadsheets over columns of real numbers
      {"0,1,2,3", "rrrr", Is::names},
      {"1,2,3", "rrr", Is::names},
      {"0,1,2,3", "rrrw", Is::names},
      {"\"1\",\"2\"", "rr", Is::names},
      {"\"5\",\"7\",\"9\"", "rww", Is::names},
      {",0,1,2", "irrr", Is::names},
      {"\"\",\"1\",\"2\"", "nrr", Is::names},
      {",0,1", "iww", Is::names},
      {",2.5,7.25", "irr", Is::rather_names},
      {"2001,2002,2003,2004", "rrrr", Is::names},
      {"2001,2002,2003,2004", "wwww", Is::names},
      {"2010,2005,2000", "rrr", Is::rather_names},
      {"400.5,401,401.5,402", "rrrr", Is::rather_names},
      {"0,1,2,0.1,1.1", "rrrrr", Is::names},
      {"0,1,0.1,1.1", "rrrr", Is::names},
      {"0,1,0.1,1.1", "wrrr", Is::names},
      {"0,1,2,3,4,5,6,7,8,9", "wwwwwwwwww", Is::names},
      {"0,1,2,3", "wwww", Is::rather_names},
      {"12,5,40", "rrr", Is::rather_names},
      {"12,5,40", "rwr", Is::rather_data},
      // beside text columns
      {"id,0,1,2,label", "trrrl", Is::names},
      {"id,0,1,2,label", "nrrrl", Is::names},
      {"0,1,label", "rrl", Is::names},
      {"0,1,2", "rrl", Is::names},
      {"0,label", "rl", Is::names},
      {"7,label", "wl", Is::rather_data},
      {"city,2019,2020", "lrr", Is::names},
      {"a,2020,y", "rwr", Is::names},
      {"a,b,3", "www", Is::names},
      {"y,400.5,401,401.5", "rrrr", Is::rather_names},
      // words
      {"a,b,c", "rrl", Is::names},
      {"name,kind", "tl", Is::names},
      {",x,y", "irr", Is::names},
      // data
      {"5.17,3.2,0.7", "rrr", Is::data},
      {"5.17,3.2,levelB", "rrl", Is::data},
      {"3,1,levelA", "wwl", Is::data},
      {"5,4,7", "www", Is::data},
      {"0,1", "ww", Is::data},
      {"1,0", "rw", Is::data},
      {"levelA,levelB", "ll", Is::data},
      {"row99,5.2,3.3", "trr", Is::data},
      {"5.17,3.2,levelD", "rrl", Is::rather_data},
      {"NA,5.2", "rr", Is::data},
      {"3,3,1", "rrr", Is::data},
      {"5", "r", Is::data},
      {"0", "w", Is::data},
  };
  for (const Sample& s : samples) {
    const Table t = table_of(s);
    CAPTURE(s.first);
    CAPTURE(s.kinds);
    CHECK(t.has_header() == (s.is == Is::names || s.is == Is::rather_names));
    CHECK(t.header_sure() == (s.is == Is::names || s.is == Is::data));
    CHECK(t.rows() == (t.has_header() ? 40 : 41));
    if (t.has_header() && s.first.find_first_of("\".") == std::string::npos)
      CHECK(t.names().back() == s.first.substr(s.first.rfind(',') + 1));
  }
}

TEST_CASE("header: rows that all go on by equal steps are data, the first one too") {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 10; ++j) text += (j > 0 ? "," : "") + std::to_string(10 * i + j);
    text += "\n";
  }
  CHECK_FALSE(Table::parse(TextFile::from_string("t.csv", text)).has_header());
}

TEST_CASE("header: what is given is taken, without a doubt") {
  const std::string text = "0,1,2\n3,4,9\n1,7,2\n2,2,2\n5,9,1\n";
  TableOptions o;
  const Table unsure = Table::parse(TextFile::from_string("t.csv", text), o);
  CHECK_FALSE(unsure.header_sure());
  for (const Header h : {Header::present, Header::absent}) {
    o.header = h;
    const Table t = Table::parse(TextFile::from_string("t.csv", text), o);
    CHECK(t.has_header() == (h == Header::present));
    CHECK(t.header_sure());
  }
}

TEST_CASE("header: lines before the table are counted, whatever they hold") {
  struct Case {
    std::string text;
    Index before;
  };
  const std::vector<Case> cases{
      {"# made by hand\n# unit: m\nx,z,y\n1,2,3\n2,3,4\n", 2},
      {"sep=;\nx;y\n1.5;2\n2.5;3\n", 1},
      {"\"sep=,\"\r\nx,y\r\n1.5,2\r\n2.5,3\r\n", 1},
      {"SEP=\t\nx\ty\n1.5\t2\n2.5\t3\n", 1},
      {"% from a lab; 2020, May\nx;z;y\n1;2;3\n2;3;4\n", 1},
      {"// one\n// two, three\n// four\nx,z,y\n1,2,3\n2,3,4\n", 3},
      {"178,13,a,b,c\n1,2,3\n2,3,4\n3,1,4\n", 1},
      {"Report of May\n\nx,z,y\n1,2,3\n2,3,4\n3,1,4\n", 1},
      {"Report\nof the lab\nx,z,y\n1,2,3\n2,3,4\n3,1,4\n", 2},
      {"# a comment\n# x,z,y\n1,2,3\n2,3,4\n", 1},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const TextFile file = TextFile::from_string("t.csv", c.text);
    CHECK(lines_before_table(file) == c.before);
    TableOptions o;
    try {
      Table::parse(file, o);
      FAIL("the lines before the table were taken for it");
    } catch (const DataError& e) {
      CAPTURE(e.what());
      CHECK((e.code() == "D132" || e.code() == "D105"));
      CHECK(contains(e.remedy(), "data.skip_rows: " + std::to_string(c.before)));
    }
    o.skip_rows = c.before;
    const Table t = Table::parse(file, o);
    CHECK(t.rows() >= 2);
    CHECK(t.cols() >= 2);
  }
  CHECK(lines_before_table(TextFile::from_string("t.csv", "x,y\n1,2\n2,3\n")) == 0);
  const DataError later =
      data_error_at("D105", 4, 6, [] { Table::parse(TextFile::from_string("t.csv", "x,y\n1,2\n2,3\n# end\n")); });
  CHECK(contains(later.remedy(), "comments are not read"));
}

TEST_CASE("header: names behind one comment sign, as numpy.savetxt writes them") {
  const Table t = Table::parse(TextFile::from_string("t.csv", "# x,z,y\n1,2,3\n2,3,4\n"));
  CHECK(t.names() == std::vector<std::string>{"x", "z", "y"});
  CHECK(t.rows() == 2);
  // Signs that belong to the table stay.
  CHECK(Table::parse(TextFile::from_string("t.csv", "%fat,z,y\n1,2,3\n2,3,4\n")).names()[0] == "%fat");
  CHECK(Table::parse(TextFile::from_string("t.csv", "#ff0000,2.5\n#00ff00,3.5\n#0000ff,4.5\n#ff0000,1.5\n")).rows() == 4);
  const Table blanks = Table::parse(TextFile::from_string("t.txt", "# a b\n1.5 2\n2.5 3\n"));
  CHECK(blanks.names() == std::vector<std::string>{"a", "b"});
}
