// The inverse Hessian that limited-memory BFGS makes of its last steps.
#pragma once
#include <type_traits>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// A step s and the change y of the gradient along it; rho = 1 / s'y.
struct LbfgsPair {
  Vec s, y;
  double rho;
};

/// q = H q in two loops over the pairs, oldest first, from H_0, which initial(q) puts to q (Nocedal 1980).
template <class Pairs, class Initial>
requires std::is_invocable_v<Initial, Vec&>
void apply_inverse_hessian(const Pairs& pairs, const Initial& initial, Vec& q) {
  std::vector<double> a(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    a[i] = pairs[i].rho * pairs[i].s.dot(q);
    q -= a[i] * pairs[i].y;
  }
  initial(q);
  for (std::size_t i = 0; i < pairs.size(); ++i) q += (a[i] - pairs[i].rho * pairs[i].y.dot(q)) * pairs[i].s;
}

/// The same from H_0 = scale I.
template <class Pairs>
void apply_inverse_hessian(const Pairs& pairs, double scale, Vec& q) {
  apply_inverse_hessian(
      pairs, [scale](Vec& v) { v *= scale; }, q);
}

}  // namespace tacit::inline TACIT_ABI
