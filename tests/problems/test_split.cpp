#include <algorithm>
#include <numeric>
#include <set>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/split.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::data_error;

namespace {

/// n rows, every third of the second class when classes are asked for.
Dataset rows(Index n, bool classes) {
  Dataset d;
  d.y = Vec::Zero(n);
  d.origin.assign(static_cast<std::size_t>(n), Origin::train);
  if (!classes) return d;
  d.classes = {"a", "b"};
  for (Index i = 0; i < n; i += 3) d.y[i] = 1;
  return d;
}

std::vector<Index> all_rows(const Split& s) {
  std::vector<Index> out = s.train;
  out.insert(out.end(), s.validation.begin(), s.validation.end());
  out.insert(out.end(), s.test.begin(), s.test.end());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("SplitMix64 gives its published numbers and fair small ones") {
  SplitMix64 r(1234567);
  CHECK(r.next() == 6457827717110365317ULL);
  CHECK(r.next() == 3203168211198807973ULL);
  CHECK(r.next() == 9817491932198370423ULL);
  SplitMix64 s(1);
  std::vector<Index> count(6, 0);
  for (int i = 0; i < 60000; ++i) ++count[static_cast<std::size_t>(s.below(6))];
  for (const Index c : count) CHECK(std::abs(c - 10000) < 500);
}

TEST_CASE("a hold-out takes every row once, repeats with its seed and changes with another") {
  const Dataset d = rows(103, false);
  SplitOptions o;
  o.test_fraction = 0.1;
  const Split a = make_split(d, o), b = make_split(d, o);
  CHECK(a.train == b.train);
  CHECK(a.test.size() == 10);
  CHECK(a.validation.size() == 23);  // a quarter of the other 93
  std::vector<Index> every(103);
  std::iota(every.begin(), every.end(), Index{0});
  CHECK(all_rows(a) == every);
  CHECK(std::is_sorted(a.train.begin(), a.train.end()));
  CHECK(std::is_sorted(a.validation.begin(), a.validation.end()));
  o.seed = 1;
  CHECK(make_split(d, o).validation != a.validation);
}

TEST_CASE("the split of a seed is the same on every machine") {
  // worked out apart from this code: SplitMix64 of seed 0, the shuffle from the last place down, the first three
  CHECK(make_split(rows(12, false), {}).validation == std::vector<Index>{1, 4, 6});
}

TEST_CASE("classes keep their shares") {
  const Dataset d = rows(300, true);  // 100 of the second class
  const auto positives = [&](const std::vector<Index>& part) {
    return std::count_if(part.begin(), part.end(), [&](Index r) { return d.y[r] == 1; });
  };
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SplitOptions o;
    o.seed = seed;
    o.fraction = 0.21;
    const Split s = make_split(d, o);
    CHECK(s.validation.size() == 63);
    CHECK(positives(s.validation) == 21);
  }
  SplitOptions o;
  o.stratify = Stratify::yes;
  CHECK_THROWS_AS(make_split(rows(9, false), o), UsageError);
  Dataset rare = rows(10, true);
  rare.y.setZero();
  rare.y[9] = 1;
  CHECK(make_split(rare, o).train.back() == 9);  // a quarter of one row is none: it stays where it can be learnt
}

TEST_CASE("the split column decides, and parts must not be empty") {
  Dataset d = rows(6, false);
  d.split = {"train", "validation", "train", "test", "train", "train"};
  Split s = make_split(d, {});
  CHECK(s.train == std::vector<Index>{0, 2, 4, 5});
  CHECK(s.validation == std::vector<Index>{1});
  CHECK(s.test == std::vector<Index>{3});
  SplitOptions o;
  o.test_fraction = 0.5;
  CHECK_THROWS_AS(make_split(d, o), UsageError);
  d.split[3] = "train";
  s = make_split(d, o);
  CHECK(s.train.size() == 2);
  CHECK(s.test.size() == 3);  // half of five, rounded
  d.split.assign(6, "train");
  data_error("D114", [&] { make_split(d, {}); });
  d.split.assign(6, "validation");
  data_error("D114", [&] { make_split(d, {}); });
  d.split.assign(6, "3");
  CHECK_THROWS_AS(make_split(d, {}), UsageError);
  data_error("D114", [] { make_split(rows(1, false), {}); });
}

TEST_CASE("training rows of one class are refused, and so are shares out of range") {
  Dataset d = rows(6, true);
  d.split = {"validation", "train", "train", "validation", "train", "train"};
  data_error("D113", [&] { make_split(d, {}); });
  SplitOptions o;
  for (const double bad : {0.0, 1.0, -0.5, std::numeric_limits<double>::quiet_NaN()}) {
    o.fraction = bad;
    CHECK_THROWS_AS(make_split(rows(9, false), o), UsageError);
  }
}

TEST_CASE("the words of a split column are checked when the file is read") {
  const tacit_test::Folder folder;
  DataOptions o;
  o.train = folder.write("t.csv", "a,part,y\n1,train,1\n2,valid,2\n3,,3\n");
  o.split_column = "part";
  tacit_test::data_error_at("D119", 3, 3, [&] { load_dataset(o); });
  o.train = folder.write("t.csv", "a,part,y\n1,train,1\n2,validation,2\n3,,3\n");
  tacit_test::data_error_at("D119", 4, 3, [&] { load_dataset(o); });
  o.train = folder.write("t.csv", "a,part,y\n1,0,1\n2,1,2\n3,1,3\n");
  CHECK(load_dataset(o).split == std::vector<std::string>{"0", "1", "1"});
}
