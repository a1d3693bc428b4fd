// A number that costs something, kept for the last few points at which it was asked.
#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <mutex>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// Values of a function of u for the last few u, told apart by their bits. Safe to share between threads; each value is computed
/// once while it is kept, and is the same whether it was kept or not.
class TACIT_EXPORT KeptNumbers {
public:
  /// The number kept for u, else that of compute().
  double at(In u, const std::function<double()>& compute);

private:
  static constexpr std::size_t kPlaces = 8;
  struct Place {
    Vec u;
    double value = 0;
    bool used = false;
  };
  std::mutex lock_;
  std::array<Place, kPlaces> places_;
  std::size_t next_ = 0;
};

}  // namespace tacit::inline TACIT_ABI
