// SPDX-License-Identifier: MIT
#pragma once

#include "platform/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace podstudio {

/// What must be known about a mounted file system to tell its files apart. Device numbers are not
/// enough: a reboot, another loop device or another subvolume changes them.
struct volume {
  /// Stays the same when the volume is mounted again. Never below 2^32, which a device number is.
  std::uint64_t id = 0;
  /// The id comes from the file system's own identifier, so that no other volume has it. Otherwise
  /// it stands for "a file system of this type, mounted here".
  bool proven = false;
  /// Whether a file has the same inode number after the next mount.
  bool keeps_inodes = true;
};

/// Logs written before there were volume ids hold device numbers in their place. Such a number says
/// nothing about whether two files are on one volume.
constexpr bool is_device_number(std::uint64_t volume_id) noexcept { return volume_id >> 32 == 0; }

/// The volumes of this machine, by their present device numbers. Not thread-safe; holds one
/// descriptor.
class volume_table {
public:
  volume_table();

  /// The volume that has this device number at the moment; `path` lies on it, or lay on it a moment
  /// ago. Costs one system call as long as nothing is mounted or unmounted.
  const volume& of(const std::string& path, std::uint64_t device);

private:
  /// Nothing where neither the path nor a folder above it is on the device any more.
  std::optional<volume> identify(const std::string& path, std::uint64_t device);

  unique_fd mounts_;  ///< tells when what is mounted changes
  /// Bounded by what is mounted: forgotten whenever that changes, and beyond volumes_max.
  std::unordered_map<std::uint64_t, volume> known_;
  std::uint64_t last_device_ = 0;
  const volume* last_ = nullptr;

  static constexpr std::size_t volumes_max = 1024;
};

/// As `volume_table::of`, from a table of the calling thread.
const volume& volume_of(const std::string& path, std::uint64_t device);

}  // namespace podstudio
