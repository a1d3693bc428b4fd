#include <tacit/cli/nlopt/nlopt_optimizers.hpp>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <tacit/cli/nlopt/nlopt_search.hpp>

namespace tacit {

namespace {

struct Method {
  NloptMethod method;
  const char* name;
  const char* doc;
};

constexpr std::array<Method, 3> kMethods{
    {{NloptMethod::nelder_mead, "nelder-mead",
      "simplex method of Nelder and Mead (1965) from the start, by NLopt; no hypergradients"},
     {NloptMethod::direct, "direct",
      "DIRECT, dividing rectangles (Jones, Perttunen and Stuckman 1993), by NLopt; no hypergradients"},
     {NloptMethod::crs, "crs",
      "controlled random search with local mutation (Kaelo and Ali 2006), by NLopt, from seed; no hypergradients"}}};

/// NLopt owns its loop, the driver its own: the loop runs on another thread (NloptSearch), and waits for the value of each point
/// that it asks for. What the loop knows is a function of the values so far, so these are its state.
class NloptOuter final : public OuterOptimizer {
public:
  explicit NloptOuter(Method method) : method_(method) {}
  bool differentiates() const override { return false; }
  bool takes_start() const override { return method_.method != NloptMethod::direct; }
  Schedule schedule() const override { return Schedule::fixed; }
  Vec begin(const HyperSpace& space, In theta0, const OuterPlan& plan) override;
  void reset(const Evaluation& start) override;
  StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) override;
  void refresh(const Evaluation& current) override {
    if (current.finite()) last_ = current;
  }
  void state(StateVisitor& v) override;

private:
  Vec ask(const HyperSpace& space);

  Method method_;
  OuterPlan plan_;
  Vec start_;
  std::vector<double> values_;  ///< of the points so far, in the order in which NLopt asked for them
  Evaluation last_;
  std::unique_ptr<NloptSearch> search_;  ///< none: to be led through values_ first
};

Vec NloptOuter::begin(const HyperSpace& space, In theta0, const OuterPlan& plan) {
  require_built(method_.name);
  search_.reset();
  values_.clear();
  plan_ = plan;
  start_ = theta0;
  if (plan.points < 1 || space.size() == 0) return start_;
  return ask(space);
}

void NloptOuter::reset(const Evaluation& start) {
  last_ = start;
  values_.assign(1, start.value);
}

/// The point that NLopt asks for after the values so far; empty when it has ended.
Vec NloptOuter::ask(const HyperSpace& space) {
  if (!search_) search_ = std::make_unique<NloptSearch>(method_.method, space.lower(), space.upper(), start_, plan_);
  while (search_->answered() < values_.size()) {
    if (search_->asked().size() == 0) break;
    search_->answer(values_[search_->answered()]);
  }
  return search_->asked();
}

StepOutcome NloptOuter::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  StepOutcome out;
  const Vec theta = ask(space);
  if (theta.size() == 0) {
    out.over = search_->converged() ? StepOutcome::Over::converged : StepOutcome::Over::exhausted;
    out.message = search_->message();
    return out;
  }
  Evaluation e = oracle.evaluate(theta, tolerance, std::isfinite(last_.value) ? &last_ : nullptr);
  values_.push_back(e.value);
  out.evaluations = 1;
  out.step_norm = (e.theta - last_.theta).norm();
  out.moved = true;
  if (std::isfinite(e.value)) {
    last_ = e;
    last_.forget_tape();
  }
  out.accepted = std::move(e);
  return out;
}

void NloptOuter::state(StateVisitor& v) {
  const std::vector<double> values = values_;
  v.state("start", start_);
  v.state("values", values_);
  plan_.state(v);
  last_.visit_state(v);
  if (values_ != values) search_.reset();
}

}  // namespace

void register_nlopt(Registry<OuterOptimizer>& registry) {
  for (const Method& m : kMethods) registry.add(m.name, m.doc, [m] { return std::make_unique<NloptOuter>(m); });
}

void require_built(const std::string& optimizer) {
  if (has_nlopt()) return;
  for (const Method& m : kMethods) {
    if (optimizer != m.name) continue;
    throw UsageError("the optimizer '" + optimizer +
                         "' is NLopt's, and this tacit was built without NLopt; use random, or "
                         "install NLopt (Debian: libnlopt-dev) and build tacit again",
                     "outer.optimizer");
  }
}

}  // namespace tacit
