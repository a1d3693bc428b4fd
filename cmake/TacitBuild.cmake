# How Tacit's targets are made: one library a folder, found as <tacit/FOLDER/...> through the links in include/tacit.

set(TACIT_INCLUDE_DIR "${PROJECT_SOURCE_DIR}/include")
set(TACIT_LIBRARY_FOLDERS core hypergrad problems bilevel)

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  find_program(TACIT_CCACHE ccache)
  mark_as_advanced(TACIT_CCACHE)
  if(TACIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${TACIT_CCACHE}")
  endif()
endif()

# What users of the headers compile with, as the package and pkg-config say it.
set(TACIT_USER_DEFINITIONS)
if(TACIT_ALIGNMENT)
  if(NOT TACIT_ALIGNMENT MATCHES "^(16|32|64)$")
    message(FATAL_ERROR "TACIT_ALIGNMENT is 16, 32, 64 or empty, and not '${TACIT_ALIGNMENT}'.")
  endif()
  list(APPEND TACIT_USER_DEFINITIONS EIGEN_MAX_ALIGN_BYTES=${TACIT_ALIGNMENT})
endif()
if(BUILD_SHARED_LIBS)
  list(APPEND TACIT_USER_DEFINITIONS TACIT_SHARED)
endif()
# Where an installed library looks for the others: beside itself.
if(APPLE)
  set(TACIT_ORIGIN "@loader_path")
else()
  set(TACIT_ORIGIN "$ORIGIN")
endif()

set(TACIT_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
if(TACIT_SANITIZE STREQUAL "thread")
  set(TACIT_SANITIZE_FLAGS -fsanitize=thread -fno-omit-frame-pointer)
endif()
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-fopenmp-simd TACIT_HAS_OPENMP_SIMD)

# Flags of our own code only: users of the library do not inherit them.
function(tacit_own_flags target)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
    # g++ 12 sees overlapping copies in `"text" + std::string` where there are none (GCC bug 105651).
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
    if(TACIT_WERROR)
      target_compile_options(${target} PRIVATE -Werror)
    endif()
  endif()
  # `#pragma omp simd` may reorder the sums of the few loops that carry it; nothing else is reassociated.
  if(TACIT_HAS_OPENMP_SIMD)
    target_compile_options(${target} PRIVATE -fopenmp-simd)
  endif()
  if(TACIT_NATIVE)
    target_compile_options(${target} PRIVATE -march=native)
  endif()
  if(TACIT_SANITIZE)
    target_compile_options(${target} PRIVATE ${TACIT_SANITIZE_FLAGS})
    # Behind the checks of the sanitizers g++ loses track of what was set (GCC's manual says so of -Wmaybe-uninitialized).
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    target_link_options(${target} PRIVATE ${TACIT_SANITIZE_FLAGS})
  endif()
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()

# What every user of a header needs: C++20 and Eigen. No definition changes Eigen's memory unless TACIT_ALIGNMENT asks for one. For the project
# that takes Tacit in as a folder the headers are SYSTEM: its warnings are about its own code.
function(tacit_usage target scope)
  if(PROJECT_IS_TOP_LEVEL)
    set(system "")
  else()
    set(system SYSTEM)
  endif()
  target_include_directories(
    ${target} ${system} ${scope} $<BUILD_INTERFACE:${TACIT_INCLUDE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_definitions(${target} ${scope} ${TACIT_USER_DEFINITIONS})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} Eigen3::Eigen Threads::Threads)
endfunction()

# tacit_add_library(folder dependencies...): the target tacit_FOLDER, exported as Tacit::FOLDER; static, or shared with BUILD_SHARED_LIBS.
# Symbols without TACIT_EXPORT are hidden in both: a plugin that links the static library does not pass them on.
function(tacit_add_library folder)
  set(target tacit_${folder})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.cpp")
  add_library(${target} ${sources})
  tacit_own_flags(${target})
  set_target_properties(
    ${target}
    PROPERTIES POSITION_INDEPENDENT_CODE ON
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               DEBUG_POSTFIX d
               VERSION "${PROJECT_VERSION}"
               SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
               INSTALL_RPATH "${TACIT_ORIGIN}"
               EXPORT_NAME ${folder})
  tacit_usage(${target} PUBLIC)
  add_library(Tacit::${folder} ALIAS ${target})
  foreach(dependency IN LISTS ARGN)
    target_link_libraries(${target} PUBLIC tacit_${dependency})
  endforeach()
endfunction()

# What the readers need besides Eigen. No header shows it; programs that use the static library link zlib.
function(tacit_add_reading folder)
  # The hash of what is read, compiled in: users of the archive do not need it.
  find_path(TACIT_XXHASH_DIR xxhash.h DOC "Folder of xxhash.h")
  if(NOT TACIT_XXHASH_DIR)
    message(FATAL_ERROR "xxhash.h is not found; on Debian it is in the package libxxhash-dev (0.8 or later)")
  endif()
  target_include_directories(tacit_${folder} SYSTEM PRIVATE "${TACIT_XXHASH_DIR}")
  if(TACIT_GZIP)
    find_package(ZLIB REQUIRED)
    target_link_libraries(tacit_${folder} PRIVATE ZLIB::ZLIB)
  else()
    target_compile_definitions(tacit_${folder} PRIVATE TACIT_NO_GZIP)
  endif()
endfunction()

# Tacit::tacit, the one name users link.
function(tacit_add_aggregate)
  add_library(tacit_all INTERFACE)
  foreach(folder IN LISTS ARGN)
    target_link_libraries(tacit_all INTERFACE tacit_${folder})
  endforeach()
  set_target_properties(tacit_all PROPERTIES EXPORT_NAME tacit)
  add_library(Tacit::tacit ALIAS tacit_all)
endfunction()

# What the program's optimizers nelder-mead, direct and crs come from: optional, and of the program alone, so that no user of the library needs it.
function(tacit_add_nlopt target)
  if(NOT TACIT_NLOPT)
    message(STATUS "NLopt: not used (TACIT_NLOPT=OFF); outer.optimizer has no nelder-mead, direct, crs")
    return()
  endif()
  find_path(TACIT_NLOPT_DIR nlopt.h DOC "Folder of nlopt.h")
  find_library(TACIT_NLOPT_LIBRARY nlopt DOC "The library of NLopt")
  mark_as_advanced(TACIT_NLOPT_DIR TACIT_NLOPT_LIBRARY)
  if(NOT TACIT_NLOPT_DIR OR NOT TACIT_NLOPT_LIBRARY)
    message(STATUS "NLopt: not found (Debian: libnlopt-dev); outer.optimizer has no nelder-mead, direct, crs")
    return()
  endif()
  message(STATUS "NLopt: ${TACIT_NLOPT_LIBRARY}, for outer.optimizer nelder-mead, direct, crs")
  target_include_directories(${target} SYSTEM PRIVATE "${TACIT_NLOPT_DIR}")
  target_link_libraries(${target} PRIVATE "${TACIT_NLOPT_LIBRARY}")
  target_compile_definitions(${target} PRIVATE TACIT_HAS_NLOPT)
endfunction()

# tacit_cli_lib (everything but main, so that the tests can call it) and the program tacit.
function(tacit_add_program)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/cli/verbs/main\\.cpp$")
  set(yaml_cpp yaml-cpp)
  if(TARGET yaml-cpp::yaml-cpp)
    set(yaml_cpp yaml-cpp::yaml-cpp)
  endif()
  add_library(tacit_cli_lib STATIC ${sources})
  tacit_own_flags(tacit_cli_lib)
  target_link_libraries(tacit_cli_lib PUBLIC Tacit::tacit Boost::program_options ${yaml_cpp} spdlog::spdlog nlohmann_json::nlohmann_json)
  tacit_add_nlopt(tacit_cli_lib)
  add_executable(tacit cli/verbs/main.cpp)
  tacit_own_flags(tacit)
  target_link_libraries(tacit PRIVATE tacit_cli_lib)
  file(RELATIVE_PATH libraries "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
  set_target_properties(tacit PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}" INSTALL_RPATH "${TACIT_ORIGIN}/${libraries}")
endfunction()

# Each public header alone in a translation unit: it must name all it needs.
function(tacit_check_headers)
  set(units)
  foreach(folder IN LISTS TACIT_LIBRARY_FOLDERS)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${folder}/*.hpp")
    list(FILTER headers EXCLUDE REGEX "/detail/")
    foreach(header IN LISTS headers)
      string(REPLACE "/" "_" name "${header}")
      set(unit "${PROJECT_BINARY_DIR}/headers/${name}.cpp")
      file(CONFIGURE OUTPUT "${unit}" CONTENT "#include <tacit/${header}>\n" @ONLY)
      list(APPEND units "${unit}")
    endforeach()
  endforeach()
  add_library(tacit_headers OBJECT ${units})
  tacit_own_flags(tacit_headers)
  target_link_libraries(tacit_headers PRIVATE Tacit::tacit)
endfunction()
