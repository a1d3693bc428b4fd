#include <tacit/cli/verbs/predict.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ostream>
#include <set>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

void check_sizes(const FittedModel& model, Index rows, const PredictionExtra& extra) {
  const auto fits = [&](std::size_t size) { return size == 0 || static_cast<Index>(size) == rows; };
  if (!fits(extra.row.size()) || !fits(extra.fold.size()) || !fits(extra.repeat.size()) || !fits(extra.target.size()))
    throw UsageError("predictions need as many row numbers, folds and targets as predictions");
  if (model.task == Task::binary && model.classes.size() != 2)
    throw UsageError("predictions of classes need a model with two classes");
}

}  // namespace

std::string predictions_csv(const FittedModel& model, In margin, const PredictionExtra& extra) {
  check_sizes(model, margin.size(), extra);
  const bool binary = model.task == Task::binary;
  // A classifier of margins alone (a support vector machine) has no probabilities.
  const ModelKind* kind = find_model_kind(model.kind);
  const bool probabilities = binary && kind && kind->available() && kind->make()->probabilities();
  std::string text = "row";
  if (!extra.fold.empty()) text += ",fold";
  if (!extra.repeat.empty()) text += ",repeat";
  if (!extra.target.empty()) text += ",target";
  text += ",prediction";
  if (probabilities)
    for (const std::string& label : model.classes) text += "," + csv_cell("probability_" + label);
  text += "\n";
  for (Index i = 0; i < margin.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    text += std::to_string(extra.row.empty() ? i + 1 : extra.row[k]);
    if (!extra.fold.empty()) text += "," + csv_cell(extra.fold[k]);
    if (!extra.repeat.empty()) text += "," + std::to_string(extra.repeat[k]);
    if (!extra.target.empty()) text += "," + csv_cell(extra.target[k]);
    const double m = margin(i);
    if (std::isnan(m)) {
      text += probabilities ? ",,,\n" : ",\n";
      continue;
    }
    text += "," + (binary ? csv_cell(model.classes[m > 0 ? 1 : 0]) : number_text(m));
    if (probabilities) text += "," + number_text(sigmoid(-m)) + "," + number_text(sigmoid(m));
    text += "\n";
  }
  return text;
}

std::vector<std::string> predict(const std::filesystem::path& model_path, const std::string& data,
                                 const std::optional<std::string>& output, std::ostream& out,
                                 const std::function<void(Encoder&)>& adjust) {
  FittedModel model = read_model(model_path);
  if (adjust) adjust(model.encoder);
  Margins result = margins(model, data);
  PredictionExtra extra;
  extra.row = std::move(result.row);
  const std::string text = predictions_csv(model, result.values, extra);
  if (output) {
    write_atomically(*output, text);
  } else {
    errno = 0;
    out << text << std::flush;
    if (!out) throw IoError("write", "standard output", errno != 0 ? errno : EIO);
  }
  return std::move(result.warnings);
}

const std::vector<std::string>& reading_keys() {
  static const std::vector<std::string> all{"delimiter",      "decimal", "header",     "skip_rows",   "missing",
                                            "missing_values", "format",  "index_base", "unpack_ratio"};
  return all;
}

namespace {

/// What the overrides of `tacit predict` change in how its file is read.
void adjust(Encoder& encoder, const std::vector<std::string>& overrides) {
  if (overrides.empty()) return;
  std::set<std::string> given;
  for (const std::string& text : overrides) {
    const std::string key = text.substr(0, text.find('='));
    const std::string name = key.rfind("data.", 0) == 0 ? key.substr(5) : "";
    if (std::find(reading_keys().begin(), reading_keys().end(), name) == reading_keys().end())
      throw UsageError("tacit predict takes of the run file's keys those that say how DATA is written, data." +
                       join(reading_keys(), ", data.") + "; '" + key + "' belongs to the model, which is fitted");
    given.insert(name);
  }
  const Strategies strategies;
  const DataBlock d = read_overrides(overrides, strategies.catalog).data;
  const auto refuse = [&](const char* name, const std::string& why) {
    if (given.count(name) > 0) throw UsageError(std::string("data.") + name + " cannot be used here: " + why);
  };
  if (given.count("unpack_ratio") > 0) encoder.table.limits.unpack_ratio = d.unpack_ratio;
  encoder.format = d.format;
  if (encoder.sparse) {
    for (const char* name : {"delimiter", "decimal", "header", "skip_rows", "missing", "missing_values"})
      refuse(name, "the model was fitted to numbered features, so DATA is no table");
    if (d.index_base != "auto") encoder.index_base = d.index_base == "0" ? 0 : 1;
    return;
  }
  refuse("index_base", "the model was fitted to columns, not to numbered features");
  const TableOptions now = table_options(d);
  if (given.count("delimiter") > 0 || given.count("format") > 0) encoder.table.delimiter = now.delimiter;
  if (d.format == "tsv" && given.count("delimiter") == 0) encoder.table.delimiter = "tab";
  if (given.count("decimal") > 0) encoder.table.decimal = now.decimal;
  if (given.count("skip_rows") > 0) encoder.table.skip_rows = now.skip_rows;
  if (given.count("missing_values") > 0) encoder.table.missing_values = now.missing_values;
  if (given.count("header") > 0 && now.header != Header::automatic && (now.header == Header::present) != encoder.had_header)
    refuse("header", encoder.had_header ? "the model finds its columns by name, so DATA needs a header"
                                        : "the training data had no header, so the model finds its columns by number; "
                                          "data.skip_rows leaves the header of DATA out");
  if (given.count("missing") == 0) return;
  encoder.missing = missing_rule(d.missing);
  const bool fills = std::all_of(encoder.columns.begin(), encoder.columns.end(),
                                 [](const EncodedColumn& c) { return c.categorical || c.has_fill; });
  if ((encoder.missing == Missing::mean || encoder.missing == Missing::median) && !fills)
    refuse("missing", "the model was fitted without data.missing=" + d.missing +
                          ", so it has nothing to fill in; drop-row leaves such rows out");
}

}  // namespace

int predict_verb(const CommandLine& line, Streams& io) {
  require_files(line, 2, 2, "tacit predict MODEL DATA [data.KEY=VALUE ...] [-o FILE]");
  ProgressLine progress(io.err, progress_kind(line, io));
  const Heartbeat heartbeat(progress);
  progress.begin("predicting");
  const NothingToKeep reading(kReading);
  for (const std::string& warning :
       predict(line.files[0], line.files[1], line.output, io.out, [&](Encoder& encoder) { adjust(encoder, line.overrides); })) {
    progress.message(render_warning("W201", "data", warning, "", {io.colour}));
  }
  return kDone;
}

}  // namespace tacit
