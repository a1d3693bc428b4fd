#include <cmath>

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

}  // namespace tacit::inline TACIT_ABI
