// The loss door: a Loss from a scalar template phi(z, y), with derivatives by Taylor numbers.
#pragma once
#include <algorithm>
#include <concepts>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/linear/taylor.hpp>

// One copy of the loop over rows per vector width, chosen when the program starts, with all that it calls inlined: g++ vectorizes
// it then whatever flags the user has. Others have the width they compile for.
#if defined(__GNUC__) && !defined(__clang__)
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__SANITIZE_ADDRESS__)
#define TACIT_ROWS_OF_TAYLOR __attribute__((flatten, target_clones("avx512f", "avx2", "default")))
#else
#define TACIT_ROWS_OF_TAYLOR __attribute__((flatten))
#endif
#else
#define TACIT_ROWS_OF_TAYLOR
#endif

namespace tacit::inline TACIT_ABI {

/// What no evaluation of phi can prove. What is not said is unknown, and methods that need it say so.
struct LossFacts {
  /// sup of |phi''| over all z and y: what step sizes are chosen from. NaN: unknown, which leaves solvers that need no smoothness
  /// (newton-cg, lbfgs), or a step that is given.
  double curvature_bound = std::numeric_limits<double>::quiet_NaN();
  /// sup of |phi'''|, for rigorous error bounds alone. NaN: unknown.
  double third_bound = std::numeric_limits<double>::quiet_NaN();
  /// phi'' >= 0 everywhere: the model is then as convex as its penalty.
  bool convex = false;
  /// No phi(z, y) is below this, 0 of most losses; -infinity: unknown.
  double least = -std::numeric_limits<double>::infinity();
  /// phi'' = 1 everywhere (a squared loss, which is then convex with bounds 1 and 0): through the Gram matrix where that pays.
  bool quadratic = false;
  /// Empty when y can be a target, else a sentence that says what is wrong; none: every finite y can.
  std::function<std::string(In y)> check{};
};

/// A callable that gives phi(z, y) for z = Taylor, as Taylor or double.
template <class Phi>
concept ScalarLoss = requires(const Phi& phi, Taylor z, double y) {
  { phi(z, y) } -> std::convertible_to<Taylor>;
};

namespace detail {

/// Facts as they stand together: UsageError for a bound that is negative or infinite, a least that is NaN, or a quadratic loss of
/// other bounds.
TACIT_EXPORT LossFacts settled(LossFacts facts);
/// Empty unless some phi(z, y_i) is not finite at z = 0 or contradicts the facts at one of a few z from -1000 to 1000.
TACIT_EXPORT std::string contradiction(const Loss& loss, const LossFacts& facts, In y);

template <ScalarLoss Phi>
class TemplateLoss final : public Loss {
public:
  TemplateLoss(Phi phi, LossFacts facts) : phi_(std::move(phi)), facts_(settled(std::move(facts))) {}
  void evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const override {
    const Index whole = n - n % kRows;
    each(whole, z, y, phi, first, second);
    if (whole < n)
      rest(n - whole, z + whole, y + whole, phi ? phi + whole : nullptr, first ? first + whole : nullptr,
           second ? second + whole : nullptr);
  }
  double curvature_bound() const override { return facts_.curvature_bound; }
  double third_bound() const override { return facts_.third_bound; }
  bool quadratic() const override { return facts_.quadratic; }
  bool convex() const override { return facts_.convex; }
  double least() const override { return facts_.least; }
  std::string check(In y) const override {
    if (std::string wrong = facts_.check ? facts_.check(y) : std::string(); !wrong.empty()) return wrong;
    return contradiction(*this, facts_, y);
  }

private:
  static constexpr Index kRows = 16;  // at a time: a trip count that compilers know, of whole vectors

  // The last rows, filled up with the last one.
  void rest(Index n, const double* z, const double* y, double* phi, double* first, double* second) const {
    double at[kRows], target[kRows], p[kRows], f[kRows], s[kRows];
    for (Index i = 0; i < kRows; ++i) {
      at[i] = z[std::min(i, n - 1)];
      target[i] = y[std::min(i, n - 1)];
    }
    each(kRows, at, target, phi ? p : nullptr, first ? f : nullptr, second ? s : nullptr);
    if (phi) std::copy_n(p, n, phi);
    if (first) std::copy_n(f, n, first);
    if (second) std::copy_n(s, n, second);
  }

  void each(Index n, const double* z, const double* y, double* phi, double* first, double* second) const {
    if (phi && first && second) return rows<true, true, true>(phi_, n, z, y, phi, first, second);
    if (phi && first) return rows<true, true, false>(phi_, n, z, y, phi, first, nullptr);
    if (phi) rows<true, false, false>(phi_, n, z, y, phi, nullptr, nullptr);
    if (first) rows<false, true, false>(phi_, n, z, y, nullptr, first, nullptr);
    if (second) rows<false, false, true>(phi_, n, z, y, nullptr, nullptr, second);
  }

  /// n: a multiple of kRows. What is not wanted of phi is not computed either.
  template <bool kValue, bool kFirst, bool kSecond>
  TACIT_ROWS_OF_TAYLOR static void rows(const Phi& phi, Index n, const double* __restrict z, const double* __restrict y,
                                        double* __restrict value, double* __restrict first, double* __restrict second) {
    for (Index from = 0; from < n; from += kRows) {
      for (Index i = from; i < from + kRows; ++i) {
        const Taylor t = phi(Taylor::variable(z[i]), y[i]);
        if constexpr (kValue) value[i] = t.f;
        if constexpr (kFirst) first[i] = t.d1;
        if constexpr (kSecond) second[i] = t.d2;
      }
    }
  }

  Phi phi_;
  LossFacts facts_;
};

}  // namespace detail

/// The loss of one row phi(z, y), z = a x, from a callable that is generic in z: [](auto z, double y) { return softplus(-y * z);
/// }. phi' and phi'' are those of Taylor. Twice continuously differentiable in z is up to who writes it; so are the facts, which
/// are tried at a few z for the targets of a model: one that is seen not to hold is a UsageError there.
template <ScalarLoss Phi>
std::shared_ptr<const Loss> make_loss(Phi phi, LossFacts facts = {}) {
  return std::make_shared<detail::TemplateLoss<Phi>>(std::move(phi), std::move(facts));
}

}  // namespace tacit::inline TACIT_ABI

#undef TACIT_ROWS_OF_TAYLOR
