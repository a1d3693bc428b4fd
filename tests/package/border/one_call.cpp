// The least that needs the library.
#include <cstdio>
#include <tacit/core/support/text.hpp>

int main(int count, char**) { return std::printf("%s\n", tacit::number_text(count).c_str()) > 0 ? 0 : 1; }
