// A library that uses Eigen and knows nothing of Tacit.
#include <Eigen/Core>

Eigen::VectorXd foreign(int size) { return Eigen::VectorXd::LinSpaced(size, 1, size); }

void foreign_takes(Eigen::VectorXd& v) {
  const Eigen::Index size = v.size() + 100;
  v.resize(size);
  v.setOnes();
}
