// The keys of the run file, block by block; this one list serves reading, writing, the schema and the manual.
#include <algorithm>
#include <stdexcept>

#include <tacit/cli/runfile/config.hpp>
#include <tacit/cli/runfile/field_values.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {

namespace {

constexpr Range kFraction{0, 1, true, true};

}  // namespace

void RunConfig::fields(BlockVisitor& v) {
  v.field("tacit", tacit, Range{1, 1}, "version of the run file's schema, required");
  v.field("name", name, "name of the run; null: the stem of the run file");
  v.field("seed", seed, Range::at_least(0), "of splits and every other random choice");
  v.block("data", data, "what is read");
  v.block("prepare", prepare, "what is done to the columns");
  v.block("validation", validation, "on which rows the outer loss is measured");
  v.block("model", model, "the inner objective");
  v.block("hyper", hyper, "what is tuned; no block: what the model has");
  v.block("inner", inner, "how the inner problem is solved");
  v.block("hypergradient", hypergradient, "how the outer loss is differentiated");
  v.block("outer", outer, "how the hyperparameters move");
  v.block("diagnostics", diagnostics, "what is measured beside");
  v.block("limits", limits, "time, memory, threads");
  v.block("output", output, "the run folder");
  v.block("compare", compare, "of `tacit compare` only");
  v.block("curve", curve, "of `tacit curve` only");
}

void DataBlock::fields(BlockVisitor& v) {
  v.field("train", train, "training data: " + join(file_endings(), " ") + ", each also .gz, relative to the run file");
  std::vector<std::string> formats{"auto"};
  for (const FileFormat& f : file_formats()) formats.push_back(f.name);
  v.field("format", format, formats, "auto: by the name of the file");
  v.field(
      "target", target,
      "column name, 1-based column number, last, or a file with one value a row (.npy .mtx -ubyte, or text); labels may be text");
  v.field("features", features, "columns that are features: all but target, weight, group and drop, or names and globs");
  v.field("drop", drop, "columns left out: names and globs");
  v.field("categorical", categorical,
          "one-hot columns; auto: columns without a number, up to 50 levels, unless their cells are numbers in another notation "
          "(D130)");
  v.field("feature_groups", feature_groups, "groups of features for `per: group`");
  v.field("weight", weight, "column or file of row weights, used in the inner loss and in every validation score");
  v.field("group", group, "column, or a file with one value a row: rows of one group stay in one fold or part");
  v.field("header", header, {"auto", "present", "absent"},
          "auto: by what stands in the first row and below it; a doubt is said (W210)");
  v.field("skip_rows", skip_rows, Range::at_least(0), "lines left out at the beginning of the file: comments, titles, sep=;");
  v.field("delimiter", delimiter, {"auto", ",", ";", "tab", "space"}, "between the fields of a line");
  v.field("decimal", decimal, {".", ","}, "decimal sign of the numbers");
  v.field("missing", missing, {"error", "drop-row", "mean", "median"},
          "missing cells; mean and median are fitted on the training rows only");
  v.field("missing_values", missing_values, "texts that stand for a missing cell");
  v.field("index_base", index_base, {"auto", "0", "1"}, "libsvm: number of the first feature, one for all files");
  v.field("features_total", features_total, Range::at_least(1),
          "libsvm: number of features; null: the largest index of all files", "null");
  v.field("unpack_ratio", unpack_ratio, Range::at_least(1),
          "bytes that a gzip file may unpack to for each byte stored (beyond the first 16 MiB)");
  v.field("test", test, "test file or fraction of the rows, touched once, after the last outer step");
  v.field("test_target", test_target, "target column of the test file, or a file; null: as in the training data");
  v.field("synthetic", synthetic, "made-up data instead of train");
}

void PrepareBlock::fields(BlockVisitor& v) {
  v.field("standardize", standardize,
          "centre and scale the columns, fitted on the training rows; auto: unless the format is sparse; coefficients are on the "
          "original scale");
}

void ValidationBlock::fields(BlockVisitor& v) {
  v.field(
      "scheme", scheme, {"auto", "holdout", "kfold", "files", "loo", "gcv", "sure"},
      "auto: as file or split_column says, or the keys of one scheme that are given; else kfold up to 5000 rows, holdout beyond; "
      "loo, gcv: closed forms of ridge over all rows");
  v.field("fraction", fraction, kFraction, "holdout: share of the rows that validate");
  v.field("folds", folds, Range::at_least(2), "kfold: number of folds; the outer loss is that of all rows, each held out once");
  v.field("repeats", repeats, Range::at_least(1), "kfold: so many draws of folds, averaged");
  v.field("outer_folds", outer_folds, Range::at_least(0),
          "0: off; else so many folds of all rows, on each of which the whole procedure, tuned on the others, is judged: what "
          "tuning itself costs");
  v.field("file", file, "files: the validation rows");
  v.field("target", target, "files: target column of that file, or a file; null: as in the training data");
  std::vector<std::string> losses = loss_names();
  losses.insert(losses.begin(), "auto");
  v.field("loss", loss, losses,
          "outer loss, in the margin a.w + b; auto: the model's; squared: of classes, coded -1 and +1, too");
  v.field("stratify", stratify, "keep the shares of the classes in every part or fold; auto: for classification");
  v.field("split_column", split_column,
          "column, or a file with one value a row, that names the part of each row: train, validation or test, or the number of "
          "the fold "
          "that holds it out (never a feature)");
}

void ModelBlock::fields(BlockVisitor& v) {
  std::vector<std::string> kinds;
  for (const ModelKind& k : model_kinds()) kinds.emplace_back(k.name);
  v.field("kind", kind, kinds, "loss and penalty");
  v.field("intercept", intercept, "a free intercept, never penalised");
  v.field("reduction", reduction, {"mean", "sum"}, "of the inner loss: 1/n of the sum over the rows, or the sum");
  v.field("delta", delta, Range::positive(), "huber: where the loss turns from square to straight");
  v.field("class_weight", class_weight, "weight of the classes, in inner and outer loss");
  v.field("positive", positive, "label of the positive class; auto: the later one in sorted order");
}

HyperBlockConfig::HyperBlockConfig() {
  for (const HyperKind& kind : hyper_kinds()) entries.push_back({kind.name, {}});
}

HyperEntry& HyperBlockConfig::at(std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Named& named) { return named.name == name; });
  if (found == entries.end()) throw std::out_of_range("no model has the hyperparameter " + std::string(name));
  return found->entry;
}

const HyperEntry& HyperBlockConfig::at(std::string_view name) const { return const_cast<HyperBlockConfig*>(this)->at(name); }

void HyperBlockConfig::fields(BlockVisitor& v) {
  for (const HyperKind& kind : hyper_kinds()) v.block(kind.name, at(kind.name), kind.doc);
}

const std::string& RunConfig::penalty_name() const {
  const ModelKind* kind = find_model_kind(model.kind);
  return kind && !kind->hyper.empty() ? kind->hyper.front() : hyper.entries.front().name;
}

std::string RunConfig::penalty_key(std::string_view key) const { return "hyper." + penalty_name() + "." + std::string(key); }

void HyperEntry::fields(BlockVisitor& v) {
  v.field(
      "start", start,
      "first value in natural units; auto: best of a coarse warm path, for many the best after a few steps from several common "
      "levels, the tuned single one among them");
  v.field(
      "range", range,
      "box of the values in natural units; auto: from 1e-6 of the least to 1e3 times the largest curvature that a column has, "
      "about its mean where there is an intercept");
  v.field("per", per, {"all", "feature", "group", "class", "sample"}, "one value for all, or one for each");
  v.field("fix", fix, "a value that is not tuned, instead of start and range");
  v.field(
      "pull", pull, Range::at_least(0),
      "many penalties are pulled towards their median c: (pull/2) s sum_j h(ln u_j - c) is added to what is minimised, h(t) = "
      "t^2 to |t| = 1 and 2 |t| - 1 beyond, s the outer loss of the intercept alone over their number; auto: the best of "
      "1, 0.1, 0.01 and 0 on folds inside the rows that do not test, or one penalty where that is not clearly better",
      "auto");
}

void InnerBlock::fields(BlockVisitor& v) {
  v.field("solver", solver, "auto: one that the estimator can use");
  v.field("start", start, "x_0 of a cold run");
  v.field(
      "response", response, {"solution", "iterate"},
      "what the outer loss is taken at: solution, or iterate, x after exactly max_steps steps from the cold start. iterate sets "
      "warm_start false, tolerance 0, schedule fixed, step and momentum to numbers (given, or as auto takes them at the run's "
      "start), under auto gradient-descent and full-unroll with stride auto");
  v.field("warm_start", warm_start, "start from the solution of the last outer step");
}

void HypergradientBlock::fields(BlockVisitor& v) {
  v.field("estimator", estimator, "auto: implicit-cg to `accuracy`; truncated-unroll with window auto where there is no Hessian");
  v.field("accuracy", accuracy, Range{0, 1, true, true},
          "estimator auto, window auto: relative error of the hypergradient that is aimed at");
}

std::optional<Index> InnerBlock::max_steps() const {
  if (!strategy) return {};
  const FieldMap fields = fields_of(*strategy);
  const auto at = fields.find("max_steps");
  const auto* value = at == fields.end() ? nullptr : std::get_if<Index*>(&at->second);
  return value ? std::optional<Index>(**value) : std::nullopt;
}

bool HypergradientBlock::aims() const {
  if (!strategy) return true;
  const FieldMap fields = fields_of(*strategy);
  const auto window = fields.find("window");
  const auto* count = window == fields.end() ? nullptr : std::get_if<Count*>(&window->second);
  return count && (*count)->is_auto();
}

void OuterBlock::fields(BlockVisitor& v) {
  v.field("optimizer", optimizer, "how theta, the logarithm of the hyperparameters, moves");
  v.field(
      "max_steps", max_steps, Range::at_least(0),
      "outer steps at most, for optimizers without hypergradients points in all; 0: evaluate the start alone and write its row");
  v.field(
      "tolerance", tolerance, Range::at_least(0),
      "stop when the outer loss could fall by no more than this share of its value at the start, sum_j |g_j| min(distance of "
      "theta_j to its bound along -g_j, ln 10), or by ten times that while, at two rows in a row, the last step gained and the "
      "L-BFGS model predicts within the box no more than a tenth of it");
  v.field("schedule", schedule, {"auto", "fixed", "quadratic", "cubic", "exponential", "adaptive"},
          "how inner and adjoint tolerance fall to the given ones; auto: adaptive (fixed for adam, for estimators that "
          "differentiate the "
          "iterations, and without steps)");
  v.field("select", select, {"best", "last", "one-se"},
          "which point is taken: the best row of the run, its last, or the best's penalties times the largest factor whose outer "
          "loss is within one standard error of the best's");
  v.field("metric", metric,
          "what tells the best row, on the rows that validate: auc, accuracy, f1 of the positive class, rmse or mae; null: the "
          "outer loss, which the run follows whatever this says");
  v.field("patience", patience, Range::at_least(1),
          "stop after so many steps without gain on a third of the validation rows, which is kept aside for that and tells the "
          "best row; the outer loss is then that of the others; null: no such rows",
          "null");
  v.field("refit", refit, "fit the final model on training and validation rows");
}

void DiagnosticsBlock::fields(BlockVisitor& v) {
  v.field("reference", reference, Range::at_least(0),
          "a tight reference hypergradient every N outer steps, its work counted apart; 0: never");
  v.field("audit", audit, Range::at_least(0), "k_match every N outer steps, for compare with the parts of each error; 0: never");
  v.field("warn_error", warn_error, Range::positive(),
          "warn when the estimated, or the measured, error of the hypergradient is above this", "null");
  v.field("level", level, {"full", "light", "off"},
          "light: the error estimates alone; off: nothing, and errors are then not known");
  v.field("fail_error", fail_error, Range::positive(), "end with exit code 5 when it is above this, or not known", "null");
}

void LimitsBlock::fields(BlockVisitor& v) {
  v.field("time", time,
          "tune, compare: time of the whole command; a tenth of it, at most 10 s, is for the final fit and the report");
  v.field("memory", memory,
          "most bytes of the states stored for differentiation: window auto keeps as many as fit, others are refused");
  v.field("threads", threads, Range::at_least(1), CountWords{false, true},
          "threads for folds, grid points or the rows of large data; auto: the processors that the process may use");
}

void OutputBlock::fields(BlockVisitor& v) {
  v.field("dir", dir, "run folder, relative to the working directory; {name} is the name of the run");
  v.field("checkpoint", checkpoint, "time between two checkpoints; null: none");
  v.field("predictions", predictions, "write predictions.csv");
}

void CompareBlock::fields(BlockVisitor& v) {
  v.field("mode", mode, {"same-path", "own-run", "both"}, "one trajectory for all, a run for each, or both");
  v.field("reference", reference, "estimator that is the truth for the errors");
  v.field("path", path, Range::at_least(1), "points on the reference run at which all are compared");
  v.field("repeats", repeats, Range::at_least(1), "runs with seed, seed+1, ...");
  v.field("estimators", estimators,
          "what is compared; an entry may override inner, and in mode own-run name an optimizer of its own");
  v.field("sweep", sweep, "lists of values of any key");
}

void CurveBlock::fields(BlockVisitor& v) {
  v.field("steps", steps, Range::at_least(1), "inner steps that are followed");
  v.field("starts", starts, "steps at which the derivative recursion starts");
  v.field("variable", variable, {"value", "log"}, "differentiate in u or in ln u");
  v.field("cost", cost, Range{0, 1000, true, false},
          "what differentiating a step costs more, in plain steps (c of theorem 6); auto: counted in passes over the data");
}

}  // namespace tacit
