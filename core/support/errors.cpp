#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

const char* to_string(Status s) {
  switch (s) {
    case Status::not_run:
      return "not run";
    case Status::converged:
      return "converged";
    case Status::rounding:
      return "stopped by rounding";
    case Status::as_asked:
      return "as asked";
    case Status::step_limit:
      return "step limit";
    case Status::negative_curvature:
      return "negative curvature";
    case Status::saddle:
      return "saddle";
    case Status::failed:
      return "failed";
  }
  return "unknown";
}

}  // namespace tacit::inline TACIT_ABI
