#include <tacit/core/support/processors.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <tacit/core/support/detail/cpu_quota.hpp>

#ifdef __linux__
#include <sched.h>
#endif

namespace tacit::inline TACIT_ABI {
namespace {

using Read = std::function<std::optional<std::string>(const std::string&)>;

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

double quota_of_version2(const std::string& folder, const Read& read) {
  const auto text = read(folder + "/cpu.max");
  if (!text) return kNoQuota;
  std::istringstream words(*text);
  const auto quota = number(words);
  return quota ? share(quota, number(words)) : kNoQuota;
}

double quota_of_version1(const std::string& folder, const Read& read) {
  const auto quota = read(folder + "/cpu.cfs_quota_us"), period = read(folder + "/cpu.cfs_period_us");
  if (!quota || !period) return kNoQuota;
  std::istringstream of_quota(*quota), of_period(*period);
  return share(number(of_quota), number(of_period));
}

/// The least quota of a group and of all that hold it, up to where the groups are mounted; a container may see that folder only.
template <class Quota>
double least(const std::string& mount, std::string group, const Read& read, const Quota& quota) {
  double found = kNoQuota;
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    found = std::min(found, quota(mount + group, read));
    const auto end = group.rfind('/');
    if (end == std::string::npos) return found;
    group.erase(end);
  }
}

bool names_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

#ifdef __linux__
std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Those that the process may run on; 0: not known. The set is as large as the kernel's, which says no to a smaller one.
Index allowed_processors() {
  for (std::size_t sets = 1; sets <= 64; sets *= 2) {
    std::vector<cpu_set_t> set(sets);
    const std::size_t bytes = sets * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) return CPU_COUNT_S(bytes, set.data());
  }
  return 0;
}
#endif

}  // namespace

double detail::cpu_quota(const std::string& groups, const Read& read) {
  const std::string root = "/sys/fs/cgroup";
  double found = kNoQuota;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) {
      for (const char* mount : {"", "/unified"}) found = std::min(found, least(root + mount, group, read, quota_of_version2));
    } else if (names_cpu(controllers)) {
      for (const std::string& mount : {"/" + controllers, std::string("/cpu")})
        found = std::min(found, least(root + mount, group, read, quota_of_version1));
    }
  }
  return found;
}

Index usable_processors() {
  Index count = std::max<Index>(1, static_cast<Index>(std::thread::hardware_concurrency()));
#ifdef __linux__
  if (const Index allowed = allowed_processors(); allowed > 0) count = allowed;
  if (const auto groups = text_of("/proc/self/cgroup")) {
    const double quota = std::ceil(detail::cpu_quota(*groups, text_of));
    if (quota < static_cast<double>(count)) count = std::max<Index>(1, static_cast<Index>(quota));
  }
#endif
  return count;
}

}  // namespace tacit::inline TACIT_ABI
