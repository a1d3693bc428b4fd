// A bilevel problem whose every callback can be replaced, and a table of wrong ones with the product that is to be named.
#pragma once
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/core/model/detail/forwarding.hpp>

#include "core/plain_problems.hpp"

namespace tacit::test {

using Vec1 = std::function<Vec(const Vec&, const Vec&)>;
using Vec2 = std::function<Vec(const Vec&, const Vec&, const Vec&)>;

/// f(x, u) = 1/2 x'Ax - b'x + sum_j c_j(u) log cosh x_j with c(u) = B u, as a plain struct.
struct Hooked {
  std::function<double(const Vec&, const Vec&)> value;
  Vec1 gradient, hessian_diagonal;
  Vec2 hessian, cross, cross_t;
  std::function<double(const Vec&)> smoothness, convexity;
  bool is_quadratic = false;
  Index n = 5, m = 3;
  Index inner_dim() const { return n; }
  Index outer_dim() const { return m; }
  bool quadratic() const { return is_quadratic; }
};

/// l(x, u) = 1/2 ||x - t||^2 + (k'u) sum_j x_j.
struct HookedCriterion {
  std::function<double(const Vec&, const Vec&)> value;
  Vec1 gradient_x, gradient_u;
};

/// x_0(u) = tanh(S u).
struct HookedStart final : Start {
  std::function<void(In, Out)> point_;
  std::function<void(In, In, Out)> vjp_;
  std::function<void(In, InM, OutM)> jvp_;
  void point(In u, Out x) const override { point_(u, x); }
  void vjp(In u, In p, Out add_u) const override { vjp_(u, p, add_u); }
  void jvp(In u, InM du, OutM dx) const override { jvp_(u, du, dx); }
};

/// The map of gradient descent, with Jacobians that can be bent.
class BentMap final : public FixedPointMap {
public:
  enum class Fault { none, jvp, vjp, one_pass, tangents, overwrites, drifts };
  BentMap(std::unique_ptr<const FixedPointMap> map, Fault fault) : map_(std::move(map)), fault_(fault) {}
  Index inner_dim() const override { return map_->inner_dim(); }
  Index state_dim() const override { return map_->state_dim(); }
  void lift(In x, Out z) const override { map_->lift(x, z); }
  void lift_t(In p, Out out_x) const override { map_->lift_t(p, out_x); }
  void lift_tangents(InM dx, OutM dz) const override { map_->lift_tangents(dx, dz); }
  double step(Index k, In z, In u, Out next) const override {
    const double norm = map_->step(k, z, u, next);
    if (fault_ == Fault::drifts) next *= 1 + 0.01 * static_cast<double>(++asked_);
    return norm;
  }
  std::unique_ptr<const StepJacobian> linearize(Index k, In z, In u) const override {
    return std::make_unique<Jacobian>(map_->linearize(k, z, u), fault_);
  }
  void vjp(Index k, In z, In u, In p, Out out_z, Out add_u) const override {
    map_->vjp(k, z, u, p, out_z, add_u);
    if (fault_ == Fault::one_pass) add_u *= 1.1;
  }
  void step_tangents(Index k, In z, In u, InM dz, InM du, Out next, OutM dnext) const override {
    map_->step_tangents(k, z, u, dz, du, next, dnext);
    if (fault_ == Fault::tangents) dnext *= 1.1;
  }
  double step_size() const override { return map_->step_size(); }

private:
  class Jacobian final : public StepJacobian {
  public:
    Jacobian(std::unique_ptr<const StepJacobian> right, Fault fault) : right_(std::move(right)), fault_(fault) {}
    void jvp(In dz, In du, Out out) const override {
      right_->jvp(dz, du, out);
      if (fault_ == Fault::jvp) out *= 1.1;
    }
    void vjp(In p, Out out_z, Out add_u) const override {
      if (fault_ == Fault::overwrites) add_u.setZero();
      right_->vjp(p, out_z, add_u);
      if (fault_ == Fault::vjp) out_z[0] *= 1.1;
    }

  private:
    std::unique_ptr<const StepJacobian> right_;
    Fault fault_;
  };
  std::unique_ptr<const FixedPointMap> map_;
  Fault fault_;
  mutable int asked_ = 0;
};

struct BentDescent final : Algorithm {
  BentMap::Fault fault = BentMap::Fault::none;
  void fields(FieldVisitor&) override {}
  std::unique_ptr<const FixedPointMap> bind(const Problem& problem, In u) const override {
    return std::make_unique<BentMap>(GradientDescent().bind(problem, u), fault);
  }
};

/// An objective with one of its other forms replaced.
class BentObjective final : public detail::ForwardingObjective {
public:
  enum class Form { adjoint, batch, dense, one_shot, tangents, first_order, beyond };
  BentObjective(std::shared_ptr<const Objective> f, Form form) : ForwardingObjective(std::move(f)), form_(form) {}
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    auto right = inner_->linearize(x, u, at);
    if (at && form_ == Form::first_order) at->gradient[1] += 1;
    return std::make_unique<Bent>(std::move(right), form_);
  }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override {
    inner_->adjoint(x, u, p, out_x, out_u);
    if (form_ == Form::one_shot) out_x *= 1.1;
  }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    auto reading = inner_->counting_reads(std::move(counter));
    return reading ? std::make_shared<BentObjective>(std::move(reading), form_) : nullptr;
  }
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override {
    inner_->tangents(x, u, dx, du, g, dg);
    if (form_ == Form::tangents) dg.row(0) *= 1.1;
  }

private:
  class Bent final : public detail::ForwardingCurvature {
  public:
    Bent(std::unique_ptr<const Curvature> right, Form form) : ForwardingCurvature(std::move(right)), form_(form) {}
    void cross(In p, Out out) const override {
      ForwardingCurvature::cross(p, out);
      if (form_ == Form::beyond) out.data()[out.size()] = 1;
    }
    void adjoint(In p, Out out_x, Out out_u) const override {
      ForwardingCurvature::adjoint(p, out_x, out_u);
      if (form_ == Form::adjoint) out_u = -out_u;
    }
    void hessian_batch(InM p, OutM out) const override {
      ForwardingCurvature::hessian_batch(p, out);
      if (form_ == Form::batch) out.col(out.cols() - 1) = p.col(p.cols() - 1);
    }
    bool dense(OutM h) const override {
      for (Index j = 0; j < h.rows(); ++j) {
        Vec column(h.rows());
        hessian(Vec::Unit(h.rows(), j), column);
        h.col(j) = column;
      }
      if (form_ == Form::dense) h(0, 1) += 0.1;
      return true;
    }

  private:
    Form form_;
  };
  Form form_;
};

/// All parts of one problem, right until something is replaced.
struct Parts {
  Mat a, b_of_u, s;
  Vec b, t, k;
  Hooked f;
  HookedCriterion l;
  HookedStart start;
  BentMap::Fault map = BentMap::Fault::none;
  std::vector<BentObjective::Form> forms;

  Parts() {
    Numbers draw(41);
    const Mat root = draw.mat(5, 5);
    a = root.transpose() * root + 0.5 * Mat::Identity(5, 5);
    b_of_u = (draw.mat(5, 3).array() + 1.5).matrix();
    s = draw.mat(5, 3);
    b = draw.vec(5);
    t = draw.vec(5);
    k = draw.vec(3);
    make_objective();
    make_others();
  }
  static Vec tanh(const Vec& x) { return x.array().tanh(); }
  Problem problem() const {
    Problem p;
    p.name = "hooked";
    p.f = adapt(f);
    for (const BentObjective::Form form : forms) p.f = std::make_shared<BentObjective>(p.f, form);
    p.l = adapt_criterion(l);
    p.space = HyperSpace({{"u", 3, Scale::log, 1e-3, 1e3}});
    p.start = std::make_shared<HookedStart>(start);
    return p;
  }
  std::unique_ptr<Algorithm> algorithm() const {
    auto descent = std::make_unique<BentDescent>();
    descent->fault = map;
    return descent;
  }

private:
  void make_objective() {
    // By value: the hooks outlive this object.
    f.value = [a = a, w = b_of_u, b = b](const Vec& x, const Vec& u) {
      return 0.5 * x.dot(a * x) - b.dot(x) + (w * u).dot(Vec(x.array().cosh().log()));
    };
    f.gradient = [a = a, w = b_of_u, b = b](const Vec& x, const Vec& u) {
      return Vec(a * x - b + (w * u).cwiseProduct(tanh(x)));
    };
    f.hessian = [a = a, w = b_of_u](const Vec& x, const Vec& u, const Vec& p) {
      return Vec(a * p + (w * u).cwiseProduct(Vec(1 - tanh(x).array().square())).cwiseProduct(p));
    };
    f.hessian_diagonal = [a = a, w = b_of_u](const Vec& x, const Vec& u) {
      return Vec(a.diagonal() + (w * u).cwiseProduct(Vec(1 - tanh(x).array().square())));
    };
    f.cross = [w = b_of_u](const Vec& x, const Vec&, const Vec& p) { return Vec(w.transpose() * tanh(x).cwiseProduct(p)); };
    f.cross_t = [w = b_of_u](const Vec& x, const Vec&, const Vec& v) { return Vec((w * v).cwiseProduct(tanh(x))); };
    f.smoothness = [top = a.norm(), w = b_of_u](const Vec& u) { return top + (w * u).maxCoeff(); };
    f.convexity = [](const Vec&) { return 0.5; };
  }
  void make_others() {
    l.value = [t = t, k = k](const Vec& x, const Vec& u) { return 0.5 * (x - t).squaredNorm() + k.dot(u) * x.sum(); };
    l.gradient_x = [t = t, k = k](const Vec& x, const Vec& u) { return Vec(x - t + Vec::Constant(5, k.dot(u))); };
    l.gradient_u = [k = k](const Vec& x, const Vec&) { return Vec(k * x.sum()); };
    start.point_ = [s = s](In u, Out x) { x = tanh(s * u); };
    start.vjp_ = [s = s](In u, In p, Out add_u) {
      add_u += s.transpose() * Vec(1 - tanh(s * u).array().square()).cwiseProduct(p);
    };
    start.jvp_ = [s = s](In u, InM du, OutM dx) { dx = Vec(1 - tanh(s * u).array().square()).asDiagonal() * (s * du); };
  }
};

/// One way to be wrong, and the product that is to be named first.
struct WrongKind {
  std::string name, product;
  std::function<void(Parts&)> apply;
};

inline std::vector<WrongKind> wrong_derivatives_of_f() {
  const auto scaled = [](Vec1& hook, double by) {
    hook = [right = hook, by](const Vec& x, const Vec& u) { return Vec(by * right(x, u)); };
  };
  const auto scaled2 = [](Vec2& hook, double by) {
    hook = [right = hook, by](const Vec& x, const Vec& u, const Vec& p) { return Vec(by * right(x, u, p)); };
  };
  const auto plus = [](Vec2& hook, const Vec2& more) {
    hook = [right = hook, more](const Vec& x, const Vec& u, const Vec& p) { return Vec(right(x, u, p) + more(x, u, p)); };
  };
  return {
      {"gradient x 1.1", "gradient", [=](Parts& p) { scaled(p.f.gradient, 1.1); }},
      {"gradient x 1.0001", "gradient", [=](Parts& p) { scaled(p.f.gradient, 1.0001); }},
      {"gradient of the other sign", "gradient", [=](Parts& p) { scaled(p.f.gradient, -1); }},
      {"gradient without b", "value or gradient",
       [](Parts& p) { p.f.gradient = [g = p.f.gradient, b = p.b](const Vec& x, const Vec& u) { return Vec(g(x, u) + b); }; }},
      {"gradient without a penalty", "gradient",
       [](Parts& p) {
         p.f.gradient = [g = p.f.gradient, w = p.b_of_u](const Vec& x, const Vec& u) {
           Vec out = g(x, u);
           out[2] -= (w * u)[2] * std::tanh(x[2]);
           return out;
         };
       }},
      {"value with a term more", "value or gradient",
       [](Parts& p) { p.f.value = [v = p.f.value](const Vec& x, const Vec& u) { return v(x, u) + 0.1 * x.squaredNorm(); }; }},
      {"value of half the data", "value or gradient",
       [](Parts& p) { p.f.value = [v = p.f.value](const Vec& x, const Vec& u) { return 0.5 * v(x, u); }; }},
      {"Hessian not symmetric", "hessian",
       [=](Parts& p) {
         plus(p.f.hessian, [](const Vec&, const Vec&, const Vec& d) { return Vec(0.01 * d[1] * Vec::Unit(5, 0)); });
       }},
      {"Hessian x 1.1", "hessian", [=](Parts& p) { scaled2(p.f.hessian, 1.1); }},
      {"Hessian of another point", "hessian",
       [](Parts& p) {
         p.f.hessian = [h = p.f.hessian](const Vec& x, const Vec& u, const Vec& d) { return h(Vec(0.9 * x), u, d); };
       }},
      {"Hessian of another u", "hessian",
       [](Parts& p) {
         p.f.hessian = [h = p.f.hessian](const Vec& x, const Vec& u, const Vec& d) { return h(x, Vec(1.01 * u), d); };
       }},
      {"cross of the other sign", "cross", [=](Parts& p) { scaled2(p.f.cross, -1); }},
      {"cross misses a column", "cross",
       [](Parts& p) {
         p.f.cross = [c = p.f.cross](const Vec& x, const Vec& u, const Vec& d) {
           Vec out = c(x, u, d);
           out[1] = 0;
           return out;
         };
       }},
      {"cross_t is not the adjoint", "cross_t", [=](Parts& p) { scaled2(p.f.cross_t, 1.1); }},
      {"cross_t misses a row", "cross_t",
       [](Parts& p) {
         p.f.cross_t = [c = p.f.cross_t](const Vec& x, const Vec& u, const Vec& w) {
           Vec out = c(x, u, w);
           out[4] = 0;
           return out;
         };
       }},
      {"cross and cross_t both doubled", "cross_t",
       [=](Parts& p) {
         scaled2(p.f.cross, 2);
         scaled2(p.f.cross_t, 2);
       }},
      {"diagonal x 1.01", "diagonal", [=](Parts& p) { scaled(p.f.hessian_diagonal, 1.01); }},
      {"quadratic, and it is not", "quadratic", [](Parts& p) { p.f.is_quadratic = true; }},
      {"smoothness too small", "smoothness", [](Parts& p) { p.f.smoothness = [](const Vec&) { return 1.0; }; }},
      {"convexity too large", "convexity", [](Parts& p) { p.f.convexity = [](const Vec&) { return 3.0; }; }},
      {"f_x that is no gradient, beside the value of its symmetric part", "value or gradient",
       [](Parts& p) {
         Mat turn = Mat::Zero(5, 5);
         turn(0, 1) = 1;
         turn(1, 0) = -1;
         p.f.gradient = [g = p.f.gradient, turn](const Vec& x, const Vec& u) { return Vec(g(x, u) + turn * x); };
         p.f.hessian = [h = p.f.hessian, turn](const Vec& x, const Vec& u, const Vec& d) { return Vec(h(x, u, d) + turn * d); };
       }},
  };
}

inline std::vector<WrongKind> wrong_other_parts() {
  using Form = BentObjective::Form;
  using Fault = BentMap::Fault;
  const auto form = [](Form f) { return [f](Parts& p) { p.forms.push_back(f); }; };
  const auto map = [](Fault f) { return [f](Parts& p) { p.map = f; }; };
  return {
      {"adjoint with the other sign in u", "adjoint", form(Form::adjoint)},
      {"one-shot adjoint x 1.1", "one-shot adjoint", form(Form::one_shot)},
      {"a batch with a column not multiplied", "hessian_batch", form(Form::batch)},
      {"dense with an entry off", "dense", form(Form::dense)},
      {"tangents with a row off", "tangents", form(Form::tangents)},
      {"first order of linearize off", "linearize", form(Form::first_order)},
      {"l_x x 1.1", "l_x",
       [](Parts& p) { p.l.gradient_x = [g = p.l.gradient_x](const Vec& x, const Vec& u) { return Vec(1.1 * g(x, u)); }; }},
      {"l_u missing", "l_u", [](Parts& p) { p.l.gradient_u = [](const Vec&, const Vec&) { return Vec(Vec::Zero(3)); }; }},
      {"l_u of the other sign", "l_u",
       [](Parts& p) { p.l.gradient_u = [g = p.l.gradient_u](const Vec& x, const Vec& u) { return Vec(-g(x, u)); }; }},
      {"the start's vjp wrong", "start vjp",
       [](Parts& p) { p.start.vjp_ = [s = p.s](In, In q, Out add_u) { add_u += s.transpose() * q; }; }},
      {"the start's jvp wrong", "start jvp", [](Parts& p) { p.start.jvp_ = [](In, InM, OutM dx) { dx.setZero(); }; }},
      {"the start's vjp overwrites", "start vjp",
       [](Parts& p) {
         p.start.vjp_ = [right = p.start.vjp_](In u, In q, Out add_u) {
           add_u.setZero();
           right(u, q, add_u);
         };
       }},
      {"the map's jvp wrong", "map jvp", map(Fault::jvp)},
      {"the map's vjp wrong", "map vjp", map(Fault::vjp)},
      {"the map's vjp overwrites", "map vjp", map(Fault::overwrites)},
      {"the map's one-pass vjp wrong", "map one-pass vjp", map(Fault::one_pass)},
      {"the map's tangents wrong", "map step_tangents", map(Fault::tangents)},
      {"a map that is another each time", "map step", map(Fault::drifts)},
  };
}

/// Answers that are no answers.
inline std::vector<WrongKind> broken_answers() {
  const auto nan_in = [](Vec2& hook, Index entry) {
    hook = [right = hook, entry](const Vec& x, const Vec& u, const Vec& p) {
      Vec out = right(x, u, p);
      out[entry] = std::numeric_limits<double>::quiet_NaN();
      return out;
    };
  };
  const auto sized = [](Vec2& hook, Index size) {
    hook = [size](const Vec&, const Vec&, const Vec&) { return Vec(Vec::Ones(size)); };
  };
  const auto throws = [](const std::string& what) -> void { throw std::runtime_error(what); };
  return {
      {"NaN in value", "value",
       [](Parts& p) { p.f.value = [](const Vec&, const Vec&) { return std::numeric_limits<double>::quiet_NaN(); }; }},
      {"NaN in one entry of the gradient", "gradient",
       [](Parts& p) {
         p.f.gradient = [g = p.f.gradient](const Vec& x, const Vec& u) {
           Vec out = g(x, u);
           out[3] = std::numeric_limits<double>::quiet_NaN();
           return out;
         };
       }},
      {"NaN in one entry of the Hessian product", "hessian", [=](Parts& p) { nan_in(p.f.hessian, 0); }},
      {"NaN in one entry of cross", "cross", [=](Parts& p) { nan_in(p.f.cross, 2); }},
      {"infinity in l_u", "l_u",
       [](Parts& p) {
         p.l.gradient_u = [](const Vec&, const Vec&) { return Vec(Vec::Constant(3, std::numeric_limits<double>::infinity())); };
       }},
      {"too short cross", "cross", [=](Parts& p) { sized(p.f.cross, 2); }},
      {"too long cross", "cross", [=](Parts& p) { sized(p.f.cross, 5); }},
      {"too short cross_t", "cross_t", [=](Parts& p) { sized(p.f.cross_t, 3); }},
      {"empty Hessian product", "hessian", [=](Parts& p) { sized(p.f.hessian, 0); }},
      {"too short gradient", "gradient",
       [](Parts& p) { p.f.gradient = [](const Vec&, const Vec&) { return Vec(Vec::Ones(4)); }; }},
      {"too short diagonal", "diagonal",
       [](Parts& p) { p.f.hessian_diagonal = [](const Vec&, const Vec&) { return Vec(Vec::Ones(4)); }; }},
      {"too short l_u", "l_x, l_u", [](Parts& p) { p.l.gradient_u = [](const Vec&, const Vec&) { return Vec(Vec::Ones(2)); }; }},
      {"too long l_x", "l_x, l_u", [](Parts& p) { p.l.gradient_x = [](const Vec&, const Vec&) { return Vec(Vec::Ones(6)); }; }},
      {"cross writes beyond its answer", "cross", [](Parts& p) { p.forms.push_back(BentObjective::Form::beyond); }},
      {"the gradient throws", "gradient",
       [=](Parts& p) {
         p.f.gradient = [=](const Vec&, const Vec&) {
           throws("out of memory on the card");
           return Vec();
         };
       }},
      {"the Hessian product throws", "hessian",
       [=](Parts& p) {
         p.f.hessian = [=](const Vec&, const Vec&, const Vec&) {
           throws("not written yet");
           return Vec();
         };
       }},
      {"convexity throws", "convexity",
       [=](Parts& p) {
         p.f.convexity = [=](const Vec&) {
           throws("no idea");
           return 0.0;
         };
       }},
      {"the start throws", "start point", [=](Parts& p) { p.start.point_ = [=](In, Out) { throws("no start"); }; }},
      {"the start leaves an entry", "start point", [](Parts& p) { p.start.point_ = [](In, Out x) { x.head(4).setZero(); }; }},
  };
}

inline std::vector<WrongKind> all_wrong_kinds() {
  std::vector<WrongKind> all = wrong_derivatives_of_f();
  for (auto& list : {wrong_other_parts(), broken_answers()}) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace tacit::test
