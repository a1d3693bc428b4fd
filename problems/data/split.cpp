#include <tacit/problems/data/split.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

void check_share(double share, bool zero_allowed, const char* key) {
  if (share < 1 && (share > 0 || (zero_allowed && share == 0))) return;
  throw UsageError(std::string("the share of rows must be ") + (zero_allowed ? "at least" : "more than") + " 0 and less than 1",
                   key);
}

/// Rows of one class after another; one class when there are none.
std::vector<std::vector<Index>> by_class(const std::vector<Index>& rows, std::span<const Index> class_of) {
  std::vector<std::vector<Index>> out(1);
  for (const Index r : rows) {
    const std::size_t c = class_of.empty() ? 0 : static_cast<std::size_t>(class_of[static_cast<std::size_t>(r)]);
    if (c >= out.size()) out.resize(c + 1);
    out[c].push_back(r);
  }
  return out;
}

/// How many of each class to draw so that the total is as asked: shares rounded down, the largest remainders one more (Hamilton's
/// method).
std::vector<Index> quotas(const std::vector<std::vector<Index>>& classes, double fraction, Index total) {
  std::vector<Index> quota;
  std::vector<std::pair<double, std::size_t>> rest;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const double exact = fraction * static_cast<double>(classes[c].size());
    quota.push_back(static_cast<Index>(std::floor(exact)));
    rest.emplace_back(static_cast<double>(quota.back()) - exact, c);
  }
  std::sort(rest.begin(), rest.end());
  const Index missing = total - std::accumulate(quota.begin(), quota.end(), Index{0});
  for (std::size_t k = 0; k < rest.size() && static_cast<Index>(k) < missing; ++k) {
    const std::size_t c = rest[k].second;
    if (quota[c] < static_cast<Index>(classes[c].size())) ++quota[c];
  }
  return quota;
}

DataError empty_part(const Dataset& data, const std::string& what, std::string remedy) {
  return DataError("D114", "no row is there to " + what, SourceLocation{data.files.empty() ? "" : data.files[0].path, 0, 0},
                   std::move(remedy));
}

/// Puts the rows of the training file where the split column says.
void split_by_column(const Dataset& data, Split& out, std::vector<Index>& rows) {
  for (const Index r : std::exchange(rows, {})) {
    const std::string& part = data.split[static_cast<std::size_t>(r)];
    if (part == "train") {
      out.train.push_back(r);
    } else if (part == "validation") {
      out.validation.push_back(r);
    } else if (part == "test") {
      out.test.push_back(r);
    } else {
      throw UsageError("the split column holds the fold number " + part + ", but a hold-out needs the words train and validation",
                       "validation.split_column");
    }
  }
}

/// The rows of one group after another, in the order in which the groups first appear.
std::vector<std::vector<Index>> by_group(const std::vector<Index>& rows, std::span<const Index> group_of) {
  std::vector<std::vector<Index>> out;
  std::map<Index, std::size_t> place;
  for (const Index r : rows) {
    const auto [at, fresh] = place.emplace(group_of[static_cast<std::size_t>(r)], out.size());
    if (fresh) out.emplace_back();
    out[at->second].push_back(r);
  }
  return out;
}

/// Groups to parts of the given shares (their sum is 1): in a drawn order, the largest first, each to the part where the rows
/// of the classes then lie nearest to their shares, in squares; of equal ones to the first. Returns the groups of each part.
std::vector<std::vector<std::size_t>> deal_groups(std::vector<std::vector<Index>>& groups, const std::vector<double>& shares,
                                                  std::span<const Index> class_of, SplitMix64& random) {
  std::vector<Index> order(groups.size());
  std::iota(order.begin(), order.end(), Index{0});
  random.shuffle(order);
  const auto group = [&](Index g) -> const std::vector<Index>& { return groups[static_cast<std::size_t>(g)]; };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return group(a).size() > group(b).size(); });
  std::size_t classes = 1;
  for (const Index c : class_of) classes = std::max(classes, static_cast<std::size_t>(c) + 1);
  const auto class_number = [&](Index r) {
    return class_of.empty() ? std::size_t{0} : static_cast<std::size_t>(class_of[static_cast<std::size_t>(r)]);
  };
  std::vector<double> total(classes, 0);
  for (const auto& rows : groups) {
    for (const Index r : rows) total[class_number(r)] += 1;
  }
  std::vector<std::vector<double>> held(shares.size(), std::vector<double>(classes, 0));
  std::vector<std::vector<std::size_t>> out(shares.size());
  for (const Index g : order) {
    std::vector<double> more(classes, 0);
    for (const Index r : group(g)) more[class_number(r)] += 1;
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < shares.size(); ++k) {
      double worse = 0;  // of the squared distance to what the part should have of each class, in its own units
      for (std::size_t c = 0; c < classes; ++c) {
        if (total[c] == 0) continue;
        const double wanted = shares[k] * total[c], before = held[k][c] - wanted, after = before + more[c];
        worse += (after * after - before * before) / (wanted * total[c]);
      }
      if (worse < least) {
        least = worse;
        best = k;
      }
    }
    for (std::size_t c = 0; c < classes; ++c) held[best][c] += more[c];
    out[best].push_back(static_cast<std::size_t>(g));
  }
  return out;
}

/// Some groups whole; neither part is empty where there are two groups.
std::vector<Index> draw_groups(std::vector<Index>& rows, double fraction, const DrawBy& by, SplitMix64& random) {
  auto groups = by_group(rows, by.group_of);
  if (groups.size() < 2) return {};
  auto parts = deal_groups(groups, {fraction, 1 - fraction}, by.class_of, random);
  for (std::size_t k = 0; k < 2; ++k) {  // the smallest group of the other part, which is last there
    if (!parts[k].empty()) continue;
    parts[k].push_back(parts[1 - k].back());
    parts[1 - k].pop_back();
  }
  std::vector<std::vector<Index>> out(2);
  for (std::size_t k = 0; k < 2; ++k) {
    for (const std::size_t g : parts[k]) out[k].insert(out[k].end(), groups[g].begin(), groups[g].end());
    std::sort(out[k].begin(), out[k].end());
  }
  rows = std::move(out[1]);
  return std::move(out[0]);
}

/// Rows of weight 0 are not there for the fit.
bool counts(const Dataset& data, Index row) { return data.weight.size() == 0 || data.weight[row] > 0; }

/// The first of the rows that counts. Throws D112 when none does.
Index require_weight(const Dataset& data, const std::vector<Index>& rows, const std::string& what) {
  const auto first = std::find_if(rows.begin(), rows.end(), [&](Index r) { return counts(data, r); });
  if (first != rows.end()) return *first;
  throw DataError("D112", "all " + what + " rows have the weight 0",
                  SourceLocation{data.files.empty() ? "" : data.files[0].path, 0, 0},
                  "give some of them a positive weight, or split in another way");
}

/// of: "" or the name of a fold with a colon.
void require_classes(const Dataset& data, const std::vector<Index>& train, Index counting, const std::string& of) {
  if (data.classes.empty()) return;
  const double first = data.y[counting];
  if (std::any_of(train.begin(), train.end(), [&](Index r) { return counts(data, r) && data.y[r] != first; })) return;
  throw DataError("D113",
                  of + "all training rows have the same class, " + quoted_text(data.classes[static_cast<std::size_t>(first)]),
                  SourceLocation{data.files.empty() ? "" : data.files[0].path, 0, 0},
                  "split in another way: validation.stratify: true keeps the shares of the classes");
}

}  // namespace

std::uint64_t SplitMix64::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

std::uint64_t SplitMix64::below(std::uint64_t n) {
  const std::uint64_t excess = (0 - n) % n;  // 2^64 mod n: as many numbers at the low end would favour some results
  std::uint64_t value = next();
  while (value < excess) value = next();
  return value % n;
}

void SplitMix64::shuffle(std::vector<Index>& items) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
}

std::vector<Index> draw_rows(std::vector<Index>& rows, double fraction, const DrawBy& by, SplitMix64& random) {
  if (!by.group_of.empty()) return draw_groups(rows, fraction, by, random);
  const auto n = static_cast<Index>(rows.size());
  std::vector<Index> drawn, left;
  if (n < 2) return drawn;
  const Index total = std::clamp<Index>(static_cast<Index>(std::llround(fraction * static_cast<double>(n))), 1, n - 1);
  std::vector<std::vector<Index>> classes = by_class(rows, by.class_of);
  const std::vector<Index> quota = quotas(classes, fraction, total);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    random.shuffle(classes[c]);
    const auto cut = classes[c].begin() + quota[c];
    drawn.insert(drawn.end(), classes[c].begin(), cut);
    left.insert(left.end(), cut, classes[c].end());
  }
  std::sort(drawn.begin(), drawn.end());
  std::sort(left.begin(), left.end());
  rows = std::move(left);
  return drawn;
}

namespace {

/// What make_split and make_folds begin with: the rows of the training file and of the others, the classes of a stratified draw,
/// and the test rows where a share of all is asked for.
struct Sorted {
  std::vector<Index> rows, class_of;
  Split out;
  bool validation_file = false;
  DrawBy by(const Dataset& data) const { return {class_of, data.group}; }
};

Sorted sort_rows(const Dataset& data, Stratify stratify, const std::vector<Index>& among) {
  if (stratify == Stratify::yes && data.classes.empty()) {
    throw UsageError("only classes can be stratified, and the target holds numbers; set it to auto or false",
                     "validation.stratify");
  }
  Sorted s;
  s.rows = among;
  for (Index r = 0; r < data.rows() && among.empty(); ++r) {
    const Origin origin = data.origin[static_cast<std::size_t>(r)];
    (origin == Origin::train ? s.rows : origin == Origin::test ? s.out.test : s.out.validation).push_back(r);
    s.validation_file |= origin == Origin::validation;
  }
  if (!data.classes.empty() && stratify != Stratify::no) {
    for (Index r = 0; r < data.rows(); ++r) s.class_of.push_back(static_cast<Index>(data.y[r]));
  }
  return s;
}

void draw_test_rows(const Dataset& data, Sorted& s, std::vector<Index>& from, double fraction, SplitMix64& random) {
  if (fraction == 0) return;
  if (!s.out.test.empty())
    throw UsageError("test rows are already named, so no share of the others can test; keep one", "data.test");
  s.out.test = draw_rows(from, fraction, s.by(data), random);
}

}  // namespace

Split make_split(const Dataset& data, const SplitOptions& options) {
  check_share(options.fraction, false, "validation.fraction");
  check_share(options.test_fraction, true, "data.test");
  Sorted s = sort_rows(data, options.stratify, options.among);
  Split& out = s.out;
  SplitMix64 random(options.seed);
  if (!data.split.empty()) split_by_column(data, out, s.rows);
  draw_test_rows(data, s, data.split.empty() ? s.rows : out.train, options.test_fraction, random);
  if (data.split.empty()) {
    if (!s.validation_file) out.validation = draw_rows(s.rows, options.fraction, s.by(data), random);
    out.train = std::move(s.rows);
  }
  std::sort(out.test.begin(), out.test.end());
  const std::string remedy = !data.split.empty()  ? "the split column must name rows of both kinds"
                             : data.group.empty() ? "a hold-out needs at least two rows"
                                                  : "a hold-out needs at least two groups";
  if (out.train.empty()) throw empty_part(data, "train on", remedy);
  if (out.validation.empty()) throw empty_part(data, "validate on", remedy);
  if (!out.test.empty()) require_weight(data, out.test, "test");
  require_weight(data, out.validation, "validation");
  require_classes(data, out.train, require_weight(data, out.train, "training"), "");
  return std::move(out);
}

namespace {

/// The fold of each of the rows, from 0.
std::vector<Index> draw_folds(const std::vector<Index>& rows, Index folds, const DrawBy& by, SplitMix64& random) {
  std::map<Index, Index> fold_of;
  if (!by.group_of.empty()) {
    auto groups = by_group(rows, by.group_of);
    const auto parts = deal_groups(groups, std::vector<double>(static_cast<std::size_t>(folds), 1 / static_cast<double>(folds)),
                                   by.class_of, random);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      for (const std::size_t g : parts[k]) {
        for (const Index r : groups[g]) fold_of[r] = static_cast<Index>(k);
      }
    }
  } else {
    Index next = 0;  // goes on from class to class, so that the sizes differ by one row at most
    for (std::vector<Index>& members : by_class(rows, by.class_of)) {
      random.shuffle(members);
      for (const Index r : members) fold_of[r] = next++ % folds;
    }
  }
  std::vector<Index> out;
  for (const Index r : rows) out.push_back(fold_of[r]);
  return out;
}

/// The splits of one draw: fold_of of each of the rows, -1: trains in all.
void add_draw(Folds& out, const std::vector<Index>& rows, const std::vector<Index>& fold_of, const std::vector<Index>& test) {
  const std::size_t first = out.parts.size();
  out.parts.resize(first + static_cast<std::size_t>(out.folds));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (Index k = 0; k < out.folds; ++k) {
      Split& part = out.parts[first + static_cast<std::size_t>(k)];
      (fold_of[i] == k ? part.validation : part.train).push_back(rows[i]);
    }
  }
  for (std::size_t k = first; k < out.parts.size(); ++k) out.parts[k].test = test;
}

/// The folds that the split column names, ascending by number.
void folds_of_column(const Dataset& data, Folds& out, const std::vector<Index>& rows, std::vector<Index>& test) {
  std::map<double, Index> number;
  std::vector<Index> kept;
  std::vector<std::optional<double>> fold;
  for (const Index r : rows) {
    const std::string& part = data.split[static_cast<std::size_t>(r)];
    if (part == "test") {
      test.push_back(r);
      continue;
    }
    if (part == "validation")
      throw UsageError("the split column holds fold numbers and the word validation; a row is held out by the fold it names",
                       "validation.split_column");
    kept.push_back(r);
    fold.emplace_back();
    if (part == "train") continue;
    fold.back() = std::stod(part);
    number.emplace(*fold.back(), 0);
  }
  if (number.size() < 2)
    throw UsageError("the split column names " + std::to_string(number.size()) + " fold" + (number.size() == 1 ? "" : "s") +
                         "; cross-validation needs two or more",
                     "validation.split_column");
  for (auto& [value, k] : number) {
    k = out.folds++;
    out.names.push_back("fold " + exact_number(value));
  }
  std::vector<Index> fold_of;
  for (const auto& f : fold) fold_of.push_back(f ? number.at(*f) : -1);
  std::sort(test.begin(), test.end());
  add_draw(out, kept, fold_of, test);
}

void require_folds(const Dataset& data, const Folds& folds) {
  for (std::size_t k = 0; k < folds.parts.size(); ++k) {
    const Split& part = folds.parts[k];
    if (part.validation.empty()) throw empty_part(data, "validate on in " + folds.names[k], "use fewer folds");
    if (part.train.empty()) throw empty_part(data, "train on in " + folds.names[k], "use more folds");
    require_weight(data, part.validation, folds.names[k] + ": validation");
    require_classes(data, part.train, require_weight(data, part.train, folds.names[k] + ": training"), folds.names[k] + ": ");
  }
  if (!folds.parts.front().test.empty()) require_weight(data, folds.parts.front().test, "test");
}

}  // namespace

bool names_folds(const Dataset& data) {
  return std::any_of(data.split.begin(), data.split.end(), [](const std::string& part) {
    return !part.empty() && part != "train" && part != "validation" && part != "test";
  });
}

Folds make_folds(const Dataset& data, const FoldOptions& options) {
  check_share(options.test_fraction, true, "data.test");
  if (options.repeats < 1) throw UsageError("folds are drawn at least once", "validation.repeats");
  Sorted s = sort_rows(data, options.stratify, options.among);
  if (s.validation_file)
    throw UsageError("a file of validation rows is a hold-out, and folds are drawn from the training file; keep one",
                     "validation.scheme");
  Folds out;
  SplitMix64 random(options.seed);
  if (!data.split.empty()) {
    if (!names_folds(data))
      throw UsageError("the split column holds words alone, which name one hold-out; folds are named by numbers",
                       "validation.split_column");
    if (options.repeats > 1)
      throw UsageError("the split column names the folds, so there is nothing to draw again; remove it, or one of the two",
                       "validation.repeats");
    if (options.test_fraction > 0)
      throw UsageError("the split column names the folds; name the test rows there too (test), or give a file", "data.test");
    folds_of_column(data, out, s.rows, s.out.test);
    require_folds(data, out);
    return out;
  }
  draw_test_rows(data, s, s.rows, options.test_fraction, random);
  std::sort(s.out.test.begin(), s.out.test.end());
  const std::size_t units = data.group.empty() ? s.rows.size() : by_group(s.rows, data.group).size();
  if (options.folds < 2 || static_cast<std::size_t>(options.folds) > units)
    throw UsageError(std::to_string(options.folds) + " folds cannot be made of " + std::to_string(units) +
                         (data.group.empty() ? " rows" : " groups of rows") + "; use 2 to that many",
                     "validation.folds");
  out.folds = options.folds;
  out.repeats = options.repeats;
  for (Index draw = 1; draw <= out.repeats; ++draw) {
    add_draw(out, s.rows, draw_folds(s.rows, out.folds, s.by(data), random), s.out.test);
    for (Index k = 1; k <= out.folds; ++k)
      out.names.push_back("fold " + std::to_string(k) + (out.repeats > 1 ? " of draw " + std::to_string(draw) : ""));
  }
  require_folds(data, out);
  return out;
}

}  // namespace tacit::inline TACIT_ABI
