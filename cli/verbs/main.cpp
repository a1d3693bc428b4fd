#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/kept_memory.hpp>
#include <tacit/cli/verbs/verbs.hpp>

namespace {

/// A standard stream that the caller closed would be the number of the first file that is opened, and results would land in the
/// log. What takes its place here fails at every use, so that the loss is noticed.
void keep_standard_numbers() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) std::_Exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_numbers();
  tacit::keep_freed_memory();
  tacit::handle_signals();
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const char* no_colour = std::getenv("NO_COLOR");
  tacit::Streams io{std::cout, std::cerr, terminal, terminal && (no_colour == nullptr || *no_colour == '\0')};
  return tacit::run_program({argv + 1, argv + argc}, io);
}
