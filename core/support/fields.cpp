#include <charconv>
#include <cmath>

#include <tacit/core/support/fields.hpp>

namespace tacit {

std::string shortest(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

bool Range::contains(double value) const {
  if (!std::isfinite(value)) return false;
  return (lo_open ? value > lo : value >= lo) && (hi_open ? value < hi : value <= hi);
}

std::string Range::text() const {
  const bool below = std::isfinite(lo), above = std::isfinite(hi);
  if (!below && !above) return "any number";
  if (lo == hi) return "exactly " + shortest(lo);
  if (!above) return (lo_open ? "> " : ">= ") + shortest(lo);
  if (!below) return (hi_open ? "< " : "<= ") + shortest(hi);
  return std::string("in ") + (lo_open ? "(" : "[") + shortest(lo) + ", " + shortest(hi) + (hi_open ? ")" : "]");
}

void Configurable::fields(FieldVisitor&) {}

}  // namespace tacit
