#include <array>
#include <cmath>
#include <numeric>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/split.hpp>

#include "paths.hpp"
#include "problems/files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::data_error_at;
using tacit_test::Folder;
using Names = std::vector<std::string>;

namespace {

/// Options for a file t.csv with this text.
DataOptions csv(const Folder& folder, const std::string& text) {
  DataOptions o;
  o.train = folder.write("t.csv", text);
  return o;
}
const std::string kMixed =
    "city,size,w,part,price\n"
    "Oslo,1,1,train,10\n"
    "Bergen,2,2,train,20\n"
    "Oslo,,1,validation,30\n"
    ",4,1,test,40\n";

}  // namespace

TEST_CASE("roles of columns: target, weight, split, one-hot features") {
  const Folder folder;
  DataOptions o = csv(folder, "city,size,w,part,price\nOslo,1,1,train,10\nBergen,2,2,train,20\nOslo,3,0.5,validation,30\n");
  o.weight = "w";
  o.split_column = "part";
  const Dataset d = load_dataset(o);
  CHECK(d.feature_names == Names{"city=Bergen", "city=Oslo", "size"});
  CHECK(d.x.dense == Mat{{0, 1, 1}, {1, 0, 2}, {0, 1, 3}});
  CHECK(d.y == Vec{{10, 20, 30}});
  CHECK(d.weight == Vec{{1, 2, 0.5}});
  CHECK(d.weighted);
  CHECK(d.split == Names{"train", "train", "validation"});
  CHECK(d.classes.empty());
  CHECK(d.encoder.target == "price");
  CHECK(d.files.size() == 1);
  CHECK(d.files[0].rows == 3);
}

TEST_CASE("the target by name, number or last, and features chosen and dropped by globs") {
  const Folder folder;
  DataOptions o = csv(folder, "y,a1,a2,b\n1,2,3,4\n5,6,7,8\n");
  CHECK(load_dataset(o).feature_names == Names{"y", "a1", "a2"});
  o.target = "1";
  CHECK(load_dataset(o).feature_names == Names{"a1", "a2", "b"});
  o.target = "y";
  o.features = {"a*", "b"};
  o.drop = {"a?"};
  CHECK(load_dataset(o).feature_names == Names{"b"});
  o.drop = {"*"};
  data_error("D120", [&] { load_dataset(o); });
  o.drop = {"a3"};
  CHECK(contains(data_error("D107", [&] { load_dataset(o); }).remedy(), "did you mean 'a"));
  o.drop = {};
  o.target = "5";
  data_error("D107", [&] { load_dataset(o); });
  o.target = "bb";
  CHECK(contains(data_error("D107", [&] { load_dataset(o); }).remedy(), "did you mean 'b'"));
  CHECK(glob_match("a*c?e", "abbcxe"));
  CHECK_FALSE(glob_match("a*c?e", "abbcx"));
}

TEST_CASE("classes are sorted: text by bytes, numbers by value") {
  const Folder folder;
  DataOptions o = csv(folder, "x,label\n1,yes\n2,no\n3,yes\n");
  const Dataset text = load_dataset(o);
  CHECK(text.classes == Names{"no", "yes"});
  CHECK(text.y == Vec{{1, 0, 1}});
  CHECK(text.signed_target() == Vec{{1, -1, 1}});
  o = csv(folder, "x,label\n1,10\n2,9\n3,+1e1\n4,-1\n");
  o.target_kind = TargetKind::classes;
  CHECK(load_dataset(o).classes == Names{"-1", "9", "10"});
  CHECK_THROWS_AS(load_dataset(o).signed_target(), UsageError);
  o = csv(folder, "x,label\n1,a\n2,a\n");
  data_error("D113", [&] { load_dataset(o); });
  o.target_kind = TargetKind::number;
  data_error_at("D108", 2, 3, [&] { load_dataset(o); });
}

TEST_CASE("words, NaN and negative weights have a place") {
  const Folder folder;
  const DataError word = data_error_at("D108", 3, 3, [&] { load_dataset(csv(folder, "a,b,y\n1,2,3\n1,two,3\n")); });
  CHECK(word.source_line() == "1,two,3");
  data_error_at("D108", 3, 3, [&] { load_dataset(csv(folder, "a,y\n1,2\n1,two\n")); });
  data_error_at("D109", 2, 3, [&] { load_dataset(csv(folder, "a,b,y\n1,inf,3\n1,2,3\n")); });
  data_error_at("D109", 3, 5, [&] { load_dataset(csv(folder, "a,b,y\n1,2,3\n1,2,nan\n")); });
  CHECK(contains(data_error("D108", [&] { load_dataset(csv(folder, "a;y\n1,5;2\n2;3\n")); }).remedy(), "data.decimal"));
  DataOptions o = csv(folder, "a,w,y\n1,1,3\n1,-2,3\n");
  o.weight = "w";
  data_error_at("D112", 3, 3, [&] { load_dataset(o); });
  o = csv(folder, "a,w,y\n1,0,3\n1,0,3\n");
  o.weight = "w";
  data_error("D112", [&] { load_dataset(o); });
  o = csv(folder, "a,y\n1,3\n1,3\n");
  o.weight = folder.write("w.txt", "1\n-1\n");
  data_error_at("D112", 2, 1, [&] { load_dataset(o); });
  o.weight = "weights";
  data_error("D107", [&] { load_dataset(o); });
  o.train = folder.path("nothing.csv");
  data_error("D101", [&] { load_dataset(o); });
  o.train = folder.write("t.npy", "x");
  data_error("D103", [&] { load_dataset(o); });
  o.train = folder.write("t.xlsx", "x");
  CHECK_THROWS_AS(load_dataset(o), UsageError);
}

TEST_CASE("text columns with many levels are refused unless they are named") {
  const Folder folder;
  std::string text = "id,y\n";
  for (int i = 0; i < 51; ++i) text += "row" + std::to_string(i) + "," + std::to_string(i) + "\n";
  DataOptions o = csv(folder, text);
  data_error_at("D111", 2, 1, [&] { load_dataset(o); });
  o.categorical = Names{"id"};
  CHECK(load_dataset(o).x.cols() == 51);
  o = csv(folder, text.substr(0, text.rfind("row")));
  CHECK(load_dataset(o).x.cols() == 50);
}

TEST_CASE("categorical: a list makes number columns categorical and leaves other text an error") {
  const Folder folder;
  DataOptions o = csv(folder, "zip,city,y\n10,a,1\n9,b,2\n10.0,a,3\n");
  o.categorical = Names{"zip", "c*"};
  CHECK(load_dataset(o).feature_names == Names{"zip=9", "zip=10", "city=a", "city=b"});
  o.categorical = Names{"zip"};
  data_error("D108", [&] { load_dataset(o); });
}

TEST_CASE("missing cells: an error, dropped rows, or filled from the training rows alone") {
  const Folder folder;
  DataOptions o = csv(folder, kMixed);
  o.split_column = "part";
  o.weight = "w";
  data_error_at("D110", 5, 1, [&] { load_dataset(o); });
  o.missing = Missing::drop_row;
  const Dataset dropped = load_dataset(o);
  CHECK(dropped.row == std::vector<Index>{1, 2});
  CHECK(dropped.warnings.size() == 1);
  o.missing = Missing::mean;
  const Dataset d = load_dataset(o);
  CHECK(d.feature_names == Names{"city=Bergen", "city=Oslo", "city=(missing)", "size"});
  REQUIRE(d.missing.size() == 1);
  CHECK(std::isnan(d.x.dense(2, 3)));
  const std::vector<Index> train{0, 1}, others{3};
  const Filled first = fit_fills(d, train), second = fit_fills(d, others);
  CHECK(first.x->dense(2, 3) == (1 * 1 + 2 * 2) / 3.0);
  CHECK(first.x->dense(3, 2) == 1);
  CHECK(second.x->dense(2, 3) == 4);
  CHECK(std::isnan(d.x.dense(2, 3)));  // the data set is not written
  const std::vector<Index> none{2};
  data_error("D110", [&] { fit_fills(d, none); });
  o = csv(folder, "a,y\n1,2\n2,\n");
  data_error_at("D110", 3, 3, [&] { load_dataset(o); });
  o.missing = Missing::mean;
  data_error_at("D110", 3, 3, [&] { load_dataset(o); });  // targets are not made up
  o = csv(folder, "a,y\n,2\n,3\n");
  o.missing = Missing::drop_row;
  data_error("D110", [&] { load_dataset(o); });
}

TEST_CASE("weight 2 fills like the row twice, also the median") {
  const Folder folder;
  for (const Missing rule : {Missing::mean, Missing::median}) {
    DataOptions o = csv(folder, "a,w,y\n1,2,0\n4,1,0\n9,1,0\n,1,0\n");
    o.missing = rule;
    o.weight = "w";
    const Dataset once = load_dataset(o);
    o = csv(folder, "a,y\n1,0\n1,0\n4,0\n9,0\n,0\n");
    o.missing = rule;
    const Dataset twice = load_dataset(o);
    const std::vector<Index> four{0, 1, 2, 3}, five{0, 1, 2, 3, 4};
    const double fill = fit_fills(once, four).x->dense(3, 0);
    CHECK(fill == fit_fills(twice, five).x->dense(4, 0));
    CHECK(fill == (rule == Missing::mean ? 3.75 : 2.5));
  }
}

TEST_CASE("the encoder reads a new file by column name, with the fills and levels of the training data") {
  const Folder folder;
  DataOptions o = csv(folder, "city,size,y\nOslo,1,1\nBergen,3,2\nOslo,,3\n");
  o.missing = Missing::median;
  const Dataset d = load_dataset(o);
  const std::vector<Index> all{0, 1, 2};
  CHECK_THROWS_AS(d.encoder.encode(folder.write("n.csv", "size,city\n,Oslo\n")), UsageError);  // no fill fitted yet
  const Filled filled = fit_fills(d, all);
  const Encoder& encoder = filled.encoder;
  const EncodedFile e = encoder.encode(folder.write("n.csv", "extra,size,city\nx,5,Bergen\ny,,Paris\n"));
  CHECK(e.x.dense == Mat{{1, 0, 5}, {0, 0, 2}});
  CHECK(e.row == std::vector<Index>{1, 2});
  REQUIRE(e.warnings.size() == 1);
  CHECK(contains(e.warnings[0], "'Paris'"));
  const DataError missing = data_error("D107", [&] { encoder.encode(folder.write("n.csv", "sise,city\n1,Oslo\n")); });
  CHECK(contains(missing.remedy(), "did you mean 'sise'"));
  data_error_at("D108", 2, 1, [&] { encoder.encode(folder.write("n.csv", "size,city\nbig,Oslo\n")); });
  CHECK(encoder.encode(o.train).x.dense == filled.x->dense);
}

TEST_CASE("without a header a new file may lack the target column") {
  const Folder folder;
  DataOptions o = csv(folder, "1,10,100\n2,20,200\n");
  o.target = "2";
  const Dataset d = load_dataset(o);
  CHECK(d.feature_names == Names{"x1", "x3"});
  CHECK(d.encoder.encode(folder.write("n.csv", "7,8\n")).x.dense == Mat{{7, 8}});
  CHECK(d.encoder.encode(folder.write("n.csv", "7,0,8\n")).x.dense == Mat{{7, 8}});
  for (const char* other : {"7\n", "7,0,8,9\n"}) data_error("D131", [&] { d.encoder.encode(folder.write("n.csv", other)); });
}

TEST_CASE("validation and test files are encoded with the training columns") {
  const Folder folder;
  DataOptions o = csv(folder, "c,a,y\nu,1,n\nv,2,p\n");
  o.validation_file = folder.write("v.csv", "y,a,c\np,3,w\n");
  o.test_file = folder.write("e.csv", "truth,a,c\nn,4,z\n");
  o.test_target = "truth";
  const Dataset d = load_dataset(o);
  CHECK(d.feature_names == Names{"c=u", "c=v", "c=w", "a"});
  CHECK(d.x.dense == Mat{{1, 0, 0, 1}, {0, 1, 0, 2}, {0, 0, 1, 3}, {0, 0, 0, 4}});
  CHECK(d.y == Vec{{0, 1, 1, 0}});
  CHECK(d.files.size() == 3);
  CHECK(d.warnings.size() == 1);
  const Split s = make_split(d, {});
  CHECK(s.train == std::vector<Index>{0, 1});
  CHECK(s.validation == std::vector<Index>{2});
  CHECK(s.test == std::vector<Index>{3});
  o.test_file = folder.write("e.csv", "truth,a,c\nq,4,z\n");
  data_error_at("D121", 2, 1, [&] { load_dataset(o); });
  o.test_file = folder.write("e.csv", "truth,c\nn,z\n");
  data_error("D107", [&] { load_dataset(o); });
  o.test_file = "";
  o.split_column = "c";
  CHECK_THROWS_AS(load_dataset(o), UsageError);
}

namespace {

/// n rows with these columns; the number of a row in column c is first + row + c / 10. Row `gap` has no number for b.
std::string numbered_rows(const std::string& columns, int n, int first, int gap) {
  std::string text;
  for (const char c : columns) text += std::string(text.empty() ? "" : ",") + c;
  text += "\n";
  for (int r = 0; r < n; ++r) {
    std::string line;
    for (const char c : columns) {
      if (!line.empty() || c != columns.front()) line += ",";
      if (c != 'b' || r != gap) line += std::to_string(first + r) + "." + std::to_string(c - 'a');
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("numbers of several files below each other are the same, whatever their columns and wherever they are read to") {
  const Folder folder;
  Mat x(55 + 24 + 19, 4);
  Index at = 0;
  for (const auto& [n, first, gap] : {std::array{55, 0, 3}, {24, 1000, -1}, {20, 2000, 0}}) {
    for (int r = 0; r < n; ++r) {
      if (r == gap) continue;
      for (int j = 0; j < 4; ++j) x(at, j) = first + r + j / 10.0;
      ++at;
    }
  }
  x.conservativeResize(at, 4);
  for (const std::string& train : {"abcde", "eabcd", "abecd"}) {
    DataOptions o = csv(folder, numbered_rows(train, 55, 0, 3));
    o.target = "e";
    o.missing = Missing::drop_row;
    for (const std::string& other : {"abcde", "eabcd", "cdbea", "fabcde"}) {
      o.validation_file = folder.write("v.csv", numbered_rows(other, 24, 1000, -1));
      o.test_file = folder.write("e.csv", numbered_rows(train, 20, 2000, 0));
      for (const std::size_t piece : {std::size_t{1} << 20U, std::size_t{700}, std::size_t{300}}) {
        o.table.limits.kept_text = o.table.limits.piece = piece;
        for (const Index threads : {1, 3}) {
          CAPTURE(train + " " + other + " " + std::to_string(piece) + " " + std::to_string(threads));
          o.table.limits.threads = threads;
          const Dataset d = load_dataset(o);
          REQUIRE(d.x.dense.rows() == x.rows());
          // A row of x ends in .0, .1, .2 and .3, read as written.
          CHECK((d.x.dense - x).cwiseAbs().maxCoeff() < 1e-12);
          CHECK((d.y - x.col(0)).cwiseAbs().maxCoeff() == doctest::Approx(0.4));
        }
      }
    }
  }
}

TEST_CASE("files without a header have the columns of the training file, and files with one are told apart") {
  const Folder folder;
  const std::string rows = "1.5,2.25,0.5\n2.5,1.75,3.5\n0.25,4.5,2.5\n3.5,0.75,1.25\n";
  for (const bool test : {false, true}) {
    DataOptions o = csv(folder, rows);
    std::string& other = test ? o.test_file : o.validation_file;
    other = folder.write("o.csv", "1.5,2.5,3.5\n");
    CHECK(load_dataset(o).rows() == 5);
    for (const char* text : {"0,1.5,2.5,3.5\n1,2.5,3.5,4.5\n", "1.5,2.5\n2.5,4.5\n", "1.5\n"}) {
      other = folder.write("o.csv", text);
      CHECK(contains(data_error("D131", [&] { load_dataset(o); }).what(), ", not 3"));
    }
    other = folder.write("o.csv", "a,b,c\n1.5,2.5,3.5\n");
    CHECK(contains(data_error("D131", [&] { load_dataset(o); }).what(), "line 1"));
  }
}

TEST_CASE("whole numbers beyond 2^53 keep their digits as labels and levels") {
  const Folder folder;
  std::string text = "id,code,label\n";
  const char* labels[] = {"9007199254740993", "9007199254740992", "9007199254740993.0", "+9007199254740992"};
  for (int i = 0; i < 12; ++i)
    text += "1234567890123456789" + std::string(1, static_cast<char>('0' + i % 3)) + ",x," + labels[i % 4] + "\n";
  DataOptions o = csv(folder, text);
  o.target_kind = TargetKind::classes;
  o.categorical = Names{"id", "code"};
  const Dataset d = load_dataset(o);
  CHECK(d.classes == Names{"9007199254740992", "9007199254740993"});
  CHECK(d.y.head(4) == Vec{{1, 0, 1, 0}});
  CHECK(d.feature_names == Names{"id=12345678901234567890", "id=12345678901234567891", "id=12345678901234567892", "code=x"});
  CHECK(d.x.dense.leftCols(3).colwise().sum().minCoeff() == 4);
  CHECK(d.remarks.empty());
  // beside words, too, and below zero in the order of their values
  o = csv(folder, "x,label\n1,-9007199254740993\n2,-9007199254740995\n3,-9007199254740993\n4,5\n");
  o.target_kind = TargetKind::classes;
  CHECK(load_dataset(o).classes == Names{"-9007199254740995", "-9007199254740993", "5"});
  o = csv(folder, "x,label\n1,9007199254740993\n2,none\n3,9007199254740992\n");
  o.target_kind = TargetKind::classes;
  CHECK(load_dataset(o).classes.size() == 3);
  // one number, however it is written
  o = csv(folder, "x,label\n1,18014398509481984\n2,1.8014398509481984e16\n3,0\n");
  o.target_kind = TargetKind::classes;
  CHECK(load_dataset(o).classes.size() == 2);
}

TEST_CASE("whole numbers beyond 2^53 as numbers: lost digits are said, exact ones are not") {
  const Folder folder;
  const auto remarks = [&](const std::string& text) { return load_dataset(csv(folder, text)).remarks; };
  const auto lost = remarks("x,t,y\n9007199254740992,1,1\n9007199254740993,2,2\n9007199254740994,5,4\n");
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].code == "W211");
  CHECK(contains(lost[0].what, "9007199254740993 in line 3"));
  CHECK(remarks("x,y\n9007199254740992,1\n18014398509481984,2\n1e100,4\n").empty());
  CHECK(remarks("x,y\n1.5,9007199254740993\n2.5,2\n1,3\n").at(0).code == "W211");
}

TEST_CASE("a feature that only counts the rows is said, whatever its name says of it") {
  const Folder folder;
  const auto codes = [&](const std::string& header, int first, bool shuffled = false, const std::string& drop = "") {
    std::string text = header.empty() ? "" : header + "\n";
    for (int i = 0; i < 8; ++i)
      text += std::to_string(first + (shuffled ? i * 5 % 8 : i)) + "," + std::to_string(i * i % 5) + ".5," +
              std::to_string(i * 7 % 4) + ".25\n";
    DataOptions o = csv(folder, text);
    if (!drop.empty()) o.drop = {drop};
    Names out;
    for (const DataRemark& r : load_dataset(o).remarks) out.push_back(r.code);
    return out;
  };
  const Names said{"W212"}, none;
  for (const char* header : {",x,y", "Unnamed: 0,x,y", "index,x,y", "\"\",x,y", "row_id,x,y"}) {
    CAPTURE(header);
    CHECK(codes(header, 0) == said);
    CHECK(codes(header, 1) == said);
    CHECK(codes(header, 0, true) == said);
  }
  CHECK(codes("", 0) == said);  // without a header
  CHECK(codes("", 0, true) == none);
  CHECK(codes("time,x,y", 0) == none);  // a name that means something
  CHECK(codes(",x,y", 0, false, "column1") == none);
}

TEST_CASE("a file with the rows of another one is said, however it is written") {
  const Folder folder;
  const std::string text = "c,a,y\nu,1,5\nv,2,6\nu,3,7\n";
  DataOptions o = csv(folder, text);
  o.test_file = o.train;
  CHECK(load_dataset(o).remarks.at(0).code == "W213");
  CHECK(contains(load_dataset(o).remarks.at(0).what, "test file"));
  o.test_file = folder.write("other.csv", "y;a;c\r\n5;1.0;u\r\n6;2;\"v\"\r\n7;3;u\r\n");
  CHECK(load_dataset(o).remarks.at(0).code == "W213");
  o.validation_file = o.test_file;
  CHECK(load_dataset(o).remarks.size() == 2);
  o.validation_file.clear();
  o.test_file = folder.write("other.csv", "c,a,y\nu,1,5\nv,2,6\nu,3,7.5\n");
  CHECK(load_dataset(o).remarks.empty());
  o = DataOptions{};
  o.target_kind = TargetKind::classes;
  o.train = folder.write("t.svm", "1 1:2 3:1\n-1 2:1\n1 3:4\n");
  o.validation_file = folder.write("v.svm", "+1 1:2.0 3:1\n-1 2:1\n1 3:4\n");
  CHECK(load_dataset(o).remarks.at(0).code == "W213");
}

TEST_CASE("feature groups by column, feature or file") {
  const Folder folder;
  DataOptions o = csv(folder, "c,a1,a2,b,y\nu,1,2,3,4\nv,1,2,3,5\n");
  o.feature_groups = {{"A", {"a*"}}, {"C", {"c"}}};
  const Dataset d = load_dataset(o);
  REQUIRE(d.groups.size() == 3);
  CHECK(d.groups[0].columns == std::vector<Index>{2, 3});
  CHECK(d.groups[1].columns == std::vector<Index>{0, 1});
  CHECK(d.groups[2].name == "(no group)");
  CHECK(d.group_of_feature() == std::vector<Index>{1, 1, 0, 0, 2});
  CHECK(d.warnings.size() == 1);
  o.feature_groups["B"] = {"a1", "b"};
  data_error("D122", [&] { load_dataset(o); });
  o.feature_groups = {{"A", {"q*"}}};
  data_error("D122", [&] { load_dataset(o); });
  o.feature_groups_file = folder.write("g.csv", "feature,group\nc=u,one\na1,one\nc=v,two\na2,two\nb,two\n");
  CHECK(load_dataset(o).group_of_feature() == std::vector<Index>{0, 1, 0, 1, 1});
}

TEST_CASE("the shipped diabetes data") {
  DataOptions o;
  o.base_dir = tacit::test::source_dir();
  o.train = "data/diabetes.csv";
  o.target = "target";
  const Dataset d = load_dataset(o);
  CHECK(d.x.rows() == 442);
  CHECK(d.feature_names == Names{"age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"});
  CHECK(d.y.minCoeff() == 25);
  CHECK(d.y.maxCoeff() == 346);
  CHECK(d.x.dense(441, 0) == 36);
}
