#include <tacit/core/model/kept_numbers.hpp>

#include <cstring>

namespace tacit::inline TACIT_ABI {
namespace {

bool same_bits(const Vec& a, const Vec& b) {
  const auto bytes = static_cast<std::size_t>(a.size()) * sizeof(double);
  return a.size() == b.size() && (bytes == 0 || std::memcmp(a.data(), b.data(), bytes) == 0);
}

}  // namespace

double KeptNumbers::at(In u, const std::function<double()>& compute) {
  const Vec asked = u;
  const std::lock_guard guard(lock_);
  for (const Place& p : places_) {
    if (p.used && same_bits(p.u, asked)) return p.value;
  }
  const double value = compute();
  places_[next_] = {asked, value, true};
  next_ = (next_ + 1) % kPlaces;
  return value;
}

}  // namespace tacit::inline TACIT_ABI
