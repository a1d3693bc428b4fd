// Numbers as people write them are read, or refused with a way out; they never become levels in silence.
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::data_error_at;
using tacit_test::Folder;

namespace {

/// A table whose first column holds these texts, each in quotation marks, over and over.
std::string column_of(const std::vector<std::string>& texts, int rows = 12) {
  std::string out = "a;y\n";
  for (int i = 0; i < rows; ++i) {
    std::string cell;
    for (const char c : texts[static_cast<std::size_t>(i) % texts.size()]) cell += c == '"' ? "\"\"" : std::string(1, c);
    out += "\"" + cell + "\";" + std::to_string(i * 3 % 7) + "\n";
  }
  return out;
}

Dataset load(const Folder& folder, const std::string& text, char decimal = '.', bool levels = false) {
  DataOptions o;
  o.target_kind = TargetKind::number;
  o.train = folder.write("t.csv", text);
  o.table.decimal = decimal;
  if (levels) o.categorical = std::vector<std::string>{"a"};
  return load_dataset(o);
}

}  // namespace

TEST_CASE("written numbers: what each text means, and what means no number") {
  struct Case {
    std::string text;
    NumberStyle style;
    std::string plain;
  };
  const std::vector<Case> cases{
      {"1,5", NumberStyle::decimal_sign, "1.5"},
      {"-0,25", NumberStyle::decimal_sign, "-0.25"},
      {"0,125", NumberStyle::decimal_sign, "0.125"},
      {"1,5e3", NumberStyle::decimal_sign, "1.5e3"},
      {"1,234", NumberStyle::separator, "1234"},
      {"1,234.5", NumberStyle::thousands, "1234.5"},
      {"1.234,5", NumberStyle::thousands, "1234.5"},
      {"1.234.567", NumberStyle::thousands, "1234567"},
      {"12,34,567.5", NumberStyle::thousands, "1234567.5"},
      {"1 234", NumberStyle::thousands, "1234"},
      {"1\xc2\xa0"
       "234,5",
       NumberStyle::thousands, "1234.5"},
      {"12\xe2\x80\xaf"
       "345\xe2\x80\xaf"
       "678",
       NumberStyle::thousands, "12345678"},
      {"1'234.5", NumberStyle::thousands, "1234.5"},
      {"1\xe2\x80\x99"
       "234",
       NumberStyle::thousands, "1234"},
      {"12 %", NumberStyle::percent, "12"},
      {"3.5%", NumberStyle::percent, "3.5"},
      {"-3,5\xc2\xa0%", NumberStyle::percent, "-3.5"},
      {"$5", NumberStyle::currency, "5"},
      {"-$1,234.50", NumberStyle::currency, "-1234.50"},
      {"$-5", NumberStyle::currency, "-5"},
      {"($5.00)", NumberStyle::currency, "-5.00"},
      {"5,00 \xe2\x82\xac", NumberStyle::currency, "5.00"},
      {"\xc2\xa3"
       "5",
       NumberStyle::currency, "5"},
      {"EUR 12.5", NumberStyle::currency, "12.5"},
      {"12 kr", NumberStyle::currency, "12"},
      {"CHF 1'000.-", NumberStyle::currency, "1000."},
      {"1.5D+03", NumberStyle::exponent, "1.5e+03"},
      {"-2.5d-4", NumberStyle::exponent, "-2.5e-4"},
      {"1.5*10^3", NumberStyle::exponent, "1.5e3"},
      {"1.5\xc3\x97"
       "10^-3",
       NumberStyle::exponent, "1.5e-3"},
      {"\xe2\x80\x93"
       "5.5",
       NumberStyle::minus, "-5.5"},
      {"5.5-", NumberStyle::minus, "-5.5"},
      {"(5.5)", NumberStyle::parentheses, "-5.5"},
      {"'5.5'", NumberStyle::quotes, "5.5"},
      {"\"5.5\"", NumberStyle::quotes, "5.5"},
      {"=\"5.5\"", NumberStyle::quotes, "5.5"},
      {"- 5.5", NumberStyle::blanks, "-5.5"},
      {"\xef\xbc\x95", NumberStyle::digits, "5"},
      {"12 kg", NumberStyle::unit, "12"},
      {"3.5m/s", NumberStyle::unit, "3.5"},
      // no numbers
      {"", NumberStyle::none, ""},
      {"5", NumberStyle::none, ""},
      {"Oslo", NumberStyle::none, ""},
      {"A1", NumberStyle::none, ""},
      {"2020-01-31", NumberStyle::none, ""},
      {"31.01.2020", NumberStyle::none, ""},
      {"12:30", NumberStyle::none, ""},
      {"18-25", NumberStyle::none, ""},
      {"192.168.1.20", NumberStyle::none, ""},
      {"12 34", NumberStyle::none, ""},
      {"1,2,3", NumberStyle::none, ""},
      {"%", NumberStyle::none, ""},
      {"$", NumberStyle::none, ""},
      {"-", NumberStyle::none, ""},
      {"1/2", NumberStyle::none, ""},
      {"<5", NumberStyle::none, ""},
      {"inf", NumberStyle::none, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const WrittenNumber n = written_number(c.text, '.');
    CHECK(n.style == c.style);
    if (c.style != NumberStyle::none) CHECK(n.plain == c.plain);
  }
  CHECK(written_number("1.5", ',').style == NumberStyle::decimal_sign);
  CHECK(written_number("1.234,5", ',').plain == "1234,5");
}

TEST_CASE("written numbers: a column of them is refused at its first telling cell, unless it is named") {
  struct Case {
    std::vector<std::string> texts;
    long line;
    std::string remedy;
  };
  const std::vector<Case> cases{
      {{"1,5", "2,25", "0,5"}, 2, "data.decimal: \",\""},
      {{"1,234", "2,345"}, 2, "if it sets thousands apart, write 1234"},
      {{"1,234", "1,5"}, 3, "data.decimal: \",\""},
      {{"12 %", "7 %"}, 2, "without the percent sign"},
      {{"$1,234.50", "$5"}, 2, "write 1234.50"},
      {{"1\xc2\xa0"
        "234",
        "5\xe2\x80\xaf"
        "678"},
       2,
       "write 1234"},
      {{"1.5D+03", "2.5D+00"}, 2, "write 1.5e+03"},
      {{"\xe2\x80\x93"
        "5",
        "\xe2\x80\x93"
        "6"},
       2,
       "write -5"},
      {{"none", "1,5", "2,5"}, 3, "data.decimal"},
      {{"1 kg", "2 kg", "5 kg"}, 2, "write 1"},
      {{"'1.5'", "'2.5'"}, 2, "write 1.5"},
  };
  const Folder folder;
  for (const Case& c : cases) {
    CAPTURE(c.texts[0]);
    const std::string text = column_of(c.texts);
    const DataError e = data_error("D130", [&] { load(folder, text); });
    CHECK(e.where().line == c.line);
    CHECK(e.where().column == 1);
    CHECK(contains(e.what(), "column 'a'"));
    CHECK(contains(e.remedy(), c.remedy));
    CHECK(contains(e.remedy(), "data.categorical: ['a']"));
    CHECK(load(folder, text, '.', true).x.cols() == static_cast<Index>(c.texts.size()));
  }
}

TEST_CASE("written numbers: texts stay levels") {
  const Folder folder;
  for (const std::vector<std::string>& texts : {std::vector<std::string>{"18-25", "26-40", "41+"},
                                                {"A1", "B2"},
                                                {"2020-01-31", "2020-02-28"},
                                                {"1 room", "2 rooms"},
                                                {"<5", ">=5"},
                                                {"small", "12 %", "large"},
                                                {"0.5.1", "0.5.2"},
                                                {"1st", "2nd", "3rd"}}) {
    CAPTURE(texts[0]);
    CHECK(load(folder, column_of(texts)).x.cols() == static_cast<Index>(texts.size()));
  }
}

TEST_CASE("written numbers: blanks of every kind around, quotation marks and the minus sign of typography are read") {
  const Folder folder;
  const Dataset d = load(folder, column_of({" 1.5 ",
                                            "\xc2\xa0"
                                            "2.5",
                                            "3.5\xe2\x80\xaf",
                                            "\xe2\x88\x92"
                                            "4.5",
                                            "\t5.5", " NA "},
                                           5));
  CHECK(d.x.dense.col(0) == Vec{{1.5, 2.5, 3.5, -4.5, 5.5}});
  CHECK(load(folder,
             column_of({" 1,5",
                        "\xe2\x88\x92"
                        "2,5"},
                       2),
             ',')
            .x.dense.col(0) == Vec{{1.5, -2.5}});
}

TEST_CASE("written numbers: a column of numbers with one in another notation names that cell, and how to write it") {
  const Folder folder;
  struct Case {
    std::string text, remedy;
  };
  for (const Case& c : {Case{"12 %", "percent"},
                        {"1,5", "write it with '.'"},
                        {"1 234", "write 1234"},
                        {"1.5D3", "write 1.5e3"},
                        {"$5", "write 5"},
                        {"<0.1", "data.missing_values"},
                        {"n.a.", "data.missing_values"}}) {
    CAPTURE(c.text);
    const DataError e = data_error_at("D108", 4, 1, [&] { load(folder, column_of({"1.5", "2", c.text, "4"})); });
    CHECK(contains(e.remedy(), c.remedy));
  }
  // the target, too, and a decimal point where the comma is the sign
  CHECK(contains(data_error_at("D108", 2, 3, [&] { load(folder, "a;y\n1;2,5\n2;3,5\n"); }).remedy(), "data.decimal: \",\""));
  CHECK(contains(data_error("D130", [&] { load(folder, column_of({"1.5", "2.25"}), ','); }).remedy(), "data.decimal: \".\""));
}
