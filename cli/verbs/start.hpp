// Where the outer steps of a run begin, and the numbers that are fixed there.
#pragma once
#include <memory>
#include <optional>

#include <tacit/bilevel/start_search.hpp>
#include <tacit/cli/verbs/assembly.hpp>

namespace tacit {

/// Where to look for a start, and for how long: the scale of the data, a share of limits.time, whoever asks for the end.
SearchOptions search_options(const Assembly& a);
/// Exact solutions of the parts of a validation as one oracle, with columns centred where there is an intercept; where iterates
/// are meant and `iterates` is said, those.
std::unique_ptr<Oracle> search_oracle(const Assembly& a, PenaltyPer per, bool iterates = false);

/// theta of a start that is given, or that the outer optimizer has of its own, or where nothing is tuned; none where it is
/// searched. Throws UsageError for one that cannot be.
std::optional<Vec> given_point(const Assembly& a);
/// theta at which the outer run starts: as given, or (auto) as search_common and search_many find it, over exact solutions with
/// centred columns, whatever solver the run uses. What was done is added to method.notes, and `single` is filled where there are
/// many. Asked to stop, or past its share of limits.time, it is the best so far. Where iterates are meant, steps are fixed at a
/// given start; else at the best common value of the solutions, and the search is then over the iterates.
Vec starting_point(Assembly& a, const Strategies& strategies);
/// Fills `single` where there are many penalties and it is not known yet: for a run whose start was given, and whose steps are
/// fixed.
void tune_single_penalty(Assembly& a);

/// The start in natural units: as the run file gives it, else theta0 where the search ended.
StartValues start_values(const Assembly& a, In theta0);

/// Step size and momentum of an iterate as numbers: where the run file leaves them to auto, as auto takes them at u, in the run
/// file's block and in a solver made of it. Left alone where the run means the solution.
void fix_steps(InnerBlock& inner, const Problem& problem, In u, const Strategies& strategies);
void fix_steps(Assembly& a, In theta, const Strategies& strategies);
/// The block with steps fixed in the middle of the box: what auto can choose nowhere is refused before a search of the start.
InnerBlock trial_steps(const Assembly& a, const Strategies& strategies);

}  // namespace tacit
