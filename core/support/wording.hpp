// The same message for two readers: options as C++ code sets them, or as a run file does.
#pragma once
#include <string>
#include <string_view>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Whose words the messages of the library use for options. The library's are the default.
enum class Wording { library, run_file };

/// Sets the wording of the process while it lives, for a program that speaks of run files; then what was set before holds again.
class TACIT_EXPORT WordingScope {
public:
  explicit WordingScope(Wording wording);
  ~WordingScope();
  WordingScope(const WordingScope&) = delete;
  WordingScope& operator=(const WordingScope&) = delete;

private:
  Wording before_;
};

/// The option behind a run-file key in the wording that is set: "inner.max_steps", or "IterativeOptions::max_steps".
TACIT_EXPORT std::string option_name(std::string_view key);

}  // namespace tacit::inline TACIT_ABI
