// Files of numbers: every type, order and dimension; sizes that lie, types that are no numbers; gzip around them.
#include <doctest/doctest.h>

#include <limits>

#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/text_file.hpp>

#include "problems/files.hpp"
#include "problems/number_files.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

const std::vector<double> kSix{1, 2, 3, 4, 5, 6};
const Mat kRows{{1, 2, 3}, {4, 5, 6}};

NumberFile read_as(const std::string& format, const std::string& bytes) {
  return find_format(format)->read(ByteStream::from_string("f", bytes));
}

std::string six(char kind, int size, bool big) {
  if (kind == 'f') return size == 4 ? raw<float>(kSix, big) : raw<double>(kSix, big);
  if (kind == 'i') {
    return size == 1   ? raw<std::int8_t>(kSix, big)
           : size == 2 ? raw<std::int16_t>(kSix, big)
           : size == 4 ? raw<std::int32_t>(kSix, big)
                       : raw<std::int64_t>(kSix, big);
  }
  return size == 1   ? raw<std::uint8_t>(kSix, big)
         : size == 2 ? raw<std::uint16_t>(kSix, big)
         : size == 4 ? raw<std::uint32_t>(kSix, big)
                     : raw<std::uint64_t>(kSix, big);
}

const std::string kBanner = "%%MatrixMarket matrix ";

}  // namespace

TEST_CASE("npy: every type and byte order, all versions, both orders, packed or not") {
  for (const std::string type : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
    for (const char order : {'<', '>'}) {
      CAPTURE(type);
      const std::string data = six(type[0], type[1] - '0', order == '>');
      for (int version = 1; version <= 3; ++version) {
        const std::string bytes = npy(order + type, "(2, 3)", data, false, version);
        CHECK(read_as("npy", bytes).x.dense == kRows);
        CHECK(read_as("npy", gzip(bytes)).x.dense == kRows);
      }
      CHECK(read_as("npy", npy(order + type, "(3, 2)", data, true)).x.dense == kRows.transpose());
    }
  }
  CHECK(read_as("npy", npy("|b1", "(2, 2)", std::string("\1\0\0\1", 4))).x.dense == Mat{{1, 0}, {0, 1}});
  CHECK(read_as("npy", npy("|u1", "(3L,)", "\1\2\3")).x.dense == Mat{{1}, {2}, {3}});
  CHECK(read_as("npy", npy("|i1", "(2,)", "\xff\x80")).x.dense == Mat{{-1}, {-128}});
  // The digest is that of the file as it is stored.
  const std::string bytes = npy("<f8", "(2, 3)", raw<double>(kSix));
  CHECK(read_as("npy", bytes).digest == digest_of(bytes));
  CHECK(read_as("npy", gzip(bytes)).digest == digest_of(gzip(bytes)));
}

TEST_CASE("npy: dimensions beyond the second lie flat in the row, in C order whatever the file's") {
  std::vector<double> c, f;
  for (int i = 0; i < 24; ++i) c.push_back(i);
  for (int l = 0; l < 4; ++l) {  // a[i][k][l] = 12 i + 4 k + l, the first index fastest
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 2; ++i) f.push_back(12 * i + 4 * k + l);
    }
  }
  const NumberFile one = read_as("npy", npy("<f8", "(2, 3, 4)", raw<double>(c)));
  const NumberFile other = read_as("npy", npy("<f8", "(2, 3, 4)", raw<double>(f), true));
  CHECK(one.arrays);
  CHECK(one.x.dense == Eigen::Map<const Mat>(c.data(), 2, 12));
  CHECK(other.x.dense == one.x.dense);
}

TEST_CASE("npy: what is no array of numbers is refused with a way out, before memory is asked for") {
  const std::string eight(8, '\0');
  const std::vector<std::pair<std::string, std::string>> refused{{npy("|O", "(1,)", eight), "objects"},
                                                                 {npy("<c8", "(1,)", eight), "complex"},
                                                                 {npy("<U2", "(1,)", eight), "texts"},
                                                                 {npy("|S8", "(1,)", eight), "texts"},
                                                                 {npy("<M8[ns]", "(1,)", eight), "time"},
                                                                 {npy("|V8", "(1,)", eight), "bytes"},
                                                                 {npy("<f2", "(4,)", eight), "2 bytes"},
                                                                 {npy("<f16", "(1,)", eight + eight), "16 bytes"},
                                                                 {npy("<i3", "(1,)", "abc"), "not known"},
                                                                 {npy("<f8", "()", eight), "single number"},
                                                                 {npy("<f8", "(2,)", eight), "shorter"},
                                                                 {npy("<f8", "(1,)", eight + "x"), "longer"},
                                                                 {npy("<f8", "(1,", eight), "damaged"},
                                                                 {npy("<f8", "(-1,)", eight), "damaged"},
                                                                 {npy("<f8", "(9223372036854775807,)", eight), "shorter"},
                                                                 {npy("<f8", "(4294967296, 4294967296)", eight), "shorter"},
                                                                 {npy("<f8", "(18446744073709551616,)", eight), "damaged"},
                                                                 {npy("<f8", "(100000000, 1000)", eight), "shorter"},
                                                                 {gzip(npy("<f8", "(100000000, 1000)", eight)), "shorter"},
                                                                 {npy("<f8", "(1,)", eight, false, 4), "version 4"},
                                                                 {npy("<f8", "(1,)", eight).substr(0, 40), "cut off"},
                                                                 {npy("<f8", "(1,)", eight).substr(0, 7), "cut off"},
                                                                 {"a,b\n1,2\n", "no .npy file"},
                                                                 {kBanner + "array real general\n1 1\n1\n", "MatrixMarket"}};
  for (const auto& sample : refused) {
    const auto &bytes = sample.first, &word = sample.second;
    CAPTURE(word);
    const DataError e = data_error("D103", [&] { read_as("npy", bytes); });
    CHECK(contains(e.what(), word));
  }
  std::string record = npy("X", "(1,)", eight);
  record.replace(record.find("'X'"), 3, "[]");
  CHECK(contains(data_error("D103", [&] { read_as("npy", record); }).what(), "records"));
  data_error("D102", [&] { read_as("npy", npy("<f8", "(0, 3)", "")); });
  data_error("D102", [&] { read_as("npy", npy("<f8", "(3, 0)", "")); });
}

TEST_CASE("numbers: NaN is a missing one, what is infinite or too large is refused with its place, lost digits are counted") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(read_as("npy", npy("<f8", "(1, 2)", raw<double>({1, nan}))).x.dense(0, 1)));
  for (const double bad : {infinite, -infinite, 1e151}) {
    const DataError e = data_error("D109", [&] { read_as("npy", npy("<f8", "(2, 2)", raw<double>({1, 2, 3, bad}))); });
    CHECK(contains(e.what(), "row 2, column 2"));
  }
  const auto bytes_of = [](auto value) { return std::string(reinterpret_cast<const char*>(&value), sizeof value); };
  CHECK(read_as("npy", npy("<i8", "(1,)", bytes_of(std::int64_t{9007199254740993}))).inexact == 1);
  CHECK(read_as("npy", npy("<i8", "(1,)", bytes_of(std::int64_t{-9007199254740993}))).inexact == 1);
  CHECK(read_as("npy", npy("<i8", "(1,)", bytes_of(std::int64_t{9007199254740994}))).inexact == 0);
  CHECK(read_as("npy", npy("<i8", "(1,)", bytes_of(std::numeric_limits<std::int64_t>::max()))).inexact == 1);
  CHECK(read_as("npy", npy("<i8", "(1,)", bytes_of(std::numeric_limits<std::int64_t>::min()))).inexact == 0);
  CHECK(read_as("npy", npy("<u8", "(1,)", bytes_of(std::numeric_limits<std::uint64_t>::max()))).inexact == 1);
}

TEST_CASE("idx: all types, images flat, sizes that lie") {
  const std::vector<std::pair<int, std::string>> types{
      {0x08, raw<std::uint8_t>(kSix)},       {0x09, raw<std::int8_t>(kSix)}, {0x0B, raw<std::int16_t>(kSix, true)},
      {0x0C, raw<std::int32_t>(kSix, true)}, {0x0D, raw<float>(kSix, true)}, {0x0E, raw<double>(kSix, true)}};
  for (const auto& sample : types) {
    const int type = sample.first;
    const std::string& data = sample.second;
    CAPTURE(type);
    CHECK(read_as("idx", idx(type, {2, 3}, data)).x.dense == kRows);
    CHECK(read_as("idx", gzip(idx(type, {2, 3}, data))).x.dense == kRows);
    data_error("D103", [&] { read_as("idx", idx(type, {2, 3}, data + "x")); });
    data_error("D103", [&] { read_as("idx", idx(type, {2, 4}, data)); });
    data_error("D103", [&] { read_as("idx", idx(type, {4294967295.0, 4294967295.0, 4294967295.0}, data)); });
  }
  CHECK(read_as("idx", idx(8, {3}, "\1\2\3")).x.dense == Mat{{1}, {2}, {3}});
  const NumberFile images = read_as("idx", idx(8, {1, 2, 3}, raw<std::uint8_t>(kSix)));
  CHECK(images.arrays);
  CHECK(images.x.dense == Mat{{1, 2, 3, 4, 5, 6}});
  CHECK(read_as("idx", idx(8, {1, 1}, "\xff")).x.dense(0, 0) == 255);
  data_error("D103", [&] { read_as("idx", idx(0x0A, {1}, "a")); });
  data_error("D103", [&] { read_as("idx", "1,2\n3,4\n"); });
  data_error("D103", [&] { read_as("idx", idx(8, {1, 2}, "ab").substr(0, 9)); });
  data_error("D102", [&] { read_as("idx", idx(8, {0}, "")); });
}

TEST_CASE("mtx: coordinate and array, real, integer and pattern, general and symmetric") {
  const NumberFile a =
      read_as("mtx", kBanner + "coordinate real general\n% words\n\n2 3 3\n2 1 -1.5e0 \n\n% more\n1\t3 2\r\n1 1 0\n");
  CHECK(a.x.sparse);
  CHECK(a.x.csr.nonZeros() == 2);  // a zero that is written is not stored
  CHECK(Mat(a.x.csr) == Mat{{0, 0, 2}, {-1.5, 0, 0}});
  CHECK(Mat(read_as("mtx", kBanner + "coordinate pattern general\n2 2 1\n1 2\n").x.csr) == Mat{{0, 1}, {0, 0}});
  CHECK(Mat(read_as("mtx", kBanner + "coordinate integer symmetric\n2 2 2\n1 1 7\n2 1 3\n").x.csr) == Mat{{7, 3}, {3, 0}});
  CHECK(read_as("mtx", kBanner + "array real general\n2 3\n1\n4\n2\n5\n3\n6\n").x.dense == kRows);
  CHECK(read_as("mtx", kBanner + "array integer symmetric\n2 2\n1\n2\n3\n").x.dense == Mat{{1, 2}, {2, 3}});
  CHECK(read_as("mtx", gzip("%%matrixmarket MATRIX Array Real General\n1 1\n5")).x.dense(0, 0) == 5);
  CHECK(std::isnan(read_as("mtx", kBanner + "array real general\n1 2\n1\nnan\n").x.dense(0, 1)));
}

TEST_CASE("mtx: mistakes have a place, and sizes ask for no more than the file can hold") {
  const std::string real = kBanner + "coordinate real general\n", dense = kBanner + "array real general\n";
  struct Case {
    std::string text, code;
    long line, column;
  };
  const std::vector<Case> cases{{real + "2 2 1\n1 3 1\n", "D118", 3, 3},
                                {real + "2 2 1\n0 1 1\n", "D118", 3, 1},
                                {real + "2 2 1\n1 1 x\n", "D117", 3, 5},
                                {real + "2 2 1\n1 1\n", "D117", 3, 4},
                                {real + "2 2 1\n1 1 1 1\n", "D117", 3, 7},
                                {real + "2 2 1\n1.5 1 1\n", "D117", 3, 1},
                                {real + "2 2 1\n1 1 1e400\n", "D109", 3, 5},
                                {real + "2 2 1\n1 1 nan\n", "D109", 3, 5},
                                {real + "2 2 2\n1 1 1\n1 1 2\n", "D116", 4, 1},
                                {real + "2 2 2\n1 1 1\n", "D105", 2, 1},
                                {real + "2 2 1\n1 1 1\n2 2 2\n", "D105", 4, 1},
                                {real + "2 2 99999999999\n1 1 1\n", "D118", 2, 5},
                                {real + "2 2 2000000000\n1 1 1\n", "D105", 2, 1},
                                {real + "2000000000 2 1\n1 1 1\n", "D118", 2, 1},
                                {real + "2 2000000000 1\n1 1 1\n", "D118", 2, 1},
                                {real + "0 2 0\n", "D102", 2, 1},
                                {dense + "2000000000 2000000000\n1\n", "D105", 2, 1},
                                {dense + "1 2\n1\n", "D105", 2, 1},
                                {dense + "1 1\n1\n2\n", "D105", 4, 1},
                                {dense + "1 1\ninf\n", "D109", 3, 1},
                                {kBanner + "coordinate real symmetric\n2 2 2\n2 1 1\n1 2 1\n", "D116", 4, 1},
                                {kBanner + "coordinate real symmetric\n2 3 1\n1 1 1\n", "D103", 2, 1},
                                {kBanner + "coordinate complex general\n1 1 1\n1 1 1 1\n", "D103", 1, 1},
                                {kBanner + "coordinate real skew-symmetric\n1 1 0\n", "D103", 1, 1},
                                {kBanner + "array pattern general\n1 1\n", "D103", 1, 1},
                                {"%%MatrixMarket vector coordinate real\n1 1\n", "D103", 1, 1},
                                {"1,2\n3,4\n", "D103", 1, 1}};
  for (const Case& c : cases) {
    CAPTURE(c.text);
    data_error_at(c.code, c.line, c.column, [&] { read_as("mtx", c.text); });
  }
  data_error("D103", [&] { read_as("mtx", real); });
}

TEST_CASE("gzip: members, padding of zeros and nothing else behind them") {
  const auto all = [](const std::string& bytes) { return ByteStream::from_string("f.gz", bytes).rest(); };
  const std::string one = gzip("1 1:2\n"), two = gzip("-1 2:3\n"), empty = gzip("");
  const std::string both = "1 1:2\n-1 2:3\n", zeros(700, '\0');
  CHECK(all(one + two) == both);
  CHECK(all(one + zeros) == "1 1:2\n");
  CHECK(all(one + two + std::string(1, '\0')) == both);
  CHECK(all(one + zeros + two) == both);
  CHECK(all(empty + zeros) == "");
  CHECK(all(one + empty + two + empty) == both);
  const std::string large(1'000'000, 'x');
  CHECK(all(gzip(large) + zeros) == large);
  for (const std::string& bad :
       {one + "abc", one + zeros + "abc", one.substr(0, one.size() - 1), one.substr(0, one.size() - 9), one.substr(0, 5),
        one + two.substr(0, 12), one.substr(0, one.size() - 8) + std::string(8, '\0')}) {
    data_error("D103", [&] { all(bad); });
  }
  ByteStream stream = ByteStream::from_string("f.gz", one + zeros);
  CHECK(stream.digest() == digest_of(one + zeros));
}
