#include <tacit/core/support/detail/control_groups.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <sstream>

namespace tacit::inline TACIT_ABI::detail {
namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

/// The number that a text begins with; nothing for a word.
std::optional<double> number(std::istream& text) {
  double value = 0;
  text.imbue(std::locale::classic());
  return text >> value ? std::optional<double>(value) : std::nullopt;
}

double share(std::optional<double> quota, std::optional<double> period) {
  return quota && period && *quota > 0 && *period > 0 ? *quota / *period : kNoQuota;
}

/// The number in a file.
double granted_by(const std::string& path, const ReadFile& read) {
  const auto text = read(path);
  if (!text) return kNoQuota;
  std::istringstream words(*text);
  const auto bytes = number(words);
  return bytes && *bytes > 0 ? *bytes : kNoQuota;
}

/// What a group grants of one thing, from the files in its folder.
struct Controller {
  std::string name;
  double (*version2)(const std::string& folder, const ReadFile& read);
  double (*version1)(const std::string& folder, const ReadFile& read);
};

/// The least quota of a group and of all that hold it, up to where the groups are mounted; a container may see that folder only.
template <class Quota>
double least(const std::string& mount, std::string group, const ReadFile& read, const Quota& quota) {
  double found = kNoQuota;
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    found = std::min(found, quota(mount + group, read));
    const auto end = group.rfind('/');
    if (end == std::string::npos) return found;
    group.erase(end);
  }
}

double quota(const Controller& of, const std::string& groups, const ReadFile& read) {
  const std::string root = "/sys/fs/cgroup";
  double found = kNoQuota;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) {
      for (const char* mount : {"", "/unified"}) found = std::min(found, least(root + mount, group, read, of.version2));
    } else if (("," + controllers + ",").find("," + of.name + ",") != std::string::npos) {
      for (const std::string& mount : {"/" + controllers, "/" + of.name})
        found = std::min(found, least(root + mount, group, read, of.version1));
    }
  }
  return found;
}

}  // namespace

std::optional<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

double cpu_quota(const std::string& groups, const ReadFile& read) {
  const auto version2 = [](const std::string& folder, const ReadFile& files) {
    const auto text = files(folder + "/cpu.max");
    if (!text) return kNoQuota;
    std::istringstream words(*text);
    const auto quota = number(words);
    return quota ? share(quota, number(words)) : kNoQuota;
  };
  const auto version1 = [](const std::string& folder, const ReadFile& files) {
    const auto quota = files(folder + "/cpu.cfs_quota_us"), period = files(folder + "/cpu.cfs_period_us");
    if (!quota || !period) return kNoQuota;
    std::istringstream of_quota(*quota), of_period(*period);
    return share(number(of_quota), number(of_period));
  };
  return quota({"cpu", version2, version1}, groups, read);
}

double memory_quota(const std::string& groups, const ReadFile& read) {
  const auto version2 = [](const std::string& folder, const ReadFile& files) {
    return granted_by(folder + "/memory.max", files);
  };
  const auto version1 = [](const std::string& folder, const ReadFile& files) {
    return granted_by(folder + "/memory.limit_in_bytes", files);
  };
  return quota({"memory", version2, version1}, groups, read);
}

}  // namespace tacit::inline TACIT_ABI::detail
