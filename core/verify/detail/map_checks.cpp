#include <tacit/core/verify/detail/map_checks.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace tacit::inline TACIT_ABI::detail {
namespace {

std::vector<Vec> some(const std::vector<Vec>& directions, const VerifyOptions& options) {
  const auto count = std::min(directions.size(), static_cast<std::size_t>(options.directions));
  return {directions.begin(), directions.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// A callback that adds to its answer has to leave there what was there.
void check_adds(Findings& findings, const std::string& product, Index m, const std::function<void(Out)>& add) {
  if (m == 0) return;
  findings.add({product, "add_u", "itself, added to something"}, {product}, [&](Gathered& g) {
    const auto added_to = [&](const Vec& there) {
      return vector_of(product, m, [&](Out u) {
        u = there;
        add(u);
      });
    };
    const Vec alone = added_to(Vec::Zero(m));
    const double size = alone.norm() > 0 ? alone.norm() : 1;
    const Vec there = Vec::Constant(m, size);
    g.take(compare(added_to(there), Vec(there + alone), 1e-12));
  });
}

/// The checks of one step of a map, at a state z.
class StepChecks {
public:
  StepChecks(Findings& findings, const At& at, const FixedPointMap& map, Vec z, Index k)
      : findings_(findings), at_(at), map_(map), z_(std::move(z)), k_(k), s_(z_.size()), m_(at.u.size()) {}
  void run(Draws& draws);

private:
  Vec step(In z, In u) const {
    return vector_of("map step", s_, [&](Out next) { map_.step(k_, z, u, next); });
  }
  /// Tangents in z and u in one vector.
  Vec both(In z, In u) const {
    Vec w(s_ + m_);
    w << z, u;
    return w;
  }
  Vec jvp(const Vec& w) const {
    return vector_of("map jvp", s_, [&](Out out) { jacobian().jvp(w.head(s_), w.tail(m_), out); });
  }
  Vec pulled(const std::string& product, const std::function<void(Out, Out)>& call) const {
    Answer z(s_), u(m_);
    u.vector().setZero();
    call_of(product, [&] { call(z.vector(), u.vector()); });
    return both(z.whole_vector(product), m_ > 0 ? u.whole_vector(product) : Vec());
  }
  Vec vjp(const Vec& p) const {
    return pulled("map vjp", [&](Out z, Out u) { jacobian().vjp(p, z, u); });
  }
  const StepJacobian& jacobian() const {
    if (!jacobian_) throw Broken{"map linearize", "returns no Jacobian"};
    return *jacobian_;
  }
  void one_pass(const std::vector<Vec>& directions, const std::vector<Vec>& probes);

  Findings& findings_;
  const At& at_;
  const FixedPointMap& map_;
  Vec z_;
  Index k_, s_, m_;
  Vec next_;
  std::unique_ptr<const StepJacobian> jacobian_;
};

void StepChecks::run(Draws& draws) {
  findings_.add({"map step", "A(z, u)", "itself, asked again"}, {}, [&](Gathered& g) {
    next_ = step(z_, at_.u);
    g.take(compare(step(z_, at_.u), next_, at_.options.products));
    call_of("map linearize", [&] { jacobian_ = map_.linearize(k_, z_, at_.u); });
    (void)jacobian();
  });
  std::vector<Vec> directions;
  const Vec lengths = lengths_of(z_);
  const std::vector<Vec> in_z = directions_of(lengths, at_.options, draws);
  const std::size_t random = some(in_z, at_.options).size();
  for (std::size_t i = 0; i < in_z.size(); ++i)
    directions.push_back(both(in_z[i], i < random && i < at_.du.size() ? at_.du[i] : Vec(Vec::Zero(m_))));
  for (std::size_t i = random; i < at_.du.size(); ++i) directions.push_back(both(Vec::Zero(s_), at_.du[i]));
  const std::vector<Vec> probes = some(in_z, at_.options);
  const auto along = [&](const Vec& w) -> AlongStep {
    return [this, w](double t) { return step(z_ + t * w.head(s_), at_.u + t * w.tail(m_)); };
  };
  check_pair(findings_,
             {"map jvp",
              "A_z dz + A_u du",
              "map vjp",
              "A_z^T p, A_u^T p",
              "map step",
              {"map step"},
              [&](const Vec& w) { return jvp(w); },
              [&](const Vec& p) { return vjp(p); },
              along,
              next_,
              directions,
              probes,
              kMostU,
              s_},
             at_.options);
  if (!jacobian_ || probes.empty()) return;
  check_adds(findings_, "map vjp", m_, [&](Out u) {
    Vec z(s_);
    jacobian().vjp(probes[0], z, u);
  });
  one_pass(directions, probes);
}

void StepChecks::one_pass(const std::vector<Vec>& directions, const std::vector<Vec>& probes) {
  findings_.add({"map one-pass vjp", "A_z^T p, A_u^T p", "map vjp"}, {"map vjp"}, [&](Gathered& g) {
    for (const Vec& p : probes) {
      const Vec got = pulled("map one-pass vjp", [&](Out z, Out u) { map_.vjp(k_, z_, at_.u, p, z, u); });
      const Vec want = vjp(p);
      g.take(compare(got.head(s_), want.head(s_), at_.options.products, kCancelled * p.norm()), "in z");
      if (m_ > 0) g.take(compare(got.tail(m_), want.tail(m_), at_.options.products), "in u");
    }
  });
  check_adds(findings_, "map one-pass vjp", m_, [&](Out u) {
    Vec z(s_);
    map_.vjp(k_, z_, at_.u, probes[0], z, u);
  });
  if (m_ == 0) return;
  findings_.add({"map step_tangents", "A, A_z dz + A_u du", "map step, map jvp"}, {"map step", "map jvp"}, [&](Gathered& g) {
    const auto k = static_cast<Index>(probes.size());
    Mat dz(s_, k), du(m_, k);
    for (Index j = 0; j < k; ++j) {
      dz.col(j) = directions[static_cast<std::size_t>(j)].head(s_);
      du.col(j) = directions[static_cast<std::size_t>(j)].tail(m_);
    }
    Answer next(s_), columns(s_, k);
    call_of("map step_tangents", [&] { map_.step_tangents(k_, z_, at_.u, dz, du, next.vector(), columns.matrix()); });
    g.take(compare(next.whole_vector("map step_tangents"), next_, at_.options.products), "for A");
    const Mat got = columns.whole("map step_tangents");
    for (Index j = 0; j < k; ++j)
      g.take(compare(Vec(got.col(j)), jvp(directions[static_cast<std::size_t>(j)]), at_.options.products,
                     kCancelled * dz.col(j).norm()),
             "in a column");
  });
}

}  // namespace

void check_start(Findings& findings, const At& at, const Start& start) {
  const Index n = at.x.size(), m = at.u.size();
  Vec x0;
  const auto point = [&](In u) { return vector_of("start point", n, [&](Out x) { start.point(u, x); }); };
  findings.add({"start point", "x_0(u)", "itself, asked again"}, {}, [&](Gathered& g) {
    x0 = point(at.u);
    g.take(compare(point(at.u), x0, at.options.products));
  });
  const auto jvp = [&](const Vec& w) {
    Answer dx(n, 1);
    const Mat du = w;
    call_of("start jvp", [&] { start.jvp(at.u, du, dx.matrix()); });
    return dx.whole_vector("start jvp");
  };
  const auto vjp = [&](const Vec& p) {
    return vector_of("start vjp", m, [&](Out u) {
      u.setZero();
      start.vjp(at.u, p, u);
    });
  };
  const auto along = [&](const Vec& w) -> AlongStep { return [&, w](double t) { return point(at.u + t * w); }; };
  const std::vector<Vec> probes = some(at.dx, at.options);
  check_pair(
      findings,
      {"start jvp", "x_0' du", "start vjp", "x_0'^T p", "start point", {"start point"}, jvp, vjp, along, x0, at.du, probes},
      at.options);
  if (!probes.empty()) check_adds(findings, "start vjp", m, [&](Out u) { start.vjp(at.u, probes[0], u); });
}

void check_map(Findings& findings, const At& at, const FixedPointMap& map) {
  const Index n = at.x.size(), s = map.state_dim();
  if (map.inner_dim() != n || s < n) {
    findings.add({"map", "its sizes", "the problem"}, {}, [&](Gathered&) {
      throw Broken{"map", "has " + std::to_string(map.inner_dim()) + " inner variables in states of " + std::to_string(s) +
                              " entries; the problem has " + std::to_string(n) + " variables"};
    });
    return;
  }
  Draws draws(at.options.seed + 1);
  const auto lifted = [&](In x) { return vector_of("map lift", s, [&](Out z) { map.lift(x, z); }); };
  Vec z;
  findings.add({"map lift", "first entries", "x"}, {}, [&](Gathered& g) {
    z = lifted(at.x);
    g.take(compare(z.head(n), at.x, at.options.products));
  });
  if (z.size() != s) return;
  const auto tangents = [&](const Vec& dx) {
    Answer dz(s, 1);
    const Mat columns = dx;
    call_of("map lift_tangents", [&] { map.lift_tangents(columns, dz.matrix()); });
    return dz.whole_vector("map lift_tangents");
  };
  const auto transposed = [&](const Vec& p) { return vector_of("map lift_t", n, [&](Out x) { map.lift_t(p, x); }); };
  const auto along = [&](const Vec& w) -> AlongStep { return [&, w](double t) { return lifted(at.x + t * w); }; };
  const Vec lengths = lengths_of(z);
  const std::vector<Vec> states = some(directions_of(lengths, at.options, draws), at.options);
  check_pair(findings,
             {"map lift_tangents",
              "lift' dx",
              "map lift_t",
              "lift'^T p",
              "map lift",
              {"map lift"},
              tangents,
              transposed,
              along,
              z,
              at.dx,
              states},
             at.options);
  // Away from the lifted states, where momentum is 0, if the map goes along with that.
  const Vec away = z + 0.01 * lengths.cwiseProduct(draws.next(s));
  try {
    (void)vector_of("map step", s, [&](Out next) { map.step(0, away, at.u, next); });
    z = away;
  } catch (const Broken&) {  // then at the lifted state, where it is named
  }
  StepChecks(findings, at, map, z, 0).run(draws);
  if (!map.stationary()) StepChecks(findings, at, map, z, 1).run(draws);
}

}  // namespace tacit::inline TACIT_ABI::detail
