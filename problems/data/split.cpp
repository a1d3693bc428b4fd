#include <tacit/problems/data/split.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tacit/problems/data/dataset.hpp>
#include <utility>

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

void require_classes(const Dataset& data, const std::vector<Index>& train, Index counting) {
  if (data.classes.empty()) return;
  const double first = data.y[counting];
  if (std::any_of(train.begin(), train.end(), [&](Index r) { return counts(data, r) && data.y[r] != first; })) return;
  throw DataError("D113", "all training rows have the same class, " + quoted_text(data.classes[static_cast<std::size_t>(first)]),
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

std::vector<Index> draw_rows(std::vector<Index>& rows, double fraction, std::span<const Index> class_of, SplitMix64& random) {
  const auto n = static_cast<Index>(rows.size());
  std::vector<Index> drawn, left;
  if (n < 2) return drawn;
  const Index total = std::clamp<Index>(static_cast<Index>(std::llround(fraction * static_cast<double>(n))), 1, n - 1);
  std::vector<std::vector<Index>> classes = by_class(rows, class_of);
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

Split make_split(const Dataset& data, const SplitOptions& options) {
  check_share(options.fraction, false, "validation.fraction");
  check_share(options.test_fraction, true, "data.test");
  if (options.stratify == Stratify::yes && data.classes.empty()) {
    throw UsageError("only classes can be stratified, and the target holds numbers; set it to auto or false",
                     "validation.stratify");
  }
  std::vector<Index> rows, class_of;
  Split out;
  bool validation_file = false;
  rows.reserve(static_cast<std::size_t>(data.rows()));
  for (Index r = 0; r < data.rows(); ++r) {
    const Origin origin = data.origin[static_cast<std::size_t>(r)];
    (origin == Origin::train ? rows : origin == Origin::test ? out.test : out.validation).push_back(r);
    validation_file |= origin == Origin::validation;
  }
  if (!data.classes.empty() && options.stratify != Stratify::no) {
    for (Index r = 0; r < data.rows(); ++r) class_of.push_back(static_cast<Index>(data.y[r]));
  }
  SplitMix64 random(options.seed);
  if (!data.split.empty()) split_by_column(data, out, rows);
  if (options.test_fraction > 0) {
    if (!out.test.empty())
      throw UsageError("test rows are already named, so no share of the others can test; keep one", "data.test");
    std::vector<Index>& from = data.split.empty() ? rows : out.train;
    out.test = draw_rows(from, options.test_fraction, class_of, random);
  }
  if (data.split.empty()) {
    if (!validation_file) out.validation = draw_rows(rows, options.fraction, class_of, random);
    out.train = std::move(rows);
  }
  std::sort(out.test.begin(), out.test.end());
  const std::string remedy =
      data.split.empty() ? "a hold-out needs at least two rows" : "the split column must name rows of both kinds";
  if (out.train.empty()) throw empty_part(data, "train on", remedy);
  if (out.validation.empty()) throw empty_part(data, "validate on", remedy);
  if (!out.test.empty()) require_weight(data, out.test, "test");
  require_weight(data, out.validation, "validation");
  require_classes(data, out.train, require_weight(data, out.train, "training"));
  return out;
}

}  // namespace tacit::inline TACIT_ABI
