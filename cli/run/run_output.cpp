#include <tacit/cli/run/run_output.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run/files.hpp>

namespace tacit {

namespace {

using Clock = std::chrono::steady_clock;

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    line += cells[i];
  }
  return line + '\n';
}

std::string percent(double share) {
  return share >= 10 ? "more than 1000 %" : "about " + brief_number(std::round(share * 1000) / 10) + " %";
}

}  // namespace

std::string csv_cell(const std::string& text) {
  const bool plain =
      text.find_first_of(",\"\r\n") == std::string::npos && (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string brief_number(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6).ptr;
  return {buffer, end};
}

TraceFiles::TraceFiles(std::filesystem::path folder, const HyperSpace& space) : folder_(std::move(folder)), space_(space) {
  csv_ = csv_line(trace_columns());
}

void TraceFiles::add(const StepRecord& record) {
  csv_ += csv_line(trace_row(record));
  jsonl_ += trace_json(record, space_) + '\n';
  if (Clock::now() - written_ > std::chrono::seconds(1)) finish();
}

void TraceFiles::finish() {
  write_atomically(folder_ / "trace.csv", csv_);
  write_atomically(folder_ / "trace.jsonl", jsonl_);
  written_ = Clock::now();
}

namespace {

/// Which end of its range an entry is at: -1, 0, 1. In theta: the box is wide there, and an optimizer that projects lands on the
/// bound itself up to rounding.
int end_of_range(const HyperSpace& space, In theta, Index i) {
  const double lower = space.lower()[i], upper = space.upper()[i], slack = 1e-9 * (upper - lower);
  return theta[i] <= lower + slack ? -1 : theta[i] >= upper - slack ? 1 : 0;
}

}  // namespace

Vec natural_values(const HyperSpace& space, In theta, const StartValues* start) {
  Vec u(space.size());
  space.to_model(theta, u);
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    for (const Index end = at + block.size; at < end; ++at) {
      const int edge = end_of_range(space, theta, at);
      if (edge != 0) u[at] = edge < 0 ? block.lower : block.upper;
      if (start && theta[at] == start->theta[at]) u[at] = start->given[at];
    }
  }
  return u;
}

std::vector<HyperRow> hyper_rows(const HyperSpace& space, In theta, const StartValues& start) {
  const Vec u = natural_values(space, theta, &start);
  std::vector<HyperRow> rows;
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    for (Index i = 0; i < block.size; ++i, ++at) {
      HyperRow row;
      row.name = static_cast<std::size_t>(i) < block.labels.size() && block.size > 1
                     ? block.name + "[" + block.labels[static_cast<std::size_t>(i)] + "]"
                 : block.size > 1 ? block.name + "[" + std::to_string(i + 1) + "]"
                                  : block.name;
      row.value = u[at];
      row.start = start.given[at];
      row.lower = block.lower;
      row.upper = block.upper;
      row.at_bound = end_of_range(space, theta, at) != 0;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string hyper_csv(const std::vector<HyperRow>& rows) {
  std::string text = "name,value,start,lower,upper,at_bound\n";
  for (const HyperRow& r : rows) {
    text += csv_line({csv_cell(r.name), number_text(r.value), number_text(r.start), number_text(r.lower), number_text(r.upper),
                      r.at_bound ? "true" : "false"});
  }
  return text;
}

bool Warnings::add(Warning w) {
  const auto same = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.warning.code == w.code && e.warning.passing == w.passing; });
  if (same != entries_.end()) {
    ++same->count;
    return false;
  }
  entries_.push_back({std::move(w), 1});
  return true;
}

nlohmann::json Warnings::json() const {
  auto list = nlohmann::json::array();
  for (const Entry& e : entries_) {
    const Warning& w = e.warning;
    list.push_back({{"code", w.code}, {"where", w.context}, {"message", w.what}, {"remedy", w.more}, {"count", e.count}});
  }
  return list;
}

std::vector<Warning> step_warnings(const StepRecord& record, double warn_error, const Tolerance& asked) {
  std::vector<Warning> found;
  const Diagnostics& d = record.diagnostics;
  const std::string context = "step " + std::to_string(record.step);
  const bool known = !std::isnan(d.hypergradient_error);
  const std::string damage = known ? "The hypergradient is off by " + percent(d.hypergradient_error) + "." : "";
  const bool off = known && d.hypergradient_error > warn_error;
  const bool loose = record.solved.inner > 1.0000001 * asked.inner || record.solved.adjoint > 1.0000001 * asked.adjoint;
  if (!usable(d.inner_status) && (asked.inner > 0 || off))
    found.push_back({"W301", context,
                     "the inner problem has not converged (residual " + brief_number(d.inner_residual) + ", asked " +
                         brief_number(asked.inner) + " after " + std::to_string(d.inner_steps) + " steps).",
                     damage + " Try a larger inner.max_steps, another inner.solver, or prepare.standardize=true."});
  else if (!usable(d.hypergradient_status) && !d.hypergradient_message.empty() && (off || !known))
    found.push_back({"W302", context, "the hypergradient is not exact: " + d.hypergradient_message,
                     damage + " Try a larger hypergradient.max_steps, a larger window, or hypergradient.estimator=implicit-cg."});
  else if (off)
    found.push_back(
        {"W303", context, "the hypergradient has an estimated relative error of " + brief_number(d.hypergradient_error) + ".",
         loose ? "The schedule still solves loosely at this step (inner tolerance " + brief_number(record.solved.inner) +
                     ") and tightens from step to step; outer.schedule=fixed solves tightly from the start."
               : "Try a smaller inner.tolerance, a larger window, or hypergradient.estimator=implicit-cg.",
         loose});
  return found;
}

std::vector<Warning> bound_warnings(const std::vector<HyperRow>& rows) {
  std::string names;
  for (const HyperRow& r : rows) {
    if (r.at_bound) names += (names.empty() ? "" : ", ") + r.name + " = " + brief_number(r.value);
  }
  if (names.empty()) return {};
  return {{"W310", "result", "the best value sits on the edge of its range: " + names + ".",
           "At the upper end a feature is switched off, which can be right; else widen the range (hyper.l2.range)."}};
}

std::string aligned(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [name, value] : rows) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, value] : rows) text += "  " + name + std::string(width - name.size() + 2, ' ') + value + '\n';
  return text;
}

std::string columns_text(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width;
  for (const std::string& head : heads) width.push_back(head.size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string gap(width[c] - row[c].size(), ' ');
      line += "  " + (c == 0 ? row[c] + gap : gap + row[c]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  };
  add(heads);
  for (const auto& row : rows) add(row);
  return text;
}

}  // namespace tacit
