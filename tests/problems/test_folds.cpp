// Folds of cross-validation: which rows each holds out.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/split.hpp>

#include "problems/files.hpp"

using namespace tacit;
using tacit_test::data_error;

namespace {

Dataset rows(Index n, const std::vector<double>& classes = {}) {
  Dataset d;
  d.y = Vec::Zero(n);
  d.origin.assign(static_cast<std::size_t>(n), Origin::train);
  if (classes.empty()) return d;
  d.classes = {"a", "b", "c"};
  for (Index i = 0; i < n; ++i) d.y[i] = classes[static_cast<std::size_t>(i) % classes.size()];
  return d;
}

/// Every row that does not test is held out once in each draw, and trains in the other folds of it.
void require_partition(const Folds& f, const std::vector<Index>& all) {
  REQUIRE(static_cast<Index>(f.parts.size()) == f.folds * f.repeats);
  REQUIRE(f.names.size() == f.parts.size());
  for (Index draw = 0; draw < f.repeats; ++draw) {
    std::vector<Index> held;
    for (Index k = 0; k < f.folds; ++k) {
      const Split& part = f.parts[static_cast<std::size_t>(draw * f.folds + k)];
      held.insert(held.end(), part.validation.begin(), part.validation.end());
      std::vector<Index> both = part.train;
      both.insert(both.end(), part.validation.begin(), part.validation.end());
      std::sort(both.begin(), both.end());
      CHECK(both == all);
      CHECK(std::is_sorted(part.train.begin(), part.train.end()));
      CHECK(std::is_sorted(part.validation.begin(), part.validation.end()));
    }
    std::sort(held.begin(), held.end());
    CHECK(held == all);
  }
}

std::vector<Index> counting(Index n) {
  std::vector<Index> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}

}  // namespace

TEST_CASE("folds hold every row out once a draw, in sizes that differ by one row at most") {
  for (const Index n : {10, 11, 14, 103}) {
    for (const Index k : {2, 3, 5, 10}) {
      FoldOptions o;
      o.folds = k;
      o.repeats = 3;
      const Folds f = make_folds(rows(n), o);
      require_partition(f, counting(n));
      for (const Split& part : f.parts) {
        CHECK(static_cast<Index>(part.validation.size()) >= n / k);
        CHECK(static_cast<Index>(part.validation.size()) <= n / k + 1);
      }
    }
  }
}

TEST_CASE("folds repeat with their seed, and the first draw does not depend on how many follow") {
  FoldOptions o;
  const Folds once = make_folds(rows(40), o), again = make_folds(rows(40), o);
  o.repeats = 2;
  const Folds twice = make_folds(rows(40), o);
  o.seed = 7;
  const Folds other = make_folds(rows(40), o);
  for (std::size_t k = 0; k < 5; ++k) {
    CHECK(once.parts[k].validation == again.parts[k].validation);
    CHECK(once.parts[k].validation == twice.parts[k].validation);
  }
  CHECK(once.parts[0].validation != other.parts[0].validation);
  CHECK(twice.parts[0].validation != twice.parts[5].validation);
  CHECK(once.names[2] == "fold 3");
  CHECK(twice.names[6] == "fold 2 of draw 2");
}

TEST_CASE("stratified folds have the classes in numbers that differ by one at most") {
  const Dataset d = rows(97, {0, 0, 1, 0, 2, 0, 1});
  const Folds f = make_folds(d, {});
  std::vector<std::map<double, Index>> counts;
  for (const Split& part : f.parts) {
    counts.emplace_back();
    for (const Index r : part.validation) ++counts.back()[d.y[r]];
  }
  for (const double c : {0.0, 1.0, 2.0}) {
    Index least = 1000, most = 0;
    for (auto& count : counts) {
      least = std::min(least, count[c]);
      most = std::max(most, count[c]);
    }
    CHECK(most - least <= 1);
  }
  FoldOptions plain;
  plain.stratify = Stratify::no;
  CHECK(make_folds(d, plain).parts[0].validation != f.parts[0].validation);
}

TEST_CASE("groups stay whole in folds, in a hold-out and among test rows") {
  Dataset d = rows(120, {0, 1, 1});
  for (Index i = 0; i < 120; ++i) d.group.push_back((i * i) % 31 % 17);
  const auto groups_of = [&](const std::vector<Index>& some) {
    std::set<Index> out;
    for (const Index r : some) out.insert(d.group[static_cast<std::size_t>(r)]);
    return out;
  };
  const auto apart = [&](const std::vector<Index>& a, const std::vector<Index>& b) {
    std::vector<Index> common;
    const std::set<Index> ga = groups_of(a), gb = groups_of(b);
    std::set_intersection(ga.begin(), ga.end(), gb.begin(), gb.end(), std::back_inserter(common));
    return common.empty();
  };
  FoldOptions o;
  o.folds = 4;
  o.test_fraction = 0.2;
  const Folds f = make_folds(d, o);
  std::vector<Index> left = counting(120);
  CHECK(!f.parts[0].test.empty());
  std::erase_if(left, [&](Index r) { return std::binary_search(f.parts[0].test.begin(), f.parts[0].test.end(), r); });
  require_partition(f, left);
  for (const Split& part : f.parts) {
    CHECK(apart(part.train, part.validation));
    CHECK(apart(part.test, part.validation));
    CHECK(apart(part.test, part.train));
    CHECK(part.validation.size() >= left.size() / 4 - left.size() / 8);  // groups are small here
    CHECK(part.validation.size() <= left.size() / 4 + left.size() / 8);
  }
  SplitOptions hold;
  const Split s = make_split(d, hold);
  CHECK(apart(s.train, s.validation));
  CHECK(s.validation.size() > 15);
  CHECK(s.validation.size() < 45);
}

TEST_CASE("two groups make a hold-out whatever their sizes, and one makes none") {
  Dataset d = rows(20);
  d.group.assign(20, 0);
  d.group[3] = 1;
  const Split s = make_split(d, {});
  CHECK(s.train.size() + s.validation.size() == 20);
  CHECK(std::min(s.train.size(), s.validation.size()) == 1);
  d.group[3] = 0;
  (void)data_error("D114", [&] { (void)make_split(d, {}); });
}

TEST_CASE("folds that a column names are those, in the order of their numbers, and equal the same ones drawn") {
  const Dataset plain = rows(50, {0, 1, 1});
  const Folds drawn = make_folds(plain, {});
  Dataset named = plain;
  named.split.resize(50);
  for (std::size_t k = 0; k < 5; ++k) {
    for (const Index r : drawn.parts[k].validation) named.split[static_cast<std::size_t>(r)] = std::to_string(10 * (k + 1));
  }
  CHECK(names_folds(named));
  CHECK(!names_folds(plain));
  const Folds f = make_folds(named, {});
  CHECK(f.folds == 5);
  CHECK(f.names[1] == "fold 20");
  for (std::size_t k = 0; k < 5; ++k) {
    CHECK(f.parts[k].train == drawn.parts[k].train);
    CHECK(f.parts[k].validation == drawn.parts[k].validation);
  }
  named.split[4] = "test";
  named.split[9] = "train";
  const Folds some = make_folds(named, {});
  CHECK(some.parts[0].test == std::vector<Index>{4});
  for (const Split& part : some.parts) {
    CHECK(!std::binary_search(part.validation.begin(), part.validation.end(), Index{9}));
    CHECK(std::binary_search(part.train.begin(), part.train.end(), Index{9}));
    CHECK(!std::binary_search(part.train.begin(), part.train.end(), Index{4}));
  }
}

TEST_CASE("the test rows of folds are those of the hold-out with the same seed") {
  const Dataset d = rows(80, {0, 1});
  FoldOptions folds;
  SplitOptions hold;
  folds.test_fraction = hold.test_fraction = 0.25;
  folds.seed = hold.seed = 3;
  CHECK(make_folds(d, folds).parts[0].test == make_split(d, hold).test);
}

TEST_CASE("folds that cannot be are refused with a sentence") {
  const auto refused = [](const Dataset& d, const FoldOptions& o) {
    try {
      (void)make_folds(d, o);
    } catch (const UsageError& e) {
      return e.key() + ": " + e.what();
    }
    return std::string("accepted");
  };
  FoldOptions many;
  many.folds = 6;
  CHECK(refused(rows(5), many) == "validation.folds: 6 folds cannot be made of 5 rows; use 2 to that many");
  Dataset grouped = rows(20);
  for (Index i = 0; i < 20; ++i) grouped.group.push_back(i % 3);
  CHECK(refused(grouped, {}) == "validation.folds: 5 folds cannot be made of 3 groups of rows; use 2 to that many");
  FoldOptions one;
  one.folds = 1;
  CHECK(refused(rows(5), one).rfind("validation.folds", 0) == 0);
  FoldOptions none;
  none.repeats = 0;
  CHECK(refused(rows(5), none).rfind("validation.repeats", 0) == 0);
  Dataset column = rows(6);
  column.split = {"1", "1", "1", "1", "1", "1"};
  CHECK(refused(column, {}) == "validation.split_column: the split column names 1 fold; cross-validation needs two or more");
  column.split = {"1", "2", "1", "validation", "1", "1"};
  CHECK(refused(column, {}).rfind("validation.split_column", 0) == 0);
  column.split = {"train", "train", "train", "validation", "train", "train"};
  CHECK(refused(column, {}).rfind("validation.split_column", 0) == 0);
  column.split = {"1", "2", "1", "2", "1", "1"};
  FoldOptions twice;
  twice.repeats = 2;
  CHECK(refused(column, twice).rfind("validation.repeats", 0) == 0);
  FoldOptions tested;
  tested.test_fraction = 0.2;
  CHECK(refused(column, tested).rfind("data.test", 0) == 0);
  Dataset file = rows(20);
  file.origin[19] = Origin::validation;
  CHECK(refused(file, {}).rfind("validation.scheme", 0) == 0);
}

TEST_CASE("a fold whose training rows are of one class is named") {
  Dataset d = rows(10, {0});
  d.y[2] = 1;  // the other class has one row, which one fold holds out
  const DataError e = data_error("D113", [&] { (void)make_folds(d, {}); });
  CHECK(std::string(e.what()).find("all training rows have the same class") != std::string::npos);
}
