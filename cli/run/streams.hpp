// The standard streams of a run.
#pragma once
#include <iosfwd>

namespace tacit {

/// Where a verb reads and writes. Results go to out, everything else to err.
struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;  ///< err is a terminal
  bool colour = false;
};

}  // namespace tacit
