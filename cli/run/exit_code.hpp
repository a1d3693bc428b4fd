// The exit codes of the program.
#pragma once

namespace tacit {

enum ExitCode : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,
  kData = 3,
  kNumerical = 4,
  kQuality = 5,
  kMemory = 6,
  kInterrupted = 130,
  kTerminated = 143,
};

}  // namespace tacit
