// Messages of the library speak of C++ members, those of the program of run-file keys.
#include <doctest/doctest.h>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/support/wording.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

TEST_CASE("wording: an option is named as its reader sets it, and a scope ends with what was before") {
  CHECK(option_name("inner.max_steps") == "IterativeOptions::max_steps");
  {
    const WordingScope file(Wording::run_file);
    CHECK(option_name("inner.max_steps") == "inner.max_steps");
    {
      const WordingScope library(Wording::library);
      CHECK(option_name("outer.tolerance") == "DriverOptions::tolerance");
    }
    CHECK(option_name("outer.tolerance") == "outer.tolerance");
  }
  CHECK(option_name("outer.tolerance") == "DriverOptions::tolerance");
  CHECK(option_name("no.such.key") == "no.such.key");
}

TEST_CASE("wording: no message of the library names a run-file key to a C++ user") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.1);
  auto wild = std::make_unique<GradientDescent>();
  wild->step = 1e6;
  const IterateSolver solver(std::move(wild));
  const std::string for_cpp = solver.solve(p, u, nullptr, {1e-8}, {}).message;
  CHECK(for_cpp.find("inner.step") == std::string::npos);
  CHECK(for_cpp.find("lower `step` (of GradientDescent") != std::string::npos);
  const WordingScope file(Wording::run_file);
  const std::string for_file = solver.solve(p, u, nullptr, {1e-8}, {}).message;
  CHECK(for_file.find("lower inner.step (auto is stable) or use another inner.solver") != std::string::npos);
}
