// What the verbs do. Each returns the exit code of the program.
#pragma once
#include <string>
#include <vector>

#include <tacit/cli/run/streams.hpp>
#include <tacit/cli/verbs/command_line.hpp>

namespace tacit {

int tune(const CommandLine& line, Streams& io);
int check(const CommandLine& line, Streams& io);
int compare(const CommandLine& line, Streams& io);
int curve(const CommandLine& line, Streams& io);
int predict_verb(const CommandLine& line, Streams& io);
int init(const CommandLine& line, Streams& io);
int describe_verb(const CommandLine& line, Streams& io);
int schema_verb(const CommandLine& line, Streams& io);
int completion_verb(const CommandLine& line, Streams& io);
int pack_verb(const CommandLine& line, Streams& io);
int report(const CommandLine& line, Streams& io);

/// Runs a command line: the whole program but for the process itself. Errors are printed with code, place and remedy.
int run_program(const std::vector<std::string>& arguments, Streams& io);

}  // namespace tacit
