#include <tacit/core/verify/verify_report.hpp>

#include <cmath>

#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

std::string name_of(const Finding& f) {
  return f.quantity.empty() || f.quantity == f.product ? f.product : f.product + " (" + f.quantity + ")";
}
std::string cell(double number) { return std::isnan(number) ? "-" : number == 0 ? "0" : sci(number); }

}  // namespace

const char* to_string(Verdict v) {
  switch (v) {
    case Verdict::ok:
      return "ok";
    case Verdict::wrong:
      return "wrong";
    case Verdict::not_checked:
      return "not checked";
  }
  return "unknown";
}

std::string Finding::sentence() const {
  if (verdict == Verdict::ok) return name_of(*this) + " fits " + against + (note.empty() ? "" : ": " + note);
  if (verdict == Verdict::not_checked) return name_of(*this) + " was not held against " + against + ": " + note;
  if (std::isnan(difference)) return name_of(*this) + " " + note;
  return name_of(*this) + " does not fit " + against + ": " + note + ", a relative difference of " + sci(difference) +
         " where at most " + sci(tolerance) + " passes";
}

const Finding* VerifyReport::first_wrong() const {
  for (const Finding& f : findings)
    if (f.verdict == Verdict::wrong) return &f;
  return nullptr;
}

const Finding* VerifyReport::find(const std::string& product, const std::string& against) const {
  for (const Finding& f : findings)
    if (f.product == product && (against.empty() || f.against == against)) return &f;
  return nullptr;
}

std::string VerifyReport::to_text() const {
  std::vector<std::vector<std::string>> rows;
  std::string wrong, others;
  for (const Finding& f : findings) {
    const bool bad = f.verdict == Verdict::wrong;
    rows.push_back(
        {f.product, f.quantity, f.against, bad ? "WRONG" : to_string(f.verdict), cell(f.difference), cell(f.tolerance)});
    if (f.verdict != Verdict::ok || !f.note.empty()) (bad ? wrong : others) += "  " + f.sentence() + '\n';
  }
  return columns_text({"product", "is", "held against", "verdict", "difference", "tolerance"}, rows, 4) + wrong + others;
}

}  // namespace tacit::inline TACIT_ABI
