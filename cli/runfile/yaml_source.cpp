#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <tacit/cli/runfile/yaml_source.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

constexpr std::size_t kMaxDepth = 40;

long characters_in(std::string_view text) {
  return static_cast<long>(std::count_if(text.begin(), text.end(), [](char c) { return !utf8_continues(c); }));
}

// Where the quote that opens at `open` closes; npos when it does not.
std::size_t closing_quote(std::string_view text, std::size_t open) {
  const char quote = text[open];
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '\'' && i + 1 < text.size() && text[i + 1] == '\'') {
        ++i;
      } else {
        return i;
      }
    }
  }
  return std::string_view::npos;
}

// The opening quote that never closes, for yaml-cpp's error that names the end of the file only.
std::optional<std::size_t> open_quote(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char before = i == 0 ? '\n' : text[i - 1];
    const bool fresh = std::string_view(" \t\n\r[{,:").find(before) != std::string_view::npos;
    if (text[i] == '#' && fresh) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if ((text[i] == '"' || text[i] == '\'') && fresh) {
      const std::size_t end = closing_quote(text, i);
      if (end == std::string_view::npos) return i;
      i = end;
    }
  }
  return std::nullopt;
}

struct TooDeep {
  YAML::Mark mark;
};

// Blanks that only look like one, as they come along with text copied from a web page: YAML takes them for a part of the key.
bool false_blank(std::string_view character) {
  for (std::string_view blank : {"\xC2\xA0", "\xE2\x80\x8B", "\xE2\x80\xAF", "\xE3\x80\x80", "\xEF\xBB\xBF"}) {
    if (character == blank) return true;
  }
  return false;
}

// Places by their byte offset.
class Places {
public:
  explicit Places(std::shared_ptr<const SourceText> source) : source_(std::move(source)), starts_{0} {
    for (std::size_t i = 0; i < source_->text.size(); ++i) {
      if (source_->text[i] == '\n') starts_.push_back(i + 1);
    }
  }
  Node at(std::size_t pos) const {
    const std::string_view text = source_->text;
    pos = std::min(pos, text.size());
    const auto line = std::upper_bound(starts_.begin(), starts_.end(), pos) - starts_.begin();
    const std::size_t start = starts_[static_cast<std::size_t>(line) - 1];
    Node node;
    node.source = source_;
    node.line = static_cast<long>(line);
    node.column = 1 + characters_in(text.substr(start, pos - start));
    return node;
  }
  Node at(const YAML::Mark& mark) const { return at(static_cast<std::size_t>(std::max(0, mark.pos))); }

private:
  std::shared_ptr<const SourceText> source_;
  std::vector<std::size_t> starts_;
};

// Builds the tree from yaml-cpp's events, where anchors, aliases, tags and repeated keys still can be seen.
class TreeBuilder final : public YAML::EventHandler {
public:
  TreeBuilder(std::shared_ptr<const SourceText> source, const Places& places, std::vector<Issue>& issues)
      : source_(std::move(source)), places_(places), issues_(issues) {}

  Node root;
  bool open_quote = false;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = place(mark);
    refuse_anchor(node, anchor);
    const std::string_view rest = std::string_view(source_->text).substr(offset(mark));
    for (std::string_view word : {"~", "null", "Null", "NULL"}) {
      if (rest.substr(0, word.size()) == word) node.text = word;
    }
    node.implicit = node.text.empty();
    if (!node.implicit) node.width = characters_in(node.text);
    // Nothing is written: the key is the place to point at.
    if (node.implicit && !stack_.empty() && stack_.back().is_map() && key_) {
      node.line = key_->line;
      node.column = key_->column;
      node.width = key_->width;
    }
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node = place(mark);
    refuse(node, "an alias ('*name')");
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    Node node = place(mark);
    refuse_anchor(node, anchor);
    refuse_tag(node, tag, mark);
    node.kind = Node::Kind::scalar;
    node.text = value;
    node.quoted = tag == "!";
    node.width = std::max(1L, characters_in(value));
    const std::string_view text = source_->text;
    const std::size_t at = offset(mark);
    if (node.quoted && at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      const std::size_t end = closing_quote(text, at);
      open_quote = open_quote || end == std::string_view::npos;
      node.width = end == std::string_view::npos ? 1 : characters_in(text.substr(at, end - at + 1));
      if (end == std::string_view::npos) report(quote_issue(node));
    }
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

  // The innermost bracket of this kind that is open, for an error found far below it.
  const Node* open_bracket(char bracket) const {
    for (auto node = stack_.rbegin(); node != stack_.rend(); ++node) {
      const std::string_view line = source_->line(node->line);
      long column = 0;
      for (char c : line) {
        if (!utf8_continues(c)) ++column;
        if (column == node->column) {
          if (c == bracket) return &*node;
          break;
        }
      }
    }
    return nullptr;
  }

  static Issue quote_issue(const Node& node) {
    return issue_at(node, "E107", "the quote that opens here is never closed", "close it on the same line");
  }

private:
  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(0, mark.pos)), source_->text.size());
  }
  Node place(const YAML::Mark& mark) const { return places_.at(mark); }
  void report(Issue issue) {
    if (issues_.size() < kMaxIssues) issues_.push_back(std::move(issue));
  }

  void refuse(const Node& node, const std::string& what) {
    report(issue_at(node, "E106", what + " is not used in run files",
                    "write the value out; put a text that begins with this sign in quotes"));
  }
  void refuse_anchor(const Node& node, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(node, "an anchor ('&name')");
  }
  // yaml-cpp marks a text in quotes with the tag "!", which a user can write as well.
  void refuse_tag(const Node& node, const std::string& tag, const YAML::Mark& mark) {
    const std::size_t at = offset(mark);
    const bool written = at < source_->text.size() && source_->text[at] == '!';
    if (written || (!tag.empty() && tag != "?" && tag != "!")) refuse(node, "a tag ('!name')");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    if (stack_.size() >= kMaxDepth) throw TooDeep{mark};
    Node node = place(mark);
    refuse_anchor(node, anchor);
    refuse_tag(node, tag, mark);
    node.kind = kind;
    stack_.push_back(std::move(node));
    known_.emplace_back();
    keys_.push_back(std::move(key_));
    key_.reset();
  }
  void close() {
    Node node = std::move(stack_.back());
    stack_.pop_back();
    known_.pop_back();
    key_ = std::move(keys_.back());
    keys_.pop_back();
    add(std::move(node));
  }
  void add(Node node) {
    if (stack_.empty()) {
      root = std::move(node);
    } else if (stack_.back().is_list()) {
      stack_.back().items.push_back(std::move(node));
    } else if (!key_) {
      key_ = std::move(node);
    } else {
      add_entry(stack_.back(), std::move(*key_), std::move(node));
      key_.reset();
    }
  }
  void add_entry(Node& map, Node key, Node value) {
    if (!key.is_scalar()) {
      // yaml-cpp tells of one such key twice.
      const bool told = !issues_.empty() && issues_.back().code == "E102" && issues_.back().line == key.line;
      if (!told) report(issue_at(key, "E102", "a key must be a word, not " + key.kind_text(), "write `word: value`"));
      return;
    }
    if (!key.quoted && key.text == "<<") {
      refuse(key, "a merge key ('<<')");
      return;
    }
    if (const auto [first, fresh] = known_.back().emplace(key.text, key.line); !fresh) {
      report(issue_at(key, "E105", "the key '" + key.text + "' stands twice in this block",
                      "it stands first in line " + std::to_string(first->second) + "; remove one of the two"));
      return;
    }
    map.entries.push_back({std::move(key), std::move(value)});
  }

  std::shared_ptr<const SourceText> source_;
  const Places& places_;
  std::vector<Issue>& issues_;
  std::vector<Node> stack_;
  std::vector<std::unordered_map<std::string, long>> known_;  // keys of each open block, with their line
  std::vector<std::optional<Node>> keys_;
  std::optional<Node> key_;
};

// What a byte that no run file may hold is, else "".
std::string bad_character(std::string_view character, unsigned char first) {
  if (character.empty()) return "not a text in UTF-8";
  const bool control = (first < 0x20 && first != '\n' && first != '\r' && first != '\t') || first == 0x7F;
  return control ? "a control character" : "";
}

// What indents and is no blank, else "".
std::string bad_indent(std::string_view character) {
  if (character == "\t") return "a tab indents this line";
  return false_blank(character) ? "a character that only looks like a blank indents this line" : "";
}

// Bytes that no run file may hold, and tabs that indent: yaml-cpp takes some of them silently.
bool clean_text(const std::shared_ptr<const SourceText>& source, const Places& places, std::vector<Issue>& issues) {
  const std::string_view text = source->text;
  const std::size_t before = issues.size();
  if (text.size() > kMostBytes) {
    issues.push_back(issue_at(places.at(0), "E108", "the file has more than 1 MiB: it is no run file",
                              "did you mean to name a data file in data.train?"));
    return false;
  }
  bool leading = true;
  std::size_t bytes = 1;
  for (std::size_t i = 0; i < text.size(); i += bytes) {
    bytes = utf8_length(text.substr(i));
    const std::string_view character = text.substr(i, bytes);
    if (const std::string bad = bad_character(character, static_cast<unsigned char>(text[i])); !bad.empty()) {
      issues.push_back(issue_at(places.at(i), "E108", bad, "save the run file as plain UTF-8 text"));
      for (char& shown : issues.back().source_line) {
        if (static_cast<unsigned char>(shown) >= 0x80) shown = '?';
      }
      return false;
    }
    if (const std::string bad = leading ? bad_indent(character) : std::string(); !bad.empty()) {
      if (issues.size() < kMaxIssues) issues.push_back(issue_at(places.at(i), "E103", bad, "indent with blanks"));
      leading = false;
    } else {
      leading = character == "\n" || (leading && character == " ");
    }
  }
  return issues.size() == before;
}

Issue syntax_issue(const SourceText& source, const Places& places, const TreeBuilder& builder, const YAML::Exception& error) {
  const Node node = places.at(error.mark);
  const std::string& m = error.msg;
  const auto says = [&](std::string_view part) { return m.find(part) != std::string::npos; };
  if (says("EOF in scalar")) {
    const auto quote = open_quote(source.text);
    return TreeBuilder::quote_issue(quote ? places.at(*quote) : node);
  }
  if (says("referenced anchor")) {
    return issue_at(node, "E106", "an alias ('*name') is not used in run files", "put a text that begins with '*' in quotes");
  }
  if (says("illegal map value")) {
    return issue_at(node, "E102", "a ':' where no key can stand",
                    "check the indentation of this line and of the one above; put a text with ': ' in it in quotes");
  }
  if (says("end of map flow")) {
    const Node* open = builder.open_bracket('{');
    return issue_at(open ? *open : node, "E102", "a '{' is not closed", "add the missing '}' or ','");
  }
  if (says("end of sequence flow")) {
    const Node* open = builder.open_bracket('[');
    return issue_at(open ? *open : node, "E102", "a '[' is not closed", "add the missing ']' or ','");
  }
  if (says("end of map not found"))
    return issue_at(node, "E102", "this line does not fit into the block above", "check its indentation");
  if (says("end of sequence not found"))
    return issue_at(node, "E102", "this line does not fit into the list above", "check its indentation");
  if (says("unknown escape")) {
    return issue_at(node, "E102", "an unknown escape in a text in double quotes",
                    "write \\\\ for a backslash, or use single quotes");
  }
  if (says("unknown token")) return issue_at(node, "E102", "no value can begin with this sign", "put the text in quotes");
  return issue_at(node, "E102", "not YAML: " + m, "check the indentation, quotes and brackets here and in the line above");
}

Node empty_map(const std::shared_ptr<const SourceText>& source) {
  Node node;
  node.kind = Node::Kind::map;
  node.source = source;
  node.line = 1;
  node.column = 1;
  return node;
}

// What stands after '---' or '...' would be passed over silently, whether it is YAML or not.
void refuse_second_document(YAML::Parser& parser, const std::shared_ptr<const SourceText>& source, const Places& places,
                            std::vector<Issue>& issues) {
  std::vector<Issue> ignored;
  TreeBuilder second(source, places, ignored);
  std::optional<Node> place;
  try {
    if (parser.HandleNextDocument(second)) place = second.root;
  } catch (const TooDeep& deep) {
    place = places.at(deep.mark);
  } catch (const YAML::Exception& error) {
    place = places.at(error.mark);
  }
  if (!place) return;
  issues.push_back(issue_at(*place, "E104", "a second YAML document begins here",
                            "a run file is one document: remove the line '---' or '...' above"));
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const auto& [k, v] : entries) {
    if (k.text == key) return &v;
  }
  return nullptr;
}

const Node* Node::find_key(std::string_view key) const {
  for (const auto& [k, v] : entries) {
    if (k.text == key) return &k;
  }
  return nullptr;
}

std::string Node::kind_text() const {
  switch (kind) {
    case Kind::null:
      return implicit ? "nothing" : "null";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a block of keys";
    case Kind::scalar:
      break;
  }
  return quoted ? "the text \"" + text + "\"" : "'" + text + "'";
}

Issue issue_at(const Node& node, std::string code, std::string what, std::string remedy) {
  Issue issue;
  issue.code = std::move(code);
  issue.what = std::move(what);
  issue.remedy = std::move(remedy);
  if (!node.source) return issue;
  issue.file = node.source->name;
  issue.argument = node.source->argument;
  if (issue.argument) return issue;
  issue.line = node.line;
  issue.column = node.column;
  issue.width = node.width;
  issue.source_line = std::string(node.source->line(node.line));
  return issue;
}

std::optional<Node> parse_yaml(std::shared_ptr<const SourceText> source, std::vector<Issue>& issues) {
  if (source->text.compare(0, 3, "\xEF\xBB\xBF") == 0) {  // a byte order mark is no part of the text
    auto bare = std::make_shared<SourceText>(*source);
    bare->text.erase(0, 3);
    source = bare;
  }
  const Places places(source);
  if (!clean_text(source, places, issues)) return std::nullopt;
  TreeBuilder builder(source, places, issues);
  try {
    std::istringstream in(source->text);
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return empty_map(source);
    if (builder.open_quote) return std::nullopt;
    refuse_second_document(parser, source, places, issues);
  } catch (const TooDeep& deep) {
    issues.push_back(
        issue_at(places.at(deep.mark), "E108", "more than 40 levels of brackets or blocks", "no key of a run file needs them"));
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    // What follows a quote that never closes is part of that text: a bracket missing there is no error of its own.
    if (!builder.open_quote) issues.push_back(syntax_issue(*source, places, builder, error));
    return std::nullopt;
  }
  return std::move(builder.root);
}

namespace {

// The value of an override: see apply_override.
std::optional<Node> override_value(const std::shared_ptr<const SourceText>& source, std::vector<Issue>& issues) {
  const std::string& text = source->text;
  if (std::string_view("[{\"'").find(text.front()) != std::string_view::npos) {
    const std::size_t before = issues.size();
    std::optional<Node> node = parse_yaml(source, issues);
    return issues.size() == before ? node : std::nullopt;
  }
  Node node;
  node.source = source;
  node.line = node.column = 1;
  node.text = text;
  const bool null = text == "null" || text == "~";
  node.kind = null ? Node::Kind::null : Node::Kind::scalar;
  return node;
}

}  // namespace

void apply_override(Node& root, const std::string& argument, const std::string& working_folder, std::vector<Issue>& issues) {
  auto source = std::make_shared<SourceText>();
  source->name = argument;
  source->argument = true;
  source->base = working_folder;
  Node place;
  place.source = source;
  const auto malformed = [&](const std::string& what) {
    issues.push_back(issue_at(place, "E211", what, "write key.path=value, for instance inner.max_steps=100"));
  };
  const auto equal = argument.find('=');
  if (equal == std::string::npos) return malformed("the argument '" + argument + "' is no override");
  const std::string path = argument.substr(0, equal);
  if (path.empty() || path.front() == '.' || path.back() == '.' || path.find("..") != std::string::npos) {
    return malformed("the key '" + path + "' of the override is not complete");
  }
  source->text = argument.substr(equal + 1);
  if (source->text.empty()) return malformed("the override of '" + path + "' has no value (null stands for none)");
  std::optional<Node> value = override_value(source, issues);
  if (!value) return;

  if (!set_value(root, path, place, std::move(*value)))
    malformed("the key '" + path + "' goes into something that is no block of keys");
}

bool set_value(Node& root, const std::string& path, const Node& place, Node value) {
  Node* at = &root;
  std::istringstream parts(path + ".");
  std::string part, rest = path;
  while (std::getline(parts, part, '.')) {
    if (!at->is_map() && !at->is_null()) return false;
    at->kind = Node::Kind::map;
    auto entry = std::find_if(at->entries.begin(), at->entries.end(), [&](const auto& e) { return e.key.text == part; });
    const bool last = rest == part;
    if (entry == at->entries.end()) {
      Node empty, key;
      empty.source = place.source;
      empty.line = place.line;
      empty.column = place.column;
      key = empty;
      key.kind = Node::Kind::scalar;
      key.text = part;
      at->entries.push_back({key, empty});
      entry = std::prev(at->entries.end());
    }
    if (last) {
      entry->key.source = place.source;
      entry->value = std::move(value);
      return true;
    }
    rest.erase(0, part.size() + 1);
    at = &entry->value;
  }
  return true;
}

}  // namespace tacit
