// The session of a verb: its command line, the strategies by name, and a run folder with the run file in it.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/run/session.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/command_line.hpp>

namespace tacit {

/// The kind of progress that the flags and the terminal ask for.
Progress progress_kind(const CommandLine& line, const Streams& io);

class VerbSession final : public Session {
public:
  VerbSession(const CommandLine& line, Streams& io);

  /// The folder of -o, of output.dir, or the next free one of its pattern, with config.yaml, config.resolved.yaml and log.txt in
  /// it. Throws UsageError for a folder in use, IoError.
  void open(const RunConfig& config);
  const CommandLine& line() const { return line_; }
  const Strategies& strategies() const { return strategies_; }

private:
  const CommandLine& line_;
  Strategies strategies_;
};

/// Verb, name, versions, begin, seed, objective with its choices, methods, digests and shapes of the data, peak memory: what
/// every run.json has.
nlohmann::json run_facts(const Assembly& a, const VerbSession& session);

/// {"count", "repeats", "rows": of each fold, draw by draw}; null of a hold-out.
nlohmann::json folds_json(const Validation& v);

/// Says what is worth a look in the data: which columns are centred or constant, and data_warnings.
void warn_of_data(VerbSession& session, const Prepared& prepared);

}  // namespace tacit
