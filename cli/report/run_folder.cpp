#include <tacit/cli/report/run_folder.hpp>

#include <tacit/bilevel/outer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/tasks.hpp>
#include <tacit/problems/readers/number_file.hpp>

namespace tacit {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kRemedy =
    "a file of a run folder was changed or cut off; restore it, or repeat the run with its config.yaml";

[[noreturn]] void refuse_at(const fs::path& file, const std::string& why, long line, long column, const std::string& source) {
  throw DataError("E602", why, {file.string(), line, column}, kRemedy, source);
}

bool is_there(const fs::path& file) {
  std::error_code none;
  return fs::is_regular_file(file, none);
}

/// The line (from 1) around a byte, its text, and the column of the byte in it.
struct Place {
  long line = 1, column = 1;
  std::string text;
};
Place place_of(const std::string& text, std::size_t byte) {
  byte = std::min(byte, text.size());
  const auto begin = byte == 0 ? std::string::npos : text.rfind('\n', byte - 1);
  const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n');
  return {1 + static_cast<long>(lines), 1 + static_cast<long>(byte - from), text.substr(from, text.find('\n', byte) - from)};
}

json parse(const fs::path& file, const std::string& text, long lines_before = 0) {
  try {
    json j = json::parse(text);
    if (!j.is_object()) refuse_at(file, file.filename().string() + " is no JSON object", 1 + lines_before, 1, "");
    return j;
  } catch (const json::parse_error& e) {
    const Place p = place_of(text, e.byte == 0 ? 0 : e.byte - 1);
    refuse_at(file, file.filename().string() + " is no JSON at this place", p.line + lines_before, p.column, p.text);
  }
}

/// Of a file that grows line by line: the last line may be cut where its run was killed, and is left out.
std::string whole_lines(const fs::path& file) {
  std::string text = read_whole(file);
  text.erase(text.rfind('\n') + 1);
  return text;
}

std::vector<json> parse_lines(const fs::path& file) {
  std::vector<json> all;
  std::istringstream in(whole_lines(file));
  long number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    if (!line.empty()) all.push_back(parse(file, line, number));
  }
  return all;
}

/// A table of a run, or nothing where it has no row: a run that failed at its start has heads alone.
std::optional<Table> table_of(const fs::path& file, bool grows = false) {
  if (!is_there(file)) return {};
  const std::string text = grows ? whole_lines(file) : read_whole(file);
  const auto head = text.find('\n');
  if (text.empty() || head == std::string::npos || head + 1 == text.size()) return {};
  TableOptions options;
  options.header = Header::present;
  options.delimiter = ",";
  options.missing_values = {"", "nan"};
  return Table::parse(TextFile::from_string(file.string(), text), options);
}

/// Nothing where a run was killed in the middle of a row.
std::optional<Mat> rows_of(const fs::path& file) {
  try {
    return read_number_file(file.string(), "npy").x.dense;
  } catch (const DataError&) {
    return {};
  }
}

const json& null_value() {
  static const json null;
  return null;
}

const json& find(const json& root, std::string_view path) {
  const json* at = &root;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string key(path.substr(begin, end - begin));
    if (!at->is_object() || !at->contains(key)) return null_value();
    at = &(*at)[key];
    begin = end + 1;
  }
  return *at;
}

void check_format(const fs::path& file, const json& run) {
  const json& format = find(run, "format");
  if (format == json(kRunFormat)) return;
  const json& version = find(run, "tacit");
  const std::string by = version.is_string() ? "tacit " + version.get<std::string>() : std::string("another program");
  throw DataError("E603", "the run folder was written by " + by + ", whose files this version cannot read", {file.string(), 0, 0},
                  "use that version, or repeat the run with the config.yaml in the folder");
}

/// Where a comparison left a run of its own, within its folder.
fs::path own_folder(const fs::path& file, const json& own) {
  const json name = own.is_object() ? own.value("folder", json()) : json();
  if (!name.is_string()) refuse_file(file, "an own run without its folder");
  return fs::path(name.get<std::string>());
}

}  // namespace

void refuse_file(const fs::path& file, const std::string& why) { refuse_at(file, why, 0, 0, ""); }

RunRecord read_run(const fs::path& folder) {
  const fs::path file = folder / "run.json";
  if (!is_there(file))
    throw DataError("E601", "'" + folder.string() + "' is no run folder: it holds no run.json", {folder.string(), 0, 0},
                    "give a folder that tacit tune, compare or curve wrote");
  RunRecord r;
  r.folder = folder;
  r.run = parse(file, read_whole(file));
  check_format(file, r.run);
  r.verb = text_at(r, "verb");
  r.name = text_at(r, "name");
  if (r.verb != "tune" && r.verb != "compare" && r.verb != "curve")
    refuse_file(file, "the verb '" + r.verb + "' writes no run folder");
  if (is_there(folder / "config.resolved.yaml")) r.config = read_whole(folder / "config.resolved.yaml");
  r.trace = table_of(folder / "trace.csv", true);
  r.hyper = table_of(folder / "hyper.csv");
  r.compare = table_of(folder / "compare.csv");
  r.audit = table_of(folder / "steps.csv");
  for (const json& own : value_at(r, "own_runs"))
    r.own_runs.push_back(table_of(folder / own_folder(file, own) / "trace.csv", true));
  r.curve = table_of(folder / "curve.csv");
  r.predictions = table_of(folder / "predictions.csv");
  r.path = table_of(folder / "path.csv");
  if (is_there(folder / "trace.jsonl")) r.steps = parse_lines(folder / "trace.jsonl");
  if (is_there(folder / "theta.npy")) r.theta = rows_of(folder / "theta.npy");
  if (is_there(folder / "curve.json")) r.constants = parse(folder / "curve.json", read_whole(folder / "curve.json"));
  return r;
}

std::vector<double> column(const Table& table, const std::string& name) {
  std::vector<double> values(static_cast<std::size_t>(table.rows()), std::numeric_limits<double>::quiet_NaN());
  const Index c = table.find(name);
  if (c < 0) return values;
  if (table.cells(c).words > 0)
    throw table.error("E602", "the column '" + name + "' holds numbers", table.cells(c).first_word, c, kRemedy);
  for (Index i = 0; i < table.rows(); ++i) values[static_cast<std::size_t>(i)] = table.value(i, c);
  return values;
}

std::vector<std::string> text_column(const Table& table, const std::string& name) {
  std::vector<std::string> cells(static_cast<std::size_t>(table.rows()));
  const Index c = table.find(name);
  for (Index i = 0; c >= 0 && i < table.rows(); ++i) cells[static_cast<std::size_t>(i)] = table.cell(i, c);
  return cells;
}

double number_of(const json& value, const std::string& what) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_number()) refuse_file(what, "a number is expected here, not " + std::string(value.type_name()));
  return value.get<double>();
}

std::string text_of(const json& value, const std::string& what) {
  if (value.is_null()) return {};
  if (!value.is_string()) refuse_file(what, "a text is expected here, not " + std::string(value.type_name()));
  return value.get<std::string>();
}

double number_at(const RunRecord& r, std::string_view path) {
  return number_of(value_at(r, path), (r.folder / "run.json").string() + ", " + std::string(path));
}

std::vector<double> numbers_at(const RunRecord& r, std::string_view path) {
  const json& list = value_at(r, path);
  const std::string what = (r.folder / "run.json").string() + ", " + std::string(path);
  std::vector<double> all;
  if (!list.is_null() && !list.is_array()) refuse_file(what, "a list is expected here, not " + std::string(list.type_name()));
  for (const json& v : list) all.push_back(number_of(v, what));
  return all;
}

bool of_values_alone(const RunRecord& r) { return asks_for_values_alone(text_at(r, "method.optimizer")); }

bool of_steps(const RunRecord& r) { return std::isfinite(number_at(r, "model.steps")); }

std::string text_at(const RunRecord& r, std::string_view path) {
  return text_of(value_at(r, path), (r.folder / "run.json").string() + ", " + std::string(path));
}

const json& value_at(const RunRecord& r, std::string_view path) { return find(r.run, path); }

std::string outer_loss_of(const RunRecord& r) {
  const std::string outer = text_at(r, "model.outer_loss");
  return outer.empty() ? text_at(r, "model.loss") : outer;
}

std::string penalty_name(const RunRecord& r) {
  const ModelKind* kind = find_model_kind(text_at(r, "model.kind"));
  return kind && !kind->hyper.empty() ? kind->hyper.front() : "penalty";
}

}  // namespace tacit
