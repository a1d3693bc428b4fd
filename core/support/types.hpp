// The vocabulary of types: double precision, column vectors, row-major blocks of several vectors.
#pragma once
#include <Eigen/Core>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

using Index = Eigen::Index;
using Vec = Eigen::VectorXd;
/// A block of k vectors of length n is stored n x k, row-major: entry i of all k vectors lies together.
using Mat = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Arguments are read through In and InM; results are overwritten through Out and OutM, which come last and never alias an input.
using In = const Eigen::Ref<const Vec>&;
using Out = Eigen::Ref<Vec>;
using InM = const Eigen::Ref<const Mat, 0, Eigen::OuterStride<>>&;
using OutM = Eigen::Ref<Mat, 0, Eigen::OuterStride<>>;

}  // namespace tacit::inline TACIT_ABI
