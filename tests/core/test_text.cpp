// Numbers, characters and names as text.
#include <doctest/doctest.h>

#include <charconv>
#include <clocale>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/support/text.hpp>

using namespace tacit;

TEST_CASE("text: numbers read back as they were, and have no sign where they are none") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double v :
       {0.1, 1e-3, 1.0 / 3, 5e-324, std::numeric_limits<double>::max(), -2.5, 123456789.0, std::exp(std::log(1e-3))}) {
    const std::string text = number_text(v);
    CAPTURE(text);
    double back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    CHECK(back == v);
    CHECK(text.size() <= 24);
  }
  CHECK(number_text(1e-3) == "0.001");
  CHECK(number_text(1e-8) == "1e-08");
  CHECK(number_text(3) == "3");
  for (const double none : {nan, -nan}) {
    CHECK(number_text(none) == "nan");
    CHECK(brief_number(none) == "nan");
    CHECK(sci(none) == "nan");
  }
  CHECK(number_text(inf) == "inf");
  CHECK(brief_number(-inf) == "-inf");
  CHECK(brief_number(1.0 / 3) == "0.333333");
  CHECK(brief_number(1234567) == "1.23457e+06");
  CHECK(digits(0.0123456789, 6) == "0.0123457");
  CHECK(sci(0.031) == "3.1e-02");
}

TEST_CASE("text: numbers in sentences have four significant digits, what was given has its own") {
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{{1.0 / 3, "0.3333"},
                                                                               {1198.22, "1198"},
                                                                               {44213.7, "44210"},
                                                                               {-353429, "-353400"},
                                                                               {999949, "999900"},
                                                                               {999951, "1e+06"},
                                                                               {2.54e11, "2.54e+11"},
                                                                               {0.000123456, "0.0001235"},
                                                                               {1.23456e-5, "1.235e-05"},
                                                                               {1e-8, "1e-08"},
                                                                               {7, "7"},
                                                                               {0, "0"}}) {
    CHECK(short_number(value) == text);
  }
  CHECK(short_number(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(short_number(std::nan("")) == "nan");
  CHECK(percent_text(0.0031) == "0.31 %");
  CHECK(percent_text(1.0 / 3) == "33.33 %");
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{{1e-4, "0.0001"},
                                                                               {1e-8, "1e-08"},
                                                                               {0.123456789, "0.123456789"},
                                                                               {100000, "100000"},
                                                                               {123456.5, "123456.5"},
                                                                               {1e7, "1e+07"}}) {
    CHECK(exact_number(value) == text);
  }
}

TEST_CASE("text: numbers that a sentence compares look the same only where they are") {
  using Texts = std::vector<std::string>;
  CHECK(short_numbers({0.5, 0.25}) == Texts{"0.5", "0.25"});
  CHECK(short_numbers({0.10001, 0.099999}) == Texts{"0.10001", "0.099999"});
  CHECK(short_numbers({1198.22, 1198.24, 1198.22}) == Texts{"1198.22", "1198.24", "1198.22"});
  CHECK(short_numbers({1 + 0x1p-52, 1})[0] != short_numbers({1 + 0x1p-52, 1})[1]);
  CHECK(short_numbers({2, 2}) == Texts{"2", "2"});
  CHECK(short_numbers({std::nan(""), std::nan(""), 1}) == Texts{"nan", "nan", "1"});
  CHECK(short_numbers({44210.4, 44210.1}) == Texts{"44210.4", "44210.1"});
  CHECK(sci_numbers({0.031, 1e-7}) == Texts{"3.1e-02", "1.0e-07"});
  CHECK(sci_numbers({1.04e-8, 1e-8}) == Texts{"1.04e-08", "1.00e-08"});
}

TEST_CASE("text: a character of UTF-8 has its bytes, and what is none has none") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xC3\xA9x") == 2);
  CHECK(utf8_length("\xE2\x82\xAC") == 3);
  CHECK(utf8_length("\xF0\x9F\x98\x80") == 4);
  CHECK(utf8_length("\xF4\x8F\xBF\xBF") == 4);
  // A byte that goes on, cut characters, forms longer than needed, surrogates, beyond the last character.
  for (const char* broken : {"\x80", "\xC3", "\xC3x", "\xE2\x82", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                             "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK(utf8_length(broken) == 0);
  }
  CHECK(utf8_continues('\x80'));
  CHECK_FALSE(utf8_continues('a'));
  CHECK_FALSE(utf8_continues('\xC3'));
}

TEST_CASE("text: near names") {
  CHECK(closest("rigde", {"lasso", "ridge"}) == "ridge");
  CHECK(closest("newton", {"newton-cg"}) == "newton-cg");
  CHECK(closest("zzz", {"ridge"}) == "");
  CHECK(join({"a", "b"}) == "a, b");
  CHECK(lower_case("CSV.gz-\xC3\x89") == "csv.gz-\xC3\x89");
}
