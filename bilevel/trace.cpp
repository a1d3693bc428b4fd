#include <cmath>
#include <cstdint>
#include <utility>

#include <tacit/bilevel/trace.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

struct Column {
  const char* name;
  std::string (*cell)(const StepRecord&);  // the JSON and CSV text of the value; "" when it was not measured
};

std::string cell(double value) { return std::isnan(value) ? std::string() : number_text(value); }

using R = const StepRecord&;

const Column kColumns[] = {
    {"step", [](R r) { return std::to_string(r.step); }},
    {"seconds", [](R r) { return cell(r.seconds); }},
    {"outer_loss", [](R r) { return cell(r.outer_loss); }},
    {"outer_loss_error", [](R r) { return cell(r.diagnostics.outer_loss_error); }},
    {"outer_pull", [](R r) { return cell(r.outer_pull); }},
    {"judged", [](R r) { return cell(r.judged); }},
    {"inner_loss", [](R r) { return cell(r.diagnostics.inner_loss); }},
    {"hypergradient_norm", [](R r) { return cell(r.hypergradient_norm); }},
    {"step_norm", [](R r) { return cell(r.step_norm); }},
    {"inner_steps", [](R r) { return std::to_string(r.diagnostics.inner_steps); }},
    {"inner_residual", [](R r) { return cell(r.diagnostics.inner_residual); }},
    {"cold_residual", [](R r) { return cell(r.diagnostics.cold_residual); }},
    {"warm_residual", [](R r) { return cell(r.diagnostics.warm_residual); }},
    {"contraction", [](R r) { return cell(r.diagnostics.contraction); }},
    {"implicit_truncation", [](R r) { return cell(r.diagnostics.implicit_truncation); }},
    {"head_start_nats", [](R r) { return cell(r.diagnostics.head_start_nats); }},
    {"k_eff_lo", [](R r) { return cell(r.diagnostics.k_eff_lo); }},
    {"k_eff_hi", [](R r) { return cell(r.diagnostics.k_eff_hi); }},
    {"k_match", [](R r) { return cell(r.diagnostics.k_match); }},
    {"rate_reliable",
     [](R r) {
       return r.diagnostics.rate_reliable ? std::string(*r.diagnostics.rate_reliable ? "true" : "false") : std::string();
     }},
    {"truncation_map", [](R r) { return r.diagnostics.truncation_map; }},
    {"iterate_error", [](R r) { return cell(r.diagnostics.iterate_error); }},
    {"window", [](R r) { return cell(r.diagnostics.window); }},
    {"tape_bytes", [](R r) { return cell(r.diagnostics.tape_bytes); }},
    {"linear_steps", [](R r) { return cell(r.diagnostics.linear_steps); }},
    {"linear_residual", [](R r) { return cell(r.diagnostics.linear_residual); }},
    {"hypergradient_error", [](R r) { return cell(r.diagnostics.hypergradient_error); }},
    {"hypergradient_error_bound", [](R r) { return cell(r.diagnostics.hypergradient_error_bound); }},
    {"hypergradient_error_reference", [](R r) { return cell(r.diagnostics.hypergradient_error_reference); }},
    {"support_changes", [](R r) { return cell(r.diagnostics.support_changes); }},
    {"gradients", [](R r) { return std::to_string(r.work.gradients); }},
    {"hessian_products", [](R r) { return std::to_string(r.work.hessian_products); }},
    {"cross_products", [](R r) { return std::to_string(r.work.cross_products); }},
    {"map_steps", [](R r) { return std::to_string(r.work.map_steps); }},
    {"data_passes", [](R r) { return r.work.passes_known ? std::to_string(r.work.data_passes) : std::string(); }},
    {"inner_seconds", [](R r) { return cell(r.inner_seconds); }},
    {"hypergradient_seconds", [](R r) { return cell(r.hypergradient_seconds); }},
    {"outer_seconds", [](R r) { return cell(r.outer_seconds); }},
};

std::string quoted(const std::string& text) {
  static const char* hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// JSON knows no infinity: an end without bound is null.
std::string json_number(double value) { return std::isfinite(value) ? number_text(value) : "null"; }

// {"block": number or [numbers], ...} of a vector in theta.
std::string blocks_json(const Vec& values, const HyperSpace& space) {
  std::string out = "{";
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    if (at + block.size > values.size()) break;
    if (at > 0) out += ", ";
    out += quoted(block.name) + ": ";
    if (block.size == 1 && block.labels.empty()) {
      out += json_number(values[at]);
    } else {
      out += '[';
      for (Index i = 0; i < block.size; ++i) out += (i ? ", " : "") + json_number(values[at + i]);
      out += ']';
    }
    at += block.size;
  }
  return out + "}";
}

std::string part_json(const StepPart& part) {
  const Diagnostics& d = part.diagnostics;
  const std::pair<const char*, double> fields[] = {{"outer_loss", part.outer_loss},
                                                   {"hypergradient_norm", part.hypergradient_norm},
                                                   {"inner_steps", static_cast<double>(d.inner_steps)},
                                                   {"inner_residual", d.inner_residual},
                                                   {"implicit_truncation", d.implicit_truncation},
                                                   {"head_start_nats", d.head_start_nats},
                                                   {"hypergradient_error", d.hypergradient_error}};
  std::string out = "{";
  for (const auto& [name, value] : fields) {
    if (std::isnan(value)) continue;
    out += (out.size() > 1 ? ", " : "") + quoted(name) + ": " + json_number(value);
  }
  return out + "}";
}

}  // namespace

const std::vector<std::string>& trace_columns() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Column& c : kColumns) all.emplace_back(c.name);
    return all;
  }();
  return names;
}

std::vector<std::string> trace_row(const StepRecord& record) {
  std::vector<std::string> cells;
  for (const Column& c : kColumns) cells.push_back(c.cell(record));
  return cells;
}

std::string trace_json(const StepRecord& record, const HyperSpace& space, bool vectors) {
  std::string out = "{";
  for (const Column& c : kColumns) {
    std::string text = c.cell(record);
    if (text.empty()) continue;
    const std::string name = c.name;
    if (name == "truncation_map") text = quoted(text);
    if (text == "inf" || text == "-inf") text = "null";
    if (out.size() > 1) out += ", ";
    out += quoted(name) + ": " + text;
  }
  if (!record.parts.empty()) {
    out += ", \"parts\": [";
    for (std::size_t k = 0; k < record.parts.size(); ++k) out += (k > 0 ? ", " : "") + part_json(record.parts[k]);
    out += "]";
  }
  if (!vectors) return out + "}";
  out += ", \"theta\": " + blocks_json(record.theta, space);
  out += ", \"u\": " + blocks_json(record.u, space);
  if (record.hypergradient.size() == space.size()) out += ", \"hypergradient\": " + blocks_json(record.hypergradient, space);
  return out + "}";
}

}  // namespace tacit::inline TACIT_ABI
