#include <tacit/core/model/stacked.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// Where each part's entries lie in x.
struct Places {
  std::vector<Index> at, size;
  Index total = 0;
  void add(Index n) {
    at.push_back(total);
    size.push_back(n);
    total += n;
  }
  std::size_t count() const { return at.size(); }
};

class StackedPreconditioner final : public LinearOperator {
public:
  StackedPreconditioner(Places places, std::vector<std::shared_ptr<const LinearOperator>> parts)
      : places_(std::move(places)), parts_(std::move(parts)) {}
  Index dim() const override { return places_.total; }
  void apply(In x, Out y) const override {
    for (std::size_t k = 0; k < parts_.size(); ++k)
      parts_[k]->apply(x.segment(places_.at[k], places_.size[k]), y.segment(places_.at[k], places_.size[k]));
  }

private:
  Places places_;
  std::vector<std::shared_ptr<const LinearOperator>> parts_;
};

class StackedCurvature final : public Curvature {
public:
  StackedCurvature(Places places, std::vector<std::unique_ptr<const Curvature>> parts)
      : places_(std::move(places)), parts_(std::move(parts)) {}

  void hessian(In p, Out out) const override {
    each([&](const Curvature& c, Index at, Index n) { c.hessian(p.segment(at, n), out.segment(at, n)); });
  }
  void cross(In p, Out out) const override {
    Vec one(out.size());
    out.setZero();
    each([&](const Curvature& c, Index at, Index n) {
      c.cross(p.segment(at, n), one);
      out += one;
    });
  }
  void cross_t(In w, Out out) const override {
    each([&](const Curvature& c, Index at, Index n) { c.cross_t(w, out.segment(at, n)); });
  }
  void adjoint(In p, Out out_x, Out out_u) const override {
    Vec one(out_u.size());
    out_u.setZero();
    each([&](const Curvature& c, Index at, Index n) {
      c.adjoint(p.segment(at, n), out_x.segment(at, n), one);
      out_u += one;
    });
  }
  void hessian_batch(InM p, OutM out) const override {
    each([&](const Curvature& c, Index at, Index n) { c.hessian_batch(p.middleRows(at, n), out.middleRows(at, n)); });
  }
  bool diagonal(Out d) const override {
    Vec all(places_.total);
    bool known = true;
    each([&](const Curvature& c, Index at, Index n) { known = known && c.diagonal(all.segment(at, n)); });
    if (known) d = all;
    return known;
  }
  bool dense(OutM h) const override {
    Mat all = Mat::Zero(places_.total, places_.total);
    bool known = true;
    each([&](const Curvature& c, Index at, Index n) { known = known && c.dense(all.block(at, at, n, n)); });
    if (known) h = all;
    return known;
  }
  std::shared_ptr<const LinearOperator> preconditioner(Index) const override {
    std::vector<std::shared_ptr<const LinearOperator>> all;
    bool known = true;
    each([&](const Curvature& c, Index, Index n) {
      all.push_back(c.preconditioner(n));
      known = known && all.back();
    });
    if (!known) return nullptr;
    return std::make_shared<StackedPreconditioner>(places_, std::move(all));
  }

private:
  template <class F>
  void each(const F& f) const {
    for (std::size_t k = 0; k < parts_.size(); ++k) f(*parts_[k], places_.at[k], places_.size[k]);
  }
  Places places_;
  std::vector<std::unique_ptr<const Curvature>> parts_;
};

class StackedObjective final : public Objective {
public:
  explicit StackedObjective(std::vector<std::shared_ptr<const Objective>> parts) : parts_(std::move(parts)) {
    for (const auto& f : parts_) places_.add(f->inner_dim());
  }
  Index inner_dim() const override { return places_.total; }
  Index outer_dim() const override { return parts_.front()->outer_dim(); }
  double value(In x, In u) const override {
    return sum([&](const Objective& f, Index at, Index n) { return f.value(x.segment(at, n), u); });
  }
  double gradient(In x, In u, Out g) const override {
    return sum([&](const Objective& f, Index at, Index n) { return f.gradient(x.segment(at, n), u, g.segment(at, n)); });
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* to) const override {
    std::vector<std::unique_ptr<const Curvature>> all;
    if (to) *to = {0, Vec(places_.total)};
    FirstOrder one;
    each([&](const Objective& f, Index at, Index n) {
      all.push_back(f.linearize(x.segment(at, n), u, to ? &one : nullptr));
      if (!to) return;
      to->value += one.value;
      to->gradient.segment(at, n) = one.gradient;
    });
    return std::make_unique<StackedCurvature>(places_, std::move(all));
  }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override {
    Vec one(out_u.size());
    out_u.setZero();
    each([&](const Objective& f, Index at, Index n) {
      f.adjoint(x.segment(at, n), u, p.segment(at, n), out_x.segment(at, n), one);
      out_u += one;
    });
  }
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override {
    each([&](const Objective& f, Index at, Index n) {
      f.tangents(x.segment(at, n), u, dx.middleRows(at, n), du, g.segment(at, n), dg.middleRows(at, n));
    });
  }
  double smoothness(In u) const override {
    return largest([&](const Objective& f) { return f.smoothness(u); });
  }
  bool smoothness_bounds() const override {
    return all([](const Objective& f) { return f.smoothness_bounds(); });
  }
  double convexity(In u) const override {
    return -largest([&](const Objective& f) { return -f.convexity(u); });
  }
  bool convex(In u) const override {
    return all([&](const Objective& f) { return f.convex(u); });
  }
  // The operator of x is made of those of the parts below each other, each of which changes with its own part of x alone.
  double derivative_lipschitz(In u, InM dx, In du) const override {
    std::size_t k = 0;
    return largest([&](const Objective& f) {
      const Index at = places_.at[k], n = places_.size[k];
      ++k;
      return f.derivative_lipschitz(u, dx.middleRows(at, n), du);
    });
  }
  double gradient_scale(In u) const override {
    return std::sqrt(sum([&](const Objective& f, Index, Index) { return std::pow(f.gradient_scale(u), 2); }));
  }
  double gradient_terms(In u) const override {
    return std::sqrt(sum([&](const Objective& f, Index, Index) { return std::pow(f.gradient_terms(u), 2); }));
  }
  bool quadratic() const override {
    return all([](const Objective& f) { return f.quadratic(); });
  }
  bool symmetric() const override {
    return all([](const Objective& f) { return f.symmetric(); });
  }
  bool penalty_diagonal(In u, Out c) const override {
    Vec all(places_.total);
    bool known = true;
    each([&](const Objective& f, Index at, Index n) { known = known && f.penalty_diagonal(u, all.segment(at, n)); });
    if (known) c = all;
    return known;
  }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    std::vector<std::shared_ptr<const Objective>> counted;
    for (const auto& f : parts_) {
      auto one = f->counting_reads(counter);
      counted.push_back(one ? std::move(one) : f);
    }
    return counted == parts_ ? nullptr : std::make_shared<StackedObjective>(std::move(counted));
  }

private:
  template <class F>
  void each(const F& f) const {
    for (std::size_t k = 0; k < parts_.size(); ++k) f(*parts_[k], places_.at[k], places_.size[k]);
  }
  template <class F>
  double sum(const F& f) const {
    double total = 0;
    each([&](const Objective& part, Index at, Index n) { total += f(part, at, n); });
    return total;
  }
  /// NaN (not known of one part) is not known of all.
  template <class F>
  double largest(const F& f) const {
    double most = -std::numeric_limits<double>::infinity();
    each([&](const Objective& part, Index, Index) {
      const double one = f(part);
      if (!(one <= most)) most = std::isnan(most) ? most : one;
    });
    return most;
  }
  template <class F>
  bool all(const F& f) const {
    return std::all_of(parts_.begin(), parts_.end(), [&](const auto& part) { return f(*part); });
  }
  std::vector<std::shared_ptr<const Objective>> parts_;
  Places places_;
};

class StackedCriterion final : public Criterion {
public:
  StackedCriterion(Places places, std::vector<std::shared_ptr<const Criterion>> parts, std::vector<double> weights)
      : places_(std::move(places)), parts_(std::move(parts)), weights_(std::move(weights)) {}
  double value(In x, In u) const override {
    double total = 0;
    for (std::size_t k = 0; k < parts_.size(); ++k) total += weights_[k] * parts_[k]->value(part_of(x, k), u);
    return total;
  }
  double least() const override {
    double total = 0;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      if (weights_[k] < 0) return -std::numeric_limits<double>::infinity();
      total += weights_[k] > 0 ? weights_[k] * parts_[k]->least() : 0;
    }
    return total;
  }
  double gradient(In x, In u, Out gx, Out gu) const override {
    double total = 0;
    Vec one_u(gu.size());
    gu.setZero();
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      Vec one_x(places_.size[k]);
      total += weights_[k] * parts_[k]->gradient(part_of(x, k), u, one_x, one_u);
      gx.segment(places_.at[k], places_.size[k]) = weights_[k] * one_x;
      gu += weights_[k] * one_u;
    }
    return total;
  }
  double smoothness() const override {
    double most = 0;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      const double one = std::abs(weights_[k]) * parts_[k]->smoothness();
      if (!(one <= most)) most = std::isnan(most) ? most : one;
    }
    return most;
  }

private:
  Vec part_of(In x, std::size_t k) const { return x.segment(places_.at[k], places_.size[k]); }
  Places places_;
  std::vector<std::shared_ptr<const Criterion>> parts_;
  std::vector<double> weights_;
};

class StackedStart final : public Start {
public:
  StackedStart(Places places, std::vector<std::shared_ptr<const Start>> parts)
      : places_(std::move(places)), parts_(std::move(parts)) {}
  void point(In u, Out x) const override {
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      auto part = x.segment(places_.at[k], places_.size[k]);
      if (parts_[k])
        parts_[k]->point(u, part);
      else
        part.setZero();
    }
  }
  void vjp(In u, In p, Out add_u) const override {
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      if (parts_[k]) parts_[k]->vjp(u, p.segment(places_.at[k], places_.size[k]), add_u);
    }
  }
  void jvp(In u, InM du, OutM dx) const override {
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      auto part = dx.middleRows(places_.at[k], places_.size[k]);
      if (parts_[k])
        parts_[k]->jvp(u, du, part);
      else
        part.setZero();
    }
  }

private:
  Places places_;
  std::vector<std::shared_ptr<const Start>> parts_;
};

void require_alike(const std::vector<Problem>& parts, const std::vector<double>& weights) {
  if (parts.empty() || weights.size() != parts.size())
    throw UsageError("problems are stacked with one weight each: got " + std::to_string(parts.size()) + " problems and " +
                     std::to_string(weights.size()) + " weights");
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const std::string name = "part " + std::to_string(k + 1) + " of the stacked problem ";
    if (const std::string wrong = parts[k].check(); !wrong.empty()) throw UsageError(name + "does not fit together: " + wrong);
    if (parts[k].f->outer_dim() != parts[0].f->outer_dim())
      throw UsageError(name + "has " + std::to_string(parts[k].f->outer_dim()) + " hyperparameters, the first one " +
                       std::to_string(parts[0].f->outer_dim()));
    if (parts[k].response != parts[0].response || !parts[k].l != !parts[0].l)
      throw UsageError(name +
                       "is of another kind than the first one: both mean the solution, or both the iterate, and both have "
                       "a criterion or none");
    if (!std::isfinite(weights[k])) throw UsageError("the weight of " + name + "is not finite");
  }
}

}  // namespace

Problem stacked(std::vector<Problem> parts, std::vector<double> weights) {
  require_alike(parts, weights);
  Places places;
  std::vector<std::shared_ptr<const Objective>> f;
  std::vector<std::shared_ptr<const Criterion>> l;
  std::vector<std::shared_ptr<const Start>> starts;
  for (const Problem& p : parts) {
    places.add(p.f->inner_dim());
    f.push_back(p.f);
    l.push_back(p.l);
    starts.push_back(p.start);
  }
  Problem out = parts.front();
  out.f = std::make_shared<StackedObjective>(std::move(f));
  if (out.l) out.l = std::make_shared<StackedCriterion>(places, std::move(l), std::move(weights));
  const bool zero = std::all_of(starts.begin(), starts.end(), [](const auto& s) { return s == nullptr; });
  if (!zero) out.start = std::make_shared<StackedStart>(places, std::move(starts));
  return out;
}

}  // namespace tacit::inline TACIT_ABI
