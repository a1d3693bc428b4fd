#include <tacit/cli/run/json_text.hpp>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace tacit {

using nlohmann::json;

namespace {

std::string on_one_line(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

/// Numbers alone: a list of them is read along a line, not down a column.
bool numbers_alone(const json& list) {
  return list.is_array() && std::all_of(list.begin(), list.end(), [](const json& v) { return v.is_number() || v.is_null(); });
}

void write(std::string& out, const json& j, const std::string& indent) {
  if (!j.is_structured() || j.empty() || numbers_alone(j)) {
    out += on_one_line(j);
    return;
  }
  const std::string inside = indent + "  ";
  const bool object = j.is_object();
  const char* before = object ? "{\n" : "[\n";
  for (const auto& [key, value] : j.items()) {
    out += before + inside + (object ? on_one_line(key) + ": " : std::string());
    write(out, value, inside);
    before = ",\n";
  }
  out += "\n" + indent + (object ? "}" : "]");
}

}  // namespace

std::string json_text(const json& j) {
  std::string out;
  write(out, j, "");
  return out + "\n";
}

json number_json(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

}  // namespace tacit
