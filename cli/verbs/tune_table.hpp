// What `tacit tune` tells a reader: the plan before the first step, and the closing table.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <tacit/cli/verbs/tune_results.hpp>

namespace tacit {

void print_plan(const Assembly& a, VerbSession& session);
/// Names and what they have; `report`: its last row.
std::vector<std::pair<std::string, std::string>> closing_table(const TuneResults& r, const Assembly& a,
                                                               const VerbSession& session,
                                                               std::pair<std::string, std::string> report);

}  // namespace tacit
