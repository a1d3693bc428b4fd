// tacit curve: the error of iterate and unrolled derivative over the inner iterations, beside the theory's bounds.
#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/verbs/report.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/threads.hpp>
#include <tacit/hypergrad/curve.hpp>

namespace tacit {

namespace {

using nlohmann::json;

std::unique_ptr<Algorithm> make_algorithm(RunConfig& config, const StrategyCatalog& catalog) {
  if (config.inner.iterates())
    throw UsageError(
        "a curve follows steps to the solution, and inner.response: iterate means x after inner.max_steps of them; use solution",
        "inner.response");
  Registry<Algorithm> algorithms("fixed-point map", "inner.solver");
  register_algorithms(algorithms);
  if (config.inner.solver == "auto") config.inner.choose("gradient-descent", "inner", catalog);
  if (!algorithms.contains(config.inner.solver))
    throw UsageError(
        "a curve follows a fixed-point map, and '" + config.inner.solver + "' is none; use " + join(algorithms.names(), " or "),
        "inner.solver");
  auto algorithm = algorithms.make(config.inner.solver);
  config.inner.configure(*algorithm);
  return algorithm;
}

/// "heavy-ball, step 0.31, momentum 0.62"
std::string map_text(const Curve& c, const RunConfig& config) {
  return config.inner.solver + ", step " + short_number(c.step_size) +
         (c.momentum != 0 ? ", momentum " + short_number(c.momentum) : "");
}

std::string curve_csv(const Curve& c) {
  std::string text = "k,iterate_error,iterate_bound";
  for (const DerivativeCurve& d : c.derivative) {
    const std::string s = std::to_string(d.start);
    text += ",derivative_error_" + s + ",derivative_bound_" + s;
  }
  text += '\n';
  const auto cell = [](const std::vector<double>& v, std::size_t k) {
    return v.empty() || std::isnan(v[k]) ? std::string() : number_text(v[k]);
  };
  for (std::size_t k = 0; k < c.iterate_error.size(); ++k) {
    text += std::to_string(k) + "," + cell(c.iterate_error, k) + "," + cell(c.iterate_bound, k);
    for (const DerivativeCurve& d : c.derivative) text += "," + cell(d.error, k) + "," + cell(d.bound, k);
    text += '\n';
  }
  return text;
}

json split_json(const BudgetSplit& s) {
  return {{"plain_steps", number_json(s.plain)},
          {"differentiated_steps", number_json(s.differentiated)},
          {"bound", number_json(s.bound)}};
}

json equal_cost_json(const EqualCostStart& s) {
  return {{"dropped_steps", s.dropped},
          {"plain_steps", s.plain},
          {"differentiated_steps", s.differentiated},
          {"error", number_json(s.error)},
          {"bound", number_json(s.bound)}};
}

/// The start with the least measured error.
const EqualCostStart& best_measured(const Curve& c) {
  return *std::min_element(c.equal_cost.begin(), c.equal_cost.end(),
                           [](const EqualCostStart& a, const EqualCostStart& b) { return a.error < b.error; });
}

json curve_json(const Curve& c, const CurveOptions& o) {
  const bool known = c.constants.known();
  json measured = json::object();
  for (const DerivativeCurve& d : c.derivative)
    measured[std::to_string(d.start)] = {{"k", d.peak}, {"error", number_json(d.error[static_cast<std::size_t>(d.peak)])}};
  const ContractionConstants& k = c.constants;
  json j{{"variable", o.log ? "log" : "value"},
         {"steps", o.steps},
         {"step_size", c.step_size},
         {"momentum", c.momentum},
         {"L", number_json(c.smoothness)},
         {"mu", number_json(c.convexity)},
         {"rho", number_json(k.rate)},
         {"rho_local", number_json(c.local_rate)},
         {"C", number_json(k.forcing)},
         {"M", number_json(k.jacobian)},
         {"e_0", number_json(k.start_error)},
         {"solution_gradient_norm", number_json(c.gradient_norm)},
         {"why_no_bounds", c.unknown.empty() ? json(nullptr) : json(c.unknown)},
         {"measured_peak", measured}};
  j["curse_present"] = known ? json(c.peak.present) : json(nullptr);
  j["peak"] = known ? json(c.peak.peak) : json(nullptr);
  j["peak_over_M"] = known && c.peak.height > 0 ? json(c.peak.height) : json(nullptr);
  j["burn_in"] = known ? json(c.peak.burn_in) : json(nullptr);
  j["best_start"] = known ? json(c.best_start) : json(nullptr);
  j["budget"] = known ? json{{"plain_steps", o.steps},
                             {"cost_of_differentiating", c.cost},
                             {"late_start", split_json(c.late_start)},
                             {"solve_then_frozen", split_json(c.frozen)}}
                      : json(nullptr);
  json starts = json::array();
  for (const EqualCostStart& s : c.equal_cost) starts.push_back(equal_cost_json(s));
  j["equal_cost"] = {
      {"cost_of_differentiating", c.cost},
      {"full_unroll", equal_cost_json(c.equal_cost.front())},
      {"planned", c.planned < 0 ? json(nullptr) : equal_cost_json(c.equal_cost[static_cast<std::size_t>(c.planned)])},
      {"best_measured", equal_cost_json(best_measured(c))},
      {"starts", std::move(starts)}};
  return j;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

void add_predictions(const Curve& c, const CurveOptions& o, Rows& rows) {
  const ContractionConstants& k = c.constants;
  rows.push_back({"constants", "rho " + short_number(k.rate) + ", C " + short_number(k.forcing) + ", M = |dx*| " +
                                   short_number(k.jacobian) + ", e_0 = |x_0 - x*| " + short_number(k.start_error)});
  rows.push_back({"curse of unrolling", c.peak.present
                                            ? "the bound rises to " + short_number(c.peak.height) + " M at step " +
                                                  short_number(std::round(c.peak.peak)) + " and is back at M at step " +
                                                  short_number(std::round(c.peak.burn_in))
                                            : "none: the bound falls from the first step on"});
  const bool late = c.best_start > o.steps;
  rows.push_back({"best late start",
                  "step " + std::to_string(c.best_start) +
                      (late ? ", beyond the " + std::to_string(o.steps) + " steps of this curve" : ", for any number of steps")});
  rows.push_back({"of " + std::to_string(o.steps) + " plain steps",
                  "differentiate the last " + short_number(std::round(c.late_start.differentiated)) +
                      " (differentiating a step costs " + short_number(c.cost) + " more), or solve for " +
                      short_number(std::round(c.frozen.plain)) + " and take " +
                      short_number(std::round(c.frozen.differentiated)) + " terms at the last iterate"});
}

/// "300 differentiated steps: error 0.1; 20 plain steps, then 290 differentiated (theorem 6): 0.05; ..."
std::string equal_cost_text(const Curve& c) {
  const auto start = [](const EqualCostStart& s, const std::string& error, const char* what) {
    return "; " + std::to_string(s.plain) + " plain steps, then " + std::to_string(s.differentiated) + " differentiated (" +
           what + "): " + error;
  };
  const EqualCostStart &full = c.equal_cost.front(), &best = best_measured(c),
                       &planned = c.equal_cost[static_cast<std::size_t>(std::max<Index>(c.planned, 0))];
  const std::vector<std::string> errors = short_numbers({full.error, planned.error, best.error});
  return "differentiating a step costs " + short_number(c.cost) + " plain steps more; " + std::to_string(full.differentiated) +
         " differentiated steps: " + errors[0] + (c.planned > 0 ? start(planned, errors[1], "theorem 6") : "") +
         (best.dropped > 0 ? start(best, errors[2], "the best tried") : "; no late start that was tried is better");
}

Rows curve_table(const VerbSession& session, const Assembly& a, const Curve& c, const CurveOptions& o) {
  Rows rows{{"objective", a.prepared.objective_text()},
            {"map", map_text(c, a.config) + "; L " + short_number(c.smoothness) + ", mu " + short_number(c.convexity) +
                        ", rate at the solution " + short_number(c.local_rate)}};
  if (c.constants.known()) add_predictions(c, o, rows);
  if (c.momentum != 0 && c.unknown.empty())
    rows.push_back(
        {"bounds", "from the norms of the powers of the map's matrix; a step with momentum has no contraction factor"});
  const std::vector<std::string> ends = short_numbers({c.iterate_error.front(), c.iterate_error.back()});
  rows.push_back({"iterate error", "from " + ends[0] + " to " + ends[1]});
  for (const DerivativeCurve& d : c.derivative) {
    const std::vector<std::string> errors =
        short_numbers({d.error.front(), d.error[static_cast<std::size_t>(d.peak)], d.error.back()});
    rows.push_back({"derivative error", "from step " + std::to_string(d.start) + ": M is " + errors[0] + ", largest " +
                                            errors[1] + " at step " + std::to_string(d.peak) + ", last " + errors[2]});
  }
  rows.push_back({"at equal cost", equal_cost_text(c)});
  if (!c.unknown.empty()) rows.push_back({"bounds", c.unknown});
  rows.push_back({"run folder", session.folder().string()});
  return rows;
}

/// u of the run file: a curve has no validation rows on which a start could be searched.
Vec given_point(Assembly& a) {
  const std::string fix = a.config.penalty_key("fix"), start = a.config.penalty_key("start");
  if (a.config.penalty().fixed())
    throw UsageError("a curve differentiates in the penalty, which " + fix + " holds fixed; give " + start + " instead", fix);
  if (a.config.penalty().start.is_auto())
    throw UsageError("a curve needs a value of the penalty at which to differentiate; give " + start, start);
  const Vec theta = *tacit::given_point(a);
  Vec u(theta.size());
  a.problem.space.to_model(theta, u);
  return u;
}

void leave_files(const VerbSession& session, const Assembly& a, const Curve& c, const CurveOptions& o) {
  session.write("curve.csv", curve_csv(c));
  session.write("curve.json", json_text(curve_json(c, o)));
  json run = run_facts(a, session);
  run["status"] = "done";
  run["seconds"] = session.seconds();
  run["work_in_all"] = work_json(a.account->read());
  run["warnings"] = session.warnings().json();
  session.write("run.json", json_text(run));
}

}  // namespace

int curve(const CommandLine& line, Streams& io) {
  VerbSession session(line, io);
  RunConfig config = load_config(line, session.strategies());
  if (line.print_config) {
    io.out << to_yaml(config, session.strategies().catalog);
    return kDone;
  }
  const ThreadScope threads(threads_asked(config));
  CurveOptions options;
  options.steps = config.curve.steps;
  options.starts = config.curve.starts.values;
  options.log = config.curve.variable == "log";
  options.cost = config.curve.cost;
  std::unique_ptr<Assembly> a;
  Curve c;
  try {
    const auto algorithm = make_algorithm(config, session.strategies().catalog);
    session.progress().begin("reading the data");
    a = assemble(config, session.strategies(), RowsUsed::all_train);
    a->method.notes.clear();  // of an estimator, which a curve has none of
    const Vec u = given_point(*a);
    session.progress().begin("following the map and its derivative");
    c = convergence_curve(a->problem, u, *algorithm, options);
    a->config.curve.cost = c.cost;  // so that the resolved run file names the number
    session.open(a->config);
  } catch (const UsageError& e) {
    throw RunFileError({config.issue_of(e)});
  }
  session.log("minimise over w" + std::string(a->prepared.model().intercept ? ", b" : "") + ":  " + a->prepared.objective_text());
  if (!c.unknown.empty()) session.log(c.unknown);
  warn_of_data(session, a->prepared);
  leave_files(session, *a, c, options);
  const ReportLeft report = leave_report(session);
  session.progress().clear();
  if (line.json) {
    json j = curve_json(c, options);
    j["output"] = session.folder().string();
    io.out << json_text(j);
  } else if (!line.quiet) {
    Rows rows = curve_table(session, *a, c, options);
    rows.push_back(report.row);
    io.out << aligned(rows);
  }
  return report.code(kDone);
}

}  // namespace tacit
