#include <tacit/problems/models/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// The weights of n rows, checked; all 1 when none are given.
Vec checked_weights(In y, In other, In weight) {
  const Index n = y.size();
  if (other.size() != n || (weight.size() != 0 && weight.size() != n))
    throw UsageError("metrics need as many predictions and weights as targets: " + std::to_string(n) + " targets, " +
                     std::to_string(other.size()) + " predictions, " + std::to_string(weight.size()) + " weights");
  const Vec w = weight.size() == 0 ? Vec::Ones(n).eval() : Vec(weight);
  if (!(w.array() >= 0).all() || !(w.sum() > 0)) throw UsageError("metrics need weights that are not negative and not all zero");
  return w;
}

double mean(const Vec& w, const Vec& values) {
  // A row of weight 0 does not count, not even when its value is infinite.
  double sum = 0;
  for (Index i = 0; i < w.size(); ++i)
    if (w(i) > 0) sum += w(i) * values(i);
  return sum / w.sum();
}

/// log(1 + exp(t)) without overflow.
double softplus(double t) { return t > 0 ? t + std::log1p(std::exp(-t)) : std::log1p(std::exp(t)); }

}  // namespace

double rmse(In y, In prediction, In weight) {
  const Vec w = checked_weights(y, prediction, weight);
  return std::sqrt(mean(w, (y - prediction).cwiseAbs2()));
}

double mae(In y, In prediction, In weight) {
  const Vec w = checked_weights(y, prediction, weight);
  return mean(w, (y - prediction).cwiseAbs());
}

double r2(In y, In prediction, In weight) {
  const Vec w = checked_weights(y, prediction, weight);
  if (constant_value(y, w)) return kUndefined;
  const double centre = mean(w, y);
  const double total = mean(w, (y.array() - centre).square());
  // The spread of a constant column is rounding at most.
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::abs(centre);
  if (!(total > rounding * rounding)) return kUndefined;
  return 1 - mean(w, (y - prediction).cwiseAbs2()) / total;
}

std::optional<double> constant_value(In y, In weight) {
  const Vec w = checked_weights(y, y, weight);
  std::optional<double> value;
  for (Index i = 0; i < y.size(); ++i) {
    if (!(w(i) > 0)) continue;
    if (value && *value != y(i)) return std::nullopt;
    value = y(i);
  }
  return value;
}

Vec squared_losses(In y, In prediction) { return 0.5 * (y - prediction).cwiseAbs2(); }

Vec logistic_losses(In y, In margin) {
  Vec loss(y.size());
  for (Index i = 0; i < y.size(); ++i) loss(i) = softplus(y(i) > 0 ? -margin(i) : margin(i));
  return loss;
}

double log_loss(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  return mean(w, logistic_losses(y, margin));
}

double accuracy(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  double right = 0;
  for (Index i = 0; i < y.size(); ++i)
    if ((y(i) > 0) == (margin(i) > 0)) right += w(i);
  return right / w.sum();
}

double f1(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  double hit = 0, wrong = 0;
  for (Index i = 0; i < y.size(); ++i) {
    if (y(i) > 0 && margin(i) > 0)
      hit += w(i);
    else if (y(i) > 0 || margin(i) > 0)
      wrong += w(i);
  }
  return hit + wrong > 0 ? 2 * hit / (2 * hit + wrong) : kUndefined;
}

double auc(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  if (margin.hasNaN()) return kUndefined;
  std::vector<Index> order(static_cast<std::size_t>(y.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return margin(a) < margin(b); });
  double positive = 0, negative = 0, pairs = 0;  // negative: weight of the negatives with a smaller margin so far
  for (std::size_t i = 0; i < order.size();) {
    const double here = margin(order[i]);
    double tied_positive = 0, tied_negative = 0;
    for (; i < order.size() && margin(order[i]) == here; ++i) (y(order[i]) > 0 ? tied_positive : tied_negative) += w(order[i]);
    pairs += tied_positive * (negative + 0.5 * tied_negative);
    positive += tied_positive;
    negative += tied_negative;
  }
  return positive > 0 && negative > 0 ? pairs / (positive * negative) : kUndefined;
}

NamedValues regression_metrics(In y, In prediction, In weight) {
  return {{"rmse", rmse(y, prediction, weight)}, {"mae", mae(y, prediction, weight)}, {"r2", r2(y, prediction, weight)}};
}

NamedValues binary_metrics(In y, In margin, In weight) {
  return {{"log_loss", log_loss(y, margin, weight)}, {"accuracy", accuracy(y, margin, weight)}, {"auc", auc(y, margin, weight)}};
}

MeanLoss mean_loss(In loss, In weight) {
  const Vec w = checked_weights(loss, loss, weight);
  const auto rows = static_cast<double>((w.array() > 0).count());
  MeanLoss result{mean(w, loss), kUndefined};
  if (rows > 1) result.standard_error = std::sqrt(mean(w, (loss.array() - result.mean).square()) / (rows - 1));
  return result;
}

MeanLoss paired_gain(In other_loss, In loss, In weight) {
  checked_weights(loss, other_loss, weight);
  return mean_loss(other_loss - loss, weight);
}

}  // namespace tacit::inline TACIT_ABI
