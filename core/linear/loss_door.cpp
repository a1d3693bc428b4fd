#include <tacit/core/linear/loss_door.hpp>

#include <array>
#include <cmath>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI::detail {

LossFacts settled(LossFacts facts) {
  const auto refuse = [](const char* member, double value) {
    throw UsageError(UsageError::Kind::option,
                     std::string("LossFacts::") + member +
                         " must be a finite number that is not negative, or NaN where it is unknown; got " + number_text(value));
  };
  if (facts.curvature_bound < 0 || std::isinf(facts.curvature_bound)) refuse("curvature_bound", facts.curvature_bound);
  if (facts.third_bound < 0 || std::isinf(facts.third_bound)) refuse("third_bound", facts.third_bound);
  if (std::isnan(facts.least))
    throw UsageError(UsageError::Kind::option, "LossFacts::least is a number that no phi is below, or -infinity; got nan");
  if (facts.quadratic) {
    if (!std::isnan(facts.curvature_bound) && facts.curvature_bound != 1)
      throw UsageError(UsageError::Kind::option,
                       "a quadratic loss has phi'' = 1; LossFacts::curvature_bound says " + number_text(facts.curvature_bound));
    facts.curvature_bound = 1;
    facts.third_bound = 0;
    facts.convex = true;
  }
  return facts;
}

namespace {

constexpr std::array kTried = {0.0,  0.01, -0.01, 0.1, -0.1, 0.5,  -0.5,  1.0,   -1.0,   1.5,    -1.5,   2.0,
                               -2.0, 3.0,  -3.0,  5.0, -5.0, 10.0, -10.0, 100.0, -100.0, 1000.0, -1000.0};

/// What phi'' = second at z contradicts; empty: nothing. Rounding is let pass.
std::string wrong_fact(double second, const LossFacts& facts) {
  constexpr double kSlack = 1e-9;
  if (facts.quadratic && std::abs(second - 1) > kSlack) return "LossFacts::quadratic says that it is 1";
  if (facts.convex && second < -kSlack * (std::isnan(facts.curvature_bound) ? 1 : facts.curvature_bound))
    return "LossFacts::convex says that it is never negative";
  if (std::abs(second) > (1 + kSlack) * facts.curvature_bound)
    return "LossFacts::curvature_bound says that it is at most " + number_text(facts.curvature_bound) + " in size";
  return {};
}

}  // namespace

std::string contradiction(const Loss& loss, const LossFacts& facts, In y) {
  constexpr Index kRows = 64;  // of the targets, spread over all
  constexpr auto kPoints = static_cast<Index>(kTried.size());
  const Index rows = std::min(y.size(), kRows);
  Vec target(kPoints), value(kPoints), first(kPoints), second(kPoints);
  for (Index k = 0; k < rows; ++k) {
    const Index row = k * y.size() / rows;
    target.setConstant(y[row]);
    loss.evaluate(kPoints, kTried.data(), target.data(), value.data(), first.data(), second.data());
    const std::string where = " in row " + std::to_string(row + 1) + ", where the target is " + number_text(y[row]);
    if (!std::isfinite(value[0]) || !std::isfinite(first[0]) || !std::isfinite(second[0]))
      return "the loss is not smooth at z = 0" + where + ": phi, phi' and phi'' are " + number_text(value[0]) + ", " +
             number_text(first[0]) + " and " + number_text(second[0]);
    for (Index i = 0; i < kPoints; ++i) {
      if (value[i] < facts.least)
        return "the loss is " + number_text(value[i]) + " at z = " + number_text(kTried[static_cast<std::size_t>(i)]) + where +
               "; LossFacts::least says that it is never below " + number_text(facts.least);
      if (const std::string wrong = wrong_fact(second[i], facts); !wrong.empty())
        return "phi'' of the loss is " + short_number(second[i]) + " at z = " + number_text(kTried[static_cast<std::size_t>(i)]) +
               where + "; " + wrong;
    }
  }
  return {};
}

}  // namespace tacit::inline TACIT_ABI::detail
