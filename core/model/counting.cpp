#include <tacit/core/model/counting.hpp>

#include <utility>

#include <tacit/core/model/detail/forwarding.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

void add(std::atomic<std::int64_t>& count, Index n) { count.fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed); }

class CountedCurvature final : public detail::ForwardingCurvature {
public:
  CountedCurvature(std::unique_ptr<const Curvature> inner, std::shared_ptr<WorkCounter> work)
      : ForwardingCurvature(std::move(inner)), work_(std::move(work)) {}
  void hessian(In p, Out out) const override {
    add(work_->hessian_products, 1);
    ForwardingCurvature::hessian(p, out);
  }
  void cross(In p, Out out) const override {
    add(work_->cross_products, 1);
    ForwardingCurvature::cross(p, out);
  }
  void cross_t(In w, Out out) const override {
    add(work_->cross_products, 1);
    ForwardingCurvature::cross_t(w, out);
  }
  void adjoint(In p, Out out_x, Out out_u) const override {
    add(work_->hessian_products, 1);
    add(work_->cross_products, 1);
    ForwardingCurvature::adjoint(p, out_x, out_u);
  }
  void hessian_batch(InM p, OutM out) const override {
    add(work_->hessian_products, p.cols());
    ForwardingCurvature::hessian_batch(p, out);
  }

private:
  std::shared_ptr<WorkCounter> work_;
};

class CountedObjective final : public detail::ForwardingObjective {
public:
  CountedObjective(std::shared_ptr<const Objective> inner, std::shared_ptr<WorkCounter> work)
      : ForwardingObjective(std::move(inner)), work_(std::move(work)) {}
  double value(In x, In u) const override {
    add(work_->values, 1);
    return inner_->value(x, u);
  }
  double gradient(In x, In u, Out g) const override {
    add(work_->gradients, 1);
    return inner_->gradient(x, u, g);
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    if (at) add(work_->gradients, 1);
    return std::make_unique<CountedCurvature>(inner_->linearize(x, u, at), work_);
  }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override {
    add(work_->hessian_products, 1);
    add(work_->cross_products, 1);
    inner_->adjoint(x, u, p, out_x, out_u);
  }
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override {
    add(work_->gradients, 1);
    add(work_->hessian_products, dx.cols());
    add(work_->cross_products, dx.cols());
    inner_->tangents(x, u, dx, du, g, dg);
  }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    auto reading = inner_->counting_reads(std::move(counter));
    return reading ? std::make_shared<CountedObjective>(std::move(reading), work_) : nullptr;
  }

private:
  std::shared_ptr<WorkCounter> work_;
};

}  // namespace

Problem counted(Problem problem, std::shared_ptr<WorkCounter> counter) {
  if (!problem.f) throw UsageError("problem '" + problem.name + "' has no inner objective to count");
  if (!counter) throw UsageError("counted() needs a counter: pass std::make_shared<WorkCounter>()");
  if (auto reading = problem.f->counting_reads(counter)) problem.f = std::move(reading);
  problem.f = std::make_shared<CountedObjective>(std::move(problem.f), counter);
  problem.work = std::move(counter);
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
