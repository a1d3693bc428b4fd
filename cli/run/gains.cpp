#include <tacit/cli/run/gains.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

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

/// What is gained over what, as far as it is known.
std::vector<std::pair<const char*, MeanLoss>> known_gains(const PairedGains& g) {
  std::vector<std::pair<const char*, MeanLoss>> known;
  for (const auto& [over, gain] : {std::pair{"the intercept alone", g.over_intercept},
                                   {"the single penalty", g.over_single},
                                   {"the start", g.over_start},
                                   {"one-se", g.over_one_se},
                                   {"the best row", g.over_best}}) {
    if (known_gain(gain)) known.emplace_back(over, gain);
  }
  return known;
}

/// "12 +- 4 (paired), 3 standard errors, over the intercept alone: more than chance; and ..."
std::string sentence(const char* rows, const PairedGains& g) {
  std::string text;
  for (const auto& [over, gain] : known_gains(g))
    text += (text.empty() ? "" : "; and ") + gain_text(gain) + ", over " + over + ": " + meaning(evidence_of(gain));
  return text.empty() ? text : std::string("On the ") + rows + " rows it gains " + text + ".";
}

json gain_json(const MeanLoss& g) {
  if (!known_gain(g)) return nullptr;
  return {{"mean", number_json(g.mean)},
          {"standard_error", number_json(g.standard_error)},
          {"in_standard_errors", number_json(in_standard_errors(g))}};
}

json paired_json(const PairedGains& g) {
  return {{"over_intercept", gain_json(g.over_intercept)},
          {"over_start", gain_json(g.over_start)},
          {"over_single", gain_json(g.over_single)},
          {"over_one_se", gain_json(g.over_one_se)},
          {"over_best", gain_json(g.over_best)}};
}

const char* held_out_word(const Gains& g) { return g.folded ? "out-of-fold" : "validation"; }

}  // namespace

Evidence evidence_of(const MeanLoss& g) {
  const double units = in_standard_errors(g);
  if (std::isnan(units)) return Evidence::unknown;
  return units >= kClear ? Evidence::clear : units <= -kClear ? Evidence::worse : Evidence::chance;
}

const PairedGains& deciding(const Gains& gains) { return gains.test ? *gains.test : gains.validation; }

Evidence evidence_of(const Gains& gains) {
  const PairedGains& g = deciding(gains);
  Evidence least = evidence_of(g.over_intercept);
  if (!gains.searched && known_gain(g.over_start)) least = std::min(least, evidence_of(g.over_start));
  if (known_gain(g.over_single)) least = std::min(least, evidence_of(g.over_single));
  return least;
}

std::optional<Remark> remark_on_many(const Gains& gains) {
  const MeanLoss& gain = deciding(gains).over_single;
  const Evidence evidence = evidence_of(gain);
  if (!known_gain(gain) || evidence == Evidence::clear) return {};
  const std::string rows = gains.test ? "test" : held_out_word(gains);
  const std::string what =
      "on the " + rows + " rows the many penalties gain " + gain_text(gain) + ", over the single one: " + meaning(evidence) + ".";
  return Remark{what,
                evidence == Evidence::worse
                    ? "Use one penalty (per: all): it is better and simpler."
                    : "One penalty (per: all), or one for each group, is as good as far as these rows can tell, and simpler."};
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
  for (const auto& [over, gain] : known_gains(g)) text += (text.empty() ? "" : "; ") + gain_text(gain) + ", over " + over;
  return text.empty() || !optimistic ? text : text + "; optimistic: these rows chose the penalty";
}

std::string gains_in_words(const Gains& g) {
  std::string text = sentence(held_out_word(g), g.validation);
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
