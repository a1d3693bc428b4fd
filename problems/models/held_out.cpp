#include <tacit/problems/models/held_out.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

const ModelTask& task_of(const Validation& v) { return v.parts.front().task(); }

HeldOut gather(const Validation& v, const std::function<Vec(std::size_t)>& margin) {
  HeldOut out;
  for (std::size_t k = 0; k < v.parts.size(); ++k) {
    const std::vector<Index>& rows = v.parts[k].rows.validation;
    out.row.insert(out.row.end(), rows.begin(), rows.end());
    out.part.insert(out.part.end(), rows.size(), static_cast<Index>(k));
  }
  const auto n = static_cast<Index>(out.row.size());
  out.y.resize(n);
  out.weight.resize(n);
  out.margin.resize(n);
  Index at = 0;
  for (std::size_t k = 0; k < v.parts.size(); ++k) {
    const Prepared& p = v.parts[k];
    const auto size = static_cast<Index>(p.rows.validation.size());
    out.y.segment(at, size) = pick(p.y, p.rows.validation);
    out.weight.segment(at, size) = pick(p.weight, p.rows.validation);
    out.margin.segment(at, size) = margin(k);
    at += size;
  }
  return out;
}

/// Mean of a value over the rows of each part.
Vec means_of_parts(const Validation& v, const HeldOut& rows, In value) {
  Vec sum = Vec::Zero(static_cast<Index>(v.parts.size())), weight = sum;
  for (std::size_t i = 0; i < rows.row.size(); ++i) {
    const auto at = static_cast<Index>(i);
    sum[rows.part[i]] += rows.weight[at] * value[at];
    weight[rows.part[i]] += rows.weight[at];
  }
  return sum.cwiseQuotient(weight);
}

/// First and one past the last row of each draw of folds: the parts come draw by draw.
std::vector<std::pair<Index, Index>> draws(const Validation& v, const HeldOut& rows) {
  std::vector<std::pair<Index, Index>> out;
  Index at = 0;
  for (Index draw = 0; draw < v.repeats; ++draw) {
    const Index first = at;
    while (at < static_cast<Index>(rows.part.size()) && rows.part[static_cast<std::size_t>(at)] < (draw + 1) * v.folds) ++at;
    out.emplace_back(first, at);
  }
  return out;
}

}  // namespace

HeldOut held_out(const Validation& v, const std::vector<Vec>& x, In u) {
  if (x.size() != v.parts.size())
    throw UsageError(std::to_string(v.parts.size()) + " parts of a validation need as many solutions, got " +
                     std::to_string(x.size()));
  if (const RowScoreLoss* l = v.row_score()) {
    const Vec all = u.size() == 1 ? Vec(Vec::Constant(l->f()->outer_dim(), u[0])) : Vec(u);
    if (all.size() != l->f()->outer_dim())
      throw UsageError("what a closed form holds out depends on the " + std::to_string(l->f()->outer_dim()) +
                       " hyperparameters themselves; got " + std::to_string(all.size()));
    return gather(v, [&](std::size_t) { return l->predictions_without(x.front(), all); });
  }
  return gather(v, [&](std::size_t k) { return v.parts[k].margins(v.parts[k].rows.validation, x[k]); });
}

HeldOut held_out_constant(const Validation& v) {
  return gather(v, [&](std::size_t k) -> Vec {
    const Prepared& p = v.parts[k];
    if (const RowScoreLoss* l = v.row_score()) {
      const Vec& y = l->f()->targets();  // rows of one weight, and squares
      return (y.sum() - y.array()) / static_cast<double>(y.size() - 1);
    }
    const double constant = p.task().best_constant(pick(p.y, p.rows.train), pick(p.weight, p.rows.train));
    return Vec::Constant(static_cast<Index>(p.rows.validation.size()), constant);
  });
}

Vec row_losses(const Validation& v, const HeldOut& rows) { return v.parts.front().losses(rows.y, rows.margin); }

MeanLoss mean_of_folds(In loss, In weight, Index folds) {
  if (folds < 2 || loss.size() != weight.size() || loss.size() == 0 || loss.size() % folds != 0)
    throw UsageError("a mean over folds takes one loss and one weight a fold of each draw, of 2 folds or more");
  const Index repeats = loss.size() / folds;
  MeanLoss all{0, 0};
  for (Index draw = 0; draw < repeats; ++draw) {
    const auto l = loss.segment(draw * folds, folds), w = weight.segment(draw * folds, folds);
    const double mean = w.dot(l) / w.sum();
    const double square = (w.array() * (l.array() - mean).square()).sum() / w.sum();
    all.mean += mean / static_cast<double>(repeats);
    all.standard_error += std::sqrt(square / static_cast<double>(folds - 1)) / static_cast<double>(repeats);
  }
  return all;
}

MeanLoss mean_loss(const Validation& v, const HeldOut& rows, In value) {
  if (v.holdout()) return mean_loss(value, rows.weight);
  const Vec weight = Eigen::Map<const Vec>(v.weight.data(), static_cast<Index>(v.weight.size()));
  return mean_of_folds(means_of_parts(v, rows, value), weight, v.folds);
}

MeanLoss paired_gain(const Validation& v, const HeldOut& rows, In other_loss, In loss) {
  return mean_loss(v, rows, other_loss - loss);
}

Score score(const Validation& v, const std::vector<Vec>& x, In u) {
  const HeldOut rows = held_out(v, x, u);
  Score s{mean_loss(v, rows, row_losses(v, rows)), {}};
  // The outer loss of a run, to the bit and not only to rounding.
  s.loss.mean = 0;
  for (std::size_t k = 0; k < x.size(); ++k) s.loss.mean += v.weight[k] * v.parts[k].problem.l->value(x[k], u);
  for (const auto& [first, end] : draws(v, rows)) {
    const Index n = end - first;
    const NamedValues one =
        task_of(v).metrics(rows.y.segment(first, n), rows.margin.segment(first, n), rows.weight.segment(first, n));
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (first == 0) s.metrics.emplace_back(one[i].first, 0);
      s.metrics[i].second += one[i].second / static_cast<double>(v.repeats);
    }
  }
  return s;
}

}  // namespace tacit::inline TACIT_ABI
