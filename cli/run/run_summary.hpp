// What run.json keeps of one outer run, of tune or of an own run of compare.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <tacit/bilevel/driver.hpp>
#include <tacit/cli/run/run_output.hpp>
#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// status, message, stop_reason, best {step, outer_loss, hyperparameters} or null, outer_steps, schedule, tolerances, work,
/// diagnostic_work, worst_hypergradient_error, start_loss, gradient_target.
nlohmann::json summary_json(const Summary& s, const HyperSpace& space, const StartValues& start);
/// warn_error, fail_error: what the report measures the errors by.
nlohmann::json thresholds_json(const DiagnosticsBlock& d);

}  // namespace tacit
