// SPDX-License-Identifier: MIT
#include "system/disks.hpp"

#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <unistd.h>

namespace system_test {

namespace fs = std::filesystem;

namespace {

constexpr milliseconds pull_limit = 5s;

/// The smallest that each can be; the files are sparse.
constexpr struct {
  const char *type, *megabytes;
  std::initializer_list<const char*> make;
} makes[] = {
    {"ext4", "128", {"mkfs.ext4", "-q", "-F"}},
    {"xfs", "320", {"mkfs.xfs", "-q", "-f"}},
    {"btrfs", "256", {"mkfs.btrfs", "-q", "-f"}},
};

}  // namespace

// --- image ---

disk_image::disk_image(std::string file, std::string type)
    : file_(std::move(file)), type_(std::move(type)) {
  if (type_ == "exfat")
    made_ = run({.arguments = {"truncate", "-s", "64M", file_}}).code == 0
            && run({.arguments = {"mkfs.exfat", file_}}).code == 0;
  for (const auto& each : makes) {
    if (type_ != each.type) continue;
    words make(each.make.begin(), each.make.end());
    make.push_back(file_);
    made_ =
        run({.arguments = {"truncate", "-s", each.megabytes + std::string("M"), file_}}).code == 0
        && run({.arguments = make}).code == 0;
  }
}

bool disk_image::attach() {
  auto found = run({.arguments = {"losetup", "-f", "--show", file_}});
  if (found.code == 0) device_ = found.out.substr(0, found.out.find('\n'));
  return found.code == 0;
}

void disk_image::detach() {
  if (!device_.empty()) run({.arguments = {"losetup", "-d", device_}});
  device_.clear();
}

bool disk_image::mount(const std::string& at) const {
  return ::mount(device_.c_str(), at.c_str(), type_.c_str(), 0, nullptr) == 0;
}

// --- bay ---

disk_bay::disk_bay(std::string at, const std::string& type)
    : at_(std::move(at)), own_(at_ + ".own", type), other_(at_ + ".other", type),
      filler_(at_ + ".filler", "") {
  fs::create_directories(at_);
  fs::create_directories(at_ + ".nothing");
  write_file(at_ + ".filler", std::string(1 << 20, '\0'));
}

disk_bay::~disk_bay() {
  if (now_ != disk::none) ::umount2(at_.c_str(), MNT_DETACH);
}

bool disk_bay::pull() {
  if (now_ == disk::none) return true;
  if (!eventually([&] { return ::umount2(at_.c_str(), 0) == 0; }, pull_limit)) return false;
  (now_ == disk::own ? own_ : other_).detach();
  now_ = disk::none;
  return true;
}

bool disk_bay::plug(disk what, bool under_another_number) {
  if (now_ != disk::none || what == disk::none) return now_ == what;
  auto& image = what == disk::own ? own_ : other_;
  // What took the lowest number, of loop devices or of those that have no device, frees it again.
  auto nothing = at_ + ".nothing";
  bool filled = under_another_number && filler_.attach()
                && ::mount("nothing", nothing.c_str(), "tmpfs", 0, nullptr) == 0;
  bool mounted = image.attach() && image.mount(at_);
  if (mounted)
    now_ = what;
  else
    image.detach();
  if (filled) ::umount2(nothing.c_str(), 0);
  filler_.detach();
  return mounted;
}

words disk_types() {
  words types;
  for (const auto& each : makes)
    for (const std::string folder : {"/sbin/", "/usr/sbin/", "/usr/bin/"})
      if (::access((folder + *each.make.begin()).c_str(), X_OK) == 0) {
        types.push_back(each.type);
        break;
      }
  return types;
}

}  // namespace system_test
