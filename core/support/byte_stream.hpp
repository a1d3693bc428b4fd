// State as bytes: what a computation carries on, written and read back to the same bits.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/core/support/fields.hpp>

namespace tacit::inline TACIT_ABI {

/// Appends each value with its name and kind. Numbers are stored as they lie in memory, so the bytes are for machines of the same
/// byte order.
class TACIT_EXPORT StateWriter final : public StateVisitor {
public:
  const std::string& bytes() const { return bytes_; }
  void state(std::string_view name, double& value) override;
  void state(std::string_view name, Index& value) override;
  void state(std::string_view name, bool& value) override;
  void state(std::string_view name, std::string& value) override;
  void state(std::string_view name, Vec& value) override;
  void state(std::string_view name, std::vector<double>& value) override;
  void state(std::string_view name, std::vector<Vec>& value) override;

private:
  void head(char kind, std::string_view name);
  void numbers(const double* data, std::size_t count);
  void count(std::size_t n);
  std::string bytes_;
};

/// Reads what a StateWriter wrote, in the same order. Throws UsageError where name or kind is another than the one asked for, or
/// where the bytes end: they are of another version, or damaged. They must outlive it.
class TACIT_EXPORT StateReader final : public StateVisitor {
public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  /// Everything was read.
  bool at_end() const { return rest_.empty(); }
  void state(std::string_view name, double& value) override;
  void state(std::string_view name, Index& value) override;
  void state(std::string_view name, bool& value) override;
  void state(std::string_view name, std::string& value) override;
  void state(std::string_view name, Vec& value) override;
  void state(std::string_view name, std::vector<double>& value) override;
  void state(std::string_view name, std::vector<Vec>& value) override;

private:
  void head(char kind, std::string_view name);
  void take(void* to, std::size_t bytes, std::string_view name);
  std::size_t count(std::size_t unit, std::string_view name);
  std::string_view rest_;
};

}  // namespace tacit::inline TACIT_ABI
