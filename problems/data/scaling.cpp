#include <tacit/problems/data/scaling.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/memory_limits.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

SharedRows dense_rows(std::shared_ptr<const Features> x) {
  return x->outside ? x->outside : matrix_rows(std::shared_ptr<const AlignedRows>(x, &x->dense));
}

Design design_of(std::shared_ptr<const Features> x) {
  return x->sparse ? Design(std::shared_ptr<const CsrMatrix>(x, &x->csr)) : Design(dense_rows(x));
}

namespace {

bool as_they_are(Standardize mode, const Features& x) {
  return mode == Standardize::no || (mode == Standardize::automatic && (x.sparse || x.sparse_format));
}

}  // namespace

Vec far_means(const ColumnMoments& m, double far) {
  Vec centre = Vec::Zero(m.mean.size());
  for (Index j = 0; j < centre.size(); ++j) {
    if (std::abs(m.mean[j]) >= far * m.deviation[j]) centre[j] = m.mean[j];
  }
  return centre.isZero(0) ? Vec() : centre;
}

namespace {

/// Row i of x less centre, whose columns `centred` are not 0, appended to `to`.
void append_row(const CsrMatrix& x, Index i, In centre, const std::vector<Index>& centred,
                std::vector<Eigen::Triplet<double, std::int32_t>>& to) {
  const auto put = [&](Index j, double value) {
    if (value != 0) to.emplace_back(static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), value);
  };
  auto next = centred.begin();
  for (CsrMatrix::InnerIterator a(x, i); a; ++a) {
    for (; next != centred.end() && *next < a.col(); ++next) put(*next, -centre[*next]);
    if (next != centred.end() && *next == a.col()) ++next;
    put(a.col(), a.value() - centre[a.col()]);
  }
  for (; next != centred.end(); ++next) put(*next, -centre[*next]);
}

}  // namespace

std::shared_ptr<const Features> less_centre(const Features& x, In centre) {
  auto out = std::make_shared<Features>();
  out->sparse = x.sparse;
  out->sparse_format = x.sparse_format;
  if (x.outside) {
    const SharedRows moved = shifted_rows(x.outside, centre);
    if (memory_holds(sizeof(double) * static_cast<double>(x.rows()) * static_cast<double>(x.cols())))
      out->dense = matrix_of(moved);
    else
      out->outside = moved;
    return out;
  }
  if (!x.sparse) {
    out->dense = x.dense.rowwise() - centre.transpose();
    return out;
  }
  std::vector<Index> centred;
  for (Index j = 0; j < centre.size(); ++j) {
    if (centre[j] != 0) centred.push_back(j);
  }
  std::vector<Eigen::Triplet<double, std::int32_t>> entries;
  entries.reserve(static_cast<std::size_t>(x.csr.nonZeros()));
  for (Index i = 0; i < x.rows(); ++i) append_row(x.csr, i, centre, centred, entries);
  out->csr.resize(x.rows(), x.cols());
  out->csr.setFromTriplets(entries.begin(), entries.end());
  return out;
}

Scaling fit_scaling(const ColumnMoments& m, const Features& x, Standardize mode) {
  Scaling out;
  if (as_they_are(mode, x)) return out;
  out.scale = m.deviation;
  for (Index j = 0; j < out.scale.size(); ++j) {
    if (m.low[j] == m.high[j] || !(out.scale[j] > 0)) out.scale[j] = 1;
  }
  out.shift = x.sparse ? Vec(Vec::Zero(m.mean.size())) : m.mean;
  return out;
}

Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode) {
  if (as_they_are(mode, x)) return {};
  const std::vector<Index> list(rows.begin(), rows.end());
  Vec w(static_cast<Index>(list.size()));
  for (std::size_t i = 0; i < list.size(); ++i) w[static_cast<Index>(i)] = weight[list[i]];
  if (!(w.size() > 0 && w.maxCoeff() > 0))
    throw UsageError("columns cannot be standardized: no training row has a positive weight", "prepare.standardize");
  const Design all = design_of(std::shared_ptr<const Features>(std::shared_ptr<void>(), &x));
  return fit_scaling(all.row_list(list).column_moments(w), x, mode);
}

namespace {

std::string and_more(std::size_t count) {
  return count > 1 ? " (and " + std::to_string(count - 1) + (count == 2 ? " more column alike)" : " more columns alike)") : "";
}

std::string column_name(const std::vector<std::string>& names, Index j) {
  const auto i = static_cast<std::size_t>(j);
  return "the column '" + (i < names.size() ? names[i] : std::to_string(j + 1)) + "'";
}

}  // namespace

std::string centre_remark(const Scaling& scaling, const ColumnMoments& centred, const std::vector<std::string>& names) {
  std::size_t constant = 0, far = 0;
  Index one = -1, worst = -1;
  for (Index j = 0; j < scaling.centre.size(); ++j) {
    if (scaling.centre[j] == 0) continue;
    if (centred.low[j] == centred.high[j]) {
      if (constant++ == 0) one = j;
    } else if (far++ == 0 ||
               centred.deviation[j] * std::abs(scaling.centre[worst]) < centred.deviation[worst] * std::abs(scaling.centre[j])) {
      worst = j;
    }
  }
  std::string text;
  if (far > 0)
    text = column_name(names, worst) + and_more(far) + " is used less its mean of " + short_number(scaling.centre[worst]) + ", " +
           short_number(std::abs(scaling.centre[worst]) / centred.deviation[worst]) +
           " times its spread; coefficients and predictions are those of the column as it is";
  if (constant > 0)
    text += (text.empty() ? "" : "; ") + column_name(names, one) + and_more(constant) +
            " is constant on the training rows, and its coefficient is 0";
  return text;
}

std::optional<ScaleRemark> scale_remark(const ColumnMoments& m, const std::vector<std::string>& names, bool sparse) {
  std::vector<double> sizes;
  for (const double size : m.size) {
    if (size > 0) sizes.push_back(size);
  }
  if (sizes.size() < 2) return std::nullopt;
  std::sort(sizes.begin(), sizes.end());
  const double low = sizes[(sizes.size() - 1) / 2], high = sizes[sizes.size() / 2];
  std::size_t count = 0;
  Index worst = -1;
  double most = 0, other = low;
  for (Index j = 0; j < m.size.size(); ++j) {
    if (!(m.size[j] > 0)) continue;
    // Of two columns that are apart both are: neither is the median.
    const double against = m.size[j] > high ? low : high, ratio = std::max(m.size[j] / against, against / m.size[j]);
    if (!(ratio >= kFarUnit)) continue;
    ++count;
    if (ratio > most) worst = j, most = ratio, other = against;
  }
  if (worst < 0) return std::nullopt;
  const std::vector<std::string> numbers = short_numbers({m.size[worst], other});
  return ScaleRemark{column_name(names, worst) + " is used as it is, with deviations of about " + numbers[0] +
                         ", where the median column has " + numbers[1] + and_more(count) +
                         "; one penalty weighs them very differently, and the inner problem is ill-conditioned.",
                     sparse ? "Use prepare.standardize=true, which scales sparse columns too (it does not centre them)."
                            : "Use prepare.standardize=true."};
}

OriginalCoefficients to_original(const Scaling& scaling, In w, double intercept) {
  OriginalCoefficients out{w, intercept, intercept};
  if (scaling.active()) {
    out.w = out.w.cwiseQuotient(scaling.scale);
    out.at_centre -= out.w.dot(scaling.shift);
  }
  out.intercept = out.at_centre;
  if (scaling.centre.size() > 0) out.intercept -= out.w.dot(scaling.centre);
  return out;
}

}  // namespace tacit::inline TACIT_ABI
