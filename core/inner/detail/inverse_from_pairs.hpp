// What lbfgs learns of f_xx on its way. Not part of the public interface.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <utility>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/lbfgs_pairs.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// The inverse Hessian from the last pairs.
class InverseFromPairs {
public:
  InverseFromPairs() : InverseFromPairs(1) {}
  explicit InverseFromPairs(Index memory) : memory_(static_cast<std::size_t>(std::max<Index>(memory, 1))) {}
  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }
  /// The newest of another's pairs, as many as fit.
  void inherit(const InverseFromPairs& other) {
    const std::size_t memory = memory_;
    *this = other;
    memory_ = memory;
    while (pairs_.size() > memory_) pairs_.pop_front();
  }
  /// The pairs of f_xx + diag(change).
  void shift(const Vec& change) {
    std::deque<LbfgsPair> old;
    old.swap(pairs_);
    for (LbfgsPair& p : old) {
      Vec y = p.y + change.cwiseProduct(p.s);
      add(std::move(p.s), std::move(y));
    }
  }
  /// Takes the pair when its curvature is positive.
  void add(Vec s, Vec y) {
    const double sy = s.dot(y), yy = y.squaredNorm();
    if (!(sy > kEps * s.norm() * std::sqrt(yy)) || !std::isfinite(yy)) return;
    if (pairs_.size() == memory_) pairs_.pop_front();
    scale_ = sy / yy;
    curvature_met_ = std::max(curvature_met_, yy / sy);
    pairs_.push_back({std::move(s), std::move(y), 1 / sy});
  }
  /// d = -H g
  void direction(const Vec& g, Vec& d) const {
    d = -g;
    apply_inverse_hessian(pairs_, scale_, d);
  }
  /// The same with H_0 = initial.
  void direction(const Vec& g, const LinearOperator& initial, Vec& d) const {
    Vec room(g.size());
    d = -g;
    const auto apply = [&](Vec& q) {
      initial.apply(q, room);
      q.swap(room);
    };
    apply_inverse_hessian(pairs_, apply, d);
  }
  /// Largest y'y / s'y seen: a lower bound of the largest curvature.
  double curvature_met() const { return curvature_met_; }

  /// All but the number of pairs to keep, which is the solver's.
  void state(StateVisitor& v);

  Vec u;  ///< whose f_xx this is

private:
  std::size_t memory_;
  std::deque<LbfgsPair> pairs_;
  double scale_ = 1, curvature_met_ = 0;
};

}  // namespace tacit::inline TACIT_ABI::detail
