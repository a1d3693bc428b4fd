// An oracle that lets a benchmark see every accepted evaluation after its diagnosis.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include <tacit/bilevel/oracle.hpp>

namespace tacit {

class Watched final : public Oracle {
public:
  using Look = std::function<void(const Evaluation& e, Index step, double error_floor)>;
  Watched(std::unique_ptr<Oracle> oracle, Look look) : oracle_(std::move(oracle)), look_(std::move(look)) {}
  Evaluation evaluate(In theta, const Tolerance& t) override { return oracle_->evaluate(theta, t); }
  void differentiate(Evaluation& e, const Tolerance& t) override { oracle_->differentiate(e, t); }
  void accept(const Evaluation& e) override { oracle_->accept(e); }
  void diagnose(Evaluation& e, Index step, double floor) override {
    oracle_->diagnose(e, step, floor);
    look_(e, step, floor);
  }
  Work work() const override { return oracle_->work(); }
  Work diagnostic_work() const override { return oracle_->diagnostic_work(); }
  Tolerance tightest() const override { return oracle_->tightest(); }
  bool may_loosen() const override { return oracle_->may_loosen(); }

private:
  std::unique_ptr<Oracle> oracle_;
  Look look_;
};

}  // namespace tacit
