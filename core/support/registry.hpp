// Strategies by name. Each folder fills registries by a hand-written function; nothing registers itself.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

/// Named factories of T, in the order in which they were added.
template <class T>
class Registry {
public:
  using Factory = std::function<std::unique_ptr<T>()>;

  /// what: a noun for messages ("solver"); key: the run-file key that names an entry ("inner.solver").
  explicit Registry(std::string what = "name", std::string key = {}) : what_(std::move(what)), key_(std::move(key)) {}

  /// doc: one line. Throws UsageError when the name is taken.
  void add(std::string name, std::string doc, Factory factory) {
    if (contains(name)) throw UsageError("the " + what_ + " '" + name + "' is registered twice", key_);
    entries_.push_back({std::move(name), std::move(doc), std::move(factory)});
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// A new object with its default options. Throws UsageError with the near name when there is none of this name.
  std::unique_ptr<T> make(std::string_view name) const { return require(name).factory(); }
  const std::string& doc(std::string_view name) const { return require(name).doc; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Entry& e : entries_) all.push_back(e.name);
    return all;
  }
  const std::string& what() const { return what_; }
  const std::string& key() const { return key_; }

private:
  struct Entry {
    std::string name, doc;
    Factory factory;
  };
  const Entry* find(std::string_view name) const {
    for (const Entry& e : entries_) {
      if (e.name == name) return &e;
    }
    return nullptr;
  }
  const Entry& require(std::string_view name) const {
    if (const Entry* e = find(name)) return *e;
    throw UsageError(unknown_name(what_, name, names()), key_);
  }

  std::string what_, key_;
  std::vector<Entry> entries_;
};

}  // namespace tacit::inline TACIT_ABI
