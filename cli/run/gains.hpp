// What tuning gained, in losses of the same rows paired with each other, and the words for it: the one place that has them.
#pragma once
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit {

/// Gains on some rows, each a mean of paired differences with its standard error; NaN where it is not known.
struct PairedGains {
  MeanLoss over_intercept{kMissing, kMissing}, over_start{kMissing, kMissing};
  MeanLoss over_single{kMissing, kMissing};  ///< many penalties: over the single tuned one
  MeanLoss over_one_se{kMissing, kMissing};  ///< of the best row: over one-se, where that is another point
  MeanLoss over_best{kMissing, kMissing};    ///< of one-se, where it was taken: over the best row
};

struct Gains {
  PairedGains validation;
  std::optional<PairedGains> test;
  bool chosen = true;     ///< the validation rows chose the penalty: what they show is optimistic
  bool searched = false;  ///< they chose the start too, so that a gain over it is that of the outer steps alone
  bool folded = false;    ///< they are the rows that folds hold out
};

/// How sure a gain is, in units of its own standard error.
enum class Evidence { unknown, worse, chance, clear };
/// clear from 2 standard errors on, worse from -2 on; unknown where mean or error is not known.
Evidence evidence_of(const MeanLoss& gain);
/// Those on test rows where there are some, else on the validation rows.
const PairedGains& deciding(const Gains& gains);
/// The least sure of the gains that a run stands for: over the intercept alone, over the start where that was given, and of many
/// penalties over the single one; on test rows where there are some.
Evidence evidence_of(const Gains& gains);
/// Many penalties whose gain over the single one is not clear: what that means and what to do, in a sentence each; else empty.
struct Remark {
  std::string what, advice;
};
std::optional<Remark> remark_on_many(const Gains& gains);

/// "12.3 +- 4.1 (paired), 3 standard errors"; empty where the mean is not known.
std::string gain_text(const MeanLoss& gain);
/// The gains for a table; `optimistic` is said of rows that chose the penalty. Empty where none is known.
std::string gains_text(const PairedGains& gains, bool optimistic);
/// What was gained, in sentences for a verdict; empty where nothing is known.
std::string gains_in_words(const Gains& gains);

/// {over_intercept: {mean, standard_error, in_standard_errors}, over_start: ..., over_single: ..., over_one_se: ...,
/// over_best: ..., test: {...} or null, optimistic, start_searched}
nlohmann::json gains_json(const Gains& gains);

}  // namespace tacit
