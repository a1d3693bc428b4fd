#include <tacit/cli/model/model_file.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <system_error>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit {

using Json = nlohmann::json;

namespace {

constexpr int kFormat = 1;

// ---- writing: by hand, since the order of the keys is for people and an ordered object of the library is quadratic in its size

std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string number(double value) { return std::isfinite(value) ? number_text(value) : "null"; }

template <class Range, class Print>
std::string list(const Range& values, Print print) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? ", " : "") + print(value);
  return text + "]";
}

/// {"name": value, ...}, one entry a line when there are more than three.
template <class Name, class Value>
std::string object(std::size_t size, Name name, Value value, const std::string& indent) {
  const std::string separator = size > 3 ? "\n" + indent + "  " : "";
  std::string text = "{";
  for (std::size_t i = 0; i < size; ++i)
    text += (i == 0 ? "" : size > 3 ? "," : ", ") + separator + quoted(name(i)) + ": " + value(i);
  return text + (size > 3 ? "\n" + indent : "") + "}";
}

const char* missing_word(Missing missing) {
  switch (missing) {
    case Missing::drop_row:
      return "drop-row";
    case Missing::mean:
      return "mean";
    case Missing::median:
      return "median";
    case Missing::error:
      break;
  }
  return "error";
}
const char* header_word(Header header) {
  return header == Header::present ? "present" : header == Header::absent ? "absent" : "auto";
}

std::string column_json(const EncodedColumn& column) {
  std::string text =
      "{\"name\": " + quoted(column.name) + ", \"kind\": " + (column.categorical ? "\"categorical\"" : "\"number\"");
  if (column.categorical) text += ", \"levels\": " + list(column.levels, quoted);
  if (column.missing_level) text += ", \"missing_level\": true";
  if (column.has_fill) text += ", \"fill\": " + number(column.fill);
  return text + "}";
}

std::string encoder_json(const Encoder& e) {
  const auto count = [](Index value) { return std::to_string(value); };
  if (e.sparse) {
    const std::string kept = e.kept_features.empty() ? "" : ",\n    \"kept_features\": " + list(e.kept_features, count);
    return "{\n    \"format\": \"libsvm\",\n    \"index_base\": " + count(e.index_base) +
           ",\n    \"features_total\": " + count(e.features_total) + kept +
           (e.target_column >= 0 ? ",\n    \"target_column\": " + count(e.target_column) : "") + "\n  }";
  }
  std::string columns;
  for (const EncodedColumn& column : e.columns) columns += (columns.empty() ? "\n      " : ",\n      ") + column_json(column);
  return "{\n    \"format\": \"table\",\n    \"delimiter\": " + quoted(e.table.delimiter) +
         ",\n    \"decimal\": " + quoted(std::string(1, e.table.decimal)) +
         ",\n    \"header\": " + quoted(header_word(e.table.header)) +
         ",\n    \"had_header\": " + (e.had_header ? "true" : "false") + ",\n    \"skip_rows\": " + count(e.table.skip_rows) +
         ",\n    \"missing\": " + quoted(missing_word(e.missing)) +
         ",\n    \"missing_values\": " + list(e.table.missing_values, quoted) +
         ",\n    \"source_columns\": " + count(e.source_columns) + ",\n    \"target_column\": " + count(e.target_column) +
         ",\n    \"columns\": [" + columns + "\n    ]\n  }";
}

std::string hyper_json(const ModelHyper& block) {
  if (block.labels.empty() && block.values.size() == 1) return number(block.values[0]);
  if (block.labels.empty()) return list(block.values, number);
  return object(
      block.values.size(), [&](std::size_t i) { return block.labels[i]; }, [&](std::size_t i) { return number(block.values[i]); },
      "    ");
}

/// "" where nothing is taken off; else only the features of which something is.
std::string centre_json(const FittedModel& m) {
  std::vector<Index> moved;
  for (Index j = 0; j < m.centre.size(); ++j) {
    if (m.centre[j] != 0) moved.push_back(j);
  }
  if (moved.empty()) return "";
  return ",\n  \"intercept_at_centre\": " + number(m.intercept_at_centre) + ",\n  \"centre\": " +
         object(
             moved.size(), [&](std::size_t i) { return m.features[static_cast<std::size_t>(moved[i])]; },
             [&](std::size_t i) { return number(m.centre[moved[i]]); }, "  ");
}

bool unique(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

void check(const FittedModel& m) {
  const auto refuse = [](const std::string& what) { throw UsageError("a model cannot be written: " + what); };
  if (static_cast<Index>(m.features.size()) != m.coefficients.size())
    refuse("it has another number of features than of coefficients");
  if (!m.coefficients.allFinite() || !std::isfinite(m.intercept)) refuse("a coefficient is not finite");
  if (!m.centre.allFinite() || !std::isfinite(m.intercept_at_centre)) refuse("its centre is not finite");
  if (!unique(m.features)) refuse("two features have the same name");
  if (m.task == Task::binary && (m.classes.size() != 2 || m.positive != m.classes[1]))
    refuse("it needs two classes, the positive one last");
  if (m.task == Task::regression && !m.classes.empty()) refuse("a regression has no classes");
  // The number first: a wrong one in a file could ask for more names than there is memory.
  if (m.encoder.features() != m.coefficients.size() || m.encoder.feature_names() != m.features)
    refuse("its encoder makes other features");
  for (const ModelHyper& block : m.hyperparameters)
    if (block.values.empty() || (!block.labels.empty() && block.labels.size() != block.values.size()))
      refuse("hyperparameter '" + block.name + "' has no value, or another number of labels than of values");
}

}  // namespace

std::string model_json(const FittedModel& m) {
  check(m);
  const auto feature = [&](std::size_t i) { return m.features[i]; };
  const auto coefficient = [&](std::size_t i) { return number(m.coefficients(static_cast<Index>(i))); };
  std::string text = "{\n  \"tacit\": " + quoted(m.tacit_version) + ",\n  \"format\": " + std::to_string(kFormat) +
                     ",\n  \"name\": " + quoted(m.name) + ",\n  \"kind\": " + quoted(m.kind) +
                     ",\n  \"task\": " + (m.task == Task::binary ? "\"binary\"" : "\"regression\"") +
                     ",\n  \"target\": " + quoted(m.encoder.target) + ",\n  \"objective\": " + quoted(m.objective) +
                     ",\n  \"intercept\": " + number(m.intercept) + centre_json(m) +
                     ",\n  \"coefficients\": " + object(m.features.size(), feature, coefficient, "  ") +
                     ",\n  \"features\": " + list(m.features, quoted);
  if (m.task == Task::binary) text += ",\n  \"classes\": " + list(m.classes, quoted) + ",\n  \"positive\": " + quoted(m.positive);
  text += ",\n  \"hyperparameters\": " + object(
                                             m.hyperparameters.size(), [&](std::size_t i) { return m.hyperparameters[i].name; },
                                             [&](std::size_t i) { return hyper_json(m.hyperparameters[i]); }, "  ");
  text += ",\n  \"metrics\": " + object(
                                     m.metrics.size(), [&](std::size_t i) { return m.metrics[i].first; },
                                     [&](std::size_t i) { return number(m.metrics[i].second); }, "  ");
  return text + ",\n  \"encoder\": " + encoder_json(m.encoder) + "\n}\n";
}

void write_model(const FittedModel& model, const std::filesystem::path& file) { write_atomically(file, model_json(model)); }

// ---- reading

namespace {

/// Reads the fields of a model, and says of each that does not fit where it stands in the document.
class ModelReader {
public:
  explicit ModelReader(TextFile file) : file_(std::move(file)) {}

  FittedModel read() {
    const Json j = parse();
    if (!j.is_object() || !j.contains("format") || !j.contains("coefficients")) fail("", "it is no model file of Tacit");
    const Index format = integer(j, "format", "");
    if (format > kFormat)
      throw UsageError("'" + file_.path() + "' was written by Tacit " + text(j, "tacit", "") +
                       ", which is newer than this one (format " + std::to_string(format) +
                       ", known: " + std::to_string(kFormat) + "); predict with that version");
    if (format < 1) fail("format", "it must be 1");
    FittedModel m;
    m.tacit_version = text(j, "tacit", "");
    m.name = text(j, "name", "");
    m.kind = text(j, "kind", "");
    m.objective = text(j, "objective", "");
    m.intercept = real(at(j, "intercept", ""), "intercept");
    read_task(j, m);
    read_coefficients(j, m);
    if (j.contains("centre")) read_centre(j, m);
    read_hyperparameters(j, m);
    for (const auto& [name, value] : object(j, "metrics").items())
      m.metrics.emplace_back(name, value.is_null() ? std::nan("") : real(value, "metrics." + name));
    m.encoder = encoder(at(j, "encoder", ""));
    m.encoder.target = text(j, "target", "");
    if (m.task == Task::binary) m.encoder.classes = m.classes;
    try {
      check(m);
    } catch (const UsageError& error) {
      fail("", error.what());
    }
    return m;
  }

private:
  Json parse() {
    const std::string_view bytes = file_.bytes();
    try {
      return Json::parse(bytes.begin(), bytes.end());
    } catch (const Json::parse_error& error) {
      const std::size_t at = bytes.empty() ? 0 : std::min(error.byte == 0 ? 0 : error.byte - 1, bytes.size() - 1);
      throw file_.error("D103", "the model file is no valid JSON here", at, kRemedy);
    } catch (const Json::out_of_range&) {
      fail("", "a number in it is larger than any double");
    }
  }
  [[noreturn]] void fail(const std::string& where, const std::string& what) const {
    throw file_.error("D103", "the model file cannot be used: " + (where.empty() ? what : "'" + where + "': " + what), kRemedy);
  }
  const Json& at(const Json& j, const char* key, const std::string& where) const {
    if (!j.is_object() || !j.contains(key)) fail(where + key, "it is missing");
    return j.at(key);
  }
  const Json& object(const Json& j, const char* key) const {
    const Json& value = at(j, key, "");
    if (!value.is_object()) fail(key, "an object is expected");
    return value;
  }
  double real(const Json& value, const std::string& where) const {
    if (!value.is_number()) fail(where, "a number is expected");
    return value.get<double>();
  }
  Index integer(const Json& j, const char* key, const std::string& where) const {
    const Json& value = at(j, key, where);
    if (!value.is_number_integer()) fail(where + key, "an integer is expected");
    return value.get<Index>();
  }
  std::string text(const Json& value, const std::string& where) const {
    if (!value.is_string()) fail(where, "a text is expected");
    return value.get<std::string>();
  }
  std::string text(const Json& j, const char* key, const std::string& where) const {
    return text(at(j, key, where), where + key);
  }
  std::vector<std::string> texts(const Json& j, const char* key, const std::string& where) const {
    const Json& value = at(j, key, where);
    if (!value.is_array()) fail(where + key, "a list is expected");
    std::vector<std::string> result;
    for (const Json& entry : value) result.push_back(text(entry, where + key));
    return result;
  }

  void read_task(const Json& j, FittedModel& m) const {
    const std::string task = text(j, "task", "");
    if (task != "binary" && task != "regression") fail("task", "regression or binary is expected");
    m.task = task == "binary" ? Task::binary : Task::regression;
    if (m.task == Task::regression) return;
    m.classes = texts(j, "classes", "");
    m.positive = text(j, "positive", "");
  }

  void read_coefficients(const Json& j, FittedModel& m) const {
    m.features = texts(j, "features", "");
    const Json& values = object(j, "coefficients");
    if (values.size() != m.features.size()) fail("coefficients", "there must be one for each of 'features'");
    m.coefficients.resize(static_cast<Index>(m.features.size()));
    for (std::size_t i = 0; i < m.features.size(); ++i) {
      const auto found = values.find(m.features[i]);
      if (found == values.end()) fail("coefficients", "there is none for the feature '" + m.features[i] + "'");
      m.coefficients(static_cast<Index>(i)) = real(*found, "coefficients." + m.features[i]);
    }
  }

  void read_centre(const Json& j, FittedModel& m) const {
    m.intercept_at_centre = real(at(j, "intercept_at_centre", ""), "intercept_at_centre");
    m.centre = Vec::Zero(m.coefficients.size());
    const Json& values = object(j, "centre");
    std::size_t found = 0;
    for (std::size_t i = 0; i < m.features.size(); ++i) {
      const auto at = values.find(m.features[i]);
      if (at == values.end()) continue;
      m.centre[static_cast<Index>(i)] = real(*at, "centre." + m.features[i]);
      ++found;
    }
    if (found != values.size()) fail("centre", "it names a column that is none of 'features'");
  }

  void read_hyperparameters(const Json& j, FittedModel& m) const {
    for (const auto& [name, value] : object(j, "hyperparameters").items()) {
      ModelHyper block{name, {}, {}};
      if (value.is_object()) {
        for (const std::string& feature : m.features)  // in the order of the features, where the labels are these
          if (value.contains(feature)) block.labels.push_back(feature);
        for (const auto& entry : value.items())
          if (block.labels.size() < value.size() && !contains(m.features, entry.key())) block.labels.push_back(entry.key());
        for (const std::string& label : block.labels) block.values.push_back(real(value.at(label), "hyperparameters." + name));
      } else if (value.is_array()) {
        for (const Json& entry : value) block.values.push_back(real(entry, "hyperparameters." + name));
      } else {
        block.values.push_back(real(value, "hyperparameters." + name));
      }
      m.hyperparameters.push_back(std::move(block));
    }
  }
  static bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  bool boolean(const Json& j, const char* key, const std::string& where) const {
    const Json& value = at(j, key, where);
    if (!value.is_boolean()) fail(where + key, "true or false is expected");
    return value.get<bool>();
  }

  Encoder encoder(const Json& j) const {
    const std::string where = "encoder.";
    Encoder e;
    const std::string format = text(j, "format", where);
    if (format != "table" && format != "libsvm") fail(where + "format", "table or libsvm is expected");
    e.sparse = format == "libsvm";
    if (e.sparse) {
      const Index base = integer(j, "index_base", where);
      if (base != 0 && base != 1) fail(where + "index_base", "it must be 0 or 1");
      e.index_base = static_cast<int>(base);
      e.features_total = integer(j, "features_total", where);
      if (j.contains("target_column")) e.target_column = integer(j, "target_column", where);
      if (j.contains("kept_features")) e.kept_features = kept_features(j.at("kept_features"), e.features_total);
      return e;
    }
    read_table_options(j, where, e);
    if (!at(j, "columns", where).is_array()) fail(where + "columns", "a list is expected");
    for (const Json& entry : j.at("columns")) {
      e.columns.push_back(column(entry));
      if (e.columns.size() > 1)
        e.columns.back().first = e.columns[e.columns.size() - 2].first + e.columns[e.columns.size() - 2].width();
    }
    return e;
  }

  std::vector<Index> kept_features(const Json& value, Index total) const {
    std::vector<Index> kept;
    if (!value.is_array()) fail("encoder.kept_features", "a list is expected");
    for (const Json& entry : value) {
      const bool good =
          entry.is_number_integer() && entry.get<Index>() < total && entry.get<Index>() > (kept.empty() ? -1 : kept.back());
      if (!good) fail("encoder.kept_features", "ascending numbers below features_total are expected");
      kept.push_back(entry.get<Index>());
    }
    return kept;
  }

  void read_table_options(const Json& j, const std::string& where, Encoder& e) const {
    e.table.delimiter = text(j, "delimiter", where);
    const std::string decimal = text(j, "decimal", where);
    if (decimal != "." && decimal != ",") fail(where + "decimal", "\".\" or \",\" is expected");
    e.table.decimal = decimal[0];
    const std::string header = text(j, "header", where);
    if (header != "auto" && header != "present" && header != "absent")
      fail(where + "header", "auto, present or absent is expected");
    e.table.header = header == "auto" ? Header::automatic : header == "present" ? Header::present : Header::absent;
    e.had_header = boolean(j, "had_header", where);
    e.table.skip_rows = integer(j, "skip_rows", where);
    if (e.table.skip_rows < 0) fail(where + "skip_rows", "it must not be negative");
    const std::string missing = text(j, "missing", where);
    bool known = false;
    for (const Missing candidate : {Missing::error, Missing::drop_row, Missing::mean, Missing::median})
      if (missing == missing_word(candidate)) e.missing = candidate, known = true;
    if (!known) fail(where + "missing", "error, drop-row, mean or median is expected");
    e.table.missing_values = texts(j, "missing_values", where);
    e.source_columns = integer(j, "source_columns", where);
    e.target_column = integer(j, "target_column", where);
  }

  EncodedColumn column(const Json& j) const {
    const std::string where = "encoder.columns.";
    EncodedColumn c;
    c.name = text(j, "name", where);
    const std::string kind = text(j, "kind", where);
    if (kind != "number" && kind != "categorical") fail(where + "kind", "number or categorical is expected");
    c.categorical = kind == "categorical";
    if (c.categorical) c.levels = texts(j, "levels", where);
    if (c.categorical && j.contains("missing_level")) c.missing_level = boolean(j, "missing_level", where);
    c.has_fill = !c.categorical && j.contains("fill");
    if (c.has_fill) c.fill = real(j.at("fill"), where + "fill");
    return c;
  }

  static constexpr const char* kRemedy = "give the model.json of a run folder as Tacit wrote it, or run `tacit tune` again";
  TextFile file_;
};

}  // namespace

FittedModel parse_model(const std::string& text, const std::string& path) {
  return ModelReader(TextFile::from_string(path, text, "JSON")).read();
}

FittedModel read_model(const std::filesystem::path& given) {
  std::error_code none;
  if (!std::filesystem::is_directory(given, none)) return ModelReader(TextFile::read(given.string(), {}, "JSON")).read();
  const std::filesystem::path file = given / "model.json";
  if (!std::filesystem::exists(file, none))
    throw UsageError("the folder '" + given.string() +
                     "' has no model.json: it is no run folder, or its run ended before the final fit");
  return ModelReader(TextFile::read(file.string(), {}, "JSON")).read();
}

}  // namespace tacit
