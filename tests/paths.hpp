// Where the tests find the source, the build and the program. Functions, so that one file alone is compiled with the paths.
#pragma once
#include <string>

namespace tacit::test {

std::string source_dir();
std::string binary_dir();
/// The program tacit.
std::string program();
/// The C++ compiler of the build, and the folder of Eigen.
std::string compiler();
std::string eigen_dir();

}  // namespace tacit::test
