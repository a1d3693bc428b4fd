// Every way to a hypergradient on small random problems: each estimator with each solver that it can work with.
#pragma once
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/outer.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "core/plain_problems.hpp"

namespace tacit_test {

using namespace tacit;

template <class T>
inline Registry<T> registry(void (*fill)(Registry<T>&)) {
  Registry<T> r("strategy", "name");
  fill(r);
  return r;
}

/// So many inner steps that most runs end by their tolerance, and some by this limit.
class ManySteps final : public FieldVisitor {
  void visit(std::string_view, double&, const Range&, std::string_view) override {}
  void visit(std::string_view name, Index& value, const Range&, std::string_view) override {
    if (name == "max_steps") value = 800;
  }
  void visit(std::string_view, bool&, std::string_view) override {}
  void visit(std::string_view, std::string&, const std::vector<std::string>&, std::string_view) override {}
  void visit(std::string_view, std::optional<double>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, std::optional<Index>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, Count&, const Range&, CountWords, std::string_view) override {}
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}
};

inline std::shared_ptr<const InnerSolver> solver_named(const std::string& name) {
  auto solver = registry<InnerSolver>(register_solvers).make(name);
  ManySteps many;
  solver->fields(many);
  return solver;
}

/// With a rigorous L: the one that adapt() would estimate can be a little too small, and heavy ball has no room for that.
template <class Base>
struct WithSmoothness : Base {
  double smoothness(const Vec& u) const { return Base::a.squaredNorm() / Base::rows() + u.maxCoeff(); }
};

/// Ridge or logistic regression, one penalty or one a feature, with columns of unlike size.
inline Problem random_problem(unsigned seed) {
  test::Numbers draw(seed);
  const bool ridge = seed % 2 == 0;
  const Index n = 30, d = 12, m = seed % 3 == 0 ? 1 : d;
  Mat a = draw.mat(n, d);
  for (Index j = 0; j < d; ++j) a.col(j) *= std::exp(-0.1 * static_cast<double>(j));
  const Vec y = ridge ? Vec(a * draw.vec(d) + 0.3 * draw.vec(n)) : Vec(draw.vec(n).array().sign());
  Problem p;
  p.name = "random";
  if (ridge)
    p.f = adapt(WithSmoothness<test::PlainRidge>{{a, y, m}});
  else
    p.f = adapt(WithSmoothness<test::PlainLogistic>{{a, y, m}});
  p.l = adapt_criterion(test::PlainDistance{draw.vec(d)});
  p.space = HyperSpace({HyperBlock{"l2", m, Scale::log, 1e-3, 1e2}});
  return p;
}

struct Way {
  std::string solver, estimator;
  std::function<std::shared_ptr<const HypergradientEstimator>()> make;
};

/// Every estimator with every solver it can work with; truncated ones with a few windows.
inline std::vector<Way> ways(bool maps) {
  std::vector<Way> all;
  const auto solvers = registry<InnerSolver>(register_solvers);
  const auto estimators = registry<HypergradientEstimator>(register_estimators);
  for (const std::string& solver : solvers.names()) {
    if (solvers.make(solver)->can_record() != maps) continue;
    for (const std::string& name : estimators.names()) {
      if (estimators.make(name)->needs().tape.wanted() && !maps) continue;
      if (estimators.make(name)->needs().map && !maps) continue;
      all.push_back({solver, name, [name, estimators] { return estimators.make(name); }});
    }
    if (!maps) continue;
    for (const Count window : {Count::of(7), Count::automatic()}) {
      all.push_back({solver, "truncated-unroll, window " + (window.is_auto() ? std::string("auto") : "7"), [window] {
                       auto unroll = std::make_shared<UnrollEstimator>(true);
                       unroll->window = window;
                       return unroll;
                     }});
    }
    all.push_back({solver, "full-unroll, stride auto", [] {
                     auto unroll = std::make_shared<UnrollEstimator>(false);
                     unroll->stride = Count::automatic();
                     return unroll;
                   }});
    all.push_back({solver, "forward, window 7", [] {
                     auto forward = std::make_shared<ForwardEstimator>();
                     forward->window = Count::of(7);
                     return forward;
                   }});
  }
  return all;
}

/// Some solvers want a quadratic.
inline bool takes(const Way& way, const Problem& p) { return way.solver != "cholesky" || p.f->quadratic(); }

}  // namespace tacit_test
