#include <tacit/core/inner/detail/inverse_from_pairs.hpp>

#include <vector>

namespace tacit::inline TACIT_ABI::detail {

void InverseFromPairs::state(StateVisitor& v) {
  std::vector<Vec> s, y;
  std::vector<double> rho;
  for (const LbfgsPair& p : pairs_) {
    s.push_back(p.s);
    y.push_back(p.y);
    rho.push_back(p.rho);
  }
  v.state("pairs.s", s);
  v.state("pairs.y", y);
  v.state("pairs.rho", rho);
  v.state("pairs.scale", scale_);
  v.state("pairs.curvature", curvature_met_);
  v.state("pairs.u", u);
  if (s.size() != y.size() || s.size() != rho.size()) throw UsageError("the saved pairs of lbfgs do not fit together");
  pairs_.clear();
  for (std::size_t i = 0; i < s.size(); ++i) pairs_.push_back({std::move(s[i]), std::move(y[i]), rho[i]});
}

}  // namespace tacit::inline TACIT_ABI::detail
