#include <tacit/cli/verbs/assembly.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/kept_memory.hpp>
#include <tacit/cli/verbs/selection.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/model/stacked.hpp>
#include <tacit/core/support/processors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

TableOptions table_options(const DataBlock& d) {
  TableOptions o;
  o.header = d.header == "present" ? Header::present : d.header == "absent" ? Header::absent : Header::automatic;
  o.skip_rows = d.skip_rows;
  o.limits.unpack_ratio = d.unpack_ratio;
  o.delimiter = d.delimiter;
  o.decimal = d.decimal.empty() ? '.' : d.decimal[0];
  o.missing_values = d.missing_values;
  return o;
}

Missing missing_rule(const std::string& word) {
  return word == "drop-row" ? Missing::drop_row
         : word == "mean"   ? Missing::mean
         : word == "median" ? Missing::median
                            : Missing::error;
}

namespace {

std::string text_or(const Text& t, const std::string& otherwise) { return t.text ? *t.text : otherwise; }

/// The text as a path, from the folder where it was written.
std::string path_of(const Text& t) {
  return t.text && !t.text->empty() ? (std::filesystem::path(t.base) / *t.text).lexically_normal().string() : "";
}

/// A file that a key names, so that the resolved run file holds from any folder.
void settle_file(Text& key, const std::string& file) {
  if (!file.empty()) key.text = std::filesystem::absolute(file).lexically_normal().string();
}

}  // namespace

DataOptions data_options(const RunConfig& c, TargetKind kind) {
  const DataBlock& d = c.data;
  DataOptions o;
  if (d.train.path) o.train = *d.train.path;
  o.format = d.format;
  o.target = text_or(d.target, "");
  o.target_path = path_of(d.target);
  o.target_kind = kind;
  if (d.features.names) o.features = *d.features.names;
  o.drop = d.drop;
  o.categorical = d.categorical.names;
  for (const auto& [name, patterns] : d.feature_groups.groups) o.feature_groups[name] = patterns;
  if (d.feature_groups.file) o.feature_groups_file = *d.feature_groups.file;
  o.weight = text_or(d.weight, "");
  // A file that the command line names lies where the command is run, not where the run file lies.
  const auto column_or_file = [&](const Text& t) {
    return t.base != d.weight.base && std::filesystem::is_regular_file(path_of(t)) ? path_of(t) : text_or(t, "");
  };
  o.group = column_or_file(d.group);
  o.base_dir = d.weight.base;  // all other paths are absolute
  o.table = table_options(d);
  o.table.limits.threads = c.limits.threads.is_number() ? c.limits.threads.n : usable_processors();
  o.missing = missing_rule(d.missing);
  if (d.index_base == "0") o.index_base = 0;
  if (d.index_base == "1") o.index_base = 1;
  o.features_total = d.features_total;
  if (d.test.file) o.test_file = *d.test.file;
  o.test_target = text_or(d.test_target, "");
  o.test_target_path = path_of(d.test_target);
  if (c.validation.file.path) o.validation_file = *c.validation.file.path;
  o.validation_target = text_or(c.validation.target, "");
  o.validation_target_path = path_of(c.validation.target);
  o.split_column = column_or_file(c.validation.split_column);
  return o;
}

namespace {

Stratify stratify_option(const RunConfig& c) {
  return !c.validation.stratify.value ? Stratify::automatic : *c.validation.stratify.value ? Stratify::yes : Stratify::no;
}

/// What a hold-out and folds have in common: SplitOptions or FoldOptions.
template <class Options>
Options draw_options(const RunConfig& c, const std::vector<Index>& among) {
  Options o;
  o.among = among;
  o.test_fraction = among.empty() ? c.data.test.fraction.value_or(0) : 0;
  o.stratify = stratify_option(c);
  o.seed = static_cast<std::uint64_t>(c.seed);
  return o;
}

SplitOptions split_options(const RunConfig& c, const std::vector<Index>& among) {
  auto o = draw_options<SplitOptions>(c, among);
  o.fraction = c.validation.fraction;
  return o;
}

FoldOptions fold_options(const RunConfig& c, const std::vector<Index>& among) {
  auto o = draw_options<FoldOptions>(c, among);
  o.folds = c.validation.folds;
  o.repeats = c.validation.repeats;
  return o;
}

/// Up to so many rows folds are worth their price where nothing is said.
constexpr double kMostFolded = 5000;

/// What `validation.scheme: auto` is for these data: what a file or a split column says, else what a key of one scheme asks for,
/// else folds where there are few rows.
std::string automatic_scheme(const RunConfig& c, const Dataset& data) {
  if (c.validation.file.path) return "files";
  if (!data.split.empty()) return names_folds(data) ? "kfold" : "holdout";
  // --print-config writes the keys of all schemes, which asks for none.
  const bool folds = c.validation.given("folds") || c.validation.given("repeats"), fraction = c.validation.given("fraction");
  if (folds != fraction) return folds ? "kfold" : "holdout";
  const auto trains = std::count(data.origin.begin(), data.origin.end(), Origin::train);
  const double left = static_cast<double>(trains) * (1 - c.data.test.fraction.value_or(0));
  const std::set<Index> groups(data.group.begin(), data.group.end());
  const double units = data.group.empty() ? left : static_cast<double>(groups.size());
  return left <= kMostFolded && units >= static_cast<double>(c.validation.folds) ? "kfold" : "holdout";
}

ModelOptions model_options(const RunConfig& c) {
  ModelOptions o;
  o.intercept = c.model.intercept;
  o.reduction = c.model.reduction == "sum" ? Reduction::sum : Reduction::mean;
  const HyperEntry& penalty = c.penalty();
  o.per = penalty.per == "feature" ? PenaltyPer::feature : penalty.per == "group" ? PenaltyPer::group : PenaltyPer::all;
  if (penalty.fixed()) {
    if (penalty.fix.kind != HyperValue::Kind::number)
      throw UsageError(c.penalty_key("fix") + " takes one number in this version", c.penalty_key("fix"));
    o.fixed = penalty.fix.number;
  }
  if (penalty.range.bounds) {
    o.lower = penalty.range.bounds->first;
    o.upper = penalty.range.bounds->second;
  }
  return o;
}

PrepareChoices prepare_choices(const RunConfig& c, std::shared_ptr<const ModelTask> task) {
  PrepareChoices o{std::move(task)};
  o.positive = c.model.positive.text;
  o.class_weight.balanced = c.model.class_weight.balanced;
  for (const auto& [label, value] : c.model.class_weight.weights) o.class_weight.weights[label] = value;
  const auto& standardize = c.prepare.standardize.value;
  o.standardize = !standardize ? Standardize::automatic : *standardize ? Standardize::yes : Standardize::no;
  o.model = model_options(c);
  if (c.validation.loss != "auto" && c.validation.loss != o.task->kind().loss) o.model.outer_loss = loss_named(c.validation.loss);
  return o;
}

/// No more than there is use for: of folds, or of one problem the points of a grid and random ones, or of the rows of a pass. The
/// result is the same whatever the number.
void settle_threads(Assembly& a) {
  Count& threads = a.config.limits.threads;
  const auto parts = static_cast<Index>(std::max<std::size_t>(1, a.validation.parts.size()));
  const bool points = a.config.outer.optimizer == "grid" || a.config.outer.optimizer == "random";
  const LinearModel* f = a.problem.f->linear();
  const Index most = std::max(parts == 1 && points ? PlannedPoints::kWave : parts, f ? f->design().chunks() : 1);
  if (most == 1 && threads.is_number() && threads.n > 1)
    a.method.notes.push_back(
        "limits.threads: folds, grid points and the rows of large data are computed beside each other, and here is none of "
        "these: "
        "one thread");
  threads = Count::of(std::min(threads_asked(a.config), most));
}

}  // namespace

namespace {

/// A third of the validation rows of a part, drawn by class and with groups whole, which leave it.
std::vector<Index> kept_aside(const RunConfig& c, const Dataset& data, Split& part, SplitMix64& random) {
  std::vector<Index> classes;
  if (!data.classes.empty() && c.validation.stratify.value.value_or(true))
    for (Index r = 0; r < data.rows(); ++r) classes.push_back(static_cast<Index>(data.y[r]));
  const bool groups = std::all_of(part.validation.begin(), part.validation.end(),
                                  [&](Index r) { return !data.group.empty() && data.group[static_cast<std::size_t>(r)] >= 0; });
  std::vector<Index> aside = draw_rows(part.validation, 1.0 / 3,
                                       {classes, groups ? std::span<const Index>(data.group) : std::span<const Index>()}, random);
  if (aside.empty() || !(pick(data.weight.size() > 0 ? data.weight : Vec::Ones(data.rows()), aside).sum() > 0))
    throw UsageError("a part has too few validation rows to keep a third of them aside for stopping", "outer.patience");
  return aside;
}

/// outer.patience: the parts again, with fewer validation rows.
void keep_aside(Assembly& a) {
  if (a.validation.row_score())
    throw UsageError("outer.patience keeps validation rows aside, and validation.scheme: " + a.config.validation.scheme +
                         " has every row in its closed form; leave it out, or use validation.scheme: kfold",
                     "outer.patience");
  SplitMix64 random(static_cast<std::uint64_t>(a.config.seed) + 1);
  Folds parts;
  parts.folds = a.validation.folds;
  parts.repeats = a.validation.repeats;
  parts.names = a.validation.names;
  for (const Prepared& part : a.validation.parts) {
    Split rows = part.rows;
    a.stopping.push_back(kept_aside(a.config, *a.prepared.data, rows, random));
    parts.parts.push_back(std::move(rows));
  }
  a.validation = cross_validation(a.prepared, parts);
  a.method.notes.push_back(
      "outer.patience: a third of the validation rows is kept aside, tells the best row and when to stop; the "
      "outer loss is that of the others");
}

/// Does the run solve sums of squares at once? Where steps are taken, passes over the rows are what they are counted in.
bool solves_directly(const RunConfig& c, const Strategies& strategies) {
  if (c.inner.solver != "auto") return c.inner.solver == "cholesky";
  if (c.hypergradient.estimator == "auto") return true;
  const Needs needs = strategies.estimators.make(c.hypergradient.estimator)->needs();
  return !needs.tape.wanted() && !needs.map;
}

/// Which rows train, and which validate: `prepared`, `validation` and the problems.
void prepare_rows(Assembly& a, const std::shared_ptr<const Dataset>& data, PrepareChoices choices, RowsUsed rows,
                  const std::vector<Index>& among, const Strategies& strategies) {
  RunConfig& c = a.config;
  if (rows == RowsUsed::all_train) {
    a.prepared = prepare_problem(data, all_rows(data->x.rows()), std::move(choices));
  } else {
    if (c.validation.scheme == "auto") c.validation.scheme = automatic_scheme(c, *data);
    const bool by_rows = c.validation.scheme == "loo" || c.validation.scheme == "gcv";
    if ((by_rows || c.validation.scheme == "kfold") && !c.outer.refit)
      throw UsageError(
          std::string("outer.refit: false keeps the tuned model of a hold-out, and ") +
              (by_rows ? "validation.scheme: " + c.validation.scheme + " holds none out" : "cross-validation has one a fold") +
              "; leave it out, or use validation.scheme: holdout",
          "outer.refit");
    if (by_rows) {
      FoldOptions rows_that_test = fold_options(c, among);
      rows_that_test.folds = 2;
      a.prepared = prepare_problem(data, rows_of_folds(make_folds(*data, rows_that_test)), std::move(choices));
      a.validation = row_scored(a.prepared, c.validation.scheme == "gcv" ? RowScore::gcv : RowScore::leave_one_out);
      a.method.notes.push_back("scaling and fills are fitted once, on all rows: validation.scheme " + c.validation.scheme +
                               " does not repeat them without each row");
    } else if (c.validation.scheme == "kfold") {
      const Folds folds = make_folds(*data, fold_options(c, among));
      a.prepared = prepare_problem(data, rows_of_folds(folds), std::move(choices));
      a.validation = cross_validation(a.prepared, folds);
      a.prepared.raw_moments = a.validation.raw_moments;
    } else {
      Split split = make_split(*data, split_options(c, among));
      a.prepared = rows == RowsUsed::train_part && solves_directly(c, strategies)
                       ? prepare_holdout(data, std::move(split), std::move(choices))
                       : prepare_problem(data, std::move(split), std::move(choices));
      a.validation = hold_out(a.prepared);
    }
    if (c.outer.patience) keep_aside(a);
  }
  const auto mine = [&](Prepared& p) {
    p.problem.name = c.run_name;
    if (c.inner.iterates()) p.problem.response = Response::iterate;
    return of_run(p.problem, a);
  };
  a.problem = mine(a.prepared);
  for (Prepared& part : a.validation.parts) a.problems.push_back(mine(part));
  if (!a.problems.empty()) a.problem = a.problems.front();
}

}  // namespace

Problem of_run(Problem problem, const Assembly& a) {
  return of_run(std::move(problem), a, [asked = a.interrupter] { return asked->due(); });
}

Problem of_run(Problem problem, const Assembly& a, std::function<bool()> stop) {
  if (stop) problem = interruptible(std::move(problem), std::move(stop));
  return counted(std::move(problem), a.account);
}

const Validation& Assembly::centred() const {
  if (!centred_parts) {
    centred_parts = validation;
    for (Prepared& part : centred_parts->parts) part = tacit::centred(part);
  }
  return *centred_parts;
}

bool Assembly::centres_nothing() const {
  const Validation& other = centred();
  for (std::size_t k = 0; k < validation.parts.size(); ++k) {
    if (other.parts[k].x != validation.parts[k].x) return false;
  }
  return true;
}

std::size_t held_out_rows(const Validation& v) {
  std::size_t rows = 0;
  for (const Prepared& p : v.parts) rows += p.rows.validation.size();
  return rows / static_cast<std::size_t>(v.repeats);
}

std::string validation_text(const Assembly& a) {
  const Validation& v = a.validation;
  const std::string rows = std::to_string(held_out_rows(v)) + " rows";
  if (const RowScoreLoss* l = v.row_score())
    return l->score() == RowScore::gcv ? rows + " by generalized cross-validation" : rows + ", each left out in turn";
  if (v.holdout()) return rows;
  return rows + " in " + std::to_string(v.folds) + " folds" +
         (v.repeats > 1 ? ", drawn " + std::to_string(v.repeats) + " times" : "");
}

std::string training_text(const Assembly& a) {
  const Validation& v = a.validation;
  const bool others = v.row_score() ? v.row_score()->score() == RowScore::leave_one_out : !v.holdout();
  return others ? "the others" : std::to_string(a.prepared.rows.train.size()) + " rows";
}

Index threads_asked(const RunConfig& config) {
  return config.limits.threads.is_number() ? config.limits.threads.n : usable_processors();
}

Index threads_beside(const Assembly& a, std::size_t count) {
  const auto there = static_cast<Index>(count), threads = threads_asked(a.config);
  const LinearModel* f = a.problem.f->linear();
  const bool rows_have_more = f && !f->by_gram() && there < f->design().chunks();
  return there < threads && rows_have_more ? 1 : std::min(there, threads);
}

std::unique_ptr<Oracle> over_parts(const Assembly& a, const Validation& v,
                                   const std::function<std::unique_ptr<Oracle>(std::size_t)>& make) {
  if (v.holdout()) return make(0);
  std::vector<Summand> parts;
  for (std::size_t k = 0; k < v.parts.size(); ++k) parts.push_back({make(k), v.weight[k], v.names[k]});
  SumOptions options;
  options.threads = threads_beside(a, parts.size());
  options.alike = true;
  return sum_of(std::move(parts), options);
}

std::vector<Problem> problems_from(const Assembly& a, const std::shared_ptr<const Start>& start) {
  std::vector<Problem> all = a.problems;
  for (Problem& p : all) p.start = start;
  return all;
}

Problem as_one(const Assembly& a, const std::shared_ptr<const Start>& start) {
  std::vector<Problem> all = problems_from(a, start);
  return all.size() == 1 ? std::move(all.front()) : stacked(std::move(all), a.validation.weight);
}

std::unique_ptr<Oracle> with_pull(const Assembly& a, std::unique_ptr<Oracle> oracle) {
  return a.pull ? pulled_oracle(std::move(oracle), a.problem.space, *a.pull) : std::move(oracle);
}

std::unique_ptr<Oracle> run_oracle(const Assembly& a, const OracleOptions& options) {
  auto sum = over_parts(a, a.validation,
                        [&](std::size_t k) { return make_oracle(a.problems[k], a.method.solver, a.method.estimator, options); });
  return with_pull(a, std::move(sum));
}

namespace {

void settle_method(Assembly& a, const Strategies& strategies) {
  Method method = choose_method(a.config, a.problem, strategies, std::max<std::size_t>(1, a.problems.size()));
  for (Problem& p : a.problems) p.start = method.start;
  a.problem.start = method.start;
  method.notes.insert(method.notes.begin(), a.method.notes.begin(), a.method.notes.end());
  a.method = std::move(method);
  const auto optimizer = make_optimizer(a.config, strategies);
  if (!optimizer->takes_start() && a.problem.space.size() > 0)
    a.first_point = optimizer->begin(a.problem.space, a.problem.space.upper(), outer_plan(a.config));
}

/// What a run works with, about: the features, and vectors of a number a column, of which the solves for a point and its
/// estimates have some tens at a time and leave gaps for more.
double bytes_of_run(const Features& x) {
  constexpr double kVectors = 256;
  const double entries = x.sparse ? 12.0 * static_cast<double>(x.csr.nonZeros()) : 8.0 * static_cast<double>(x.dense.size());
  return entries + kVectors * 8 * static_cast<double>(x.cols());
}

}  // namespace

std::unique_ptr<Assembly> assemble(RunConfig config, const Strategies& strategies, RowsUsed rows,
                                   const std::function<void()>& when_read) {
  auto a = std::make_unique<Assembly>();
  a->config = std::move(config);
  a->interrupter = std::make_shared<Interrupter>();
  const RunConfig& c = a->config;
  const auto task = make_task(c.model.kind);
  std::shared_ptr<const Dataset> data;
  {
    const NothingToKeep reading(kReading);
    data = std::make_shared<const Dataset>(
        load_dataset(data_options(c, task->classifier() ? TargetKind::classes : TargetKind::number)));
  }
  if (when_read) when_read();
  prefer_large_pages(bytes_of_run(data->x));
  settle_file(a->config.data.weight, data->weight_file);
  settle_file(a->config.data.target, data->target_file);
  settle_file(a->config.data.test_target, data->test_target_file);
  settle_file(a->config.validation.target, data->validation_target_file);
  settle_file(a->config.data.group, data->group_file);
  settle_file(a->config.validation.split_column, data->split_file);
  prepare_rows(*a, data, prepare_choices(c, task), rows, {}, strategies);
  // What cannot be is refused before the run.
  if (c.validation.outer_folds > 0 && rows != RowsUsed::all_train) (void)outer_folds_of(*a, c.validation.outer_folds);
  settle_threads(*a);
  settle_method(*a, strategies);
  a->method.notes.insert(a->method.notes.begin(), data->notes.begin(), data->notes.end());
  return a;
}

std::unique_ptr<Assembly> assemble_among(RunConfig config, const Assembly& whole, const std::vector<Index>& rows,
                                         const Strategies& strategies) {
  auto a = std::make_unique<Assembly>();
  a->config = std::move(config);
  a->interrupter = whole.interrupter;
  a->account = whole.account;
  prepare_rows(*a, whole.prepared.data, prepare_choices(a->config, make_task(a->config.model.kind)), RowsUsed::train_part, rows,
               strategies);
  settle_threads(*a);
  settle_method(*a, strategies);
  return a;
}

Folds outer_folds_of(const Assembly& a, Index folds) {
  const Dataset& data = *a.prepared.data;
  FoldOptions o = fold_options(a.config, rows_of_refit(a.prepared.rows));
  o.folds = folds;
  o.repeats = 1;
  o.seed = SplitMix64(o.seed).next();  // other folds than those that tune
  const char* key = "validation.outer_folds";
  if (a.config.validation.scheme == "files" || (!data.split.empty() && !names_folds(data)))
    throw UsageError(
        "outer folds are drawn from the rows that train and validate, and here these are named apart; use "
        "validation.scheme: kfold or holdout without a file or words of a split column",
        key);
  Folds drawn;
  try {
    drawn = make_folds(data, o);
  } catch (const UsageError& e) {
    throw UsageError(std::string("outer folds: ") + e.what(), key);
  }
  if (drawn.folds != folds)
    throw UsageError("the split column names " + std::to_string(drawn.folds) +
                         " folds, which the outer folds are then too; set " + key + ": " + std::to_string(drawn.folds),
                     key);
  return drawn;
}

OracleOptions oracle_options(const RunConfig& c) {
  OracleOptions o;
  o.warm_start = c.inner.warm_start;
  o.error_estimate = c.diagnostics.level != "off";
  o.truncation = c.diagnostics.level == "full";
  o.reference_every = o.truncation ? c.diagnostics.reference : 0;
  o.audit_every = o.truncation ? c.diagnostics.audit : 0;
  return o;
}

DriverOptions driver_options(const Assembly& a, const RunConfig& c) {
  DriverOptions o;
  o.derivatives_known = true;  // those of the models are tested
  o.seed = outer_plan(a.config).seed;
  o.threads = a.validation.parts.size() > 1 ? 1 : threads_beside(a, PlannedPoints::kWave);  // else they are the folds'
  o.max_steps = a.problem.space.size() == 0 || a.held_equal ? 0 : c.outer.max_steps;
  o.tolerance = c.outer.tolerance;
  o.select = c.outer.select == "last" ? DriverOptions::Select::last : DriverOptions::Select::best;
  o.schedule = schedule_named(c.outer.schedule);  // auto names none
  o.judge = judge_of(a);
  o.patience = c.outer.patience.value_or(0);
  o.follow_target = c.follows_target();
  o.warn_error = c.diagnostics.warn_error.value_or(0);
  o.closing = [asked = a.interrupter] { asked->close(); };
  return o;
}

RunFacts run_facts_of(const Assembly& a, const RunConfig& c) {
  RunFacts f;
  f.warn_error = c.diagnostics.warn_error.value_or(std::numeric_limits<double>::infinity());
  f.asked = {a.method.solver->tolerance(), a.method.estimator->tolerance()};
  f.target = a.method.estimator->target();
  f.tolerance_given = c.inner.given("tolerance");
  f.step_given = c.inner.given("step");
  f.standardized = a.prepared.scaling.active();
  f.iterates = c.inner.iterates();
  f.solver = a.method.solver_name;
  f.estimator = a.method.estimator_name;
  return f;
}

// A start is worth nothing where it was chosen by what a solver left undone.

}  // namespace tacit
