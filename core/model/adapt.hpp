// The template door: plain structs as inner objective or criterion.
#pragma once
#include <cmath>
#include <concepts>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/model/kept_numbers.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

namespace detail {

// A member gives an answer, or writes it where its last argument says: one of the two forms.
template <class A>
concept GivesVec = std::convertible_to<A, Vec>;
template <class A>
concept GivesMat = std::convertible_to<A, Mat>;
template <class A>
concept GivesNumber = std::convertible_to<A, double>;

template <class T>
concept HasDims = requires(const T& f) {
  { f.inner_dim() } -> std::convertible_to<Index>;
  { f.outer_dim() } -> std::convertible_to<Index>;
};
template <class T>
concept HasValue = requires(const T& f, const Vec& v) {
  { f.value(v, v) } -> GivesNumber;
};
template <class T>
concept HasGradient = requires(const T& f, const Vec& v) {
  { f.gradient(v, v) } -> GivesVec;
}
|| requires(const T& f, const Vec& v, Out out) { f.gradient(v, v, out); };
template <class T>
concept WritesBoth = requires(const T& f, const Vec& v, Out out) {
  { f.value_and_gradient(v, v, out) } -> GivesNumber;
};
template <class T>
concept HasBoth = WritesBoth<T> || requires(const T& f, const Vec& v) {
  f.value_and_gradient(v, v);
};

// Of what linearize(x, u) gives.
template <class C>
concept HasHessian = requires(const C& c, const Vec& v) {
  { c.hessian(v) } -> GivesVec;
}
|| requires(const C& c, const Vec& v, Out out) { c.hessian(v, out); };
template <class C>
concept HasCross = requires(const C& c, const Vec& v) {
  { c.cross(v) } -> GivesVec;
}
|| requires(const C& c, const Vec& v, Out out) { c.cross(v, out); };
template <class C>
concept HasCrossT = requires(const C& c, const Vec& v) {
  { c.cross_t(v) } -> GivesVec;
}
|| requires(const C& c, const Vec& v, Out out) { c.cross_t(v, out); };

}  // namespace detail

/// What linearize(x, u) of a plain struct gives: the second derivatives at that point, with all that can be computed once.
template <class C>
concept PlainLinearization = detail::HasHessian<C> && detail::HasCross<C> && detail::HasCrossT<C>;

namespace detail {
/// Products of a struct without linearize() at one point, under the names that a linearization has.
template <class T>
struct AtPoint {
  const T* f;
  const Vec* x;
  const Vec* u;
  template <class F = T, class... O>
  auto hessian(In p, O&... out) const -> decltype(std::declval<const F&>().hessian(*x, *u, p, out...)) {
    return f->hessian(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto cross(In p, O&... out) const -> decltype(std::declval<const F&>().cross(*x, *u, p, out...)) {
    return f->cross(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto cross_t(In p, O&... out) const -> decltype(std::declval<const F&>().cross_t(*x, *u, p, out...)) {
    return f->cross_t(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto adjoint(In p, O&... out) const -> decltype(std::declval<const F&>().adjoint(*x, *u, p, out...)) {
    return f->adjoint(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto hessian_transposed(In p, O&... out) const -> decltype(std::declval<const F&>().hessian_transposed(*x, *u, p, out...)) {
    return f->hessian_transposed(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto hessian_batch(InM p, O&... out) const -> decltype(std::declval<const F&>().hessian_batch(*x, *u, p, out...)) {
    return f->hessian_batch(*x, *u, p, out...);
  }
  template <class F = T, class... O>
  auto diagonal(O&... out) const -> decltype(std::declval<const F&>().hessian_diagonal(*x, *u, out...)) {
    return f->hessian_diagonal(*x, *u, out...);
  }
  template <class F = T, class... O>
  auto dense(O&... out) const -> decltype(std::declval<const F&>().hessian_dense(*x, *u, out...)) {
    return f->hessian_dense(*x, *u, out...);
  }
};

template <class T>
concept HasLinearize = requires(const T& f, const Vec& v) {
  { f.linearize(v, v) } -> PlainLinearization;
};
}  // namespace detail

/// What adapt() asks of a struct: inner_dim() = n, outer_dim() = m, and the members of the table there.
template <class T>
concept PlainObjective = detail::HasDims<T> &&(detail::HasBoth<T> || (detail::HasValue<T> && detail::HasGradient<T>)) &&
                         (detail::HasLinearize<T> || PlainLinearization<detail::AtPoint<T>>);

namespace detail {

template <class T>
concept CriterionWritesAll = requires(const T& l, const Vec& v, Out out) {
  { l.value_and_gradient(v, v, out, out) } -> GivesNumber;
};
template <class T>
concept CriterionGivesAll = requires(const T& l, const Vec& v) {
  l.value_and_gradient(v, v);
};

template <class T>
concept CriterionGivesEach = requires(const T& l, const Vec& v) {
  { l.gradient_x(v, v) } -> GivesVec;
  { l.gradient_u(v, v) } -> GivesVec;
};

}  // namespace detail

/// What adapt_criterion() asks of a struct: value l, and gradient_x l_x (n) with gradient_u l_u (m), or all in one call.
template <class T>
concept PlainCriterion = detail::HasValue<T> &&
    (detail::CriterionWritesAll<T> || detail::CriterionGivesAll<T> || detail::CriterionGivesEach<T>);

namespace detail {

/// Refuses an answer of a plain struct that has not the entries that are wanted of it: UsageError.
[[noreturn]] TACIT_EXPORT void refuse_size(const char* member, Index got, Index wanted);
[[noreturn]] TACIT_EXPORT void refuse_shape(const char* member, Index rows, Index cols, Index wanted_rows, Index wanted_cols);
/// out = answer, of the right size.
inline void take_answer(const char* member, const Vec& answer, Out out) {
  if (answer.size() != out.size()) refuse_size(member, answer.size(), out.size());
  out = answer;
}
inline void take_answer(const char* member, const Mat& answer, OutM out) {
  if (answer.rows() != out.rows() || answer.cols() != out.cols())
    refuse_shape(member, answer.rows(), answer.cols(), out.rows(), out.cols());
  out = answer;
}

/// What `ask` gives into out, in whichever of its two forms the member is there: ask(out) writes, ask() answers.
template <class Place, class Ask>
void take(const char* member, Place out, const Ask& ask) {
  if constexpr (requires { ask(out); })
    ask(out);
  else
    take_answer(member, ask(), out);
}

// What it may have beside.
template <class C>
concept HasTransposed = requires(const C& c, const Vec& v) {
  { c.hessian_transposed(v) } -> GivesVec;
}
|| requires(const C& c, const Vec& v, Out out) { c.hessian_transposed(v, out); };
template <class C>
concept HasBatch = requires(const C& c, const Mat& v) {
  { c.hessian_batch(v) } -> GivesMat;
}
|| requires(const C& c, const Mat& v, OutM out) { c.hessian_batch(v, out); };
template <class C>
concept HasDiagonal = requires(const C& c) {
  { c.diagonal() } -> GivesVec;
}
|| requires(const C& c, Out out) { c.diagonal(out); };
template <class C>
concept HasDense = requires(const C& c) {
  { c.dense() } -> GivesMat;
}
|| requires(const C& c, OutM out) { c.dense(out); };

template <class T>
auto plain_linearization(const T& f, const Vec& x, const Vec& u) {
  if constexpr (HasLinearize<T>)
    return f.linearize(x, u);
  else
    return AtPoint<T>{&f, &x, &u};
}

/// f and its linearization at (x, u), which may refer to all three: they live as long.
template <PlainObjective T>
class AdaptedCurvature final : public Curvature {
public:
  using Linearization =
      decltype(plain_linearization(std::declval<const T&>(), std::declval<const Vec&>(), std::declval<const Vec&>()));
  /// No symmetric f_xx is meant: f is an equilibrium.
  static constexpr bool kTransposed = HasTransposed<Linearization>;

  AdaptedCurvature(std::shared_ptr<const T> f, In x, In u)
      : f_(std::move(f)), x_(x), u_(u), at_(plain_linearization(*f_, x_, u_)) {}
  AdaptedCurvature(const AdaptedCurvature&) = delete;
  AdaptedCurvature& operator=(const AdaptedCurvature&) = delete;

  void hessian(In p, Out out) const override {
    take<Out>("hessian", out, [&](auto&... o) -> decltype(at_.hessian(p, o...)) { return at_.hessian(p, o...); });
  }
  void cross(In p, Out out) const override {
    take<Out>("cross", out, [&](auto&... o) -> decltype(at_.cross(p, o...)) { return at_.cross(p, o...); });
  }
  void cross_t(In w, Out out) const override {
    take<Out>("cross_t", out, [&](auto&... o) -> decltype(at_.cross_t(w, o...)) { return at_.cross_t(w, o...); });
  }
  void hessian_transposed(In p, Out out) const requires kTransposed {
    take<Out>("hessian_transposed", out,
              [&](auto&... o) -> decltype(at_.hessian_transposed(p, o...)) { return at_.hessian_transposed(p, o...); });
  }
  void adjoint(In p, Out out_x, Out out_u) const override {
    if constexpr (requires { at_.adjoint(p, out_x, out_u); }) {
      at_.adjoint(p, out_x, out_u);
    } else if constexpr (requires { at_.adjoint(p); }) {
      const auto& [in_x, in_u] = at_.adjoint(p);
      take_answer("adjoint (first)", in_x, out_x);
      take_answer("adjoint (second)", in_u, out_u);
    } else if constexpr (kTransposed) {
      hessian_transposed(p, out_x);
      cross(p, out_u);
    } else {
      Curvature::adjoint(p, out_x, out_u);
    }
  }
  void hessian_batch(InM p, OutM out) const override {
    if constexpr (HasBatch<Linearization>)
      take<OutM>("hessian_batch", out,
                 [&](auto&... o) -> decltype(at_.hessian_batch(p, o...)) { return at_.hessian_batch(p, o...); });
    else
      Curvature::hessian_batch(p, out);
  }
  bool diagonal(Out d) const override {
    if constexpr (HasDiagonal<Linearization>)
      take<Out>("diagonal", d, [&](auto&... o) -> decltype(at_.diagonal(o...)) { return at_.diagonal(o...); });
    return HasDiagonal<Linearization>;
  }
  bool dense(OutM h) const override {
    if constexpr (HasDense<Linearization>)
      take<OutM>("dense", h, [&](auto&... o) -> decltype(at_.dense(o...)) { return at_.dense(o...); });
    return HasDense<Linearization>;
  }
  /// f and f_x where the linearization has them; false: it has not.
  bool first_order(FirstOrder& at) const {
    constexpr bool there = requires {
      { at_.value() } -> GivesNumber;
      { at_.gradient() } -> GivesVec;
    };
    if constexpr (there) {
      at.gradient.resize(x_.size());
      take_answer("gradient of the linearization", at_.gradient(), at.gradient);
      at.value = at_.value();
    }
    return there;
  }

private:
  std::shared_ptr<const T> f_;
  Vec x_, u_;
  Linearization at_;
};

template <PlainObjective T>
class AdaptedObjective final : public Objective {
public:
  explicit AdaptedObjective(T f) : f_(std::make_shared<const T>(std::move(f))) {}
  /// The same struct, what it is asked for the constants added to the counter. Keeps numbers of its own: what is counted does not
  /// depend on who else asked.
  AdaptedObjective(const AdaptedObjective& other, std::shared_ptr<WorkCounter> work) : f_(other.f_), work_(std::move(work)) {}
  Index inner_dim() const override { return f_->inner_dim(); }
  Index outer_dim() const override { return f_->outer_dim(); }
  double value(In x, In u) const override {
    if constexpr (HasValue<T>) {
      return f_->value(x, u);
    } else {
      Vec g(x.size());
      return gradient(x, u, g);
    }
  }
  double gradient(In x, In u, Out g) const override {
    if constexpr (WritesBoth<T>) {
      return f_->value_and_gradient(x, u, g);
    } else if constexpr (HasBoth<T>) {
      const auto& [value, gradient] = f_->value_and_gradient(x, u);
      take_answer("value_and_gradient", gradient, g);
      return value;
    } else {
      take<Out>("gradient", g, [&](auto&... o) -> decltype(f_->gradient(x, u, o...)) { return f_->gradient(x, u, o...); });
      return f_->value(x, u);
    }
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    auto curvature = std::make_unique<AdaptedCurvature<T>>(f_, x, u);
    if (at && !curvature->first_order(*at)) {
      at->gradient.resize(x.size());
      at->value = gradient(x, u, at->gradient);
    }
    return curvature;
  }
  double smoothness(In u) const override {
    if constexpr (requires { double(f_->smoothness(Vec(u))); }) {
      return double(f_->smoothness(Vec(u)));
    } else {
      return smoothness_.at(u, [&] {
        const AdaptedCurvature<T> curvature(f_, Vec::Zero(inner_dim()), u);
        const auto count = [&] {
          if (work_) work_->hessian_products.fetch_add(1, std::memory_order_relaxed);
        };
        const auto product = [&](In p, Out out) {
          count();
          curvature.hessian(p, out);
          if constexpr (AdaptedCurvature<T>::kTransposed) {
            count();
            curvature.hessian_transposed(Vec(out), out);
          }
        };
        const double largest = lanczos_largest(product, inner_dim(), 1e-3);
        return symmetric() ? largest : std::sqrt(largest);
      });
    }
  }
  bool smoothness_bounds() const override {
    return requires(const T& f, const Vec& u) { double(f.smoothness(u)); };
  }
  double gradient_scale(In u) const override {
    return scale_.at(u, [&] {
      if (work_) work_->gradients.fetch_add(1, std::memory_order_relaxed);
      return Objective::gradient_scale(u);
    });
  }
  double gradient_terms(In u) const override {
    if constexpr (requires { double(f_->gradient_terms(Vec(u))); }) return double(f_->gradient_terms(Vec(u)));
    return gradient_scale(u);
  }
  double convexity(In u) const override {
    if constexpr (requires { double(f_->convexity(Vec(u))); }) return double(f_->convexity(Vec(u)));
    return 0;
  }
  bool convex(In u) const override {
    return requires(const T& f, const Vec& at) { double(f.convexity(at)); }
    &&convexity(u) >= 0;
  }
  bool quadratic() const override {
    if constexpr (requires { bool(f_->quadratic()); }) return bool(f_->quadratic());
    return false;
  }
  bool symmetric() const override { return !AdaptedCurvature<T>::kTransposed; }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override {
    return std::make_shared<AdaptedObjective>(*this, std::move(counter));
  }

private:
  std::shared_ptr<const T> f_;
  std::shared_ptr<WorkCounter> work_;
  mutable KeptNumbers smoothness_, scale_;
};

template <PlainCriterion T>
class AdaptedCriterion final : public Criterion {
public:
  explicit AdaptedCriterion(T l) : l_(std::move(l)) {}
  double value(In x, In u) const override { return l_.value(x, u); }
  double gradient(In x, In u, Out gx, Out gu) const override {
    if constexpr (CriterionWritesAll<T>) {
      return l_.value_and_gradient(x, u, gx, gu);
    } else if constexpr (CriterionGivesAll<T>) {
      const auto& [value, in_x, in_u] = l_.value_and_gradient(x, u);
      take_answer("value_and_gradient (l_x)", in_x, gx);
      take_answer("value_and_gradient (l_u)", in_u, gu);
      return value;
    } else {
      take_answer("gradient_x", l_.gradient_x(x, u), gx);
      take_answer("gradient_u", l_.gradient_u(x, u), gu);
      return l_.value(x, u);
    }
  }
  double least() const override {
    if constexpr (requires { double(l_.least()); }) return double(l_.least());
    return Criterion::least();
  }

private:
  T l_;
};

}  // namespace detail

/// A plain struct as objective. x: n entries, u: m, p: n, w: m, P: n x k. Members are const; they take `In` (InM), which copies
/// nothing, or `const Vec&` (`const Mat&`), and return anything that converts to Vec (Mat), or write into a last argument Out
/// (OutM) that has the right size. An answer of the wrong size is a UsageError that names the member.
///
///   value(x, u)                                     f
///   gradient(x, u)                                  f_x
///   value_and_gradient(x, u)                        both in one pass: a pair, or a double that is returned beside Out. It may
///   stand
///                                                   for the two above, or beside them; without it a gradient costs a value too
///   linearize(x, u)                                 second derivatives at one point as a struct of its own, in which all that
///   can be
///                                                   computed once is: a PlainLinearization with the members below, without their
///                                                   x and u. It may refer to the struct, to x and to u, which live as long
///     hessian(p), cross(p), cross_t(w)              f_xx p (n), f_ux p (m), f_xu w (n)
///     optional: value() and gradient()              f and f_x, of the same pass
///     optional: adjoint(p)                          f_xx^T p and f_ux p in one pass: a pair, or two Out
///     optional: hessian_batch(P), diagonal(), dense()       f_xx P for k columns at once; its diagonal; f_xx itself (n x n)
///     optional: hessian_transposed(p)               f_xx^T p: no objective but an equilibrium, Objective::symmetric() == false
///   or, without linearize: hessian(x, u, p), cross(x, u, p), cross_t(x, u, w) and, optional, adjoint(x, u, p),
///   hessian_batch(x, u, P), hessian_diagonal(x, u), hessian_dense(x, u), hessian_transposed(x, u, p)
///   optional: smoothness(u) = L, convexity(u) = mu, quadratic(), gradient_terms(u)
///
/// Without smoothness(u), L is the largest eigenvalue of f_xx at x = 0 (of an equilibrium the largest singular value) by Lanczos,
/// kept for the last few u: right for quadratics and for losses whose curvature is largest at 0 (logistic), too small for others,
/// which should give smoothness(u) or inner.step. Its products, and the gradient of gradient_scale, are counted like any other.
template <PlainObjective T>
std::shared_ptr<const Objective> adapt(T f) {
  return std::make_shared<detail::AdaptedObjective<T>>(std::move(f));
}

/// A plain struct as outer criterion: value(x, u) = l, gradient_x(x, u) = l_x (n), gradient_u(x, u) = l_u (m), or in one pass
/// value_and_gradient(x, u), a struct or tuple of l, l_x and l_u, or l returned beside two Out. It may have least(), a number
/// that no value is below.
template <PlainCriterion T>
std::shared_ptr<const Criterion> adapt_criterion(T l) {
  return std::make_shared<detail::AdaptedCriterion<T>>(std::move(l));
}

}  // namespace tacit::inline TACIT_ABI
