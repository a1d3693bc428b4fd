#include <tacit/problems/readers/detail/packed_layout.hpp>

namespace tacit::inline TACIT_ABI::packed {

std::string header_bytes(const Head& h) {
  Writer w;
  for (const char c : kMagic) w.put(c);
  w.put(h.order);
  w.put(h.version);
  for (const std::uint64_t n : {h.number_bytes, h.rows, h.columns, h.facts, h.facts_bytes, h.checks, h.block, h.all}) w.put(n);
  w.put(digest_of(w.bytes()));
  return w.bytes();
}

namespace {

void put_options(Writer& w, const TableOptions& o) {
  w.put(static_cast<std::uint8_t>(o.header));
  w.put(static_cast<std::int64_t>(o.skip_rows));
  w.text(o.delimiter);
  w.put(o.decimal);
  w.put(static_cast<std::uint64_t>(o.missing_values.size()));
  for (const std::string& m : o.missing_values) w.text(m);
}

TableOptions take_options(Reader& r) {
  TableOptions o;
  o.header = static_cast<Header>(r.take<std::uint8_t>());
  o.skip_rows = r.take<std::int64_t>();
  o.delimiter = r.text();
  o.decimal = r.take<char>();
  o.missing_values.resize(r.count());
  for (std::string& m : o.missing_values) m = r.text();
  return o;
}

/// The counts of a column, for one list of all.
template <class Cells>
auto counts_of(Cells& c) {
  return std::array{&c.numbers,      &c.words,         &c.missing,       &c.not_finite,
                    &c.first_number, &c.first_word,    &c.first_missing, &c.first_not_finite,
                    &c.inexact,      &c.first_inexact, &c.codes,         &c.first_code};
}

void put_column(Writer& w, const PackedFacts& f, std::size_t c) {
  w.text(f.names[c]);
  w.put(static_cast<std::uint8_t>(f.unnamed[c] ? 1 : 0));
  for (const Index* n : counts_of(f.cells[c])) w.put(static_cast<std::int64_t>(*n));
  w.put(f.mean[static_cast<Index>(c)]);
  w.put(f.deviation[static_cast<Index>(c)]);
  w.put(f.text_of[c]);
}

void take_column(Reader& r, PackedFacts& f, std::size_t c) {
  f.names[c] = r.text();
  f.unnamed[c] = r.take<std::uint8_t>() != 0;
  for (Index* n : counts_of(f.cells[c])) *n = r.take<std::int64_t>();
  f.mean[static_cast<Index>(c)] = r.take<double>();
  f.deviation[static_cast<Index>(c)] = r.take<double>();
  f.text_of[c] = r.take<std::int32_t>();
}

/// Every code is a level or -1, and every column has its text.
bool texts_fit(const PackedFacts& f) {
  for (const TextColumn& t : f.text) {
    if (static_cast<Index>(t.codes.size()) != f.rows) return false;
    for (const std::int32_t code : t.codes) {
      if (code < -1 || code >= static_cast<std::int32_t>(t.levels.size())) return false;
    }
  }
  for (const std::int32_t k : f.text_of) {
    if (k < -1 || k >= static_cast<std::int32_t>(f.text.size())) return false;
  }
  return true;
}

}  // namespace

std::string facts_bytes(const PackedFacts& f) {
  Writer w;
  w.text(f.source);
  w.put(f.source_digest);
  w.put(f.source_bytes);
  w.put(static_cast<std::uint8_t>(f.has_header ? 1 : 0));
  w.put(static_cast<std::uint8_t>(f.header_sure ? 1 : 0));
  w.text(f.first_line);
  w.put(f.first_line_number);
  put_options(w, f.options);
  for (std::size_t c = 0; c < f.names.size(); ++c) put_column(w, f, c);
  w.put(static_cast<std::uint64_t>(f.text.size()));
  for (const TextColumn& t : f.text) {
    w.put(static_cast<std::uint64_t>(t.levels.size()));
    for (const std::string& level : t.levels) w.text(level);
    for (const std::int32_t code : t.codes) w.put(code);
  }
  return w.bytes();
}

bool read_facts(std::string_view bytes, PackedFacts& f) {
  Reader r(bytes);
  f.source = r.text();
  f.source_digest = r.take<std::uint64_t>();
  f.source_bytes = r.take<std::uint64_t>();
  f.has_header = r.take<std::uint8_t>() != 0;
  f.header_sure = r.take<std::uint8_t>() != 0;
  f.first_line = r.text();
  f.first_line_number = r.take<std::int64_t>();
  f.options = take_options(r);
  const auto columns = static_cast<std::size_t>(f.columns);
  if (columns > bytes.size()) return false;
  if (!r.good()) return false;
  f.names.resize(columns);
  f.unnamed.resize(columns);
  f.cells.resize(columns);
  f.text_of.resize(columns);
  f.mean.resize(f.columns);
  f.deviation.resize(f.columns);
  for (std::size_t c = 0; c < columns && r.good(); ++c) take_column(r, f, c);
  f.text.resize(r.count());
  for (TextColumn& t : f.text) {
    t.levels.resize(r.count());
    for (std::string& level : t.levels) level = r.text();
    if (!r.good() || static_cast<std::size_t>(f.rows) > bytes.size()) return false;
    t.codes.resize(static_cast<std::size_t>(f.rows));
    for (std::int32_t& code : t.codes) code = r.take<std::int32_t>();
  }
  return r.good() && r.at_end() && texts_fit(f);
}

}  // namespace tacit::inline TACIT_ABI::packed
