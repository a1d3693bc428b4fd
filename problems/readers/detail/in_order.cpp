#include <tacit/problems/readers/detail/in_order.hpp>

#include <system_error>
#include <thread>

namespace tacit::inline TACIT_ABI {

void run_beside(Index threads, const std::function<void()>& job) {
  std::vector<std::thread> others;
  for (Index k = 1; k < threads; ++k) {
    try {
      others.emplace_back(job);
    } catch (const std::system_error&) {  // no more threads: those that are there do all
      break;
    }
  }
  job();
  for (std::thread& other : others) other.join();
}

}  // namespace tacit::inline TACIT_ABI
