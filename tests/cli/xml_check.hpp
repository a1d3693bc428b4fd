// Is a text well-formed XML, as far as our pages and figures use it? Says what is wrong and where.
#pragma once
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace xml_test {

/// Everything that a test may ask of a page afterwards.
struct Document {
  std::string error;  ///< empty: well-formed
  std::vector<std::string> tags;
  std::multiset<std::string> ids;
  std::vector<std::pair<std::string, std::string>> attributes;
};

class Parser {
public:
  explicit Parser(const std::string& text) : text_(text) {}

  Document parse() {
    if (text_.compare(at_, 15, "<!DOCTYPE html>") == 0) at_ += 15;
    while (document_.error.empty() && at_ < text_.size()) text_[at_] == '<' ? tag() : content();
    if (document_.error.empty() && !open_.empty()) fail("<" + open_.back() + "> is not closed");
    return document_;
  }

private:
  void fail(const std::string& what) {
    if (document_.error.empty()) document_.error = what + " at: " + text_.substr(at_, 60);
  }

  /// Text up to the next tag: no control character, no ampersand but of the four entities, no ']]>'.
  void content() {
    const std::size_t end = std::min(text_.find('<', at_), text_.size());
    check_text(text_.substr(at_, end - at_));
    if (open_.empty() && text_.substr(at_, end - at_).find_first_not_of(" \n") != std::string::npos)
      fail("text outside the root");
    at_ = end;
  }

  void check_text(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F || c == '>') return forgive_style(c);
      if (c != '&') continue;
      bool known = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;"})
        known = known || text.compare(i, std::strlen(entity), entity) == 0;
      if (!known) return fail("an ampersand that begins no entity");
    }
  }
  void forgive_style(unsigned char c) {
    if (c != '>' || open_.empty() || open_.back() != "style") fail("a character that text may not hold");
  }

  std::string name() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-' || text_[at_] == ':'))
      ++at_;
    if (at_ == from) fail("a name is missing");
    return text_.substr(from, at_ - from);
  }

  void tag() {
    ++at_;
    if (text_[at_] == '/') {
      ++at_;
      const std::string closed = name();
      if (open_.empty() || open_.back() != closed) return fail("</" + closed + "> closes nothing");
      open_.pop_back();
      if (text_[at_] != '>') return fail("a closing tag does not end");
      ++at_;
      return;
    }
    const std::string opened = name();
    document_.tags.push_back(opened);
    attributes();
    const bool empty = text_[at_] == '/';
    if (empty) ++at_;
    if (at_ >= text_.size() || text_[at_] != '>') return fail("a tag does not end");
    ++at_;
    if (!empty) open_.push_back(opened);
  }

  void attributes() {
    std::set<std::string> seen;
    while (document_.error.empty() && at_ < text_.size() && text_[at_] == ' ') {
      ++at_;
      const std::string key = name();
      if (!seen.insert(key).second) return fail("the attribute " + key + " stands twice");
      if (text_.compare(at_, 2, "=\"") != 0) return fail("an attribute without value");
      at_ += 2;
      const std::size_t end = text_.find('"', at_);
      if (end == std::string::npos) return fail("an attribute is not closed");
      const std::string value = text_.substr(at_, end - at_);
      check_text(value);
      if (value.find('<') != std::string::npos) return fail("< in an attribute");
      if (key == "id") document_.ids.insert(value);
      document_.attributes.emplace_back(key, value);
      at_ = end + 1;
    }
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  Document document_;
};

inline Document parse(const std::string& text) { return Parser(text).parse(); }
inline std::string what_is_wrong(const std::string& text) { return parse(text).error; }

}  // namespace xml_test
