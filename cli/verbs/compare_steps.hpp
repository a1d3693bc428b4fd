// What warm starts did in a comparison, from step to step: the two parts of every error beside the implicit truncation.
#pragma once
#include <string>
#include <vector>

#include <tacit/cli/verbs/compare_report.hpp>

namespace tacit {

/// Whether anything was audited (diagnostics.audit): without it there is nothing here.
bool audited(const CompareResults& r);
/// Every audited step: label, estimator, point, repeat, [mode,] swept keys; inner_steps, window, relative_error, forgetting,
/// curse, head_start_nats, contraction, k_eff, k_eff_lo, k_eff_hi, k_match.
std::string steps_csv(const CompareResults& r);
/// Medians of these over the points after the first, where nothing is warm yet.
std::string steps_table(const CompareResults& r);
/// What the medians say of entries that differ in a warm start alone, or where a cold run differentiates as many steps as a warm
/// one does, later: a line each, and then one for each kind.
std::vector<std::string> findings(const CompareResults& r);

}  // namespace tacit
