#include <tacit/core/verify/detail/objective_checks.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI::detail {
namespace {

constexpr Index kIdentityTangents = 32;  // hyperparameters up to which tangents() is asked for all of them at once

class ObjectiveChecks {
public:
  ObjectiveChecks(Findings& findings, const At& at)
      : findings_(findings), at_(at), f_(*at.problem.f), n_(f_.inner_dim()), m_(f_.outer_dim()) {
    const auto random = static_cast<std::size_t>(at.options.directions);
    for (std::size_t k = 0; k < std::min(random, at.dx.size()); ++k) probes_.push_back(at.dx[k]);
  }
  void run() {
    value();
    gradient();
    linearize();
    hessian();
    cross();
    adjoint();
    tangents();
    forms();
    constants();
  }

private:
  void value();
  void gradient();
  void linearize();
  void hessian();
  void cross();
  void adjoint();
  void adjoint_of(const std::string& product, const std::function<void(In, Out, Out)>& call);
  void tangents();
  void forms();
  void constants();
  void scale();
  void smoothness(const std::vector<Vec>& points);
  void convexity(const std::vector<Vec>& points);

  double value_at(In x, In u) const {
    return number_of("value", [&] { return f_.value(x, u); });
  }
  Vec gradient_at(In x, In u, double* value = nullptr) const {
    double returned = 0;
    Vec g = vector_of("gradient", n_, [&](Out out) { returned = f_.gradient(x, u, out); });
    if (value) *value = returned;
    return g;
  }
  std::unique_ptr<const Curvature> linearized(In x, FirstOrder* first = nullptr) const {
    std::unique_ptr<const Curvature> c;
    call_of("linearize", [&] { c = f_.linearize(x, at_.u, first); });
    if (!c) throw Broken{"linearize", "returns no curvature"};
    return c;
  }
  Vec hessian(const Curvature& c, In p) const {
    return vector_of("hessian", n_, [&](Out out) { c.hessian(p, out); });
  }
  /// At the point; where there is none, `linearize` was found wrong.
  const Curvature& curvature() const {
    if (!curvature_) throw Broken{"linearize", "returns no curvature"};
    return *curvature_;
  }
  Vec hessian(In p) const { return hessian(curvature(), p); }
  Vec cross(In p) const {
    return vector_of("cross", m_, [&](Out out) { curvature().cross(p, out); });
  }
  Vec cross_t(In w) const {
    return vector_of("cross_t", n_, [&](Out out) { curvature().cross_t(w, out); });
  }
  AlongStep value_along(const Vec& d) const {
    return [this, d](double t) { return scalar(value_at(at_.x + t * d, at_.u)); };
  }
  AlongStep gradient_along(const Vec& d) const {
    return [this, d](double t) { return gradient_at(at_.x + t * d, at_.u); };
  }
  void compare_hessian(Gathered& g, const Curvature& c) const;
  Spectrum spectrum(const Curvature& c) const;

  Findings& findings_;
  const At& at_;
  const Objective& f_;
  Index n_, m_;
  std::vector<Vec> probes_;
  double value_ = 0;
  Vec gradient_;
  double value_unit_ = 0, gradient_unit_ = 0;
  std::unique_ptr<const Curvature> curvature_;
};

void ObjectiveChecks::value() {
  const Finding row{"value", "f", "itself, asked again"};
  if (!f_.symmetric()) return findings_.skip(row, "an equilibrium has no value");
  findings_.add(row, {}, [&](Gathered& g) {
    value_ = value_at(at_.x, at_.u);
    if (!probes_.empty()) value_unit_ = least_unit(value_along(probes_[0]), scalar(value_), at_.options);
    g.take(compare(value_at(at_.x, at_.u), value_, at_.options.products, value_unit_));
  });
}

void ObjectiveChecks::gradient() {
  findings_.add({"gradient", "f_x", "itself, asked again"}, {}, [&](Gathered& g) {
    gradient_ = gradient_at(at_.x, at_.u);
    if (!probes_.empty()) gradient_unit_ = least_unit(gradient_along(probes_[0]), gradient_, at_.options);
    g.take(compare(gradient_at(at_.x, at_.u), gradient_, at_.options.products, gradient_unit_));
  });
  if (!f_.symmetric()) {
    findings_.skip({"gradient", "f", "value"}, "an equilibrium has no value");
    return findings_.skip({"gradient", "f_x", "differences of value"}, "an equilibrium has no value");
  }
  findings_.add({"gradient", "f", "value"}, {"value", "gradient"}, [&](Gathered& g) {
    double returned = 0;
    gradient_at(at_.x, at_.u, &returned);
    g.take(compare(returned, value_, at_.options.products, value_unit_));
  });
  Finding& fit = findings_.add({"gradient", "f_x", "differences of value"}, {"value", "gradient"}, [&](Gathered& g) {
    for (const Vec& d : at_.dx) {
      const double slope = gradient_.dot(d), terms = gradient_.cwiseProduct(d).norm();
      Differences differences(value_along(d), scalar(value_), terms, kMostX);
      g.take(compare(scalar(slope), differences, at_.options.differences, terms), "along a direction");
      if (g.deviates()) return;
    }
  });
  if (fit.verdict != Verdict::wrong || fit.product != "gradient") return;
  // Where the Hessian has no part with the gradient either, it is two against one. Else value and gradient stand alone.
  Finding second;
  try {
    Gathered g;
    compare_hessian(g, *linearized(at_.x));
    g.fill(second);
  } catch (const Broken&) {
    second.verdict = Verdict::not_checked;
  }
  if (second.verdict == Verdict::wrong) return;
  fit.product = "value or gradient";
  fit.quantity = "f, f_x";
  fit.against = "each other by differences of value";
}

// The products are looked at whatever the first order is worth that comes with them.
void ObjectiveChecks::linearize() {
  std::optional<Broken> broken;
  try {
    curvature_ = linearized(at_.x);
  } catch (const Broken& b) {
    broken = b;
  }
  const Finding row{"linearize", "f, f_x", "gradient"};
  findings_.add(row, broken ? std::vector<std::string>{} : std::vector<std::string>{"gradient"}, [&](Gathered& g) {
    if (broken) throw *broken;
    FirstOrder first;
    (void)linearized(at_.x, &first);
    const Index size = first.gradient.size();
    if (size != n_) throw Broken{"linearize", "fills in " + std::to_string(size) + " entries of f_x for " + std::to_string(n_)};
    g.take(compare(first.gradient, gradient_, at_.options.products, gradient_unit_), "for f_x");
    if (f_.symmetric()) g.take(compare(first.value, value_, at_.options.products, value_unit_), "for f");
  });
}

void ObjectiveChecks::compare_hessian(Gathered& g, const Curvature& c) const {
  for (const Vec& d : at_.dx) {
    const Vec product = hessian(c, d);
    Differences differences(gradient_along(d), gradient_, product.norm(), kMostX);
    g.take(compare(product, differences, at_.options.differences), "along a direction");
    if (g.deviates()) return;
  }
}

void ObjectiveChecks::hessian() {
  findings_.add({"hessian", "f_xx p", "differences of gradient"}, {"gradient"},
                [&](Gathered& g) { compare_hessian(g, curvature()); });
  const Finding symmetry{"hessian", "f_xx p", "its own symmetry"};
  if (!f_.symmetric()) {
    findings_.skip(symmetry, "an equilibrium promises none");
  } else {
    Finding& found = findings_.add(symmetry, {"hessian"}, [&](Gathered& g) {
      std::vector<Vec> products;
      for (const Vec& p : at_.dx) products.push_back(hessian(p));
      for (std::size_t i = 0; i < probes_.size(); ++i) {
        for (std::size_t j = i + 1; j < at_.dx.size(); ++j) {
          const Vec &p = at_.dx[i], &q = at_.dx[j];
          const double terms = q.cwiseProduct(products[i]).norm() + p.cwiseProduct(products[j]).norm();
          g.take(compare(q.dot(products[i]), p.dot(products[j]), at_.options.products, terms));
        }
      }
    });
    if (found.verdict == Verdict::wrong)
      found.note +=
          "; where f_x is no gradient, the problem is an equilibrium and has to say so (hessian_transposed, symmetric())";
  }
  if (!f_.quadratic()) return;
  findings_.add({"quadratic", "f_xx p", "f_xx p elsewhere"}, {"hessian"}, [&](Gathered& g) {
    if (probes_.empty()) return;
    const auto elsewhere = linearized(at_.x + probes_.back());
    for (const Vec& p : probes_) g.take(compare(hessian(*elsewhere, p), hessian(p), at_.options.products));
  });
}

void ObjectiveChecks::cross() {
  const auto along = [&](const Vec& w) -> AlongStep { return [this, w](double t) { return gradient_at(at_.x, at_.u + t * w); }; };
  check_pair(findings_,
             {"cross_t",
              "f_xu w",
              "cross",
              "f_ux p",
              "gradient",
              {"gradient"},
              [&](const Vec& w) { return cross_t(w); },
              [&](const Vec& p) { return cross(p); },
              along,
              gradient_,
              at_.du,
              probes_},
             at_.options);
}

// Symmetric: f_xx p itself. Else f_xx^T p, which products with f_xx tell.
void ObjectiveChecks::adjoint_of(const std::string& product, const std::function<void(In, Out, Out)>& call) {
  const auto both = [&](In p) {
    Answer out_x(n_), out_u(m_);
    call_of(product, [&] { call(p, out_x.vector(), out_u.vector()); });
    return std::pair<Vec, Vec>(out_x.whole_vector(product), m_ > 0 ? out_u.whole_vector(product) : Vec());
  };
  findings_.add({product, f_.symmetric() ? "f_xx p" : "f_xx^T p", "hessian"}, {"hessian"}, [&](Gathered& g) {
    for (const Vec& p : probes_) {
      const Vec back = both(p).first;
      if (f_.symmetric()) {
        g.take(compare(back, hessian(p), at_.options.products));
        continue;
      }
      for (const Vec& q : at_.dx) {
        const Vec ahead = hessian(q);
        const double terms = q.cwiseProduct(back).norm() + p.cwiseProduct(ahead).norm();
        g.take(compare(q.dot(back), p.dot(ahead), at_.options.products, terms));
      }
    }
  });
  if (m_ == 0) return;
  findings_.add({product, "f_ux p", "cross"}, {"cross"}, [&](Gathered& g) {
    for (const Vec& p : probes_) g.take(compare(both(p).second, cross(p), at_.options.products));
  });
}

void ObjectiveChecks::adjoint() {
  adjoint_of("adjoint", [&](In p, Out x, Out u) { curvature().adjoint(p, x, u); });
  adjoint_of("one-shot adjoint", [&](In p, Out x, Out u) { f_.adjoint(at_.x, at_.u, p, x, u); });
}

// With given tangents in u, and with the identity that du without entries stands for.
void ObjectiveChecks::tangents() {
  const std::vector<std::string> needs{"gradient", "hessian", "cross_t"};
  const auto ask = [&](Gathered& g, const Mat& dx, const Mat& du, const std::function<Vec(Index)>& tangent) {
    Answer gradient(n_), columns(n_, dx.cols());
    call_of("tangents", [&] { f_.tangents(at_.x, at_.u, dx, du, gradient.vector(), columns.matrix()); });
    g.take(compare(gradient.whole_vector("tangents"), gradient_, at_.options.products, gradient_unit_), "for f_x");
    const Mat got = columns.whole("tangents");
    for (Index j = 0; j < dx.cols(); ++j) {
      const Vec along_x = hessian(Vec(dx.col(j))), along_u = m_ > 0 ? cross_t(tangent(j)) : Vec(Vec::Zero(n_));
      g.take(compare(Vec(got.col(j)), Vec(along_x + along_u), at_.options.products, along_x.norm() + along_u.norm()),
             "in a column");
    }
  };
  if (probes_.empty() || m_ == 0) return;
  findings_.add({"tangents", "f_xx dx + f_xu du", "hessian, cross_t"}, needs, [&](Gathered& g) {
    const auto k = static_cast<Index>(std::min(probes_.size(), at_.du.size()));
    Mat dx(n_, k), du(m_, k);
    for (Index j = 0; j < k; ++j) {
      dx.col(j) = probes_[static_cast<std::size_t>(j)];
      du.col(j) = at_.du[static_cast<std::size_t>(j)];
    }
    ask(g, dx, du, [&](Index j) { return Vec(du.col(j)); });
  });
  const Finding identity{"tangents", "f_xx dx + f_xu", "hessian, cross_t"};
  if (m_ > kIdentityTangents)
    return findings_.skip(identity, "that is " + std::to_string(m_) + " columns, more than are worth it");
  findings_.add(identity, needs, [&](Gathered& g) {
    Mat dx(n_, m_);
    for (Index j = 0; j < m_; ++j) dx.col(j) = probes_[static_cast<std::size_t>(j) % probes_.size()];
    ask(g, dx, Mat(0, 0), [&](Index j) { return Vec(Vec::Unit(m_, j)); });
  });
}

void ObjectiveChecks::forms() {
  const std::vector<std::string> needs{"hessian"};
  if (probes_.empty()) return;
  const auto k = static_cast<Index>(probes_.size());
  findings_.add({"hessian_batch", "f_xx P", "hessian"}, needs, [&](Gathered& g) {
    Mat p(n_, k);
    for (Index j = 0; j < k; ++j) p.col(j) = probes_[static_cast<std::size_t>(j)];
    Answer out(n_, k);
    call_of("hessian_batch", [&] { curvature().hessian_batch(p, out.matrix()); });
    const Mat got = out.whole("hessian_batch");
    for (Index j = 0; j < k; ++j) g.take(compare(Vec(got.col(j)), hessian(Vec(p.col(j))), at_.options.products), "in a column");
  });
  const auto offered = [](Gathered& g, const std::string& product, const Answer& answer, const std::function<bool()>& call) {
    bool there = false;
    call_of(product, [&] { there = call(); });
    answer.taken(product);
    if (!there) g.nothing("it is not offered");
    return there;
  };
  // The coordinates among the directions.
  const auto each_coordinate = [&](const std::function<void(Index, const Vec&)>& body) {
    for (std::size_t i = probes_.size(); i < at_.dx.size(); ++i) {
      Index j = 0;
      at_.dx[i].cwiseAbs().maxCoeff(&j);
      body(j, hessian(Vec::Unit(n_, j)));
    }
  };
  findings_.add({"diagonal", "diag f_xx", "hessian"}, needs, [&](Gathered& g) {
    Answer out(n_);
    if (!offered(g, "diagonal", out, [&] { return curvature().diagonal(out.vector()); })) return;
    const Vec d = out.whole_vector("diagonal");
    each_coordinate([&](Index j, const Vec& column) {
      g.take(compare(d[j], column[j], at_.options.products, 1e-6 * column.norm()), "at " + std::to_string(j + 1));
    });
  });
  findings_.add({"dense", "f_xx", "hessian"}, needs, [&](Gathered& g) {
    Answer out(n_, n_);
    if (!offered(g, "dense", out, [&] { return curvature().dense(out.matrix()); })) return;
    const Mat h = out.whole("dense");
    for (const Vec& p : probes_) g.take(compare(Vec(h * p), hessian(p), at_.options.products, h.norm() * 1e-6 * p.norm()));
    each_coordinate([&](Index j, const Vec& column) {
      g.take(compare(Vec(h.col(j)), column, at_.options.products), "in column " + std::to_string(j + 1));
    });
  });
}

// Extreme eigenvalues of f_xx; of an equilibrium those of f_xx' f_xx.
Spectrum ObjectiveChecks::spectrum(const Curvature& c) const {
  constexpr Index kSteps = 30;
  const auto product = [&](In p, Out out) {
    out = hessian(c, p);
    if (f_.symmetric()) return;
    Answer back(n_), rest(m_);
    const Vec ahead = out;
    call_of("adjoint", [&] { c.adjoint(ahead, back.vector(), rest.vector()); });
    out = back.whole_vector("adjoint");
  };
  return extreme_eigenvalues(product, Vec::Zero(n_), {kSteps, 1e-3, true});
}

void ObjectiveChecks::smoothness(const std::vector<Vec>& points) {
  double l = 0, largest = 0;
  Finding& found = findings_.add({"smoothness", "L", "the largest eigenvalue"}, {"hessian"}, [&](Gathered& g) {
    call_of("smoothness", [&] { l = f_.smoothness(at_.u); });
    if (!std::isfinite(l)) return g.nothing("it is " + short_number(l) + ", which promises nothing");
    for (const Vec& x : points) largest = std::max(largest, spectrum(*linearized(x)).largest);
    if (!f_.symmetric()) largest = std::sqrt(std::max(0.0, largest));
    // Only what is too small deviates.
    g.take(compare(std::min(l, largest), largest, at_.options.products));
  });
  if (found.product != "smoothness" || found.verdict != Verdict::wrong || std::isnan(found.difference)) return;
  if (f_.smoothness_bounds()) return;
  found.verdict = Verdict::not_checked;
  found.note = "it is an estimate, " + short_number(l) + ", and the curvature reaches " + short_number(largest) +
               " where it was looked at; give smoothness(u), or a step to the solver";
}

void ObjectiveChecks::convexity(const std::vector<Vec>& points) {
  findings_.add({"convexity", "mu", "the least eigenvalue"}, {"hessian"}, [&](Gathered& g) {
    double mu = 0;
    call_of("convexity", [&] { mu = f_.convexity(at_.u); });
    if (!f_.symmetric()) return g.nothing("an equilibrium has none");
    if (!(mu > 0)) return g.nothing("it is " + short_number(mu) + ", which promises nothing");
    for (const Vec& x : points) {
      const Spectrum s = spectrum(*linearized(x));
      const double rounding = 1e-12 * s.largest;
      Compared c = compare(mu, std::min(mu, s.smallest), std::max(at_.options.products, rounding / mu));
      if (!(rounding < 0.1 * mu)) c.kind = Compared::Kind::unknown;
      g.take(c);
    }
  });
}

void ObjectiveChecks::scale() {
  findings_.add({"gradient_scale", "||f_x(0, u)||", "gradient"}, {"gradient"}, [&](Gathered& g) {
    const double scale = number_of("gradient_scale", [&] { return f_.gradient_scale(at_.u); });
    const double terms = number_of("gradient_terms", [&] { return f_.gradient_terms(at_.u); });
    const double rounding = 30 * std::numeric_limits<double>::epsilon() * terms;
    g.take(compare(scale, gradient_at(Vec::Zero(n_), at_.u).norm(), at_.options.products, rounding / at_.options.products));
  });
}

// At the point and at the start of a cold run, where losses often have their largest curvature.
void ObjectiveChecks::constants() {
  if (n_ == 0) return;
  std::vector<Vec> points{at_.x};
  try {
    points.push_back(vector_of("start point", n_, [&](Out x) { x = at_.problem.cold_start(at_.u); }));
  } catch (const Broken&) {
    points.push_back(Vec::Zero(n_));
  }
  smoothness(points);
  convexity(points);
  scale();
}

}  // namespace

void check_objective(Findings& findings, const At& at) { ObjectiveChecks(findings, at).run(); }

}  // namespace tacit::inline TACIT_ABI::detail
