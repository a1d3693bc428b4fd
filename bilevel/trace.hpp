// trace.csv and trace.jsonl: one row an outer step, decimal points and 17 significant digits whatever the locale.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

/// Names of the columns, in order.
TACIT_EXPORT const std::vector<std::string>& trace_columns();
/// The cells of a row, in the order of trace_columns(); what was not measured is empty.
TACIT_EXPORT std::vector<std::string> trace_row(const StepRecord& record);
/// One line of trace.jsonl: the same fields and theta, u, hypergradient by block name, each a number or, where the block has
/// several entries or labelled ones, a list; `parts` of a sum: for each its loss, hypergradient_norm, inner_steps,
/// inner_residual, implicit_truncation, head_start_nats, hypergradient_error. Missing fields are left out; an infinite end of an
/// interval is null.
TACIT_EXPORT std::string trace_json(const StepRecord& record, const HyperSpace& space, bool vectors = true);

}  // namespace tacit::inline TACIT_ABI
