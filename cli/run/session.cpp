#include <tacit/cli/run/session.hpp>

#include <cmath>
#include <ctime>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/peak_memory.hpp>
#include <tacit/cli/runfile/diagnostics.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/core/support/version.hpp>

namespace tacit {

using nlohmann::json;

Session::Session(const CommandLine& line, Streams& io) : line_(line), io_(io), progress_(io.err, progress_kind(line, io)) {}
Session::~Session() = default;

void Session::open(const RunConfig& config) {
  // config.resolved.yaml names the pattern; -o wins over it.
  const std::string& dir = config.output.dir;
  if (line_.output)
    folder_ = RunFolder::given(*line_.output, line_.force);
  else if (dir.find("{name}") == std::string::npos)
    folder_ = RunFolder::given(dir, line_.force);
  else
    folder_ = RunFolder::next_free(dir, config.run_name);
  auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>((folder_.path() / "log.txt").string(), true);
  log_ = std::make_shared<spdlog::logger>("tacit", sink);
  log_->set_pattern("%Y-%m-%dT%H:%M:%S %l %v");
  write("config.yaml", config.text);
  write("config.resolved.yaml", to_yaml(config, strategies_.catalog));
}

void Session::log(const std::string& text) {
  if (log_) log_->info(text);
}

void Session::say(const std::string& text) {
  log(text);
  if (!line_.quiet && !line_.json) progress_.message(text);
}

void Session::warn(const Warning& w) {
  const bool first = warnings_.add(w);
  if (log_) log_->warn("[{}] {}: {} {}", w.code, w.context, w.what, w.more);
  if ((first || line_.verbose) && !line_.quiet)
    progress_.message(render_warning(w.code, w.context, w.what, w.more, {io_.colour}));
}

void Session::write(const std::string& name, const std::string& content) const {
  write_atomically(folder_.path() / name, content);
}

void Session::make_folder(const std::string& name) const {
  std::error_code error;
  std::filesystem::create_directories(folder_.path() / name, error);
  if (error) throw IoError("make the folder", folder_.path() / name, error.value());
}

double Session::seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

std::string json_text(const json& j) { return j.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

json number_json(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

json work_json(const Work& w) {
  return {{"values", w.values},
          {"gradients", w.gradients},
          {"hessian_products", w.hessian_products},
          {"cross_products", w.cross_products},
          {"map_steps", w.map_steps},
          {"data_passes", w.passes_known ? json(w.data_passes) : json(nullptr)}};
}

Ending ending_of(StopReason r) {
  switch (r) {
    case StopReason::tolerance:
      return {"converged", kDone};
    case StopReason::step_limit:
      return {"step_limit", kDone};
    case StopReason::time_limit:
      return {"time_limit", kDone};
    case StopReason::stalled:
      return {"stalled", kDone};
    case StopReason::interrupted:
      return {"interrupted", interrupting_signal() == 15 ? kTerminated : kInterrupted};
    default:
      return {"failed", kNumerical};
  }
}

namespace {

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
  return {{"kind", a.config.model.kind},
          {"loss", a.prepared.task().kind().loss},
          {"intercept", o.intercept},
          {"reduction", o.reduction == Reduction::mean ? "mean" : "sum"},
          {"penalty", {{"per", per}, {"count", a.problem.space.size()}, {"fixed", o.fixed ? json(*o.fixed) : json(nullptr)}}},
          {"weights", a.prepared.weighted()},
          {"standardized", a.prepared.scaling.active()}};
}

}  // namespace

json run_facts(const Assembly& a, const Session& session) {
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
               {"validation", a.prepared.rows.validation.size()},
               {"test", a.prepared.rows.test.size()}};
  json files = json::array();
  for (const FileDigest& f : a.prepared.data->files)
    files.push_back({{"path", f.path}, {"fnv1a64", std::to_string(f.digest)}, {"rows", f.rows}});
  j["data"] = files;
  if (const auto peak = peak_memory_bytes()) j["peak_memory_bytes"] = *peak;
  return j;
}

std::string begun_text(json facts) {
  facts["status"] = "running";
  return json_text(facts);
}

}  // namespace tacit
