#include "golden_case.hpp"
#include "paths.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/version.hpp>

namespace golden_test {

namespace {

using process_test::read_text;
using process_test::Scratch;

const fs::path kGolden = fs::path(tacit::test::source_dir()) / "tests/golden";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// Words between blanks; '...' keeps blanks together.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> all;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any) all.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) all.push_back(word);
  return all;
}

// \xNN, \t, \r, \n and \\ of an escaped section; a line break of the case file is none of the text.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') continue;
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += c == 't' ? '\t' : c == 'r' ? '\r' : c == 'n' ? '\n' : c;
    }
  }
  return out;
}

std::string with_end(std::string text) {
  if (!text.empty() && text.back() != '\n') text += "\n<no line break at the end>\n";
  return text;
}

// Paths, version and times differ from machine to machine and from run to run.
std::string normalised(std::string text, const Case& c, const fs::path& work) {
  text = replaced(std::move(text), work.string(), "$WORK");
  text = replaced(std::move(text), tacit::test::source_dir(), "$SOURCE");
  text = replaced(std::move(text), tacit::kVersion, "$VERSION");
  static const std::regex seconds(R"(\b[0-9]+(\.[0-9]+)?(e-[0-9]+)? s\b)"), member(R"("seconds": [0-9.e+-]+)");
  text = std::regex_replace(text, seconds, "$$TIME s");
  text = std::regex_replace(text, member, R"("seconds": $$TIME)");
  for (const std::string& mask : c.values("mask")) text = std::regex_replace(text, std::regex(mask), "$$MASKED");
  return with_end(std::move(text));
}

std::string input_name(const std::string& heading) { return heading.substr(0, heading.find(' ')); }

// What the run left beside the files of the case, sorted; folders only when nothing is in them.
std::string left_files(const Case& c, const fs::path& work) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(work)) {
    const std::string name = entry.path().lexically_relative(work).string();
    const bool given =
        std::any_of(c.inputs.begin(), c.inputs.end(), [&](const auto& input) { return input_name(input.first) == name; });
    const bool folder = entry.is_directory();
    if (entry.path().filename() != tacit::kManifest && !given && (!folder || fs::is_empty(entry.path())))
      names.push_back(name + (folder ? "/" : ""));
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

double number_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Equal but for numbers, which may differ by the share that the case allows: the last digits are the compiler's.
bool same_text(const std::string& a, const std::string& b, double share) {
  if (a == b || share == 0) return a == b;
  static const std::regex number(R"(-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?)");
  if (std::regex_replace(a, number, "0") != std::regex_replace(b, number, "0")) return false;
  const std::sregex_iterator end;
  std::sregex_iterator i(a.begin(), a.end(), number), j(b.begin(), b.end(), number);
  for (; i != end && j != end; ++i, ++j) {
    const double x = number_of(i->str()), y = number_of(j->str());
    if (!(std::abs(x - y) <= share * std::max(std::abs(x), std::abs(y)))) return false;
  }
  return i == end && j == end;
}

void put_value(Case& c, const std::string& line) {
  const auto colon = line.find(':');
  if (colon == std::string::npos) throw std::runtime_error(c.file.string() + ": no 'key: value' line: " + line);
  const std::string key = line.substr(0, colon), value = line.substr(std::min(line.size(), colon + 2));
  static const std::vector<std::string> known{"run", "before", "env", "numbers", "mask", "file-size", "exit"};
  if (std::find(known.begin(), known.end(), key) == known.end())
    throw std::runtime_error(c.file.string() + ": unknown key " + key);
  if (key == "exit")
    c.exit = std::stoi(value);
  else
    c.head.emplace_back(key, value);
}

std::string* section(Case& c, const std::string& heading) {
  if (heading == "stdout") return &c.out;
  if (heading == "stderr") return &c.err;
  if (heading == "files") return &c.files;
  if (heading.rfind("file ", 0) != 0) throw std::runtime_error(c.file.string() + ": unknown section " + heading);
  c.inputs.emplace_back(heading.substr(5), "");
  return &c.inputs.back().second;
}

process_test::Start start_of(const std::string& line, const fs::path& work) {
  process_test::Start start;
  for (std::string word : words(line))
    start.arguments.push_back(replaced(replaced(std::move(word), "$SOURCE", tacit::test::source_dir()), "$WORK", work.string()));
  start.folder = work;
  return start;
}

}  // namespace

std::vector<std::string> Case::values(const std::string& key) const {
  std::vector<std::string> all;
  for (const auto& [name, value] : head) {
    if (name == key) all.push_back(value);
  }
  return all;
}

Case read_case(const fs::path& file) {
  Case c;
  c.file = file;
  std::istringstream in(read_text(file));
  std::string line;
  std::string* at = nullptr;
  while (std::getline(in, line)) {
    if (line.rfind("--- ", 0) == 0)
      at = section(c, line.substr(4));
    else if (at != nullptr)
      *at += line + "\n";
    else if (line.rfind('#', 0) == 0)
      c.comment += line + "\n";
    else
      put_value(c, line);
  }
  if (c.values("run").size() != 1) throw std::runtime_error(file.string() + ": one 'run:' line is needed");
  return c;
}

std::string write_case(const Case& c, const Outcome& outcome) {
  std::string text = c.comment;
  for (const auto& [key, value] : c.head) text += key + (value.empty() ? ":" : ": ") + value + "\n";
  text += "exit: " + std::to_string(outcome.exit) + "\n";
  for (const auto& [heading, content] : c.inputs) text += "--- file " + heading + "\n" + content;
  for (const auto& [heading, content] : {std::pair<const char*, const std::string*>{"stdout", &outcome.out},
                                         {"stderr", &outcome.err},
                                         {"files", &outcome.files}}) {
    if (!content->empty()) text += std::string("--- ") + heading + "\n" + *content;
  }
  return text;
}

Outcome run_case(const Case& c, const std::vector<std::pair<std::string, std::string>>& environment) {
  const Scratch work;
  for (const auto& [heading, text] : c.inputs) {
    const bool escaped = heading.size() > 8 && heading.substr(heading.size() - 8) == " escaped";
    process_test::write_text(work / input_name(heading), escaped ? unescaped(text) : text);
  }
  for (const std::string& line : c.values("before")) {
    const process_test::Ran ran = process_test::run(start_of(line, work.path()));
    if (ran.code != 0) throw std::runtime_error(c.file.string() + ": 'before' ended with " + std::to_string(ran.code) + ran.err);
  }
  process_test::Start start = start_of(c.values("run").front(), work.path());
  start.environment = environment;
  for (const std::string& line : c.values("env"))
    start.environment.emplace_back(line.substr(0, line.find('=')), line.substr(line.find('=') + 1));
  for (const std::string& size : c.values("file-size")) start.file_size = static_cast<rlim_t>(std::stoul(size));
  const process_test::Ran ran = process_test::run(start);
  return {ran.code, normalised(ran.out, c, work.path()), normalised(ran.err, c, work.path()), left_files(c, work.path())};
}

std::string difference(const Case& c, const Outcome& outcome) {
  std::string text;
  const auto numbers = c.values("numbers");
  const double share = numbers.empty() ? 0 : number_of(numbers.front());
  if (c.exit != outcome.exit) text += "exit code " + std::to_string(outcome.exit) + ", expected " + std::to_string(c.exit) + "\n";
  const auto compare = [&](const char* what, const std::string& expected, const std::string& got, double allowed) {
    if (!same_text(expected, got, allowed)) text += std::string(what) + " expected\n" + expected + what + " got\n" + got;
  };
  compare("stdout", c.out, outcome.out, share);
  compare("stderr", c.err, outcome.err, share);
  compare("files", c.files, outcome.files, 0);
  return text;
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Case> cases_of(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kGolden / folder)) {
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const fs::path& file : files) cases.push_back(read_case(file));
  return cases;
}

}  // namespace golden_test
