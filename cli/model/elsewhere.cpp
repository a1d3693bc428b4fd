#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/model/elsewhere_scripts.hpp>

#include <algorithm>
#include <cmath>
#include <span>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {

namespace {

/// For tables.
std::string brief(double value) { return digits(value, 4); }

/// What a kind is elsewhere; empty: no other tool has it.
std::vector<ElsewhereLambda> units(const std::string& kind, const FittedPenalty& penalty) {
  const ModelKind* known = find_model_kind(kind);
  return known && known->available() ? known->make()->elsewhere(penalty) : std::vector<ElsewhereLambda>{};
}

bool has_script(const std::string& kind) { return !units(kind, {Vec::Ones(1), 1, 1}).empty(); }

std::vector<std::string> kinds_with_script() {
  std::vector<std::string> kinds;
  for (const ModelKind& k : model_kinds()) {
    if (has_script(k.name)) kinds.emplace_back(k.name);
  }
  return kinds;
}

void check(const FittedModel& model, const ElsewhereFit& fit) {
  if (!has_script(model.kind))
    throw UsageError("there is no script elsewhere.py or elsewhere.R for the model '" + model.kind + "'; they exist for " +
                     tacit::join(kinds_with_script(), " and "));
  if (fit.data.empty()) throw UsageError("elsewhere.py needs the rows of the final fit");
  if (fit.l2.size() != 1 && fit.l2.size() != model.coefficients.size())
    throw UsageError("elsewhere.py needs one l2, or one for each of the " + std::to_string(model.coefficients.size()) +
                     " features");
}

// ---- literals of the two languages

/// A text in double quotes with the escapes that JSON, Python and R share.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class Range, class Print>
std::string join(const Range& values, Print print) {
  std::string text, line;
  for (const auto& value : values) {
    if (!text.empty() || !line.empty()) line += ", ";
    if (line.size() > 110) text += line + "\n    ", line.clear();
    line += print(value);
  }
  return text + line;
}

std::string repr(double value) {
  if (!std::isfinite(value)) throw UsageError("elsewhere.py needs finite numbers");
  return number_text(value);
}

/// Ascending row numbers as inclusive ranges.
std::vector<std::pair<Index, Index>> ranges(const std::vector<Index>& rows) {
  std::vector<std::pair<Index, Index>> result;
  for (const Index row : rows) {
    if (!result.empty() && row == result.back().second + 1)
      result.back().second = row;
    else
      result.emplace_back(row, row);
  }
  return result;
}

/// How a script writes a list and the rest.
struct Language {
  const char *open, *close, *yes, *no, *none, *assign;
  std::string list(const std::string& inside) const { return open + inside + close; }
  std::string flag(bool value) const { return value ? yes : no; }
  std::string line(const std::string& name, const std::string& value, const std::string& comment = {}) const {
    return name + assign + value + (comment.empty() ? "" : "  # " + comment) + "\n";
  }
};
constexpr Language kPython{"[", "]", "True", "False", "None", " = "};
constexpr Language kR{"c(", ")", "TRUE", "FALSE", "NULL", " <- "};

std::string texts(const Language& to, const std::vector<std::string>& values) { return to.list(join(values, quoted)); }

std::string delimiter_of(const std::string& name) {
  return name == "tab" ? "\t" : name == "space" ? " " : name == "auto" ? "" : name;
}

/// What both scripts are told about the fit; `numbers` prints a list of numbers.
std::string settings(const Language& to, const FittedModel& model, const ElsewhereFit& fit) {
  const Encoder& e = model.encoder;
  const auto numbers = [&](const Vec& v) { return to.list(join(std::vector<double>(v.data(), v.data() + v.size()), repr)); };
  std::string s;
  s += to.line("KIND", quoted(model.kind));
  s += to.line("L2", numbers(fit.l2), fit.l2.size() == 1 ? "the penalty l2/2 |w|^2" : "one penalty l2_j/2 w_j^2 per feature");
  s += to.line("MEAN", to.flag(fit.mean_reduction), "the loss is divided by the sum of the weights");
  s += to.line("INTERCEPT", to.flag(fit.intercept));
  s += to.line("STANDARDIZE", to.flag(fit.standardize));
  s += to.line("CENTRE", to.flag(fit.centre), "standardizing subtracts the mean too");
  s += to.line("LIBSVM", to.flag(e.sparse));
  s += to.line("POSITIVE", model.task == Task::binary ? quoted(model.positive) : to.none, "the class that has y = 1");
  std::vector<double> class_weights;
  for (const std::string& label : model.classes) {
    const auto found = fit.class_weight.find(label);
    class_weights.push_back(found == fit.class_weight.end() ? 1 : found->second);
  }
  s += to.line("CLASS_WEIGHTS", to.list(join(class_weights, repr)), "of the other classes, of the positive one");
  s += to.line("WEIGHT", fit.weight_column.empty() ? to.none : quoted(fit.weight_column));
  if (e.sparse) {
    s += to.line("INDEX_BASE", std::to_string(e.index_base));
    s += to.line("FEATURES_TOTAL", std::to_string(e.features_total));
    s += to.line("KEPT", to.list(join(e.kept_features, [](Index j) { return std::to_string(j); })),
                 "features used, from 0; empty: all");
    return s;
  }
  const std::string delimiter = delimiter_of(e.table.delimiter);
  s += to.line("DELIMITER", quoted(delimiter), delimiter.empty() ? "found from the first lines" : "");
  s += to.line("DECIMAL", quoted(std::string(1, e.table.decimal)));
  s += to.line("HEADER", to.flag(e.had_header));
  s += to.line("SKIP_ROWS", std::to_string(e.table.skip_rows));
  s += to.line("MISSING", texts(to, e.table.missing_values));
  return s;
}

std::string python_columns(const Encoder& e) {
  std::string s = "COLUMNS = [\n";
  for (const EncodedColumn& c : e.columns) {
    s += "    {\"name\": " + quoted(c.name);
    if (c.categorical) s += ", \"levels\": " + texts(kPython, c.levels) + ", \"missing_level\": " + kPython.flag(c.missing_level);
    if (c.has_fill) s += ", \"fill\": " + repr(c.fill);
    s += "},\n";
  }
  return s + "]\n";
}

std::string r_columns(const Encoder& e) {
  std::string s;
  for (const EncodedColumn& c : e.columns) {
    s += std::string(s.empty() ? "" : ",\n") + "  list(name = " + quoted(c.name);
    if (c.categorical) s += ", levels = as.character(" + texts(kR, c.levels) + "), missing_level = " + kR.flag(c.missing_level);
    if (c.has_fill) s += ", fill = " + repr(c.fill);
    s += ")";
  }
  return "COLUMNS <- list(\n" + s + "\n)\n";
}

}  // namespace

std::vector<ElsewhereLambda> lambda_elsewhere(const std::string& kind, In l2, double weight_sum, double sd_y,
                                              bool mean_reduction) {
  if (!has_script(kind)) return {};
  if (!(weight_sum > 0) || l2.size() == 0) throw UsageError("lambda elsewhere needs a penalty and a positive sum of weights");
  // The penalty of the objective divided by n, whatever the reduction; glmnet always divides by n, scikit-learn never does.
  const Vec of_mean = mean_reduction ? Vec(l2) : Vec(l2 / weight_sum);
  return units(kind, {of_mean, weight_sum, sd_y});
}

std::vector<std::string> lambda_elsewhere_lines(const std::vector<ElsewhereLambda>& lambdas) {
  std::size_t width = 0;
  for (const ElsewhereLambda& l : lambdas) width = std::max(width, l.tool.size());
  std::vector<std::string> lines;
  for (const ElsewhereLambda& l : lambdas) {
    std::string values =
        l.values.size() == 1 ? brief(l.values(0)) : brief(l.values.minCoeff()) + " .. " + brief(l.values.maxCoeff());
    std::string line = l.tool + std::string(width - l.tool.size(), ' ') + "  " + l.parameter + " = " + values;
    if (!l.note.empty()) line += "  (" + l.note + ")";
    lines.push_back(std::move(line));
  }
  return lines;
}

double weighted_sd(In y, In weight, bool centred) {
  if (y.size() == 0 || (weight.size() != 0 && weight.size() != y.size()))
    throw UsageError("a standard deviation needs a weight for every value");
  const Vec w = weight.size() == 0 ? Vec::Ones(y.size()).eval() : Vec(weight);
  const double mean = centred ? w.dot(y) / w.sum() : 0;
  return std::sqrt(w.dot((y.array() - mean).square().matrix()) / w.sum());
}

std::vector<FitRows> fit_rows(const Dataset& data, std::span<const Index> rows, const std::string& weight_column,
                              const std::string& validation_target, const std::string& test_target) {
  std::vector<FitRows> result;
  const auto part_of = [&](Origin origin) -> FitRows& {
    const std::size_t file = origin == Origin::train ? 0 : origin == Origin::validation ? 1 : data.files.size() - 1;
    const std::string path = std::filesystem::absolute(data.files.at(file).path).lexically_normal().string();
    for (FitRows& part : result)
      if (part.file == path) return part;
    const std::string target = origin == Origin::validation ? validation_target : origin == Origin::test ? test_target : "";
    result.push_back({path, target, {}, {}, data.files.at(file).format, {}});
    return result.back();
  };
  std::vector<Index> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end());
  for (const Index row : sorted) {
    const auto k = static_cast<std::size_t>(row);
    FitRows& part = part_of(data.origin.at(k));
    part.rows.push_back(data.row.at(k));
    if (data.weighted && weight_column.empty()) part.weights.push_back(data.weight(row));
    const Origin origin = data.origin.at(k);
    const std::string& target_file = origin == Origin::validation ? data.validation_target_file
                                     : origin == Origin::test     ? data.test_target_file
                                                                  : data.target_file;
    if (!target_file.empty())
      part.targets.push_back(data.classes.empty() ? repr(data.y(row)) : data.classes.at(static_cast<std::size_t>(data.y(row))));
  }
  return result;
}

std::string elsewhere_python(const FittedModel& model, const ElsewhereFit& fit) {
  check(model, fit);
  std::string data =
      "DATA = [  # file, its format, target column, rows (from 1, both ends included), weights and targets where no column holds "
      "them\n";
  for (const FitRows& part : fit.data) {
    const auto pair = [](const std::pair<Index, Index>& r) {
      return "(" + std::to_string(r.first) + ", " + std::to_string(r.second) + ")";
    };
    data += "    (" + quoted(part.file) + ", " + quoted(part.format) + ", " +
            quoted(part.target.empty() ? model.encoder.target : part.target) + ", [" + join(ranges(part.rows), pair) + "], " +
            (part.weights.empty() ? "None" : "[" + join(part.weights, repr) + "]") + ", " +
            (part.targets.empty() ? "None" : texts(kPython, part.targets)) + "),\n";
  }
  const std::string head =
      "#!/usr/bin/env python3\n\"\"\"The final fit of this run once more, with scikit-learn: the same rows, encoding, weights "
      "and penalty.\n\n"
      "python3 elsewhere.py prints its coefficients beside those of model.json. It ends with 0 when they agree to 1e-6 of the "
      "largest,\n"
      "with 1 when they do not, with 2 when a package or a file is missing. Needs numpy, scipy and scikit-learn.\n\"\"\"\n";
  return head + "# ---- this run\n" + settings(kPython, model, fit) +
         (model.encoder.sparse ? "" : python_columns(model.encoder)) + data + "]\n# ---- the same for every run\n" +
         kElsewherePython;
}

std::string elsewhere_r(const FittedModel& model, const ElsewhereFit& fit) {
  check(model, fit);
  std::string data;
  for (const FitRows& part : fit.data) {
    const auto blocks = ranges(part.rows);
    const std::string from = join(blocks, [](const auto& r) { return std::to_string(r.first); });
    const std::string to = join(blocks, [](const auto& r) { return std::to_string(r.second); });
    data += std::string(data.empty() ? "" : ",\n") + "  list(file = " + quoted(part.file) +
            ", target = " + quoted(part.target.empty() ? model.encoder.target : part.target) + ",\n    from = c(" + from +
            "),\n    to = c(" + to + ")" + (part.weights.empty() ? "" : ",\n    weights = c(" + join(part.weights, repr) + ")") +
            (part.targets.empty() ? "" : ",\n    targets = " + texts(kR, part.targets)) + ")";
  }
  const std::vector<double> coefficients(model.coefficients.data(), model.coefficients.data() + model.coefficients.size());
  const std::string head =
      "# The final fit of this run once more, with glmnet: the same rows, encoding, weights and penalty.\n"
      "# Rscript elsewhere.R prints its coefficients beside those of model.json; exit code 0: they agree to 1e-6 of the "
      "largest,\n"
      "# 1: they do not, 2: the package is missing. Needs glmnet (at least two features).\n";
  return head + "# ---- this run\n" + settings(kR, model, fit) + (model.encoder.sparse ? "" : r_columns(model.encoder)) +
         "DATA <- list(  # file, first and last of each block of rows of it\n" + data + "\n)\n" +
         kR.line("FEATURES", texts(kR, model.features)) + kR.line("TACIT_COEFFICIENTS", kR.list(join(coefficients, repr))) +
         kR.line("TACIT_INTERCEPT", repr(model.intercept)) + "# ---- the same for every run\n" + kElsewhereR;
}

bool write_elsewhere(const FilesOf& files, const FittedModel& model, const ElsewhereFit& fit) {
  if (!has_script(model.kind)) return false;
  const auto packed = [](const FitRows& part) { return part.format == "tacit"; };  // which no other tool reads
  if (std::any_of(fit.data.begin(), fit.data.end(), packed)) return false;
  const std::string python = elsewhere_python(model, fit), r = elsewhere_r(model, fit);
  write_atomically(files("elsewhere.py"), python);
  const bool numbers = std::any_of(fit.data.begin(), fit.data.end(), [](const FitRows& part) {
    const FileFormat* format = find_format(part.format);
    return format && format->read;
  });
  if (!numbers) write_atomically(files("elsewhere.R"), r);
  return true;
}

}  // namespace tacit
