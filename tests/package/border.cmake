# Run by ctest: what crosses the border between Tacit, its user, and a library that knows nothing of Tacit.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")
set(here "${SOURCE}/tests/package/border")

# Vectors that a foreign library made are grown and freed by the user and by Tacit, and the other way round. It is compiled as the user is, but
# never with a definition of Tacit's.
run("${CMAKE_COMMAND}" -S "${here}" -B "${SCRATCH}/user" ${common} "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_CXX_FLAGS=${user_flags}"
    "-DSHOWN=ON")
run("${CMAKE_COMMAND}" --build "${SCRATCH}/user")
if(NOT ALIGNMENT)
  run("${SCRATCH}/user/foreign_memory")
endif()

# A plugin that links the static archives shows no symbol of theirs. What it compiles from headers itself is its own affair: inline functions
# (W, V, u) are visible unless it hides them, and with -fvisibility=hidden there is nothing at all.
function(shown_symbols out plugin)
  run("${NM}" -D --defined-only -C "${plugin}")
  string(REGEX MATCHALL "[^\n]*tacit::[^\n]*" lines "${output}")
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()
if(NOT SHARED AND NM)
  shown_symbols(lines "${SCRATCH}/user/libplugin_shown.so")
  # clang shows the function that picks one of several clones for processors, a symbol with a name of its own.
  list(FILTER lines EXCLUDE REGEX " [WVu] |\\.resolver")
  if(lines)
    message(FATAL_ERROR "the plugin passes on symbols of the archive:\n${lines}")
  endif()
  shown_symbols(lines "${SCRATCH}/user/libplugin_hidden.so")
  list(FILTER lines EXCLUDE REGEX "\\.resolver")
  if(lines)
    message(FATAL_ERROR "the plugin with hidden symbols shows:\n${lines}")
  endif()
  run("${NM}" -D --defined-only -C "${SCRATCH}/user/libplugin_hidden.so")
  if(NOT output MATCHES "plugin_entry")
    message(FATAL_ERROR "nm shows no plugin_entry:\n${output}")
  endif()
endif()

# Other flags for Eigen's memory end at the linker, whose message has the alignment in the name of what it misses.
file(READ "${prefix}/lib/cmake/Tacit/TacitConfig.cmake" config)
string(REGEX MATCH "Tacit_ABI \"(v[a-z0-9_]+)\"" found "${config}")
set(built "${CMAKE_MATCH_1}")
if(NOT built)
  message(FATAL_ERROR "TacitConfig.cmake does not say how the library was built")
endif()
set(compile ${COMPILER} ${user_options} -I "${prefix}/include" -isystem "${EIGEN}")
set(link "-L${prefix}/lib" -ltacit_core)
set(exported)
if(ALIGNMENT)
  list(APPEND exported "-DEIGEN_MAX_ALIGN_BYTES=${ALIGNMENT}")
endif()
if(SHARED)
  list(APPEND exported -DTACIT_SHARED "-Wl,-rpath,${prefix}/lib")
endif()
run(${compile} ${exported} "${here}/one_call.cpp" -o "${SCRATCH}/one_call" ${link})
run("${SCRATCH}/one_call")
set(refused 0)
foreach(flags IN ITEMS -mavx2 "-mavx512f -mfma" -DEIGEN_MAX_ALIGN_BYTES=32 -DEIGEN_MAX_ALIGN_BYTES=64 "-mavx2 -DEIGEN_MAX_ALIGN_BYTES=16"
                       -DEIGEN_MALLOC_ALREADY_ALIGNED=0 -DEIGEN_DONT_VECTORIZE -fsanitize=address)
  separate_arguments(options UNIX_COMMAND "${flags}")
  set(object "${SCRATCH}/mismatch.o")
  execute_process(COMMAND ${compile} ${options} -c "${here}/one_call.cpp" -o "${object}" RESULT_VARIABLE result ERROR_QUIET)
  if(NOT result EQUAL 0)
    continue() # not this compiler's, or not this processor's
  endif()
  # Where the flags change nothing (the build has them itself, or clang, whose sanitizer does not change Eigen) there is nothing to refuse.
  run("${NM}" -C -u "${object}")
  string(REGEX MATCH "tacit::(v[a-z0-9_]+)::" found "${output}")
  if(CMAKE_MATCH_1 STREQUAL built)
    continue()
  endif()
  run_refused("undefined reference to .tacit::${CMAKE_MATCH_1}::" ${COMPILER} ${user_options} ${options} "${object}" -o "${SCRATCH}/mismatch" ${link})
  math(EXPR refused "${refused} + 1")
  message(STATUS "${flags}: ${CMAKE_MATCH_1} is not ${built}")
endforeach()
if(refused LESS 3)
  message(FATAL_ERROR "only ${refused} of the mismatches were mismatches")
endif()

# find_package says it before the linker does, where the flags are those of the whole project.
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${here}" -B "${SCRATCH}/warned" ${common} "-DCMAKE_PREFIX_PATH=${prefix}"
          "-DCMAKE_CXX_FLAGS=${user_flags} -DEIGEN_MALLOC_ALREADY_ALIGNED=0 -mno-avx -DEIGEN_MAX_ALIGN_BYTES=128"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(NOT ALIGNMENT AND NOT output MATCHES "align128_heap128, and this Tacit was built for ${built}: programs will not link")
  message(FATAL_ERROR "find_package does not warn of other flags:\n${output}")
endif()
