// The kinds of values that run files hold, and the visitors that read and list the fields of a block.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/runfile/yaml_source.hpp>
#include <tacit/core/support/fields.hpp>

namespace tacit {

/// Where a value is being read and where its errors go.
struct Reading {
  std::string key;  ///< path of the key, for messages
  std::vector<Issue>& issues;
  void error(const Node& node, std::string code, std::string what, std::string remedy) const;
};

/// Typed reading of one node; nothing after an error, which went to `reading`. `others`: words the key takes beside the value,
/// for messages.
std::optional<double> read_number(const Node& node, const Range& range, const Reading& reading, const std::string& others = {});
std::optional<Index> read_integer(const Node& node, const Range& range, const Reading& reading, const std::string& others = {});
std::optional<bool> read_bool(const Node& node, const Reading& reading, const std::string& others = {});
std::optional<std::string> read_text(const Node& node, const Reading& reading);
std::optional<std::vector<std::string>> read_names(const Node& node, const Reading& reading, const std::string& others = {});
std::optional<std::string> read_choice(const Node& node, const std::vector<std::string>& choices, const Reading& reading);
/// Is it this word, without quotes? `null` stands for a written or omitted null.
bool is_word(const Node& node, std::string_view word);
/// A path in the node, made absolute with the folder of its source (a run file: its own folder; an argument: the working folder).
std::string absolute_path(const std::string& path, const Node& node);

/// A value with a grammar of its own.
class Value {
public:
  virtual ~Value() = default;
  virtual void read(const Node& node, const Reading& reading) = 0;
  virtual std::string yaml() const = 0;     ///< as it is written in a run file, on one line
  virtual std::string grammar() const = 0;  ///< "null | a file"
  virtual nlohmann::json schema() const = 0;
};

/// A text, or the word for none (null, auto). Numbers are taken as the text they are written with.
class Text final : public Value {
public:
  explicit Text(std::string none = "null") : none_(std::move(none)) {}
  std::optional<std::string> text;
  std::string base;  ///< folder from which the text is meant, should it turn out to be a path
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return none_ + " | a text"; }
  nlohmann::json schema() const override;

private:
  std::string none_;
};

/// A file, or null. The path is absolute after reading.
class FilePath final : public Value {
public:
  std::optional<std::string> path;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "null | a file"; }
  nlohmann::json schema() const override;
};

/// A word (`all`, `auto`), or names and globs.
class NameList final : public Value {
public:
  explicit NameList(std::string word) : word_(std::move(word)) {}
  std::optional<std::vector<std::string>> names;  ///< empty: the word
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return word_ + " | [names or globs]"; }
  nlohmann::json schema() const override;

private:
  std::string word_;
};

/// true, false or auto.
class Tristate final : public Value {
public:
  std::optional<bool> value;  ///< empty: auto
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "auto | true | false"; }
  nlohmann::json schema() const override;
};

/// One of some words, or null.
class WordOrNull final : public Value {
public:
  explicit WordOrNull(std::vector<std::string> words) : words_(std::move(words)) {}
  std::optional<std::string> word;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override { return word.value_or("null"); }
  std::string grammar() const override;
  nlohmann::json schema() const override;

private:
  std::vector<std::string> words_;
};

/// Named groups of features, or a file that holds them, or null.
class FeatureGroups final : public Value {
public:
  std::optional<std::string> file;
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  bool given() const { return file || !groups.empty(); }
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "null | {name: [names or globs]} | a file"; }
  nlohmann::json schema() const override;
};

/// A test file, a fraction of the rows, or null.
class TestPart final : public Value {
public:
  std::optional<std::string> file;
  std::optional<double> fraction;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "null | a file | a fraction in (0, 1)"; }
  nlohmann::json schema() const override;
};

/// none, balanced, or a positive weight per label.
class ClassWeight final : public Value {
public:
  bool balanced = false;
  std::vector<std::pair<std::string, double>> weights;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "none | balanced | {label: weight}"; }
  nlohmann::json schema() const override;
};

/// A span of time: 30, 30s, 5min, 2h, 1.5d; or null.
class Duration final : public Value {
public:
  std::optional<double> seconds;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "null | seconds | 30s | 5min | 2h"; }
  nlohmann::json schema() const override;
};

/// An amount of memory: 500MB, 2GB, 1GiB; or null.
class Bytes final : public Value {
public:
  std::optional<double> bytes;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "null | 500MB | 2GB | 1GiB"; }
  nlohmann::json schema() const override;
};

/// Values of a hyperparameter in natural units: auto, a number, a list in column order, {name: number}, or an earlier hyper.csv.
class HyperValue final : public Value {
public:
  /// fixed: a value that is not tuned may be 0, and must be given.
  explicit HyperValue(bool fixed = false) : fixed_(fixed) {}
  enum class Kind { automatic, number, list, named, file };
  Kind kind = Kind::automatic;
  double number = 0;
  std::vector<double> list;
  std::vector<std::pair<std::string, double>> named;
  std::string file;
  bool is_auto() const { return kind == Kind::automatic; }
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override {
    return std::string(fixed_ ? "" : "auto | ") + "number | [list in column order] | {name: number} | a hyper.csv";
  }
  nlohmann::json schema() const override;

private:
  bool fixed_;
};

/// auto or [lower, upper], positive, lower < upper.
class HyperRange final : public Value {
public:
  std::optional<std::pair<double, double>> bounds;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "auto | [lower, upper]"; }
  nlohmann::json schema() const override;
};

/// x_0 of a cold run: a number, a list, or a file.
class StartPoint final : public Value {
public:
  double number = 0;
  std::vector<double> list;         ///< not empty: instead of the number
  std::optional<std::string> file;  ///< instead of both
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "number | [list] | a file"; }
  nlohmann::json schema() const override;
};

/// A list of whole numbers, each in the range.
class IntegerList final : public Value {
public:
  IntegerList(std::vector<Index> otherwise, Range range) : values(std::move(otherwise)), range_(range) {}
  std::vector<Index> values;
  void read(const Node& node, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return "[whole numbers " + range_.text() + "]"; }
  nlohmann::json schema() const override;

private:
  Range range_;
};

/// A piece of the run file that is kept as it is, of the kinds given.
class Opaque final : public Value {
public:
  explicit Opaque(Node::Kind wanted, std::string what) : wanted_(wanted), what_(std::move(what)) {}
  std::optional<Node> node;
  void read(const Node& given, const Reading& reading) override;
  std::string yaml() const override;
  std::string grammar() const override { return what_; }
  nlohmann::json schema() const override;

private:
  Node::Kind wanted_;
  std::string what_;
};

class Block;
class StrategyBlock;

/// A visitor of blocks: fields as strategies have them, values with their own grammar, and blocks within.
class BlockVisitor : public FieldVisitor {
public:
  using FieldVisitor::field;
  void field(std::string_view name, Value& value, std::string_view doc) { visit(name, value, doc); }
  void block(std::string_view name, Block& value, std::string_view doc) { visit(name, value, doc); }
  void block(std::string_view name, StrategyBlock& value, std::string_view doc) { visit(name, value, doc); }

protected:
  using FieldVisitor::visit;
  virtual void visit(std::string_view name, Value& value, std::string_view doc) = 0;
  virtual void visit(std::string_view name, Block& value, std::string_view doc) = 0;
  virtual void visit(std::string_view name, StrategyBlock& value, std::string_view doc) = 0;
};

/// Keys that belong together.
class Block {
public:
  virtual ~Block() = default;
  virtual void fields(BlockVisitor& v) = 0;
  std::optional<Node> node;  ///< as given in the run file, with the places of its keys
  bool given(std::string_view key) const { return node && node->is_map() && node->find(key) != nullptr; }
};

class StrategyCatalog;

/// A block in which one key names a strategy and further keys are that strategy's own. They are read once, into the strategy.
class StrategyBlock : public Block {
public:
  /// The key that names the strategy: solver, estimator, optimizer.
  virtual const char* selector() const = 0;
  virtual const std::string& chosen() const = 0;
  /// May the selector be `auto`?
  virtual bool has_auto() const { return true; }
  /// The chosen strategy, configured; null under auto, and before the block was read. It is shared by copies of the block and
  /// never changed again.
  std::shared_ptr<Configurable> strategy;
  /// Under auto: the keys that were given for whichever strategy will be chosen, each checked.
  std::vector<std::pair<std::string, Node>> options;
  /// Gives a fresh object the values of this block; keys it does not have are left alone (they were meant for another candidate
  /// of auto).
  void configure(Configurable& fresh) const;
  /// Takes a strategy in place of auto; `block`: its name in the catalog.
  void choose(const std::string& name, const std::string& block, const StrategyCatalog& catalog);
  /// Puts a number in the place of auto, where the strategy has the field.
  void settle(std::string_view field, double value, const std::string& block, const StrategyCatalog& catalog);

protected:
  virtual std::string& choice() = 0;
};

}  // namespace tacit
