#include <tacit/cli/run/run_json.hpp>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/run/exit_code.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>

namespace tacit {

using nlohmann::json;

json work_json(const Work& w) {
  return {{"values", w.values},
          {"gradients", w.gradients},
          {"hessian_products", w.hessian_products},
          {"cross_products", w.cross_products},
          {"map_steps", w.map_steps},
          {"data_passes", w.passes_known ? json(w.data_passes) : json(nullptr)}};
}

Ending ending_of(StopReason r, bool doubtful) {
  const char* status = status_word(r, doubtful);
  switch (r) {
    case StopReason::tolerance:
    case StopReason::step_limit:
    case StopReason::time_limit:
    case StopReason::patience:
    case StopReason::stalled:
      return {status, kDone};
    case StopReason::interrupted:
      return {status, interrupting_signal() == 15 ? kTerminated : kInterrupted};
    default:
      return {status, kNumerical};
  }
}

json hyper_json(const HyperSpace& space, In u) {
  json j = json::object();
  Index at = 0;
  for (const HyperBlock& b : space.blocks()) {
    if (b.size == 1) {
      j[b.name] = u[at++];
      continue;
    }
    json list = json::array();
    for (Index i = 0; i < b.size; ++i) list.push_back(u[at++]);
    j[b.name] = list;
  }
  return j;
}

json summary_json(const Summary& s, const HyperSpace& space, const StartValues& start) {
  json best = nullptr;
  if (!solutions(s.best_evaluation).empty())
    best = {{"step", s.best.step},
            {"outer_loss", number_json(s.best.outer_loss)},
            {"outer_loss_error", number_json(s.best.diagnostics.outer_loss_error)},
            {"hypergradient_error", number_json(s.best.diagnostics.hypergradient_error)},
            {"hyperparameters", hyper_json(space, natural_values(space, s.best_evaluation.theta, &start))}};
  return {{"status", status_word(s)},
          {"message", s.message},
          {"doubt", s.doubt.empty() ? json(nullptr) : json(s.doubt)},
          {"stop_reason", to_string(s.reason)},
          {"best", best},
          {"outer_steps", s.steps},
          {"schedule", to_string(s.schedule)},
          {"tolerances", {{"inner", number_json(s.tightest.inner)}, {"adjoint", number_json(s.tightest.adjoint)}}},
          {"work", work_json(s.work)},
          {"diagnostic_work", work_json(s.diagnostic_work)},
          {"worst_hypergradient_error", number_json(s.worst_error)},
          {"unknown_errors", s.unknown_errors},
          {"start_loss", number_json(s.start_loss)},
          {"gradient_target", number_json(s.target)}};
}

json thresholds_json(const std::optional<double>& warn_error, const std::optional<double>& fail_error) {
  return {{"warn_error", warn_error ? json(*warn_error) : json(nullptr)},
          {"fail_error", fail_error ? json(*fail_error) : json(nullptr)}};
}

std::string begun_text(json facts) {
  facts["status"] = "running";
  return json_text(facts);
}

std::string failed_text(json facts, const std::string& message) {
  for (const char* key : {"notes", "versions", "data", "peak_memory_bytes"}) facts.erase(key);
  facts["status"] = "failed";
  facts["message"] = message;
  return json_text(facts);
}

}  // namespace tacit
