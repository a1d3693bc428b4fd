// Dispatch of the verbs, and how every kind of failure becomes a message and an exit code.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <new>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/runfile/diagnostics.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/describe.hpp>
#include <tacit/cli/verbs/schema.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/version.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit {

namespace {

int dispatch(const CommandLine& line, Streams& io) {
  if (line.verb == "tune") return tune(line, io);
  if (line.verb == "check") return check(line, io);
  if (line.verb == "compare") return compare(line, io);
  if (line.verb == "curve") return curve(line, io);
  if (line.verb == "predict") return predict_verb(line, io);
  if (line.verb == "pack") return pack_verb(line, io);
  if (line.verb == "report") return report(line, io);
  if (line.verb == "init") return init(line, io);
  if (line.verb == "describe") return describe_verb(line, io);
  if (line.verb == "completion") return completion_verb(line, io);
  return schema_verb(line, io);
}

}  // namespace

int describe_verb(const CommandLine& line, Streams& io) {
  require_files(line, 0, 1, "tacit describe [NAME]");
  refuse_overrides(line);
  const Strategies strategies;
  io.out << describe(line.files.empty() ? "" : line.files.front(), strategies.catalog);
  return kDone;
}

int schema_verb(const CommandLine& line, Streams& io) {
  require_files(line, 0, 0, "tacit schema");
  refuse_overrides(line);
  const Strategies strategies;
  io.out << json_schema(strategies.catalog);
  return kDone;
}

namespace {

nlohmann::json issue_json(const Issue& i) {
  nlohmann::json j{{"message", i.what}};
  if (!i.code.empty()) j["code"] = i.code;
  if (!i.file.empty()) j["file"] = i.file;
  if (i.line > 0) j["line"] = i.line;
  if (i.column > 0) j["column"] = i.column;
  if (!i.remedy.empty()) j["help"] = i.remedy;
  return j;
}

/// Says what went wrong, with --json on standard output too: one object, whatever happens.
int fail(Streams& io, bool json, int code, const std::vector<Issue>& issues, const std::string& text = "") {
  if (text.empty())
    print_errors(io.err, issues, {io.colour});
  else
    io.err << text << '\n';
  if (!json) return code;
  nlohmann::json errors = nlohmann::json::array();
  for (const Issue& i : issues) errors.push_back(issue_json(i));
  io.out << json_text({{"status", code == kInterrupted || code == kTerminated ? "interrupted" : "failed"},
                       {"exit_code", code},
                       {"errors", errors}});
  io.out.flush();
  return code;
}

Issue plain_issue(const std::string& what) {
  Issue i;
  i.what = what;
  return i;
}

int run_line(const CommandLine& line, Streams& io) {
  if (line.version) {
    io.out << "tacit " << kVersion << '\n';
    return kDone;
  }
  if (line.help || line.verb.empty()) {
    (line.help ? io.out : io.err) << help_text(line.verb);
    return line.help ? kDone : kUsage;
  }
  const int code = dispatch(line, io);
  io.out.flush();
  if (io.out) return code;
  io.err << "error: standard output could not be written\n";
  return kInternal;
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, Streams& io) {
  const WordingScope wording(Wording::run_file);
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  const auto told = [&](int code, const std::string& words, const std::string& what) {
    return fail(io, json, code, {plain_issue(what)}, words + what);
  };
  try {
    return run_line(parse_command_line(arguments), io);
  } catch (const RunFileError& e) {
    return fail(io, json, exit_code_of(e.issues()), e.issues());
  } catch (const DataError& e) {
    return fail(io, json, kData, {issue_of(e)});
  } catch (const UsageError& e) {
    return fail(io, json, exit_code_of({issue_of(e)}), {issue_of(e)});
  } catch (const IoError& e) {
    return told(kInternal, "error: ", e.what());
  } catch (const Interruption&) {
    return told(interrupting_signal() == SIGTERM ? kTerminated : kInterrupted, "",
                "interrupted before there was a result to keep");
  } catch (const std::bad_alloc&) {
    return told(kInternal, "error: ", "there is not enough memory for this problem; use fewer rows, columns or levels");
  } catch (const std::exception& e) {
    return told(kInternal, "internal error: ", e.what());
  }
}

}  // namespace tacit
