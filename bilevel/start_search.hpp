// Where an outer run starts when nobody says.
#pragma once
#include <functional>

#include <tacit/bilevel/driver.hpp>

namespace tacit {

/// A start, and how it was found.
struct FoundStart {
  Vec theta;           ///< on the space asked for: one value in every entry, put on the box
  double common = 0;   ///< that value
  bool tuned = false;  ///< it is the tuned single one; else the best of a coarse path
};

/// The best of 13 points on the diagonal of the box of `one`, from its upper end (the strongest penalty) down, each solved from
/// the solution of the one before, to 1e-4 at the tightest; the middle of the box where no value is finite. Where `many` has more
/// than one entry this value is tuned first: 20 steps of L-BFGS at most, to 1e-3. oracle, one: of the problem in which
/// one value stands for all, a space of one entry. Throws Interruption when it was asked to stop.
FoundStart search_start(const Oracle& oracle, const HyperSpace& one, const HyperSpace& many,
                        const std::function<bool()>& interrupted = {});

}  // namespace tacit
