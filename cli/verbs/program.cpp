// Dispatch of the verbs, and how every kind of failure becomes a message and an exit code.
#include <csignal>
#include <iostream>
#include <new>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/runfile/diagnostics.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/describe.hpp>
#include <tacit/cli/verbs/init.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/cli/verbs/schema.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/version.hpp>

namespace tacit {

namespace {

void no_files(const CommandLine& line, std::size_t least, std::size_t most, const std::string& usage) {
  if (line.files.size() < least || line.files.size() > most)
    throw UsageError("usage: " + usage + (line.files.empty() ? "" : "; given: " + join(line.files, " ")));
}

void no_overrides(const CommandLine& line) {
  if (!line.overrides.empty())
    throw UsageError("tacit " + line.verb + " takes no overrides, '" + line.overrides.front() + "' was given");
}

int dispatch(const CommandLine& line, Streams& io) {
  if (line.verb == "tune") return tune(line, io);
  if (line.verb == "check") return check(line, io);
  if (line.verb == "compare") return compare(line, io);
  if (line.verb == "curve") return curve(line, io);
  if (line.verb == "predict") return predict_verb(line, io);
  if (line.verb == "report") return report(line, io);
  if (line.verb == "init") return init(line, io);
  if (line.verb == "describe") return describe_verb(line, io);
  return schema_verb(line, io);
}

}  // namespace

int predict_verb(const CommandLine& line, Streams& io) {
  no_files(line, 2, 2, "tacit predict MODEL DATA [-o FILE]");
  no_overrides(line);
  ProgressLine progress(io.err, progress_kind(line, io));
  const Heartbeat heartbeat(progress);
  progress.begin("predicting");
  const NothingToKeep reading(kReading);
  for (const std::string& warning : predict(line.files[0], line.files[1], line.output, io.out)) {
    if (!line.quiet) progress.message(render_warning("W201", "data", warning, "", {io.colour}));
  }
  return kDone;
}

int init(const CommandLine& line, Streams& io) {
  no_files(line, 0, 1, "tacit init [KIND] [data.train=FILE]");
  const Strategies strategies;
  const std::string kind = line.files.empty() ? "" : line.files.front();
  if (line.overrides.empty()) {
    io.out << starter_file(kind);
    return kDone;
  }
  const RunConfig config = read_overrides(line.overrides, strategies.catalog);
  const NothingToKeep reading(kReading);
  io.out << starter_file(kind, summarize_data(config));
  return kDone;
}

int describe_verb(const CommandLine& line, Streams& io) {
  no_files(line, 0, 1, "tacit describe [NAME]");
  no_overrides(line);
  const Strategies strategies;
  io.out << describe(line.files.empty() ? "" : line.files.front(), strategies.catalog);
  return kDone;
}

int schema_verb(const CommandLine& line, Streams& io) {
  no_files(line, 0, 0, "tacit schema");
  no_overrides(line);
  const Strategies strategies;
  io.out << json_schema(strategies.catalog);
  return kDone;
}

int run_program(const std::vector<std::string>& arguments, Streams& io) {
  const Style style{io.colour};
  try {
    const CommandLine line = parse_command_line(arguments);
    if (line.version) {
      io.out << "tacit " << kVersion << '\n';
      return kDone;
    }
    if (line.help || line.verb.empty()) {
      (line.help ? io.out : io.err) << help_text();
      return line.help ? kDone : kUsage;
    }
    const int code = dispatch(line, io);
    io.out.flush();
    if (!io.out) {
      io.err << "error: standard output could not be written\n";
      return kInternal;
    }
    return code;
  } catch (const RunFileError& e) {
    print_errors(io.err, e.issues(), style);
    return exit_code_of(e.issues());
  } catch (const DataError& e) {
    print_errors(io.err, {issue_of(e)}, style);
    return kData;
  } catch (const UsageError& e) {
    print_errors(io.err, {issue_of(e)}, style);
    return exit_code_of({issue_of(e)});
  } catch (const IoError& e) {
    io.err << "error: " << e.what() << '\n';
    return kInternal;
  } catch (const Interruption&) {
    io.err << "interrupted before there was a result to keep\n";
    return interrupting_signal() == SIGTERM ? kTerminated : kInterrupted;
  } catch (const std::bad_alloc&) {
    io.err << "error: there is not enough memory for this problem; use fewer rows, columns or levels\n";
    return kInternal;
  } catch (const std::exception& e) {
    io.err << "internal error: " << e.what() << '\n';
    return kInternal;
  }
}

}  // namespace tacit
