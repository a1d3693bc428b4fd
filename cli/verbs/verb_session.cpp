#include <tacit/cli/verbs/verb_session.hpp>

#include <cinttypes>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/peak_memory.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/core/support/version.hpp>
#include <tacit/problems/data/prepare.hpp>

namespace tacit {

using nlohmann::json;

Progress progress_kind(const CommandLine& line, const Streams& io) {
  if (line.quiet || line.progress == "none") return Progress::none;
  if (line.progress == "bar" || (line.progress == "auto" && io.terminal)) return Progress::bar;
  return line.verbose ? Progress::every : Progress::plain;
}

VerbSession::VerbSession(const CommandLine& line, Streams& io)
    : Session({progress_kind(line, io), !line.quiet && !line.json, true, line.verbose && !line.quiet}, io), line_(line) {}

void VerbSession::open(const RunConfig& config) {
  // config.resolved.yaml names the pattern; -o wins over it.
  const std::string& dir = config.output.dir;
  if (line_.output)
    Session::open(RunFolder::given(*line_.output, line_.force));
  else if (dir.find("{name}") == std::string::npos)
    Session::open(RunFolder::given(dir, line_.force));
  else
    Session::open(RunFolder::next_free(dir, config.run_name));
  write("config.yaml", config.text);
  write("config.resolved.yaml", to_yaml(config, strategies_.catalog));
}

namespace {

/// As `xxhsum -H3` prints it.
std::string hex_digits(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

/// A point in time as ISO 8601 has it, in UTC.
std::string utc_text(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

const std::string kEigenVersion =
    std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION);

/// The choices that make the objective what it is, for the formulas of the report.
json model_json(const Assembly& a) {
  const ModelOptions& o = a.prepared.model();
  const char* per = o.per == PenaltyPer::all ? "all" : o.per == PenaltyPer::feature ? "feature" : "group";
  json j{{"kind", a.config.model.kind},
         {"loss", a.prepared.task().kind().loss},
         {"outer_loss", a.prepared.model().outer_loss ? a.config.validation.loss : a.prepared.task().kind().loss},
         {"intercept", o.intercept},
         {"reduction", o.reduction == Reduction::mean ? "mean" : "sum"},
         {"penalty", {{"per", per}, {"count", a.problem.space.size()}, {"fixed", o.fixed ? json(*o.fixed) : json(nullptr)}}},
         {"weights", a.prepared.weighted()},
         {"standardized", a.prepared.scaling.active()}};
  // What the coefficients are where they are no solution.
  if (a.config.inner.iterates()) j["steps"] = a.config.inner.max_steps().value_or(0);
  return j;
}

}  // namespace

json folds_json(const Validation& v) {
  if (v.parts.size() < 2) return nullptr;
  json rows = json::array();
  for (const Prepared& p : v.parts) rows.push_back(p.rows.validation.size());
  return {{"count", v.folds}, {"repeats", v.repeats}, {"rows", rows}};
}

json run_facts(const Assembly& a, const VerbSession& session) {
  json j{{"format", kRunFormat},      {"tacit", kVersion},     {"verb", session.line().verb},
         {"name", a.config.run_name}, {"seed", a.config.seed}, {"objective", a.prepared.objective_text()},
         {"notes", a.method.notes},   {"model", model_json(a)}};
  j["method"] = {
      {"inner_solver", a.method.solver_name}, {"estimator", a.method.estimator_name}, {"optimizer", a.config.outer.optimizer}};
  j["validation"] = a.config.validation.scheme;
  j["threads"] = a.config.limits.threads.n;
  j["versions"] = {{"tacit", kVersion}, {"eigen", kEigenVersion}, {"compiler", __VERSION__}};
  j["started"] = utc_text(session.started_at());
  j["features"] = a.prepared.x->cols();
  j["rows"] = {{"train", a.prepared.rows.train.size()},
               {"validation", held_out_rows(a.validation)},
               {"test", a.prepared.rows.test.size()}};
  j["folds"] = folds_json(a.validation);
  json files = json::array();
  const Dataset& data = *a.prepared.data;
  for (const std::vector<FileDigest>* list : {&data.files, &data.beside}) {
    for (const FileDigest& f : *list) files.push_back({{"path", f.path}, {"xxh3_64", hex_digits(f.digest)}, {"rows", f.rows}});
  }
  j["data"] = files;
  j["storage"] = data.x.sparse ? "sparse" : "dense";
  if (data.encoder.sparse) j["index_base"] = data.encoder.index_base;
  if (const auto peak = peak_memory_bytes()) j["peak_memory_bytes"] = *peak;
  return j;
}

void warn_of_data(VerbSession& session, const Prepared& prepared) {
  if (const std::string remark = prepared.centre_remark(); !remark.empty()) session.say(remark);
  for (const Warning& w : data_warnings(prepared)) session.warn(w);
}

}  // namespace tacit
