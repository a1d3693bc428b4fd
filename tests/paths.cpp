#include "paths.hpp"

namespace tacit::test {

std::string source_dir() { return TACIT_SOURCE_DIR; }
std::string binary_dir() { return TACIT_BINARY_DIR; }
std::string program() { return TACIT_PROGRAM; }
std::string compiler() { return TACIT_COMPILER; }
std::string eigen_dir() { return TACIT_EIGEN_DIR; }

}  // namespace tacit::test
