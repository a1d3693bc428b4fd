#include <tacit/cli/verbs/start.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <tacit/cli/verbs/selection.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit {

namespace {

constexpr double kShareOfTime = 0.2;  // of limits.time: for either search of a start, where nobody gives one

/// The columns name and value of a hyper.csv.
std::map<std::string, double> values_of_file(const std::string& path) {
  const std::string remedy = "name a hyper.csv as an earlier run wrote it";
  TableOptions options;
  options.header = Header::present;
  options.delimiter = ",";
  options.missing_values.clear();
  const Table table = Table::read(path, options);
  const Index name = table.find("name"), value = table.find("value");
  if (name < 0 || value < 0) throw table.file().error("D107", "the file has no columns 'name' and 'value'", remedy);
  std::map<std::string, double> values;
  for (Index r = 0; r < table.rows(); ++r) {
    const double number = table.value(r, value);
    if (!std::isfinite(number))
      throw table.error("D108", quoted_text(table.cell(r, value)) + " is no number that a penalty can have", r, value, remedy);
    values[table.cell(r, name)] = number;
  }
  return values;
}

/// The start that the run file gives, in natural units. `key` is its path there.
Vec given_start(const HyperValue& start, const HyperBlock& block, const std::string& key) {
  const Index m = block.size;
  Vec u(m);
  if (start.kind == HyperValue::Kind::number) return Vec::Constant(m, start.number);
  if (start.kind == HyperValue::Kind::list) {
    if (static_cast<Index>(start.list.size()) != m)
      throw UsageError(
          key + " has " + std::to_string(start.list.size()) + " values, there are " + std::to_string(m) + " penalties", key);
    return Eigen::Map<const Vec>(start.list.data(), m);
  }
  std::map<std::string, double> values;
  const bool file = start.kind == HyperValue::Kind::file;
  if (file)
    values = values_of_file(start.file);
  else
    values.insert(start.named.begin(), start.named.end());
  for (Index i = 0; i < m; ++i) {
    const std::string label = static_cast<std::size_t>(i) < block.labels.size() ? block.labels[static_cast<std::size_t>(i)] : "";
    const std::string name = file ? (m > 1 ? block.name + "[" + label + "]" : block.name) : label;
    const auto at = values.find(name);
    if (at == values.end()) throw UsageError(key + " names no value for '" + name + "'", key);
    u[i] = at->second;
  }
  return u;
}

/// A start that is moved to the end of its range in silence would not be the one that was asked for.
void require_inside(const RunConfig& config, const HyperSpace& space, In theta, In u) {
  Vec inside = theta;
  space.project(inside);
  Index worst = 0;
  if ((inside - theta).cwiseAbs().maxCoeff(&worst) <= 1e-9) return;
  const HyperBlock& block = space.blocks().front();
  const std::string key = config.penalty_key("start");
  // What was given is repeated as it was given; a range that comes from the data has as many digits as tell it from the start.
  const auto& given = config.penalty().range;
  const std::vector<std::string> found = short_numbers({block.lower, block.upper, u[worst]});
  const std::string range =
      given.bounds ? exact_number(block.lower) + ", " + exact_number(block.upper) : found[0] + ", " + found[1];
  throw UsageError(key + ", " + exact_number(u[worst]) + ", lies outside of the range [" + range +
                       "]; move it, or widen the range with " + config.penalty_key("range"),
                   key);
}

}  // namespace

SearchOptions search_options(const Assembly& a) {
  SearchOptions options;
  const LinearModel* model = a.prepared.problem.f->linear();
  if (model) {
    const L2Range scale = default_l2_range(*model);
    options.lower = std::log(scale.lower);
    options.upper = std::log(scale.upper);
  }
  if (const auto limit = a.config.limits.time.seconds) options.seconds = kShareOfTime * *limit;
  options.interrupted = [asked = a.interrupter] { return asked->asked(); };
  return options;
}

std::unique_ptr<Oracle> search_oracle(const Assembly& a, PenaltyPer per, bool iterates) {
  const Validation& v = iterates ? a.validation : a.centred();
  return over_parts(a, v, [&](std::size_t k) {
    Problem problem = of_run(problem_with(v.parts[k], per), a);
    if (!iterates) return exact_oracle(std::move(problem));
    problem.response = Response::iterate;
    problem.start = a.problem.start;
    return iterate_oracle(std::move(problem), a.method.solver);
  });
}

namespace {

enum class SearchFor { one, tuned_one, many };

FoundStart search(Assembly& a, SearchFor what, bool iterates) {
  SearchOptions options = search_options(a);
  options.deviation = deviation_of(a, iterates);
  // In the middle of an evaluation too. What is left of the limit is the run's.
  a.interrupter->limit(options.seconds);
  const HyperSpace one = problem_with(a.prepared, PenaltyPer::all).space;
  FoundStart found = search_common(*search_oracle(a, PenaltyPer::all, iterates), one, what != SearchFor::one, options);
  if (found.at && !iterates) {
    options.near = kept_curvature(*found.at);
    if (a.centres_nothing()) a.kept = options.near;
  }
  if (what == SearchFor::many && !a.held_equal)
    found = search_many(*with_pull(a, search_oracle(a, a.prepared.model().per, iterates)), a.problem.space, std::move(found),
                        options);
  a.path = found.path;
  a.interrupter->limit(std::numeric_limits<double>::infinity());
  return found;
}

/// The part whose steps have to be the shortest.
const Problem& steepest(const std::vector<Problem>& problems, In u) {
  return *std::max_element(problems.begin(), problems.end(),
                           [&](const Problem& p, const Problem& q) { return p.f->smoothness(u) < q.f->smoothness(u); });
}

}  // namespace

std::optional<Vec> given_point(const Assembly& a) {
  const HyperSpace& space = a.problem.space;
  Vec theta = Vec::Zero(space.size());
  if (space.size() == 0) return theta;
  if (a.first_point) return a.first_point;
  const HyperValue& start = a.config.penalty().start;
  if (start.is_auto()) return {};
  const std::string key = a.config.penalty_key("start");
  const Vec u = given_start(start, space.blocks().front(), key);
  if (!(u.minCoeff() > 0)) throw UsageError(key + " must be positive: penalties move in log space", key);
  space.from_model(u, theta);
  require_inside(a.config, space, theta, u);
  space.project(theta);  // what rounding put outside
  return theta;
}

void fix_steps(InnerBlock& inner, const Problem& problem, In u, const Strategies& s) {
  if (problem.response == Response::solution) return;
  const auto solver = s.solvers.make(inner.solver);
  inner.configure(*solver);
  if (solver->fixed_map()) return;
  try {
    const auto map = solver->map(problem, u);
    inner.settle("step", map->step_size(), "inner", s.catalog);
    inner.settle("momentum", map->momentum(), "inner", s.catalog);
  } catch (const NumericalError& e) {
    throw UsageError(e.what(), "inner.step");
  }
}

void fix_steps(Assembly& a, In theta, const Strategies& s) {
  if (a.problem.response == Response::solution || a.method.solver->fixed_map()) return;
  const Vec u = natural_values(a.problem.space, theta);
  const Problem& problem = a.problems.empty() ? a.problem : steepest(a.problems, u);
  fix_steps(a.config.inner, problem, u, s);
  auto solver = s.solvers.make(a.config.inner.solver);
  a.config.inner.configure(*solver);
  const auto map = solver->map(problem, u);
  a.method.notes.push_back("inner.step: auto is " + short_number(map->step_size()) +
                           (map->momentum() != 0 ? ", inner.momentum " + short_number(map->momentum()) : "") +
                           ", for the whole run");
  a.method.solver = std::move(solver);
}

InnerBlock trial_steps(const Assembly& a, const Strategies& s) {
  const HyperSpace& space = a.problem.space;
  InnerBlock inner = a.config.inner;
  fix_steps(inner, a.problem, natural_values(space, (space.lower() + space.upper()) / 2), s);
  return inner;
}

Vec starting_point(Assembly& a, const Strategies& strategies) {
  if (const auto given = given_point(a)) {
    fix_steps(a, *given, strategies);
    return *given;
  }
  const HyperSpace& space = a.problem.space;
  const bool iterates = a.problem.response == Response::iterate;
  if (iterates && !a.method.solver->fixed_map())
    fix_steps(a, Vec::Constant(space.size(), search(a, SearchFor::one, false).common), strategies);
  const std::string key = a.config.penalty_key("start");
  if (a.config.outer.metric.word)
    a.method.notes.push_back("outer.metric: " + *a.config.outer.metric.word + " on the rows that validate tells the best row");
  const FoundStart found = search(a, space.size() > 1 ? SearchFor::many : SearchFor::one, iterates);
  if (space.size() > 1) a.single = SinglePenalty{found.common, found.common_loss};
  if (a.held_equal) {
    Vec theta = Vec::Constant(space.size(), found.common);
    space.project(theta);
    a.method.notes.push_back(key + ": auto is the tuned single penalty, " + short_number(std::exp(found.common)));
    return theta;
  }
  const std::vector<std::string> levels = short_numbers({std::exp(found.level), std::exp(found.common)});
  const std::string steps = found.steps == 1 ? " step" : " steps", cut = !found.cut ? ""
                                                                         : interrupting_signal() != 0
                                                                             ? "; the search was interrupted"
                                                                             : "; limits.time ended the search";
  a.method.notes.push_back(key + ": auto is " +
                           (space.size() == 1
                                ? short_number(std::exp(found.common)) + " (the best of a coarse path)"
                                : "the best of several searches: " + std::to_string(found.steps) + steps +
                                      " from the common value " + levels[0] + "; the tuned single penalty is " + levels[1]) +
                           cut);
  return found.theta;
}

void tune_single_penalty(Assembly& a) {
  if (a.single || a.problem.space.size() < 2) return;
  const FoundStart found = search(a, SearchFor::tuned_one, a.problem.response == Response::iterate);
  a.single = SinglePenalty{found.common, found.common_loss};
}

StartValues start_values(const Assembly& a, In theta0) {
  const HyperSpace& space = a.problem.space;
  const HyperValue& start = a.config.penalty().start;
  const bool searched = start.is_auto() || space.size() == 0;
  return {theta0,
          searched ? natural_values(space, theta0) : given_start(start, space.blocks().front(), a.config.penalty_key("start"))};
}

}  // namespace tacit
