// The one verdict on a run, which everything that shows the run repeats.
#pragma once
#include <string>

#include <tacit/bilevel/driver.hpp>

namespace tacit::inline TACIT_ABI {

/// Above this share of itself an outer loss, and above this or DriverOptions::warn_error a hypergradient, is in doubt.
inline constexpr double kDoubtfulLoss = 0.01, kDoubtfulHypergradient = 0.1;

/// What is in doubt in a row, as a sentence; empty when nothing is. Hypergradient or outer loss are when their estimated error is
/// too large or, in a row whose errors were to be estimated, not known.
TACIT_EXPORT std::string doubt(const StepRecord& row, double warn_error);

/// The outer loss of a row is too far off, or of unknown error, to be compared with others.
TACIT_EXPORT bool doubtful_loss(double outer_loss, const Diagnostics& diagnostics);

/// A relative error in words: "about 3 %", "more than 1000 %".
TACIT_EXPORT std::string share_text(double share);
/// What a warm start was worth, in words: "worth 12.3 inner iterations", beyond a million no more than that.
/// iterations: Diagnostics::implicit_truncation of the run's own map; in steps of another there is nothing to be said.
TACIT_EXPORT std::string warm_start_worth(double iterations);

/// converged | budget | stalled | doubtful | failed | interrupted; doubtful takes the place of converged and stalled where
/// Summary::doubt says something.
TACIT_EXPORT const char* status_word(StopReason reason, bool doubtful);
inline const char* status_word(const Summary& summary) { return status_word(summary.reason, !summary.doubt.empty()); }

}  // namespace tacit::inline TACIT_ABI
