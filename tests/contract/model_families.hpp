// Every registered model, every model of a loss that came through the loss door and ridge by moments, in all ways to set them up.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/loss_door.hpp>
#include <tacit/problems/models/moments.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "core/plain_problems.hpp"

namespace models_test {

using namespace tacit;

inline constexpr Index kFeatures = 6, kTrain = 30, kValidation = 17;

/// Rows of one storage; a third of the entries are zero, one column is zero throughout, scales are uneven.
inline Design rows_of(Mat a, bool sparse) {
  if (!sparse) return Design(std::make_shared<Mat>(std::move(a)));
  return Design(std::make_shared<CsrMatrix>(a.sparseView()));
}

inline Mat raw_rows(Index n, unsigned seed) {
  Mat a = test::uneven_data(n, kFeatures, seed);
  a = (a.array().abs() < 0.3).select(0, a).eval();
  a.col(2).setZero();
  return a;
}

inline Vec targets(const Mat& a, unsigned seed, bool classifier) {
  const Vec y = a * Vec::LinSpaced(kFeatures, -2, 1) + test::Numbers(seed).vec(a.rows());
  return classifier ? Vec(y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })) : y;
}

inline ModelParts parts_of(bool classifier, bool sparse, bool weighted) {
  const Mat train = raw_rows(kTrain, 5), validation = raw_rows(kValidation, 6);
  ModelParts p;
  p.train = rows_of(train, sparse);
  p.validation = rows_of(validation, sparse);
  p.y = targets(train, 7, classifier);
  p.validation_y = targets(validation, 8, classifier);
  if (weighted) {
    p.weights = Vec::LinSpaced(kTrain, 0.2, 3);
    p.validation_weights = Vec::LinSpaced(kValidation, 2, 0.5);
  }
  p.groups = {{"even", {0, 2, 4}}, {"odd", {1, 3, 5}}};
  return p;
}

/// A kind of model: what it makes of parts and choices.
struct Family {
  std::string name;
  bool classifier;
  std::shared_ptr<const Loss> loss;
  std::function<Problem(const ModelParts&, const ModelOptions&)> make;
  bool tame = true;  ///< its loss has derivatives without NaN at infinity
};

/// By the loss door: told all that is known of it, told nothing but bounds, and with functions that run over no fast kernel.
inline std::vector<Family> families_by_the_door() {
  const auto family = [](const std::string& name, bool classifier, std::shared_ptr<const Loss> loss, bool tame) {
    const auto make = [loss](const ModelParts& parts, const ModelOptions& options) {
      return linear_problem(loss, parts, options);
    };
    return Family{name, classifier, loss, make, tame};
  };
  const auto logistic = [](auto z, double y) { return softplus(-y * z); };
  const auto squares = [](auto z, double y) { return (z - y) * (z - y) / 2; };
  const auto pseudo_huber = [](auto z, double y) {
    using std::sqrt;
    return sqrt(1 + (z - y) * (z - y)) - 1;
  };
  const LossFacts bounded{.curvature_bound = 1, .convex = true, .least = 0};
  return {family("logistic by the door", true, make_loss(logistic, {.curvature_bound = 0.25, .convex = true, .least = 0}), true),
          family("ridge by the door", false, make_loss(squares, {.least = 0, .quadratic = true}), false),
          family("squares by the door", false, make_loss(squares, bounded), false),
          family("pseudo-Huber by the door", false, make_loss(pseudo_huber, bounded), false)};
}

/// Ridge regression that reads its rows once, as a fold has it.
inline Family ridge_by_moments() {
  const std::shared_ptr<const ModelTask> task = make_task("ridge");
  const auto make = [task](const ModelParts& parts, const ModelOptions& options) {
    const auto moments = [](const Design& rows, const Vec& y, const Vec& w) {
      return row_moments(rows, y, w.size() > 0 ? w : Vec(Vec::Ones(rows.rows())));
    };
    const ProblemMoments both =
        problem_moments(moments(parts.train, parts.y, parts.weights),
                        moments(parts.validation, parts.validation_y, parts.validation_weights), Vec(), Vec(), Vec(), options);
    return by_moments(task->make(parts, options), both);
  };
  return {"ridge by moments", false, task->loss(), make};
}

inline std::vector<Family> all_families() {
  Registry<ModelTask> registry("model", "model.kind");
  register_models(registry);
  std::vector<Family> all;
  for (const std::string& name : registry.names()) {
    const std::shared_ptr<const ModelTask> task = registry.make(name);
    all.push_back({name, task->classifier(), task->loss(),
                   [task](const ModelParts& parts, const ModelOptions& options) { return task->make(parts, options); }});
  }
  for (Family& f : families_by_the_door()) all.push_back(std::move(f));
  all.push_back(ridge_by_moments());
  return all;
}

struct Made {
  std::string name;
  const Family& family;
  ModelParts parts;
  ModelOptions options;
  bool sparse;
  Problem problem;
};

/// body(made) for every model in every way in which it can be set up.
inline void for_each_model(const std::function<void(const Made&)>& body) {
  for (const Family& family : all_families()) {
    const std::string& name = family.name;
    for (const bool sparse : {false, true}) {
      for (const bool rich : {false, true}) {  // intercept, weights and a sum, or none of them
        for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature, PenaltyPer::group}) {
          ModelOptions options;
          options.per = per;
          options.intercept = rich;
          options.reduction = rich ? Reduction::sum : Reduction::mean;
          const ModelParts parts = parts_of(family.classifier, sparse, rich);
          CAPTURE(name);
          CAPTURE(sparse);
          CAPTURE(rich);
          CAPTURE(static_cast<int>(per));
          body({name, family, parts, options, sparse, family.make(parts, options)});
        }
      }
    }
  }
}

inline Vec penalties(const Problem& p) { return Vec::LinSpaced(p.f->outer_dim(), 0.03, 0.4); }

}  // namespace models_test
