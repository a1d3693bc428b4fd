// The program in one process, as a test calls it.
#pragma once
#include <sstream>
#include <string>
#include <vector>

#include <tacit/cli/verbs.hpp>

namespace run_test {

struct Ran {
  int code;
  std::string out, err;
};

inline Ran run(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  tacit::Streams io{out, err};
  const int code = tacit::run_program(arguments, io);
  return {code, out.str(), err.str()};
}

}  // namespace run_test
