#include <tacit/bilevel/sum.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// Element-wise: what one part's tolerance is to that of the sum.
double ratio(double part, double sum) { return part > 0 && sum > 0 ? part / sum : 1; }

/// The smallest that is no request for a fixed number of steps.
double least_positive(double a, double b) { return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b); }

int badness(Status s) {
  constexpr std::array<Status, 8> kFromGood{Status::converged,  Status::rounding,           Status::as_asked, Status::not_run,
                                            Status::step_limit, Status::negative_curvature, Status::saddle,   Status::failed};
  return static_cast<int>(std::find(kFromGood.begin(), kFromGood.end(), s) - kFromGood.begin());
}

class SumOracle final : public Oracle {
public:
  SumOracle(std::vector<Summand> parts, SumOptions options);

  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override;
  Evaluation evaluate_fully(In theta, const Evaluation* near) const override;
  Evaluation differentiate(Evaluation e, const Tolerance& tolerance) const override;
  Evaluation diagnose(Evaluation e, Index step, double error_floor) const override;
  VerifyReport verify(In theta) const override;
  Work work() const override;
  Work diagnostic_work() const override;
  Tolerance tightest() const override { return tightest_; }
  /// None: parts lend each other what one of them has kept (share_kept), and need not all make their own at once.
  std::optional<Evaluation> ahead() const override { return std::nullopt; }
  bool may_loosen() const override;
  double target() const override;

private:
  Tolerance for_part(std::size_t i, const Tolerance& t) const;
  std::vector<Evaluation> starts(const Evaluation* near, const char* call) const;
  void require_parts(const Evaluation& e, const char* call) const;
  /// Runs change(i, part i) for each part and combines what comes out.
  Evaluation changed(Evaluation e, const std::function<Evaluation(std::size_t, Evaluation)>& change) const;
  void combine(Evaluation& e) const;
  void add_values(Evaluation& e) const;
  void add_gradients(Evaluation& e) const;
  void combine_diagnostics(Evaluation& e) const;
  void combine_errors(Evaluation& e, double floor) const;
  bool counts(const Evaluation& part) const { return options_.missing == SumOptions::Missing::fail || part.finite(); }
  /// w_i, scaled up for the parts that are left out.
  double weight(const Evaluation& e, std::size_t i) const;
  std::string name(std::size_t i) const { return parts_[i].name.empty() ? "part " + std::to_string(i + 1) : parts_[i].name; }

  std::vector<Summand> parts_;
  SumOptions options_;
  Tolerance tightest_;
};

SumOracle::SumOracle(std::vector<Summand> parts, SumOptions options) : parts_(std::move(parts)), options_(options) {
  if (options_.threads < 1)
    throw UsageError(UsageError::Kind::option,
                     "SumOptions::threads is " + std::to_string(options_.threads) + " and has to be 1 or more");
  if (parts_.empty()) throw UsageError("a sum of oracles needs at least one part");
  tightest_ = {0, 0};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (!parts_[i].oracle) throw UsageError(name(i) + " of the sum has no oracle");
    if (!std::isfinite(parts_[i].weight)) throw UsageError("the weight of " + name(i) + " is not finite");
    const Tolerance t = parts_[i].oracle->tightest();
    tightest_ = {least_positive(tightest_.inner, t.inner), least_positive(tightest_.adjoint, t.adjoint)};
  }
}

// In proportion, so that at the sum's tightest tolerance each part is solved to its own.
Tolerance SumOracle::for_part(std::size_t i, const Tolerance& t) const {
  const Tolerance own = parts_[i].oracle->tightest();
  return {own.inner > 0 ? t.inner * ratio(own.inner, tightest_.inner) : own.inner,
          own.adjoint > 0 ? t.adjoint * ratio(own.adjoint, tightest_.adjoint) : own.adjoint};
}

void SumOracle::require_parts(const Evaluation& e, const char* call) const {
  if (e.parts.size() != parts_.size())
    throw UsageError(std::string(call) + " takes an evaluation of this sum of " + std::to_string(parts_.size()) +
                     " parts; call evaluate() first");
}

Evaluation SumOracle::changed(Evaluation e, const std::function<Evaluation(std::size_t, Evaluation)>& change) const {
  run_parallel(parts_.size(), options_.threads, [&](std::size_t i) { e.parts[i] = change(i, std::move(e.parts[i])); });
  combine(e);
  return e;
}

// What the parts start from; empty: cold.
std::vector<Evaluation> SumOracle::starts(const Evaluation* near, const char* call) const {
  if (!near) return {};
  require_parts(*near, call);
  std::vector<Evaluation> parts = near->parts;
  if (!options_.alike) return parts;
  std::vector<InnerSolution*> solutions;
  for (Evaluation& part : parts) solutions.push_back(part.state ? &part.state.write().inner : nullptr);
  share_kept(solutions);
  return parts;
}

Evaluation SumOracle::evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const {
  const std::vector<Evaluation> from = starts(near, "evaluate() near a point");
  Evaluation e;
  e.parts.resize(parts_.size());
  const Vec at = theta;
  return changed(std::move(e), [&](std::size_t i, const Evaluation&) {
    return parts_[i].oracle->evaluate(at, for_part(i, tolerance), near ? &from[i] : nullptr);
  });
}

Evaluation SumOracle::evaluate_fully(In theta, const Evaluation* near) const {
  const std::vector<Evaluation> from = starts(near, "evaluate_fully() near a point");
  Evaluation e;
  e.parts.resize(parts_.size());
  const Vec at = theta;
  return changed(std::move(e), [&](std::size_t i, const Evaluation&) {
    return parts_[i].oracle->evaluate_fully(at, near ? &from[i] : nullptr);
  });
}

Evaluation SumOracle::differentiate(Evaluation e, const Tolerance& tolerance) const {
  require_parts(e, "differentiate()");
  return changed(std::move(e), [&](std::size_t i, Evaluation part) {
    return parts_[i].oracle->differentiate(std::move(part), for_part(i, tolerance));
  });
}

Evaluation SumOracle::diagnose(Evaluation e, Index step, double error_floor) const {
  require_parts(e, "diagnose()");
  double total = 0;
  for (const Summand& s : parts_) total += std::abs(s.weight);
  const double floor = total > 0 ? error_floor / total : error_floor;
  e = changed(std::move(e), [&](std::size_t i, Evaluation part) {
    return std::isfinite(part.value) ? parts_[i].oracle->diagnose(std::move(part), step, floor) : part;
  });
  combine_errors(e, error_floor);
  return e;
}

VerifyReport SumOracle::verify(In theta) const {
  std::vector<VerifyReport> reports(parts_.size());
  const Vec at = theta;
  run_parallel(parts_.size(), options_.threads, [&](std::size_t i) { reports[i] = parts_[i].oracle->verify(at); });
  VerifyReport all;
  all.u = reports[0].u;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    for (Finding& f : reports[i].findings) {
      f.product = name(i) + ": " + f.product;
      all.findings.push_back(std::move(f));
    }
  }
  return all;
}

Work SumOracle::work() const {
  Work sum;
  for (const Summand& s : parts_) sum += s.oracle->work();
  return sum;
}

Work SumOracle::diagnostic_work() const {
  Work sum;
  for (const Summand& s : parts_) sum += s.oracle->diagnostic_work();
  return sum;
}

bool SumOracle::may_loosen() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Summand& s) { return s.oracle->may_loosen(); });
}

double SumOracle::target() const {
  double least = 0;
  for (const Summand& s : parts_) least = least_positive(least, s.oracle->target());
  return least;
}

double SumOracle::weight(const Evaluation& e, std::size_t i) const {
  if (e.diagnostics.left_out == 0) return parts_[i].weight;
  double all = 0, there = 0;
  for (std::size_t k = 0; k < parts_.size(); ++k) {
    all += parts_[k].weight;
    if (counts(e.parts[k])) there += parts_[k].weight;
  }
  return parts_[i].weight * all / there;
}

void SumOracle::combine(Evaluation& e) const {
  e.theta = e.parts.front().theta;
  e.u = e.parts.front().u;
  e.inner_seconds = e.hypergradient_seconds = 0;
  for (const Evaluation& part : e.parts) {
    e.inner_seconds += part.inner_seconds;
    e.hypergradient_seconds += part.hypergradient_seconds;
  }
  combine_diagnostics(e);
  add_values(e);
  add_gradients(e);
}

void SumOracle::add_values(Evaluation& e) const {
  const bool none = e.diagnostics.left_out == static_cast<Index>(parts_.size());
  e.corrected = std::any_of(e.parts.begin(), e.parts.end(), [](const Evaluation& part) { return part.corrected; });
  e.value = e.plain = none ? kMissing : 0;
  e.solved = {0, 0};
  e.effect = {0, 0};
  for (std::size_t i = 0; i < parts_.size() && !none; ++i) {
    const Evaluation& part = e.parts[i];
    if (!counts(part)) continue;
    const double w = weight(e, i);
    const Tolerance unit = for_part(i, {1, 1});
    e.value += w * part.value;
    e.plain += w * part.plain;
    // NaN (not known of one part) is not known of the sum.
    const auto worst = [](double sum, double one) { return sum >= one ? sum : one; };
    e.solved = {worst(e.solved.inner, part.solved.inner / (unit.inner > 0 ? unit.inner : 1)),
                worst(e.solved.adjoint, part.solved.adjoint / (unit.adjoint > 0 ? unit.adjoint : 1))};
    e.effect.inner += std::abs(w) * part.effect.inner * unit.inner;
    e.effect.adjoint += std::abs(w) * part.effect.adjoint * unit.adjoint;
  }
}

void SumOracle::add_gradients(Evaluation& e) const {
  e.gradient.resize(0);
  const auto lacks = [&](const Evaluation& part) { return counts(part) && part.gradient.size() != e.theta.size(); };
  if (std::any_of(e.parts.begin(), e.parts.end(), lacks)) return;
  if (!std::isfinite(e.value)) {
    e.gradient = Vec::Constant(e.theta.size(), kMissing);
    return;
  }
  e.gradient = Vec::Zero(e.theta.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (counts(e.parts[i])) e.gradient += weight(e, i) * e.parts[i].gradient;
  }
}

void SumOracle::combine_diagnostics(Evaluation& e) const {
  Diagnostics all;
  const auto known = [&](auto member, auto better) {
    double out = e.parts.front().diagnostics.*member;
    for (const Evaluation& p : e.parts) {
      const double one = p.diagnostics.*member;
      if (std::isnan(one) || std::isnan(out)) return kMissing;
      if (better(one, out)) out = one;
    }
    return out;
  };
  using D = Diagnostics;
  for (auto member : {&D::inner_residual, &D::gradient_norm, &D::cold_residual, &D::warm_residual, &D::contraction,
                      &D::iterate_error, &D::linear_residual, &D::sensitivity})
    all.*member = known(member, std::greater<>{});
  for (auto member : {&D::implicit_truncation, &D::head_start_nats, &D::head_start_lo, &D::head_start_hi, &D::k_eff_lo,
                      &D::k_eff_hi, &D::k_match})
    all.*member = known(member, std::less<>{});
  for (auto member : {&D::window, &D::tape_bytes, &D::linear_steps, &D::sweep_cost, &D::cg_cost, &D::support_changes}) {
    all.*member = 0;
    for (const Evaluation& p : e.parts) all.*member += p.diagnostics.*member;
  }
  all.inner_loss = all.outer_loss_error = 0;
  all.left_out = 0;
  bool reliable = true, rated = true, own = true;
  std::size_t inner = 0, hyper = 0, left_out = 0;
  for (std::size_t i = 0; i < e.parts.size(); ++i) {
    const Diagnostics& d = e.parts[i].diagnostics;
    all.inner_steps += d.inner_steps;
    all.inner_loss += parts_[i].weight * d.inner_loss;
    all.left_out += !counts(e.parts[i]);
    if (counts(e.parts[i])) all.outer_loss_error += std::abs(parts_[i].weight) * d.outer_loss_error;
    all.cut_short = all.cut_short || d.cut_short;
    all.errors_asked = all.errors_asked || d.errors_asked;
    rated = rated && d.rate_reliable.has_value();
    reliable = reliable && d.rate_reliable.value_or(false);
    own = own && d.truncation_map == "own";
    // What is left out is counted, and says nothing of the others, unless there are none.
    const auto rank = [&](std::size_t k, Status s) { return counts(e.parts[k]) ? badness(s) : -1; };
    if (rank(i, d.inner_status) > rank(inner, e.parts[inner].diagnostics.inner_status)) inner = i;
    if (rank(i, d.hypergradient_status) > rank(hyper, e.parts[hyper].diagnostics.hypergradient_status)) hyper = i;
    if (!counts(e.parts[i])) left_out = i;
  }
  if (rated) all.rate_reliable = reliable;
  if (!e.parts.front().diagnostics.truncation_map.empty()) all.truncation_map = own ? "own" : "reference";
  const Diagnostics &worst = e.parts[inner].diagnostics, &last = e.parts[hyper].diagnostics;
  all.inner_status = worst.inner_status;
  all.hypergradient_status = last.hypergradient_status;
  if (!worst.inner_message.empty()) all.inner_message = name(inner) + ": " + worst.inner_message;
  if (!last.hypergradient_message.empty()) all.hypergradient_message = name(hyper) + ": " + last.hypergradient_message;
  if (all.left_out > 0 && all.left_out < static_cast<Index>(parts_.size()) && usable(all.inner_status)) {
    const Diagnostics& out = e.parts[left_out].diagnostics;
    all.inner_message =
        name(left_out) + " is left out: " + (out.inner_message.empty() ? out.hypergradient_message : out.inner_message);
  }
  e.diagnostics = std::move(all);
}

// Errors are added as lengths. With b a bound of (error)/max(||truth||, floor), error <= max(b floor, b ||g|| / (1 - b)).
void SumOracle::combine_errors(Evaluation& e, double floor) const {
  double estimate = 0, bound = 0, reference = 0, total = 0;
  for (const Summand& s : parts_) total += std::abs(s.weight);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Evaluation& part = e.parts[i];
    if (!counts(part)) continue;
    const Diagnostics& d = part.diagnostics;
    const double w = std::abs(weight(e, i)), least = total > 0 ? floor / total : floor;
    const double scale = std::max(part.gradient.norm(), least), b = d.hypergradient_error_bound;
    estimate += w * d.hypergradient_error * scale;
    reference += w * d.hypergradient_error_reference * scale;
    bound += w * (b < 1 ? std::max(b * least, b * part.gradient.norm() / (1 - b)) : kMissing);
  }
  const double size = e.gradient.size() > 0 ? e.gradient.norm() : kMissing;
  const auto over = [](double off, double scale) { return off == 0 ? 0 : scale > 0 ? off / scale : kMissing; };
  Diagnostics& d = e.diagnostics;
  d.hypergradient_error = over(estimate, std::max(size, floor));
  d.hypergradient_error_reference = over(reference, std::max(size, floor));
  d.hypergradient_error_bound = over(bound, std::max(size - bound, floor));
}

}  // namespace

std::unique_ptr<Oracle> sum_of(std::vector<Summand> parts, SumOptions options) {
  return std::make_unique<SumOracle>(std::move(parts), options);
}

}  // namespace tacit::inline TACIT_ABI
