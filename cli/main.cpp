#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include <tacit/cli/verbs.hpp>

int main(int argc, char** argv) {
  tacit::handle_signals();
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const char* no_colour = std::getenv("NO_COLOR");
  tacit::Streams io{std::cout, std::cerr, terminal, terminal && (no_colour == nullptr || *no_colour == '\0')};
  return tacit::run_program({argv + 1, argv + argc}, io);
}
