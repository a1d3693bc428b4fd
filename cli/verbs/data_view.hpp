// What `tacit check` shows of the data: how they were read, and what became of them.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/assembly.hpp>

namespace tacit {

/// Rows of the plan: file, header, target, columns, one-hot, missing cells, standardization, storage, hyperparameters.
std::vector<std::pair<std::string, std::string>> data_rows(const Assembly& a);
/// The same in full: {"files", "header", "names", "target", "columns", "missing_cells", "standardized", "sparse", "density",
/// "index_base", ...}; columns of LIBSVM data are counted only.
nlohmann::json data_json(const Assembly& a);
/// {"name", "least", "most"}, or {"name", "classes": [{"label", "rows"}], "positive"}.
nlohmann::json target_json(const Prepared& p);
/// Start and range of each block: {"l2": {"count", "start", "range"}}; start "auto" is searched when the run begins.
nlohmann::json hyper_plan_json(const Assembly& a);

}  // namespace tacit
