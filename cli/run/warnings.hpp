// Warnings in plain words: what a run gives reason to warn of, each kind once.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/bilevel/driver.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/style.hpp>
#include <tacit/problems/data/prepare.hpp>

namespace tacit {

/// A warning as it is printed and as run.json keeps it.
struct Warning {
  std::string code, context, what, more;
  bool passing = false;  ///< the run itself mends it as it goes on; the same code without this is another kind
};

/// Gathers warnings: each kind is printed when it first happens and counted afterwards.
class Warnings {
public:
  struct Entry {
    Warning warning;
    long count = 1;
  };
  /// True when this is the first of its kind.
  bool add(Warning w);
  const std::vector<Entry>& all() const { return entries_; }
  nlohmann::json json() const;

private:
  std::vector<Entry> entries_;
};

/// What a run is held to, and what it uses: no remedy proposes what is in use.
struct RunFacts {
  double warn_error = 0.1;
  Tolerance asked;
  double target = 0;             ///< of the hypergradient (hypergradient.accuracy), 0: none
  bool tolerance_given = false;  ///< inner.tolerance stands in the run file, so that it does not follow the target
  bool step_given = false;       ///< inner.step does
  bool standardized = false;
  bool iterates = false;  ///< x after exactly inner.max_steps steps is meant (inner.response: iterate)
  std::string solver, estimator;
};

/// What a step gives reason to warn of: inner problem or adjoint not converged; errors of hypergradient and outer loss that are
/// large, not known, contradicted by the measured reference, or above a target.
std::vector<Warning> step_warnings(const StepRecord& record, const RunFacts& run);
/// What the end of a run gives reason to warn of: values at the end of their range. looked_around: the run saw other points than
/// those that steps from its start led to, so that one at the start is no sign that nothing led away.
std::vector<Warning> bound_warnings(const std::vector<HyperRow>& rows, bool looked_around = false);

/// "warning[CODE] context: what" and under it, indented to where the context stands, the lines of `more`.
std::string render_warning(std::string_view code, std::string_view context, std::string_view what, std::string_view more,
                           Style style = {});

/// W202 where the target has one value on all rows, or on all that train: there is nothing to learn then. Empty: it has several.
std::vector<Warning> target_warnings(const Prepared& prepared);

/// All that is worth a look in the data, before anything is fitted: W201 and what has a code of its own (W202, W210 to W217,
/// W313).
std::vector<Warning> data_warnings(const Prepared& prepared);

}  // namespace tacit
