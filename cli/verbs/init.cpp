#include <tacit/cli/verbs/init.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/libsvm.hpp>
#include <tacit/problems/readers/table_start.hpp>

namespace tacit {

namespace {

/// The first column whose name is one of the words.
Index named(const Table& table, const std::set<std::string>& words) {
  for (Index j = 0; j < table.cols(); ++j) {
    if (words.count(lower_case(table.names()[static_cast<std::size_t>(j)]))) return j;
  }
  return -1;
}

/// Labels of a target that looks like classes: words, or two numbers.
std::vector<std::string> classes_of(const Table& table, Index target) {
  const ColumnCells& cells = table.cells(target);
  std::vector<std::string> levels = table.text(target).levels;
  if (!cells.text() && levels.size() > 2) return {};
  std::sort(levels.begin(), levels.end());
  return levels;
}

constexpr std::size_t kFew = 50;  // more values than this are amounts

/// Distinct numbers as labels, where they are few.
std::vector<std::string> labels_of(const std::set<double>& distinct) {
  std::vector<std::string> labels;
  if (distinct.size() > kFew) return labels;
  for (const double v : distinct) labels.push_back(number_label(v));
  return labels;
}

std::set<double> distinct_values(const Table& table, Index column) {
  std::set<double> distinct;
  for (Index i = 0; i < table.rows() && distinct.size() <= kFew; ++i) {
    if (const double v = table.value(i, column); v == v) distinct.insert(v);
  }
  return distinct;
}

bool is_split(const Table& table, Index j) {
  if (!table.cells(j).text()) return false;
  const auto levels = table.text(j).levels;
  return levels.size() >= 2 && std::all_of(levels.begin(), levels.end(),
                                           [](const std::string& l) { return l == "train" || l == "validation" || l == "test"; });
}

/// As the user would write it: relative to the working folder when it lies below it.
std::string written_path(const std::string& path) {
  const auto relative = std::filesystem::path(path).lexically_relative(std::filesystem::current_path());
  const std::string text = relative.string();
  return text.empty() || text.rfind("..", 0) == 0 ? path : text;
}

void summarize_table(const Table& table, const DataBlock& d, DataSummary& s) {
  s.header = table.has_header();
  s.header_sure = table.header_sure();
  s.rows = static_cast<long>(table.rows());
  Index target = named(table, {"y", "target", "label", "class", "outcome", "response"});
  const Index weight = named(table, {"weights", "sample_weight", "sample_weights", "row_weight", "case_weight"});
  if (target < 0) target = table.cols() - 1;
  if (target == weight && target > 0) --target;
  for (Index j = 0; j < table.cols(); ++j) {
    const ColumnCells& cells = table.cells(j);
    s.columns.push_back({table.names()[static_cast<std::size_t>(j)], cells.numeric(), cells.missing > 0});
    if (is_split(table, j) && j != target) s.split_column = s.columns.back().name;
  }
  if (weight >= 0 && weight != target && table.cells(weight).numeric() && s.header)
    s.weight = table.names()[static_cast<std::size_t>(weight)];
  // A weight may be that of a person or a car.
  const Index maybe = named(table, {"weight", "w"});
  if (weight < 0 && maybe >= 0 && maybe != target && table.cells(maybe).numeric() && s.header)
    s.maybe_weight = table.names()[static_cast<std::size_t>(maybe)];
  if (d.target.text) return;
  s.target = s.header ? table.names()[static_cast<std::size_t>(target)] : "last";
  s.target_column = target;
  s.classes = classes_of(table, target);
  if (table.cells(target).numeric()) s.labels = labels_of(distinct_values(table, target));
}

/// The target as the run would read it with the keys given: a column that they name, a file, or the usual one.
void summarize_target(const RunConfig& config, DataSummary& s) {
  DataOptions o = data_options(config, TargetKind::automatic);
  o.format = s.format;
  o.table.skip_rows = s.skip_rows;
  o.missing = Missing::mean;  // nothing is filled here
  const Dataset data = load_dataset(o);
  s.rows = static_cast<long>(data.rows());
  s.target = data.target_file.empty() ? config.data.target.text.value_or("last") : written_path(data.target_file);
  s.target_column = data.target_file.empty() ? data.encoder.target_column : -1;
  s.classes = data.classes;
  const std::set<double> distinct(data.y.begin(), data.y.end());
  s.labels = labels_of(distinct);
  if (data.classes.empty() && distinct.size() == 2) s.classes = s.labels;
}

/// Is the first line a label with index:value entries behind it?
bool looks_like_libsvm(std::string_view text) {
  std::istringstream line{std::string(text.substr(0, text.find('\n')))};
  std::string label, entry;
  double value = 0;
  int entries = 0;
  if (!(line >> label) || read_number(label, '.', value) != NumberText::number) return false;
  for (; line >> entry && entry[0] != '#'; ++entries) {
    const std::size_t colon = entry.find(':');
    if (colon == std::string::npos || colon == 0 || entry.find_first_not_of("0123456789") != colon) return false;
  }
  return entries > 0;
}

std::string format_of(const std::string& given, const std::string& path) {
  if (given != "auto") return given;
  const FileFormat* told = format_of_file(path);
  if (told) return told->name;
  return looks_like_libsvm(TextFile::open(path).bytes()) ? "libsvm" : "csv";
}

/// The table, without what stands before it; options.skip_rows tells how much that is.
Table read_table(const std::string& path, TableOptions& options) {
  const TextFile file = TextFile::read(path, options.limits);
  try {
    return Table::parse(file, options);
  } catch (const DataError& e) {
    const Index before = lines_before_table(file, options);
    if ((e.code() != "D105" && e.code() != "D132") || before == options.skip_rows) throw;
    options.skip_rows = before;
    return Table::parse(file, options);
  }
}

}  // namespace

DataSummary summarize_data(const RunConfig& config) {
  const DataBlock& d = config.data;
  if (!d.train.path) throw UsageError("name the data: tacit init data.train=FILE", "data.train");
  DataSummary s;
  s.file = written_path(*d.train.path);
  s.format = format_of(d.format, *d.train.path);
  s.format_told = d.format == "auto" && format_of_file(*d.train.path) != nullptr;
  if (s.format == "tacit")
    throw UsageError("a run file is filled in from the table itself; name the one that '" + s.file + "' was made of",
                     "data.train");
  const bool table = s.format == "csv" || s.format == "tsv";
  if (table) {
    TableOptions options = table_options(d);
    if (s.format == "tsv" && options.delimiter == "auto") options.delimiter = "tab";
    summarize_table(read_table(*d.train.path, options), d, s);
    s.skip_rows = static_cast<long>(options.skip_rows);
  }
  if (s.format == "libsvm" && !d.target.text) {
    const LibsvmSet set = read_libsvm({*d.train.path}, {.limits = table_options(d).limits});
    const Vec& labels = set.parts.front().label;
    s.rows = static_cast<long>(labels.size());
    const std::set<double> distinct(labels.begin(), labels.end());
    s.labels = labels_of(distinct);
    if (distinct.size() == 2) s.classes = s.labels;
  } else if (!table || d.target.text) {
    summarize_target(config, s);
  }
  return s;
}

int init(const CommandLine& line, Streams& io) {
  require_files(line, 0, 1, "tacit init [KIND] [data.train=FILE]");
  const Strategies strategies;
  const std::string kind = line.files.empty() ? "" : line.files.front();
  if (line.overrides.empty()) {
    io.out << starter_file(kind);
    return kDone;
  }
  const RunConfig config = read_overrides(line.overrides, strategies.catalog);
  const NothingToKeep reading(kReading);
  const std::string text = starter_file(kind, summarize_data(config), *config.node);
  // What `tacit check` would refuse is refused here, with the same words.
  RunConfig starter = read_run_text("run.yaml", text, std::filesystem::current_path().string(), {}, strategies.catalog);
  try {
    const std::unique_ptr<Assembly> a = assemble(starter, strategies);
    for (const Warning& w : data_warnings(a->prepared)) {
      io.err << render_warning(w.code, w.context, w.what, w.more, {io.colour});
    }
  } catch (const UsageError& e) {
    throw RunFileError({starter.issue_of(e)});
  }
  io.out << text;
  return kDone;
}

}  // namespace tacit
