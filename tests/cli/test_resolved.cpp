// A resolved run file repeats its run: for every solver, estimator and optimizer that is registered, every word and another
// number of each of their keys, and for the run files of the repository.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/compare_plan.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/problems/data/split.hpp>
#include "paths.hpp"
#include "problems/files.hpp"
#include "run_support.hpp"

using namespace tacit;
using tacit_test::Folder;

namespace {

using Overrides = std::vector<std::string>;

/// What one run leaves: its resolved file and its trace without the times; or why there is none.
struct Run {
  std::string refused, resolved;
  std::vector<std::string> trace;
};

std::string first_issue(const RunFileError& e) { return e.issues().front().code + " " + e.issues().front().what; }

/// The cells of a row and the vectors behind it, all digits, times left out.
std::string row_text(const StepRecord& r) {
  std::string text;
  const std::vector<std::string> cells = trace_row(r);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (trace_columns()[c].find("seconds") == std::string::npos) text += cells[c] + ",";
  }
  for (const Vec* v : {&r.theta, &r.u, &r.hypergradient}) {
    for (const double x : *v) text += number_text(x) + ",";
  }
  return text + r.message;
}

/// The outer run of `tacit tune`, in memory.
Run follow(const RunConfig& config, const Strategies& strategies) {
  Run run;
  try {
    const auto a = assemble(config, strategies);
    const Vec theta0 = starting_point(*a, strategies);
    run.resolved = to_yaml(a->config, strategies.catalog);
    auto oracle = make_oracle(a->problem, a->method.solver, a->method.estimator, oracle_options(a->config));
    auto optimizer = make_optimizer(a->config, strategies);
    const Summary s = solve(driver_options(*a, a->config), a->problem.space, *oracle, *optimizer, theta0,
                            {[&](const StepRecord& r) { run.trace.push_back(row_text(r)); }});
    run.trace.push_back(std::string(to_string(s.reason)) + " " + std::to_string(s.best.step));
  } catch (const UsageError& e) {
    run.refused = e.what();
  } catch (const RunFileError& e) {
    run.refused = first_issue(e);
  }
  return run;
}

/// How many runs there were, and how many of them were repeated.
struct Tally {
  int runs = 0, refused = 0;
};

/// Runs a file with some overrides, then its resolved file, and compares.
void check_repeats(const std::string& file, const Overrides& overrides, const Strategies& strategies, Tally& tally) {
  std::string text = file;
  for (const std::string& o : overrides) text += " " + o;
  CAPTURE(text);
  Run first;
  try {
    first = follow(load_run_file(file, overrides, strategies.catalog), strategies);
  } catch (const RunFileError& e) {
    first.refused = first_issue(e);
  }
  if (!first.refused.empty()) {
    ++tally.refused;
    return;
  }
  ++tally.runs;
  Run again;
  try {
    // Another name, another folder: the resolved file stands alone.
    again = follow(read_run_text("config.resolved.yaml", first.resolved, "/nowhere", {}, strategies.catalog), strategies);
  } catch (const RunFileError& e) {
    again.refused = first_issue(e);
  }
  CHECK(again.refused == "");
  CHECK(again.resolved == first.resolved);
  CHECK(again.trace == first.trace);
}

/// A choice of one block: a name, and perhaps keys.
using Choice = Overrides;

/// Other values of a field than its default: each of its words, and another number.
std::vector<std::string> other_values(const KeyInfo& k) {
  std::vector<std::string> values;
  const std::function<void(const nlohmann::json&)> add = [&](const nlohmann::json& schema) {
    if (schema.contains("anyOf"))
      for (const auto& one : schema["anyOf"]) add(one);
    if (schema.contains("enum"))
      for (const auto& word : schema["enum"]) values.push_back(word.is_string() ? word.get<std::string>() : word.dump());
    if (schema.contains("const")) values.push_back(schema["const"].get<std::string>());
    if (schema.value("type", "") == "boolean") values.insert(values.end(), {"true", "false"});
    if (schema.value("type", "") == "integer") values.push_back("7");
    if (schema.value("type", "") == "number") values.push_back("0.015625");
  };
  add(k.schema);
  std::erase(values, k.value);
  return values;
}

/// The name alone, with one of its keys changed, and with two of them changed.
std::vector<Choice> variants(const std::string& block, const std::string& selector, const std::string& name,
                             const std::vector<KeyInfo>& fields) {
  std::vector<Choice> all{{block + "." + selector + "=" + name}};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    for (const std::string& value : other_values(fields[i])) {
      Choice one{all.front()};
      one.push_back(block + "." + fields[i].name + "=" + value);
      all.push_back(one);
      for (std::size_t j = i + 1; j < fields.size(); ++j) {
        for (const std::string& second : other_values(fields[j])) {
          all.push_back(one);
          all.back().push_back(block + "." + fields[j].name + "=" + second);
        }
      }
    }
  }
  return all;
}

struct Choices {
  std::vector<Choice> names;  ///< auto and every name, without keys
  std::vector<Choice> all;    ///< with keys
};

Choices choices_of(const std::string& block, const std::string& selector, bool has_auto, const StrategyCatalog& catalog) {
  Choices c;
  std::vector<KeyInfo> any;
  for (const std::string& name : catalog.names(block)) {
    const std::vector<KeyInfo> fields = list_fields(*catalog.make(block, name));
    const std::vector<Choice> more = variants(block, selector, name, fields);
    c.names.push_back(more.front());
    c.all.insert(c.all.end(), more.begin(), more.end());
    for (const KeyInfo& k : fields) {
      if (std::none_of(any.begin(), any.end(), [&](const KeyInfo& known) { return known.name == k.name; })) any.push_back(k);
    }
  }
  if (!has_auto) return c;
  // Under auto the keys of any candidate are allowed.
  const std::vector<Choice> more = variants(block, selector, "auto", any);
  c.names.push_back(more.front());
  c.all.insert(c.all.end(), more.begin(), more.end());
  return c;
}

Overrides joined(std::initializer_list<const Choice*> choices) {
  Overrides all;
  for (const Choice* c : choices) all.insert(all.end(), c->begin(), c->end());
  return all;
}

/// Fourteen rows of two features; both columns of targets follow them.
std::string small_table() {
  SplitMix64 random(3);
  const auto uniform = [&] { return static_cast<double>(random.below(2001)) / 1e3 - 1; };
  std::string text = "a,b,y,k\n";
  for (int i = 0; i < 14; ++i) {
    const double a = uniform(), b = uniform(), y = a - 0.5 * b + 0.7 * uniform();
    text += number_text(a) + "," + number_text(b) + "," + number_text(y) + "," + (y + 0.5 * uniform() > 0 ? "p" : "q") + "\n";
  }
  return text;
}

std::string small_run(const Folder& folder, const std::string& kind, const std::string& target) {
  return folder.write(kind + ".yaml", "tacit: 1\ndata: {train: d.csv, target: " + target +
                                          ", features: [a, b]}\nmodel: {kind: " + kind +
                                          "}\nhyper: {l2: {start: 0.1, per: feature}}\ninner: {max_steps: 40}\n"
                                          "outer: {max_steps: 2}\ndiagnostics: {reference: 2}\n");
}

}  // namespace

TEST_CASE("resolved: every solver, estimator and optimizer that go together repeat their run to the bit") {
  const Strategies strategies;
  const Folder folder;
  folder.write("d.csv", small_table());
  const std::string ridge = small_run(folder, "ridge", "y"), logistic = small_run(folder, "logistic", "k");
  const Choices solvers = choices_of("inner", "solver", true, strategies.catalog),
                estimators = choices_of("hypergradient", "estimator", true, strategies.catalog),
                optimizers = choices_of("outer", "optimizer", false, strategies.catalog);
  Tally tally;
  for (const std::string& file : {ridge, logistic}) {
    for (const Choice& s : solvers.names)
      for (const Choice& e : estimators.names)
        for (const Choice& o : optimizers.names) check_repeats(file, joined({&s, &e, &o}), strategies, tally);
  }
  const int plain = tally.runs;
  // The keys of one block beside every name of the block that it must go with.
  const Choice& optimizer = optimizers.names.front();
  for (const Choice& s : solvers.names)
    for (const Choice& e : estimators.all) check_repeats(ridge, joined({&s, &e, &optimizer}), strategies, tally);
  for (const Choice& s : solvers.all)
    for (const Choice& e : estimators.names) check_repeats(ridge, joined({&s, &e, &optimizer}), strategies, tally);
  for (const Choice& e : estimators.names)
    for (const Choice& o : optimizers.all) check_repeats(ridge, joined({&solvers.names.back(), &e, &o}), strategies, tally);
  // x after a number of steps: the numbers that auto takes for the steps are in the resolved file.
  const int solutions = tally.runs;
  const Choice iterate{"inner.response=iterate"}, searched{"inner.response=iterate", "hyper.l2.start=auto"};
  for (const Choice* meant : {&iterate, &searched})
    for (const Choice& s : solvers.names)
      for (const Choice& e : estimators.names) check_repeats(logistic, joined({&s, &e, &optimizer, meant}), strategies, tally);
  for (const Choice& s : solvers.all) check_repeats(ridge, joined({&s, &optimizer, &iterate}), strategies, tally);
  for (const Choice& e : estimators.all) check_repeats(ridge, joined({&e, &optimizer, &iterate}), strategies, tally);
  CHECK(tally.runs > solutions + 50);
  MESSAGE(plain, " runs of names alone, ", tally.runs, " with keys; ", tally.refused, " combinations are refused");
  CHECK(plain > 300);
  CHECK(tally.runs > 2 * plain);
}

namespace {

/// A CSV without the columns that hold times, whose heads say "seconds".
std::string without_times(const std::string& csv) {
  std::istringstream lines(csv);
  std::vector<bool> kept;
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::size_t c = 0;
    const bool head = kept.empty();
    for (std::string cell; std::getline(cells, cell, ','); ++c) {
      if (head) kept.push_back(cell.find("seconds") == std::string::npos);
      if (c >= kept.size() || kept[c]) out += cell + ",";
    }
    out += "\n";
  }
  return out;
}

/// All tables of a run folder, those of its own runs too, by their path in it; not those behind the figures of times.
std::map<std::string, std::string> tables(const std::filesystem::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".csv" && entry.path().stem().string().find("time") == std::string::npos)
      all[entry.path().lexically_relative(folder).string()] = without_times(run_test::read(entry.path()));
  }
  return all;
}

/// A budget that every verb gets through at once.
Overrides short_run(const std::string& verb, const std::filesystem::path& file) {
  if (verb == "curve") return {"curve.steps=60"};
  if (verb == "tune") return {"outer.max_steps=3"};
  const std::string text = run_test::read(file);
  if (text.find("mode: own-run") != std::string::npos) return {"outer.max_steps=4"};
  const bool swept = text.find("sweep:") != std::string::npos;
  return swept ? Overrides{"compare.path=2", "outer.max_steps=2", "compare.sweep={inner.max_steps: [5, 20]}"}
               : Overrides{"compare.path=2", "outer.max_steps=2", "inner.max_steps=200"};
}

}  // namespace

TEST_CASE("resolved: every run file of the repository is repeated by its resolved file, all tables to the last digit") {
  const Folder folder;
  std::map<std::string, int> files;
  for (const auto& entry : std::filesystem::directory_iterator(tacit::test::source_dir() + "/configs")) {
    const std::string name = entry.path().stem().string();
    CAPTURE(name);
    const std::string verb = name.rfind("compare", 0) == 0 ? "compare" : name.rfind("curve", 0) == 0 ? "curve" : "tune";
    ++files[verb];
    Overrides first{verb, entry.path().string(), "-q", "-o", folder.path(name)};
    for (const std::string& o : short_run(verb, entry.path())) first.push_back(o);
    const run_test::Ran ran = run_test::run(first);
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    const run_test::Ran again =
        run_test::run({verb, folder.path(name) + "/config.resolved.yaml", "-q", "-o", folder.path(name + "-again")});
    CAPTURE(again.err);
    REQUIRE(again.code == 0);
    const auto one = tables(folder.path(name)), other = tables(folder.path(name + "-again"));
    CHECK(one.size() == other.size());
    for (const auto& table : one) {  // clang 14 captures no structured binding
      const std::string& file = table.first;
      CAPTURE(file);
      CHECK(other.count(file) == 1);
      if (other.count(file) == 1) CHECK(other.at(file) == table.second);
    }
  }
  CHECK(files["tune"] >= 5);
  CHECK(files["compare"] >= 2);
  CHECK(files["curve"] >= 4);
}
