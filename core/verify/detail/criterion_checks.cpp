#include <tacit/core/verify/detail/criterion_checks.hpp>

#include <array>
#include <cmath>
#include <optional>

namespace tacit::inline TACIT_ABI::detail {
namespace {

constexpr double kRounding = 1e-14;

struct LossGradient {
  double value = 0;
  Vec x, u;
};

class CriterionChecks {
public:
  CriterionChecks(Findings& findings, const At& at) : findings_(findings), at_(at), l_(*at.problem.l) {}
  void run() {
    values();
    const Finding& along_x = derivative("l_x", first_.x, at_.dx, kMostX, true);
    const bool x_wrong = along_x.verdict == Verdict::wrong && along_x.product == "l_x";
    Finding& along_u = derivative("l_u", first_.u, at_.du, kMostU, false);
    if (x_wrong && along_u.verdict == Verdict::wrong) along_u.note += "; where l_x and l_u are both wrong, it may be l";
    promises();
  }

private:
  double value_at(In x, In u) const {
    return number_of("l", [&] { return l_.value(x, u); });
  }
  LossGradient gradient_at(In x, In u) const {
    LossGradient g;
    Answer gx(x.size()), gu(u.size());
    call_of("l_x, l_u", [&] { g.value = l_.gradient(x, u, gx.vector(), gu.vector()); });
    g.x = gx.whole_vector("l_x");
    if (u.size() > 0) g.u = gu.whole_vector("l_u");
    return g;
  }
  std::optional<std::array<LossGradient, 2>> pair_at(In x, In second, In u) const;
  void values();
  Finding& derivative(const std::string& product, const Vec& gradient, const std::vector<Vec>& directions, double most,
                      bool in_x);
  void promises();

  Findings& findings_;
  const At& at_;
  const Criterion& l_;
  double value_ = 0, unit_ = 0;
  LossGradient first_;
};

std::optional<std::array<LossGradient, 2>> CriterionChecks::pair_at(In x, In second, In u) const {
  Answer gx(x.size(), 2), gu(u.size(), 2);
  std::optional<std::array<double, 2>> values;
  call_of("gradient_pair", [&] { values = l_.gradient_pair(x, second, u, gx.matrix(), gu.matrix()); });
  if (!values) return std::nullopt;
  const Mat lx = gx.whole("gradient_pair"), lu = gu.whole("gradient_pair");
  const auto at = [&](Index k) { return LossGradient{(*values)[static_cast<std::size_t>(k)], lx.col(k), lu.col(k)}; };
  return std::array{at(0), at(1)};
}

void CriterionChecks::values() {
  findings_.add({"l", "l", "itself, asked again"}, {}, [&](Gathered& g) {
    value_ = value_at(at_.x, at_.u);
    if (!at_.dx.empty())
      unit_ = least_unit([&](double t) { return scalar(value_at(at_.x + t * at_.dx[0], at_.u)); }, scalar(value_), at_.options);
    g.take(compare(value_at(at_.x, at_.u), value_, at_.options.products, unit_));
  });
  findings_.add({"l_x, l_u", "l", "l"}, {"l"}, [&](Gathered& g) {
    first_ = gradient_at(at_.x, at_.u);
    g.take(compare(first_.value, value_, at_.options.products, unit_));
    if (at_.dx.empty()) return;
    const Vec second = at_.x + at_.dx[0];
    const auto pair = pair_at(at_.x, second, at_.u);
    if (!pair) return;
    const auto same = [&](const LossGradient& got, const LossGradient& alone) {
      g.take(compare(got.value, alone.value, at_.options.products, unit_), "for l in gradient_pair");
      g.take(compare(got.x, alone.x, at_.options.products), "for l_x in gradient_pair");
      if (at_.u.size() > 0) g.take(compare(got.u, alone.u, at_.options.products), "for l_u in gradient_pair");
    };
    same((*pair)[0], first_);
    same((*pair)[1], gradient_at(second, at_.u));
  });
}

Finding& CriterionChecks::derivative(const std::string& product, const Vec& gradient, const std::vector<Vec>& directions,
                                     double most, bool in_x) {
  return findings_.add({product, product, "differences of l"}, {"l", product}, [&](Gathered& g) {
    if (gradient.size() == 0) return g.nothing("there is none");
    for (const Vec& d : directions) {
      const double slope = gradient.dot(d), terms = gradient.cwiseProduct(d).norm();
      const auto along = [&](double t) { return scalar(in_x ? value_at(at_.x + t * d, at_.u) : value_at(at_.x, at_.u + t * d)); };
      Differences differences(along, scalar(value_), terms, most);
      g.take(compare(scalar(slope), differences, at_.options.differences, terms), "along a direction");
      if (g.deviates()) return;
    }
  });
}

void CriterionChecks::promises() {
  findings_.add({"l_least", "least()", "l"}, {"l"}, [&](Gathered& g) {
    double least = 0;
    call_of("l_least", [&] { least = l_.least(); });
    if (!std::isfinite(least)) return g.nothing("it promises nothing");
    g.take(compare(std::max(least, value_), value_, at_.options.products, unit_));
  });
  findings_.add({"l_smoothness", "smoothness()", "l_x elsewhere"}, {"l", "l_x"}, [&](Gathered& g) {
    double bound = 0;
    call_of("l_smoothness", [&] { bound = l_.smoothness(); });
    if (std::isnan(bound) || at_.dx.empty()) return g.nothing("it promises nothing");
    const LossGradient other = gradient_at(at_.x + at_.dx[0], at_.u);
    const double rise = (other.x - first_.x).norm() / at_.dx[0].norm();
    g.take(compare(std::min(rise, bound), rise, at_.options.products,
                   kRounding * first_.x.norm() / at_.dx[0].norm() / at_.options.products));
    if (first_.u.size() > 0) g.take(compare(other.u, first_.u, 0), "for l_u, which is not to depend on x");
  });
}

}  // namespace

void check_criterion(Findings& findings, const At& at) { CriterionChecks(findings, at).run(); }

}  // namespace tacit::inline TACIT_ABI::detail
