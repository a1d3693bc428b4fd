#include <doctest/doctest.h>

#include <charconv>
#include <clocale>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include <tacit/bilevel/trace.hpp>

using namespace tacit;

namespace {

StepRecord sample() {
  StepRecord r;
  r.step = 4;
  r.seconds = 0.1 + 0.2;
  r.theta = (Vec(3) << -1.5, 1.0 / 3, 2).finished();
  r.u = r.theta.array().exp();
  r.hypergradient = (Vec(3) << 1e-300, -2, 0.1).finished();
  r.outer_loss = 1.0 / 3;
  r.diagnostics.inner_steps = 17;
  r.diagnostics.rate_reliable = false;
  r.diagnostics.truncation_map = "own";
  r.diagnostics.k_eff_hi = std::numeric_limits<double>::infinity();
  r.work.gradients = 123456789012;
  return r;
}

HyperSpace space() {
  HyperBlock one, many;
  one.name = "gamma";
  one.lower = 1e-3;
  one.upper = 10;
  many = one;
  many.name = "l2\"x";
  many.size = 2;
  many.labels = {"a", "b"};
  return HyperSpace({one, many});
}

// A numeric locale with a decimal comma, when the machine has one.
struct Comma {
  std::string old = std::setlocale(LC_ALL, nullptr);
  bool found = false;
  Comma() {
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR.utf8", "fr_FR"})
      found = found || std::setlocale(LC_ALL, name);
  }
  ~Comma() { std::setlocale(LC_ALL, old.c_str()); }
};

}  // namespace

TEST_CASE("the columns of the trace are those of the run folder's contract, in that order") {
  const std::vector<std::string> expected{"step",
                                          "seconds",
                                          "outer_loss",
                                          "outer_loss_error",
                                          "outer_pull",
                                          "judged",
                                          "inner_loss",
                                          "hypergradient_norm",
                                          "step_norm",
                                          "inner_steps",
                                          "inner_residual",
                                          "cold_residual",
                                          "warm_residual",
                                          "contraction",
                                          "implicit_truncation",
                                          "head_start_nats",
                                          "k_eff_lo",
                                          "k_eff_hi",
                                          "k_match",
                                          "rate_reliable",
                                          "truncation_map",
                                          "iterate_error",
                                          "window",
                                          "tape_bytes",
                                          "linear_steps",
                                          "linear_residual",
                                          "hypergradient_error",
                                          "hypergradient_error_bound",
                                          "hypergradient_error_reference",
                                          "support_changes",
                                          "gradients",
                                          "hessian_products",
                                          "cross_products",
                                          "map_steps",
                                          "data_passes",
                                          "inner_seconds",
                                          "hypergradient_seconds",
                                          "outer_seconds"};
  CHECK(trace_columns() == expected);
  CHECK(trace_row(sample()).size() == expected.size());
}

TEST_CASE("cells: nothing where nothing was measured, all digits, a decimal point under any locale") {
  const Comma locale;
  MESSAGE(std::string(locale.found ? "a locale with a decimal comma is set" : "no locale with a decimal comma is installed"));
  const std::vector<std::string> row = trace_row(sample());
  const auto at = [&](const std::string& name) {
    const auto& names = trace_columns();
    return row[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  CHECK(at("step") == "4");
  CHECK(at("seconds") == "0.30000000000000004");
  CHECK(at("outer_loss") == "0.3333333333333333");
  CHECK(at("inner_loss").empty());
  CHECK(at("k_match").empty());
  CHECK(at("support_changes").empty());
  CHECK(at("rate_reliable") == "false");
  CHECK(at("k_eff_hi") == "inf");
  CHECK(at("gradients") == "123456789012");
  for (const std::string& cell : row) CHECK(cell.find(',') == std::string::npos);
}

TEST_CASE("a line of trace.jsonl is JSON with the same numbers and the vectors by block") {
  const StepRecord r = sample();
  const std::string line = trace_json(r, space());
  CHECK(line.find('\n') == std::string::npos);
  const auto j = nlohmann::json::parse(line);
  CHECK(j["outer_loss"].get<double>() == r.outer_loss);
  CHECK(j["rate_reliable"].get<bool>() == false);
  CHECK(j["truncation_map"] == "own");
  CHECK(j["k_eff_hi"].is_null());
  CHECK(!j.contains("inner_loss"));
  CHECK(j["theta"]["gamma"].get<double>() == -1.5);
  CHECK(j["theta"]["l2\"x"].get<std::vector<double>>() == std::vector<double>{1.0 / 3, 2});
  CHECK(j["u"]["gamma"].get<double>() == r.u[0]);
  CHECK(j["hypergradient"]["gamma"].get<double>() == 1e-300);
}

TEST_CASE("numbers read back as the same double") {
  for (const double x : {0.1, -1e-308, 5e-324, 1.7976931348623157e308, 123456789.0, 0.0}) {
    const std::string text = number_text(x);
    double back = -1;
    std::from_chars(text.data(), text.data() + text.size(), back);
    CHECK(back == x);
  }
  CHECK(number_text(std::numeric_limits<double>::infinity()) == "inf");
}
