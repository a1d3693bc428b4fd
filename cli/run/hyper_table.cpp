#include <tacit/cli/run/hyper_table.hpp>

#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

/// Which end of its range an entry is at: -1, 0, 1. In theta: the box is wide there, and an optimizer that projects lands on the
/// bound itself up to rounding.
int end_of_range(const HyperSpace& space, In theta, Index i) {
  const double lower = space.lower()[i], upper = space.upper()[i], slack = 1e-9 * (upper - lower);
  return theta[i] <= lower + slack ? -1 : theta[i] >= upper - slack ? 1 : 0;
}

}  // namespace

Vec natural_values(const HyperSpace& space, In theta, const StartValues* start) {
  Vec u(space.size());
  space.to_model(theta, u);
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    for (const Index end = at + block.size; at < end; ++at) {
      const int edge = end_of_range(space, theta, at);
      if (edge != 0) u[at] = edge < 0 ? block.lower : block.upper;
      if (start && theta[at] == start->theta[at]) u[at] = start->given[at];
    }
  }
  return u;
}

std::vector<HyperRow> hyper_rows(const HyperSpace& space, In theta, const StartValues& start) {
  const Vec u = natural_values(space, theta, &start);
  std::vector<HyperRow> rows;
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    for (Index i = 0; i < block.size; ++i, ++at) {
      HyperRow row;
      row.block = block.name;
      row.name = static_cast<std::size_t>(i) < block.labels.size() && block.size > 1
                     ? block.name + "[" + block.labels[static_cast<std::size_t>(i)] + "]"
                 : block.size > 1 ? block.name + "[" + std::to_string(i + 1) + "]"
                                  : block.name;
      row.value = u[at];
      row.start = start.given[at];
      row.lower = block.lower;
      row.upper = block.upper;
      row.at_bound = end_of_range(space, theta, at) != 0;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string hyper_csv(const std::vector<HyperRow>& rows) {
  std::string text = "name,value,start,lower,upper,at_bound\n";
  for (const HyperRow& r : rows) {
    text += csv_line({csv_cell(r.name), number_text(r.value), number_text(r.start), number_text(r.lower), number_text(r.upper),
                      r.at_bound ? "true" : "false"});
  }
  return text;
}

}  // namespace tacit
