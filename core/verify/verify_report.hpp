// What verify() found: one finding a check, in the order in which the products enter.
#pragma once
#include <limits>
#include <string>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

enum class Verdict { ok, wrong, not_checked };
/// "ok", "wrong", "not checked"
TACIT_EXPORT const char* to_string(Verdict v);

/// One product of a problem, held against something it has to fit.
struct TACIT_EXPORT Finding {
  std::string product;   ///< the callback: "gradient", "cross_t", "l_x", "start vjp"; "value or gradient": either of both
  std::string quantity;  ///< what it computes: "f_x"
  std::string against;   ///< what it was compared with: "differences of value"
  double difference = std::numeric_limits<double>::quiet_NaN();  ///< largest one, relative; NaN: there was none to measure
  /// Most that passes: what VerifyOptions asks, or more where rounding lets the differences be known no better.
  double tolerance = std::numeric_limits<double>::quiet_NaN();
  Verdict verdict = Verdict::not_checked;
  std::string note{};  ///< both numbers where they deviate most, or why nothing was checked
  /// "gradient (f_x) does not fit differences of value: ..."
  std::string sentence() const;
};

/// All findings at one point.
struct TACIT_EXPORT VerifyReport {
  std::vector<Finding> findings;
  Vec x, u;  ///< where
  /// Nothing is wrong; what could not be checked does not count.
  bool ok() const { return first_wrong() == nullptr; }
  /// The product at which the trouble begins: the first in the order in which they enter. Null: none. What is held against a
  /// wrong product is not checked, so a gradient that is wrong puts the blame on no second derivative.
  const Finding* first_wrong() const;
  /// The finding of a product against something; null: there is none. Without `against` the first of the product.
  const Finding* find(const std::string& product, const std::string& against = {}) const;
  /// An aligned table, and below it a sentence for all that is wrong or was not checked.
  std::string to_text() const;
};

}  // namespace tacit::inline TACIT_ABI
