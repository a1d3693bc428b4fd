#include <tacit/cli/verbs/pack.hpp>

#include <algorithm>
#include <filesystem>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/pack_table.hpp>

namespace tacit {

const std::vector<std::string>& pack_keys() {
  static const std::vector<std::string> all{"data.delimiter", "data.decimal",      "data.header",    "data.skip_rows",
                                            "data.format",    "data.unpack_ratio", "limits.threads", "data.missing_values"};
  return all;
}

namespace {

class PackedOutput final : public ByteSink {
public:
  explicit PackedOutput(const std::string& path) : file_(path) {}
  void append(std::string_view bytes) override { file_.append(bytes); }
  void replace(std::uint64_t offset, std::string_view bytes) override { file_.replace(offset, bytes); }
  void finish() { file_.finish(); }

private:
  PendingFile file_;
};

/// How the text is read, as the keys say.
TableOptions options_of(const CommandLine& line) {
  for (const std::string& text : line.overrides) {
    const std::string key = text.substr(0, text.find('='));
    if (std::find(pack_keys().begin(), pack_keys().end(), key) == pack_keys().end())
      throw UsageError("tacit pack takes of the run file's keys " + join(pack_keys(), ", ") + "; '" + key + "' is for the run");
  }
  const Strategies strategies;
  const RunConfig config = read_overrides(line.overrides, strategies.catalog);
  TableOptions options = data_options(config, TargetKind::automatic).table;
  options.keep_text = false;
  const std::string& format = config.data.format;
  if (format != "auto" && format != "csv" && format != "tsv")
    throw UsageError("tables alone are packed: data.format is csv or tsv", "data.format");
  if (format == "tsv" && options.delimiter == "auto") options.delimiter = "tab";
  return options;
}

}  // namespace

int pack_verb(const CommandLine& line, Streams& io) {
  require_files(line, 1, 1, "tacit pack DATA -o FILE [data.KEY=VALUE ...]");
  if (!line.output) throw UsageError("tacit pack needs the file to write: -o FILE");
  const std::string& from = line.files.front();
  std::error_code ec;
  if (std::filesystem::equivalent(from, *line.output, ec))
    throw UsageError("-o names the data themselves; give the packed file a name of its own");
  const TableOptions options = options_of(line);
  ProgressLine progress(io.err, progress_kind(line, io));
  const Heartbeat heartbeat(progress);
  progress.begin("packing");
  const NothingToKeep reading(kReading);
  PackOptions packing;
  packing.float32 = line.float32;
  PackedOutput output(*line.output);
  const PackedFacts facts = pack_table(from, output, options, packing);
  output.finish();
  const auto words =
      static_cast<Index>(std::count_if(facts.cells.begin(), facts.cells.end(), [](const ColumnCells& c) { return c.text(); }));
  io.out << "'" << *line.output << "': " << facts.rows << (facts.rows == 1 ? " row of " : " rows of ") << facts.columns
         << (facts.columns == 1 ? " column" : " columns") << (words > 0 ? " (" + std::to_string(words) + " of words)" : "")
         << ", " << (facts.number_bytes == 8 ? "numbers as they were read (float64)" : "numbers rounded to 4 bytes (float32)")
         << "\n";
  return kDone;
}

}  // namespace tacit
