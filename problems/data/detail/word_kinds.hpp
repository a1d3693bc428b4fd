// What the words of a column measure, though they are no numbers (internal to this folder).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Words that measure something.
struct WordKind {
  std::string_view name;     ///< "dates", ...; empty: they measure nothing, as names and codes do
  std::string_view instead;  ///< what to write in their place, a sentence without its end
};

/// The first kind that all levels are of: dates, times, durations, coordinates, angles, hexadecimal numbers, fractions, numbers
/// with units. Addresses (IP, MAC), versions, CAS numbers and telephone numbers are of none.
TACIT_EXPORT WordKind kind_of_words(const std::vector<std::string>& levels);

}  // namespace tacit::inline TACIT_ABI
