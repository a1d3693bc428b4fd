#include <tacit/cli/run/gains.hpp>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/json_text.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr double kClear = 2;  ///< standard errors, one in twenty by chance

bool known_gain(const MeanLoss& g) { return std::isfinite(g.mean); }

/// Gain over standard error; no gain and no error is 0, NaN where it is not known.
double in_standard_errors(const MeanLoss& g) { return g.mean == 0 && g.standard_error == 0 ? 0 : g.mean / g.standard_error; }

std::string brief_count(double units) { return short_number(std::round(10 * units) / 10); }

/// What a number of standard errors means.
const char* meaning(Evidence e) {
  switch (e) {
    case Evidence::clear:
      return "more than chance";
    case Evidence::worse:
      return "so it is worse";
    case Evidence::chance:
      return "no more than chance can do";
    case Evidence::unknown:
      break;
  }
  return "how sure that is is not known";
}

/// "12 +- 4 (paired), 3 standard errors, over the intercept alone: more than chance"
std::string clause(const char* what, const MeanLoss& g) {
  return gain_text(g) + ", over " + what + ": " + meaning(evidence_of(g));
}

std::string sentence(const char* rows, const PairedGains& g) {
  std::string text;
  if (known_gain(g.over_intercept)) text = clause("the intercept alone", g.over_intercept);
  if (known_gain(g.over_start)) text += (text.empty() ? "" : "; and ") + clause("the start", g.over_start);
  return text.empty() ? text : std::string("On the ") + rows + " rows it gains " + text + ".";
}

json gain_json(const MeanLoss& g) {
  if (!known_gain(g)) return nullptr;
  return {{"mean", number_json(g.mean)},
          {"standard_error", number_json(g.standard_error)},
          {"in_standard_errors", number_json(in_standard_errors(g))}};
}

json paired_json(const PairedGains& g) {
  return {{"over_intercept", gain_json(g.over_intercept)}, {"over_start", gain_json(g.over_start)}};
}

}  // namespace

Evidence evidence_of(const MeanLoss& g) {
  const double units = in_standard_errors(g);
  if (std::isnan(units)) return Evidence::unknown;
  return units >= kClear ? Evidence::clear : units <= -kClear ? Evidence::worse : Evidence::chance;
}

const PairedGains& deciding(const Gains& gains) { return gains.test ? *gains.test : gains.validation; }

Evidence evidence_of(const Gains& gains) {
  const PairedGains& g = deciding(gains);
  const Evidence intercept = evidence_of(g.over_intercept);
  return gains.searched || !known_gain(g.over_start) ? intercept : std::min(intercept, evidence_of(g.over_start));
}

std::string gain_text(const MeanLoss& g) {
  if (!known_gain(g)) return {};
  const double units = in_standard_errors(g);
  return short_number(g.mean) +
         (std::isfinite(g.standard_error) ? " +- " + short_number(g.standard_error) + " (paired)" : std::string()) +
         (std::isfinite(units) ? ", " + brief_count(units) + " standard errors" : std::string());
}

std::string gains_text(const PairedGains& g, bool optimistic) {
  std::string text;
  if (known_gain(g.over_intercept)) text = gain_text(g.over_intercept) + ", over the intercept alone";
  if (known_gain(g.over_start)) text += (text.empty() ? "" : "; ") + gain_text(g.over_start) + ", over the start";
  return text.empty() || !optimistic ? text : text + "; optimistic: these rows chose the penalty";
}

std::string gains_in_words(const Gains& g) {
  std::string text = sentence("validation", g.validation);
  if (!text.empty() && g.chosen) text += " That is optimistic, since these rows chose the penalty.";
  if (!text.empty() && g.searched && known_gain(g.validation.over_start))
    text += " They chose the start too, so the gain over it is that of the outer steps alone.";
  if (g.test) text += (text.empty() ? "" : " ") + sentence("test", *g.test);
  return text;
}

json gains_json(const Gains& g) {
  json j = paired_json(g.validation);
  j["test"] = g.test ? paired_json(*g.test) : json(nullptr);
  j["optimistic"] = g.chosen;
  j["start_searched"] = g.searched;
  return j;
}

}  // namespace tacit
