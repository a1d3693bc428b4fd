// Points of a path over one value, each solved from the one before.
#pragma once
#include <chrono>
#include <cmath>
#include <optional>
#include <vector>

#include <tacit/bilevel/path.hpp>

namespace tacit::inline TACIT_ABI::detail {

inline const double kDecade = std::log(10.0);

class Stopwatch {
public:
  explicit Stopwatch(double seconds) : seconds_(seconds) {}
  bool over() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() > seconds_; }

private:
  double seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Evaluates near what it evaluated last, to kPathTolerance or the tightest tolerance where that is looser or the only one: a
/// value is within kLossShare of the solution's at any. Throws Interruption where it is asked to stop.
class Walker {
public:
  Walker(const Oracle& oracle, const std::function<bool()>& interrupted) : oracle_(oracle), interrupted_(interrupted) {}
  /// The next starts from there.
  void stand_at(Evaluation e) { last_ = std::move(e); }
  Evaluation evaluate(In theta);
  Index evaluations() const { return evaluations_; }

private:
  const Oracle& oracle_;
  const std::function<bool()>& interrupted_;
  Evaluation last_;
  Index evaluations_ = 0;
};

/// Common values and their losses, ascending, and the lowest.
class PathWalk {
public:
  PathWalk(const Oracle& oracle, const PathOptions& options, std::vector<PathPoint> points = {});
  /// A point more; nothing once the time is over, if there is a point already.
  void add(double theta);
  /// A point that is known.
  void insert(const PathPoint& point);
  bool over() const { return watch_.over(); }
  bool found() const { return !points_.empty() && std::isfinite(points_[best_].value); }
  std::size_t best() const { return best_; }
  const std::vector<PathPoint>& points() const { return points_; }
  Index evaluations() const { return walker_.evaluations(); }
  /// Of the lowest point that this walk has solved.
  const std::optional<Evaluation>& best_evaluation() const { return best_evaluation_; }

private:
  PathOptions options_;
  Walker walker_;
  Stopwatch watch_;
  std::vector<PathPoint> points_;
  std::optional<Evaluation> best_evaluation_;
  std::size_t best_ = 0;
};

}  // namespace tacit::inline TACIT_ABI::detail
