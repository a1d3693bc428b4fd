// What a text file says as a whole and when it is read in pieces, for tests and fuzz targets to compare.
#pragma once
#include <cmath>
#include <string>

#include <tacit/problems/readers/libsvm.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit_test {

using namespace tacit;

inline ReadLimits pieces(std::size_t n) {
  ReadLimits limits;
  limits.kept_text = limits.piece = n;
  return limits;
}

/// All that a table says, or its error; read in pieces of so many bytes, 0: as a whole.
inline std::string told(const std::string& path, TableOptions options, std::size_t piece, Index threads = 1) {
  options.keep_text = piece == 0;
  if (piece > 0) options.limits = pieces(piece);
  options.limits.threads = threads;
  std::string out;
  const auto add = [&](const std::string& s) { out += s + '\x1f'; };
  try {
    const Table t = Table::read(path, options);
    add(std::to_string(t.rows()) + " " + std::to_string(t.cols()) + (t.has_header() ? " header" : "") +
        (t.header_sure() ? " sure" : "") + " " + std::to_string(t.first_line_number()) + " " + t.first_line());
    add(std::to_string(t.file().digest()));
    for (const std::string& n : t.names()) add(n);
    for (Index c = 0; c < t.cols(); ++c) {
      const ColumnCells& k = t.cells(c);
      for (const Index n : {k.numbers, k.words, k.missing, k.not_finite, k.first_number, k.first_word, k.first_missing,
                            k.first_not_finite, k.inexact, k.first_inexact, k.codes, k.first_code})
        add(std::to_string(n));
      const TextColumn text = t.text(c);
      for (const std::string& level : text.levels) add(level);
      for (const std::int32_t code : text.codes) add(std::to_string(code));
    }
    for (Index r = 0; r < t.rows(); ++r) {
      for (Index c = 0; c < t.cols(); ++c) add(std::isnan(t.value(r, c)) ? "nan" : std::to_string(t.value(r, c)));
    }
    for (const Index r : {Index{0}, t.rows() / 2, t.rows() - 1}) {
      add(t.cell(r, t.cols() - 1));
      const DataError e = t.error("D108", "x", r, t.cols() / 2, "y");
      add(std::to_string(e.where().line) + ":" + std::to_string(e.where().column) + " " + e.source_line());
    }
  } catch (const DataError& e) {
    add(e.code() + " " + e.what() + " " + std::to_string(e.where().line) + ":" + std::to_string(e.where().column) + " " +
        e.source_line() + " " + e.remedy());
  }
  return out;
}

/// The same of LIBSVM text.
inline std::string told_libsvm(const std::string& path, std::size_t piece, Index threads = 1) {
  try {
    LibsvmOptions options;
    if (piece > 0) options.limits = pieces(piece);
    options.limits.threads = threads;
    const LibsvmSet set = read_libsvm({path}, options);
    const LibsvmPart& p = set.parts[0];
    std::string out = std::to_string(p.digest) + " " + std::to_string(set.x.rows());
    for (Index i = 0; i < set.x.rows(); ++i) {
      out += ";" + std::to_string(p.label[i]);
      for (CsrMatrix::InnerIterator a(set.x, i); a; ++a) out += " " + std::to_string(a.col()) + ":" + std::to_string(a.value());
    }
    return out;
  } catch (const DataError& e) {
    return e.code() + e.what() + std::to_string(e.where().line) + ":" + std::to_string(e.where().column) + e.source_line();
  }
}

}  // namespace tacit_test
