// JSON as this program writes it.
#pragma once
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace tacit {

/// A JSON object as the text of a file or of standard output; bytes that are no UTF-8 (of a file name) become U+FFFD.
std::string json_text(const nlohmann::json& j);
/// A finite number, else null.
nlohmann::json number_json(double v);

}  // namespace tacit
