// An oracle that lets a test look at every diagnosed evaluation, and at the tolerances that were asked for.
#pragma once
#include <functional>
#include <utility>
#include <vector>

#include <tacit/bilevel/oracle.hpp>

namespace tacit_test {

class SpyOracle final : public tacit::Oracle {
public:
  using Look = std::function<void(const tacit::Evaluation&)>;
  SpyOracle(std::unique_ptr<tacit::Oracle> oracle, Look look) : oracle_(std::move(oracle)), look_(std::move(look)) {}
  tacit::Evaluation evaluate(tacit::In theta, const tacit::Tolerance& t) override {
    asked.push_back(t);
    return oracle_->evaluate(theta, t);
  }
  void differentiate(tacit::Evaluation& e, const tacit::Tolerance& t) override {
    asked.push_back(t);
    oracle_->differentiate(e, t);
  }
  void accept(const tacit::Evaluation& e) override { oracle_->accept(e); }
  void diagnose(tacit::Evaluation& e, tacit::Index step, double floor) override {
    oracle_->diagnose(e, step, floor);
    look_(e);
  }
  tacit::Work work() const override { return oracle_->work(); }
  tacit::Work diagnostic_work() const override { return oracle_->diagnostic_work(); }
  tacit::Tolerance tightest() const override { return oracle_->tightest(); }
  bool may_loosen() const override { return oracle_->may_loosen(); }

  std::vector<tacit::Tolerance> asked;  ///< in the order of the calls

private:
  std::unique_ptr<tacit::Oracle> oracle_;
  Look look_;
};

}  // namespace tacit_test
