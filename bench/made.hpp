// Made-up numbers, the same on every machine, for the benchmarks.
#pragma once
#include <cmath>
#include <memory>

#include <tacit/core/linear/aligned_rows.hpp>
#include <tacit/problems/models/models.hpp>

namespace tacit_bench {

/// Numbers spread evenly over (-1, 1).
class Numbers {
public:
  explicit Numbers(unsigned long long seed) : state_(seed) {}
  double operator()() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state_ >> 11) * 0x1.0p-52 - 1;
  }
  std::shared_ptr<tacit::AlignedRows> matrix(tacit::Index rows, tacit::Index columns) {
    auto x = std::make_shared<tacit::AlignedRows>(rows, columns);
    for (tacit::Index i = 0; i < rows; ++i) {
      for (tacit::Index j = 0; j < columns; ++j) (*x)(i, j) = (*this)();
    }
    return x;
  }

private:
  unsigned long long state_;
};

/// Two classes, three quarters of the rows for training. Columns share a part and have scales from 1 down to 1/30, so that
/// preconditioning has something to do.
inline tacit::ModelParts made_classes(tacit::Index n, tacit::Index d) {
  const auto x = std::make_shared<tacit::AlignedRows>(n, d);
  Numbers next(11);
  tacit::Vec truth(d);
  for (double& w : truth) w = next();
  tacit::ModelParts parts;
  parts.y.resize(n);
  for (tacit::Index i = 0; i < n; ++i) {
    const double common = next();
    for (tacit::Index j = 0; j < d; ++j)
      (*x)(i, j) = (next() + 0.5 * common) * std::pow(30.0, -static_cast<double>(j) / static_cast<double>(d));
    parts.y[i] = x->row(i).dot(truth) + next() > 0 ? 1 : -1;
  }
  const tacit::Index train = 3 * n / 4;
  const tacit::Design all(std::shared_ptr<const tacit::AlignedRows>{x});
  parts.train = all.row_range(0, train);
  parts.validation = all.row_range(train, n - train);
  parts.validation_y = parts.y.tail(n - train);
  parts.y.conservativeResize(train);
  return parts;
}

}  // namespace tacit_bench
