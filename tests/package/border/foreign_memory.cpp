// Memory goes round between a library that knows nothing of Tacit, this program, and Tacit: each grows and frees what another
// made.
#include <cstdio>
#include <tacit/core/model/model.hpp>
#include <vector>

Eigen::VectorXd foreign(int size);
void foreign_takes(Eigen::VectorXd& v);

int main() {
  double sum = 0;
  for (int size = 1; size < 200; ++size) {
    Eigen::VectorXd v = foreign(size);
    v.resize(100 + size);
    // Tacit takes the foreign vector over and frees it.
    const tacit::ConstantStart start(foreign(size));
    Eigen::VectorXd x(size);
    start.point(x, x);
    // A vector that Tacit made, grown by the foreign library.
    const tacit::HyperSpace space({{"l2", size, tacit::Scale::log, 1e-8, 1e8}});
    tacit::Problem problem;
    problem.space = space;
    Eigen::VectorXd lower = problem.space.lower();
    foreign_takes(lower);
    std::vector<Eigen::VectorXd> kept{lower, x, std::move(v)};
    foreign_takes(kept[1]);
    sum += lower.sum() + kept[1].sum() - 200 - 2 * size;
  }
  std::printf("%.6g\n", sum);
  return sum == 0 ? 0 : 1;
}
