// Formulas as trees, for whoever draws them.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// A piece of a formula: a text, or pieces inside a frame; the elements are those of presentation MathML.
struct Formula {
  const char* element;
  std::string text;
  std::vector<Formula> parts;
};

namespace formula {

inline Formula name(const char* text) { return {"mi", text, {}}; }
inline Formula number(const char* text) { return {"mn", text, {}}; }
inline Formula sign(const char* text) { return {"mo", text, {}}; }
inline Formula words(const char* text) { return {"mtext", text, {}}; }
inline Formula row(std::vector<Formula> parts) { return {"mrow", "", std::move(parts)}; }
inline Formula sub(Formula base, Formula index) { return {"msub", "", {std::move(base), std::move(index)}}; }
inline Formula sup(Formula base, Formula power) { return {"msup", "", {std::move(base), std::move(power)}}; }
inline Formula frac(Formula above, Formula below) { return {"mfrac", "", {std::move(above), std::move(below)}}; }
inline Formula under(Formula base, Formula below) { return {"munder", "", {std::move(base), std::move(below)}}; }
inline Formula space() { return {"mspace", "", {}}; }
inline Formula sum(const char* index) { return under(sign("\xE2\x88\x91"), name(index)); }

}  // namespace formula
}  // namespace tacit::inline TACIT_ABI
