// Where a text table begins and how its cells are parted: what other programs write above it.
#pragma once
#include <string_view>

#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

/// How many lines of the file stand before its table, options.skip_rows among them: comments (#, %, //), Excel's `sep=;`, titles
/// or counts, which have another number of cells than the lines that follow. options.skip_rows when there are no more.
TACIT_EXPORT Index lines_before_table(const TextFile& file, const TableOptions& options = {});

/// The delimiter that the options name, else what the text from `at` on looks like. Throws UsageError for one that cannot be.
TACIT_EXPORT char delimiter_at(const TextFile& file, const TableOptions& options, std::size_t at);
/// Where the n-th line from `from` on begins, and the next ones.
TACIT_EXPORT std::size_t after_lines(std::string_view text, std::size_t from, Index n);
/// Does a comment begin here, as other programs write them?
TACIT_EXPORT bool comment_starts(std::string_view text);
/// A line by which a file tells Excel its delimiter.
TACIT_EXPORT bool excel_note(std::string_view line);

/// Comment lines: how many, and where the last one begins and ends.
struct Comments {
  Index lines = 0;
  std::size_t last = 0, end = 0;
};
/// Those from `at` on; none where all that follows begins so.
TACIT_EXPORT Comments comments_at(std::string_view text, std::size_t at);
/// A comment that has as many cells as the line below it holds the names (numpy.savetxt writes such a header).
TACIT_EXPORT bool names_in_comment(const TextFile& file, const Comments& c, char delimiter);
/// Where the text of a comment begins, behind its sign.
TACIT_EXPORT std::size_t after_sign(std::string_view text, std::size_t at);

/// A sign that cuts the first lines into equally many cells, more than one, where delimiter_at finds none; 0: there is none.
TACIT_EXPORT char other_delimiter(const TextFile& file, const TableOptions& options);

}  // namespace tacit::inline TACIT_ABI
