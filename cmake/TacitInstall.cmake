# Installation: libraries, headers under include/tacit/FOLDER, a package for find_package(Tacit CONFIG) and a file for pkg-config. The program
# comes along when it was built; no header of its folder does, nor any of a folder detail/.

include(CMakePackageConfigHelpers)
include(TacitAbi)
set(TACIT_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/Tacit")

foreach(folder IN LISTS TACIT_LIBRARY_FOLDERS)
  install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/tacit/${folder}"
    COMPONENT Library
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN "detail" EXCLUDE)
endforeach()
install(
  FILES "${PROJECT_SOURCE_DIR}/include/tacit/tacit.hpp"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/tacit"
  COMPONENT Library)

# Two sets, since the readers alone need zlib of who links them.
function(tacit_install_targets set)
  install(
    TARGETS ${ARGN}
    EXPORT ${set}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT Library
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT Library
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT Library)
  install(
    EXPORT ${set}
    NAMESPACE Tacit::
    DESTINATION "${TACIT_PACKAGE_DIR}"
    COMPONENT Library)
endfunction()
tacit_install_targets(TacitTargets tacit_core tacit_hypergrad tacit_bilevel)
tacit_install_targets(TacitProblemsTargets tacit_problems tacit_all)

# The inline namespace that the library is compiled with.
get_target_property(includes Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
set(flags)
foreach(definition IN LISTS TACIT_USER_DEFINITIONS)
  list(APPEND flags "-D${definition}")
endforeach()
if(TACIT_NATIVE)
  list(APPEND flags -march=native)
endif()
if(TACIT_SANITIZE)
  list(APPEND flags ${TACIT_SANITIZE_FLAGS})
endif()
tacit_abi(TACIT_BUILT_ABI "${TACIT_INCLUDE_DIR};${includes}" "${flags}")
set(TACIT_USERS_NEED_ZLIB OFF)
if(TACIT_GZIP AND NOT BUILD_SHARED_LIBS)
  set(TACIT_USERS_NEED_ZLIB ON)
endif()
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/TacitConfig.cmake.in" "${PROJECT_BINARY_DIR}/TacitConfig.cmake"
  INSTALL_DESTINATION "${TACIT_PACKAGE_DIR}")
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/TacitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/TacitConfig.cmake" "${PROJECT_BINARY_DIR}/TacitConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/TacitEigen.cmake" "${PROJECT_SOURCE_DIR}/cmake/TacitAbi.cmake"
  DESTINATION "${TACIT_PACKAGE_DIR}"
  COMPONENT Library)

# pkg-config. What a static library needs stands in the public lines: its users link it whether they say --static or not.
function(tacit_under_prefix out full)
  file(RELATIVE_PATH path "${CMAKE_INSTALL_PREFIX}" "${full}")
  if(path MATCHES "^\\.\\.")
    set(${out} "${full}" PARENT_SCOPE)
  else()
    set(${out} "\${prefix}/${path}" PARENT_SCOPE)
  endif()
endfunction()
tacit_under_prefix(TACIT_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
tacit_under_prefix(TACIT_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH TACIT_PC_TO_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" TACIT_PC_TO_PREFIX "${TACIT_PC_TO_PREFIX}")
set(TACIT_PC_REQUIRES "eigen3 >= 3.4")
set(TACIT_PC_REQUIRES_PRIVATE "")
if(TACIT_USERS_NEED_ZLIB)
  string(APPEND TACIT_PC_REQUIRES ", zlib")
endif()
set(TACIT_PC_LIBS "")
foreach(folder IN ITEMS bilevel problems hypergrad core)
  string(APPEND TACIT_PC_LIBS " -l$<TARGET_LINKER_FILE_BASE_NAME:tacit_${folder}>")
endforeach()
set(TACIT_PC_DEFINITIONS "")
foreach(definition IN LISTS TACIT_USER_DEFINITIONS)
  string(APPEND TACIT_PC_DEFINITIONS " -D${definition}")
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cmake/tacit.pc.in" "${PROJECT_BINARY_DIR}/tacit.pc.in" @ONLY)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/pkgconfig/$<CONFIG>/tacit.pc" INPUT "${PROJECT_BINARY_DIR}/tacit.pc.in")
install(
  FILES "${PROJECT_BINARY_DIR}/pkgconfig/$<CONFIG>/tacit.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
  COMPONENT Library)

if(TARGET tacit)
  install(TARGETS tacit RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT Program)
  # Where man(1), bash-completion, zsh and fish look for what packages bring.
  set(shell "${PROJECT_SOURCE_DIR}/docs/shell")
  install(FILES "${shell}/tacit.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT Program)
  install(FILES "${shell}/tacit.bash" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME tacit COMPONENT Program)
  install(FILES "${shell}/_tacit" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT Program)
  install(FILES "${shell}/tacit.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT Program)
endif()
