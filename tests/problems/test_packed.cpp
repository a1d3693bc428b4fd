// Packed files: what they give is what the text gives, to the bit; what is wrong with one is said.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/memory_limits.hpp>
#include <tacit/core/support/threads.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/scaling.hpp>
#include <tacit/problems/data/validation.hpp>
#include <tacit/problems/models/fitted_model.hpp>
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

/// The features of a data set, wherever they lie.
Mat features(const Dataset& d) { return matrix_of(dense_rows(std::shared_ptr<const Features>(std::shared_ptr<void>(), &d.x))); }

void require_same(const Dataset& a, const Dataset& b) {
  CHECK(bits(features(a)) == bits(features(b)));
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

TEST_CASE("packed: rows that lie apart in memory, by one thread and by two, which read pieces of the text") {
  const Folder folder;
  constexpr int kColumns = 122, kRows = 4000;  // each row at a cache line of its own; pieces of 1 MiB
  std::string text = "c0";
  for (int j = 1; j < kColumns; ++j) text += ",c" + std::to_string(j);
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) text += (j == 0 ? "\n" : ",") + std::to_string(i) + "." + std::to_string(j);
  }
  const std::string path = folder.write("t.csv", text + "\n");
  std::string bytes[2];
  for (const Index threads : {1, 2}) {
    const ThreadScope scope(threads);
    bytes[threads - 1] = packed(path);
    const Table table = Table::read(path);
    const Mat numbers = matrix_of(read_packed(folder.write("t.tacit", bytes[threads - 1])).numbers);
    REQUIRE(numbers.rows() == kRows);
    for (Index i = 0; i < kRows; ++i) REQUIRE(bits(Eigen::Map<const Mat>(table.row(i), 1, kColumns)) == bits(numbers.row(i)));
    CHECK(numbers(17, 3) == 17.3);
    CHECK(numbers(kRows - 1, kColumns - 1) == doctest::Approx(kRows - 1 + 0.121));
  }
  CHECK(bytes[0] == bytes[1]);
}

TEST_CASE("float32: numbers are rounded to the nearest float, which is said, and a number beyond is refused") {
  const Folder folder;
  const std::string text = folder.write("t.csv", "a,y\n0.1,1\n-1e-46,2\n16777217,3\nNA,4\n");
  PackOptions packing;
  packing.float32 = true;
  const PackedData data = read_packed(folder.write("t.tacit", packed(text, {}, packing)));
  CHECK(data.facts.number_bytes == 4);
  const Mat numbers = matrix_of(data.numbers);
  CHECK(numbers(0, 0) == static_cast<double>(0.1F));
  CHECK(numbers(1, 0) == 0);
  CHECK(numbers(2, 0) == 16777216);
  CHECK(std::isnan(numbers(3, 0)));
  folder.write("t.csv", "a,y\n0.1,1\n1e39,2\n");
  CHECK(contains(data_error("D109", [&] { packed(text, {}, packing); }).what(), "row 2, column 1"));
  CHECK(matrix_of(read_packed(folder.write("t.tacit", packed(text))).numbers)(1, 0) == 1e39);
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

namespace {

/// A table of numbers and its packed files, the target in the middle, a column that is far from 0 and one that is constant.
struct Numbers {
  explicit Numbers(const Folder& folder, int rows = 301, int columns = 7) {
    std::string csv = "far,c";
    for (int j = 0; j < columns; ++j) csv += (j == 3 ? ",y,x" : ",x") + std::to_string(j);
    std::uint32_t state = 7;
    for (int i = 0; i < rows; ++i) {
      csv += "\n" + std::to_string(5000 + i % 5) + ",3";
      for (int j = 0; j < columns + 1; ++j) {
        state = state * 1664525U + 1013904223U;
        csv += "," + std::to_string(static_cast<double>(state >> 8U) / 8388608 - 1);
      }
    }
    text = folder.write("n.csv", csv + "\n");
    doubles = folder.write("n.tacit", packed(text));
    PackOptions floats_wanted;
    floats_wanted.float32 = true;
    floats = folder.write("f.tacit", packed(text, {}, floats_wanted));
    options.target = "y";
  }
  std::shared_ptr<const Dataset> load(const std::string& file) const {
    DataOptions o = options;
    o.train = file;
    return std::make_shared<const Dataset>(load_dataset(o));
  }
  std::string text, doubles, floats;
  DataOptions options;
};

PrepareChoices ridge() {
  PrepareChoices choices;
  choices.task = make_task("ridge");
  return choices;
}

}  // namespace

TEST_CASE(
    "numbers of 8 bytes are mapped into memory, and of a column that is chosen, of float32 and beside a gap the right ones are "
    "read") {
  const Folder folder;
  const Numbers files(folder);
  const PackedData doubles = read_packed(files.doubles), floats = read_packed(files.floats);
  REQUIRE(doubles.numbers->data() != nullptr);
  CHECK(floats.numbers->data() == nullptr);
  const Mat x = matrix_of(doubles.numbers), rounded = matrix_of(floats.numbers);
  const Table table = Table::read(files.text);
  for (Index i = 0; i < x.rows(); ++i) {
    for (Index j = 0; j < x.cols(); ++j) {
      REQUIRE(x(i, j) == table.value(i, j));
      REQUIRE(rounded(i, j) == static_cast<double>(static_cast<float>(x(i, j))));
    }
  }
  for (const PackedData* data : {&doubles, &floats}) {
    const Mat& whole = data == &doubles ? x : rounded;
    const Design in_file(data->numbers);
    const Design in_memory(std::make_shared<Mat>(whole));
    const std::vector<Index> rows = {3, 4, 9, 300, 2};
    Vec a(5), b(5);
    const Vec v = Vec::LinSpaced(x.cols(), -1, 2);
    in_file.row_list(rows).multiply(v, a);
    in_memory.row_list(rows).multiply(v, b);
    CHECK(bits(a) == bits(b));
    const Table packed_table = Table::read(data == &doubles ? files.doubles : files.floats);
    for (const Index i : {Index{0}, Index{300}, Index{7}}) {
      CHECK(packed_table.value(i, 4) == whole(i, 4));
      CHECK(packed_table.value(i, 1) == whole(i, 1));
      CHECK(packed_table.row(i)[2] == whole(i, 2));
    }
  }
}

TEST_CASE("features of numbers stay in the packed file, and what is prepared of them has the bits of their text") {
  const Folder folder;
  const Numbers files(folder);
  const auto from_text = files.load(files.text), from_file = files.load(files.doubles);
  CHECK(from_text->x.outside == nullptr);
  CHECK(from_file->x.outside == nullptr);  // the target stands between them: they are copied
  for (const bool drop : {false, true}) {
    Numbers these = files;
    if (drop) these.options.features = {"x3", "x4", "x5", "x6"};
    const auto text = these.load(these.text), file = these.load(these.doubles);
    CHECK((file->x.outside != nullptr) == drop);
    require_same(*file, *text);
    for (const Standardize standardize : {Standardize::yes, Standardize::no}) {
      PrepareChoices choices = ridge();
      choices.standardize = standardize;
      FoldOptions folds;
      folds.folds = 3;
      std::vector<Validation> both;
      for (const auto& data : {text, file}) {
        const Folds drawn = make_folds(*data, folds);
        both.push_back(cross_validation(prepare_problem(data, rows_of_folds(drawn), choices), drawn));
      }
      for (std::size_t k = 0; k < 3; ++k) {
        const Prepared &a = both[0].parts[k], &b = both[1].parts[k];
        const Index d = a.problem.f->inner_dim();
        const Vec u = Vec::Ones(a.problem.space.size()), x = Vec::LinSpaced(d, -1, 1);
        Vec g(d), h(d);
        CHECK(a.problem.f->gradient(x, u, g) == b.problem.f->gradient(x, u, h));
        CHECK(bits(g) == bits(h));
        CHECK(bits(a.margins(a.rows.validation, x)) == bits(b.margins(b.rows.validation, x)));
        CHECK(bits(a.scaling.scale) == bits(b.scaling.scale));
        CHECK(bits(a.scaling.centre) == bits(b.scaling.centre));
      }
    }
  }
}

TEST_CASE("a model predicts of a packed file what it predicts of its text, to the bit") {
  const Folder folder;
  Numbers files(folder, 523, 12);
  for (const std::vector<std::string>& features : {std::vector<std::string>{"x*"}, {"x3", "x4", "x5", "x6", "x7", "x8", "x9"}}) {
    files.options.features = features;
    const auto data = files.load(files.text);
    const Prepared p = prepare_problem(data, all_rows(data->rows()), ridge());
    const Index d = p.problem.f->inner_dim();
    const FittedModel model = fitted_model(p, Vec::Ones(p.problem.space.size()), Vec::LinSpaced(d, -1, 2));
    CHECK((model.encoder.encode(files.doubles).x.outside != nullptr) == (features.size() > 1));
    CHECK(bits(margins(model, files.doubles).values) == bits(margins(model, files.text).values));
  }
}

TEST_CASE(
    "rows without a number, and cells to fill, are copied, and a packed file that another takes the place of stays what it was") {
  const Folder folder;
  const std::string text = folder.write("t.csv", "a,b,y\n1,2,3\n2,NA,4\n3,5,6\n4,1,2\n");
  const std::string file = folder.write("t.tacit", packed(text));
  DataOptions o;
  o.target = "y";
  for (const Missing missing : {Missing::drop_row, Missing::mean}) {
    o.missing = missing;
    o.train = text;
    const Dataset expected = load_dataset(o);
    o.train = file;
    const Dataset data = load_dataset(o);
    CHECK(data.x.outside == nullptr);
    require_same(data, expected);
  }
  const PackedData open = read_packed(file);
  const std::string other = folder.write("u.tacit", packed(folder.write("u.csv", "a,b,y\n9,9,9\n")));
  std::filesystem::rename(other, file);
  CHECK(matrix_of(open.numbers)(3, 0) == 4);
}

TEST_CASE("packed data that have to be copied and are larger than memory: D134") {
  const Folder folder;
  const Table table = Table::read(folder.write("t.tacit", packed(folder.write("t.csv", "a,y\n1,2\n3,4\n"))));
  require_memory(2, 1, table);
  const auto too_many = static_cast<Index>(usable_memory() / 8);
  const DataError e = data_error("D134", [&] { require_memory(too_many, 2, table); });
  CHECK(contains(e.what(), "t.tacit"));
  CHECK(contains(e.remedy(), "data.drop"));
}
