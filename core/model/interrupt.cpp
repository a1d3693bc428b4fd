#include <tacit/core/model/interrupt.hpp>

#include <memory>
#include <utility>

#include <tacit/core/model/detail/forwarding.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using Stop = std::shared_ptr<const std::function<bool()>>;

void ask(const Stop& stop) {
  if ((*stop)()) throw Interruption();
}

class InterruptibleCurvature final : public detail::ForwardingCurvature {
public:
  InterruptibleCurvature(std::unique_ptr<const Curvature> inner, Stop stop)
      : ForwardingCurvature(std::move(inner)), stop_(std::move(stop)) {}
  void hessian(In p, Out out) const override {
    ask(stop_);
    ForwardingCurvature::hessian(p, out);
  }
  void adjoint(In p, Out out_x, Out out_u) const override {
    ask(stop_);
    ForwardingCurvature::adjoint(p, out_x, out_u);
  }
  void hessian_batch(InM p, OutM out) const override {
    ask(stop_);
    ForwardingCurvature::hessian_batch(p, out);
  }
  bool dense(OutM h) const override {
    ask(stop_);
    return ForwardingCurvature::dense(h);
  }

private:
  Stop stop_;
};

class InterruptibleObjective final : public detail::ForwardingObjective {
public:
  InterruptibleObjective(std::shared_ptr<const Objective> inner, Stop stop)
      : ForwardingObjective(std::move(inner)), stop_(std::move(stop)) {}
  double value(In x, In u) const override {
    ask(stop_);
    return inner_->value(x, u);
  }
  double gradient(In x, In u, Out g) const override {
    ask(stop_);
    return inner_->gradient(x, u, g);
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    ask(stop_);
    return std::make_unique<InterruptibleCurvature>(inner_->linearize(x, u, at), stop_);
  }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override {
    ask(stop_);
    inner_->adjoint(x, u, p, out_x, out_u);
  }
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override {
    ask(stop_);
    inner_->tangents(x, u, dx, du, g, dg);
  }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    auto reading = inner_->counting_reads(std::move(counter));
    return reading ? std::make_shared<InterruptibleObjective>(std::move(reading), stop_) : nullptr;
  }

private:
  Stop stop_;
};

}  // namespace

Problem interruptible(Problem problem, std::function<bool()> stop) {
  if (!problem.f) throw UsageError("problem '" + problem.name + "' has no inner objective to interrupt");
  if (!stop) throw UsageError("interruptible() needs a function that says when to stop");
  problem.f = std::make_shared<InterruptibleObjective>(std::move(problem.f),
                                                       std::make_shared<const std::function<bool()>>(std::move(stop)));
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
