#include <charconv>
#include <cmath>
#include <filesystem>

#include <tacit/cli/runfile/config_fields.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

std::string quoted_key(const Reading& reading) { return "'" + reading.key + "'"; }

std::string with_others(std::string what, const std::string& others) {
  if (others.empty()) return what;
  return what + (others.find(" or ") == std::string::npos ? " or " : ", ") + others;
}

// "'seed' takes a number, not 'x'"
std::string takes(const Reading& reading, const std::string& wanted, const Node& node) {
  if (node.implicit) return "'" + reading.key + "' has no value: it takes " + wanted;
  return "'" + reading.key + "' takes " + wanted + ", not " + node.kind_text();
}

// "a whole number >= 1"; a range of one number is that number.
std::string wanted_number(const char* noun, const Range& range) {
  if (range.lo == range.hi) return number_text(range.lo);
  return range.text() == "any number" ? noun : std::string(noun) + " " + range.text();
}

// A number that is not one: what was meant, when that can be told.
std::string number_remedy(const Node& node, const std::string& wanted) {
  if (node.is_null()) return "give " + wanted + ", or remove the key";
  if (!node.is_scalar()) return "give " + wanted;
  if (node.quoted) return "write it without quotes";
  std::string text = node.text;
  if (const auto comma = text.find(','); comma != std::string::npos && text.find(',', comma + 1) == std::string::npos) {
    text[comma] = '.';
    double value = 0;
    const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
    if (r.ec == std::errc() && r.ptr == text.data() + text.size()) return "write a decimal point: " + text;
  }
  return "give " + wanted;
}

// 010 is eight to some readers and ten to others.
bool leading_zero(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

std::string without_zeros(std::string_view text) {
  std::string sign;
  if (text[0] == '-' || text[0] == '+') {
    sign = text[0] == '-' ? "-" : "";
    text.remove_prefix(1);
  }
  while (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') text.remove_prefix(1);
  return sign + std::string(text);
}

enum class Parsed { number, not_a_number, not_finite };

Parsed parse_number(std::string_view text, double& value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || r.ptr != text.data() + text.size() || r.ec == std::errc::invalid_argument) return Parsed::not_a_number;
  if (r.ec == std::errc::result_out_of_range || !std::isfinite(value)) return Parsed::not_finite;
  return Parsed::number;
}

// A plain scalar that is a finite number, without any complaint.
std::optional<double> number_in(const Node& node) {
  double value = 0;
  if (!node.is_scalar() || node.quoted || leading_zero(node.text)) return std::nullopt;
  if (parse_number(node.text, value) != Parsed::number) return std::nullopt;
  return value;
}

// Begins as a number does and has no sign of a file name: a slash, or a suffix that begins with a letter.
bool numeric_looking(const Node& node) {
  if (!node.is_scalar() || node.quoted) return false;
  std::string_view text = node.text;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (!text.empty() && text[0] == '.') text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const auto dot = text.rfind('.');
  const bool suffix = dot != std::string_view::npos && dot + 1 < text.size() && (text[dot + 1] < '0' || text[dot + 1] > '9');
  return !suffix && text.find('/') == std::string_view::npos;
}

}  // namespace

void Reading::error(const Node& node, std::string code, std::string what, std::string remedy) const {
  if (issues.size() < kMaxIssues) issues.push_back(issue_at(node, std::move(code), std::move(what), std::move(remedy)));
}

std::optional<double> read_number(const Node& node, const Range& range, const Reading& reading, const std::string& others) {
  const std::string wanted = with_others(wanted_number("a number", range), others);
  double value = 0;
  const bool plain = node.is_scalar() && !node.quoted;
  if (plain && leading_zero(node.text) && parse_number(node.text, value) == Parsed::number) {
    reading.error(node, "E209", quoted_key(reading) + " is written with a leading zero: " + node.text,
                  "write " + without_zeros(node.text));
    return std::nullopt;
  }
  const Parsed parsed = plain ? parse_number(node.text, value) : Parsed::not_a_number;
  if (parsed == Parsed::not_a_number) {
    reading.error(node, "E202", takes(reading, wanted, node), number_remedy(node, wanted));
    return std::nullopt;
  }
  if (parsed == Parsed::not_finite) {
    reading.error(node, "E203", quoted_key(reading) + " must be a finite number, not " + node.text, "give " + wanted);
    return std::nullopt;
  }
  if (!range.contains(value)) {
    reading.error(node, "E203", quoted_key(reading) + " must be " + range.text() + ", not " + node.text, "give " + wanted);
    return std::nullopt;
  }
  return value;
}

std::optional<Index> read_integer(const Node& node, const Range& range, const Reading& reading, const std::string& others) {
  const std::string wanted = with_others(wanted_number("a whole number", range), others);
  const bool plain = node.is_scalar() && !node.quoted;
  double value = 0;
  if (!plain || parse_number(node.text, value) != Parsed::number) {
    reading.error(node, "E202", takes(reading, wanted, node), number_remedy(node, wanted));
    return std::nullopt;
  }
  if (leading_zero(node.text)) {
    reading.error(node, "E209", quoted_key(reading) + " is written with a leading zero: " + node.text,
                  "write " + without_zeros(node.text));
    return std::nullopt;
  }
  std::string_view text = node.text;
  if (text[0] == '+') text.remove_prefix(1);
  long long whole = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), whole);
  const bool written_whole = r.ec == std::errc() && r.ptr == text.data() + text.size();
  if (r.ec == std::errc::result_out_of_range && r.ptr == text.data() + text.size()) {
    reading.error(node, "E203", quoted_key(reading) + " is too large: " + node.text, "give " + wanted);
    return std::nullopt;
  }
  if (!written_whole) {
    const bool is_whole = value == std::floor(value) && std::abs(value) < 1e15;
    const std::string remedy = is_whole ? "write " + std::to_string(static_cast<long long>(value)) : "give " + wanted;
    reading.error(node, "E202", takes(reading, wanted, node), remedy);
    return std::nullopt;
  }
  if (!range.contains(static_cast<double>(whole))) {
    reading.error(node, "E203", quoted_key(reading) + " must be " + range.text() + ", not " + node.text, "give " + wanted);
    return std::nullopt;
  }
  return static_cast<Index>(whole);
}

std::optional<bool> read_bool(const Node& node, const Reading& reading, const std::string& others) {
  if (is_word(node, "true")) return true;
  if (is_word(node, "false")) return false;
  const std::string wanted = others.empty() ? "true or false" : "true, false or " + others;
  if (node.is_scalar()) {
    const std::string lower = lower_case(node.text);
    const bool yes = lower == "yes" || lower == "on" || lower == "y" || lower == "true" || lower == "1";
    const bool no = lower == "no" || lower == "off" || lower == "n" || lower == "false" || lower == "0";
    if (yes || no) {
      reading.error(node, "E210", takes(reading, wanted, node), std::string("write ") + (yes ? "true" : "false"));
      return std::nullopt;
    }
  }
  reading.error(node, "E202", takes(reading, wanted, node), "write true or false");
  return std::nullopt;
}

std::optional<std::string> read_text(const Node& node, const Reading& reading) {
  if (node.is_scalar()) return node.text;
  reading.error(node, "E202", takes(reading, "a text", node),
                node.is_null() ? "give a text, or remove the key" : "give one text");
  return std::nullopt;
}

std::optional<std::vector<std::string>> read_names(const Node& node, const Reading& reading, const std::string& others) {
  const std::string wanted = with_others("a list of names", others);
  if (!node.is_list()) {
    reading.error(node, "E202", takes(reading, wanted, node),
                  node.is_scalar() ? "write [" + node.flow() + "]" : "write [name, name]");
    return std::nullopt;
  }
  std::vector<std::string> names;
  bool good = true;
  for (const Node& item : node.items) {
    // A written `null` or `~` in a list of texts is meant as that text.
    if (item.is_scalar() || (item.is_null() && !item.implicit)) {
      names.push_back(item.text);
    } else {
      reading.error(item, "E202", quoted_key(reading) + " takes texts in its list, not " + item.kind_text(),
                    "write [name, name]");
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return names;
}

std::optional<std::string> read_choice(const Node& node, const std::vector<std::string>& choices, const Reading& reading) {
  const std::string all = join(choices, " | ");
  if (!node.is_scalar()) {
    const bool null = node.is_null();
    reading.error(node, "E202", takes(reading, "one of the words " + all, node),
                  null ? "give one of them, or remove the key" : "give one of them");
    return std::nullopt;
  }
  for (const std::string& choice : choices) {
    if (node.text == choice) return choice;
  }
  const std::string near = closest(node.text, choices);
  reading.error(node, "E204", quoted_key(reading) + " has no choice '" + node.text + "'",
                (near.empty() ? "the choices are: " : "did you mean '" + near + "'? The choices are: ") + all);
  return std::nullopt;
}

bool is_word(const Node& node, std::string_view word) {
  if (word == "null") return node.is_null();
  return node.is_scalar() && !node.quoted && node.text == word;
}

std::string absolute_path(const std::string& path, const Node& node) {
  namespace fs = std::filesystem;
  const fs::path given(path);
  if (given.is_absolute() || !node.source) return given.lexically_normal().string();
  return (fs::path(node.source->base) / given).lexically_normal().string();
}

void Text::read(const Node& node, const Reading& reading) {
  base = node.source ? node.source->base : "";
  if (is_word(node, none_)) {
    text.reset();
  } else if (node.is_null()) {
    reading.error(node, "E202", takes(reading, grammar(), node), "give a text, or remove the key");
  } else if (auto given = read_text(node, reading)) {
    text = *given;
    base = node.source ? node.source->base : "";
  }
}

std::string Text::yaml() const {
  if (!text) return none_;
  return *text == none_ ? yaml_quoted(*text) : yaml_text(*text);
}

namespace {

std::optional<std::string> read_path(const Node& node, const Reading& reading) {
  if (!node.is_scalar() || node.text.empty()) {
    reading.error(node, "E202",
                  quoted_key(reading) + " takes a file, not " + (node.is_scalar() ? "an empty text" : node.kind_text()),
                  "give the path of one file");
    return std::nullopt;
  }
  return absolute_path(node.text, node);
}

}  // namespace

void FilePath::read(const Node& node, const Reading& reading) {
  if (node.is_null() && !node.implicit) {
    path.reset();
  } else if (auto given = read_path(node, reading)) {
    path = *given;
  }
}

std::string FilePath::yaml() const { return path ? yaml_text(*path) : "null"; }

void NameList::read(const Node& node, const Reading& reading) {
  if (is_word(node, word_)) {
    names.reset();
  } else if (auto given = read_names(node, reading, word_)) {
    names = *given;
  }
}

namespace {

std::string names_yaml(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + yaml_text(n);
  return "[" + out + "]";
}

template <class Pairs, class Write>
std::string map_yaml(const Pairs& pairs, Write write) {
  std::string out;
  for (const auto& [name, value] : pairs) out += (out.empty() ? "" : ", ") + yaml_text(name) + ": " + write(value);
  return "{" + out + "}";
}

std::string list_yaml(const std::vector<double>& list) {
  std::string out;
  for (double x : list) out += (out.empty() ? "" : ", ") + yaml_number(x);
  return "[" + out + "]";
}

}  // namespace

std::string NameList::yaml() const { return names ? names_yaml(*names) : word_; }

void Tristate::read(const Node& node, const Reading& reading) {
  if (is_word(node, "auto")) {
    value.reset();
  } else if (auto given = read_bool(node, reading, "auto")) {
    value = *given;
  }
}

std::string Tristate::yaml() const { return !value ? "auto" : *value ? "true" : "false"; }

void FeatureGroups::read(const Node& node, const Reading& reading) {
  file.reset();
  groups.clear();
  if (node.is_null() && !node.implicit) return;
  if (!node.is_map()) {
    if (auto given = read_path(node, reading)) file = *given;
    return;
  }
  for (const auto& [key, value] : node.entries) {
    if (auto names = read_names(value, Reading{reading.key + "." + key.text, reading.issues}))
      groups.emplace_back(key.text, *names);
  }
}

void WordOrNull::read(const Node& node, const Reading& reading) {
  word.reset();
  if (node.is_null() && !node.implicit) return;
  if (auto given = read_choice(node, words_, reading)) word = *given;
}

std::string WordOrNull::grammar() const { return "null | " + join(words_, " | "); }

std::string FeatureGroups::yaml() const {
  if (file) return yaml_text(*file);
  return groups.empty() ? "null" : map_yaml(groups, names_yaml);
}

void TestPart::read(const Node& node, const Reading& reading) {
  file.reset();
  fraction.reset();
  if (node.is_null() && !node.implicit) return;
  if (numeric_looking(node) && (number_in(node) || leading_zero(node.text))) {
    fraction = read_number(node, Range{0, 1, true, true}, reading, "a file");
  } else if (auto given = read_path(node, reading)) {
    file = *given;
  }
}

std::string TestPart::yaml() const {
  if (file) return yaml_text(*file);
  return fraction ? yaml_number(*fraction) : "null";
}

void ClassWeight::read(const Node& node, const Reading& reading) {
  balanced = false;
  weights.clear();
  if (node.is_map()) {
    for (const auto& [key, value] : node.entries) {
      if (auto w = read_number(value, Range::positive(), Reading{reading.key + "." + key.text, reading.issues}))
        weights.emplace_back(key.text, *w);
    }
  } else if (auto word = read_choice(node, {"none", "balanced"}, reading)) {
    balanced = *word == "balanced";
  }
}

std::string ClassWeight::yaml() const {
  if (!weights.empty()) return map_yaml(weights, yaml_number);
  return balanced ? "balanced" : "none";
}

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// "1.5h": a positive number and a unit, blanks allowed between them.
template <std::size_t N>
std::optional<double> with_unit(const Node& node, const Unit (&units)[N]) {
  if (!node.is_scalar()) return std::nullopt;
  const std::string& text = node.text;
  double value = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
  if (r.ec != std::errc() || leading_zero(text)) return std::nullopt;
  std::string_view rest(r.ptr, static_cast<std::size_t>(text.data() + text.size() - r.ptr));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  for (const Unit& unit : units) {
    if (rest == unit.name && std::isfinite(value * unit.factor) && value > 0) return value * unit.factor;
  }
  return std::nullopt;
}

constexpr Unit kTimes[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
constexpr Unit kSizes[] = {{"B", 1},      {"kB", 1e3},      {"KB", 1e3},         {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
                           {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"M", 1e6},  {"G", 1e9}};

}  // namespace

void Duration::read(const Node& node, const Reading& reading) {
  if (node.is_null() && !node.implicit) {
    seconds.reset();
  } else if (auto given = with_unit(node, kTimes)) {
    seconds = *given;
  } else {
    reading.error(node, "E202", takes(reading, "a time above 0", node), "write 30s, 5min, 2h, or null for none");
  }
}

std::string Duration::yaml() const { return seconds ? yaml_number(*seconds) + "s" : "null"; }

void Bytes::read(const Node& node, const Reading& reading) {
  if (node.is_null() && !node.implicit) {
    bytes.reset();
  } else if (auto given = with_unit(node, kSizes)) {
    bytes = *given;
  } else {
    reading.error(node, "E202", takes(reading, "an amount of memory", node), "write 500MB, 2GB, or null for none");
  }
}

std::string Bytes::yaml() const { return bytes ? yaml_number(*bytes) + "B" : "null"; }

void HyperValue::read(const Node& node, const Reading& reading) {
  *this = HyperValue(fixed_);
  const Range range = fixed_ ? Range::at_least(0) : Range::positive();
  if (!fixed_ && is_word(node, "auto")) return;
  if (node.is_list()) {
    kind = Kind::list;
    for (const Node& item : node.items) {
      if (auto x = read_number(item, range, reading)) list.push_back(*x);
    }
    if (node.items.empty())
      reading.error(node, "E202", quoted_key(reading) + " has an empty list", "give a number for each, or one number for all");
  } else if (node.is_map()) {
    kind = Kind::named;
    for (const auto& [key, value] : node.entries) {
      if (auto x = read_number(value, range, Reading{reading.key + "." + key.text, reading.issues}))
        named.emplace_back(key.text, *x);
    }
    if (node.entries.empty())
      reading.error(node, "E202", quoted_key(reading) + " has an empty block", "give {name: number}, or one number for all");
  } else if (node.is_scalar() && node.text.size() > 4 && node.text.substr(node.text.size() - 4) == ".csv") {
    kind = Kind::file;
    file = absolute_path(node.text, node);
  } else if (auto x = read_number(node, range, reading,
                                  std::string(fixed_ ? "" : "auto, ") + "a list, {name: number} or a hyper.csv")) {
    kind = Kind::number;
    number = *x;
  }
}

std::string HyperValue::yaml() const {
  switch (kind) {
    case Kind::automatic:
      return "auto";
    case Kind::number:
      return yaml_number(number);
    case Kind::list:
      return list_yaml(list);
    case Kind::named:
      return map_yaml(named, yaml_number);
    case Kind::file:
      break;
  }
  return yaml_text(file);
}

void HyperRange::read(const Node& node, const Reading& reading) {
  bounds.reset();
  if (is_word(node, "auto")) return;
  if (!node.is_list() || node.items.size() != 2) {
    reading.error(node, "E202",
                  quoted_key(reading) + " takes auto or [lower, upper], not " + (node.is_list() ? node.flow() : node.kind_text()),
                  "write two positive numbers, for instance [1.0e-4, 1.0e+2]");
    return;
  }
  const auto lower = read_number(node.items[0], Range::positive(), reading);
  const auto upper = read_number(node.items[1], Range::positive(), reading);
  if (!lower || !upper) return;
  if (*lower < *upper) {
    bounds = {*lower, *upper};
  } else {
    reading.error(node, "E203", quoted_key(reading) + " needs a lower bound below the upper one, not " + node.flow(),
                  "write the smaller number first; {fix: " + node.items[0].text + "} holds a value fixed");
  }
}

std::string HyperRange::yaml() const {
  return bounds ? "[" + yaml_number(bounds->first) + ", " + yaml_number(bounds->second) + "]" : "auto";
}

void StartPoint::read(const Node& node, const Reading& reading) {
  number = 0;
  list.clear();
  file.reset();
  if (node.is_list()) {
    for (const Node& item : node.items) {
      if (auto x = read_number(item, Range::any(), reading)) list.push_back(*x);
    }
    if (node.items.empty())
      reading.error(node, "E202", quoted_key(reading) + " has an empty list", "give a number for each, or one number for all");
  } else if (node.is_scalar() && !node.text.empty() && !numeric_looking(node)) {
    file = absolute_path(node.text, node);
  } else if (auto x = read_number(node, Range::any(), reading, "a list or a file")) {
    number = *x;
  }
}

std::string StartPoint::yaml() const {
  if (file) return yaml_text(*file);
  return list.empty() ? yaml_number(number) : list_yaml(list);
}

void IntegerList::read(const Node& node, const Reading& reading) {
  if (node.kind != Node::Kind::list) {
    reading.error(node, "E202", "'" + reading.key + "' takes a list of whole numbers, not " + node.kind_text(),
                  "write [0, 50, 100], for instance");
    return;
  }
  std::vector<Index> read;
  for (const Node& item : node.items) {
    const auto value = read_integer(item, range_, reading);
    if (!value) return;
    read.push_back(*value);
  }
  if (read.empty())
    reading.error(node, "E202", "'" + reading.key + "' is an empty list", "name at least one number, for instance [0]");
  else
    values = std::move(read);
}

std::string IntegerList::yaml() const {
  std::string text;
  for (const Index v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
  return "[" + text + "]";
}

void Opaque::read(const Node& given, const Reading& reading) {
  if (given.is_null()) {
    node.reset();
  } else if (given.kind == wanted_) {
    node = given;
  } else {
    reading.error(given, "E202", takes(reading, what_, given), "see: tacit describe " + reading.key);
  }
}

std::string Opaque::yaml() const { return node ? node->flow() : "null"; }

}  // namespace tacit
