#include <tacit/cli/verbs/report.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/runfile/yaml_source.hpp>

namespace tacit {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::vector<Figure> figures_of(const RunRecord& r) {
  if (r.verb == "tune") return tune_figures(r);
  return r.verb == "compare" ? compare_figures(r) : curve_figures(r);
}

// Dozens of figures, each of which would wait for the disk twice; `tacit report` makes them again.
void write_all(const FilesOf& to, const std::string& html, const std::vector<Figure>& figures) {
  for (const Figure& f : figures) {
    if (!f.missing.empty()) continue;
    write_atomically(to("plots/" + f.name + ".svg"), chart_svg(f.chart), Flush::later);
    write_atomically(to("plots/" + f.name + ".csv"), chart_csv(f.chart), Flush::later);
  }
  write_atomically(to("report.html"), html);
}

/// JSON of an unexpected shape is a damaged file, wherever that shows.
template <class Made>
auto checked(const fs::path& folder, const Made& made) {
  try {
    return made();
  } catch (const json::exception& e) {
    refuse_file(folder / "run.json", std::string("the file holds something else than a run writes there: ") + e.what());
  }
}

/// A report.html that some other program put there stays.
void keep_what_is_not_ours(const fs::path& folder, bool force) {
  const fs::path page = folder / "report.html";
  std::error_code none;
  if (force || !fs::exists(page, none)) return;
  if (read_whole(page).find("<meta name=\"generator\" content=\"tacit ") != std::string::npos) return;
  throw DataError("E604", "'" + page.string() + "' was not written by tacit, so it is not replaced", {page.string(), 0, 0},
                  "move it away, give another folder with -o, or --force to replace it");
}

/// The last part of each path; where two are the same, as they were given.
std::vector<std::string> labels_of(const std::vector<std::string>& folders) {
  std::vector<std::string> labels;
  for (const std::string& f : folders) {
    const fs::path path = fs::path(f).has_filename() ? fs::path(f) : fs::path(f).parent_path();
    labels.push_back(path.filename().string());
  }
  const auto sorted = [&] {
    std::vector<std::string> copy = labels;
    std::sort(copy.begin(), copy.end());
    return copy;
  }();
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() ? labels : folders;
}

void flatten(const Node& node, const std::string& path, Settings& out) {
  if (!node.is_map() || node.entries.empty()) {
    out[path] = node.is_null() ? "null" : node.flow();
    return;
  }
  for (const Node::Entry& e : node.entries) flatten(e.value, path.empty() ? e.key.text : path + "." + e.key.text, out);
}

Settings settings_of(const RunRecord& r) {
  const auto source = std::make_shared<SourceText>();
  source->name = (r.folder / "config.resolved.yaml").string();
  source->text = r.config;
  std::vector<Issue> issues;
  const std::optional<Node> root = parse_yaml(source, issues);
  if (!root || !issues.empty()) throw RunFileError(issues);
  Settings all;
  flatten(*root, "", all);
  return all;
}

bool differs(const std::string& key, const std::vector<Settings>& settings) {
  const auto value = [&](const Settings& of) { return of.count(key) > 0 ? of.at(key) : std::string("\n"); };  // no value of a key
  return std::any_of(settings.begin(), settings.end(), [&](const Settings& s) { return value(s) != value(settings.front()); });
}

/// Not in use everywhere, where the strategy of its block is not the same everywhere.
bool follows(const std::string& key, const std::vector<Settings>& settings) {
  const std::string block = key.substr(0, key.rfind('.') + 1);
  const bool everywhere = std::all_of(settings.begin(), settings.end(), [&](const Settings& s) { return s.count(key) > 0; });
  return !everywhere && (differs(block + "solver", settings) || differs(block + "estimator", settings) ||
                         differs(block + "optimizer", settings));
}

/// Each run by the keys in which it differs from the others, "per feature, solver cholesky", behind the name of its
/// folder; the folder alone where nothing or too much differs.
std::vector<std::string> names_of(const std::vector<std::string>& folders, const std::vector<Settings>& settings) {
  constexpr std::size_t kMostKeys = 3, kMostLetters = 60;
  std::set<std::string> keys;
  for (const Settings& a : settings) {
    for (const auto& [key, value] : a) {
      // Where a run lies is no choice of what it does, and what only some solvers use follows from the solver.
      if (key == "name" || key.rfind("output.", 0) == 0 || follows(key, settings)) continue;
      if (differs(key, settings)) keys.insert(key);
    }
  }
  std::vector<std::string> labels = labels_of(folders);
  if (keys.empty() || keys.size() > kMostKeys) return labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::string text;
    for (const std::string& key : keys) {
      const auto at = settings[i].find(key);
      if (at != settings[i].end()) text += (text.empty() ? "" : ", ") + key.substr(key.rfind('.') + 1) + " " + at->second;
    }
    if (!text.empty() && text.size() <= kMostLetters) labels[i] += ": " + text;
  }
  return labels;
}

void write_side_by_side(const std::vector<std::string>& folders, const FilesOf& to, const std::vector<RunRecord>& runs) {
  std::vector<Settings> settings;
  for (const RunRecord& r : runs) settings.push_back(settings_of(r));
  const std::vector<std::string> labels = names_of(folders, settings);
  const std::vector<Figure> figures = overlaid_figures(runs, labels);
  write_all(to, side_by_side_page(runs, labels, settings, figures), figures);
}

std::vector<RunRecord> read_all(const std::vector<std::string>& folders) {
  std::vector<RunRecord> runs;
  for (const std::string& f : folders) runs.push_back(checked(f, [&] { return read_run(f); }));
  for (const RunRecord& r : runs) {
    if (r.verb != runs.front().verb)
      throw UsageError("runs of one verb can be laid side by side, and '" + folders.front() + "' is of tacit " +
                       runs.front().verb + ", '" + r.folder.string() + "' of tacit " + r.verb);
  }
  return runs;
}

/// The folder of the result: that of -o, the run folder itself, or for several a new one.
RunFolder target_of(const CommandLine& line) {
  if (line.output) return RunFolder::given(*line.output, line.force);
  if (line.files.size() > 1) return RunFolder::next_free("runs/{name}", "report");
  keep_what_is_not_ours(line.files.front(), line.force);
  return RunFolder::existing(line.files.front());
}

}  // namespace

void write_report(const fs::path& from, const FilesOf& to) {
  checked(from, [&] {
    const RunRecord r = read_run(from);
    const std::vector<Figure> figures = figures_of(r);
    write_all(to, run_page(r, figures), figures);
  });
}

ReportLeft leave_report(Session& session) {
  const fs::path page = session.folder() / "report.html";
  try {
    write_report(session.folder(), [&](const std::string& name) { return session.file(name); });
    return {true, {"report", page.string()}};
  } catch (const std::exception& e) {
    session.warn({"W330", "report", std::string("the report is not written: ") + e.what() + ".",
                  "The results are complete; when the cause is gone, tacit report " + session.folder().string() + " writes it."});
    return {false, {"report", "not written"}};
  }
}

int report(const CommandLine& line, Streams& io) {
  require_files(line, 1, std::numeric_limits<std::size_t>::max(), "tacit report DIR... [-o DIR]");
  refuse_overrides(line);
  const std::vector<RunRecord> runs = read_all(line.files);  // before any folder is made
  const RunFolder folder = target_of(line);
  const FilesOf to = [&](const std::string& name) { return file_in(folder, name); };
  if (line.files.size() == 1)
    write_report(line.files.front(), to);
  else
    checked(line.files.front(), [&] { write_side_by_side(line.files, to, runs); });
  const std::string page = (folder.path() / "report.html").string();
  if (line.json)
    io.out << json_text({{"runs", line.files}, {"report", page}});
  else if (!line.quiet)
    io.out << aligned({{"report", page}});
  return kDone;
}

}  // namespace tacit
