// An oracle that lets a test look at every diagnosed evaluation, and at the tolerances that were asked for.
#pragma once
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <tacit/bilevel/oracle.hpp>

namespace tacit_test {

class SpyOracle final : public tacit::ForwardingOracle {
public:
  using Look = std::function<void(const tacit::Evaluation&)>;
  SpyOracle(std::shared_ptr<const tacit::Oracle> oracle, Look look)
      : ForwardingOracle(std::move(oracle)), look_(std::move(look)) {}
  using Oracle::evaluate;
  tacit::Evaluation evaluate(tacit::In theta, const tacit::Tolerance& t, const tacit::Evaluation* near) const override {
    asked.push_back(t);
    return behind().evaluate(theta, t, near);
  }
  tacit::Evaluation differentiate(tacit::Evaluation e, const tacit::Tolerance& t) const override {
    asked.push_back(t);
    return behind().differentiate(std::move(e), t);
  }
  tacit::Evaluation diagnose(tacit::Evaluation e, tacit::Index step, double floor) const override {
    e = behind().diagnose(std::move(e), step, floor);
    look_(e);
    return e;
  }

  mutable std::vector<tacit::Tolerance> asked;  ///< in the order of the calls

private:
  Look look_;
};

}  // namespace tacit_test
