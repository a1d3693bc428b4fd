#include <tacit/core/verify/detail/findings.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI::detail {

Vec Draws::next(Index n) {
  Vec v(n);
  for (double& e : v) e = 2 * (static_cast<double>(engine_() >> 11) * 0x1.0p-53) - 1;
  return v;
}

Vec lengths_of(In v) {
  const double usual = v.size() > 0 ? v.norm() / std::sqrt(static_cast<double>(v.size())) : 0;
  return v.unaryExpr([usual](double e) { return e != 0 ? std::abs(e) : usual > 0 ? usual : 1.0; });
}

Vec lengths_of(In u, const HyperSpace& space) {
  Vec lengths = lengths_of(u);
  if (space.size() != u.size()) return lengths;
  Vec slope(u.size());
  space.slope(u, slope);
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    for (Index j = at; j < at + block.size; ++j) {
      const double width = block.upper - block.lower;
      if (block.scale != Scale::linear && slope[j] > 0)
        lengths[j] = slope[j];
      else if (u[j] == 0 && width > 0 && std::isfinite(width))
        lengths[j] = std::min(1.0, 0.1 * width);
    }
    at += block.size;
  }
  return lengths;
}

std::vector<Vec> directions_of(const Vec& lengths, const VerifyOptions& options, Draws& draws) {
  const Index n = lengths.size();
  std::vector<Vec> all;
  if (n == 0) return all;
  for (Index k = 0; k < options.directions; ++k) all.push_back(lengths.cwiseProduct(draws.next(n)));
  const Index wanted = n <= 2 * options.coordinates ? n : options.coordinates;
  for (Index k = 0; k < wanted; ++k) {
    const Index j = k * n / wanted;
    all.push_back(lengths[j] * Vec::Unit(n, j));
  }
  return all;
}

double least_unit(const AlongStep& f, const Vec& at_zero, const VerifyOptions& options) {
  constexpr double kRoom = 30;  // another order of the terms may round more than was measured along one direction
  return kRoom * Differences(f, at_zero, 0, kMostX).noise() / options.products;
}

void Gathered::take(const Compared& c, const std::string& where) {
  const auto excess = [](const Compared& a) { return a.tolerance > 0 ? a.difference / a.tolerance : a.difference; };
  known_ = known_ || c.kind != Compared::Kind::unknown;
  kink_ = kink_ || c.kink;
  const bool deviates = c.kind == Compared::Kind::deviates;
  const bool worse = !any_ || (deviates != deviates_ ? deviates : excess(c) > excess(worst_));
  any_ = true;
  deviates_ = deviates_ || deviates;
  if (!worse) return;
  worst_ = c;
  where_ = where;
}

void Gathered::fill(Finding& finding) const {
  finding.verdict = deviates_ ? Verdict::wrong : known_ || !any_ ? Verdict::ok : Verdict::not_checked;
  if (!reason_.empty()) {
    finding.verdict = Verdict::not_checked;
    finding.note = reason_;
    return;
  }
  if (!any_) return;
  finding.difference = worst_.difference;
  finding.tolerance = worst_.tolerance;
  if (deviates_) {
    const std::vector<std::string> numbers = short_numbers({worst_.got, worst_.expected});
    finding.note = numbers[0] + " for " + numbers[1] + (where_.empty() ? "" : " " + where_) + " in entry " +
                   std::to_string(worst_.entry + 1);
  } else if (!known_) {
    finding.note = "rounding, or a point that is not smooth, leaves the differences no digits";
  } else if (kink_) {
    finding.note = "the slopes of the two sides differ here (a kink), and it lies between them";
  }
}

Finding& Findings::add(Finding finding, const std::vector<std::string>& needs, const std::function<void(Gathered&)>& body) {
  for (const std::string& need : needs) {
    if (!wrong(need)) continue;
    skip(std::move(finding), need + " is wrong");
    return report_.findings.back();
  }
  try {
    Gathered gathered;
    body(gathered);
    gathered.fill(finding);
  } catch (const Broken& broken) {
    if (broken.product != finding.product && wrong(broken.product)) {
      skip(std::move(finding), broken.product + " is wrong");
      return report_.findings.back();
    }
    if (broken.product != finding.product) finding.quantity.clear();
    finding.product = broken.product;
    finding.verdict = Verdict::wrong;
    finding.note = broken.what;
  }
  report_.findings.push_back(std::move(finding));
  return report_.findings.back();
}

void Findings::skip(Finding finding, const std::string& reason) {
  finding.verdict = Verdict::not_checked;
  finding.note = reason;
  report_.findings.push_back(std::move(finding));
}

bool Findings::wrong(const std::string& product) const {
  return std::any_of(report_.findings.begin(), report_.findings.end(),
                     [&](const Finding& f) { return f.product == product && f.verdict == Verdict::wrong; });
}

namespace {

/// J'p against J w, which is right.
Compared against_forward(const Pair& pair, const Vec& w, const Vec& forward, const Vec& p, const Vec& back,
                         const VerifyOptions& options) {
  const double copied = pair.copied > 0 ? kCancelled * w.head(pair.copied).cwiseProduct(p).norm() : 0;
  const double terms = w.cwiseProduct(back).norm() + p.cwiseProduct(forward).norm() + copied;
  return compare(w.dot(back), p.dot(forward), options.products, terms);
}

void gather_forward(Gathered& g, const Pair& pair, const VerifyOptions& options) {
  for (const Vec& w : pair.directions) {
    const Vec product = pair.jvp(w);
    Differences differences(pair.along(w), pair.at_zero, product.norm(), pair.most);
    g.take(compare(product, differences, options.differences));
    if (g.deviates()) return;
  }
}

void gather_reverse(Gathered& g, const Pair& pair, bool by_forward, const VerifyOptions& options) {
  std::vector<Vec> back;
  for (const Vec& p : pair.probes) back.push_back(pair.vjp(p));
  for (const Vec& w : pair.directions) {
    const Vec forward = by_forward ? pair.jvp(w) : Vec();
    Differences differences(pair.along(w), pair.at_zero, 0, pair.most);
    for (std::size_t k = 0; k < back.size(); ++k) {
      const Vec& p = pair.probes[k];
      g.take(by_forward ? against_forward(pair, w, forward, p, back[k], options)
                        : compare_along(w.dot(back[k]), p, differences, options.differences, w.cwiseProduct(back[k]).norm()));
    }
  }
}

}  // namespace

void check_pair(Findings& findings, const Pair& pair, const VerifyOptions& options) {
  const std::string differences = "differences of " + pair.function;
  if (pair.directions.empty()) {
    findings.skip({pair.forward, pair.forward_is, differences}, "there are no hyperparameters");
    findings.skip({pair.reverse, pair.reverse_is, pair.forward}, "there are no hyperparameters");
    return;
  }
  const Verdict forward =
      findings
          .add({pair.forward, pair.forward_is, differences}, pair.needs, [&](Gathered& g) { gather_forward(g, pair, options); })
          .verdict;
  const bool by_forward = forward != Verdict::wrong;
  Finding& reverse = findings.add({pair.reverse, pair.reverse_is, by_forward ? pair.forward : differences},
                                  by_forward ? std::vector<std::string>{} : pair.needs,
                                  [&](Gathered& g) { gather_reverse(g, pair, by_forward, options); });
  if (reverse.verdict == Verdict::wrong && reverse.product == pair.reverse && forward == Verdict::not_checked)
    reverse.product = pair.reverse + " or " + pair.forward;
}

}  // namespace tacit::inline TACIT_ABI::detail
