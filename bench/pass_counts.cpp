// What an inner solution and one hypergradient cost in gradients, Hessian products and reads of X: counts, the same on every
// machine. Usage: pass_counts [rows] [columns] [--json]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "made.hpp"
#include "timing.hpp"

using namespace tacit;

namespace {

class Report {
public:
  Report(int& argc, char** argv) : figures_(argc, argv) {}
  ~Report() { figures_.print(); }
  bool wanted() const { return figures_.wanted(); }
  void add(const std::string& what, const Work& w, double reached) {
    figures_.add(what + "/gradients", static_cast<double>(w.gradients));
    figures_.add(what + "/products", static_cast<double>(w.hessian_products));
    figures_.add(what + "/passes", static_cast<double>(w.data_passes));
    if (wanted()) return;
    std::printf("%-44s %10lld %10lld %10lld %10.1e\n", what.c_str(), static_cast<long long>(w.gradients),
                static_cast<long long>(w.hessian_products), static_cast<long long>(w.data_passes), reached);
  }

private:
  tacit_bench::Figures figures_;
};

}  // namespace

int main(int argc, char** argv) {
  Report report(argc, argv);
  const Index n = argc > 1 ? std::atol(argv[1]) : 4000, d = argc > 2 ? std::atol(argv[2]) : 100;
  auto work = std::make_shared<WorkCounter>();
  ModelParts parts = tacit_bench::made_classes(n, d);
  parts.train = parts.train.counted(work);
  const Problem problem = counted(make_task("logistic")->make(parts, {}), work);
  const Vec u = Vec::Constant(1, 1e-4);
  problem.f->smoothness(u);  // constants of the problem, kept
  problem.f->gradient_scale(u);
  if (!report.wanted())
    std::printf("logistic, %ld training rows x %ld columns, l2 = 1e-4\n%-44s %10s %10s %10s %10s\n",
                static_cast<long>(parts.train.rows()), static_cast<long>(d), "", "gradients", "products", "passes", "reached");

  Registry<InnerSolver> solvers("solver");
  register_solvers(solvers);
  InnerSolution solution;
  for (const char* name : {"gradient-descent", "lbfgs", "newton", "newton-cg"}) {
    const Work before = work->read();
    solution = solvers.make(name)->solve(problem, u, nullptr, Accuracy{1e-8}, TapeRequest{});
    report.add(std::string("inner solve to 1e-8, cold, ") + name, work->read() - before, solution.residual);
  }
  const Vec shifted = 1.3 * u;
  for (const char* name : {"lbfgs", "newton-cg"}) {
    const Work before = work->read();
    const InnerSolution warm = solvers.make(name)->solve(problem, shifted, &solution, Accuracy{1e-8}, TapeRequest{});
    report.add(std::string("after l2 times 1.3, warm, ") + name, work->read() - before, warm.residual);
  }

  const Vec x = solution.x();
  Vec gx(x.size()), gu(1), diagonal(x.size()), adjoint = Vec::Zero(x.size());
  problem.l->gradient(x, u, gx, gu);
  const auto curvature = problem.f->linearize(x, u);
  curvature->diagonal(diagonal);
  const DiagonalInverse jacobi(diagonal);
  for (const bool preconditioned : {false, true}) {
    adjoint.setZero();
    CgOptions options;
    options.max_steps = 2000;
    if (preconditioned) options.preconditioner = &jacobi;
    const Work before = work->read();
    const CgResult result = conjugate_gradient([&](In p, Out out) { curvature->hessian(p, out); }, gx, adjoint, options);
    report.add(preconditioned ? "adjoint to 1e-6, CG with the diagonal" : "adjoint to 1e-6, plain CG", work->read() - before,
               result.residual);
  }
  Mat block = Mat::Ones(x.size(), 8), out(x.size(), 8);
  const Work before = work->read();
  curvature->hessian_batch(block, out);
  report.add("8 products at once", work->read() - before, 0);
  return 0;
}
