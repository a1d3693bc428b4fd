# Installation: static archives, headers under include/tacit/FOLDER, and a package for find_package(Tacit CONFIG). The program comes along
# when it was built; no header of its folder does, nor any of a folder detail/.

include(CMakePackageConfigHelpers)
set(TACIT_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/Tacit")

set(TACIT_LIBRARIES tacit_all)
foreach(folder IN LISTS TACIT_LIBRARY_FOLDERS)
  list(APPEND TACIT_LIBRARIES tacit_${folder})
  install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/tacit/${folder}"
    COMPONENT Library
    FILES_MATCHING
    PATTERN "*.hpp"
    PATTERN "detail" EXCLUDE)
endforeach()
install(
  FILES "${TACIT_GENERATED_DIR}/tacit/core/support/version.hpp"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/tacit/core/support"
  COMPONENT Library)
install(
  TARGETS ${TACIT_LIBRARIES}
  EXPORT TacitTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT Library)
install(
  EXPORT TacitTargets
  NAMESPACE Tacit::
  DESTINATION "${TACIT_PACKAGE_DIR}"
  COMPONENT Library)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/TacitConfig.cmake.in" "${PROJECT_BINARY_DIR}/TacitConfig.cmake"
  INSTALL_DESTINATION "${TACIT_PACKAGE_DIR}")
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/TacitConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/TacitConfig.cmake" "${PROJECT_BINARY_DIR}/TacitConfigVersion.cmake"
        "${PROJECT_SOURCE_DIR}/cmake/TacitEigen.cmake"
  DESTINATION "${TACIT_PACKAGE_DIR}"
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
