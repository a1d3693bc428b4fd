// What the parts of a run took: time, processor time and work.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/core/support/work.hpp>

namespace tacit {

/// Parts of a run, one behind the other. The first begins with the run, when nothing of its work is done.
class Phases {
public:
  /// A part ends now. seconds, work: since the run began.
  void end(const std::string& name, double seconds, const Work& work);
  /// A list of {"name", "seconds", "cpu_seconds" of all threads, "gradients", "hessian_products", "data_passes"}.
  nlohmann::json json() const;

private:
  struct Phase {
    std::string name;
    double seconds, cpu_seconds;
    Work work;
  };
  static double cpu_seconds();

  Phase before_{"", 0, cpu_seconds(), {}};
  std::vector<Phase> phases_;
};

}  // namespace tacit
