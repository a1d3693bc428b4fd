// What stands between a run and its oracle: it asks for the end between two evaluations and adds up what they took.
#pragma once
#include <chrono>
#include <functional>
#include <mutex>

#include <tacit/bilevel/driver.hpp>

namespace tacit::inline TACIT_ABI::detail {

using Clock = std::chrono::steady_clock;
inline double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Thrown between two evaluations of a step that is watched.
struct StopNow {
  StopReason reason;
};

class WatchedOracle final : public ForwardingOracle {
public:
  WatchedOracle(const Oracle& inner, const DriverOptions& options, const std::function<bool()>& interrupted,
                Clock::time_point start)
      : ForwardingOracle(inner), options_(options), interrupted_(interrupted), start_(start) {}

  using Oracle::evaluate;
  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override;
  Evaluation differentiate(Evaluation e, const Tolerance& tolerance) const override;
  Evaluation diagnose(Evaluation e, Index step, double floor) const override;

  mutable double inner_seconds = 0, hypergradient_seconds = 0;
  mutable Index evaluations = 0;
  bool watching =
      false;  ///< between evaluations only a step is cut off: not row 0, nor what makes a row better or closes the run
  mutable bool cut = false;  ///< something was interrupted: the request has arrived

  /// The request has arrived: what is still computed closes the run.
  void begin_closing() const;
  /// Why an evaluation ended early; without a signal it can only be for want of time.
  StopReason asked_for() const;

private:
  bool late() const { return options_.time_limit && options_.time_used + since(start_) >= *options_.time_limit; }
  void check() const;

  const DriverOptions& options_;
  const std::function<bool()>& interrupted_;
  Clock::time_point start_;
  mutable std::mutex account_;
  mutable bool closing_ = false;
};

}  // namespace tacit::inline TACIT_ABI::detail
