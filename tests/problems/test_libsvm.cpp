#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/libsvm.hpp>

#include "paths.hpp"
#include "problems/files.hpp"

using namespace tacit;
using tacit_test::data_error;
using tacit_test::data_error_at;

namespace {

LibsvmSet parse(const std::vector<std::string>& texts, const LibsvmOptions& options = {}) {
  std::vector<TextFile> files;
  for (const std::string& t : texts) files.push_back(TextFile::from_string("f" + std::to_string(files.size()) + ".svm", t));
  return parse_libsvm(files, options);
}
LibsvmOptions base(int b) {
  LibsvmOptions o;
  o.index_base = b;
  return o;
}
LibsvmOptions total(Index n) {
  LibsvmOptions o;
  o.features_total = n;
  return o;
}

}  // namespace

TEST_CASE("LIBSVM text becomes sparse rows, and empty rows, comments and blanks are allowed") {
  const LibsvmSet set = parse({"+1 1:0.5 3:-2 \r\n-1\n\n1 2:+1e2 3:0 # three\n"});
  const LibsvmPart& p = set.parts[0];
  CHECK(set.index_base == 1);
  CHECK(set.features == 3);
  CHECK(set.x.rows() == 3);
  CHECK(set.x.nonZeros() == 3);
  CHECK(p.label == Vec{{1, -1, 1}});
  CHECK(set.x.coeff(0, 2) == -2);
  CHECK(set.x.coeff(2, 1) == 100);
  CHECK(set.x.isCompressed());
  CHECK(Mat(set.x).row(1).isZero(0));
}

TEST_CASE("index base and number of features are shared by all files") {
  const LibsvmSet zero = parse({"1 1:1\n", "1 0:1 4:1\n"});
  CHECK(zero.index_base == 0);
  CHECK(zero.features == 5);
  CHECK(zero.x.coeff(0, 1) == 1);
  const LibsvmSet one = parse({"1 2:1\n", "1 4:1\n"});
  CHECK(one.features == 4);
  CHECK(one.x.cols() == 4);
  CHECK(parse({"1 1:1\n"}, base(0)).features == 2);
  CHECK(parse({"1 1:1\n"}, total(9)).x.cols() == 9);
  data_error_at("D118", 2, 7, [] { parse({"1 1:1\n1 2:1 4:1\n"}, total(3)); });
  LibsvmOptions ignore = total(3);
  ignore.ignore_beyond = true;
  const LibsvmSet cut = parse({"1 1:1 4:7\n1 3:2\n"}, ignore);
  CHECK(cut.parts[0].ignored == 1);
  CHECK(cut.x.nonZeros() == 2);
  CHECK(cut.x.coeff(1, 2) == 2);
}

TEST_CASE("files that count from different numbers are refused where that is sure, and doubted where it is not") {
  const auto rows = [](int n, const std::string& row) {
    std::string text;
    for (int i = 0; i < n; ++i) text += row + "\n";
    return text;
  };
  const std::string from_zero = "1 0:1 1:2", from_one = "1 1:1 2:2";
  // Either way round, among three files too.
  for (const std::vector<std::string>& texts :
       std::vector<std::vector<std::string>>{{rows(40, from_one), rows(20, from_zero)},
                                             {rows(40, from_zero), rows(20, from_one)},
                                             {rows(40, from_zero), rows(20, from_zero), rows(10, from_one)},
                                             {rows(10, from_one), rows(20, from_zero), rows(20, from_zero)},
                                             {rows(2000, from_zero), rows(2, from_one)}}) {
    const DataError e = data_error("D115", [&] { parse(texts); });
    CHECK(tacit_test::contains(e.what(), "f0.svm"));
    CHECK(tacit_test::contains(e.what(), "f" + std::to_string(texts.size() - 1) + ".svm"));
    CHECK(tacit_test::contains(e.remedy(), "data.index_base"));
    // Who says that all count from 0 is believed; 1 cannot be.
    CHECK(parse(texts, base(0)).remark.empty());
    data_error("D115", [&] { parse(texts, base(1)); });
  }
  // A feature that few rows have may be missing from a file by chance.
  const std::string rare = rows(1, from_zero) + rows(300, from_one);
  CHECK_FALSE(parse({rare, rows(300, from_one)}).remark.empty());
  CHECK_FALSE(parse({rows(3, from_zero), rows(1, from_one)}).remark.empty());
  CHECK(parse({rows(40, from_one), rows(20, from_one)}).remark.empty());
  CHECK(parse({rows(40, from_zero), rows(20, from_zero)}).remark.empty());
  CHECK(parse({rows(40, from_zero), rows(20, "1")}).remark.empty());  // rows without an entry say nothing
  CHECK(parse({rows(40, from_zero)}).remark.empty());
}

TEST_CASE("the file of a model's data and one to predict: which of them is to be numbered anew is said") {
  const tacit_test::Folder folder;
  DataOptions o;
  o.train = folder.write("a.svm", "1 0:1 1:2\n2 0:3 1:1\n");
  const Dataset zero = load_dataset(o);
  const EncodedFile shifted = zero.encoder.encode(folder.write("n.svm", "0 1:1 2:2\n"));
  REQUIRE(shifted.warnings.size() == 2);
  CHECK(tacit_test::contains(shifted.warnings[1], "subtract 1"));
  o.train = folder.write("a.svm", "1 1:1 2:2\n2 1:3 2:1\n");
  const Dataset one = load_dataset(o);
  const DataError e = data_error("D115", [&] { one.encoder.encode(folder.write("n.svm", "0 0:1 1:2\n")); });
  CHECK(tacit_test::contains(e.remedy(), "add 1"));
}

TEST_CASE("blanks between a colon and its value are read, as LIBLINEAR does, and nothing else is") {
  const LibsvmSet set = parse({"+1 1: 0.041 2:\t.5  3:   7\r\n-1 1:  -2\n"});
  CHECK(Mat(set.x) == Mat{{0.041, 0.5, 7}, {-2, 0, 0}});
  data_error_at("D117", 1, 3, [] { parse({"1 1:\n"}); });
  data_error_at("D117", 1, 3, [] { parse({"1 1: \n2 1:1\n"}); });
  data_error_at("D117", 1, 3, [] { parse({"1 1: # 5\n"}); });
  data_error("D117", [] { parse({"1 1 :5\n"}); });
  data_error("D117", [] { parse({"1 1: 2: 3\n"}); });
}

TEST_CASE("LIBSVM mistakes have a place") {
  data_error_at("D115", 2, 3, [] { parse({"1 1:1\n1 0:1\n"}, base(1)); });
  data_error_at("D116", 1, 7, [] { parse({"1 3:1 2:1\n"}); });
  data_error_at("D116", 1, 7, [] { parse({"1 3:1 3:1\n"}); });
  data_error_at("D117", 1, 5, [] { parse({"1 1:x\n"}); });
  data_error_at("D117", 1, 1, [] { parse({"cat 1:1\n"}); });
  data_error_at("D117", 1, 3, [] { parse({"1 qid:2 1:1\n"}); });
  data_error_at("D117", 1, 3, [] { parse({"1 -1:1\n"}); });
  data_error_at("D117", 1, 6, [] { parse({"1 1: 2:1\n"}); });
  data_error_at("D117", 2, 1, [] { parse({"1 1:1\n1,2 2:1\n"}); });
  data_error_at("D109", 1, 5, [] { parse({"1 1:nan\n"}); });
  data_error_at("D109", 1, 5, [] { parse({"1 1:1e999\n"}); });
  data_error_at("D109", 1, 1, [] { parse({"inf 1:1\n"}); });
  data_error_at("D118", 1, 3, [] { parse({"1 99999999999:1\n"}); });
  data_error("D102", [] { parse({"\n# nothing\n"}); });
  data_error("D120", [] { parse({"1\n-1\n"}); });
}

TEST_CASE("breast cancer: LIBSVM and CSV hold the same numbers") {
  const std::string data = tacit::test::source_dir() + "/data/";
  DataOptions csv;
  csv.train = data + "breast_cancer.csv";
  csv.table.header = Header::absent;
  csv.table.skip_rows = 1;
  csv.target_kind = TargetKind::classes;
  DataOptions svm;
  svm.train = data + "breast_cancer.svm";
  svm.target_kind = TargetKind::classes;
  const Dataset a = load_dataset(csv), b = load_dataset(svm);
  CHECK_FALSE(b.x.sparse);  // hardly an entry of it is zero
  CHECK(b.x.dense == a.x.dense);
  CHECK(a.y == b.y);
  CHECK(a.classes == std::vector<std::string>{"0", "1"});
  CHECK(b.classes == std::vector<std::string>{"-1", "1"});
  CHECK(a.feature_names == b.feature_names);
  CHECK(a.signed_target().sum() == 357 - 212);
}

TEST_CASE("LIBSVM data set: other files, chosen features, weights of a file, encoder") {
  const tacit_test::Folder folder;
  DataOptions o;
  o.base_dir = folder.path();
  folder.write("a.svm", "1 1:1 3:3\n-1 2:2\n");
  folder.write("v.svm", "-1 4:4\n");
  folder.write("t.svm", "1 1:5\n");
  folder.write("w.txt", "2\n1\n");
  o.train = "a.svm";
  o.validation_file = "v.svm";
  o.test_file = "t.svm";
  o.weight = "w.txt";
  o.drop = {"x3"};
  o.target_kind = TargetKind::classes;
  const Dataset d = load_dataset(o);
  CHECK(d.feature_names == std::vector<std::string>{"x1", "x2", "x4"});
  CHECK(Mat(d.x.csr) == Mat{{1, 0, 0}, {0, 2, 0}, {0, 0, 4}, {5, 0, 0}});
  CHECK(d.weight == Vec{{2, 1, 1, 1}});
  CHECK(d.y == Vec{{1, 0, 0, 1}});
  CHECK(d.origin == std::vector<Origin>{Origin::train, Origin::train, Origin::validation, Origin::test});
  const EncodedFile e = d.encoder.encode(folder.write("new.svm", "0 2:1 3:9 7:7\n"));
  CHECK(Mat(e.x.csr) == Mat{{0, 1, 0}});
  CHECK(e.warnings.size() == 1);
  folder.write("v.svm", "2 4:4\n");
  data_error("D121", [&] { load_dataset(o); });
  folder.write("v.svm", "-1 4:4\n");
  folder.write("w.txt", "2\n");
  data_error("D123", [&] { load_dataset(o); });
  folder.write("w.txt", "2\n1\n");
  o.split_column = "part";
  CHECK_THROWS_AS(load_dataset(o), UsageError);
  folder.write("part", "train\nvalidation\n");  // a file with one value a row
  o.validation_file.clear();
  CHECK(load_dataset(o).split[1] == "validation");
  folder.write("a.svm", "1 1:1 3:3\n1 2:2\n");
  o = DataOptions{};
  o.train = folder.path("a.svm");
  o.target_kind = TargetKind::classes;
  data_error("D113", [&] { load_dataset(o); });
}
