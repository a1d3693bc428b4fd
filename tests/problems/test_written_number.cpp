// Numbers as people write them are read, or refused with a way out; they never become levels in silence.
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/detail/word_kinds.hpp>
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
      {"\xef\xbc\x91\xef\xbc\x8e\xef\xbc\x95", NumberStyle::digits, "1.5"},                         // full width
      {"\xd9\xa3\xd9\xab\xd9\xa1\xd9\xa4", NumberStyle::digits, "3.14"},                            // Arabic
      {"\xd9\xa1\xd9\xac\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xab\xd9\xa5", NumberStyle::digits, "1234.5"},  // with thousands
      {"3\xd9\xab"
       "14",
       NumberStyle::digits, "3.14"},
      {"1\xd9\xac"
       "234",
       NumberStyle::digits, "1234"},
      {"\xe0\xa5\xa7\xe0\xa5\xa8", NumberStyle::digits, "12"},  // Devanagari
      {"\xe0\xb9\x91\xe0\xb9\x92", NumberStyle::digits, "12"},  // Thai
      {"1\xc2\xb7"
       "5",
       NumberStyle::digits, "1.5"},
      {"1.5\xc2\xb7"
       "10\xe2\x81\xbb\xc2\xb3",
       NumberStyle::exponent, "1.5e-3"},
      {"1.5\xc3\x97"
       "10\xc2\xb3",
       NumberStyle::exponent, "1.5e3"},
      {"2D+03", NumberStyle::exponent, "2e+03"},
      {"1_000_000", NumberStyle::thousands, "1000000"},
      {"5\xe2\x80\xb0", NumberStyle::unit, "5"},  // per mille
      {"5 m\xc2\xb2", NumberStyle::unit, "5"},
      {"5 m3", NumberStyle::unit, "5"},
      {"5 s\xe2\x81\xbb\xc2\xb9", NumberStyle::unit, "5"},
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
      {"192.168.100.200", NumberStyle::none, ""},
      {"127.000.000.001", NumberStyle::none, ""},
      {"1.2.3", NumberStyle::none, ""},
      {"030/1234567", NumberStyle::none, ""},
      {"+49 30 123456", NumberStyle::none, ""},
      {"555-123-4567", NumberStyle::none, ""},
      {"00:1A:2B:3C:4D:5E", NumberStyle::none, ""},
      {"58-08-2", NumberStyle::none, ""},
      {"12D3", NumberStyle::none, ""},
      {"2024Q1", NumberStyle::none, ""},
      {"2024Q2", NumberStyle::none, ""},
      {"9am", NumberStyle::none, ""},
      {"5 P.M.", NumberStyle::none, ""},
      {"12h30", NumberStyle::none, ""},
      {"1\xc2\xbd", NumberStyle::none, ""},  // one and a half
      {"10\xc2\xb2", NumberStyle::none, ""},
      {"52\xc2\xb0"
       "30'",
       NumberStyle::none, ""},
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
    if (c.style == NumberStyle::none) continue;
    CHECK(n.plain == c.plain);
    double value = 0;
    CHECK(read_number(n.plain, '.', value) == NumberText::number);  // what the remedy says to write
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
  for (const char* text : {"Oslo, Bergen", "1, 2", "1,2,3"}) {  // a comma that is no decimal sign
    CAPTURE(text);
    const DataError e = data_error_at("D108", 4, 1, [&] { load(folder, column_of({"1.5", "2", text, "4"})); });
    CHECK_FALSE(contains(e.remedy(), "data.decimal"));
  }
  CHECK(contains(data_error("D108", [&] { load(folder, column_of({"1", "2", "<0,5", "4"})); }).remedy(), "data.decimal"));
  // the target, too, and a decimal point where the comma is the sign
  CHECK(contains(data_error_at("D108", 2, 3, [&] { load(folder, "a;y\n1;2,5\n2;3,5\n"); }).remedy(), "data.decimal: \",\""));
  CHECK(contains(data_error("D130", [&] { load(folder, column_of({"1.5", "2.25"}), ','); }).remedy(), "data.decimal: \".\""));
}

TEST_CASE("written numbers: a comma in whole numbers means thousands or a fraction, as the rest of the file has it") {
  const Folder folder;
  const auto remedy = [&](const std::string& other) {
    return data_error("D130", [&] { load(folder, "a;b;y\n1,234;" + other + ";1\n2,345;2;2\n3,456;3;3\n"); }).remedy();
  };
  CHECK(contains(remedy("1"), "set data.decimal: \",\""));
  CHECK(contains(remedy("0.5"), "write 1.234 with '.' as decimal sign, like other numbers of the file, or 1234"));
  CHECK_FALSE(contains(remedy("0.5"), "data.decimal"));  // which would leave the other column unread
  for (const char* cell : {"1,5", "1,234"}) {            // as a table in which commas part the cells does
    const std::string text = "a,b,y\n\"" + std::string(cell) + "\",1,2\n\"" + cell + "\",3,4\n";
    const DataError e = data_error("D130", [&] { load(folder, text); });
    CHECK(contains(e.remedy(), "with '.' as decimal sign, since ',' parts the cells"));
    CHECK_FALSE(contains(e.remedy(), "data.decimal"));
  }
}

TEST_CASE("written numbers: words that measure something are known, codes are not") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds{
      {"dates", {"2024-01-05", "2024-12-31T12:30:00Z", "2024/1/5 08:15"}},
      {"dates", {"05.01.2024", "31.12.2024"}},
      {"dates", {"05.01.24", "31.12.24"}},
      {"dates", {"1/5/24", "12/31/24"}},
      {"dates", {"2024 01 05", "05 01 2024"}},
      {"dates", {"05-Jan-2024", "6 Feb 24", "Jan 7, 2024", "March 8", "Mon, 5 Jan 2024 12:30:00 GMT", "5. M\xc3\xa4rz 2024"}},
      {"dates", {"2024-01", "01/2024", "2024Q1", "2024-Q2", "Q3 2024", "2024-W05", "20240105T123000"}},
      {"dates or versions", {"5.1.24", "6.1.24"}},
      {"times", {"12:30", "9:05", "23:59:59.5", "9am", "10 pm", "5:30 p.m.", "12h30"}},
      {"durations", {"1 day, 2:03:04", "1h 30m", "2 h 5 min", "PT5M", "P1DT2H"}},
      {"coordinates", {"52.5163N", "33.9 S", "13.4\xc2\xb0 E"}},
      {"coordinates", {"52\xc2\xb0 30' 59\" N", "N52.5", "W13\xc2\xb0"}},
      {"angles in degrees and minutes", {"52\xc2\xb0 30' 59\"", "7\xc2\xb0\x35'"}},
      {"hexadecimal numbers", {"0x1F", "0XFF"}},
      {"fractions, or two numbers each", {"1/2", "1 3/4", "\xc2\xbd", "2\xc2\xbc"}},
      {"fractions, or two numbers each", {"120/80", "130/90", "110/70"}},
      {"numbers with units", {"12kg", "500g", "3t"}},
      {"", {"192.168.0.1", "10.0.0.1", "192.168.100.200"}},
      {"", {"00:1A:2B:3C:4D:5E", "00:11:22:33:44:55"}},
      {"", {"00-11-22-33-44-55"}},
      {"", {"58-08-2", "7732-18-5", "64-17-5"}},
      {"", {"1.2.3", "1.10.2", "10.0.1"}},
      {"", {"555-1234", "555-9999"}},
      {"", {"+49 30 123456", "030/1234567"}},
      {"", {"978-3-16-148410-0", "4111 1111 1111 1111"}},
      {"", {"18-25", "26-40", "1-2"}},
      {"", {"16:9", "4:3", "3:1"}},
      {"", {"2024-13-05"}},
      {"", {"25/25"}},
      {"", {"May", "Mars", "Augusta"}},
      {"", {"2 rooms", "3 rooms"}},
      {"", {"2024-01-05", "unknown"}},
  };
  for (const auto& kind : kinds) {
    CAPTURE(kind.second[0]);
    CHECK(kind_of_words(kind.second).name == kind.first);
  }
}
