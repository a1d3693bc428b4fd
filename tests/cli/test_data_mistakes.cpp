// Mistakes in data files, as a user makes them: one error with file, line, column and remedy, exit code 3, no run folder.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>

#include "problems/files.hpp"
#include "run_support.hpp"

using run_test::Ran;

namespace {

struct Mistake {
  std::string name, file, text;
  std::vector<std::string> overrides;
  std::string code, place;  // place: what follows the path of the file
  std::string says;
};

/// A good table in which line 6 is replaced.
std::string table(const std::string& sixth, const std::string& header = "a,b,y") {
  std::string text = header + "\n";
  for (int i = 2; i <= 12; ++i) text += i == 6 ? sixth + "\n" : std::to_string(i * i % 7) + "," + std::to_string(i) + ".5,1\n";
  return text;
}

/// A good LIBSVM file in which line 4 is replaced.
std::string sparse(const std::string& fourth) {
  std::string text;
  for (int i = 1; i <= 8; ++i)
    text += i == 4 ? fourth + "\n" : std::string(i % 2 ? "1" : "-1") + " 1:" + std::to_string(i) + " 2:1\n";
  return text;
}

std::string parts(const std::string& weights_of_train, const std::string& weights_of_validation, const std::string& y = "") {
  std::string text = "a,p,w,y\n";
  for (int i = 0; i < 10; ++i) {
    const bool train = i < 6;
    const std::string& w = train ? weights_of_train : weights_of_validation;
    text += std::to_string(i * 3 % 10) + (train ? ",train," : ",validation,") + w[static_cast<std::size_t>(i) % w.size()] + "," +
            (y.empty() ? std::to_string(i) : y.substr(static_cast<std::size_t>(i) % y.size(), 1)) + "\n";
  }
  return text;
}

/// The text as gzip (RFC 1952) in one block that is stored, not compressed.
std::string packed(const std::string& text) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  const auto bytes = [](std::uint32_t value, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += static_cast<char>((value >> (8U * static_cast<unsigned>(i))) & 0xFFU);
    return out;
  };
  const auto size = static_cast<std::uint32_t>(text.size());
  REQUIRE(size < 0x10000U);
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11) + bytes(size, 2) + bytes(~size, 2) + text + bytes(~crc, 4) +
         bytes(size, 4);
}

void expect(const Mistake& m) {
  const tacit_test::Folder folder;
  const std::string data = folder.write(m.file, m.text), out = folder.path("run");
  const bool classes = m.file.find(".svm") != std::string::npos;
  const std::string config = folder.write(
      "c.yaml", "tacit: 1\ndata: {train: " + m.file + "}\nmodel: {kind: " + (classes ? "logistic" : "ridge") + "}\n");
  std::vector<std::string> arguments{"tune", config, "-o", out};
  arguments.insert(arguments.end(), m.overrides.begin(), m.overrides.end());
  const Ran r = run_test::run(arguments);
  INFO(m.name, ": ", r.err);
  CHECK(r.code == 3);
  CHECK(r.out.empty());
  CHECK(r.err.rfind("error[" + m.code + "]: ", 0) == 0);
  CHECK(r.err.find("error[", 1) == std::string::npos);
  CHECK(r.err.find("--> " + data + m.place + "\n") != std::string::npos);
  CHECK(r.err.find("= help: ") != std::string::npos);
  CHECK(r.err.find(m.says) != std::string::npos);
  CHECK(r.err.size() < 2000);
  CHECK_FALSE(std::filesystem::exists(out));
}

const std::vector<std::string> kSplit{"validation.split_column=p", "data.weight=w"};
std::vector<std::string> logistic(std::vector<std::string> with = {}) {
  with.push_back("model.kind=logistic");
  return with;
}

}  // namespace

TEST_CASE("data mistakes: cells of a table") {
  const std::vector<Mistake> mistakes{
      {"word", "d.csv", table("1,oops,2"), {}, "D108", ":6:3", "'oops' is no number"},
      {"hexadecimal", "d.csv", table("1,0x1p3,2"), {}, "D108", ":6:3", "'0x1p3' is no number"},
      {"nan", "d.csv", table("1,nan,2"), {}, "D109", ":6:3", "data.missing_values"},
      {"infinite", "d.csv", table("1,2,-Inf"), {}, "D109", ":6:5", "is not finite"},
      {"beyond a double", "d.csv", table("1,1e400,2"), {}, "D109", ":6:3", "is too large"},
      {"a square beyond a double", "d.csv", table("1,2,-1e200"), {}, "D109", ":6:5", "is too large"},
      {"missing", "d.csv", table("1,,2"), {}, "D110", ":6:3", "data.missing"},
      {"missing target", "d.csv", table("1,2,NA"), {}, "D110", ":6:5", "drop-row"},
      {"long word", "d.csv", table("1," + std::string(300000, 'w') + ",2"), {}, "D108", ":6:3", "ww...' is no number"},
      {"decimal comma in quotes", "d.csv", table("1,\"1,5\",2"), {}, "D108", ":6:3", "write it with '.'"},
      {"a word in the first row of data", "d.csv", table("1,2,3", "oops,2.75,1"), {}, "D108", ":1:1", "data.header: present"},
      {"thousands of which some look like fractions",
       "d.csv",
       "a;b;y\n1;1.234;2\n2;12.345;3\n3;1.234.567;4\n4;3.456;5\n",
       {},
       "D108",
       ":4:3",
       "numbers with one of them were read as fractions"},
      {"thousands by a letter",
       "d.csv",
       table("1,1.1k,2"),
       {},
       "D108",
       ":6:3",
       "write 1.1, without 'k', in every row, or the number in full"},
      {"another unit", "d.csv", table("1,2h,2"), {}, "D108", ":6:3", "where rows have different units"},
      {"both decimal signs", "d.tsv", "a\tb\ty\n1,5\t0.25\t1\n2.5\t0.5\t2\n3\t1\t3\n", {}, "D108", ":2:1", "write it with '.'"},
      {"a column for each decimal sign",
       "d.tsv",
       "a\tb\ty\n1,5\t0.25\t1\n2,5\t0.5\t2\n3,5\t1\t3\n",
       {},
       "D130",
       ":2:1",
       "write it with '.'"},
      {"a second line of names",
       "d.csv",
       "measured,,\na,b,y\n1,2,3\n2,4,4\n3,1,5\n",
       {"data.target=last"},
       "D108",
       ":2:1",
       "set data.skip_rows: 1;"},
      {"a line of units", "d.csv", "a,b,y\nm,kg,N\n1,2,3\n2,4,4\n3,1,5\n", {}, "D108", ":2:1", "if it holds units, take it out"},
      {"after cells of several lines", "d.csv", "t,b,y\n\"u\nv\",2,3\n\"u\r\n\r\nv\",3,3\nw,q,2\n", {}, "D108", ":7:3", "'q'"},
  };
  for (const Mistake& m : mistakes) expect(m);
}

TEST_CASE("data mistakes: the shape of a table") {
  const std::string trailing = "a,b,y,\n1,2,3,\n4,5,6,\n7,8,8,\n";
  const std::vector<Mistake> mistakes{
      {"long row", "d.csv", table("1,2,3,4"), {}, "D105", ":6:7", "4 cells"},
      {"short row", "d.csv", table("1,2"), {}, "D105", ":6:4", "2 cells"},
      {"delimiter at the end of the rows", "d.csv", "a,y\n1,2,\n3,4,\n", {}, "D105", ":2:5", "3 cells"},
      {"delimiter at the end of all lines", "d.csv", trailing, {}, "D110", ":2:7", "holds no value in any row"},
      {"open quotation mark", "d.csv", table("1,\"2,3"), {}, "D104", ":6:3", "never closed"},
      {"name twice", "d.csv", table("1,2,3", "a,a,y"), {}, "D106", ":1:3", "both named 'a'"},
      {"column and level of one name", "d.csv", "city,city=A,y\nA,1,2\nB,2,3\nA,3,4\n", {}, "D106", "", "'city=A'"},
      {"empty", "d.csv", "", {}, "D102", "", "is empty"},
      {"only a header", "d.csv", "a,b,y\n", {}, "D102", "", "only a header"},
      {"another delimiter", "d.csv", "a;b;y\n1;2;3\n2;3;4\n", {"data.delimiter=tab"}, "D120", "", "data.delimiter"},
      {"bars between the cells", "d.csv", "a|b|y\n1|2|3\n2|3|4\n", {"data.target=last"}, "D120", "", "set data.delimiter: \"|\""},
      {"blanks in a .csv", "d.csv", "a b y\n1 2 3\n2 3 4\n", {"data.target=last"}, "D120", "", "set data.delimiter: space"},
      {"a list of words", "d.csv", "y\none\ntwo\n", logistic({"data.target=last"}), "D120", "", "check data.delimiter"},
      {"R's row names", "d.csv", "\"a\",\"y\"\n\"1\",2,3\n\"2\",3,4\n\"3\",1,5\n", {}, "D105", ":2:7", "write.table"},
      {"zero byte", "d.csv", table(std::string("1,\0,2", 5)), {}, "D103", ":6:3", "is zero"},
      {"Latin-1", "d.csv", table("1,2,3", "a,gr\xf6\xdf,y"), {}, "D103", ":1:5", "UTF-8"},
      {"carriage returns alone", "d.csv", "a,y\r1,2\r3,4\r", {}, "D103", "", "carriage return"},
      {"no such column", "d.csv", table("1,2,3"), {"data.target=yy"}, "D107", "", "did you mean 'y'?"},
  };
  for (const Mistake& m : mistakes) expect(m);
}

TEST_CASE("data mistakes: classes, weights and parts") {
  const std::vector<Mistake> mistakes{
      {"a validation row far beyond those that train",
       "d.csv",
       "a,p,y\n1e-20,train,1\n2e-20,train,2\n4e-20,train,3\n5e-20,train,5\n1e149,validation,2\n3e-20,validation,2\n",
       {"validation.split_column=p"},
       "D124",
       "",
       "the column 'a'"},
      {"one class", "d.csv", "a,y\n1,u\n2,u\n3,u\n", logistic(), "D113", "", "'u'"},
      {"one class among the training rows", "d.csv", parts("1", "1", "xxxxxxuuxx"), logistic(kSplit), "D113", "", "'x'"},
      {"one class with a weight", "d.csv", parts("10", "1", "xu"), logistic(kSplit), "D113", "", "'x'"},
      {"negative weight", "d.csv", "a,w,y\n1,1,2\n2,-1,3\n", {"data.weight=w"}, "D112", ":3:3", "-1 is negative"},
      {"all weights 0", "d.csv", parts("0", "0"), kSplit, "D112", "", "all row weights are 0"},
      {"training weights 0", "d.csv", parts("0", "1"), kSplit, "D112", "", "all training rows"},
      {"validation weights 0", "d.csv", parts("1", "0"), kSplit, "D112", "", "all validation rows"},
      {"unknown part", "d.csv", "a,p,y\n1,train,2\n2,valid,3\n", {"validation.split_column=p"}, "D119", ":3:3", "'valid'"},
      {"no validation rows", "d.csv", "a,p,y\n1,train,2\n2,train,3\n", {"validation.split_column=p"}, "D114", "", "validate"},
  };
  for (const Mistake& m : mistakes) expect(m);
}

TEST_CASE("data mistakes: LIBSVM files") {
  const std::vector<Mistake> mistakes{
      {"ranking", "d.svm", sparse("1 qid:3 1:2"), {}, "D117", ":4:3", "qid:"},
      {"two labels", "d.svm", sparse("1,3 1:2"), {}, "D117", ":4:1", "a row has one label"},
      {"index 0", "d.svm", sparse("1 0:1 1:2"), {"data.index_base=1"}, "D115", ":4:3", "index 0"},
      {"order", "d.svm", sparse("1 2:1 1:2"), {}, "D116", ":4:7", "index 1 follows index 2"},
      {"twice", "d.svm", sparse("1 2:1 2:2"), {}, "D116", ":4:7", "index 2 follows index 2"},
      {"above the total", "d.svm", sparse("1 2:1 7:2"), {"data.features_total=5"}, "D118", ":4:7", "index 7"},
      {"a slip that makes 2e9 features", "d.svm", sparse("1 2:1 2000000000:2"), {}, "D118", ":4:7", "data.features_total"},
      {"beyond 32 bits", "d.svm", sparse("1 2:1 3000000000:2"), {}, "D118", ":4:7", "2^31"},
      {"negative index", "d.svm", sparse("1 -2:1"), {}, "D117", ":4:3", "'-2:1'"},
      {"nan", "d.svm", sparse("1 2:nan"), {}, "D109", ":4:5", "not finite"},
      {"beyond a double", "d.svm", sparse("1 2:1e400"), {}, "D109", ":4:5", "too large"},
      {"word", "d.svm", sparse("1 2:x"), {}, "D117", ":4:5", "'x'"},
      {"label", "d.svm", sparse("spam 2:1"), {}, "D117", ":4:1", "'spam'"},
      {"one class", "d.svm", "1 1:1\n1 1:2\n1 1:3\n", {}, "D113", "", "'1'"},
      {"packed", "d.svm.gz", packed(sparse("1 2:1 1:2")), {}, "D116", ":4:7", "index 1 follows index 2"},
      {"empty", "d.svm", "", {}, "D102", "", "is empty"},
  };
  for (const Mistake& m : mistakes) expect(m);
}

TEST_CASE("data mistakes: a packed file that ends anywhere or holds a wrong byte is refused") {
  const std::string good = packed(table("1,2,3"));
  for (std::size_t length = 2; length < good.size(); ++length)
    expect({"cut at " + std::to_string(length), "d.csv.gz", good.substr(0, length), {}, "D103", "", "damaged or cut off"});
  std::string wrong = good;
  wrong[good.size() - 6] ^= 1;
  expect({"checksum", "d.csv.gz", wrong, {}, "D103", "", "damaged or cut off"});
  expect({"more behind the end", "d.csv.gz", good + "more", {}, "D103", "", "goes on after its end"});
}

TEST_CASE("data mistakes: a column with two parts is a mistake of the run file") {
  const tacit_test::Folder folder;
  folder.write("d.csv", "a,w\n1,2\n2,3\n3,4\n");
  const std::string config = folder.write("c.yaml", "tacit: 1\ndata: {train: d.csv, weight: w}\nmodel: {kind: ridge}\n");
  const Ran r = run_test::run({"tune", config, "-o", folder.path("run")});
  CHECK(r.code == 2);
  CHECK(r.err.find("data.target and data.weight name the same column") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.path("run")));
}

TEST_CASE("data mistakes: a file of weights is relative to the run file, and the resolved run file finds it from anywhere") {
  const tacit_test::Folder folder;
  std::string data = "a,b,y\n", weights;
  for (int i = 0; i < 12; ++i) {
    data += std::to_string(i * 5 % 12) + "," + std::to_string(i * 7 % 11) + "," + std::to_string(i) + "\n";
    weights += std::to_string(1 + i % 3) + "\n";
  }
  folder.write("d.csv", data);
  folder.write("weights.csv", weights);
  const std::string config = folder.write(
      "c.yaml", "tacit: 1\ndata: {train: d.csv, weight: weights.csv}\nmodel: {kind: ridge}\nouter: {max_steps: 1}\n");
  const Ran first = run_test::run({"tune", config, "-q", "-o", folder.path("one")});
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  const Ran again = run_test::run({"tune", folder.path("one") + "/config.resolved.yaml", "-q", "-o", folder.path("two")});
  CAPTURE(again.err);
  CHECK(again.code == 0);
}

TEST_CASE("data mistakes: a remedy for texts that are no numbers holds when it is followed") {
  const tacit_test::Folder folder;
  const std::string config = folder.write("c.yaml", "tacit: 1\ndata: {train: d.csv, target: y}\n");
  // beside another column of words, under a name that needs care
  const auto written = [&](const std::vector<std::string>& texts) {
    std::string text = "it's;town;b;y\n";
    for (std::size_t i = 0; i < 24; ++i)
      text += texts[i % texts.size()] + ";" + (i % 3 == 0 ? "Oslo" : "Bergen") + ";" + std::to_string(i * 7 % 11) + ";" +
              std::to_string(i * 5 % 13) + ".5\n";
    folder.write("d.csv", text);
  };
  const auto keys_in = [](const std::string& said) {  // data.drop: ['a'] as data.drop=['a']
    std::vector<std::string> keys;
    for (const std::string key : {"data.drop: [", "data.categorical: ["}) {
      const std::size_t at = said.find(key);
      if (at == std::string::npos) continue;
      std::string found = said.substr(at, said.find(']', at) + 1 - at);
      keys.push_back(found.replace(found.find(": "), 2, "="));
    }
    return keys;
  };
  const std::vector<std::vector<std::string>> columns{{"1,5", "2,5"},
                                                      {"1,234", "2,345"},
                                                      {"555 123 456", "555 234 567"},
                                                      {"1.200.300", "1.200.400"},
                                                      {"12 %", "7 %"},
                                                      {"5 kg", "6 kg", "7 kg"},
                                                      {"\xd9\xa3\xd9\xab\xd9\xa1", "\xd9\xa4"},
                                                      {"2024-01-05", "2024-02-05"},
                                                      {"12:30", "14:30"},
                                                      {"5.1.24", "6.1.24"},
                                                      {"52.5N", "33.5S", "13.5E"},
                                                      {"1/2", "3/4", "1/3"},
                                                      {"0001", "0002", "0010"}};
  for (const std::vector<std::string>& texts : columns) {
    CAPTURE(texts[0]);
    written(texts);
    const Ran first = run_test::run({"check", config});
    INFO(first.err);
    const std::vector<std::string> keys = keys_in(first.err);
    REQUIRE(keys.size() == 2);
    for (const std::string& key : keys) {
      CAPTURE(key);
      const Ran again = run_test::run({"check", config, key});
      INFO(again.err);
      CHECK(again.code == 0);
      CHECK(again.err.find("W21") == std::string::npos);
      CHECK(again.err.find("D1") == std::string::npos);
    }
  }
}
