// SPDX-License-Identifier: MIT
#include "jobs/landlock.hpp"

#include "jobs/sandbox.hpp"
#include "platform/unique_fd.hpp"

#include <cstdint>
#include <sys/syscall.h>

namespace podstudio {

namespace {

// linux/landlock.h, as of version 7. Later ones are answered with what this one knows.
struct ruleset_attributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  ///< since 4
  std::uint64_t scoped = 0;              ///< since 6
};
constexpr std::uint32_t create_ruleset_version = 1;

constexpr std::uint64_t low_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

/// How many accesses to files each version knows: execute, write_file, read_file, read_dir,
/// remove_dir, remove_file, and making of seven types; refer; truncate; ioctl_dev.
constexpr unsigned file_accesses(int version) {
  return version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
}
/// bind_tcp, connect_tcp
constexpr unsigned net_accesses(int version) { return version >= 4 ? 2 : 0; }
/// abstract Unix sockets, signals
constexpr unsigned scopes(int version) { return version >= 6 ? 2 : 0; }

}  // namespace

int landlock_version() noexcept {
  auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, create_ruleset_version);
  return version < 0 ? 0 : static_cast<int>(version);
}

result<void> landlock_everything(int version) {
  // What is handled and granted by no rule is forbidden, and there are no rules. Fields that a
  // kernel does not know are zero, so it takes them.
  ruleset_attributes attributes{low_bits(file_accesses(version)), low_bits(net_accesses(version)),
                                low_bits(scopes(version))};
  unique_fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return system_error()("cannot make a Landlock ruleset");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return system_error()("cannot enforce a Landlock ruleset");
  return {};
}

}  // namespace podstudio
