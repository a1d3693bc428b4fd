#include <memory>
#include <numeric>
#include <optional>
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
  const Scaling as_they_are;
  const OriginalCoefficients same = to_original(as_they_are, w, 0.7);
  CHECK(same.w == w);
  CHECK(same.intercept == 0.7);
}

namespace {

std::vector<std::string> names_of(const Mat& x) {
  std::vector<std::string> names;
  for (Index j = 0; j < x.cols(); ++j) names.push_back("c" + std::to_string(j));
  return names;
}

ColumnMoments moments_of(const Mat& x, bool is_sparse) {
  return design_of(std::make_shared<const Features>(is_sparse ? sparse(x) : dense(x))).column_moments(Vec::Ones(x.rows()));
}

Mat waves() {
  Mat plain(64, 4);
  for (Index i = 0; i < 64; ++i) {
    for (Index j = 0; j < 4; ++j) plain(i, j) = std::sin(1.0 + 3.7 * static_cast<double>(i * (j + 2)));
  }
  return plain;
}

}  // namespace

TEST_CASE("a raw column of another unit is named with its size and the remedy") {
  const Mat plain = waves();
  for (const bool is_sparse : {false, true}) {
    const auto remark_on = [&](const Mat& x) { return scale_remark(moments_of(x, is_sparse), names_of(x), is_sparse); };
    CHECK_FALSE(remark_on(plain));
    for (const double unit : {1e-300, 1e-8, 1e4, 1e90}) {
      Mat x = plain;
      x.col(1) *= unit;
      const auto r = remark_on(x);
      REQUIRE(r);
      CHECK(r->what.find("'c1'") != std::string::npos);
      CHECK(r->remedy.find("standardize=true") != std::string::npos);
    }
    CHECK(remark_on(plain.leftCols(2) * Vec{{1, 1e-5}}.asDiagonal()));
  }
}

TEST_CASE("columns far from 0 for their spread and constant ones are centred in a copy, without rounding") {
  const Mat plain = waves();
  for (const bool is_sparse : {false, true}) {
    CHECK(far_means(moments_of(plain, is_sparse)).size() == 0);
    for (const double mean : {1e3, -1e6, 0x1p40}) {
      Mat x = plain;
      x.col(2).array() += mean;
      x.col(3).setConstant(1.7e12);
      const ColumnMoments m = moments_of(x, is_sparse);
      const Vec centre = far_means(m);
      REQUIRE(centre.size() == 4);
      CHECK(centre[0] == 0);
      CHECK(centre[2] == m.mean[2]);
      CHECK(centre[3] == 1.7e12);
      Mat with_gap = x;
      with_gap(5, 2) = with_gap(5, 3) = 0;  // no entry in sparse rows
      const auto moved = less_centre(is_sparse ? sparse(with_gap) : dense(with_gap), centre);
      REQUIRE(moved->sparse == is_sparse);
      const Mat got = is_sparse ? Mat(moved->csr) : moved->dense;
      for (Index i = 0; i < x.rows(); ++i) {
        CHECK(got(i, 0) == x(i, 0));
        CHECK(static_cast<long double>(got(i, 2)) == static_cast<long double>(with_gap(i, 2)) - centre[2]);
        CHECK(got(i, 3) == (i == 5 ? -1.7e12 : 0));
      }
      Scaling s;
      s.centre = centre;
      const std::string text = centre_remark(
          s, moments_of(is_sparse ? Mat(less_centre(sparse(x), centre)->csr) : less_centre(dense(x), centre)->dense, is_sparse),
          names_of(x));
      CHECK(text.find("'c2'") != std::string::npos);
      CHECK(text.find(" times its spread") != std::string::npos);
      CHECK(text.find("'c3' is constant") != std::string::npos);
      const OriginalCoefficients o = to_original(s, Vec{{1, 2, 3, 0}}, 0.5);
      CHECK(o.at_centre == 0.5);
      CHECK(o.intercept == doctest::Approx(0.5 - 3 * centre[2]).epsilon(1e-15));
    }
  }
}
