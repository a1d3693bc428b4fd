// What decorators of an objective share: every call goes on to the objective behind. Not part of the public interface.
#pragma once
#include <memory>
#include <utility>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI::detail {

class ForwardingCurvature : public Curvature {
public:
  explicit ForwardingCurvature(std::unique_ptr<const Curvature> inner) : inner_(std::move(inner)) {}
  void hessian(In p, Out out) const override { inner_->hessian(p, out); }
  void cross(In p, Out out) const override { inner_->cross(p, out); }
  void cross_t(In w, Out out) const override { inner_->cross_t(w, out); }
  void adjoint(In p, Out out_x, Out out_u) const override { inner_->adjoint(p, out_x, out_u); }
  void hessian_batch(InM p, OutM out) const override { inner_->hessian_batch(p, out); }
  bool diagonal(Out d) const override { return inner_->diagonal(d); }
  bool dense(OutM h) const override { return inner_->dense(h); }
  double factor_cost(Index n) const override { return inner_->factor_cost(n); }
  double refactor_cost(Index n) const override { return inner_->refactor_cost(n); }
  std::shared_ptr<const LinearOperator> inverse() const override { return inner_->inverse(); }
  std::shared_ptr<const LinearOperator> preconditioner(Index n) const override { return inner_->preconditioner(n); }

private:
  std::unique_ptr<const Curvature> inner_;
};

class ForwardingObjective : public Objective {
public:
  explicit ForwardingObjective(std::shared_ptr<const Objective> inner) : inner_(std::move(inner)) {}
  Index inner_dim() const override { return inner_->inner_dim(); }
  Index outer_dim() const override { return inner_->outer_dim(); }
  double value(In x, In u) const override { return inner_->value(x, u); }
  double gradient(In x, In u, Out g) const override { return inner_->gradient(x, u, g); }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override { return inner_->linearize(x, u, at); }
  std::size_t linearization_bytes() const override { return inner_->linearization_bytes(); }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override { inner_->adjoint(x, u, p, out_x, out_u); }
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override { inner_->tangents(x, u, dx, du, g, dg); }
  bool penalty_diagonal(In u, Out c) const override { return inner_->penalty_diagonal(u, c); }
  const LinearModel* linear() const override { return inner_->linear(); }
  double smoothness(In u) const override { return inner_->smoothness(u); }
  bool smoothness_bounds() const override { return inner_->smoothness_bounds(); }
  double convexity(In u) const override { return inner_->convexity(u); }
  bool convex(In u) const override { return inner_->convex(u); }
  double derivative_lipschitz(In u, InM dx, In du) const override { return inner_->derivative_lipschitz(u, dx, du); }
  double gradient_scale(In u) const override { return inner_->gradient_scale(u); }
  double gradient_terms(In u) const override { return inner_->gradient_terms(u); }
  bool quadratic() const override { return inner_->quadratic(); }
  bool symmetric() const override { return inner_->symmetric(); }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    return inner_->counting_reads(std::move(counter));
  }

protected:
  std::shared_ptr<const Objective> inner_;
};

}  // namespace tacit::inline TACIT_ABI::detail
