// What a run reports is solved to the end when it closes.
#pragma once
#include <tacit/bilevel/detail/run_rows.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Solves the best row, and the last where that could be better, and the start at the tightest tolerance, so that their losses
/// compare. tightest: that of the run. Returns the work for the start, which is no part of the method. Interrupted, it has
/// another try, and then leaves all as it was solved.
Work close_run(RunRows& rows, WatchedOracle& oracle, const DriverOptions& options);

}  // namespace tacit::inline TACIT_ABI::detail
