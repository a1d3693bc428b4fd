#include <doctest/doctest.h>

#include <limits>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/inner/trajectory.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Runs `steps` steps of heavy ball on a small ridge problem; returns all states and fills the tape.
std::vector<Vec> run(const FixedPointMap& map, In u, Index steps, Trajectory& tape) {
  std::vector<Vec> all{Vec::Zero(map.state_dim())};
  tape.push(0, all.back());
  for (Index k = 0; k < steps; ++k) {
    Vec next(map.state_dim());
    map.step(k, all.back(), u, next);
    all.push_back(next);
    tape.push(k + 1, all.back());
  }
  return all;
}

std::unique_ptr<const FixedPointMap> heavy_ball(const Problem& p, In u) {
  HeavyBall algorithm;
  return algorithm.bind(p, u);
}

}  // namespace

TEST_CASE("trajectory: any window and stride reads back the states of the run, bit by bit") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.05);
  const auto map = heavy_ball(p, u);
  for (const Index window : {TapeRequest::kAll, Index{1}, Index{7}, Index{23}, Index{100}}) {
    for (const Index stride : {Index{1}, Index{2}, Index{5}, Index{64}, TapeRequest::kAutoStride}) {
      for (const Index steps : {Index{0}, Index{1}, Index{6}, Index{23}, Index{40}}) {
        CAPTURE(window);
        CAPTURE(stride);
        CAPTURE(steps);
        Trajectory tape({window, stride}, 40);
        const auto all = run(*map, u, steps, tape);
        const Index wanted = window == TapeRequest::kAll ? steps : std::min(window, steps);
        CHECK(tape.steps() == steps);
        REQUIRE(tape.differentiable(window) == wanted);
        BackwardReader reader(*map, u, tape);
        for (Index k = steps - 1; k >= steps - wanted; --k)
          REQUIRE((reader.state(k).array() == all[static_cast<std::size_t>(k)].array()).all());
        // Each step at most once.
        CHECK(reader.replayed() <= wanted + tape.stride());
        if (tape.stride() == 1) CHECK(reader.replayed() == 0);
      }
    }
  }
}

TEST_CASE("trajectory: memory is that of the window, or of the checkpoints") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.05);
  const auto map = heavy_ball(p, u);
  const std::size_t state = static_cast<std::size_t>(map->state_dim()) * sizeof(double);

  Trajectory all({TapeRequest::kAll, 1}, 100), last({10, 1}, 100),
      checkpoints({TapeRequest::kAll, TapeRequest::kAutoStride}, 100), none({0, 1}, 100);
  run(*map, u, 100, all);
  run(*map, u, 100, last);
  run(*map, u, 100, checkpoints);
  run(*map, u, 100, none);
  CHECK(all.bytes() == 101 * state);
  CHECK(last.bytes() == 11 * state);
  CHECK(last.first() == 90);
  CHECK(checkpoints.stride() == 10);
  CHECK(checkpoints.bytes() == 11 * state);
  CHECK(none.bytes() == 0);
  CHECK(none.steps() == 100);
  CHECK(none.differentiable(5) == 0);

  BackwardReader reader(*map, u, checkpoints);
  for (Index k = 99; k >= 0; --k) reader.state(k);
  CHECK(reader.replayed() == 90);
  CHECK(reader.buffer_bytes() == 10 * state);
}

TEST_CASE("trajectory: wrong use is refused") {
  CHECK_THROWS_AS(Trajectory({-2, 1}, 10), UsageError);
  CHECK_THROWS_AS(Trajectory({1, -1}, 10), UsageError);
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.05);
  const auto map = heavy_ball(p, u);
  Trajectory tape({4, 1}, 10);
  run(*map, u, 10, tape);
  CHECK_THROWS_AS(tape.push(5, Vec::Zero(16)), UsageError);
  BackwardReader reader(*map, u, tape);
  CHECK_THROWS_AS(reader.state(3), UsageError);
  CHECK_THROWS_AS(reader.state(11), UsageError);
}

TEST_CASE("trajectory: a tape thinned from the union of requests is the one that each would have recorded") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.05);
  const auto map = heavy_ball(p, u);
  const std::vector<TapeRequest> requests{{TapeRequest::kAll, 1},
                                          {TapeRequest::kAll, TapeRequest::kAutoStride},
                                          {1, 1},
                                          {7, 3},
                                          {23, TapeRequest::kAutoStride},
                                          {100, 64}};
  for (const TapeRequest& a : requests) {
    for (const TapeRequest& b : requests) {
      for (const Index steps : {Index{0}, Index{1}, Index{6}, Index{23}, Index{40}}) {
        Trajectory shared(union_of({{}, a, b}), 40);
        run(*map, u, steps, shared);
        for (const TapeRequest& wanted : {a, b}) {
          CAPTURE(wanted.window);
          CAPTURE(wanted.stride);
          CAPTURE(steps);
          Trajectory alone(wanted, 40);
          run(*map, u, steps, alone);
          const Trajectory thin = shared.thinned(wanted);
          CHECK(thin.bytes() == alone.bytes());
          CHECK(thin.stride() == alone.stride());
          CHECK(thin.first() == alone.first());
          CHECK(thin.steps() == alone.steps());
          REQUIRE(thin.stored().size() == alone.stored().size());
          for (std::size_t i = 0; i < thin.stored().size(); ++i) {
            CHECK(thin.stored()[i].first == alone.stored()[i].first);
            CHECK((thin.stored()[i].second.array() == alone.stored()[i].second.array()).all());
          }
        }
      }
    }
  }
  // No request asks for less than it needs: what is not on the tape is refused, not made up.
  Trajectory few({5, 1}, 40), sparse({TapeRequest::kAll, 4}, 40);
  run(*map, u, 40, few);
  run(*map, u, 40, sparse);
  CHECK_THROWS_AS(few.thinned({6, 1}), UsageError);
  CHECK_THROWS_AS(few.thinned({TapeRequest::kAll, 8}), UsageError);
  CHECK_THROWS_AS(sparse.thinned({TapeRequest::kAll, 8}), UsageError);
  CHECK_FALSE(union_of({{}, {}}).wanted());
}

TEST_CASE("trajectory: what it may take at most is never exceeded, and reached without checkpoints") {
  const Vec z = Vec::Ones(3);
  for (const Index window : {TapeRequest::kAll, Index{1}, Index{7}, Index{40}}) {
    for (const Index stride : {Index{1}, Index{3}, TapeRequest::kAutoStride}) {
      for (const Index steps : {Index{1}, Index{5}, Index{30}}) {
        CAPTURE(window);
        CAPTURE(stride);
        CAPTURE(steps);
        Trajectory t({window, stride}, steps);
        for (Index k = 0; k <= steps; ++k) t.push(k, z);
        CHECK(t.bytes() <= Trajectory::most_bytes({window, stride}, steps, 3));
        if (t.stride() == 1) CHECK(t.bytes() == Trajectory::most_bytes({window, stride}, steps, 3));
      }
    }
  }
  CHECK(Trajectory::most_bytes({}, 1000, 3) == 0);
  CHECK(Trajectory::most_bytes({49, 1, 100}, 1000, 3) == 100);
}

TEST_CASE("trajectory: counts near the largest number stay there instead of running over") {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  constexpr std::size_t kBytes = std::numeric_limits<std::size_t>::max();
  // The more is asked, the more may be taken, up to the largest number.
  for (const Index dim : {Index{1}, Index{3}, Index{100000}, kMost / 8}) {
    for (const Index window : {TapeRequest::kAll, Index{5}, kMost / 2, kMost}) {
      for (const Index stride : {Index{1}, Index{3}, TapeRequest::kAutoStride, kMost / 2, kMost}) {
        std::size_t before = 0;
        for (const Index steps : {Index{1}, Index{40}, Index{1} << 40, Index{2305843009213693952}, kMost - 1, kMost}) {
          CAPTURE(dim);
          CAPTURE(window);
          CAPTURE(stride);
          CAPTURE(steps);
          const std::size_t bytes = Trajectory::most_bytes({window, stride}, steps, dim);
          CHECK(bytes >= before);
          CHECK(bytes >= static_cast<std::size_t>(dim) * sizeof(double));
          before = bytes;
        }
      }
    }
    CHECK(Trajectory::most_bytes({TapeRequest::kAll, 1}, kMost, dim) == kBytes);
  }
  CHECK(Trajectory::most_bytes({TapeRequest::kAll, 1}, 2305843009213693952, 11) > std::size_t{1} << 63);

  const Vec z = Vec::Ones(3);
  for (const TapeRequest& wide : {TapeRequest{kMost, TapeRequest::kAutoStride}, TapeRequest{kMost, 1}, TapeRequest{kMost, kMost},
                                  TapeRequest{kMost - 1, 7}}) {
    for (const TapeRequest& other : {TapeRequest{4, 1}, TapeRequest{3, kMost}, TapeRequest{TapeRequest::kAll, 1}}) {
      CAPTURE(wide.window);
      CAPTURE(wide.stride);
      CAPTURE(other.window);
      const TapeRequest both = union_of({wide, other});
      CHECK((both.window == TapeRequest::kAll || both.window >= wide.window));
      Trajectory shared(both, 20), alone(wide, 20);
      for (Index k = 0; k <= 20; ++k) {
        shared.push(k, k * z);
        alone.push(k, k * z);
      }
      CHECK(shared.thinned(wide).bytes() == alone.bytes());
      CHECK(shared.thinned(wide).first() == alone.first());
      CHECK(shared.thinned(other).steps() == 20);
    }
  }
  // A limit of bytes beyond all numbers, and states without entries.
  for (const Index size : {Index{0}, Index{3}}) {
    Trajectory limited({kMost, 1, kBytes}, kMost);
    for (Index k = 0; k <= 5; ++k) limited.push(k, Vec::Ones(size));
    CHECK(limited.differentiable(kMost) == 5);
  }
}
