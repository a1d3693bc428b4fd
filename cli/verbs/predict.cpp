#include <tacit/cli/verbs/predict.hpp>

#include <cerrno>
#include <cmath>
#include <ostream>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

void check_sizes(const FittedModel& model, Index rows, const PredictionExtra& extra) {
  const auto fits = [&](std::size_t size) { return size == 0 || static_cast<Index>(size) == rows; };
  if (!fits(extra.row.size()) || !fits(extra.fold.size()) || !fits(extra.target.size()))
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
  if (!extra.target.empty()) text += ",target";
  text += ",prediction";
  if (probabilities)
    for (const std::string& label : model.classes) text += "," + csv_cell("probability_" + label);
  text += "\n";
  for (Index i = 0; i < margin.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    text += std::to_string(extra.row.empty() ? i + 1 : extra.row[k]);
    if (!extra.fold.empty()) text += "," + csv_cell(extra.fold[k]);
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

}  // namespace tacit
