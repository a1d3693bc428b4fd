// Which estimator a comparison speaks for.
#include <algorithm>
#include <cmath>
#include <map>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

/// An estimator in one combination of a sweep.
struct Candidate {
  std::string label;
  double error = 0;    ///< upper quartile: no larger at three quarters of the points
  double seconds = 0;  ///< median; what a factorization costs is in no count of products
};

/// By combination, in the order of the table. With both modes those of the shared path, where the inner solutions are the same.
std::vector<std::vector<Candidate>> candidates(const RunRecord& r) {
  const std::string what = (r.folder / "run.json").string() + ", table";
  std::map<std::string, std::size_t> place;
  std::vector<std::vector<Candidate>> all;
  for (const json& row : value_at(r, "table")) {
    if (text_at(r, "mode") == "both" && text_of(row.at("mode"), what) == "own-run") continue;
    const auto at = place.emplace(row.at("sweep").dump(), all.size());
    if (at.second) all.emplace_back();
    all[at.first->second].push_back({text_of(row.at("label"), what),
                                     number_of(row.at("relative_error").at("upper_quartile"), what),
                                     number_of(row.at("seconds"), what)});
  }
  return all;
}

/// Those whose error is small enough, the fastest first.
std::vector<Candidate> good_enough(const std::vector<Candidate>& all, double accuracy) {
  std::vector<Candidate> good;
  for (const Candidate& c : all) {
    if (c.error <= accuracy && !std::isnan(c.seconds)) good.push_back(c);
  }
  std::stable_sort(good.begin(), good.end(), [](const Candidate& a, const Candidate& b) { return a.seconds < b.seconds; });
  return good;
}

/// Who takes about as long as the fastest: times of another day may be the other way round.
std::string as_fast(const std::vector<Candidate>& good) {
  constexpr double kAlike = 1.5;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < good.size() && good[i].seconds <= kAlike * good[0].seconds; ++i)
    names.push_back("'" + good[i].label + "'");
  return names.empty() ? "" : " About as fast: " + join(names) + ".";
}

std::string of_one(const std::vector<Candidate>& all, double accuracy) {
  const std::string asked = "hypergradient.accuracy, " + exact_number(accuracy);
  const std::vector<Candidate> good = good_enough(all, accuracy);
  if (!good.empty())
    return "Use '" + good[0].label + "': at three quarters of the points its error is " +
           short_numbers({good[0].error, accuracy})[0] + " or less, which is within " + asked + ", and of the " +
           std::to_string(good.size()) + " of " + std::to_string(all.size()) + " that are it is the fastest here, " +
           short_number(good[0].seconds) + " s each." + as_fast(good);
  const Candidate* nearest = nullptr;
  for (const Candidate& c : all) {
    if (!std::isnan(c.error) && (!nearest || c.error < nearest->error)) nearest = &c;
  }
  if (!nearest) return "Which to use cannot be told: no error is known.";
  return "None of them keeps the error within " + asked + ", at three quarters of the points; the nearest is '" + nearest->label +
         "' with " + short_numbers({nearest->error, accuracy})[0] +
         ". Solve the inner problem more tightly (inner.max_steps, inner.tolerance), or ask for less.";
}

std::string of_several(const std::vector<std::vector<Candidate>>& all, double accuracy) {
  std::vector<std::string> order;
  std::map<std::string, int> wins;
  int none = 0;
  for (const std::vector<Candidate>& one : all) {
    const std::vector<Candidate> good = good_enough(one, accuracy);
    none += good.empty() ? 1 : 0;
    if (!good.empty() && wins[good[0].label]++ == 0) order.push_back(good[0].label);
  }
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) { return wins[a] > wins[b]; });
  std::vector<std::string> counts;
  for (const std::string& label : order) counts.push_back("'" + label + "' in " + std::to_string(wins[label]));
  if (none > 0) counts.push_back((order.empty() ? "none in " : "and none in ") + std::to_string(none));
  return "Of " + std::to_string(all.size()) +
         " combinations, the fastest estimator whose error is within hypergradient.accuracy, " + exact_number(accuracy) +
         ", at three quarters of the points, is " + join(counts) + ".";
}

}  // namespace

std::string estimator_to_use(const RunRecord& r) {
  constexpr double kUsualAccuracy = 1e-2;  // of the key's default, where an older run does not say what was asked
  const json& confirmed = value_at(r, "reference.confirmed");
  const std::vector<std::vector<Candidate>> all = candidates(r);
  if (all.empty()) return "";
  if (!confirmed.is_boolean() || !confirmed.get<bool>())
    return "Which estimator to use cannot be told, since the reference that the errors are measured against is not confirmed.";
  const double asked = number_at(r, "accuracy"), accuracy = std::isnan(asked) ? kUsualAccuracy : asked;
  return all.size() == 1 ? of_one(all.front(), accuracy) : of_several(all, accuracy);
}

}  // namespace tacit
