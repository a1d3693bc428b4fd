// All keys of a run file as a flat list: for the writer, the schema, the manual and did-you-mean.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// One key, or one block of keys.
struct KeyInfo {
  std::string path;      ///< "inner.max_steps"
  std::string name;      ///< "max_steps"
  std::string strategy;  ///< whose key it is ("newton-cg"); empty: the block's own
  std::string doc;
  std::string grammar;  ///< "number > 0 | auto"; empty for a block
  std::string value;    ///< its value as YAML; of a fresh configuration the default
  bool block = false;
  nlohmann::json schema;
};

/// Whose keys: the chosen strategies', or those of all.
enum class Listed { chosen, all };

/// The keys of the configuration in the order of the run file, with the keys of the chosen strategies (under `auto`: those that
/// were given) or of all of them.
std::vector<KeyInfo> list_keys(const RunConfig& config, const StrategyCatalog& catalog, Listed which);
/// The fields of one strategy.
std::vector<KeyInfo> list_fields(Configurable& strategy);

}  // namespace tacit
