// SPDX-License-Identifier: MIT
#include "platform/volume.hpp"

#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

namespace podstudio {

namespace {

/// Answer of FS_IOC_GETFSUUID (Linux 6.9), which Debian 12's headers do not have yet.
struct file_system_uuid {
  std::uint8_t size = 0;
  std::uint8_t bytes[16] = {};
};
constexpr unsigned long get_file_system_uuid = _IOR(0x15, 0, file_system_uuid);

constexpr std::uint32_t exfat_magic = 0x2011bab0, fuse_magic = 0x65735546, f2fs_magic = 0xf2f52010;

bool is_one_of(std::uint32_t type, std::initializer_list<std::uint32_t> types) {
  return std::ranges::find(types, type) != types.end();
}

/// File systems whose f_fsid is made from the identifier on the disk. Others make it from the
/// device number, or draw it at each mount.
bool has_lasting_fsid(std::uint32_t type) {
  return is_one_of(type, {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, f2fs_magic});
}

/// File systems that deal out inode numbers as files are looked up, or may do so.
bool deals_out_inodes(std::uint32_t type) {
  return is_one_of(type, {MSDOS_SUPER_MAGIC, exfat_magic, fuse_magic, SMB_SUPER_MAGIC,
                          0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */});
}

std::uint64_t id_of(std::string_view what) {
  auto whole = sha256().of(what);
  std::uint64_t id = 0;
  std::memcpy(&id, whole.data(), sizeof id);
  return id | std::uint64_t{1} << 63;
}

/// What the kernel tells of the file system that has this device number. `path` lay on it a moment
/// ago; if it is gone, one of the folders above it serves.
std::optional<struct statfs> status_of(std::string path, std::uint64_t device) {
  for (;; path = folder_of(path)) {
    unique_fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status;
    struct statfs answer;
    if (fd && ::fstat(fd.get(), &status) == 0 && status.st_dev == device
        && ::fstatfs(fd.get(), &answer) == 0)
      return answer;
    if (path == "/") return std::nullopt;
  }
}

/// Opens what can be read, from `path` upwards, as long as it is on this device.
unique_fd open_on(std::string path, std::uint64_t device) {
  for (;;) {
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
    struct stat status;
    if (fd && (::fstat(fd.get(), &status) != 0 || status.st_dev != device)) return unique_fd{};
    if (fd || path == "/") return fd;
    path = folder_of(path);
  }
}

/// The identifier that the kernel tells through any file that can be opened.
std::optional<std::string> uuid_of(const std::string& path, std::uint64_t device) {
  auto fd = open_on(path, device);
  file_system_uuid answer;
  if (!fd || ::ioctl(fd.get(), get_file_system_uuid, &answer) != 0 || answer.size == 0)
    return std::nullopt;
  return std::string(reinterpret_cast<const char*>(answer.bytes),
                     std::min<std::size_t>(answer.size, sizeof answer.bytes));
}

/// What f_fsid is of a Btrfs whose device has not been mounted under another number at the same
/// time, as while a folder of it is still mounted elsewhere: then it is made from an identifier
/// that is drawn for that mount (Linux 6.7). f_fsid is the identifier folded to 8 bytes, and the
/// subvolume's number.
std::string lasting_fsid_of_btrfs(const std::string& path, std::uint64_t device, std::string fsid) {
  auto fd = open_on(path, device);
  btrfs_ioctl_fs_info_args info{};
  info.flags = BTRFS_FS_INFO_FLAG_METADATA_UUID;
  if (!fd || ::ioctl(fd.get(), BTRFS_IOC_FS_INFO, &info) != 0
      || (info.flags & BTRFS_FS_INFO_FLAG_METADATA_UUID) == 0 || fsid.size() != 8)
    return fsid;
  for (std::size_t i = 0; i < BTRFS_FSID_SIZE; ++i) {
    // Each 4 bytes are a big-endian number, and those of `fsid` are the machine's own.
    auto at = (i % 8) / 4 * 4 + (std::endian::native == std::endian::little ? 3 - i % 4 : i % 4);
    fsid[at] = static_cast<char>(fsid[at] ^ info.fsid[i] ^ info.metadata_uuid[i]);
  }
  return fsid;
}

/// "TYPE MOUNT-POINT" of the first mount of a device; see proc_pid_mountinfo(5).
std::string mount_of(std::uint64_t device) {
  auto number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, found, root, point, field;
    fields >> id >> parent >> found >> root >> point;
    if (found != number) continue;
    while (fields >> field && field != "-") {
    }
    fields >> field;
    return field + " " + point;
  }
  return {};
}

}  // namespace

volume_table::volume_table() : mounts_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

const volume& volume_table::of(const std::string& path, std::uint64_t device) {
  pollfd changed{mounts_.get(), POLLPRI, 0};
  bool stale = !mounts_ || (::poll(&changed, 1, 0) > 0 && (changed.revents & (POLLPRI | POLLERR)));
  if (stale || known_.size() > volumes_max) {
    known_.clear();
    last_ = nullptr;
  }
  if (last_ != nullptr && last_device_ == device) return *last_;
  auto at = known_.find(device);
  if (at == known_.end()) {
    auto found = identify(path, device);
    static const volume unknown{id_of("unknown"), false, true};
    if (!found) return unknown;  // not remembered: the next path may be there
    at = known_.emplace(device, *found).first;
  }
  last_device_ = device;
  last_ = &at->second;  // nodes of an unordered_map stay where they are
  return *last_;
}

const volume& volume_of(const std::string& path, std::uint64_t device) {
  thread_local volume_table table;
  return table.of(path, device);
}

std::optional<volume> volume_table::identify(const std::string& path, std::uint64_t device) {
  auto status = status_of(path, device);
  if (!status) return std::nullopt;
  auto type = static_cast<std::uint32_t>(status->f_type);
  bool keeps_inodes = !deals_out_inodes(type);
  auto type_name = std::to_string(type);
  std::string fsid(reinterpret_cast<const char*>(&status->f_fsid), sizeof status->f_fsid);
  bool has_fsid = fsid.find_first_not_of('\0') != fsid.npos;
  if (type == BTRFS_SUPER_MAGIC) fsid = lasting_fsid_of_btrfs(path, device, fsid);
  if (has_lasting_fsid(type) && has_fsid)
    return volume{id_of("fsid " + type_name + " " + fsid), true, keeps_inodes};
  // The identifiers of file systems in memory are drawn at each mount.
  bool in_memory = is_one_of(type, {TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC});
  if (auto own = in_memory ? std::nullopt : uuid_of(path, device))
    return volume{id_of("uuid " + type_name + " " + *own), true, keeps_inodes};
  return volume{id_of("mount " + type_name + " " + mount_of(device)), false, keeps_inodes};
}

}  // namespace podstudio
