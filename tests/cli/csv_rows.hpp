// A CSV file as tests read it.
#pragma once
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace run_test {

/// Rows of a CSV without quotation marks, by column name.
inline std::vector<std::map<std::string, std::string>> rows_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line, cell;
  std::getline(in, line);
  std::vector<std::string> names;
  for (std::istringstream s(line); std::getline(s, cell, ',');) names.push_back(cell);
  std::vector<std::map<std::string, std::string>> all;
  while (std::getline(in, line)) {
    all.emplace_back();
    std::istringstream s(line);
    for (const std::string& name : names) {
      cell.clear();
      std::getline(s, cell, ',');
      all.back()[name] = cell;
    }
  }
  return all;
}

}  // namespace run_test
