# What the scripts of this folder share: run(), a fresh folder with a fresh installation, the flags of this build.
cmake_minimum_required(VERSION 3.22)

# Runs a command and leaves what it printed in `output`; a failure ends the test.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a command that has to fail with an output, in one line, that matches the pattern.
function(run_refused pattern)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " flat "${output}")
  list(JOIN ARGN " " command)
  if(result EQUAL 0)
    message(FATAL_ERROR "${command}\nwas to fail and did not:\n${output}")
  elseif(NOT flat MATCHES "${pattern}")
    message(FATAL_ERROR "${command}\nfailed as it was to, but does not say '${pattern}':\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
set(prefix "${SCRATCH}/prefix")
# What the program alone needs must not be needed to use the library, nor to build it.
set(without)
foreach(package IN ITEMS yaml-cpp spdlog doctest nlohmann_json benchmark fmt)
  list(APPEND without "-DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON")
endforeach()
set(common -G ${GENERATOR} "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
           "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" ${without})
set(user_flags "${FLAGS} ${SANITIZE}")
if(NATIVE)
  string(APPEND user_flags " -march=native")
endif()
# The same as a list, for the compiler itself.
separate_arguments(user_options UNIX_COMMAND "${user_flags} -std=c++20")

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")
