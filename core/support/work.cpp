#include <tacit/core/support/work.hpp>

namespace tacit::inline TACIT_ABI {

Work& Work::operator+=(const Work& o) {
  values += o.values;
  gradients += o.gradients;
  hessian_products += o.hessian_products;
  cross_products += o.cross_products;
  map_steps += o.map_steps;
  data_passes += o.data_passes;
  passes_known = passes_known || o.passes_known;
  return *this;
}

Work& Work::operator-=(const Work& o) {
  values -= o.values;
  gradients -= o.gradients;
  hessian_products -= o.hessian_products;
  cross_products -= o.cross_products;
  map_steps -= o.map_steps;
  data_passes -= o.data_passes;
  passes_known = passes_known || o.passes_known;
  return *this;
}

Work WorkCounter::read() const {
  Work w;
  w.values = values;
  w.gradients = gradients;
  w.hessian_products = hessian_products;
  w.cross_products = cross_products;
  w.map_steps = map_steps;
  w.data_passes = data_passes;
  w.passes_known = passes_known;
  return w;
}

}  // namespace tacit::inline TACIT_ABI
