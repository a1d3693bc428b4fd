// The manual on the terminal.
#pragma once
#include <string>
#include <vector>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// `tacit describe [NAME]`: without a name an overview; a key ("inner.max_steps", or "max_steps"), a block, an error code, a
/// strategy, a model, or one of the lists: keys, codes, models, formats, solvers, estimators, optimizers. Throws UsageError with
/// the near name when there is none.
std::string describe(const std::string& name, const StrategyCatalog& catalog);
/// All names that it takes.
std::vector<std::string> describable(const StrategyCatalog& catalog);

}  // namespace tacit
