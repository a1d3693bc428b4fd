#include <algorithm>
#include <filesystem>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {

namespace {

/// The name of the file alone, without .gz.
std::string plain_name(const std::string& path) {
  std::string name = lower_case(std::filesystem::path(path).filename().string());
  if (name.size() > 3 && name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

}  // namespace

const std::vector<FileFormat>& file_formats() {
  static const std::vector<FileFormat> formats = {{"csv", true},  {"tsv", true},  {"libsvm", true},
                                                  {"npy", false}, {"mtx", false}, {"idx", false}};
  return formats;
}

const std::vector<FileEnding>& file_endings() {
  static const std::vector<FileEnding> endings = {{".csv", "csv"},    {".tsv", "tsv"},       {".txt", "csv"},
                                                  {".svm", "libsvm"}, {".libsvm", "libsvm"}, {".npy", "npy"},
                                                  {".mtx", "mtx"},    {"-ubyte", "idx"},     {".idx", "idx"}};
  return endings;
}

const FileFormat* find_format(std::string_view name) {
  const auto& all = file_formats();
  const auto at = std::find_if(all.begin(), all.end(), [&](const FileFormat& f) { return f.name == name; });
  return at == all.end() ? nullptr : &*at;
}

const FileFormat* format_of_file(const std::string& path) {
  const std::string name = plain_name(path);
  for (const FileEnding& known : file_endings()) {
    if (name.ends_with(known.ending)) return find_format(known.format);
  }
  return nullptr;
}

std::string format_extension(const std::string& path) {
  const std::string name = plain_name(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(dot);
}

}  // namespace tacit
