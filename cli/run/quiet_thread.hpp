// A thread that no signal reaches.
#pragma once
#include <functional>
#include <thread>

namespace tacit {

/// Runs work on a thread of its own, away from signals: they are for the thread that works. Throws std::system_error where there
/// is no thread to be had.
std::thread quiet_thread(std::function<void()> work);

}  // namespace tacit
