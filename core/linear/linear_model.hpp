// Linear models: f(x, u) = sum_i s_i phi(a_i x, y_i) + sum_j c_j(u)/2 x_j^2.
#pragma once
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// Loss of one row, phi(z, y), twice differentiable in z = a x, evaluated on a block of rows.
class TACIT_EXPORT Loss {
public:
  virtual ~Loss() = default;
  /// phi, phi' = dphi/dz and phi'' of each row; a null pointer: not wanted. Arrays of n doubles.
  virtual void evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const = 0;
  /// Sum of s_i phi_i; first = s phi', second = s phi'' where wanted.
  double weighted(Index n, const double* z, const double* y, const double* s, double* first, double* second) const;
  /// sup of |phi''| over all z and y; NaN: unknown.
  virtual double curvature_bound() const = 0;
  /// sup of |phi'''| over all z and y; NaN: unknown.
  virtual double third_bound() const { return std::numeric_limits<double>::quiet_NaN(); }
  /// phi'' = 1 everywhere.
  virtual bool quadratic() const { return false; }
  /// phi'' >= 0 everywhere. False: it may be negative, or nothing is known.
  virtual bool convex() const { return true; }
  /// No phi is below this; -infinity: unknown.
  virtual double least() const { return 0; }
  /// Empty when y can be a target of this loss, else a sentence that says what is wrong.
  virtual std::string check(In /*y*/) const { return {}; }
};

/// sum_j c_j(u)/2 x_j^2 with c_j = u[index_j], or fixed_j where index_j < 0 (0 for an intercept).
class TACIT_EXPORT Penalty {
public:
  /// index: one entry per coordinate of x. Throws UsageError for an index not below outer_dim or a fixed value that is negative.
  Penalty(std::vector<Index> index, Vec fixed, Index outer_dim);
  Index inner_dim() const { return fixed_.size(); }
  Index outer_dim() const { return outer_dim_; }
  /// c(u), n entries.
  void coefficients(In u, Out c) const;
  double coefficient(Index j, In u) const {
    const Index g = index_[static_cast<std::size_t>(j)];
    return g < 0 ? fixed_[j] : u[g];
  }
  /// Entry of u that penalises coordinate j, -1 when its coefficient is fixed.
  Index index(Index j) const { return index_[static_cast<std::size_t>(j)]; }
  double value(In x, In u) const;
  /// out += c(u) x entrywise; the gradient at x, and the Hessian applied to x.
  void add_product(In x, In u, Out out) const;
  /// out = f_ux p: entry g is the sum of x_j p_j over the coordinates of g.
  void cross(In x, In p, Out out) const;
  /// out += f_xu w: entry j is x_j w[index_j].
  void add_cross_t(In x, In w, Out out) const;
  /// dg += c(u) dx + f_xu du for k tangents, dx n x k, du m x k; du without entries stands for the identity (k = m).
  void add_tangents(In x, In u, InM dx, InM du, OutM dg) const;
  /// Least and largest c_j(u).
  std::pair<double, double> range(In u) const;

private:
  struct Run {
    Index first, count, index;
  };
  std::vector<Index> index_;
  std::vector<Run> runs_;  ///< neighbours with the same index
  Vec fixed_;
  Index outer_dim_;
};

/// f(x, u) = sum_i s_i phi(a_i x, y_i) + sum_j c_j(u)/2 x_j^2; s carries the row weights and the 1/n of a mean. One pass over A
/// for value, gradient, linearize (none for a quadratic loss without first order), each product, adjoint and tangents; none for
/// products and adjoint where they go through the Gram matrix (by_gram).
class TACIT_EXPORT LinearModel final : public Objective {
public:
  /// y, s: one entry per row. Throws UsageError when sizes differ, a weight is negative or not finite, or the loss does not take
  /// y.
  LinearModel(Design design, std::shared_ptr<const Loss> loss, Vec y, Vec s, Penalty penalty);

  const Design& design() const { return *design_; }
  const Loss& loss() const { return *parts_->loss; }
  const Penalty& penalty() const { return parts_->penalty; }
  const Vec& targets() const { return parts_->y; }
  const Vec& row_weights() const { return parts_->s; }

  Index inner_dim() const override { return design_->cols(); }
  Index outer_dim() const override { return parts_->penalty.outer_dim(); }
  double value(In x, In u) const override;
  double gradient(In x, In u, Out g) const override;
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at = nullptr) const override;
  std::size_t linearization_bytes() const override;
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const override;
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override;
  bool penalty_diagonal(In u, Out c) const override;
  const LinearModel* linear() const override { return this; }
  /// Quadratic loss and at most kEigenDim columns: the largest eigenvalue of f_xx. Else sup |phi''| times the largest eigenvalue
  /// of A' S A (Lanczos 1950, from above, kept) plus the largest penalty.
  double smoothness(In u) const override;
  /// Quadratic loss and at most kEigenDim columns: the least eigenvalue of f_xx, from below. Else the least penalty, 0 when a
  /// coordinate has none; 0 for a loss that is not convex.
  double convexity(In u) const override;
  bool convex(In) const override { return parts_->loss->convex(); }
  /// sup |phi'''| lambda_max(sum_i s_i ||a_i dx|| a_i a_i') + max |du| over the tuned penalties: |phi''(a_i x) - phi''(a_i y)| <=
  /// sup |phi'''| |a_i (x - y)|, and the columns of f_xu are disjoint pieces of x.
  double derivative_lipschitz(In u, InM dx, In du) const override;
  /// ||A' S phi'(0, y)||, which does not depend on u; kept.
  double gradient_scale(In u) const override;
  /// sqrt(sum_i s_i phi'(0, y_i)^2) times the Frobenius norm of S^(1/2) A, by Cauchy and Schwarz; kept.
  double gradient_terms(In u) const override;
  bool quadratic() const override { return parts_->loss->quadratic(); }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override;

  /// Of its columns, weighted by s; computed when first asked for and kept.
  const ColumnMoments& column_moments() const;
  /// A' S A for a quadratic loss with at most kGramDim columns, computed when first needed and kept; null otherwise.
  const Mat* gram() const;
  /// Whether f_xx p is (A' S A + diag(c)) p instead of A' S (A p) + c p. Decided when the model is made, by its sizes alone, so
  /// that no number depends on what was asked before: a quadratic loss and at most kEigenDim columns, whose eigenvalues need the
  /// Gram matrix anyway, or at most kGramDim and a Gram matrix of no more numbers than a product reads of A, there and back.
  /// Making it costs about min(rows, columns)/15 products, 133 at most: fewer than a run spends.
  bool by_gram() const { return parts_->by_gram; }

  static constexpr Index kGramDim = 2000;
  static constexpr Index kEigenDim = 300;

private:
  class LinearCurvature;
  /// Shared with the curvatures, which may outlive the model, and with the same model counted elsewhere.
  struct Parts {
    Design design;  ///< for what is computed once and kept; its reads count where the model was made
    std::shared_ptr<const Loss> loss;
    Vec y, s;
    Penalty penalty;
    Mat gram;
    double data_eigenvalue = 0, gradient_scale = 0, gradient_terms = 0;
    Mat row_gram;  ///< X X'
    ColumnMoments moments;
    std::once_flag gram_once, eigenvalue_once, scale_once, terms_once, row_gram_once, moments_once;
    bool by_gram = false;
    std::mutex dual_lock, spectrum_lock;
    Vec dual_at, spectrum_at;  ///< penalties of what stands below
    std::shared_ptr<const LinearOperator> dual;
    double least = 0, largest = 0;
    Parts(Design a, std::shared_ptr<const Loss> phi, Vec targets, Vec weights, Penalty c);
    bool keeps_gram() const { return loss->quadratic() && design.cols() <= kGramDim; }
    const Mat& kept_gram();
    const Mat& kept_row_gram();
    /// dual_inverse for a quadratic loss, kept for the next that asks with these penalties.
    std::shared_ptr<const LinearOperator> kept_dual(In c);
    std::pair<double, double> spectrum(In u);
    double largest_data_eigenvalue();
    Vec first_at_zero() const;
  };
  std::shared_ptr<Parts> parts_;
  std::shared_ptr<const Design> design_;
};

}  // namespace tacit::inline TACIT_ABI
