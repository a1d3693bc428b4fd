#include <tacit/core/linear/shifted_inverse.hpp>

#include <utility>

#include <Eigen/Eigenvalues>

namespace tacit::inline TACIT_ABI {
namespace {

/// T + c I = L D L', L with one diagonal beside its ones.
class ShiftedInverse final : public LinearOperator {
public:
  ShiftedInverse(std::shared_ptr<const Eigen::MatrixXd> q, Vec pivots, Vec beside)
      : q_(std::move(q)), pivots_(std::move(pivots)), beside_(std::move(beside)) {}
  Index dim() const override { return pivots_.size(); }
  void apply(In x, Out y) const override {
    Vec z = q_->transpose() * x;
    for (Index i = 1; i < z.size(); ++i) z[i] -= beside_[i - 1] * z[i - 1];
    z.array() /= pivots_.array();
    for (Index i = z.size() - 1; i-- > 0;) z[i] -= beside_[i] * z[i + 1];
    y.noalias() = *q_ * z;
  }

private:
  std::shared_ptr<const Eigen::MatrixXd> q_;
  Vec pivots_, beside_;
};

}  // namespace

TridiagonalForm::TridiagonalForm(const Eigen::MatrixXd& h) {
  const Index n = h.rows();
  if (n < 2) {  // Eigen's has no sub-diagonal to speak of
    q_ = std::make_shared<const Eigen::MatrixXd>(Eigen::MatrixXd::Identity(n, n));
    diagonal_ = h.diagonal();
    return;
  }
  const Eigen::Tridiagonalization<Eigen::MatrixXd> form(h);
  q_ = std::make_shared<const Eigen::MatrixXd>(form.matrixQ());
  diagonal_ = form.diagonal();
  beside_ = form.subDiagonal();
}

std::shared_ptr<const LinearOperator> TridiagonalForm::inverse(double c) const {
  Vec pivots = diagonal_.array() + c, beside = beside_;
  for (Index i = 0; i < pivots.size(); ++i) {
    if (i > 0) {
      beside[i - 1] /= pivots[i - 1];
      pivots[i] -= beside[i - 1] * beside_[i - 1];
    }
    if (!(pivots[i] > 0)) return nullptr;
  }
  return std::make_shared<const ShiftedInverse>(q_, std::move(pivots), std::move(beside));
}

Vec TridiagonalForm::eigenvalues() const {
  if (dim() < 2) return diagonal_;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal_, beside_, Eigen::EigenvaluesOnly);
  return solver.eigenvalues();
}

}  // namespace tacit::inline TACIT_ABI
