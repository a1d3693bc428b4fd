// Inside the reader of run files: what reading a block and checking the whole share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// Reports a value that is reserved for a later version; false when it is not.
bool refuse_later(const std::string& key, const Node& value, std::vector<Issue>& issues);
/// Reports a key that no block at this place has. here: the names that it has; prefix: "inner." or "".
void refuse_unknown(const Node& key, const std::string& prefix, const std::vector<std::string>& here,
                    const StrategyCatalog& catalog, std::vector<Issue>& issues);
/// An entry of compare.estimators: the keys of an estimator, and what it overrides of the block inner.
void check_compare_entry(const Node& entry, const StrategyCatalog& catalog, std::vector<Issue>& issues);
/// Can the key at this path take the value?
void check_value(const std::string& path, const Node& value, const StrategyCatalog& catalog, std::vector<Issue>& issues);
/// The tree with what inner.response: iterate implies where the keys are not given: warm_start false, tolerance 0, schedule
/// fixed, and in the place of auto gradient-descent, and full-unroll with stride auto.
Node with_implied(const Node& root, const StrategyCatalog& catalog);
/// Reports the keys given that inner.response: iterate excludes.
void check_iterate(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues);
/// What only the whole can tell: missing keys, keys without effect, keys that exclude each other.
void check_whole(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues);

}  // namespace tacit
