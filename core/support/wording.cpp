#include <tacit/core/support/wording.hpp>

#include <array>
#include <atomic>
#include <utility>

namespace tacit::inline TACIT_ABI {
namespace {

std::atomic<Wording> wording{Wording::library};

// Keys that messages of the library name; a key that is missing here stands for itself.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kNames{{
    {"inner.step", "`step` (of GradientDescent, HeavyBall, Nesterov)"},
    {"inner.momentum", "`momentum` (of HeavyBall, Nesterov)"},
    {"inner.solver", "InnerSolver"},
    {"inner.max_steps", "IterativeOptions::max_steps"},
    {"hypergradient.accuracy", "HypergradientEstimator::aim"},
    {"hypergradient.max_steps", "UnrollEstimator::max_steps"},
    {"outer.tolerance", "DriverOptions::tolerance"},
    {"outer.max_steps", "DriverOptions::max_steps"},
    {"outer.patience", "DriverOptions::patience"},
    {"limits.time", "DriverOptions::time_limit"},
}};

}  // namespace

WordingScope::WordingScope(Wording now) : before_(wording.exchange(now)) {}
WordingScope::~WordingScope() { wording.store(before_); }

std::string option_name(std::string_view key) {
  if (wording.load(std::memory_order_relaxed) == Wording::run_file) return std::string(key);
  for (const auto& [of_file, of_library] : kNames) {
    if (of_file == key) return std::string(of_library);
  }
  return std::string(key);
}

}  // namespace tacit::inline TACIT_ABI
