// What a sum of squares needs of its rows: weighted moments about their mean, of sets of rows that can be merged.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/shifted_inverse.hpp>

namespace tacit::inline TACIT_ABI {

/// Moments of rows (a_i, y_i) with weights w_i, d columns without an intercept. The mean of column j is anchor_j + mean_j: two
/// numbers, so that columns far from 0 keep the digits in which their rows differ. A value.
struct TACIT_EXPORT RowMoments {
  double weight = 0;                ///< W = sum w_i; 0: no row counts, and what stands below is not read
  Vec anchor, mean;                 ///< of each column
  double y_anchor = 0, y_mean = 0;  ///< of y
  Eigen::MatrixXd gram;             ///< sum w (a - m)(a - m)', d x d; 0 to the bit in the row and column of a constant column
  Vec cross;                        ///< sum w (a - m)(y - m_y)
  double square = 0;                ///< sum w (y - m_y)^2
  Vec low, high;                    ///< smallest and largest entry of rows that count; they agree where a column is constant
  Vec cancelled;  ///< W m_j^2 of sparse columns, whose Gram matrix is one about 0 less this, summed over what was merged
  Index columns() const { return mean.size(); }
  /// max_j cancelled_j / gram_jj: that many roundings of it are in the worst diagonal entry.
  double lost() const;
  /// Are there the squares of every column that is not constant? Those of numbers below 1e-154 are 0, or have lost their digits;
  /// those of numbers beyond 1e154 are infinite.
  bool holds_squares() const;
  /// What fit_scaling and far_means read of the columns: mean, deviation, low and high. The other entries are empty.
  ColumnMoments column_moments() const;
};

/// Of all rows of a design without intercept, columns as they act; y and w one entry a row, w not negative. Dense rows are
/// shifted by their mean before they are multiplied; sparse ones are not, see RowMoments::lost. One pass for the Gram matrix and
/// a few of the cost of a product.
TACIT_EXPORT RowMoments row_moments(const Design& rows, In y, In w);

/// Of two sets of rows together (Chan, Golub and LeVeque 1983): sums of what is not negative, so nothing cancels.
TACIT_EXPORT RowMoments merged(const RowMoments& a, const RowMoments& b);

/// Of all sets but one, for each of them: 3 merges a set over prefixes and suffixes, no subtraction. What is in set k has no
/// part in entry k.
TACIT_EXPORT std::vector<RowMoments> all_but_one(const std::vector<RowMoments>& sets);

/// Of the same rows with column j acting as (a_j - centre_j - shift_j) / scale_j. Empty vectors stand for 0 and for 1; a centre
/// near the mean is taken off without a rounding (Sterbenz 1974).
TACIT_EXPORT RowMoments standardized(RowMoments moments, In shift, In scale, In centre);

/// q(x) = factor/2 sum_i w_i (a_i w + b - y_i)^2 by the moments, x = (w, b) or w alone. Around the mean the intercept stands
/// alone: q = factor/2 (w'Cw - 2 w'p + yy + W t^2), t = m'w + b - m_y. Every product takes d^2 multiplications. Const, so that
/// problems may share one.
class TACIT_EXPORT MomentSquares {
public:
  MomentSquares(RowMoments moments, bool intercept, double factor);
  Index dim() const { return features() + (intercept_ ? 1 : 0); }
  Index features() const { return mean_.size(); }
  bool intercept() const { return intercept_; }
  /// q(x) and g = its gradient. `kept` is the part of the terms of q that was left when they were added: q(x) and g carry about
  /// 1 / kept roundings.
  struct Value {
    double value, kept;
  };
  Value gradient(In x, Out g) const;
  /// Its Hessian G applied to one or k vectors.
  void product(In p, Out out) const;
  void products(InM p, OutM out) const;
  void diagonal(Out d) const;
  void dense(OutM h) const;
  /// factor C, what is left of G when the intercept is eliminated; without an intercept G itself.
  Eigen::MatrixXd core() const;
  /// factor W, the curvature of the intercept.
  double level() const { return factor_ * moments_.weight; }
  /// Mean of the columns as they act.
  const Vec& mean() const { return mean_; }
  /// core() in tridiagonal form, and its least and largest eigenvalue; computed at the first call and kept.
  const TridiagonalForm& form() const;
  std::pair<double, double> extreme_eigenvalues() const;
  /// The largest eigenvalue of G, from above (Lanczos 1950); computed at the first call and kept.
  double largest_eigenvalue() const;
  /// Upper estimate of the terms of the gradient at 0: sqrt(factor sum w y^2) times the Frobenius norm of (factor w)^(1/2) A.
  double gradient_terms() const;

private:
  struct Kept;
  RowMoments moments_;
  Vec mean_;
  double y_mean_;
  bool intercept_;
  double factor_;
  std::shared_ptr<Kept> kept_;
};

}  // namespace tacit::inline TACIT_ABI
