#include <tacit/cli/run/warnings.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

bool Warnings::add(Warning w) {
  // Remarks on the data are no repetitions of each other.
  const auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.warning.code == w.code && e.warning.passing == w.passing && (w.context != "data" || e.warning.what == w.what);
  });
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

namespace {

/// "Try a, b, or c." of what is not in use already.
std::string try_text(const std::vector<std::string>& ways) {
  std::string text;
  for (std::size_t i = 0; i < ways.size(); ++i)
    text += (i == 0 ? "Try " : i + 1 == ways.size() ? (ways.size() > 2 ? ", or " : " or ") : ", ") + ways[i];
  return text.empty() ? "" : text + ".";
}

/// One step's warnings.
class StepWarnings {
public:
  StepWarnings(const StepRecord& record, const RunFacts& run)
      : r_(record), d_(record.diagnostics), run_(run), loose_(looser(record.solved, run.asked)) {}

  std::vector<Warning> all() {
    inner();
    if (found_.empty()) adjoint();
    if (found_.empty()) error();
    contradicted();
    unknown();
    missed_target();
    loss();
    cost();
    return std::move(found_);
  }

private:
  bool known() const { return !std::isnan(d_.hypergradient_error); }
  bool off() const { return d_.hypergradient_error > run_.warn_error; }
  std::string damage() const { return known() ? "The hypergradient is off by " + share_text(d_.hypergradient_error) + ". " : ""; }
  /// The reverse sweep to a target: window auto.
  bool sweeps() const { return run_.estimator == "truncated-unroll" && run_.target > 0; }
  void add(const char* code, std::string what, std::string more, bool passing = false) {
    found_.push_back({code, "step " + std::to_string(r_.step), std::move(what), std::move(more), passing});
  }
  void standardize(std::vector<std::string>& ways) const {
    if (!run_.standardized) ways.emplace_back("prepare.standardize=true");
  }

  void inner() {
    if (run_.iterates) return steps();
    if (solved(d_.inner_status) || !(run_.asked.inner > 0 || off())) return;
    const std::string after = " after " + std::to_string(d_.inner_steps) + " steps)";
    // More than at x = 0: more steps of the kind would make it worse.
    if (d_.inner_residual > 1 && run_.step_given)
      return add("W301", "the inner iteration diverges (residual " + sci(d_.inner_residual) + after + ".",
                 damage() + "Its step is too long: inner.step=auto is stable, and so is what is below 2/L.");
    std::vector<std::string> ways{"a larger inner.max_steps", "another inner.solver"};
    standardize(ways);
    const std::vector<std::string> sizes = sci_numbers({d_.inner_residual, run_.asked.inner});
    add("W301", "the inner problem has not converged (residual " + sizes[0] + ", asked " + sizes[1] + after + ".",
        damage() + try_text(ways));
  }

  // So many steps were asked, and what they leave of the gradient is no fault; more than at x = 0 is strange.
  void steps() {
    if (!(d_.inner_residual > 1)) return;
    add("W301",
        "after its " + std::to_string(d_.inner_steps) + " steps the inner gradient is " + short_number(d_.inner_residual) +
            " times that at zero coefficients.",
        "The steps diverge, or their start is far away: what is below 2/L is stable, and inner.step=auto is at the start of the "
        "run.");
  }

  void adjoint() {
    if (solved(d_.hypergradient_status) || d_.hypergradient_message.empty() || !(off() || !known())) return;
    std::vector<std::string> ways;
    if (sweeps() || run_.estimator == "implicit-cg" || run_.estimator == "neumann" || run_.estimator == "fixed-point")
      ways.emplace_back("a larger hypergradient.max_steps");
    better_estimator(ways);
    if (!run_.iterates) standardize(ways);
    add("W302", "the hypergradient is not exact: " + d_.hypergradient_message, damage() + try_text(ways));
  }

  void better_estimator(std::vector<std::string>& ways) const {
    if (run_.iterates) return ways.emplace_back("hypergradient.estimator=full-unroll"), void();
    if (run_.estimator == "truncated-unroll" && !sweeps()) ways.emplace_back("a larger window");
    if (run_.estimator != "implicit-cg" && run_.estimator != "implicit-direct")
      ways.emplace_back("hypergradient.estimator=implicit-cg");
  }

  void error() {
    if (!off()) return;
    const std::string what = "the hypergradient has an estimated relative error of " + short_number(d_.hypergradient_error) + ".";
    if (loose_)
      return add("W303", what,
                 "The schedule still solves loosely at this step (inner tolerance " + sci(r_.solved.inner) +
                     ") and tightens from step to step; outer.schedule=fixed solves tightly from the start.",
                 true);
    std::vector<std::string> ways;
    const bool rounding = d_.inner_status == Status::rounding;
    if (!rounding && run_.asked.inner > 0 && run_.tolerance_given) ways.emplace_back("a smaller inner.tolerance");
    better_estimator(ways);
    if (!run_.iterates) {
      standardize(ways);
      ways.emplace_back("a larger lower end of the range of the penalty");
    }
    add("W303", what,
        (rounding ? "The inner problem is solved as well as rounding allows, and is nearly singular. " : "") + try_text(ways));
  }

  // The estimate is no more than that; where the truth was measured, it counts.
  void contradicted() {
    constexpr double kNothing = 1e-6, kFactor = 10;
    const double measured = d_.hypergradient_error_reference, estimate = d_.hypergradient_error;
    if (std::isnan(measured)) return;
    const bool apart = std::max(measured, estimate) > kNothing &&
                       (measured > kFactor * std::max(estimate, kNothing) || estimate > kFactor * std::max(measured, kNothing));
    if (!(measured > run_.warn_error && !off()) && !apart) return;
    const std::vector<std::string> errors = short_numbers({measured, estimate});
    add("W304",
        "a reference hypergradient shows an error of " + errors[0] + ", the estimate is " + (known() ? errors[1] : "not known") +
            ".",
        "Where they differ trust the reference. The inner problem is ill-conditioned: " +
            std::string(run_.standardized ? "a stronger penalty helps."
                                          : "prepare.standardize=true or a stronger penalty helps."));
  }

  void unknown() {
    if (!d_.errors_asked || d_.cut_short) return;
    const bool hyper = r_.theta.size() > 0 && r_.hypergradient.size() > 0 && !known(), value = std::isnan(d_.outer_loss_error);
    if (!hyper && !value) return;
    std::vector<std::string> ways;
    standardize(ways);
    ways.emplace_back("a stronger penalty");
    ways.emplace_back("other units of the columns");
    add("W305",
        std::string("how far ") + (hyper ? "the hypergradient" : "the outer loss") +
            (hyper && value ? " and the outer loss" : "") + (hyper && value ? " are" : " is") + " off could not be estimated.",
        "A result of this run is not to be relied on before it is confirmed. " + try_text(ways));
  }

  void missed_target() {
    if (!(run_.target > 0) || loose_ || off() || !(d_.hypergradient_error > run_.target)) return;
    if (!run_.tolerance_given || d_.inner_status != Status::converged) return;
    add("W306",
        "the hypergradient is off by " + short_numbers({d_.hypergradient_error, run_.target})[0] +
            ", more than hypergradient.accuracy, " + exact_number(run_.target) + ": inner.tolerance, " +
            exact_number(run_.asked.inner) + ", ends the inner solve before.",
        "Remove inner.tolerance, then it follows the accuracy, or lower it.");
  }

  void loss() {
    const double error = d_.outer_loss_error;
    if (!doubtful_loss(r_.outer_loss, d_) || std::isnan(error)) return;
    std::vector<std::string> ways;
    if (!solved(d_.inner_status)) ways.emplace_back("a larger inner.max_steps");
    standardize(ways);
    ways.emplace_back("a stronger penalty");
    add("W307", "the outer loss, " + short_number(r_.outer_loss) + ", is off by about " + short_number(error) + ".",
        "It is that of an inexact inner solution. " + try_text(ways));
  }

  void cost() {
    constexpr double kFactor = 10;
    if (!(d_.sweep_cost > kFactor * d_.cg_cost)) return;
    add("W308",
        "a hypergradient to hypergradient.accuracy, " + exact_number(run_.target) + ", takes about " +
            short_number(std::round(d_.sweep_cost)) + " steps of the reverse sweep by prediction, about " +
            short_number(d_.cg_cost) + " steps of conjugate gradients; either has one product with the Hessian.",
        std::string("Use hypergradient.estimator=implicit-cg") +
            (run_.solver == "gradient-descent" ? ", or a map with momentum (inner.solver=nesterov)." : "."));
  }

  const StepRecord& r_;
  const Diagnostics& d_;
  const RunFacts& run_;
  bool loose_;
  std::vector<Warning> found_;
};

}  // namespace

std::vector<Warning> step_warnings(const StepRecord& record, const RunFacts& run) { return StepWarnings(record, run).all(); }

namespace {

/// "a = 1, b = 2 and 3 more"
class NamedList {
public:
  void add(const HyperRow& r) {
    constexpr int kShown = 5;  // a list of a hundred names is read by nobody
    if (++count_ <= kShown) text_ += (count_ > 1 ? ", " : "") + r.name + " = " + short_number(r.value);
    more_ = std::max(0, count_ - kShown);
  }
  bool empty() const { return count_ == 0; }
  std::string text() const { return text_ + (more_ > 0 ? " and " + std::to_string(more_) + " more" : ""); }

private:
  std::string text_;
  int count_ = 0, more_ = 0;
};

}  // namespace

std::vector<Warning> bound_warnings(const std::vector<HyperRow>& rows, bool looked_around) {
  NamedList lower, upper;
  std::string block;
  bool moved = looked_around;
  for (const HyperRow& r : rows) {
    moved = moved || std::abs(r.value - r.start) > 1e-9 * r.start;
    if (!r.at_bound) continue;
    block = "hyper." + r.block;
    (r.value - r.lower <= r.upper - r.value ? lower : upper).add(r);
  }
  if (block.empty()) return {};
  const std::string widen = "widen the range (" + block + ".range)";
  std::string what = "the best value sits on the edge of its range, ", advice;
  if (!upper.empty()) {
    what += "the upper end: " + upper.text() + (lower.empty() ? "." : "; the lower end: ");
    advice += "At the upper end a feature is switched off, which can be right; else " + widen + ".";
  } else {
    what += "the lower end: ";
  }
  if (!lower.empty()) {
    what += lower.text() + ".";
    advice += std::string(advice.empty() ? "" : " ") + "At the lower end a penalty does next to nothing" +
              (upper.empty() ? "; if even that is too much, " + widen + " downwards." : ".");
  }
  if (!moved)
    advice = "It is where the run started, and no step led away from there: " + widen + ", or give another " + block + ".start.";
  return {{"W310", "result", what, advice}};
}

std::vector<Warning> target_warnings(const Prepared& p) {
  const auto on = [&](const std::vector<Index>& rows) {
    return rows.empty() ? std::optional<double>() : constant_value(pick(p.y, rows), pick(p.weight, rows));
  };
  const std::optional<double> train = on(p.rows.train);
  if (!train) return {};
  std::vector<Index> all = rows_of_refit(p.rows);
  all.insert(all.end(), p.rows.test.begin(), p.rows.test.end());
  const std::string value = p.labels.empty() ? exact_number(*train) : "'" + p.labels[*train > 0] + "'";
  if (on(all))
    return {{"W202", "data",
             "the target is " + value + " in every row: there is nothing to learn, and no penalty is better than another.",
             "Look at data.target; r2 and the like are not defined."}};
  return {{"W202", "data",
           "the target is " + value + " in all " + std::to_string(p.rows.train.size()) +
               " training rows, though not in the others: the model can predict nothing else, whatever the penalty.",
           "Train on other rows (another seed, a larger training part, validation.split_column)."}};
}

namespace {

/// Numbers that may be meant as classes: few whole ones, each in several rows.
std::optional<Warning> few_numbers(const Prepared& p) {
  constexpr std::size_t kMost = 7;
  constexpr double kRowsEach = 3;
  std::set<double> values;
  for (const Index r : rows_of_refit(p.rows)) {
    const double y = p.y[r];
    if (y != std::floor(y)) return std::nullopt;
    if (values.insert(y).second && values.size() > kMost) return std::nullopt;
  }
  const auto rows = static_cast<double>(p.rows.train.size() + p.rows.validation.size());
  if (values.size() < 2 || rows < kRowsEach * static_cast<double>(values.size())) return std::nullopt;
  std::vector<std::string> shown;
  for (const double v : values) shown.push_back(number_label(v));
  const std::string count = std::to_string(values.size());
  return Warning{"W214", "data",
                 "the target has " + count + " different values, all whole numbers (" + join(shown) + "), and the model, " +
                     p.task().kind().name + ", takes them for amounts.",
                 std::string("If they are classes, use model.kind=logistic") +
                     (values.size() == 2 ? "." : " (with model.positive=" + shown.back() + ": one against the rest).")};
}

std::optional<Warning> one_validation_class(const Prepared& p) {
  if (p.labels.empty() || p.rows.validation.empty()) return std::nullopt;
  const std::optional<double> value = constant_value(pick(p.y, p.rows.validation), pick(p.weight, p.rows.validation));
  if (!value) return std::nullopt;
  return Warning{"W215", "data",
                 "all " + std::to_string(p.rows.validation.size()) + " validation rows are of the class '" +
                     p.labels[*value > 0] + "': their loss does not tell a good model from one that always says so.",
                 "Validate on rows of both classes: validation.stratify=true, other seeds, or another file."};
}

}  // namespace

std::vector<Warning> data_warnings(const Prepared& p) {
  std::vector<Warning> all;
  for (const std::string& w : p.data->warnings) all.push_back({"W201", "data", w, ""});
  for (const DataRemark& r : p.data->remarks) all.push_back({r.code, "data", r.what, r.remedy});
  if (const auto remark = p.scale_remark()) all.push_back({"W313", "data", remark->what, remark->remedy});
  if (const Features& x = p.data->x; x.sparse_format && !x.sparse && p.choices.standardize == Standardize::automatic)
    all.push_back(
        {"W216", "data",
         "the data are dense, though their format is one for sparse data, whose columns prepare.standardize: auto leaves as "
         "they are.",
         "Say which is meant: prepare.standardize=true or false."});
  const std::vector<Warning> target = target_warnings(p);
  all.insert(all.end(), target.begin(), target.end());
  if (const auto few = p.labels.empty() && target.empty() ? few_numbers(p) : std::nullopt) all.push_back(*few);
  if (const auto one = target.empty() ? one_validation_class(p) : std::nullopt) all.push_back(*one);
  return all;
}

std::string render_warning(std::string_view code, std::string_view context, std::string_view what, std::string_view more,
                           Style style) {
  const std::string head = "warning[" + std::string(code) + "]";
  std::string out = painted(head, kYellow, style) + " ";
  if (!context.empty()) out += std::string(context) + ": ";
  const std::string indent(head.size() + 1, ' ');
  out += indented(what, indent) + "\n";
  if (!more.empty()) out += indent + indented(more, indent) + "\n";
  return out;
}

}  // namespace tacit
