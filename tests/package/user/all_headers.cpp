// Compiles every installed header in one unit and passes vectors both ways across the border to the library, growing and freeing
// them on either side: with different -march here and there this breaks the heap unless the package fixes Eigen's alignment.
#include <cmath>
#include <cstdio>
#include <string>

#include "installed_headers.hpp"

static_assert(EIGEN_MAX_ALIGN_BYTES == 64 && EIGEN_MAX_STATIC_ALIGN_BYTES == 16);

int main() {
  if (std::string(tacit::kVersion) != TACIT_WANTED_VERSION) {
    std::printf("header says %s\n", tacit::kVersion);
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
