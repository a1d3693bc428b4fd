# tacit_abi(out include_dirs flags): the name of the inline namespace, as in docs/packaging.md ("v0_1_align16_plain"), that code compiled with
# the flags (a list) besides CMAKE_CXX_FLAGS has. It is read from an object file, so that cross-compiling works; empty: it could not be read.
function(tacit_abi out include_dirs flags)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/tacit_abi.cpp")
  set(object "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/tacit_abi.bin")
  # Optimizers of the link may pack the text away; then nobody looks.
  file(WRITE "${source}" "#include <tacit/core/support/abi.hpp>
#define TEXT(x) #x
#define EXPAND(x) TEXT(x)
extern const char tacit_abi[];
const char tacit_abi[] = \"tacit-abi=\" EXPAND(TACIT_ABI) \";\";
int main(int count, char**) { return tacit_abi[count]; }
")
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  set(CMAKE_CXX_STANDARD 20)
  try_compile(
    compiled "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/tacit_abi" "${source}"
    CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${include_dirs}"
    COMPILE_DEFINITIONS ${flags}
    CXX_STANDARD 20
    COPY_FILE "${object}" COPY_FILE_ERROR problem)
  set(name "")
  if(compiled AND NOT problem)
    file(STRINGS "${object}" found REGEX "tacit-abi=" LIMIT_COUNT 1)
    if(found MATCHES "tacit-abi=([a-z0-9_]+)")
      set(name "${CMAKE_MATCH_1}")
    endif()
  endif()
  set(${out} "${name}" PARENT_SCOPE)
endfunction()
