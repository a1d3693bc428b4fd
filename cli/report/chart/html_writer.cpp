#include <tacit/cli/report/chart/html_writer.hpp>

#include <stdexcept>

namespace tacit {

namespace {

/// Elements of a line of text: a line break around them would become a blank.
bool inside_a_line(std::string_view tag) {
  for (const char* name :
       {"a",    "b",    "code",  "span",   "strong",  "sub", "sup",     "em", "mi", "mn",      "mo", "mtext", "mrow",
        "msub", "msup", "mfrac", "munder", "msubsup", "pre", "summary", "td", "th", "caption", "li", "dt",    "dd"}) {
    if (tag == name) return true;
  }
  return false;
}

}  // namespace

HtmlWriter::Element::~Element() {
  to_.out_ += "</";
  to_.out_ += tag_;
  to_.out_ += inside_a_line(tag_) && std::string_view(tag_) != "li" ? ">" : ">\n";
}

void HtmlWriter::start(const char* tag, Attributes attributes, const char* end) {
  out_ += '<';
  out_ += tag;
  for (const Attribute& a : attributes) {
    out_ += ' ';
    out_ += a.name;
    out_ += "=\"" + xml_text(a.value) + "\"";
  }
  out_ += end;
}

HtmlWriter::Element HtmlWriter::open(const char* tag, Attributes attributes) {
  start(tag, attributes, inside_a_line(tag) || tag[0] == 'h' || tag[0] == 'p' ? ">" : ">\n");
  return {*this, tag};
}

void HtmlWriter::text(std::string_view text) { out_ += xml_text(text); }

void HtmlWriter::leaf(const char* tag, std::string_view content, Attributes attributes) {
  const Element element = open(tag, attributes);
  text(content);
}

void HtmlWriter::single(const char* tag, Attributes attributes) { start(tag, attributes, "/>\n"); }

void HtmlWriter::style(std::string_view rules) {
  if (rules.find_first_of("<&") != std::string_view::npos) throw std::logic_error("a style sheet with markup in it");
  start("style", {}, ">");
  out_ += rules;
  out_ += "</style>\n";
}

}  // namespace tacit
