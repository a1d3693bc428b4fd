#include <tacit/bilevel/verdict.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

std::string doubt_of_hypergradient(const StepRecord& row, double warn_error) {
  const double error = row.diagnostics.hypergradient_error;
  if (row.theta.size() == 0 || row.hypergradient.size() == 0) return "";
  if (std::isnan(error)) return "how far its hypergradient is off is not known";
  if (error <= std::max(warn_error, kDoubtfulHypergradient)) return "";
  return "its hypergradient is off by " + share_text(error);
}

std::string doubt_of_loss(const StepRecord& row) {
  if (!doubtful_loss(row.outer_loss, row.diagnostics)) return "";
  const double error = row.diagnostics.outer_loss_error;
  if (std::isnan(error)) return "how far its outer loss is off is not known";
  return "its outer loss, " + short_number(row.outer_loss) + ", is off by about " + short_number(error);
}

}  // namespace

bool doubtful_loss(double outer_loss, const Diagnostics& d) {
  return d.errors_asked && !(d.outer_loss_error <= kDoubtfulLoss * std::abs(outer_loss));
}

std::string doubt(const StepRecord& row, double warn_error) {
  if (!row.diagnostics.errors_asked || std::isnan(row.outer_loss)) return "";
  const std::string first = doubt_of_hypergradient(row, warn_error), second = doubt_of_loss(row);
  if (first.empty() && second.empty()) return "";
  return "step " + std::to_string(row.step) + " is reported, and " + first + (first.empty() || second.empty() ? "" : ", and ") +
         second + (row.hypergradient.size() == 0 ? "" : "; where a wrong hypergradient vanishes there need be no minimum");
}

std::string share_text(double share) {
  return share >= 10 ? "more than 1000 %" : "about " + percent_text(std::round(1000 * share) / 1000);
}

std::string warm_start_worth(double iterations) {
  constexpr double kMillion = 1e6;
  return "worth " + (iterations < kMillion ? short_number(iterations) : std::string("more than a million")) + " inner iterations";
}

const char* status_word(StopReason reason, bool doubtful) {
  switch (reason) {
    case StopReason::tolerance:
      return doubtful ? "doubtful" : "converged";
    case StopReason::stalled:
      return doubtful ? "doubtful" : "stalled";
    case StopReason::step_limit:
    case StopReason::time_limit:
    case StopReason::patience:
      return "budget";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::failed:
    case StopReason::not_run:
      break;
  }
  return "failed";
}

}  // namespace tacit::inline TACIT_ABI
