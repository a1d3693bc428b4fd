// What newton-cg keeps of f_xx from run to run. Not part of the public interface.
#pragma once
#include <memory>

#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/core/support/fields.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// B = f_xx - diag(c) of an earlier point, c the diagonal that u alone adds (Objective::penalty_diagonal; 0 where there is none):
/// (B + diag(c))^{-1} with the c of another u is a preconditioner there.
struct KeptHessian {
  std::shared_ptr<const Eigen::MatrixXd> data;  ///< B, its lower triangle; null: none was worth its making yet
  Vec penalty;                                  ///< c where the run that left this ended
  Vec factored;                                 ///< c with which its factor was made
  double scale = 1;                             ///< by which B was larger along the last step
  bool cheap = false;                           ///< a factor is made for every c
  double spent = 0;                             ///< products beyond those that a fresh factor needs, since B was made

  /// Whether another factor is to be made for the c of now.
  bool outdated(const Vec& now) const;
  void state(StateVisitor& v);
};

/// B at a point; null where f_xx is not to be had or not finite.
std::shared_ptr<const Eigen::MatrixXd> data_hessian(const Curvature& curvature, const Vec& penalty);
/// (scale B + diag(c))^{-1}; null where that is not positive definite.
std::shared_ptr<const CholeskyInverse> inverse_at(const Eigen::MatrixXd& data, double scale, const Vec& penalty);
/// s'(y - c s) / s'B s of a step s that changed the gradient by y, within a factor of 10 about 1; 1 where that is no number.
double scale_along(const Eigen::MatrixXd& data, const Vec& penalty, const Vec& s, const Vec& y);
/// Whether a factor made with one c is of little use at another: an entry has more than doubled or halved.
bool far_apart(const Vec& a, const Vec& b);

}  // namespace tacit::inline TACIT_ABI::detail
