// Packed files: what they give is what the text gives, to the bit; what is wrong with one is said.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/pack_table.hpp>

#include "paths.hpp"
#include "problems/files.hpp"
#include "problems/in_pieces.hpp"
#include "problems/number_files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::Folder;
using tacit_test::gzip;

namespace {

class Bytes final : public ByteSink {
public:
  void append(std::string_view more) override { bytes += more; }
  void replace(std::uint64_t offset, std::string_view other) override { bytes.replace(offset, other.size(), other); }
  std::string bytes;
};

std::string packed(const std::string& path, const TableOptions& options = {}, const PackOptions& packing = {}) {
  Bytes to;
  pack_table(path, to, options, packing);
  return to.bytes;
}

std::string bits(const Mat& x) { return {reinterpret_cast<const char*>(x.data()), static_cast<std::size_t>(x.size()) * 8}; }

void require_same(const Dataset& a, const Dataset& b) {
  CHECK(bits(a.x.dense) == bits(b.x.dense));
  CHECK(bits(a.y) == bits(b.y));
  CHECK(bits(a.weight) == bits(b.weight));
  CHECK(a.feature_names == b.feature_names);
  CHECK(a.classes == b.classes);
  CHECK(a.group == b.group);
  CHECK(a.split == b.split);
  CHECK(a.row == b.row);
  CHECK(a.missing.size() == b.missing.size());
  CHECK(a.encoder.target == b.encoder.target);
  CHECK(a.encoder.table.missing_values == b.encoder.table.missing_values);
  CHECK(a.encoder.table.decimal == b.encoder.table.decimal);
  CHECK(a.encoder.table.delimiter == b.encoder.table.delimiter);
  CHECK(a.encoder.table.skip_rows == b.encoder.table.skip_rows);
  CHECK(a.encoder.had_header == b.encoder.had_header);
  REQUIRE(a.encoder.columns.size() == b.encoder.columns.size());
  for (std::size_t k = 0; k < a.encoder.columns.size(); ++k) {
    CHECK(a.encoder.columns[k].name == b.encoder.columns[k].name);
    CHECK(a.encoder.columns[k].levels == b.encoder.columns[k].levels);
  }
  REQUIRE(a.remarks.size() == b.remarks.size());
  for (std::size_t k = 0; k < a.remarks.size(); ++k) CHECK(a.remarks[k].code == b.remarks[k].code);
}

const std::string kMixed =
    "id,city,w,part,g,x,y\n1,Oslo,1,train,a,0.1,yes\n2,Rom,2,validation,b,NA,no\n3,\"a \"\"b\"\"\",1,train,a,-3e-7,yes\n"
    "4,Oslo,0.5,test,c,9007199254740993,no\n5,,1,train,b,7.25,yes\n6,Rom,3,train,c,1e22,no\n";

}  // namespace

TEST_CASE("a packed table is the data set of its text, to the bit: words, classes, weights, groups, parts, missing cells") {
  const Folder folder;
  for (const std::string name : {"t.csv", "t.csv.gz"}) {
    const std::string text = folder.write(name, name == "t.csv" ? kMixed : gzip(kMixed));
    const std::string file = folder.write("t.tacit", packed(text));
    for (const Missing missing : {Missing::mean, Missing::drop_row}) {
      DataOptions o;
      o.train = text;
      o.target = "y";
      o.weight = "w";
      o.group = "g";
      o.split_column = "part";
      o.missing = missing;
      o.target_kind = TargetKind::classes;
      const Dataset from_text = load_dataset(o);
      o.train = file;
      const Dataset from_file = load_dataset(o);
      require_same(from_file, from_text);
      CHECK(from_file.files[0].format == "tacit");
      CHECK(from_file.files[0].digest == digest_of(packed(text)));
    }
  }
}

TEST_CASE("a packed table of numbers, in blocks of every size, with another file beside it, is that of its text") {
  const Folder folder;
  std::string text = "a;b;y\n", more = "y;b;a\n";
  for (int i = 0; i < 300; ++i) {
    text += std::to_string(i) + ",25;-" + std::to_string(i * i) + ";" + std::to_string(i % 7) + "\n";
    more += std::to_string(i % 5) + ";0,1;" + std::to_string(i) + "e-3\n";
  }
  TableOptions options;
  options.decimal = ',';
  DataOptions o;
  o.table = options;
  o.target = "y";
  o.train = folder.write("a.csv", text);
  o.validation_file = folder.write("b.csv", more);
  const Dataset expected = load_dataset(o);
  for (const std::uint64_t block : {8U, 64U, 4096U, 1U << 20U}) {
    PackOptions packing;
    packing.block = block;
    o.train = folder.write("a.tacit", packed(o.train.ends_with(".csv") ? o.train : folder.path("a.csv"), options, packing));
    require_same(load_dataset(o), expected);
  }
  o.validation_file = folder.write("b.tacit", packed(folder.path("b.csv"), options));
  require_same(load_dataset(o), expected);
}

TEST_CASE("the bytes of a packed file do not depend on pieces and threads") {
  const Folder folder;
  std::string text = kMixed;
  for (int i = 7; i < 200; ++i) text += std::to_string(i) + ",\"Ro\nm" + std::to_string(i % 9) + "\",1,train,a,0.5,no\n";
  const std::string path = folder.write("t.csv", text);
  TableOptions options;
  options.keep_text = false;
  const std::string whole = packed(path, options);
  for (const std::size_t piece : {1, 50, 1000}) {
    for (const Index threads : {1, 3}) {
      options.limits = tacit_test::pieces(piece);
      options.limits.threads = threads;
      CHECK(packed(path, options) == whole);
    }
  }
}

TEST_CASE("float32: numbers are rounded to the nearest float, which is said, and a number beyond is refused") {
  const Folder folder;
  const std::string text = folder.write("t.csv", "a,y\n0.1,1\n-1e-46,2\n16777217,3\nNA,4\n");
  PackOptions packing;
  packing.float32 = true;
  const PackedData data = read_packed(folder.write("t.tacit", packed(text, {}, packing)));
  CHECK(data.facts.number_bytes == 4);
  CHECK(data.numbers(0, 0) == static_cast<double>(0.1F));
  CHECK(data.numbers(1, 0) == 0);
  CHECK(data.numbers(2, 0) == 16777216);
  CHECK(std::isnan(data.numbers(3, 0)));
  folder.write("t.csv", "a,y\n0.1,1\n1e39,2\n");
  CHECK(contains(data_error("D109", [&] { packed(text, {}, packing); }).what(), "row 2, column 1"));
  CHECK(read_packed(folder.write("t.tacit", packed(text))).numbers(1, 0) == 1e39);
}

TEST_CASE("what a packed file says of its columns: names, counts, means and deviations, source") {
  const Folder folder;
  const std::string text = folder.write("t.csv", "a,b\n1,x\n3,NA\n8,y\n");
  const PackedData data = read_packed(folder.write("t.tacit", packed(text)));
  const PackedFacts& f = data.facts;
  CHECK(f.rows == 3);
  CHECK(f.columns == 2);
  CHECK(f.names == std::vector<std::string>{"a", "b"});
  CHECK(f.mean[0] == doctest::Approx(4));
  CHECK(f.deviation[0] == doctest::Approx(std::sqrt(26.0 / 3)));
  CHECK(std::isnan(f.mean[1]));
  CHECK(f.cells[1].words == 2);
  CHECK(f.cells[1].first_missing == 1);
  CHECK(f.source == text);
  CHECK(f.source_digest == digest_of("a,b\n1,x\n3,NA\n8,y\n"));
  CHECK(f.source_bytes == 17);
}

TEST_CASE("a wrong cell of a packed table is named by its row") {
  const Folder folder;
  DataOptions o;
  o.target = "y";
  o.train = folder.write("t.tacit", packed(folder.write("t.csv", "# note\nx,y\n1,2\n,3\n4,5\n"), [] {
                           TableOptions skip;
                           skip.skip_rows = 1;
                           return skip;
                         }()));
  const DataError e = data_error("D110", [&] { load_dataset(o); });
  CHECK(contains(e.what(), "row 2"));
  CHECK(contains(e.what(), "'x'"));
}

TEST_CASE("packed files that are cut off, changed, newer, of another byte order, or none: D103 with what to do") {
  const Folder folder;
  const std::string good = packed(folder.write("t.csv", kMixed));
  const auto refused = [&](const std::string& bytes) {
    return data_error("D103", [&] { Table::read(folder.write("bad.tacit", bytes)); });
  };
  for (const std::size_t length : {std::size_t{8}, std::size_t{50}, std::size_t{4096}, good.size() - 8, good.size() - 1})
    refused(good.substr(0, length));
  refused(good + "x");
  // Any byte behind the padding of the header.
  for (std::size_t at = 0; at < good.size(); at += at < 88 || at >= 4096 ? 1 : 4008) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    INFO("byte ", at);
    if (at < 6)
      CHECK_THROWS_AS(Table::read(folder.write("bad.tacit", bad)), DataError);
    else if (at < 88 || at >= 4096)
      refused(bad);
  }
  std::string newer = good;
  newer[12] = 2;
  CHECK(contains(refused(newer).what(), "version 2"));
  CHECK(contains(refused(newer).remedy(), "newer Tacit"));
  std::string foreign = good;
  std::reverse(foreign.begin() + 8, foreign.begin() + 12);
  CHECK(contains(refused(foreign).what(), "byte order"));
  std::string text = good;
  text.erase(6, 1);
  CHECK(contains(refused(text).what(), "line ends"));
  CHECK(contains(refused("a,b\n1,2\n").what(), "no packed data set"));
  refused(gzip(good));
}

TEST_CASE("what is no table is not packed") {
  const Folder folder;
  for (const std::string name : {"a.svm", "a.npy", "a.mtx"}) {
    const std::string path = folder.write(name, "1 1:2\n");
    CHECK(contains(data_error("D103", [&] { packed(path); }).what(), "tables alone"));
  }
  const std::string file = folder.write("a.tacit", packed(folder.write("a.csv", "a,b\n1,2\n3,4\n")));
  CHECK(contains(data_error("D103", [&] { packed(file); }).what(), "packed already"));
  data_error("D101", [&] { packed(folder.path("none.csv")); });
}
