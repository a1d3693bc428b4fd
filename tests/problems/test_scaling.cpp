#include <numeric>
#include <tacit/core/support/errors.hpp>
#include <tacit/problems/data/scaling.hpp>

#include "problems/files.hpp"

using namespace tacit;

namespace {

Features dense(const Mat& x) {
  Features f;
  f.dense = x;
  return f;
}
Features sparse(const Mat& x) {
  Features f;
  f.sparse = true;
  f.csr = x.sparseView();
  f.csr.makeCompressed();
  return f;
}
std::vector<Index> first(Index n) {
  std::vector<Index> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}
const Mat kX{{1, 0.1, 0}, {2, 0.1, 5}, {4, 0.1, 0}, {100, 7, 7}};

}  // namespace

TEST_CASE("mean and population deviation of the training rows alone, and a constant column gets scale 1") {
  const Scaling s = fit_scaling(dense(kX), Vec::Ones(4), first(3), Standardize::automatic);
  REQUIRE(s.active());
  CHECK(s.shift[0] == doctest::Approx(7.0 / 3).epsilon(1e-15));
  CHECK(s.scale[0] == doctest::Approx(std::sqrt(14.0) / 3).epsilon(1e-15));
  CHECK(s.shift[1] == 0.1);
  CHECK(s.scale[1] == 1);
  CHECK(s.scale[2] == doctest::Approx(5 * std::sqrt(2.0) / 3).epsilon(1e-15));
}

TEST_CASE("weight 2 standardizes like the row twice, and weight 0 like no row") {
  Mat twice(4, 3);
  twice << kX.topRows(3), kX.row(1);
  const Scaling a = fit_scaling(dense(kX), Vec{{1, 2, 1, 0}}, first(4), Standardize::yes);
  const Scaling b = fit_scaling(dense(twice), Vec::Ones(4), first(4), Standardize::yes);
  CHECK((a.shift - b.shift).norm() <= 1e-15 * b.shift.norm());
  CHECK((a.scale - b.scale).norm() <= 1e-15 * b.scale.norm());
  const Scaling c = fit_scaling(sparse(kX), Vec{{1, 2, 1, 0}}, first(4), Standardize::yes);
  CHECK((c.scale - b.scale).norm() <= 1e-15 * b.scale.norm());
  CHECK(c.shift.isZero(0));
  CHECK_THROWS_AS(fit_scaling(dense(kX), Vec::Zero(4), first(4), Standardize::yes), UsageError);
}

TEST_CASE("sparse data stay as they are unless asked") {
  CHECK_FALSE(fit_scaling(sparse(kX), Vec::Ones(4), first(4), Standardize::automatic).active());
  CHECK_FALSE(fit_scaling(dense(kX), Vec::Ones(4), first(4), Standardize::no).active());
}

TEST_CASE("a large mean costs no digits") {
  const Mat x = (Mat(4, 1) << 1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4).finished();
  const Scaling s = fit_scaling(dense(x), Vec::Ones(4), first(4), Standardize::yes);
  CHECK(s.scale[0] == doctest::Approx(std::sqrt(1.25)).epsilon(1e-14));
}

TEST_CASE("columns whose squares no double holds are standardized like any other") {
  const Vec plain{{1, 2, 3, 5}};
  const Scaling unit = fit_scaling(dense(Mat(plain)), Vec::Ones(4), first(4), Standardize::yes);
  for (const double size : {0x1p-1000, 0x1p-600, 0x1p600, 0x1p1000}) {
    const Mat x = plain * size;
    for (const bool as_sparse : {false, true}) {
      const Scaling s = fit_scaling(as_sparse ? sparse(x) : dense(x), Vec::Ones(4), first(4), Standardize::yes);
      CHECK(s.scale[0] == unit.scale[0] * size);
      CHECK(s.shift[0] == (as_sparse ? 0 : unit.shift[0] * size));
    }
  }
}

TEST_CASE("coefficients on the original scale predict the same") {
  const Scaling s = fit_scaling(dense(kX), Vec::Ones(4), first(4), Standardize::yes);
  const Vec w{{0.5, -2, 3}};
  const Mat z = (kX.rowwise() - s.shift.transpose()).array().rowwise() / s.scale.transpose().array();
  const Vec scaled = (z * w).array() + 0.7;
  const OriginalCoefficients o = to_original(s, w, 0.7);
  CHECK((Vec((kX * o.w).array() + o.intercept) - scaled).norm() < 1e-13 * scaled.norm());
  const OriginalCoefficients back = to_scaled(s, o.w, o.intercept);
  CHECK((back.w - w).norm() < 1e-15 * w.norm());
  CHECK(back.intercept == doctest::Approx(0.7).epsilon(1e-13));
  const Scaling as_they_are;
  const OriginalCoefficients same = to_original(as_they_are, w, 0.7);
  CHECK(same.w == w);
  CHECK(same.intercept == 0.7);
}
