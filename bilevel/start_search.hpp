// Where an outer run starts when nobody says.
#pragma once
#include <functional>
#include <limits>
#include <memory>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/path.hpp>

namespace tacit::inline TACIT_ABI {

/// Where to look, and for how long.
struct SearchOptions {
  /// theta between which the data's own scale lies (default_l2_range); a box that is much wider is searched around it.
  double lower = -std::numeric_limits<double>::infinity(), upper = std::numeric_limits<double>::infinity();
  double seconds = std::numeric_limits<double>::infinity();  ///< after which nothing new is begun
  /// Asked between evaluations; an oracle that throws Interruption in the middle of one is heard alike. Then the search ends with
  /// what it has.
  std::function<bool()> interrupted{};
  LossDeviation deviation{};         ///< standard errors of the path; empty: they stay missing
  std::optional<Evaluation> near{};  ///< DriverOptions::near of the steps that are taken from a point
};

/// A start, and how it was found.
struct FoundStart {
  Vec theta;                       ///< on the space asked for, put on its box
  double common = 0;               ///< the best common value of all penalties
  double common_loss = kMissing;   ///< outer loss there
  bool tuned = false;              ///< `common` was tuned; else it is the best of a coarse path
  double level = kMissing;         ///< many: the common value from which theta was reached
  Index steps = 0;                 ///< many: outer steps from there
  bool cut = false;                ///< the search was asked to stop: the best so far
  std::vector<PathPoint> path{};   ///< of common values, ascending, the tuned one among them
  std::optional<Evaluation> at{};  ///< of the best common value, by the oracle of the search
};

/// The best of at least 13 points of the diagonal of the box of `one`, three quarters of a decade apart or less, from the upper
/// end (the strongest penalty) down, each solved from the solution of the one before until its value is within kLossShare of the
/// solution's; 41 points at most on the part of a wide box around the data's own scale, which is left where the loss still falls
/// at its end, and what is coarser than that is refined around the best. The middle of the box where no value is finite. tune:
/// this value is then tuned by 20 steps of L-BFGS at most. oracle, one: of the problem in which one value stands for all, a space
/// of one entry.
TACIT_EXPORT FoundStart search_common(const Oracle& oracle, const HyperSpace& one, bool tune, const SearchOptions& options = {});

/// The start of many penalties: the outer loss has plateaus, so that from one common value little may be seen of where it is
/// low. From the tuned common value and from four more levels, at 1/3, 4/9, 5/9 and 2/3 of the range searched (1e-3 ... 1 times
/// the data's scale), a few steps of L-BFGS each are taken with all penalties; the two best take some more, and the best point is
/// the start. found: search_common with tune. oracle, many: of the problem with its many penalties.
TACIT_EXPORT FoundStart search_many(const Oracle& oracle, const HyperSpace& many, FoundStart found,
                                    const SearchOptions& options = {});

/// An oracle of the solutions x*(u) as such, whatever solver a run uses: a factorization or Newton's method where f_xx is small,
/// else Newton-CG, with implicit differentiation.
TACIT_EXPORT std::unique_ptr<Oracle> exact_oracle(Problem problem);
/// An oracle of the iterates x_K(u) of a problem that means them (Response::iterate), differentiated by full sweeps.
TACIT_EXPORT std::unique_ptr<Oracle> iterate_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver);

}  // namespace tacit::inline TACIT_ABI
