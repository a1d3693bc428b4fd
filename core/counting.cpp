#include <tacit/core/counting.hpp>

#include <utility>

#include <tacit/core/errors.hpp>

namespace tacit {
namespace {

void add(std::atomic<std::int64_t>& count, Index n) { count.fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed); }

class CountedCurvature final : public Curvature {
public:
  CountedCurvature(std::unique_ptr<const Curvature> inner, std::shared_ptr<WorkCounter> work)
      : inner_(std::move(inner)), work_(std::move(work)) {}
  void hessian(In p, Out out) const override {
    add(work_->hessian_products, 1);
    inner_->hessian(p, out);
  }
  void cross(In p, Out out) const override {
    add(work_->cross_products, 1);
    inner_->cross(p, out);
  }
  void cross_t(In w, Out out) const override {
    add(work_->cross_products, 1);
    inner_->cross_t(w, out);
  }
  void adjoint(In p, Out out_x, Out out_u) const override {
    add(work_->hessian_products, 1);
    add(work_->cross_products, 1);
    inner_->adjoint(p, out_x, out_u);
  }
  void hessian_batch(InM p, OutM out) const override {
    add(work_->hessian_products, p.cols());
    inner_->hessian_batch(p, out);
  }
  bool diagonal(Out d) const override { return inner_->diagonal(d); }
  bool dense(OutM h) const override { return inner_->dense(h); }

private:
  std::unique_ptr<const Curvature> inner_;
  std::shared_ptr<WorkCounter> work_;
};

class CountedObjective final : public Objective {
public:
  CountedObjective(std::shared_ptr<const Objective> inner, std::shared_ptr<WorkCounter> work)
      : inner_(std::move(inner)), work_(std::move(work)) {}
  Index inner_dim() const override { return inner_->inner_dim(); }
  Index outer_dim() const override { return inner_->outer_dim(); }
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
    add(work_->cross_products, du.cols());
    inner_->tangents(x, u, dx, du, g, dg);
  }
  const LinearModel* linear() const override { return inner_->linear(); }
  double smoothness(In u) const override { return inner_->smoothness(u); }
  double convexity(In u) const override { return inner_->convexity(u); }
  double derivative_lipschitz(In u, InM dx, In du) const override { return inner_->derivative_lipschitz(u, dx, du); }
  double gradient_scale(In u) const override { return inner_->gradient_scale(u); }
  bool quadratic() const override { return inner_->quadratic(); }
  bool symmetric() const override { return inner_->symmetric(); }

private:
  std::shared_ptr<const Objective> inner_;
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

}  // namespace tacit
