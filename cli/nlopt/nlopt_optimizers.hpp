// Outer optimizers that ask for values alone, of NLopt (Johnson 2007), where the program was built with it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include <tacit/bilevel/outer.hpp>

namespace tacit {

/// nelder-mead, direct, crs. They are there in every build, so that run files and manuals are the same everywhere; without NLopt
/// begin() throws UsageError, which names the package.
void register_nlopt(Registry<OuterOptimizer>& registry);

/// Was the program built with NLopt?
bool has_nlopt();
/// Throws UsageError where the optimizer of this name needs NLopt and the program was built without.
void require_built(const std::string& optimizer);

}  // namespace tacit
