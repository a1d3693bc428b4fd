// The reference problems through the library's own kernels, random problems, and short cuts for estimator tests.
#pragma once
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"
#include "paths.hpp"

namespace tacit::test {

inline nlohmann::json reference_file(const std::string& name) {
  std::ifstream in(tacit::test::source_dir() + "/tests/reference/" + name);
  if (!in) throw std::runtime_error("cannot open tests/reference/" + name);
  return nlohmann::json::parse(in);
}

inline Vec to_vec(const nlohmann::json& j) {
  if (j.is_number()) return Vec::Constant(1, j.get<double>());
  const auto values = j.get<std::vector<double>>();
  return Eigen::Map<const Vec>(values.data(), static_cast<Index>(values.size()));
}

/// Mean loss on training rows with l2 penalties, mean loss on validation rows as criterion.
inline Problem linear_problem(std::string name, std::shared_ptr<const Loss> loss, const std::pair<Mat, Vec>& train,
                              const std::pair<Mat, Vec>& validation, bool per_feature) {
  const Index d = train.first.cols(), n = train.first.rows();
  Problem p;
  p.name = std::move(name);
  const Vec share = Vec::Constant(n, 1 / static_cast<double>(n));
  p.f = std::make_shared<LinearModel>(Design(std::make_shared<const Mat>(train.first)), loss, train.second, share,
                                      per_feature ? penalty_per_feature(d, false) : one_penalty(d, false));
  p.l = std::make_shared<HoldoutLoss>(Design(std::make_shared<const Mat>(validation.first)), loss, validation.second,
                                      Vec::Ones(validation.first.rows()));
  p.space = HyperSpace({HyperBlock{"l2", per_feature ? d : 1, Scale::log, 1e-9, 1e9}});
  return p;
}

/// Key of golden.json and estimators.json: ridge_diabetes or logistic_breast_cancer.
inline Problem reference_problem(const std::string& key, bool per_feature) {
  const bool ridge = key == "ridge_diabetes";
  const Mat table =
      read_numbers(tacit::test::source_dir() + "/tests/reference/" + (ridge ? "diabetes.csv" : "breast_cancer.csv"));
  std::shared_ptr<const Loss> loss;
  if (ridge)
    loss = std::make_shared<SquaredLoss>();
  else
    loss = std::make_shared<LogisticLoss>();
  return linear_problem(key, loss, training_rows(table), validation_rows(table), per_feature);
}

/// A random problem of d features whose scales fall geometrically to `smallest`; targets with noise, labels when logistic.
inline Problem random_problem(unsigned seed, Index d, bool logistic, bool per_feature, double smallest) {
  Numbers draw(seed);
  const Vec truth = draw.vec(d);
  const auto rows = [&](Index n) {
    Mat a = draw.mat(n, d);
    for (Index j = 0; j < d; ++j)
      a.col(j) *= std::pow(smallest, static_cast<double>(j) / static_cast<double>(std::max<Index>(1, d - 1)));
    Vec y = a * truth / smallest * 0.3 + draw.vec(n);
    if (logistic) y = y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; });
    return std::pair<Mat, Vec>(std::move(a), std::move(y));
  };
  const auto train = rows(4 * d), validation = rows(3 * d);
  std::shared_ptr<const Loss> loss;
  if (logistic)
    loss = std::make_shared<LogisticLoss>();
  else
    loss = std::make_shared<SquaredLoss>();
  return linear_problem(logistic ? "logistic" : "ridge", loss, train, validation, per_feature);
}

/// ||du/dtheta (a - b)|| / ||du/dtheta b||
inline double relative_in_theta(const Problem& p, In u, In a, In b) {
  Vec theta(u.size()), da(u.size()), db(u.size());
  p.space.from_model(u, theta);
  p.space.pull_back(theta, a - b, da);
  p.space.pull_back(theta, b, db);
  return da.norm() / db.norm();
}

/// A run of exactly `steps` steps of a map from the cold start.
inline InnerSolution run_map(std::unique_ptr<Algorithm> algorithm, const Problem& p, In u, Index steps, TapeRequest tape,
                             const InnerSolution* previous = nullptr) {
  IterateSolver solver(std::move(algorithm));
  solver.options.max_steps = steps;
  return solver.solve(p, u, previous, Accuracy{0}, tape);
}

inline std::unique_ptr<Algorithm> algorithm_of(const std::string& method, double alpha, double beta) {
  const auto with = [&](auto a) {
    a->step = alpha;
    if constexpr (requires { a->momentum; }) a->momentum = beta;
    return a;
  };
  if (method == "gd") return with(std::make_unique<GradientDescent>());
  if (method == "heavyball") return with(std::make_unique<HeavyBall>());
  return with(std::make_unique<Nesterov>());
}

}  // namespace tacit::test
