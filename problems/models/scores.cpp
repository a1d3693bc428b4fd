#include <tacit/problems/models/scores.hpp>

namespace tacit::inline TACIT_ABI {

Vec row_losses(const Prepared& p, const std::vector<Index>& rows, In x) { return p.losses(pick(p.y, rows), p.margins(rows, x)); }

Vec intercept_losses(const Prepared& p, const std::vector<Index>& rows) {
  const double constant = p.task().best_constant(pick(p.y, p.rows.train), pick(p.weight, p.rows.train));
  const Vec y = pick(p.y, rows);
  return p.losses(y, Vec::Constant(y.size(), constant));
}

MeanLoss gain_over(const Prepared& p, const std::vector<Index>& rows, In other_losses, In x) {
  return paired_gain(other_losses, row_losses(p, rows, x), pick(p.weight, rows));
}

Score score(const Prepared& p, const std::vector<Index>& rows, In x) {
  const Vec z = p.margins(rows, x), y = pick(p.y, rows), w = pick(p.weight, rows);
  Score s{mean_loss(p.losses(y, z), w), p.task().metrics(y, z, w)};
  // The outer loss of a run, to the bit and not only to rounding.
  if (p.problem.l && rows == p.rows.validation) s.loss.mean = p.problem.l->value(x, Vec());
  return s;
}

MeanLoss intercept_alone(const Prepared& p, const std::vector<Index>& rows) {
  return mean_loss(intercept_losses(p, rows), pick(p.weight, rows));
}

}  // namespace tacit::inline TACIT_ABI
