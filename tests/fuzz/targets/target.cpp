// One libFuzzer target for each reader; TACIT_FUZZ_FORMAT says which (tests/fuzz/CMakeLists.txt).
#include "fuzz/read_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  fuzz::read_bytes(TACIT_FUZZ_FORMAT, std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
