#include <algorithm>
#include <cmath>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

bool Range::contains(double value) const {
  if (!std::isfinite(value)) return false;
  return (lo_open ? value > lo : value >= lo) && (hi_open ? value < hi : value <= hi);
}

std::string Range::text() const {
  const bool below = std::isfinite(lo), above = std::isfinite(hi);
  if (!below && !above) return "any number";
  if (lo == hi) return "exactly " + number_text(lo);
  if (!above) return (lo_open ? "> " : ">= ") + number_text(lo);
  if (!below) return (hi_open ? "< " : "<= ") + number_text(hi);
  return std::string("in ") + (lo_open ? "(" : "[") + number_text(lo) + ", " + number_text(hi) + (hi_open ? ")" : "]");
}

void Configurable::fields(FieldVisitor&) {}

namespace {

/// Changes nothing: holds each value against its range.
class RangeCheck final : public FieldVisitor {
public:
  explicit RangeCheck(const std::string& what) : what_(what) {}

protected:
  void visit(std::string_view name, double& value, const Range& range, std::string_view) override { check(name, value, range); }
  void visit(std::string_view name, Index& value, const Range& range, std::string_view) override {
    check(name, static_cast<double>(value), range);
  }
  void visit(std::string_view, bool&, std::string_view) override {}
  void visit(std::string_view name, std::string& value, const std::vector<std::string>& choices, std::string_view) override {
    if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
    refuse(unknown_name("value of the option '" + std::string(name) + "' of " + what_, value, choices));
  }
  void visit(std::string_view name, std::optional<double>& value, const Range& range, std::string_view,
             std::string_view) override {
    if (value) check(name, *value, range);
  }
  void visit(std::string_view name, std::optional<Index>& value, const Range& range, std::string_view,
             std::string_view) override {
    if (value) check(name, static_cast<double>(*value), range);
  }
  void visit(std::string_view name, Count& value, const Range& range, CountWords words, std::string_view) override {
    if (value.is_number()) return check(name, static_cast<double>(value.n), range);
    if ((value.is_all() && !words.all) || (value.is_auto() && !words.automatic))
      refuse("the option '" + std::string(name) + "' of " + what_ + " takes no '" + (value.is_all() ? "all" : "auto") + "'");
  }
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}

private:
  void check(std::string_view name, double value, const Range& range) const {
    if (range.contains(value)) return;
    refuse("the option '" + std::string(name) + "' of " + what_ + " is " + number_text(value) + " and has to be " + range.text());
  }
  [[noreturn]] static void refuse(const std::string& message) { throw UsageError(UsageError::Kind::option, message); }
  const std::string& what_;
};

}  // namespace

void require_valid(const Configurable& object, const std::string& what) {
  RangeCheck check(what);
  const_cast<Configurable&>(object).fields(check);  // the visitor changes nothing, and fields() is one list for all visitors
}

}  // namespace tacit::inline TACIT_ABI
