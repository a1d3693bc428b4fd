#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {  // let the last star take one character more
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string resolve_path(const std::string& base_dir, const std::string& path) {
  const std::filesystem::path p(path);
  return path.empty() || base_dir.empty() || p.is_absolute() ? path : (std::filesystem::path(base_dir) / p).string();
}

namespace {

/// Says what a file is whose name does not, where its first bytes do.
void require_unknown_content(const std::string& path) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) return;  // of a pipe they could not be read again
  char first[64];
  const std::size_t n = ByteStream::open(path).read(first, sizeof first);
  const Content content = content_of({first, n});
  if (!content.title.empty())
    throw DataError("D103", "'" + path + "' is " + content.title, SourceLocation{path, 0, 0}, content.remedy);
}

}  // namespace

std::string table_format(const std::string& format, const std::string& path) {
  if (const FileFormat* known = format == "auto" ? format_of_file(path) : find_format(format)) return known->name;
  std::vector<std::string> names{"auto"};
  for (const FileFormat& f : file_formats()) names.push_back(f.name);
  if (format != "auto") throw UsageError(unknown_name("format", format, names), "data.format");
  require_unknown_content(path);
  std::vector<std::string> endings = file_endings();
  const std::string last = endings.back();
  endings.pop_back();
  throw UsageError("the name of '" + path + "' does not say its format; use " + join(endings) + " or " + last +
                       " (each also .gz), or set data.format",
                   "data.format");
}

DataError no_column(const Table& table, const std::string& name, const std::string& wanted_by) {
  const std::string near = closest(name, table.names());
  std::string remedy = near.empty() ? "" : "did you mean '" + near + "'? ";
  constexpr std::size_t kShown = 20;
  const std::vector<std::string>& all = table.names();
  const std::vector<std::string> shown(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, all.size())));
  remedy += "The columns are " + join(shown) + (all.size() > kShown ? ", ..." : "");
  if (!table.has_header()) remedy += " (the file has no header; data.header: present makes its first line one)";
  return table.file().error("D107", "there is no column '" + name + "' (" + wanted_by + ") in '" + table.file().path() + "'",
                            remedy);
}

Index find_column(const Table& table, const std::string& selector, const std::string& key) {
  if (const Index named = table.find(selector); named >= 0) return named;
  if (selector == "last") return table.cols() - 1;
  Index number = 0;
  const auto [end, ec] = std::from_chars(selector.data(), selector.data() + selector.size(), number);
  if (ec == std::errc{} && end == selector.data() + selector.size()) {
    if (number >= 1 && number <= table.cols()) return number - 1;
    throw table.file().error("D107",
                             key + " is column " + selector + ", but the file has " + std::to_string(table.cols()) + " columns",
                             "columns are counted from 1");
  }
  throw no_column(table, selector, key);
}

std::vector<bool> match_names(const std::vector<std::string>& names, const std::vector<std::string>& patterns,
                              const std::string& key, const char* code, const std::string& path) {
  std::vector<bool> chosen(names.size(), false);
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      // a name may hold * itself, so equality counts too
      if (names[i] != pattern && !glob_match(pattern, names[i])) continue;
      chosen[i] = true;
      any = true;
    }
    if (any) continue;
    const std::string near = closest(pattern, names);
    throw DataError(code, key + ": '" + pattern + "' fits no column of '" + path + "'", SourceLocation{path, 0, 0},
                    near.empty() ? "use the names of the columns; * stands for any text" : "did you mean '" + near + "'?");
  }
  return chosen;
}

namespace {

/// Is a row made of words, though numbers stand below it?
bool no_number_in_row(const Table& table, Index row) {
  for (Index c = 0; c < table.cols(); ++c) {
    if (!std::isnan(table.row(row)[c])) return false;
  }
  return table.rows() > 1;
}

/// Has the table numbers with digits behind its decimal sign?
bool decimals_in_use(const Table& table) {
  for (Index c = 0; c < table.cols(); ++c) {
    for (Index r = 0; r < table.rows(); ++r) {
      const double v = table.value(r, c);
      if (std::isfinite(v) && v != std::floor(v)) return true;
    }
  }
  return false;
}

/// Why the other decimal sign cannot be set for this table, to go on a sentence; empty where it can.
std::string other_decimal_excluded(const Table& table) {
  if (decimals_in_use(table)) return "like other numbers of the file";
  return table.delimiter() == ',' && table.decimal() == '.' ? "since ',' parts the cells" : "";
}

/// What to do about a number that is written in another way, in the light of the others in the table.
std::string number_remedy(const Table& table, const std::string& word, const WrittenNumber& number) {
  const char sign = table.decimal();
  if (number.style == NumberStyle::thousands && word.find(sign) != std::string::npos)
    return "here '" + std::string(1, sign) + "' sets thousands apart, so that numbers with one of them were read as fractions: " +
           "take them out in every row (write " + number.plain + ")";
  const std::string other = other_decimal_excluded(table);
  if (number.style == NumberStyle::decimal_sign && !other.empty())
    return "write it with '" + std::string(1, sign) + "' as decimal sign, " + other;
  if (number.style == NumberStyle::separator && !other.empty()) {
    std::string fraction = word;
    std::replace(fraction.begin(), fraction.end(), sign == '.' ? ',' : '.', sign);
    return "write " + fraction + " with '" + std::string(1, sign) + "' as decimal sign, " + other + ", or " + number.plain +
           " if thousands are set apart";
  }
  return style_remedy(number, sign);
}

/// Has a text one comma, between digits, and no point? "<0,5", but not "Oslo, Bergen".
bool one_comma_in_digits(const std::string& word) {
  const auto digit = [&](std::size_t i) { return i < word.size() && word[i] >= '0' && word[i] <= '9'; };
  const std::size_t at = word.find(',');
  return at != std::string::npos && at == word.rfind(',') && at > 0 && digit(at - 1) && digit(at + 1) &&
         word.find('.') == std::string::npos;
}

/// What to do about a word in a column of numbers, where the word itself says more than `otherwise`.
std::string word_remedy(const Table& table, const std::string& word, Index row, const std::string& otherwise) {
  const WrittenNumber number = written_number(word, table.decimal());
  if (number.style != NumberStyle::none) return number_remedy(table, word, number);
  if (table.decimal() == '.' && one_comma_in_digits(word) && other_decimal_excluded(table).empty()) {
    return "if the comma is a decimal sign, set data.decimal: \",\"";
  }
  if (row == 0 && table.has_header() && no_number_in_row(table, row)) {
    const long line = table.error("", "", row, 0, "").where().line;
    return "line " + std::to_string(line) +
           " has no number, and the lines below it have: if it holds the names, set data.skip_rows: " + std::to_string(line - 1) +
           "; if it holds units, take it out";
  }
  if (row == 0 && !table.has_header())
    return "if this line holds the names of the columns, set data.header: present (or leave it out with data.skip_rows, where "
           "the other files have no such line)";
  return otherwise;
}

DataError no_finite_number(const Table& table, Index row, Index column) {
  const std::string cell = table.cell(row, column);
  double value = 0;
  const bool large = read_number(cell, table.decimal(), value) == NumberText::out_of_range;
  return table.error("D109",
                     quoted_text(cell) + " in column '" + table.names()[static_cast<std::size_t>(column)] +
                         (large ? "' is too large" : "' is not finite"),
                     row, column,
                     large ? "numbers are at most 1e150, so that their squares are numbers too: correct it, or use another unit"
                           : "if it means that the value is missing, add it to data.missing_values and choose data.missing");
}

}  // namespace

void require_numbers(const Table& table, Index column, const std::string& remedy) {
  const ColumnCells& cells = table.cells(column);
  const std::string& name = table.names()[static_cast<std::size_t>(column)];
  if (cells.words > 0 && (cells.first_not_finite < 0 || cells.first_word < cells.first_not_finite)) {
    const std::string word = table.cell(cells.first_word, column);
    throw table.error("D108", quoted_text(word) + " is no number, but column '" + name + "' holds numbers", cells.first_word,
                      column, word_remedy(table, word, cells.first_word, remedy));
  }
  if (cells.not_finite > 0) throw no_finite_number(table, cells.first_not_finite, column);
}

namespace {

/// ['a', 'it''s']: names as a list of a run file.
std::string yaml_names(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    out += out.size() > 1 ? ", '" : "'";
    for (const char c : name) out += c == '\'' ? "''" : std::string(1, c);
    out += "'";
  }
  return out + "]";
}

}  // namespace

std::string drop_key(const std::string& name) { return "data.drop: " + yaml_names({name}); }

std::string categorical_key(const std::string& name, const std::vector<std::string>& words) {
  constexpr std::size_t kShown = 8;
  if (words.size() <= kShown) return "data.categorical: " + yaml_names(words);
  return "data.categorical: " + yaml_names({name}) + " with the other " + std::to_string(words.size() - 1) + " columns of words";
}

namespace {

/// Beside the number that a text may mean: it is none. `groups`: of digits, as codes have them.
std::string if_no_number(bool groups, const std::string& name, const std::vector<std::string>& words) {
  return std::string(groups ? "if it is a code (a phone number, a version)" : "if such texts are codes or words") +
         ", leave the column out (" + drop_key(name) + ") or make its cells levels (" + categorical_key(name, words) + ")";
}

}  // namespace

void require_no_numbers(const Table& table, Index column, const std::vector<std::string>& words) {
  constexpr Index kFewestWithUnit = 3;  // "3 rooms" may be a level, but not many of its kind
  const TextColumn text = table.text(column);
  std::vector<WrittenNumber> means;
  std::set<std::string> units, values;
  for (const std::string& level : text.levels) {
    means.push_back(written_number(level, table.decimal()));
    if (means.back().style != NumberStyle::unit) continue;
    units.insert(means.back().unit);
    values.insert(means.back().plain);
  }
  const bool with_unit = units.size() == 1 && static_cast<Index>(values.size()) >= kFewestWithUnit;
  const auto counts = [&](std::int32_t code) {
    const NumberStyle style = means[static_cast<std::size_t>(code)].style;
    return style != NumberStyle::none && (style != NumberStyle::unit || with_unit);
  };
  Index filled = 0, numbers = 0, first = -1, telling = -1;
  for (Index r = 0; r < table.rows(); ++r) {
    const std::int32_t code = text.codes[static_cast<std::size_t>(r)];
    if (code < 0) continue;
    ++filled;
    if (!counts(code)) continue;
    if (numbers++ == 0) first = r;
    // 1,234 may be either; a cell like 1,5 tells
    if (telling < 0 && means[static_cast<std::size_t>(code)].style != NumberStyle::separator) telling = r;
  }
  if (2 * numbers <= filled) return;
  const Index row = telling >= 0 ? telling : first;
  const WrittenNumber& number = means[static_cast<std::size_t>(text.codes[static_cast<std::size_t>(row)])];
  const std::string& name = table.names()[static_cast<std::size_t>(column)];
  const bool groups = number.style == NumberStyle::thousands || number.style == NumberStyle::separator;
  throw table.error("D130",
                    quoted_text(table.cell(row, column)) + (groups ? " may be" : " is") + " a number written " +
                        style_text(number.style, table.decimal()) + ", and " + std::to_string(numbers) + " of " +
                        std::to_string(filled) + " cells of column '" + name + "' are like it: they cannot be read as numbers",
                    row, column,
                    number_remedy(table, table.cell(row, column), number) + "; " + if_no_number(groups, name, words));
}

void require_same_columns(const Table& table, Index columns, bool or_without_target) {
  const std::string path = "'" + table.file().path() + "'";
  if (table.has_header()) {
    throw table.file().error(
        "D131",
        "line " + std::to_string(table.first_line_number()) + " of " + path + " holds names, and the training file has none",
        "remove the line, or say which it is for all files: data.header: present or absent");
  }
  if (table.cols() == columns || (or_without_target && table.cols() == columns - 1)) return;
  throw table.file().error("D131",
                           path + " has " + std::to_string(table.cols()) + (table.cols() == 1 ? " column" : " columns") +
                               ", not " + std::to_string(columns) + " as the training file" +
                               (or_without_target ? " (or one fewer, without the target)" : "") +
                               ", and no header that would tell which is which",
                           "give it the columns of the training file in their order, or give all files a header");
}

std::vector<std::string> sorted_levels(std::vector<std::string> levels) {
  double value = 0;
  std::map<std::string, double> number;
  for (const std::string& level : levels) {
    if (read_number(level, '.', value) != NumberText::number) {
      std::sort(levels.begin(), levels.end());
      return levels;
    }
    number[level] = value;
  }
  // Beyond 2^53 different whole numbers are one double; by their digits they are in order.
  std::sort(levels.begin(), levels.end(), [&](const auto& a, const auto& b) {
    if (number[a] != number[b]) return number[a] < number[b];
    const auto size = [](const std::string& s) { return std::pair(s.size(), s); };
    return number[a] < 0 ? size(a) > size(b) : size(a) < size(b);
  });
  return levels;
}

std::vector<bool> missing_cells(const Table& table, Index column) {
  std::vector<bool> out(static_cast<std::size_t>(table.rows()), false);
  if (table.cells(column).missing == 0) return out;
  const TextColumn text = table.text(column);
  std::transform(text.codes.begin(), text.codes.end(), out.begin(), [](std::int32_t code) { return code < 0; });
  return out;
}

namespace {

using GroupPatterns = std::map<std::string, std::vector<std::string>>;

GroupPatterns read_groups(const std::string& path) {
  TableOptions options;
  options.header = Header::present;
  const Table table = Table::read(path, options);
  const Index feature = find_column(table, "feature", "data.feature_groups"),
              group = find_column(table, "group", "data.feature_groups");
  GroupPatterns patterns;
  for (Index r = 0; r < table.rows(); ++r) patterns[table.cell(r, group)].push_back(table.cell(r, feature));
  return patterns;
}

}  // namespace

std::vector<FeatureGroup> make_groups(const DataOptions& options, const std::vector<std::string>& names,
                                      const std::vector<std::string>& parents, std::vector<std::string>& warnings) {
  std::vector<FeatureGroup> groups;
  const std::string file = resolve_path(options.base_dir, options.feature_groups_file);
  const GroupPatterns patterns = file.empty() ? options.feature_groups : read_groups(file);
  if (patterns.empty()) return groups;
  std::vector<std::string> both = names;
  both.insert(both.end(), parents.begin(), parents.end());
  std::vector<std::string> owner(names.size());
  for (const auto& [name, globs] : patterns) {
    const std::vector<bool> hit = match_names(both, globs, "data.feature_groups." + name, "D122", options.train);
    FeatureGroup group{name, {}};
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (!hit[j] && !hit[names.size() + j]) continue;
      if (!owner[j].empty()) {
        throw DataError("D122", "feature '" + names[j] + "' is in the groups '" + owner[j] + "' and '" + name + "'",
                        SourceLocation{options.train, 0, 0}, "a feature belongs to one group: change data.feature_groups");
      }
      owner[j] = name;
      group.columns.push_back(static_cast<Index>(j));
    }
    groups.push_back(std::move(group));
  }
  FeatureGroup rest{"(no group)", {}};
  for (std::size_t j = 0; j < names.size(); ++j) {
    if (owner[j].empty()) rest.columns.push_back(static_cast<Index>(j));
  }
  if (!rest.columns.empty()) {
    warnings.push_back(std::to_string(rest.columns.size()) +
                       " features are in no group of data.feature_groups; they form one of their own, '" + rest.name + "'");
    groups.push_back(std::move(rest));
  }
  return groups;
}

}  // namespace tacit::inline TACIT_ABI
