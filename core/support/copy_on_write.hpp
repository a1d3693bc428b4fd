// A value that is copied only where one of its copies is written to.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Behaves as an optional T: copies are independent values, but share the object until one of them calls write(). Copies may be
/// read in several threads at once; one copy is written by one thread at a time, as with any value.
template <class T>
class CopyOnWrite {
public:
  CopyOnWrite() = default;
  CopyOnWrite(std::nullptr_t) {}                                            // NOLINT: converts on purpose
  CopyOnWrite(T value) : object_(std::make_shared<T>(std::move(value))) {}  // NOLINT: converts on purpose

  bool has_value() const { return object_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  bool operator==(std::nullptr_t) const { return !has_value(); }
  const T& operator*() const { return *object_; }
  const T* operator->() const { return object_.get(); }
  /// The object to change, copied first where others share it. There must be one.
  T& write() {
    if (object_.use_count() > 1) object_ = std::make_shared<T>(std::as_const(*object_));
    return *object_;
  }
  void reset() { object_.reset(); }

private:
  std::shared_ptr<T> object_;
};

}  // namespace tacit::inline TACIT_ABI
