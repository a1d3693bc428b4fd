// An oracle that lets a benchmark see every evaluation after its diagnosis.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include <tacit/bilevel/oracle.hpp>

namespace tacit {

class Watched final : public ForwardingOracle {
public:
  using Look = std::function<void(const Evaluation& e, Index step, double error_floor)>;
  Watched(std::shared_ptr<const Oracle> oracle, Look look) : ForwardingOracle(std::move(oracle)), look_(std::move(look)) {}
  Evaluation diagnose(Evaluation e, Index step, double floor) const override {
    e = behind().diagnose(std::move(e), step, floor);
    look_(e, step, floor);
    return e;
  }

private:
  Look look_;
};

}  // namespace tacit
