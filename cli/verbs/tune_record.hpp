// What a run of `tacit tune` leaves in files and on standard output for programs (docs/run-json.md).
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/tune_results.hpp>

namespace tacit {

/// The files of the results: hyper.csv, model.json and its like for other tools; predictions.csv where it is asked for, path.csv
/// where there is a path.
void write_results(const TuneResults& r, const Assembly& a, VerbSession& session);
/// What --json prints.
nlohmann::json result_json(const TuneResults& r, const Assembly& a, const VerbSession& session);
/// run.json.
nlohmann::json run_json(const TuneResults& r, const Assembly& a, const VerbSession& session);
/// The final penalty in the units of other tools, a line each.
std::vector<std::string> elsewhere_lines(const TuneResults& r, const Assembly& a);

}  // namespace tacit
