#include <tacit/cli/run/exit_code.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/command_line.hpp>
#include <tacit/cli/verbs/shell_files.hpp>
#include <tacit/cli/verbs/verb_docs.hpp>
#include <tacit/core/support/version.hpp>

namespace tacit {

namespace {

/// A text for troff: dashes that are to be copied, and no line that looks like a request.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

std::string paragraph(const std::string& head, const std::string& text) {
  return ".TP\n.B " + roff(head) + "\n" + roff(text) + "\n";
}

std::string flag_text(const FlagDoc& flag) {
  const std::string value = flag.value.empty() ? "" : " \\fI" + roff(flag.value) + "\\fR";
  const std::string letter = flag.letter.empty() ? "" : "\\fB\\-" + flag.letter + "\\fR, ";
  return ".TP\n" + letter + "\\fB" + roff("--" + flag.name) + "\\fR" + value + "\n" + roff(flag.doc) + "\n";
}

std::string verb_text(const VerbDoc& verb) {
  std::string out = ".SS " + roff(std::string("tacit ") + verb.name + (*verb.words ? " " : "") + verb.words) + "\n";
  out += roff(verb.what) + ".\n";
  if (*verb.more) out += ".PP\n" + roff(verb.more) + "\n";
  std::string flags;
  for (const FlagDoc& flag : flag_docs()) {
    if (takes(verb, flag.name)) flags += (flags.empty() ? "" : ", ") + ("--" + flag.name);
  }
  out += ".PP\nFlags: " + roff(flags) + ".\n";
  return out + ".PP\n.EX\n" + roff(verb.example) + "\n.EE\n";
}

}  // namespace

std::string manual_page(const StrategyCatalog& catalog) {
  std::string out = ".\\\" Made from the program's own tables by its tests; see tests/cli/test_shell_files.cpp.\n";
  out += ".TH TACIT 1 \"\" \"Tacit " + std::string(kVersion) + "\" \"User Commands\"\n";
  out += ".SH NAME\ntacit \\- tunes the hyperparameters of a model by hypergradients\n";
  out += ".SH SYNOPSIS\n.B tacit\n.I VERB\n.RI [ WORD \\ ...]\n.RI [ KEY.PATH = VALUE \\ ...]\n.RI [ FLAG \\ ...]\n";
  out +=
      ".SH DESCRIPTION\nA run file in YAML names the data, the model and what is to be tuned.\n"
      "\\fIKEY.PATH\\fR=\\fIVALUE\\fR after it overrides a key; the last one wins.\n"
      "\\fBtacit init\\fR writes a run file, \\fBtacit describe\\fR explains every key and every error code.\n";
  out += ".SH VERBS\n";
  for (const VerbDoc& verb : verb_docs()) out += verb_text(verb);
  out += ".SH FLAGS\n";
  for (const FlagDoc& flag : flag_docs()) out += flag_text(flag);
  out += ".SH RUN FILE\nThe blocks of a run file; \\fBtacit describe\\fR \\fIBLOCK\\fR lists the keys of one.\n";
  for (const KeyInfo& k : list_keys(RunConfig{}, catalog, Listed::all)) {
    if (k.block && k.path.find('.') == std::string::npos) out += paragraph(k.path, k.doc);
  }
  out += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_codes()) out += paragraph(code, meaning);
  return out +
         ".SH FILES\nWhat a run leaves: model.json, hyper.csv, trace.csv, trace.jsonl, run.json, config.yaml, report.html "
         "and plots/ in the folder given with \\fB\\-o\\fR.\n";
}

}  // namespace tacit
