// Pieces of a file that are worked on in several threads, with results in the order of the file. (internal to this folder)
#pragma once
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <tacit/core/support/threads.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// take(piece) fills the next piece of a file and is false at its end; work(piece) reads it, in any thread; merge(piece) is
/// called in the order of the pieces, and settle(piece) by the same thread before it merges another. take and merge run alone,
/// work and settle beside anything. What take or merge throws is thrown here, that of the earliest piece; work keeps what goes
/// wrong in its piece, for merge to throw; settle throws nothing. With one thread all is done here, a piece at a time. A piece is
/// used again when it is settled.
template <class Piece, class Take, class Work, class Merge, class Settle>
void in_order(Index threads, Take take, Work work, Merge merge, Settle settle) {
  if (threads <= 1) {
    for (Piece piece; take(piece); settle(piece)) {
      work(piece);
      merge(piece);
    }
    return;
  }
  std::mutex mutex;
  std::condition_variable merged;
  std::map<std::size_t, Piece> done;  // worked on, by number
  std::vector<Piece> spare;
  std::size_t taken = 0, next = 0;
  bool ended = false;
  std::exception_ptr wrong;
  std::size_t wrong_at = 0;
  // The first error of a piece ends the reading; one of an earlier piece takes its place.
  const auto fail = [&](std::size_t at) {
    if (!wrong || at < wrong_at) {
      wrong = std::current_exception();
      wrong_at = at;
    }
    ended = true;
  };
  const std::size_t ahead = 2 * static_cast<std::size_t>(threads);  // pieces at most that wait in memory
  run_parallel(static_cast<std::size_t>(threads), threads, [&](std::size_t) {
    std::unique_lock lock(mutex);
    while (true) {
      merged.wait(lock, [&] { return ended || taken < next + ahead; });
      if (ended) return;
      Piece piece;
      if (!spare.empty()) {
        piece = std::move(spare.back());
        spare.pop_back();
      }
      const std::size_t number = taken;
      try {
        ended = !take(piece);
      } catch (...) {
        fail(number);
      }
      if (ended) {
        merged.notify_all();
        return;
      }
      ++taken;
      lock.unlock();
      work(piece);
      lock.lock();
      done.emplace(number, std::move(piece));
      while (!(wrong && next >= wrong_at)) {
        auto at = done.extract(next);
        if (!at) break;
        bool good = true;
        try {
          merge(at.mapped());
        } catch (...) {
          good = false;
          fail(next);
        }
        ++next;
        merged.notify_all();
        if (good) {
          lock.unlock();
          settle(at.mapped());
          lock.lock();
        }
        spare.push_back(std::move(at.mapped()));
      }
    }
  });
  if (wrong) std::rethrow_exception(wrong);
}

}  // namespace tacit::inline TACIT_ABI
