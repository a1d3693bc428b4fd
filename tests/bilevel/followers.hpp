// The outer optimizers that follow hypergradients, by name: what is tested of tolerances and slopes is nothing to the others.
#pragma once
#include <string>
#include <vector>

#include <tacit/bilevel/outer.hpp>

namespace tacit_test {

inline std::vector<std::string> followers() {
  tacit::Registry<tacit::OuterOptimizer> registry("optimizer", "outer.optimizer");
  tacit::register_optimizers(registry);
  std::vector<std::string> names;
  for (const std::string& name : registry.names()) {
    if (registry.make(name)->differentiates()) names.push_back(name);
  }
  return names;
}

}  // namespace tacit_test
