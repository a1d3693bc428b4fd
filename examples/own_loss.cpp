// A loss of one's own in the library's linear model: f(x, u) = 1/n sum_i phi(a_i x, y_i) + sum_j u_j/2 x_j^2 with the
// pseudo-Huber loss phi(z, y) = sqrt(1 + (z - y)^2) - 1. One-pass kernels, constants and Gram matrices come with the model.
#include <cmath>
#include <cstdio>
#include <random>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/penalties.hpp>
using namespace tacit;

class PseudoHuber final : public Loss {
public:
  void evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const override {
    for (Index i = 0; i < n; ++i) {
      const double r = z[i] - y[i], s = std::sqrt(1 + r * r);
      if (phi) phi[i] = s - 1;
      if (first) first[i] = r / s;
      if (second) second[i] = 1 / (s * s * s);
    }
  }
  double curvature_bound() const override { return 1; }      // phi'' = (1 + r^2)^(-3/2)
  double third_bound() const override { return 0.8586502; }  // |phi'''| = 3 |r| (1 + r^2)^(-5/2), largest at |r| = 1/2
};

int main() {
  const Index rows = 80, features = 6;
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  const auto draw = [&] { return normal(random); };
  const auto loss = std::make_shared<PseudoHuber>();
  const Vec truth = Vec::LinSpaced(features, -1, 1);
  const auto part = [&](auto make) {  // rows with some far outliers
    const auto a = std::make_shared<Mat>(Mat::NullaryExpr(rows, features, draw));
    Vec y = *a * truth + 0.3 * Vec::NullaryExpr(rows, draw);
    for (Index i = 0; i < rows; i += 10) y[i] += 20;
    return make(Design(std::shared_ptr<const Mat>(a)), y);
  };
  Problem problem;
  problem.name = "pseudo-Huber";
  problem.f = part([&](const Design& a, const Vec& y) -> std::shared_ptr<const Objective> {
    return std::make_shared<LinearModel>(a, loss, y, Vec::Constant(rows, 1.0 / rows), penalty_per_feature(features, false));
  });
  problem.l = part([&](const Design& a, const Vec& y) -> std::shared_ptr<const Criterion> {
    return std::make_shared<HoldoutLoss>(a, loss, y, Vec::Ones(rows));
  });
  problem.space = HyperSpace({{"l2", features, Scale::log, 1e-6, 1e3}});
  const VerifyReport report = verify(problem, {Vec::Constant(features, 0.1)});  // all products against finite differences
  if (!report.ok()) std::printf("%s\n", report.to_text().c_str());
  const auto oracle = make_oracle(problem, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  LbfgsOuter optimizer;
  const Summary s = solve({}, problem.space, *oracle, optimizer, Vec::Constant(features, std::log(0.1)));
  std::printf("hold-out loss %.4f, from %.4f at the start (%s)\n", s.best.outer_loss, s.start_evaluation.value,
              to_string(s.reason));
  return report.ok() && s.usable() ? 0 : 1;
}
