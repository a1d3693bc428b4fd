#include <tacit/core/verify/verify.hpp>

#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/detail/criterion_checks.hpp>
#include <tacit/core/verify/detail/findings.hpp>
#include <tacit/core/verify/detail/map_checks.hpp>
#include <tacit/core/verify/detail/objective_checks.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using namespace detail;

void require_size(const char* what, Index got, Index wanted) {
  if (got != wanted)
    throw UsageError(std::string("verify: ") + what + " has " + std::to_string(got) + " entries, the problem takes " +
                     std::to_string(wanted));
}

/// Three gradient steps from the start, as far as its callbacks go along with that: a point of a sensible size.
Vec few_steps(const Problem& problem, In u) {
  const Index n = problem.f->inner_dim();
  Vec x = Vec::Zero(n);
  try {
    x = vector_of("start", n, [&](Out start) { start = problem.cold_start(u); });
    double l = 0;
    call_of("smoothness", [&] { l = problem.f->smoothness(u); });
    if (!(l > 0)) return x;
    for (int k = 0; k < 3; ++k) {
      const Vec next = x - vector_of("gradient", n, [&](Out g) { problem.f->gradient(x, u, g); }) / l;
      if (!next.allFinite()) break;
      x = next;
    }
  } catch (const Broken&) {  // the checks name what is wrong
  }
  return x;
}

Vec point_of(const Problem& problem, const VerifyPoint& at, const VerifyOptions& options, Draws& draws) {
  if (at.x.size() > 0) return at.x;
  if (problem.f) {
    const Vec x = few_steps(problem, at.u);
    return x + 0.5 * lengths_of(x).cwiseProduct(draws.next(x.size()));
  }
  return options.map ? draws.next(options.map->inner_dim()) : Vec();
}

void check_parts(Findings& findings, const Problem& problem, const At& at) {
  if (problem.f)
    check_objective(findings, at);
  else
    findings.skip({"value", "f", "anything"}, "the problem has no inner objective");
  if (problem.l)
    check_criterion(findings, at);
  else
    findings.skip({"l", "l", "anything"}, "the problem has no criterion");
  if (problem.start)
    check_start(findings, at, *problem.start);
  else
    findings.skip({"start point", "x_0(u)", "anything"}, "the problem has no start of its own; x_0 = 0");
}

void check_the_map(Findings& findings, const Problem& problem, const At& at) {
  if (at.options.map) return check_map(findings, at, *at.options.map);
  const Finding row{"map step", "A(z, u)", "anything"};
  if (!problem.f) return findings.skip(row, "there is no map");
  std::shared_ptr<const FixedPointMap> map;
  try {
    call_of("map", [&] { map = GradientDescent().bind(problem, at.u); });
  } catch (const Broken& broken) {
    return findings.skip(row, "gradient descent " + broken.what);
  }
  check_map(findings, at, *map);
}

}  // namespace

VerifyReport verify(const Problem& problem, const VerifyPoint& at, const VerifyOptions& options) {
  if (problem.f) {
    require_size("u", at.u.size(), problem.f->outer_dim());
    if (at.x.size() > 0) require_size("x", at.x.size(), problem.f->inner_dim());
  }
  if (!at.u.allFinite() || !at.x.allFinite()) throw UsageError("verify: the point has entries that are not finite");
  VerifyReport report;
  Findings findings(report);
  Draws draws(options.seed);
  report.u = at.u;
  report.x = point_of(problem, at, options, draws);
  if (const std::string misfit = problem.f && problem.l ? problem.check() : std::string(); !misfit.empty())
    findings.add({"problem", "its sizes", "each other"}, {}, [&](Gathered&) {
      throw Broken{"problem", "does not fit together: " + misfit};
    });
  const std::vector<Vec> dx = directions_of(lengths_of(report.x), options, draws);
  const std::vector<Vec> du = directions_of(lengths_of(report.u, problem.space), options, draws);
  const At point{problem, options, report.x, report.u, dx, du};
  check_parts(findings, problem, point);
  check_the_map(findings, problem, point);
  return report;
}

}  // namespace tacit::inline TACIT_ABI
