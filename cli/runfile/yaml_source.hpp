// YAML text as a tree that remembers where everything stands. Stricter than yaml-cpp: what it passes silently is an error here.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tacit/cli/runfile/diagnostics.hpp>

namespace tacit {

/// A longer file is no run file (E108).
constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

/// A piece of YAML with its place. Scalars keep their text as written; what it means is for the key to say.
struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::shared_ptr<const SourceText> source;
  long line = 0;          ///< from 1
  long column = 0;        ///< in characters, from 1
  long width = 1;         ///< characters on its line, for the underline
  std::string text;       ///< of a scalar; of a written null its spelling
  bool quoted = false;    ///< in quotes, or a block of text
  bool implicit = false;  ///< a null that is not written at all
  struct Entry;
  std::vector<Node> items;     ///< of a list
  std::vector<Entry> entries;  ///< of a map, in order

  bool is_null() const { return kind == Kind::null; }
  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  /// The value of a key of a map, or null.
  const Node* find(std::string_view key) const;
  const Node* find_key(std::string_view key) const;
  /// "a number", "a text", "a list", "a block of keys", "nothing": for messages.
  std::string kind_text() const;
  /// A scalar with its quotes where it had some, a list, a block: on one line, as YAML reads it back.
  std::string flow() const;
};

/// One key of a map with its value.
struct Node::Entry {
  Node key, value;
};

/// An issue at a node.
Issue issue_at(const Node& node, std::string code, std::string what, std::string remedy);

/// Reads one document. Everything that is wrong with the text as YAML goes to `issues`; nothing when it could not be read to its
/// end. A text without content is an empty map.
std::optional<Node> parse_yaml(std::shared_ptr<const SourceText> source, std::vector<Issue>& issues);

/// Puts the value of an argument `key.path=value` into the tree, over what is there. The value is YAML when it begins with [ { "
/// or ', else it is taken as it stands, so that shells, globs and paths need no second quoting.
void apply_override(Node& root, const std::string& argument, const std::string& working_folder, std::vector<Issue>& issues);

/// Puts a value at a dotted path of keys, over what is there; keys that are missing are made at `place`. False, and nothing is
/// changed but blocks made on the way, when the path leads into something that is no block of keys.
bool set_value(Node& root, const std::string& path, const Node& place, Node value);

/// Text as a YAML scalar that reads back as the same text: plain where that is safe, else in double quotes.
std::string yaml_text(std::string_view text);
/// The same, always in double quotes.
std::string yaml_quoted(std::string_view text);
/// A double as YAML: shortest text that reads back as the same number, with a point before an exponent ("1.0e-08"), which some
/// readers need.
std::string yaml_number(double value);

}  // namespace tacit
