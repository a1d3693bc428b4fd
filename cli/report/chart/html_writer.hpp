// HTML that is well-formed XML whatever the data hold: text is escaped by the one function that writes it, elements close
// themselves.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/cli/report/chart/chart.hpp>

namespace tacit {

class HtmlWriter {
public:
  /// name comes from the program, value may come from anywhere.
  struct Attribute {
    const char* name;
    std::string value;
  };
  using Attributes = std::initializer_list<Attribute>;

  /// An open element; it is closed where the object ends, so that elements can only nest.
  class Element {
  public:
    Element(const Element&) = delete;
    Element& operator=(const Element&) = delete;
    ~Element();

  private:
    friend class HtmlWriter;
    Element(HtmlWriter& to, const char* tag) : to_(to), tag_(tag) {}
    HtmlWriter& to_;
    const char* tag_;
  };

  /// The document type; first of all.
  void begin() { out_ += "<!DOCTYPE html>\n"; }
  [[nodiscard]] Element open(const char* tag, Attributes attributes = {});
  void text(std::string_view text);
  /// An element that holds a text and nothing else.
  void leaf(const char* tag, std::string_view text, Attributes attributes = {});
  /// An element without content: meta, hr.
  void single(const char* tag, Attributes attributes);
  void chart(const SvgText& svg) { out_ += svg.text; }
  /// Rules of the program itself: they may hold no '<' and no '&'.
  void style(std::string_view rules);
  const std::string& result() const { return out_; }

private:
  void start(const char* tag, Attributes attributes, const char* end);
  std::string out_;
};

}  // namespace tacit
