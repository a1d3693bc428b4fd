#include <tacit/problems/data/detail/numbered.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/detail/remarks.hpp>
#include <tacit/problems/data/detail/targets.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// One file with its target. The rows of LIBSVM files come together, apart from these.
struct Part {
  std::string path, format;
  std::uint64_t digest = 0;
  Features x;
  bool arrays = false;
  Index rows = 0;
  TargetPart target;
  Index weight_column = -1;
};

AlignedRows filled(const CsrMatrix& x) {
  AlignedRows out(x.rows(), x.cols());
  out.setZero();
  for (Index i = 0; i < x.rows(); ++i) {
    for (CsrMatrix::InnerIterator a(x, i); a; ++a) out(i, a.col()) = a.value();
  }
  return out;
}

void store_as(Features& x, bool sparse) {
  if (x.sparse == sparse) return;
  Features other;
  other.sparse = sparse;
  other.sparse_format = x.sparse_format;
  if (sparse) {
    other.csr = x.dense.sparseView();
    other.csr.makeCompressed();
  } else {
    other.dense = filled(x.csr);
  }
  x = std::move(other);
}

Vec column_of(const Features& x, Index column) {
  if (!x.sparse) return x.dense.col(column);
  Vec out = Vec::Zero(x.csr.rows());
  for (Index i = 0; i < x.csr.rows(); ++i) out[i] = x.csr.coeff(i, column);
  return out;
}

/// From 0; -1: the selector is no number of a column.
Index column_number(const std::string& selector, Index columns) {
  if (selector == "last") return columns - 1;
  Index number = 0;
  const auto [end, ec] = std::from_chars(selector.data(), selector.data() + selector.size(), number);
  const bool good = ec == std::errc{} && end == selector.data() + selector.size() && number >= 1 && number <= columns;
  return good ? number - 1 : -1;
}

std::string format_of_data(const std::string& path, const std::string& otherwise) {
  const FileFormat* told = format_of_file(path);
  return told && told->read ? told->name : otherwise;
}

std::vector<Index> iota(Index n) {
  std::vector<Index> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}

class NumberedLoader {
public:
  explicit NumberedLoader(const DataOptions& options) : o_(options), format_(table_format(o_.format, o_.train)) {}

  Dataset run() {
    name_files();
    if (format_ == "libsvm")
      read_libsvm_parts();
    else
      read_number_parts();
    choose_features();
    keep_rows();
    Index rows = 0;
    for (const Part& p : parts_) rows += static_cast<Index>(p.target.kept.size());
    d_.row.reserve(static_cast<std::size_t>(rows));
    d_.origin.reserve(static_cast<std::size_t>(rows));
    for (const Part& p : parts_) {
      for (const Index r : p.target.kept) {
        d_.row.push_back(r + 1);
        d_.origin.push_back(p.target.origin);
      }
      d_.files.push_back({p.path, p.digest, static_cast<Index>(p.target.kept.size()), p.format});
    }
    load_targets();
    load_weights();
    load_roles();
    stack();
    d_.groups = make_groups(o_, d_.feature_names, d_.feature_names, d_.warnings);
    remark_same_rows(d_);
    return std::move(d_);
  }

private:
  Part& train() { return parts_[0]; }
  bool sparse() const { return d_.x.sparse || parts_[0].x.sparse; }
  Encoder& encoder() { return d_.encoder; }

  void name_files() {
    for (const auto& [path, origin] : {std::pair{o_.train, Origin::train}, std::pair{o_.validation_file, Origin::validation},
                                       std::pair{o_.test_file, Origin::test}}) {
      if (path.empty()) continue;
      parts_.emplace_back();
      parts_.back().path = resolve_path(o_.base_dir, path);
      parts_.back().target.origin = origin;
    }
  }

  void read_libsvm_parts() {
    std::vector<std::string> paths;
    for (const Part& p : parts_) paths.push_back(p.path);
    LibsvmSet set =
        read_libsvm(paths, {.index_base = o_.index_base, .features_total = o_.features_total, .limits = o_.table.limits});
    if (!set.remark.empty()) {
      d_.remarks.push_back({"W217", set.remark + ".",
                            "If one of them counts from 1, number it anew; if all count from 0, say so: data.index_base=0."});
    }
    d_.x.sparse = d_.x.sparse_format = true;
    d_.x.csr.swap(set.x);
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      LibsvmPart& from = set.parts[k];
      Part& p = parts_[k];
      p.format = format_;
      p.digest = from.digest;
      p.rows = from.label.size();
      p.target.column.path = p.path;
      p.target.column.value = std::move(from.label);
      remark_inexact(p.path, from.inexact);
    }
    encoder().index_base = set.index_base;
    encoder().features_total = set.features;
    encoder().target = "label";
  }

  void remark_inexact(const std::string& path, Index count) {
    if (count == 0) return;
    d_.remarks.push_back(
        {"W211", "'" + path + "' holds " + std::to_string(count) + " whole numbers above 2^53, whose last digits are lost.",
         "Leave their columns out if they are identifiers (data.drop), or subtract a common value."});
  }

  void read_number_parts() {
    for (Part& p : parts_) {
      p.format = o_.format == "auto" ? format_of_data(p.path, format_) : format_;
      NumberFile file = read_number_file(p.path, p.format, o_.table.limits);
      p.digest = file.digest;
      p.x = std::move(file.x);
      p.rows = p.x.rows();
      p.arrays = file.arrays;
      remark_inexact(p.path, file.inexact);
      require_columns(p);
      store_as(p.x, train().x.sparse);
      p.x.sparse_format = train().x.sparse_format;
    }
    encoder().features_total = train().x.cols();
    find_targets();
    find_weight();
  }

  void require_columns(const Part& p) {
    if (p.x.cols() == train().x.cols()) return;
    throw DataError("D131",
                    "'" + p.path + "' has " + std::to_string(p.x.cols()) + (p.x.cols() == 1 ? " column" : " columns") + ", not " +
                        std::to_string(train().x.cols()) + " as the training file",
                    SourceLocation{p.path, 0, 0}, "give it the columns of the training file in their order");
  }

  void find_targets() {
    if (o_.target.empty()) {
      throw UsageError(
          "the columns of '" + o_.train +
              "' have no names, so say where the targets are: a file with one a row (data.target: FILE), or a column: "
              "last, or its number counted from 1",
          "data.target");
    }
    const bool by_file = place_target(train(), o_.target, o_.target_path, "data.target");
    for (Part& p : parts_) {
      if (p.target.origin == Origin::train) continue;
      const bool test = p.target.origin == Origin::test;
      const std::string key = test ? "data.test_target" : "validation.target";
      const std::string& own = test ? o_.test_target : o_.validation_target;
      if (own.empty() && by_file)
        throw UsageError(
            "the targets of the training rows are in a file of their own; name that of the rows of '" + p.path + "' too", key);
      place_target(p, own.empty() ? o_.target : own, test ? o_.test_target_path : o_.validation_target_path, key);
    }
  }

  /// Finds the target of one file: a column by number, or another file. Returns whether it is a file.
  bool place_target(Part& p, const std::string& selector, const std::string& as_path, const std::string& key) {
    std::string& named = p.target.origin == Origin::train        ? d_.target_file
                         : p.target.origin == Origin::validation ? d_.validation_target_file
                                                                 : d_.test_target_file;
    const Index column = column_number(selector, p.x.cols());
    if (column < 0) {
      const std::string file = file_of_selector(o_, selector, as_path);
      if (file.empty()) throw no_target(selector, key, p.path);
      p.target.column = read_column_file(file, p.x.rows(), "targets", p.path, o_.table.limits);
      d_.beside.push_back({p.target.column.path, p.target.column.digest, p.x.rows()});
      named = file;
      if (p.target.origin == Origin::train) encoder().target = std::filesystem::path(file).filename().string();
      return true;
    }
    if (p.arrays) {
      throw UsageError("the rows of '" + p.path +
                           "' are arrays (images), of which no column is a target; name a file with one label "
                           "a row: " +
                           key + ": FILE",
                       key);
    }
    if (p.target.origin != Origin::train && column != encoder().target_column)
      throw UsageError(key + " is another column than that of the training file, so the features would not be the same", key);
    p.target.column.path = p.path;
    p.target.column.value = column_of(p.x, column);
    if (p.target.origin == Origin::train) {
      encoder().target_column = column;
      encoder().target = "x" + std::to_string(column + 1);
    }
    return false;
  }

  void find_weight() {
    const Index column = o_.weight.empty() ? -1 : column_number(o_.weight, train().x.cols());
    if (column < 0) return;
    if (column == encoder().target_column)
      throw UsageError("data.target and data.weight name the same column; a column has one part", "data.weight");
    for (Part& p : parts_) p.weight_column = column;
    d_.weight_column = "x" + std::to_string(column + 1);
  }

  /// By name: all but target and weight, data.features and data.drop.
  void choose_features() {
    Encoder& e = encoder();
    e.sparse = sparse();
    e.missing = o_.missing;
    std::vector<std::string> names;
    std::vector<Index> candidates;
    for (Index j = 0; j < e.features_total; ++j) {
      if (j == e.target_column || j == train().weight_column) continue;
      candidates.push_back(j);
      names.push_back("x" + std::to_string(j + e.index_base));
    }
    const std::vector<bool> wanted = o_.features.empty() ? std::vector<bool>(names.size(), true)
                                                         : match_names(names, o_.features, "data.features", "D107", o_.train);
    const std::vector<bool> dropped = match_names(names, o_.drop, "data.drop", "D107", o_.train);
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (!wanted[k] || dropped[k]) continue;
      kept_.push_back(candidates[k]);
      d_.feature_names.push_back(std::move(names[k]));
    }
    if (kept_.empty()) {
      const bool one = e.features_total == 1;
      throw DataError("D120", one ? "the file has one column, the target, so no feature is left" : "no feature is left",
                      SourceLocation{o_.train, 0, 0},
                      one ? "name the file of the features in data.train" : "check data.features and data.drop");
    }
    if (e.sparse) {
      if (static_cast<Index>(kept_.size()) < e.features_total) e.kept_features = kept_;
      return;
    }
    e.had_header = false;
    e.source_columns = e.features_total;
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      EncodedColumn c;
      c.name = d_.feature_names[k];
      c.first = static_cast<Index>(k);
      e.columns.push_back(std::move(c));
    }
  }

  /// The rows that stay under the rule for missing numbers.
  void keep_rows() {
    for (Part& p : parts_) {
      p.target.kept = iota(p.rows);
      if (sparse() || !any_missing(p.x.dense)) continue;
      const auto missing = [&](Index row) {
        const auto at = std::find_if(kept_.begin(), kept_.end(), [&](Index j) { return std::isnan(p.x.dense(row, j)); });
        return at == kept_.end() ? Index{-1} : *at;
      };
      for (Index r = 0; r < p.x.rows() && o_.missing == Missing::error; ++r) {
        if (const Index j = missing(r); j >= 0)
          throw DataError("D110",
                          "the number in row " + std::to_string(r + 1) + ", column " + std::to_string(j + 1) + " of '" + p.path +
                              "' is missing (NaN)",
                          SourceLocation{p.path, 0, 0}, "fill it, or set data.missing to drop-row, mean or median");
      }
      if (o_.missing != Missing::drop_row) continue;
      std::erase_if(p.target.kept, [&](Index r) { return missing(r) >= 0; });
      const auto left = static_cast<Index>(p.target.kept.size());
      if (left == 0)
        throw DataError("D110", "every row of '" + p.path + "' has a missing number, so data.missing: drop-row leaves none",
                        SourceLocation{p.path, 0, 0},
                        "set data.missing to mean or median, or drop the columns that are often missing");
      if (left < p.rows) d_.warnings.push_back(dropped_text(p.rows - left, p.rows, p.path));
    }
  }

  void load_targets() {
    std::vector<TargetPart> targets;
    for (Part& p : parts_) targets.push_back(std::move(p.target));
    code_targets(d_, targets, o_.target_kind);
    for (std::size_t k = 0; k < parts_.size(); ++k) parts_[k].target.kept = std::move(targets[k].kept);
  }

  void load_weights() {
    d_.weight = Vec::Ones(d_.y.size());
    d_.weighted = !o_.weight.empty();
    if (!d_.weighted) return;
    std::string path = train().path;
    Index at = 0;
    if (train().weight_column >= 0) {
      for (const Part& p : parts_) {
        const Vec w = column_of(p.x, p.weight_column);
        for (const Index r : p.target.kept) {
          if (!(w[r] >= 0))
            throw DataError("D112", "the weight of row " + std::to_string(r + 1) + " is negative or missing",
                            SourceLocation{p.path, 0, 0}, "weights are 0 or more");
          d_.weight[at++] = w[r];
        }
      }
    } else {
      path = resolve_path(o_.base_dir, o_.weight);
      const ColumnFile w = read_weights(path, train().rows, train().path, o_.table.limits);
      for (const Index r : train().target.kept) d_.weight[at++] = w.value[r];
      d_.beside.push_back({path, w.digest, w.rows()});
      d_.weight_file = path;
    }
    require_positive_weight(d_, path);
  }

  /// The file with one value a training row that a key names: such data have no columns with names.
  ColumnFile role_file(const std::string& name, const char* key, const char* what, const char* otherwise, std::string& file) {
    file = resolve_path(o_.base_dir, name);
    if (!std::filesystem::is_regular_file(file))
      throw UsageError("the columns of a file of the format " + format_ + " have no names, and '" + name +
                           "' is no file with one value a row" + otherwise,
                       key);
    return read_beside(d_, file, train().rows, what, train().path, o_.table.limits);
  }

  static RowError at_row(const ColumnFile& column) {
    return [&column](const char* code, const std::string& message, Index row, const std::string& remedy) {
      return column.error(code, message, row, remedy);
    };
  }

  void load_roles() {
    if (!o_.split_column.empty()) {
      const ColumnFile split = role_file(o_.split_column, "validation.split_column", "parts of the split",
                                         "; name one, or use validation.file or validation.fraction", d_.split_file);
      for (const Part& p : parts_) add_split(d_, split, p.target.kept, p.target.origin, at_row(split));
    }
    if (o_.group.empty()) return;
    const ColumnFile groups = role_file(o_.group, "data.group", "groups", "", d_.group_file);
    std::map<std::string, Index> numbers;
    for (const Part& p : parts_) add_groups(d_, groups, p.target.kept, p.target.origin, numbers, at_row(groups));
  }

  bool all_columns() const { return static_cast<Index>(kept_.size()) == d_.encoder.features_total; }

  /// All rows below each other, features alone.
  void stack() {
    if (d_.x.rows() == 0) join_parts();
    if (!d_.x.sparse) {
      list_missing();
      return;
    }
    if (!all_columns()) keep_columns(d_.x.csr, kept_);
    const double share =
        static_cast<double>(d_.x.csr.nonZeros()) / (static_cast<double>(d_.y.size()) * static_cast<double>(kept_.size()));
    if (share < kDenseFrom) return;
    store_as(d_.x, false);
    d_.notes.push_back(percent_text(share) + " of the entries of '" + o_.train +
                       "' are stored, though its format is sparse: it is computed with as dense data");
  }

  /// Each part is given back as soon as it is taken over.
  void join_parts() {
    for (Part& p : parts_) {
      if (!p.x.sparse) keep_entries(p.x.dense, p.target.kept, kept_);
    }
    if (parts_.size() > 1 && sparse()) {
      join_sparse();
      return;
    }
    d_.x = std::move(train().x);
    Index row = d_.x.rows();
    if (row < d_.y.size()) d_.x.dense.conserve(d_.y.size(), d_.x.cols());
    for (std::size_t k = 1; k < parts_.size(); ++k) {
      Features part = std::move(parts_[k].x);
      d_.x.dense.middleRows(row, part.rows()) = part.dense;
      row += part.rows();
    }
  }

  void join_sparse() {
    Index entries = 0;
    for (const Part& p : parts_) entries += p.x.csr.nonZeros();
    if (entries > std::numeric_limits<std::int32_t>::max())
      throw DataError("D118", "the files together have more than 2^31 entries", SourceLocation{o_.train, 0, 0}, "use fewer rows");
    d_.x.sparse = true;
    d_.x.sparse_format = train().x.sparse_format;
    CsrMatrix& x = d_.x.csr;
    x.resize(d_.y.size(), train().x.cols());
    x.resizeNonZeros(entries);
    std::int32_t row = 0, entry = 0;
    for (Part& p : parts_) {
      const Features part = std::move(p.x);
      const auto n = static_cast<std::int32_t>(part.csr.nonZeros());
      std::copy_n(part.csr.innerIndexPtr(), n, x.innerIndexPtr() + entry);
      std::copy_n(part.csr.valuePtr(), n, x.valuePtr() + entry);
      for (Index r = 0; r < part.rows(); ++r) x.outerIndexPtr()[row++] = entry + part.csr.outerIndexPtr()[r];
      entry += n;
    }
    x.outerIndexPtr()[d_.y.size()] = entry;
  }

  void list_missing() {
    const AlignedRows& x = d_.x.dense;
    if (!any_missing(x)) return;
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < x.cols(); ++j) {
        if (std::isnan(x(i, j))) d_.missing.push_back({i, j});
      }
    }
  }

  const DataOptions& o_;
  std::string format_;
  std::vector<Part> parts_;
  std::vector<Index> kept_;  // columns that are features
  Dataset d_;
};

/// Rows of one LIBSVM file as the encoder has them.
EncodedFile encode_libsvm(const Encoder& encoder, const std::string& path) {
  LibsvmOptions options;
  options.index_base = encoder.index_base;
  options.features_total = encoder.features_total;
  options.ignore_beyond = true;
  options.of_model = true;
  options.limits = encoder.table.limits;
  LibsvmSet set = read_libsvm({path}, options);
  LibsvmPart& part = set.parts[0];
  EncodedFile out;
  out.path = path;
  out.digest = part.digest;
  if (part.ignored > 0) {
    out.warnings.push_back("'" + path + "' has " + std::to_string(part.ignored) +
                           " entries of features that the training data do not have; they are left out");
    if (encoder.index_base == 0 && part.smallest >= 1 && part.largest == encoder.features_total) {
      out.warnings.push_back("the indices of '" + path + "' go from " + std::to_string(part.smallest) + " to " +
                             std::to_string(part.largest) + ", those of the training data from 0 to " +
                             std::to_string(encoder.features_total - 1) +
                             ": if the file counts from 1, subtract 1 from its indices");
    }
  }
  out.x.sparse = out.x.sparse_format = true;
  out.x.csr.swap(set.x);
  if (!encoder.kept_features.empty()) keep_columns(out.x.csr, encoder.kept_features);
  return out;
}

/// Rows of a file of numbers. It has the columns of the training file, or all of them but the target.
EncodedFile encode_numbers_of(const Encoder& encoder, const std::string& path, const std::string& format) {
  NumberFile file = read_number_file(path, format, encoder.table.limits);
  const Index all = encoder.sparse ? encoder.features_total : encoder.source_columns;
  const Index target = encoder.target_column;
  const bool without_target = target >= 0 && file.x.cols() == all - 1;
  if (file.x.cols() != all && !without_target) {
    throw DataError("D131",
                    "'" + path + "' has " + std::to_string(file.x.cols()) + (file.x.cols() == 1 ? " column" : " columns") +
                        ", not " + std::to_string(all) + " as the training file" +
                        (target >= 0 ? " (or one fewer, without the target)" : ""),
                    SourceLocation{path, 0, 0}, "give it the columns of the training file in their order");
  }
  std::vector<Index> kept = encoder.kept_features;
  if (kept.empty() && encoder.sparse) kept = iota(all);
  for (const EncodedColumn& c : encoder.columns) kept.push_back(number_of_name(c.name) - 1);
  for (Index& j : kept) j -= without_target && j > target ? 1 : 0;
  EncodedFile out;
  out.path = path;
  out.digest = file.digest;
  out.x = std::move(file.x);
  if (static_cast<Index>(kept.size()) == out.x.cols()) return out;
  if (out.x.sparse)
    keep_columns(out.x.csr, kept);
  else
    keep_entries(out.x.dense, iota(out.x.rows()), kept);
  return out;
}

}  // namespace

Dataset load_numbered(const DataOptions& options) { return NumberedLoader(options).run(); }

EncodedFile encode_numbered(const Encoder& encoder, const std::string& path, const std::string& format) {
  EncodedFile out = format == "libsvm" ? encode_libsvm(encoder, path) : encode_numbers_of(encoder, path, format);
  out.row = iota(out.x.rows());
  for (Index& r : out.row) ++r;
  return out;
}

}  // namespace tacit::inline TACIT_ABI
