#include <tacit/cli/run/phases.hpp>

#include <ctime>

#include <nlohmann/json.hpp>

namespace tacit {

double Phases::cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void Phases::end(const std::string& name, double seconds, const Work& work) {
  const Phase now{name, seconds, cpu_seconds(), work};
  phases_.push_back({name, now.seconds - before_.seconds, now.cpu_seconds - before_.cpu_seconds, now.work - before_.work});
  before_ = now;
}

nlohmann::json Phases::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Phase& p : phases_)
    list.push_back({{"name", p.name},
                    {"seconds", p.seconds},
                    {"cpu_seconds", p.cpu_seconds},
                    {"gradients", p.work.gradients},
                    {"hessian_products", p.work.hessian_products},
                    {"data_passes", p.work.data_passes}});
  return list;
}

}  // namespace tacit
