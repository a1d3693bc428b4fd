# Run by ctest: installs to a fresh prefix, builds tests/package/user against it and runs what comes out; once as it is and once with
# -march=native in the user's project alone.
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
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

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")
if(EXISTS "${prefix}/include/tacit/cli")
  message(FATAL_ERROR "headers of the program were installed")
endif()
file(GLOB_RECURSE installed "${prefix}/*.cmake")
foreach(file IN LISTS installed)
  file(READ "${file}" text)
  foreach(path IN ITEMS "${SOURCE}/" "${BUILD}/include" "-march=" "yaml" "program_options" "spdlog")
    string(FIND "${text}" "${path}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} mentions ${path}")
    endif()
  endforeach()
endforeach()

file(WRITE "${SCRATCH}/probe.cpp" "int main() { return 0; }\n")
execute_process(COMMAND ${COMPILER} -march=native -c "${SCRATCH}/probe.cpp" -o "${SCRATCH}/probe.o" RESULT_VARIABLE native ERROR_QUIET)
set(variants baseline)
if(native EQUAL 0)
  list(APPEND variants native)
endif()
set(results)
foreach(variant IN LISTS variants)
  if(variant STREQUAL "native")
    # No -Werror here: g++ 12 warns of uninitialized variables inside its own AVX-512 intrinsics.
    set(flags "${FLAGS} ${SANITIZE} -march=native")
  else()
    set(flags "${FLAGS} ${SANITIZE} -Wall -Wextra -Werror")
  endif()
  run("${CMAKE_COMMAND}" -S "${SOURCE}/tests/package/user" -B "${SCRATCH}/${variant}" ${common} "-DCMAKE_PREFIX_PATH=${prefix}"
      "-DCMAKE_CXX_FLAGS=${flags}" "-DEXAMPLE=${SOURCE}/examples/embed_ridge.cpp" "-DWANTED_VERSION=${VERSION}")
  run("${CMAKE_COMMAND}" --build "${SCRATCH}/${variant}")
  run("${SCRATCH}/${variant}/all_headers")
  run("${SCRATCH}/${variant}/embed_ridge")
  if(NOT output MATCHES "lambda[ =:]+([0-9.e+-]+)")
    message(FATAL_ERROR "${variant}: the example printed no lambda:\n${output}")
  endif()
  message(STATUS "${variant}: ${output}")
  list(APPEND results "${CMAKE_MATCH_1}")
endforeach()
list(REMOVE_DUPLICATES results)
list(LENGTH results different)
if(NOT different EQUAL 1)
  message(FATAL_ERROR "the example's lambda depends on -march: ${results}")
endif()

# Stand-ins for Eigen under its own rule of versions: 5 is as good as 3.4, for the library and for its users, and 3.3 is refused.
include(CMakePackageConfigHelpers)
function(make_eigen version)
  file(WRITE "${SCRATCH}/eigen-${version}/Eigen3Config.cmake"
       "add_library(Eigen3::Eigen INTERFACE IMPORTED)\nset_target_properties(Eigen3::Eigen PROPERTIES INTERFACE_INCLUDE_DIRECTORIES \"${EIGEN}\")\n")
  write_basic_package_version_file(
    "${SCRATCH}/eigen-${version}/Eigen3ConfigVersion.cmake" VERSION ${version} COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
endfunction()
foreach(version IN ITEMS 5.0.1 3.4.0 3.3.9)
  make_eigen(${version})
  foreach(project IN ITEMS "${SOURCE}" "${SOURCE}/tests/package/user")
    string(MD5 name "${project} ${version}")
    set(configure
        "${CMAKE_COMMAND}" -S "${project}" -B "${SCRATCH}/${name}" ${common} -DTACIT_BUILD_CLI=OFF -DTACIT_BUILD_TESTS=OFF
        -DTACIT_GZIP=OFF "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXAMPLE=${SOURCE}/examples/embed_ridge.cpp"
        "-DWANTED_VERSION=${VERSION}" "-DEigen3_DIR=${SCRATCH}/eigen-${version}")
    if(version VERSION_GREATER_EQUAL 3.4)
      run(${configure})
      # Not another Eigen of this machine, which would be taken where this one is refused.
      file(STRINGS "${SCRATCH}/${name}/CMakeCache.txt" taken REGEX "^Eigen3_DIR:")
      if(NOT taken MATCHES "/eigen-${version}$")
        message(FATAL_ERROR "${project} does not take Eigen ${version} but ${taken}")
      endif()
      continue()
    endif()
    execute_process(COMMAND ${configure} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    string(REGEX REPLACE "[ \n]+" " " output "${output}")
    if(result EQUAL 0 OR NOT output MATCHES "needs Eigen 3.4 or later and found version '3.3.9'")
      message(FATAL_ERROR "${project} with Eigen ${version} ended with ${result}:\n${output}")
    endif()
  endforeach()
endforeach()

# The library alone configures where none of the program's packages are.
run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${SCRATCH}/library" ${common} -DTACIT_BUILD_CLI=OFF -DTACIT_BUILD_TESTS=OFF
    -DTACIT_GZIP=OFF -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON)
