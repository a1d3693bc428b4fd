// Compiles every installed header in one unit and passes vectors both ways across the border to the library, growing and freeing
// them on either side. Exceptions and types of the library are known on this side by what they are.
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <typeinfo>

#include "installed_headers.hpp"

namespace {

/// What the library throws is caught by its type and by its base, and its types are told apart.
bool types_cross() {
  bool caught = false;
  try {
    tacit::Problem problem;
    tacit::make_oracle(problem, std::make_shared<tacit::NewtonSolver>(), std::make_shared<tacit::ImplicitCgEstimator>());
  } catch (const tacit::UsageError&) {
    caught = true;
  }
  try {
    tacit::ByteStream::open("/no/such/file");
    return false;
  } catch (const tacit::DataError& e) {
    caught = caught && e.code() == "D101";
  }
  tacit::Registry<tacit::InnerSolver> registry;
  tacit::register_solvers(registry);
  const auto newton = registry.make("newton");
  return caught && dynamic_cast<const tacit::NewtonSolver*>(newton.get()) != nullptr &&
         dynamic_cast<const tacit::CholeskySolver*>(newton.get()) == nullptr && typeid(*newton) == typeid(tacit::NewtonSolver);
}

}  // namespace

int main() {
  if (std::string(tacit::kVersion) != TACIT_WANTED_VERSION || std::string(tacit::version()) != TACIT_WANTED_VERSION) {
    std::printf("headers say %s, the library %s\n", tacit::kVersion, tacit::version());
    return 1;
  }
  if (!types_cross()) {
    std::printf("an exception or a type of the library is another on this side\n");
    return 1;
  }
  double sum = 0;
  for (int size = 1; size < 200; ++size) {
    const tacit::HyperSpace space({{"l2", size, tacit::Scale::log, 1e-8, 1e8}});
    tacit::Vec lower = space.lower();  // allocated here, from a vector of the library
    tacit::Vec theta = tacit::Vec::Constant(size, 1e3), u(size);
    space.project(theta);
    space.to_model(theta, u);
    lower.resize(size + 7);
    sum += u.sum() / size;
    // The library takes over a vector made here and frees it.
    const tacit::ConstantStart start(tacit::Vec::Ones(size));
    start.point(u, theta);
    sum += theta.sum() / size;
  }
  std::printf("%.6g\n", sum);
  return std::abs(sum - 199 * (1e8 + 1)) < 1e-3 ? 0 : 1;
}
