// The page of `tacit curve`: what the theory predicts and what was measured.
#include <cmath>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

/// curve.json with its numbers by path; NaN where one is null.
class Constants {
public:
  explicit Constants(const RunRecord& r) : r_(r) {}
  const json& at(const std::string& path) const {
    const auto pointer = json::json_pointer("/" + path);
    static const json null;
    return r_.constants.is_object() && r_.constants.contains(pointer) ? r_.constants.at(pointer) : null;
  }
  double number(const std::string& path) const { return number_of(at(path), (r_.folder / "curve.json").string() + ", " + path); }
  std::string text(const std::string& path) const { return text_of(at(path), (r_.folder / "curve.json").string() + ", " + path); }

private:
  const RunRecord& r_;
};

std::string measured_in_words(const Constants& c) {
  const double peak = c.number("measured_peak/0/error"), at = c.number("measured_peak/0/k"), M = c.number("M");
  if (std::isnan(peak) || !(M > 0)) return "";
  if (at == 0)
    return "Measured, the derivative of the full recursion never rises above its start: the curse of unrolling is not there.";
  return "Measured, the derivative of the full recursion is at its worst at step " + known(at) + ", " +
         short_number(std::round(10 * peak / M) / 10) + " times as far off as no derivative at all.";
}

std::string predicted_in_words(const Constants& c) {
  const std::string why = c.text("why_no_bounds");
  const json& present = c.at("curse_present");
  if (!present.is_boolean()) return why.empty() ? "" : "There are no bounds: " + why;
  std::string text = present.get<bool>()
                         ? "The bound of the theory peaks at step " + short_number(std::round(c.number("peak"))) +
                               " and is back where it began at step " + short_number(std::round(c.number("burn_in"))) + "; "
                         : "The bound of the theory falls from the first step on; ";
  return text + "the best step from which to differentiate is " + known(c.number("best_start")) + ".";
}

/// The late start beside the full unroll that costs the same.
std::string equal_cost_in_words(const Constants& c) {
  const double full = c.number("equal_cost/full_unroll/error"), best = c.number("equal_cost/best_measured/error");
  if (std::isnan(full) || std::isnan(best)) return "";
  const std::vector<std::string> errors = short_numbers({full, best});
  const std::string cost = short_number(c.number("equal_cost/cost_of_differentiating"));
  const std::string head = "Differentiating a step costs " + cost + (cost == "1" ? " plain step" : " plain steps") +
                           " more. At the cost of the full unroll, whose derivative ends with an error of " + errors[0] + ", ";
  if (!(c.number("equal_cost/best_measured/dropped_steps") > 0)) return head + "no late start that was tried does better.";
  return head + known(c.number("equal_cost/best_measured/plain_steps")) + " plain steps and then " +
         known(c.number("equal_cost/best_measured/differentiated_steps")) + " differentiated ones end with " + errors[1] + ".";
}

std::vector<std::vector<std::string>> constant_rows(const Constants& c) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* name, const char* path, const char* meaning) {
    const double v = c.number(path);
    rows.push_back({name, std::isnan(v) ? "not known" : brief_number(v), meaning});
  };
  add("rho", "rho", "factor by which a step of the map shrinks distances");
  add("rho at the solution", "rho_local", "spectral radius of the map's derivative there");
  add("C", "C", "how fast the derivative of the map changes with the iterate");
  add("M", "M", "norm of the exact derivative: the error of no derivative at all");
  add("e_0", "e_0", "distance of the first iterate from the solution");
  add("L", "L", "largest curvature of the training objective");
  add("mu", "mu", "smallest curvature");
  add("step", "step_size", "step size of the map");
  add("momentum", "momentum", "its momentum, 0 without");
  add("peak", "peak", "step at which the bound is largest");
  add("peak / M", "peak_over_M", "its height");
  add("burn-in", "burn_in", "step at which the bound is back at M");
  add("best start", "best_start", "step from which to differentiate");
  add("c", "equal_cost/cost_of_differentiating", "what differentiating a step costs more, in plain steps");
  add("of the plain steps, differentiate the last", "budget/late_start/differentiated_steps",
      "best split of the budget with a late start");
  add("or solve for", "budget/solve_then_frozen/plain_steps", "plain steps, then take the terms below at the last iterate");
  add("and take terms", "budget/solve_then_frozen/differentiated_steps", "of the series at the last iterate");
  add("full unroll", "equal_cost/full_unroll/error", "error of its derivative after the last step");
  add("late start at equal cost", "equal_cost/planned/error",
      "the same, of the split of theorem 6 for the cost of the full unroll");
  add("its plain steps", "equal_cost/planned/plain_steps", "floor((1 + c) t) for t differentiated steps that are dropped");
  add("its differentiated steps", "equal_cost/planned/differentiated_steps", "after them");
  add("gradient norm", "solution_gradient_norm", "at the reference solution: its rounding");
  return rows;
}

}  // namespace

void write_curve(HtmlWriter& w, const RunRecord& r) {
  const Constants c(r);
  const std::string stopped = interruption(r), measured = measured_in_words(c);
  const bool cursed = c.number("measured_peak/0/k") > 0;
  write_verdict(w,
                !stopped.empty() ? Mood::bad
                : cursed         ? Mood::attention
                                 : Mood::good,
                !stopped.empty() ? "Not finished"
                : cursed         ? "The curse is there"
                                 : "Done",
                {stopped, measured, predicted_in_words(c), equal_cost_in_words(c)});
  write_warnings(w, r);
  {
    const auto section = w.open("section");
    w.leaf("h2", "Constants and predictions");
    write_table(w, "What the bounds are made of (curve.json)", {"name", "value", "meaning"}, constant_rows(c));
  }
  const auto section = w.open("section");
  w.leaf("h2", "Key facts");
  std::vector<Fact> facts{{"status", text_at(r, "status")},
                          {"steps", known(c.number("steps"))},
                          {"variable", c.text("variable") == "log" ? "ln u" : "u"}};
  const double seconds = number_at(r, "seconds");
  for (const Fact& f : setting_facts(r)) facts.push_back(f);
  facts.push_back({"time", std::isnan(seconds) ? "" : short_number(seconds) + " s"});
  facts.push_back({"started", text_at(r, "started")});
  facts.push_back({"versions", "tacit " + text_at(r, "versions.tacit") + ", Eigen " + text_at(r, "versions.eigen")});
  write_facts(w, "What was run, on what (run.json)", facts);
}

}  // namespace tacit
