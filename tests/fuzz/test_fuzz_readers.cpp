// Edited texts go through the readers: each is refused with a sentence or read as a plain second reader reads it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/table.hpp>
#include "mutate.hpp"
#include "paths.hpp"
#include "problems/files.hpp"
#include "read_bytes.hpp"
#include "reference_readers.hpp"

using namespace tacit;

namespace {

const std::vector<std::string> kTables{
    "a,b,y\n1,2,3\n4,5.5,-6\n7e1,+8,.9\n",
    "city,x,y\r\nOslo,1,2\r\n\"Rom, \"\"A\"\"\",NA,3\r\n\"two\nlines\",4,5\r\n",
    "\xef\xbb\xbfname,\xc3\xbc,w,y\n\"1\",0.1,1,yes\nb,?,2,no\n 3 , 1e-300 ,1,yes\n",
    "a\n1\n\n2\n",
};
const std::vector<std::string> kTableWords{"\"\"",   ",,",       "nan",   "-inf",         "NA",   "1e999", "1e-999",
                                           "1e150",  "1.1e150",  "0x1p3", "\r\r\n",       "\n\n", "1,5",   "\"\n",
                                           "-0",     "\xc3\xa9", "\xff",  "\xed\xa0\x80", "+-1",  "1e",    "000000000001",
                                           "nan(1)", ".",        "-.",    "1.e5"};
const std::vector<std::string> kSparse{
    "1 1:0.5 3:-2 # note\n-1 2:1e3\n+1 1:1 2:2 3:3\n",
    "0.5 0:1 7:2\r\n\r\n-2.25\r\n3 1:0\r\n",
    "# only a comment\n2\t5:1\t6:1\n1 4:4",
};
const std::vector<std::string> kSparseWords{"0:1",
                                            "2147483646:1",
                                            "2147483647:1",
                                            "99999999999999999999:1",
                                            "1:nan",
                                            "1:1e400",
                                            "qid:3",
                                            "-1:2",
                                            "-0:2",
                                            " # ",
                                            ":",
                                            "::",
                                            "1:",
                                            ":1",
                                            "1:0x3",
                                            "1:1:1",
                                            "\n1 ",
                                            "\r",
                                            "1e5:1"};

/// The code of the DataError that fn ends with, "" when it succeeds. Any other exception leaves, and fails the test.
template <class Fn>
std::string refusal(Fn fn) {
  try {
    fn();
  } catch (const DataError& e) {
    CHECK_FALSE(std::string(e.what()).empty());
    CHECK_FALSE(e.remedy().empty());
    return e.code();
  }
  return "";
}

/// The first cell in which a table and the rows of the second reader differ, "" when there is none.
std::string difference(const Table& table, const fuzz::Rows& rows) {
  if (table.rows() + 1 != static_cast<Index>(rows.size()) || table.cols() != static_cast<Index>(rows[0].size()))
    return "the shape";
  for (Index c = 0; c < table.cols(); ++c) {
    const TextColumn text = table.text(c);
    for (Index r = 0; r < table.rows(); ++r) {
      const fuzz::Cell cell = fuzz::table_cell(rows[static_cast<std::size_t>(r + 1)][static_cast<std::size_t>(c)]);
      const std::string place = "row " + std::to_string(r) + ", column " + std::to_string(c);
      if (table.cell(r, c) != cell.text) return place + ": the text";
      const std::int32_t code = text.codes[static_cast<std::size_t>(r)];
      if ((code < 0) != (cell.kind == fuzz::Kind::missing)) return place + ": missing or not";
      const double value = table.value(r, c);
      switch (cell.kind) {
        case fuzz::Kind::number:
          if (value != cell.value) return place + ": the number";
          // Beyond 2^53 a label keeps the digits that its double has not.
          if (std::abs(value) < 9007199254740992.0 && text.levels[static_cast<std::size_t>(code)] != number_label(cell.value))
            return place + ": the label of a number";
          break;
        case fuzz::Kind::not_finite:
          if (!std::isinf(value)) return place + ": not finite or not";
          break;
        case fuzz::Kind::word:
          if (!std::isnan(value) || text.levels[static_cast<std::size_t>(code)] != cell.text) return place + ": the word";
          break;
        case fuzz::Kind::missing:
          if (!std::isnan(value)) return place + ": the number of a missing cell";
      }
    }
  }
  return "";
}

/// The same for one LIBSVM file.
std::string difference(const LibsvmSet& set, const std::vector<fuzz::SparseRow>& rows) {
  const LibsvmPart& part = set.parts[0];
  if (set.x.rows() != static_cast<Index>(rows.size())) return "the number of rows";
  const bool zero = std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.entries.count(0) > 0; });
  if (set.index_base != (zero ? 0 : 1)) return "the index base";
  for (Index r = 0; r < set.x.rows(); ++r) {
    const fuzz::SparseRow& row = rows[static_cast<std::size_t>(r)];
    const std::string place = "row " + std::to_string(r);
    if (part.label[r] != row.label) return place + ": the label";
    std::map<long, double> entries;
    for (const auto& [index, value] : row.entries) {
      if (value != 0) entries[index - set.index_base] = value;
    }
    std::map<long, double> read;
    for (CsrMatrix::InnerIterator it(set.x, r); it; ++it) read[it.col()] = it.value();
    if (read != entries) return place + ": the entries";
  }
  return "";
}

}  // namespace

TEST_CASE("fuzz: an edited CSV text is refused with a sentence or read as a second reader reads it") {
  fuzz::Mutator mutator(11, kTables, kTableWords);
  long read = 0, refused = 0;
  for (long i = 0; i < fuzz::rounds(20000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    TableOptions options;
    options.header = Header::present;
    options.delimiter = ",";
    Table table;
    const std::string code = refusal([&] { table = Table::parse(TextFile::from_string("d.csv", text), options); });
    const bool bom = text.compare(0, 3, "\xef\xbb\xbf") == 0;
    const std::string content = bom ? text.substr(3) : text;
    REQUIRE((code == "D103") == !fuzz::is_text(content));
    // Comments and notes before the table are the business of tests/problems/test_header.cpp.
    if (code == "D103" || code == "D132" || content.find_first_of("#%/") == content.find_first_not_of(" \t\r\n")) continue;
    const auto rows = fuzz::read_csv(content);
    const bool good = rows && fuzz::is_table(*rows);
    REQUIRE(code.empty() == good);
    REQUIRE((good ? difference(table, *rows) : "") == "");
    ++(good ? read : refused);
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("fuzz: an edited CSV text meets guessed delimiters and decimal commas without a crash") {
  fuzz::Mutator mutator(12, kTables, kTableWords);
  long read = 0;
  for (long i = 0; i < fuzz::rounds(10000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    TableOptions options;
    options.decimal = i % 2 == 0 ? '.' : ',';
    options.skip_rows = i % 3 == 0 ? 1 : 0;
    if (i % 5 == 0) options.delimiter = "space";
    const char* const path = i % 7 == 0 ? "d.tsv" : i % 11 == 0 ? "d.txt" : "d.csv";
    read += refusal([&] { Table::parse(TextFile::from_string(path, text), options); }).empty() ? 1 : 0;
  }
  CHECK(read > 0);
}

TEST_CASE("fuzz: an edited LIBSVM text is refused with a sentence or read as a second reader reads it") {
  fuzz::Mutator mutator(13, kSparse, kSparseWords);
  long read = 0, refused = 0;
  for (long i = 0; i < fuzz::rounds(20000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    LibsvmSet set;
    const std::string code = refusal([&] { set = parse_libsvm({TextFile::from_string("d.svm", text)}); });
    // D118 and D120: an index that would make too many features, no entry at all
    const bool bom = text.compare(0, 3, "\xef\xbb\xbf") == 0;
    const std::string content = bom ? text.substr(3) : text;
    REQUIRE((code == "D103") == !fuzz::is_text(content));
    if (code == "D103" || code == "D118" || code == "D120") continue;
    const auto rows = fuzz::read_libsvm(content);
    const bool good = rows && !rows->empty();
    REQUIRE(code.empty() == good);
    REQUIRE((good ? difference(set, *rows) : "") == "");
    ++(good ? read : refused);
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("fuzz: an edited file becomes a data set of finite numbers or is refused") {
  const tacit_test::Folder folder;
  const std::vector<std::string> corpus{"city,x,w,y\nOslo,1,1,2\nRom,,2,3\n,4,1,5\nOslo,5,0,1\n",
                                        "a,b,c,y\n1,2,3,yes\n2,NA,1,no\n4,1,1,yes\n"};
  fuzz::Mutator mutator(14, corpus, kTableWords);
  long read = 0;
  for (long i = 0; i < fuzz::rounds(2000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    DataOptions options;
    options.train = folder.write("d.csv", text);
    options.missing = i % 2 == 0 ? Missing::mean : Missing::drop_row;
    if (i % 3 == 0) options.weight = "3";
    options.target_kind = i % 5 < 2 ? TargetKind::classes : TargetKind::number;
    Dataset data;
    Filled filled;
    std::string code;
    try {
      code = refusal([&] {
        data = load_dataset(options);
        std::vector<Index> all(static_cast<std::size_t>(data.rows()));
        std::iota(all.begin(), all.end(), Index{0});
        filled = fit_fills(data, all);
      });
    } catch (const UsageError& e) {  // the third column may have become the target
      REQUIRE(std::string(e.what()).find("the same column") != std::string::npos);
      continue;
    }
    if (!code.empty()) continue;
    ++read;
    const Features& x = filled.x ? *filled.x : data.x;
    REQUIRE(x.dense.allFinite());
    REQUIRE(data.y.allFinite());
    REQUIRE(data.weight.allFinite());
    REQUIRE(data.weight.minCoeff() >= 0);
    REQUIRE(data.x.cols() == static_cast<Index>(data.feature_names.size()));
    // The rows that stayed are read alike when the same file is predicted.
    const EncodedFile again = filled.encoder.encode(options.train);
    if (again.x.rows() == data.rows()) REQUIRE(again.x.dense == x.dense);
  }
  CHECK(read > 0);
}

TEST_CASE("fuzz: the corpora of the libFuzzer targets, and edits of them, are read soundly or refused with a sentence") {
  const std::filesystem::path corpora = std::filesystem::path(tacit::test::source_dir()) / "tests/fuzz/corpus";
  for (const std::string format : {"npy", "mtx", "idx", "libsvm", "gzip", "table", "libsvm-pieces"}) {
    std::vector<std::string> corpus;
    long read = 0, refused = 0;
    for (const auto& file : std::filesystem::directory_iterator(corpora / format)) {
      std::ifstream in(file.path(), std::ios::binary);
      corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
      ++(fuzz::read_bytes(format, corpus.back()) == fuzz::Outcome::read ? read : refused);
    }
    CAPTURE(format);
    CHECK(read > 0);
    CHECK(refused > 0);
    std::sort(corpus.begin(), corpus.end());  // whatever the order of the folder
    fuzz::Mutator mutator(15, corpus, {std::string(4, '\0'), std::string(4, '\xff'), "(2, 3)", "9999999999", "1e400", "nan"});
    for (long i = 0; i < fuzz::rounds(2000); ++i)
      ++(fuzz::read_bytes(format, mutator.next()) == fuzz::Outcome::read ? read : refused);
    CHECK(read + refused >= 2000);
  }
}
