// Random edits of small texts, the same on every machine: what a reader must survive.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <tacit/problems/data/split.hpp>

namespace fuzz {

/// How often a loop runs: `usual` times, or as the environment variable TACIT_FUZZ_ROUNDS says (for long runs by hand).
inline long rounds(long usual) {
  const char* given = std::getenv("TACIT_FUZZ_ROUNDS");
  return given ? std::max(1L, std::strtol(given, nullptr, 10)) : usual;
}

/// A text with every byte that is not plain ASCII written out, for the message of a failed check.
inline std::string shown(const std::string& text) {
  static const char* const digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte > 0x7E) {
      out += std::string("\\x") + digits[byte >> 4U] + digits[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

/// Edits texts of a corpus; `words` are put in now and then, since bytes alone rarely make a word that means something.
class Mutator {
public:
  Mutator(std::uint64_t seed, std::vector<std::string> corpus, std::vector<std::string> words)
      : random_(seed), corpus_(std::move(corpus)), words_(std::move(words)) {}

  std::string next() {
    std::string text = pick(corpus_);
    for (std::uint64_t edits = 1 + random_.below(4); edits > 0; --edits) edit(text);
    return text;
  }

private:
  const std::string& pick(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(random_.below(from.size()))];
  }
  std::size_t place(const std::string& text) { return static_cast<std::size_t>(random_.below(text.size() + 1)); }
  /// A short piece of a text, now and then a long one.
  std::string piece(const std::string& text) {
    const std::size_t at = place(text);
    return text.substr(at, static_cast<std::size_t>(random_.below(random_.below(4) == 0 ? 40 : 6)) + 1);
  }

  void edit(std::string& text) {
    static const std::string signs = "\n\r\t ,;:\"'#-+.0123456789eE{}[]&*!|>?%@`=x\\";
    const std::size_t at = place(text);
    const bool inside = at < text.size();
    switch (random_.below(9)) {
      case 0:
        if (inside) text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << random_.below(8)));
        break;
      case 1:
        if (inside) text[at] = signs[static_cast<std::size_t>(random_.below(signs.size()))];
        break;
      case 2:
        text.insert(at, 1, signs[static_cast<std::size_t>(random_.below(signs.size()))]);
        break;
      case 3:
        text.erase(at, static_cast<std::size_t>(random_.below(8)) + 1);
        break;
      case 4:
        text.insert(at, piece(text));
        break;
      case 5:
        text.insert(at, piece(pick(corpus_)));
        break;
      case 6:
        text.insert(at, pick(words_));
        break;
      case 7: {
        const std::string& other = pick(corpus_);
        text = text.substr(0, at) + other.substr(std::min(at, other.size()));
        break;
      }
      default:
        if (random_.below(8) == 0) text.resize(at);
    }
  }

  tacit::SplitMix64 random_;
  std::vector<std::string> corpus_, words_;
};

}  // namespace fuzz
