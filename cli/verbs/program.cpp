// Dispatch of the verbs, and how every kind of failure becomes a message and an exit code.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <new>
#include <set>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
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

/// The keys of `data` that say how a file is written: those which a new file may have otherwise than the training data.
const std::vector<std::string> kReadingKeys{"delimiter", "decimal",        "header", "skip_rows",
                                            "missing",   "missing_values", "format", "index_base"};

/// What the overrides of `tacit predict` change in how its file is read.
void adjust(Encoder& encoder, const std::vector<std::string>& overrides) {
  if (overrides.empty()) return;
  std::set<std::string> given;
  for (const std::string& text : overrides) {
    const std::string key = text.substr(0, text.find('='));
    const std::string name = key.rfind("data.", 0) == 0 ? key.substr(5) : "";
    if (std::find(kReadingKeys.begin(), kReadingKeys.end(), name) == kReadingKeys.end())
      throw UsageError("tacit predict takes of the run file's keys those that say how DATA is written, data." +
                       join(kReadingKeys, ", data.") + "; '" + key + "' belongs to the model, which is fitted");
    given.insert(name);
  }
  const Strategies strategies;
  const DataBlock d = read_overrides(overrides, strategies.catalog).data;
  const auto refuse = [&](const char* name, const std::string& why) {
    if (given.count(name) > 0) throw UsageError(std::string("data.") + name + " cannot be used here: " + why);
  };
  if (encoder.sparse) {
    for (const char* name : {"delimiter", "decimal", "header", "skip_rows", "missing", "missing_values"})
      refuse(name, "the model was fitted to LIBSVM data, and DATA must be such a file too");
    if (d.format != "auto" && d.format != "libsvm") refuse("format", "the model was fitted to LIBSVM data");
    if (d.index_base != "auto") encoder.index_base = d.index_base == "0" ? 0 : 1;
    return;
  }
  refuse("index_base", "the model was fitted to a table");
  if (d.format != "auto" && d.format != "csv" && d.format != "tsv") refuse("format", "the model was fitted to a table");
  const TableOptions now = table_options(d);
  if (given.count("delimiter") > 0 || given.count("format") > 0) encoder.table.delimiter = now.delimiter;
  if (d.format == "tsv" && given.count("delimiter") == 0) encoder.table.delimiter = "tab";
  if (given.count("decimal") > 0) encoder.table.decimal = now.decimal;
  if (given.count("skip_rows") > 0) encoder.table.skip_rows = now.skip_rows;
  if (given.count("missing_values") > 0) encoder.table.missing_values = now.missing_values;
  if (given.count("header") > 0 && now.header != Header::automatic && (now.header == Header::present) != encoder.had_header)
    refuse("header", encoder.had_header ? "the model finds its columns by name, so DATA needs a header"
                                        : "the training data had no header, so the model finds its columns by number; "
                                          "data.skip_rows leaves the header of DATA out");
  if (given.count("missing") == 0) return;
  encoder.missing = missing_rule(d.missing);
  const bool fills = std::all_of(encoder.columns.begin(), encoder.columns.end(),
                                 [](const EncodedColumn& c) { return c.categorical || c.has_fill; });
  if ((encoder.missing == Missing::mean || encoder.missing == Missing::median) && !fills)
    refuse("missing", "the model was fitted without data.missing=" + d.missing +
                          ", so it has nothing to fill in; drop-row leaves such rows out");
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
  no_files(line, 2, 2, "tacit predict MODEL DATA [data.KEY=VALUE ...] [-o FILE]");
  ProgressLine progress(io.err, progress_kind(line, io));
  const Heartbeat heartbeat(progress);
  progress.begin("predicting");
  const NothingToKeep reading(kReading);
  for (const std::string& warning :
       predict(line.files[0], line.files[1], line.output, io.out, [&](Encoder& encoder) { adjust(encoder, line.overrides); })) {
    progress.message(render_warning("W201", "data", warning, "", {io.colour}));
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
  const std::string text = starter_file(kind, summarize_data(config));
  // What `tacit check` would refuse is refused here, with the same words.
  RunConfig starter = read_run_text("run.yaml", text, std::filesystem::current_path().string(), {}, strategies.catalog);
  try {
    const std::unique_ptr<Assembly> a = assemble(starter, strategies);
    for (const Warning& w : data_warnings(a->prepared)) {
      io.err << render_warning(w.code, w.context, w.what, w.more, {io.colour});
    }
  } catch (const UsageError& e) {
    throw RunFileError({starter.issue_of(e)});
  }
  io.out << text;
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
