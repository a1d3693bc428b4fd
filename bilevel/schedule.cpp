#include <tacit/bilevel/schedule.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::array<Schedule, 5> kSchedules{Schedule::fixed, Schedule::quadratic, Schedule::cubic, Schedule::exponential,
                                             Schedule::adaptive};

}  // namespace

const char* to_string(Schedule s) {
  switch (s) {
    case Schedule::fixed:
      return "fixed";
    case Schedule::quadratic:
      return "quadratic";
    case Schedule::cubic:
      return "cubic";
    case Schedule::exponential:
      return "exponential";
    case Schedule::adaptive:
      return "adaptive";
  }
  return "unknown";
}

std::optional<Schedule> schedule_named(std::string_view name) {
  const auto found = std::find_if(kSchedules.begin(), kSchedules.end(), [&](Schedule s) { return name == to_string(s); });
  return found == kSchedules.end() ? std::nullopt : std::optional(*found);
}

double scheduled(Schedule schedule, Index k, double tightest) {
  if (!(tightest > 0)) return tightest;
  const double n = static_cast<double>(std::max<Index>(k, 1));
  switch (schedule) {
    case Schedule::quadratic:
      return std::max(tightest, 0.1 / (n * n));
    case Schedule::cubic:
      return std::max(tightest, 0.1 / (n * n * n));
    case Schedule::exponential:
      return std::max(tightest, 0.1 * std::pow(0.9, n));
    case Schedule::fixed:
    case Schedule::adaptive:
      break;
  }
  return tightest;
}

Tolerance Tolerances::at(Index k) const { return fallen(k, 1); }

Tolerance Tolerances::next(Index k, double norm) {
  const double fall = foresees_ && norm_ > 0 ? std::clamp(norm / norm_, kFurthestFall, 1.0) : 1;
  norm_ = norm;
  return fallen(k, fall);
}

Tolerance Tolerances::fallen(Index k, double fall) const {
  if (schedule_ != Schedule::adaptive)
    return {scheduled(schedule_, k, tightest_.inner), scheduled(schedule_, k, tightest_.adjoint)};
  const auto bounded = [&](double tied, double tightest) { return tightest > 0 ? std::max(tightest, fall * tied) : tightest; };
  return {bounded(tied_.inner, tightest_.inner), bounded(tied_.adjoint, tightest_.adjoint)};
}

void Tolerances::follow(double relative, const Tolerance& effect) {
  const auto tied = [&](double last, double one) {
    const double share = one > 0 ? std::min(1.0, error_ / one) : kShare * error_ / kError;
    return std::isnan(relative) ? 0 : std::min(last, caution_ * share * relative);
  };
  tied_ = {tied(tied_.inner, effect.inner), tied(tied_.adjoint, effect.adjoint)};
}

void Tolerances::tighten() {
  caution_ *= 0.1;
  tied_.inner *= 0.1;
  tied_.adjoint *= 0.1;
}

void Tolerances::state(StateVisitor& v) {
  v.state("tied.inner", tied_.inner);
  v.state("tied.adjoint", tied_.adjoint);
  v.state("caution", caution_);
  v.state("norm", norm_);
}

}  // namespace tacit::inline TACIT_ABI
