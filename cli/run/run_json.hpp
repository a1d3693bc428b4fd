// What run.json keeps of one outer run, of tune or of an own run of compare.
#pragma once
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <tacit/bilevel/driver.hpp>
#include <tacit/cli/run/hyper_table.hpp>

namespace tacit {

/// What the files of a run folder look like; another number is another version, whose reports it writes itself.
inline constexpr int kRunFormat = 1;
nlohmann::json work_json(const Work& w);
/// Status of a finished run: the word in --json and the exit code.
struct Ending {
  const char* status;
  int code;
};
Ending ending_of(StopReason r, bool doubtful = false);

/// u by block name: a number, or a list where a block has several.
nlohmann::json hyper_json(const HyperSpace& space, In u);

/// status, message, doubt (a sentence or null), stop_reason, best {step, outer_loss, outer_loss_error, hypergradient_error,
/// hyperparameters} or null, outer_steps, schedule, tolerances, work,
/// diagnostic_work, worst_hypergradient_error, unknown_errors, start_loss, gradient_target.
nlohmann::json summary_json(const Summary& s, const HyperSpace& space, const StartValues& start);
/// What the report measures the errors by.
nlohmann::json thresholds_json(const std::optional<double>& warn_error, const std::optional<double>& fail_error);
/// run.json while the run is at work; one that stays like this is of a run that was killed.
std::string begun_text(nlohmann::json facts);
/// run.json of a run whose folder can no longer be written, as short as can be.
std::string failed_text(nlohmann::json facts, const std::string& message);

}  // namespace tacit
