// The template door: plain structs as inner objective or criterion.
#pragma once
#include <cmath>
#include <concepts>
#include <limits>
#include <memory>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/model/kept_numbers.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// What adapt() asks of a struct. x: n entries, u: m entries; gradient f_x (n), hessian f_xx p (n), cross f_ux p (m), cross_t
/// f_xu w (n). The members may take `const Vec&` or `In` and return anything that converts to Vec.
template <class T>
concept PlainObjective = requires(const T& f, const Vec& v) {
  { f.inner_dim() } -> std::convertible_to<Index>;
  { f.outer_dim() } -> std::convertible_to<Index>;
  { f.value(v, v) } -> std::convertible_to<double>;
  { f.gradient(v, v) } -> std::convertible_to<Vec>;
  { f.hessian(v, v, v) } -> std::convertible_to<Vec>;
  { f.cross(v, v, v) } -> std::convertible_to<Vec>;
  { f.cross_t(v, v, v) } -> std::convertible_to<Vec>;
};

/// What adapt_criterion() asks of a struct: l, l_x (n), l_u (m).
template <class T>
concept PlainCriterion = requires(const T& l, const Vec& v) {
  { l.value(v, v) } -> std::convertible_to<double>;
  { l.gradient_x(v, v) } -> std::convertible_to<Vec>;
  { l.gradient_u(v, v) } -> std::convertible_to<Vec>;
};

namespace detail {

/// Refuses an answer of a plain struct that has not the entries that are wanted of it: UsageError.
[[noreturn]] TACIT_EXPORT void refuse_size(const char* member, Index got, Index wanted);
/// out = answer, of the right size.
inline void take_answer(const char* member, const Vec& answer, Out out) {
  if (answer.size() != out.size()) refuse_size(member, answer.size(), out.size());
  out = answer;
}

template <PlainObjective T>
class AdaptedCurvature final : public Curvature {
public:
  AdaptedCurvature(std::shared_ptr<const T> f, Vec x, Vec u) : f_(std::move(f)), x_(std::move(x)), u_(std::move(u)) {}
  void hessian(In p, Out out) const override { take_answer("hessian", f_->hessian(x_, u_, Vec(p)), out); }
  void cross(In p, Out out) const override { take_answer("cross", f_->cross(x_, u_, Vec(p)), out); }
  void cross_t(In w, Out out) const override { take_answer("cross_t", f_->cross_t(x_, u_, Vec(w)), out); }
  void adjoint(In p, Out out_x, Out out_u) const override {
    if constexpr (requires { Vec(f_->hessian_transposed(x_, u_, Vec(p))); }) {
      take_answer("hessian_transposed", Vec(f_->hessian_transposed(x_, u_, Vec(p))), out_x);
      cross(p, out_u);
    } else {
      Curvature::adjoint(p, out_x, out_u);
    }
  }
  bool diagonal(Out d) const override {
    if constexpr (requires { Vec(f_->hessian_diagonal(x_, u_)); }) {
      take_answer("hessian_diagonal", Vec(f_->hessian_diagonal(x_, u_)), d);
      return true;
    }
    return false;
  }

private:
  std::shared_ptr<const T> f_;
  Vec x_, u_;
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
  double value(In x, In u) const override { return f_->value(Vec(x), Vec(u)); }
  double gradient(In x, In u, Out g) const override {
    const Vec at(x), hyper(u);
    take_answer("gradient", f_->gradient(at, hyper), g);
    return f_->value(at, hyper);
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    if (at) {
      at->gradient.resize(x.size());
      at->value = gradient(x, u, at->gradient);
    }
    return std::make_unique<AdaptedCurvature<T>>(f_, Vec(x), Vec(u));
  }
  double smoothness(In u) const override {
    if constexpr (requires { double(f_->smoothness(Vec(u))); }) {
      return double(f_->smoothness(Vec(u)));
    } else {
      return smoothness_.at(u, [&] {
        const AdaptedCurvature<T> curvature(f_, Vec::Zero(inner_dim()), Vec(u));
        const auto count = [&] {
          if (work_) work_->hessian_products.fetch_add(1, std::memory_order_relaxed);
        };
        const auto product = [&](In p, Out out) {
          count();
          curvature.hessian(p, out);
          if constexpr (requires(const Vec& v) { Vec(f_->hessian_transposed(v, v, v)); }) {
            count();
            take_answer("hessian_transposed", Vec(f_->hessian_transposed(Vec::Zero(inner_dim()), Vec(u), Vec(out))), out);
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
  bool symmetric() const override {
    return !requires(const Vec& v) { Vec(f_->hessian_transposed(v, v, v)); };
  }
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
  double value(In x, In u) const override { return l_.value(Vec(x), Vec(u)); }
  double gradient(In x, In u, Out gx, Out gu) const override {
    const Vec at(x), hyper(u);
    take_answer("gradient_x", l_.gradient_x(at, hyper), gx);
    take_answer("gradient_u", l_.gradient_u(at, hyper), gu);
    return l_.value(at, hyper);
  }
  double least() const override {
    if constexpr (requires { double(l_.least()); }) return double(l_.least());
    return Criterion::least();
  }

private:
  T l_;
};

}  // namespace detail

/// A plain struct as objective. Besides what PlainObjective asks it may have smoothness(u) = L, convexity(u) = mu, quadratic(),
/// gradient_terms(u) and hessian_diagonal(x, u). With hessian_transposed(x, u, p) it is no objective but an equilibrium,
/// Objective::symmetric() == false. Without smoothness(u), L is the largest eigenvalue of f_xx at x = 0 (of an equilibrium the
/// largest singular value) by Lanczos, kept for the last few u: right for quadratics and for losses whose curvature is largest at
/// 0 (logistic), too small for others, which should give smoothness(u) or inner.step. Its products, and the gradient of
/// gradient_scale, are counted like any other. An answer of the wrong size is a UsageError that names the member.
template <PlainObjective T>
std::shared_ptr<const Objective> adapt(T f) {
  return std::make_shared<detail::AdaptedObjective<T>>(std::move(f));
}

/// A plain struct as outer criterion; it may have least(), a number that no value is below.
template <PlainCriterion T>
std::shared_ptr<const Criterion> adapt_criterion(T l) {
  return std::make_shared<detail::AdaptedCriterion<T>>(std::move(l));
}

}  // namespace tacit::inline TACIT_ABI
