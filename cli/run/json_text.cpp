#include <tacit/cli/run/json_text.hpp>

#include <cmath>

#include <nlohmann/json.hpp>

namespace tacit {

using nlohmann::json;

std::string json_text(const json& j) { return j.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

json number_json(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

}  // namespace tacit
