// Tables from the command line: what check says of them, what is worth a warning, how predict and init read them.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <nlohmann/json.hpp>

#include "problems/files.hpp"
#include "run_support.hpp"

namespace {

using nlohmann::json;
using run_test::Ran;
using run_test::read;
using run_test::run;
using Words = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Two columns of numbers and one of three levels; the target of row i is target(i).
template <class Target>
std::string table(int rows, Target target, const std::string& header = "a,b,city,y\n") {
  std::string text = header;
  for (int i = 0; i < rows; ++i)
    text += std::to_string(i * 37 % 19) + ".5," + std::to_string(i * i % 23) + ",town" + std::to_string(i * 7 % 3) + "," +
            target(i) + "\n";
  return text;
}
std::string number(int i) { return std::to_string(i * 11 % 31) + ".25"; }

std::string config(const tacit_test::Folder& f, const std::string& data, const std::string& rest = "") {
  return f.write("run.yaml", "tacit: 1\ndata: {" + data + "}\n" + rest);
}

std::set<std::string> codes(const json& warnings) {
  std::set<std::string> out;
  for (const json& w : warnings) out.insert(w.at("code").get<std::string>());
  return out;
}

/// The warnings of `check --json`, which must be those of `tune --json` and of run.json.
std::set<std::string> warnings_of(const tacit_test::Folder& f, const std::string& config, Words more = {}) {
  Words arguments{"check", config, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Ran checked = run(arguments);
  CAPTURE(checked.err);
  REQUIRE(checked.code == 0);
  const std::set<std::string> out = codes(json::parse(checked.out).at("warnings"));
  for (const std::string& code : out) CHECK(has(checked.err, "warning[" + code + "]"));
  arguments[0] = "tune";
  for (const std::string& a : {std::string("outer.max_steps=1"), std::string("--force"), std::string("-o"), f.path("out")})
    arguments.push_back(a);
  const Ran tuned = run(arguments);
  CAPTURE(tuned.err);
  REQUIRE(tuned.code == 0);
  const std::set<std::string> there = codes(json::parse(read(f.path("out") + "/run.json")).at("warnings"));
  for (const std::string& code : out) {
    CHECK(there.count(code) == 1);
    CHECK(codes(json::parse(tuned.out).at("warnings")).count(code) == 1);
  }
  return out;
}

}  // namespace

TEST_CASE("check says how the data were read, in words and as one JSON object") {
  const tacit_test::Folder f;
  std::string text = table(
      24, [](int i) { return std::string(i % 3 == 0 ? "yes" : "no"); }, "a,b,city,fixed,y\n");
  std::string with_fixed;
  for (const char c : text) with_fixed += c;
  std::size_t at = with_fixed.find('\n') + 1;
  while (at < with_fixed.size()) {  // a constant column before the last one
    at = with_fixed.rfind(',', with_fixed.find('\n', at));
    with_fixed.insert(at, ",4");
    at = with_fixed.find('\n', at) + 1;
  }
  f.write("t.csv", with_fixed.replace(with_fixed.find("\n") + 1, 3, "NA"));
  const std::string c = config(f, "train: t.csv, target: y, missing: median",
                               "model: {kind: logistic}\nhyper: {l2: {start: 0.5, range: [0.01, 10]}}\n");
  const Ran words = run({"check", c});
  CAPTURE(words.out);
  CHECK(words.code == 0);
  for (const char* part :
       {"names: a, b, city, fixed, y\n", "y, classes 'no' (16 rows), 'yes' (8 rows); positive 'yes'\n",
        "3 of numbers, 1 of levels; constant on the training rows: fixed\n", "one-hot          city (3 levels)\n",
        "1 cell in 1 column, filled with the median", "standardized     yes\n", "storage          dense\n",
        "start 0.5, range [0.01, 10]\n", "t.csv, 24 rows\n"})
    CHECK(has(words.out, part));
  const Ran plan = run({"check", c, "--json"});
  const json j = json::parse(plan.out);
  const json& d = j.at("data");
  CHECK(d.at("header") == true);
  CHECK(d.at("names") == json({"a", "b", "city", "fixed", "y"}));
  CHECK(d.at("target").at("classes").at(1) == json({{"label", "yes"}, {"rows", 8}}));
  CHECK(d.at("target").at("positive") == "yes");
  CHECK(d.at("columns").at(2) == json({{"name", "city"}, {"kind", "levels"}, {"levels", 3}}));
  CHECK(d.at("columns").at(3) == json({{"name", "fixed"}, {"kind", "number"}, {"constant", true}}));
  CHECK(d.at("missing_cells") == 1);
  CHECK(d.at("standardized") == true);
  CHECK(j.at("hyperparameters").at("l2").at("start") == 0.5);
  CHECK(j.at("hyperparameters").at("l2").at("range").size() == 2);
  CHECK(j.at("train") == 24);
  CHECK(j.at("validation") == 24);  // each row once, by folds
  // sparse data have an index base and a share of stored entries
  f.write("t.svm", "1 0:1 3:2\n-1 1:1\n1 0:2\n-1 1:3 2:1\n1 0:3\n-1 3:1\n1 0:1\n-1 1:2\n");
  const std::string s = config(f, "train: t.svm", "model: {kind: logistic}\n");
  CHECK(has(run({"check", s}).out, "indices from 0"));
  const json sparse = json::parse(run({"check", s, "--json"}).out).at("data");
  CHECK(sparse.at("index_base") == 0);
  CHECK(sparse.at("density") == doctest::Approx(10.0 / 32));
  CHECK(sparse.at("header").is_null());
}

TEST_CASE("check and tune say the same of data that are worth a look") {
  const tacit_test::Folder f;
  using Set = std::set<std::string>;
  f.write("t.csv", table(24, number));
  CHECK(warnings_of(f, config(f, "train: t.csv")) == Set{});
  // the first line may be either
  f.write("u.csv", table(
                       24, [](int i) { return std::to_string(i * 5 % 9) + ".5"; }, "3,1,town7,4.5\n"));
  CHECK(warnings_of(f, config(f, "train: u.csv")) == Set{"W210"});
  CHECK(warnings_of(f, config(f, "train: u.csv, header: absent")) == Set{});
  // several at once, each said
  f.write("v.csv", table(
                       24, [](int i) { return std::to_string(i % 4); }, ",b,city,y\n"));
  std::string counted = ",x,big,y\n";
  for (int i = 0; i < 24; ++i)
    counted += std::to_string(i) + "," + std::to_string(i * 7 % 11) + ".5,900719925474099" + std::to_string(1 + i * 5 % 9) + "," +
               std::to_string(i * 3 % 4) + "\n";
  f.write("w.csv", counted);
  CHECK(warnings_of(f, config(f, "train: w.csv, test: w.csv, drop: []")) == Set{"W211", "W212", "W213", "W214"});
  const Ran quiet = run({"check", config(f, "train: w.csv, categorical: [big], drop: [column1]")});
  CHECK_FALSE(has(quiet.err, "W211"));
  CHECK_FALSE(has(quiet.err, "W212"));
}

TEST_CASE("columns of words that tell single rows apart, dates, times and codes are said") {
  const tacit_test::Folder f;
  const auto said = [&](const std::function<std::string(int)>& cell, const std::string& more = "") {
    std::string text = "a,b,y\n";
    for (int i = 0; i < 40; ++i)
      text += std::to_string(i * 7 % 11) + ".5," + cell(i) + "," + std::to_string(i * 3 % 17) + ".25\n";
    f.write("t.csv", text);
    const auto all = warnings_of(f, config(f, "train: t.csv" + more));
    return all.empty() ? std::string() : *all.begin();
  };
  const auto two = [](int i) { return (i < 10 ? "0" : "") + std::to_string(i); };
  CHECK(said([&](int i) { return "2024-01-" + two(i % 28 + 1); }) == "W218");
  CHECK(said([&](int i) { return "2024-01-" + two(i % 4 + 1) + "T10:00:00Z"; }) == "W218");
  CHECK(said([&](int i) { return std::to_string(i % 28 + 1) + ".12.2024"; }) == "W218");
  CHECK(said([&](int i) { return "1/" + std::to_string(i % 28 + 1) + "/24"; }) == "W218");
  CHECK(said([&](int i) { return two(i % 24) + ":" + two(i); }) == "W218");
  CHECK(said([&](int i) { return "0x" + std::to_string(i % 5) + "f"; }) == "W218");
  CHECK(said([&](int i) { return "name " + std::to_string(i); }) == "W218");
  CHECK(said([&](int i) { return "town" + std::to_string(i % 9); }) == "");
  CHECK(said([&](int i) { return "1.0." + std::to_string(i % 9); }) == "");
  CHECK(said([&](int i) { return "555-123-" + std::to_string(1000 + i % 9); }) == "");
  CHECK(said([&](int i) { return "name " + std::to_string(i); }, ", categorical: [b]") == "");
  CHECK(said([&](int i) { return std::to_string(10 + i % 7) + (i % 2 == 0 ? "min" : "h"); }) == "W218");
  CHECK(said([&](int i) { return std::to_string(2 + i % 2) + " rooms"; }) == "");
  CHECK(said([&](int i) { return "000" + two(i); }) == "W219");
  CHECK(said([&](int i) { return std::to_string(i == 7 ? 1067 : 10000 + 7 * i).insert(0, i == 7 ? "0" : ""); }) == "W219");
  CHECK(said([&](int i) { return two(i); }) == "");  // months, hours
  CHECK(said([&](int i) { return "000." + two(i); }) == "");
  CHECK(said([&](int i) { return "000" + two(i); }, ", drop: [b]") == "");
}

TEST_CASE("a regression on few whole numbers is said, and only there") {
  const tacit_test::Folder f;
  const auto said = [&](const std::string& kind, int values, const std::string& suffix = "") {
    f.write("t.csv", table(48, [&](int i) { return std::to_string(i * 5 % values) + suffix; }));
    return warnings_of(f, config(f, "train: t.csv", "model: {kind: " + kind + "}\n")).count("W214") == 1;
  };
  CHECK(said("ridge", 2));
  CHECK(said("ridge", 7));
  CHECK_FALSE(said("ridge", 8));
  CHECK_FALSE(said("ridge", 3, ".5"));
  CHECK_FALSE(said("logistic", 2));
  f.write("t.csv", "a,y\n1,2\n2,5\n3,4\n5,1\n7,3\n2,6\n");  // a value or two each
  CHECK_FALSE(warnings_of(f, config(f, "train: t.csv")).count("W214") == 1);
}

TEST_CASE("validation rows of one class are said") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, [](int i) { return std::string(i % 3 == 0 ? "yes" : "no"); }));
  f.write("v.csv", table(6, [](int) { return std::string("no"); }));
  const std::string c = config(f, "train: t.csv", "model: {kind: logistic}\n");
  CHECK(warnings_of(f, c).count("W215") == 0);
  CHECK(warnings_of(f, c, {"validation.file=" + f.path("v.csv")}).count("W215") == 1);
}

TEST_CASE("check --gradient: finite differences are not compared with themselves") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, number));
  const std::string c = config(f, "train: t.csv", "hyper: {l2: {start: 0.5}}\n");
  const Ran other = run({"check", c, "--gradient"});
  CHECK(has(other.out, "against finite differences"));
  const Ran r = run({"check", c, "--gradient", "hypergradient.estimator=finite-difference"});
  CHECK(r.code == 0);
  CHECK(has(r.out, "against implicit differentiation, since finite differences are the estimator"));
  const json j = json::parse(run({"check", c, "--gradient", "--json", "hypergradient.estimator=finite-difference"}).out);
  CHECK(j.at("against") == "implicit differentiation");
  CHECK(j.at("relative_error").get<double>() < 1e-4);
  CHECK(j.at("relative_error").get<double>() > 0);  // two ways, two roundings
}

TEST_CASE("predict reads a file that is written otherwise than the training data") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, number));
  REQUIRE(run({"tune", config(f, "train: t.csv"), "-q", "-o", f.path("out")}).code == 0);
  const auto predicted = [&](const std::string& file, Words more = {}) {
    Words arguments{"predict", f.path("out"), file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran r = run(arguments);
    CAPTURE(r.err);
    CHECK(r.code == 0);
    return r.out;
  };
  const std::string plain = predicted(f.write("n.csv", "a,b,city\n1.5,2,town1\n3.25,4,town0\n"));
  CHECK(predicted(f.write("n.csv", "a;b;city\n1,5;2;town1\n3,25;4;town0\n"), {"data.decimal=,"}) == plain);
  CHECK(predicted(f.write("n.csv", "a\tb\tcity\n1.5\t2\ttown1\n3.25\t4\ttown0\n"), {"data.delimiter=tab"}) == plain);
  CHECK(predicted(f.write("n.dat", "a\tb\tcity\n1.5\t2\ttown1\n3.25\t4\ttown0\n"), {"data.format=tsv"}) == plain);
  CHECK(predicted(f.write("n.csv", "sep=;\na;b;city\n1.5;2;town1\n3.25;4;town0\n"), {"data.skip_rows=1"}) == plain);
}

TEST_CASE("predict takes no key of the model, and says which it takes") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, number));
  REQUIRE(run({"tune", config(f, "train: t.csv"), "-q", "-o", f.path("out")}).code == 0);
  const std::string n = f.write("n.csv", "# by hand\na,b,city\n1.5,2,town1\n-9,4,town0\n");
  const auto ran = [&](Words more) {
    Words arguments{"predict", f.path("out"), n};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const Ran comment = ran({});
  CHECK(comment.code == 3);
  CHECK(has(comment.err, "data.skip_rows: 1"));
  CHECK(ran({"data.skip_rows=1"}).code == 0);
  const Ran dropped = ran({"data.skip_rows=1", "data.missing_values=[-9]", "data.missing=drop-row"});
  CHECK(dropped.code == 0);
  CHECK(std::count(dropped.out.begin(), dropped.out.end(), '\n') == 2);
  const Ran missing = ran({"data.skip_rows=1", "data.missing_values=[-9]"});
  CHECK(missing.code == 3);
  CHECK(has(missing.err, "data.missing: drop-row"));
  CHECK_FALSE(has(missing.err, "median"));  // nothing was fitted to fill in
  for (const char* key : {"data.missing=mean", "data.categorical=[a]", "data.drop=[a]", "model.kind=ridge", "seed=3",
                          "data.index_base=1", "data.header=absent"}) {
    CAPTURE(key);
    const Ran r = ran({"data.skip_rows=1", key});
    CHECK(r.code == 2);
    CHECK(r.out.empty());
  }
  CHECK(has(ran({"data.drop=[a]"}).err, "data.skip_rows"));
  const Ran other = ran({"data.format=libsvm"});
  CHECK(other.code == 3);
  CHECK(has(other.err, "is LIBSVM text, and the training data were dense"));
}

TEST_CASE("numbers of the rows are told by the names that people give them") {
  const tacit_test::Folder f;
  const auto said = [&](const std::string& name, int first, int step) {
    std::string text = name + ",b,y\n";
    for (int i = 0; i < 20; ++i)
      text += std::to_string(first + step * i) + "," + std::to_string(i * 7 % 11) + ".5," + std::to_string(i * 3 % 17) + ".25\n";
    f.write("t.csv", text);
    return warnings_of(f, config(f, "train: t.csv")).count("W212") == 1;
  };
  CHECK(said("id", 1, 1));
  CHECK(said("nr", 0, 1));
  CHECK_FALSE(said("t", 0, 1));  // a trend
  CHECK(said("ID", 1017, 3));
  CHECK_FALSE(said("age", 1017, 3));
}

TEST_CASE("init: what may be a weight is a comment, and a given split takes the place of a guessed one") {
  const tacit_test::Folder f;
  std::string text = "Weight,a,part,y\n";
  for (int i = 0; i < 20; ++i)
    text += std::to_string(60 + i * 7 % 11) + ".5," + std::to_string(i * 5 % 13) + "," + (i % 3 == 0 ? "validation" : "train") +
            "," + std::to_string(i * 3 % 17) + ".25\n";
  const std::string file = f.write("t.csv", text);
  const Ran guessed = run({"init", "data.train=" + file});
  CHECK(guessed.code == 0);
  CHECK(has(guessed.out, "# weight: Weight"));
  CHECK(has(guessed.out, "split_column: part"));
  const Ran given = run({"init", "data.train=" + file, "validation.fraction=0.3", "data.weight=Weight"});
  CHECK(given.err == "");
  CHECK(given.code == 0);
  CHECK(has(given.out, "  weight: Weight\n"));
  CHECK(has(given.out, "fraction: 0.3"));
  CHECK_FALSE(has(given.out, "split_column"));
  f.write("t.csv", "sample_weight" + text.substr(6));
  CHECK(has(run({"init", "data.train=" + file}).out, "weight: sample_weight"));
}

TEST_CASE("init refuses what check refuses, and what it writes is taken as it is") {
  const tacit_test::Folder f;
  const auto init = [&](const std::string& name, const std::string& text, Words more = {}) {
    Words arguments{"init", "data.train=" + f.write(name, text)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const auto good = [&](const std::string& name, const std::string& text, const std::string& line) {
    CAPTURE(name);
    const Ran starter = init(name, text);
    CAPTURE(starter.err);
    CHECK(starter.code == 0);
    CHECK(has(starter.out, line));
    const Ran checked = run({"check", f.write("starter.yaml", starter.out)});
    CAPTURE(checked.err);
    CHECK(checked.code == 0);
  };
  const auto yes = [](int i) { return std::string(i % 2 == 0 ? "yes" : "no"); };
  good("t.dat", table(24, number), "format: csv");
  good("t.data", "1 1:2 3:1\n-1 2:1\n1 1:3\n-1 2:2\n1 1:1\n-1 2:3\n1 1:4\n-1 2:2\n", "format: libsvm");
  good("counts.csv", table(24, number, "24,3,town\n"), "skip_rows: 1");
  good("title.csv", table(24, number, "Measured in May\n\na,b,city,y\n"), "skip_rows: 1");
  good("note.csv", table(24, number, "# in metres\na,b,city,y\n"), "skip_rows: 1");
  good("bare.csv", table(24, yes, ""), "header: absent");
  CHECK_FALSE(has(init("bare.csv", table(24, yes, "")).out, "one-hot: x3, x4"));  // the target is no feature
  good("years.csv", table(24, yes, "2001,2002,2003,2004\n"), "target: ");
  // refused with the words of check
  const std::string comma = "a;y\n1,5;2\n2,5;4\n0,5;1\n3,5;3\n";
  struct Bad {
    std::string name, text, code;
  };
  std::string many = "name,y\n";
  for (int i = 0; i < 60; ++i) many += "row" + std::to_string(i) + "," + std::to_string(i % 13) + ".5\n";
  for (const Bad& b : {Bad{"comma.csv", comma, "D130"},
                       {"many.csv", many, "D111"},
                       {"ragged.csv", "a,y\n1,2\n2,3\n3,4\n5\n", "D105"},
                       {"one.csv", "y\n1\n2\n3\n", "D120"},
                       {"word.csv", "a,y\n1,2\n2,3\nfew,4\n3,5\n", "D108"}}) {
    CAPTURE(b.name);
    const Ran r = init(b.name, b.text);
    CHECK(r.code == 3);
    CHECK(r.out.empty());
    CHECK(has(r.err, "error[" + b.code + "]"));
    const Ran checked = run({"check", config(f, "train: " + b.name)});
    CHECK(checked.err == r.err);
  }
  CHECK(init("comma.csv", comma, {"data.decimal=,"}).code == 0);
}

TEST_CASE("words of the command line: near flags, blanks around =, help of each verb") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, number));
  const std::string c = config(f, "train: t.csv");
  for (const auto& [flag, near] : std::vector<std::pair<std::string, std::string>>{
           {"--jsno", "--json"}, {"--sead=3", "--seed"}, {"--ouput", "--output"}, {"--verbos", "--verbose"}, {"--help-me", ""}}) {
    const Ran r = run({"check", c, flag});
    CHECK(r.code == 2);
    CHECK(has(r.err, near.empty() ? "key.path=value" : "did you mean '" + near + "'?"));
  }
  for (const Words& words : {Words{"seed", "=", "3"}, {"seed=", "3"}, {"seed", "=3"}}) {
    Words arguments{"check", c};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const Ran r = run(arguments);
    CHECK(r.code == 2);
    CHECK(has(r.err, "write seed=3"));
  }
  CHECK(run({"check", c, "seed=3"}).code == 0);
  for (const char* verb : {"tune", "compare", "curve", "check", "predict", "report", "init", "describe", "schema", "help"}) {
    CAPTURE(verb);
    const Ran by_verb = run({"help", verb}), by_flag = run({verb, "--help"});
    CHECK(by_verb.code == 0);
    CHECK(by_verb.out == by_flag.out);
    CHECK(by_verb.out.rfind("usage: tacit " + std::string(verb), 0) == 0);
    CHECK(has(by_verb.out, "Example: tacit "));
    CHECK(has(by_verb.out, "--json") == (std::string(verb) == "tune" || std::string(verb) == "compare" ||
                                         std::string(verb) == "curve" || std::string(verb) == "check" ||
                                         std::string(verb) == "report"));
  }
  CHECK(run({"help"}).out == run({"--help"}).out);
  const Ran wrong = run({"help", "tuen"});
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err, "did you mean 'tune'?"));
}

TEST_CASE("words of other tools for K-fold validation: no advice that is refused when it is followed") {
  const tacit_test::Folder f;
  f.write("t.csv", table(24, number));
  const std::string c = config(f, "train: t.csv");
  for (const char* key : {"cv=5", "n_splits=5", "folds=5", "validation.cv=5", "validation.n_folds=3"}) {
    CAPTURE(key);
    const Ran r = run({"check", c, key});
    CHECK(r.code == 2);
    CHECK(has(r.err, "did you mean"));
    CHECK(has(r.err, "folds'?"));
  }
  CHECK(run({"check", c, "validation.folds=3"}).code == 0);
  CHECK(run({"check", c, "validation.fraction=0.2"}).code == 0);
}
