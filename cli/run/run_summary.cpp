#include <tacit/cli/run/run_summary.hpp>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/session.hpp>

namespace tacit {

namespace {

using nlohmann::json;

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

}  // namespace

json summary_json(const Summary& s, const HyperSpace& space, const StartValues& start) {
  json best = nullptr;
  if (s.best_evaluation.state)
    best = {{"step", s.best.step},
            {"outer_loss", number_json(s.best.outer_loss)},
            {"hyperparameters", hyper_json(space, natural_values(space, s.best_evaluation.theta, &start))}};
  return {{"status", ending_of(s.reason).status},
          {"message", s.message},
          {"stop_reason", to_string(s.reason)},
          {"best", best},
          {"outer_steps", s.steps},
          {"schedule", to_string(s.schedule)},
          {"tolerances", {{"inner", number_json(s.tightest.inner)}, {"adjoint", number_json(s.tightest.adjoint)}}},
          {"work", work_json(s.work)},
          {"diagnostic_work", work_json(s.diagnostic_work)},
          {"worst_hypergradient_error", number_json(s.worst_error)},
          {"start_loss", number_json(s.start_loss)},
          {"gradient_target", number_json(s.target)}};
}

json thresholds_json(const DiagnosticsBlock& d) {
  return {{"warn_error", d.warn_error ? json(*d.warn_error) : json(nullptr)},
          {"fail_error", d.fail_error ? json(*d.fail_error) : json(nullptr)}};
}

}  // namespace tacit
