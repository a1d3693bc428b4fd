// tacit pack: a table as numbers in a checked file.
#pragma once
#include <string>
#include <vector>

namespace tacit {

/// The keys of the run file that it takes, with their block.
const std::vector<std::string>& pack_keys();

}  // namespace tacit
