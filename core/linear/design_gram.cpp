// Gram matrices of a design.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/detail/design_cut.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using detail::require_size;

// Sums of Gram matrices are long: a chunk has so many dense rows at least, and so many for each column; of sparse ones so many
// products of two entries for each of its sums.
constexpr double kGramRows = 2048, kGramRowsOverColumns = 4, kPairsOverSums = 64;

/// As many chunks fall evenly to two threads, four and so on.
double power_of_two(double chunks) { return chunks >= 1 ? std::exp2(std::floor(std::log2(chunks))) : chunks; }

}  // namespace

// The chunks behind the first have matrices of their own, which are added in their order: one that is done before those in front
// of it waits, so that as many are there as threads, or few more.
template <class Add>
void Design::sum_grams(const Cut& cut, OutM h, const Add& add) {
  std::mutex lock;
  std::map<Index, Mat> waiting;
  Index next = 0;
  cut.each([&](Index chunk) {
    Mat own;
    if (chunk == 0) {
      add(chunk, h);
    } else {
      own.resize(h.rows(), h.cols());
      add(chunk, own);
    }
    const std::lock_guard guard(lock);
    if (chunk == 0)
      next = 1;
    else
      waiting.emplace(chunk, std::move(own));
    for (auto first = waiting.begin(); first != waiting.end() && first->first == next; first = waiting.erase(first), ++next) {
      for (Index i = 0; i < h.rows(); ++i) h.row(i).tail(h.cols() - i) += first->second.row(i).tail(h.cols() - i);
    }
  });
}

void Design::dense_gram(In w, const double* beside, OutM h) const {
  kernels::GramColumns columns{features(), nullptr, nullptr, intercept_, beside != nullptr};
  if (inverse_.size() > 0) {
    columns.shift = shift_.data();
    columns.inverse = inverse_.data();
  }
  const double at_least = std::max(kGramRows, kGramRowsOverColumns * static_cast<double>(h.cols()));
  const Cut cut = cut_into(power_of_two(static_cast<double>(rows_) / at_least));
  sum_grams(cut, h, [&](Index chunk, OutM own) {
    kernels::GramSum sum(columns, rows_, own);
    const detail::Lease lease;
    std::array<Index, kernels::kGramRows> weighted;  // rows that count, as many as are multiplied at once
    for (Index i = cut.first(chunk); i < cut.end(chunk);) {
      Index n = 0;
      for (; i < cut.end(chunk) && n < kernels::kGramRows; ++i) {
        if (w[i] != 0) weighted[static_cast<std::size_t>(n++)] = i;
      }
      fetch(
          n, [&weighted](Index k) { return weighted[static_cast<std::size_t>(k)]; }, *lease);
      for (Index k = 0; k < n; ++k) {
        const Index row = weighted[static_cast<std::size_t>(k)];
        sum.add((*lease).rows[static_cast<std::size_t>(k)], w[row], beside ? beside[row] : 0);
      }
    }
    sum.finish();
  });
}

// G = X' W X, g = X' w and 1'w of the stored numbers; then (G - g shift' - shift g' + 1'w shift shift') / (scale scale').
void Design::sparse_gram(In w, OutM h) const {
  const Index p = features();
  const double in_row = entries_in_row(), numbers = static_cast<double>(std::max<Index>(1, p * p));
  const double pairs = static_cast<double>(rows_) * in_row * in_row / 2;
  const Cut cut = cut_into(std::min(pairs / kPairsOverSums, bytes() / 8) / numbers);
  std::vector<Vec> first_order(static_cast<std::size_t>(cut.chunks));
  sum_grams(cut, h.topLeftCorner(p, p), [&](Index chunk, OutM own) {
    Vec& own_g = first_order[static_cast<std::size_t>(chunk)];
    own_g = Vec::Zero(p);
    kernels::GramSum sum({p}, rows_, own);
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      if (w[i] == 0) continue;
      const kernels::SparseRow row = sparse_row(i);
      sum.add_sparse(row.column, row.value, row.count, w[i]);
      for (Index e = 0; e < row.count; ++e) own_g[row.column[e]] += w[i] * row.value[e];
    }
    sum.finish();
  });
  Vec& g = first_order.front();
  for (std::size_t chunk = 1; chunk < first_order.size(); ++chunk) g += first_order[chunk];
  const double total = w.sum();
  if (inverse_.size() > 0) {
    for (Index j = 0; j < p; ++j) {
      for (Index k = j; k < p; ++k)
        h(j, k) = (h(j, k) - g[j] * shift_[k] - shift_[j] * g[k] + total * shift_[j] * shift_[k]) * inverse_[j] * inverse_[k];
    }
    g = (g - total * shift_).cwiseProduct(inverse_).eval();
  }
  if (intercept_) {
    h.col(p).head(p) = g;
    h(p, p) = total;
  }
}

void Design::weighted_gram(In w, OutM h) const {
  require_size(w.size(), rows_, "weights");
  require_size(h.rows(), cols(), "rows for the result");
  require_size(h.cols(), cols(), "columns for the result");
  count_pass();
  if (sparse())
    sparse_gram(w, h);
  else
    dense_gram(w, nullptr, h);
  kernels::mirror_upper(h);
}

void Design::weighted_gram_beside(In w, In y, OutM h) const {
  if (sparse()) throw UsageError("a column beside the others is for dense rows");
  require_size(w.size(), rows_, "weights");
  require_size(y.size(), rows_, "entries of the column beside the others");
  require_size(h.rows(), cols() + 1, "rows for the result");
  require_size(h.cols(), cols() + 1, "columns for the result");
  count_pass();
  dense_gram(w, y.data(), h);
  kernels::mirror_upper(h);
}

/// The Gram matrix of the transposed rows, of which a few hundred are written at a time.
void Design::dense_row_gram(In scale, OutM k) const {
  const Index n = rows_, p = features();
  const detail::Lease lease;
  fetch(
      n, [](Index i) { return i; }, *lease);
  const std::vector<const double*>& rows = (*lease).rows;
  const bool acts = inverse_.size() > 0;
  Mat columns(kernels::kGramRows, n);
  kernels::GramSum sum({n}, kernels::kGramRows, k);
  for (Index j0 = 0; j0 < p; j0 += kernels::kGramRows) {
    const Index m = std::min(kernels::kGramRows, p - j0);
    for (Index i = 0; i < n; ++i) {
      const double* const a = rows[static_cast<std::size_t>(i)] + j0;
      for (Index j = 0; j < m; ++j) columns(j, i) = acts ? (a[j] - shift_[j0 + j]) * inverse_[j0 + j] : a[j];
    }
    for (Index j = 0; j < m; ++j) sum.add(&columns(j, 0), scale[j0 + j]);
    sum.finish();
  }
}

// X C X' of the stored numbers, C = diag(scale / deviation^2), column by column; then, with v = X C shift,
// X C X' - v 1' - 1 v' + shift' C shift.
void Design::sparse_row_gram(In scale, OutM k) const {
  const Index n = rows_, p = features();
  std::vector<Index> first(static_cast<std::size_t>(p + 1));
  for (Index i = 0; i < n; ++i) {
    const kernels::SparseRow stored = sparse_row(i);
    for (Index e = 0; e < stored.count; ++e) ++first[static_cast<std::size_t>(stored.column[e] + 1)];
  }
  for (std::size_t j = 0; j < static_cast<std::size_t>(p); ++j) first[j + 1] += first[j];
  std::vector<std::int32_t> row(static_cast<std::size_t>(first.back()));
  Vec value(first.back());
  std::vector<Index> end(first.begin(), first.end() - 1);
  for (Index i = 0; i < n; ++i) {
    const kernels::SparseRow stored = sparse_row(i);
    for (Index e = 0; e < stored.count; ++e) {
      const Index at = end[static_cast<std::size_t>(stored.column[e])]++;
      row[static_cast<std::size_t>(at)] = static_cast<std::int32_t>(i);
      value[at] = stored.value[e];
    }
  }
  const bool acts = inverse_.size() > 0;
  Vec v = Vec::Zero(n);
  double total = 0;
  kernels::GramSum sum({n}, kernels::kGramRows, k);
  for (Index j = 0; j < p; ++j) {
    const Index from = first[static_cast<std::size_t>(j)], count = first[static_cast<std::size_t>(j + 1)] - from;
    const double c = acts ? scale[j] * inverse_[j] * inverse_[j] : scale[j];
    sum.add_sparse(row.data() + from, value.data() + from, count, c);
    if (!acts) continue;
    for (Index e = from; e < from + count; ++e) v[row[static_cast<std::size_t>(e)]] += c * shift_[j] * value[e];
    total += c * shift_[j] * shift_[j];
  }
  sum.finish();
  if (!acts) return;
  for (Index i = 0; i < n; ++i) k.row(i).tail(n - i).array() += total - v[i] - v.tail(n - i).transpose().array();
}

void Design::row_gram(In scale, OutM k) const {
  require_size(scale.size(), features(), "scales");
  require_size(k.rows(), rows_, "rows for the result");
  require_size(k.cols(), rows_, "columns for the result");
  count_pass();
  if (sparse())
    sparse_row_gram(scale, k);
  else
    dense_row_gram(scale, k);
  kernels::mirror_upper(k);
}

}  // namespace tacit::inline TACIT_ABI
