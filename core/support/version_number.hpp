// The version of the library as numbers. CMake reads it here (CMakeLists.txt), and the inline namespace carries it: it stands
// nowhere else.
#pragma once

#define TACIT_VERSION_MAJOR 0
#define TACIT_VERSION_MINOR 1
#define TACIT_VERSION_PATCH 0

#define TACIT_VERSION_TEXT(number) #number
#define TACIT_VERSION_JOIN(major, minor, patch) \
  TACIT_VERSION_TEXT(major) "." TACIT_VERSION_TEXT(minor) "." TACIT_VERSION_TEXT(patch)
/// "major.minor.patch" of the headers that a program was compiled with.
#define TACIT_VERSION TACIT_VERSION_JOIN(TACIT_VERSION_MAJOR, TACIT_VERSION_MINOR, TACIT_VERSION_PATCH)
