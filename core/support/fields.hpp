// How a strategy lists its options and its state, once, for everyone: reader, printer, schema, manual, checkpoint.
#pragma once
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// The interval a number must lie in; an open end excludes its bound.
struct TACIT_EXPORT Range {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();
  bool lo_open = false;
  bool hi_open = false;

  static constexpr double kInf = std::numeric_limits<double>::infinity();
  static constexpr Range any() { return {}; }
  static constexpr Range positive() { return {0, kInf, true, false}; }
  static constexpr Range at_least(double bound) { return {bound, kInf, false, false}; }

  /// NaN lies in no range, an infinite value in none either.
  bool contains(double value) const;
  /// "> 0", ">= 1", "in [0, 1)", "any number"
  std::string text() const;
};

/// A number, or `all`, or `auto`: windows, strides, threads.
struct Count {
  enum class Kind { number, all, automatic };
  Kind kind = Kind::number;
  Index n = 0;

  static constexpr Count of(Index value) { return {Kind::number, value}; }
  static constexpr Count all() { return {Kind::all, 0}; }
  static constexpr Count automatic() { return {Kind::automatic, 0}; }
  bool is_number() const { return kind == Kind::number; }
  bool is_all() const { return kind == Kind::all; }
  bool is_auto() const { return kind == Kind::automatic; }
  bool operator==(const Count&) const = default;
};

/// Which words a Count takes beside a number.
struct CountWords {
  bool all = false;
  bool automatic = false;
};

/// Visits the options of an object one after the other: reads, prints or documents them. An object calls field() for each of its
/// options in `void fields(FieldVisitor& v)`; a visitor overrides visit(). `empty` is the word that stands for an empty optional.
class TACIT_EXPORT FieldVisitor {
public:
  virtual ~FieldVisitor() = default;

  void field(std::string_view name, double& value, const Range& range, std::string_view doc) { visit(name, value, range, doc); }
  void field(std::string_view name, Index& value, const Range& range, std::string_view doc) { visit(name, value, range, doc); }
  void field(std::string_view name, bool& value, std::string_view doc) { visit(name, value, doc); }
  /// A free text.
  void field(std::string_view name, std::string& value, std::string_view doc) { visit(name, value, {}, doc); }
  /// One of the choices.
  void field(std::string_view name, std::string& value, const std::vector<std::string>& choices, std::string_view doc) {
    visit(name, value, choices, doc);
  }
  void field(std::string_view name, std::optional<double>& value, const Range& range, std::string_view doc,
             std::string_view empty = "auto") {
    visit(name, value, range, empty, doc);
  }
  void field(std::string_view name, std::optional<Index>& value, const Range& range, std::string_view doc,
             std::string_view empty = "auto") {
    visit(name, value, range, empty, doc);
  }
  /// range holds for the number.
  void field(std::string_view name, Count& value, const Range& range, CountWords words, std::string_view doc) {
    visit(name, value, range, words, doc);
  }
  void field(std::string_view name, std::vector<std::string>& value, std::string_view doc) { visit(name, value, doc); }

protected:
  virtual void visit(std::string_view name, double& value, const Range& range, std::string_view doc) = 0;
  virtual void visit(std::string_view name, Index& value, const Range& range, std::string_view doc) = 0;
  virtual void visit(std::string_view name, bool& value, std::string_view doc) = 0;
  /// Empty choices: any text.
  virtual void visit(std::string_view name, std::string& value, const std::vector<std::string>& choices,
                     std::string_view doc) = 0;
  virtual void visit(std::string_view name, std::optional<double>& value, const Range& range, std::string_view empty,
                     std::string_view doc) = 0;
  virtual void visit(std::string_view name, std::optional<Index>& value, const Range& range, std::string_view empty,
                     std::string_view doc) = 0;
  virtual void visit(std::string_view name, Count& value, const Range& range, CountWords words, std::string_view doc) = 0;
  virtual void visit(std::string_view name, std::vector<std::string>& value, std::string_view doc) = 0;
};

/// An object with options. The default has none.
class TACIT_EXPORT Configurable {
public:
  virtual ~Configurable() = default;
  virtual void fields(FieldVisitor& v);
};

/// Throws UsageError (Kind::option) for the first option of the object that lies outside of its range or is none of its choices.
/// what: the object in words, "the inner solver".
TACIT_EXPORT void require_valid(const Configurable& object, const std::string& what);

/// Visits what must survive a kill: an object calls state() for each such value in `void state(StateVisitor& v)`; a writer reads
/// the values, a reader overwrites them (vectors are resized).
class TACIT_EXPORT StateVisitor {
public:
  virtual ~StateVisitor() = default;
  virtual void state(std::string_view name, double& value) = 0;
  virtual void state(std::string_view name, Index& value) = 0;
  virtual void state(std::string_view name, bool& value) = 0;
  virtual void state(std::string_view name, std::string& value) = 0;
  virtual void state(std::string_view name, Vec& value) = 0;
  virtual void state(std::string_view name, std::vector<double>& value) = 0;
  virtual void state(std::string_view name, std::vector<Vec>& value) = 0;
};

/// An enumeration as a number.
template <class E>
void state_of_enum(StateVisitor& v, std::string_view name, E& value) {
  Index number = static_cast<Index>(value);
  v.state(name, number);
  value = static_cast<E>(number);
}

/// An object that may be missing: whether it is there, then its own state. T is default constructible and has state().
template <class T>
void state_of_shared(StateVisitor& v, std::string_view name, std::shared_ptr<const T>& object) {
  bool there = object != nullptr;
  v.state(name, there);
  if (!there) return object.reset();
  auto copy = object ? std::make_shared<T>(*object) : std::make_shared<T>();
  copy->state(v);
  object = std::move(copy);
}

}  // namespace tacit::inline TACIT_ABI
