// SPDX-License-Identifier: MIT
#pragma once

#include "system/process.hpp"

#include <memory>
#include <optional>
#include <string>

/// Disks that can be plugged in and pulled out. Needs the right to mount, and loop devices.
namespace system_test {

/// A file system in a file.
class disk_image {
public:
  /// Makes the file system, of one of `disk_types` or exfat, for the kernel to mount or a program;
  /// `is_made` says whether that went well.
  disk_image(std::string file, std::string type);
  disk_image(const disk_image&) = delete;
  disk_image& operator=(const disk_image&) = delete;
  ~disk_image() { detach(); }

  bool is_made() const { return made_; }
  /// Attaches it to a loop device.
  bool attach();
  void detach();
  const std::string& device() const { return device_; }
  bool mount(const std::string& at) const;

private:
  std::string file_, type_, device_;
  bool made_ = false;
};

/// A path at which disks are mounted: its own one, at times another one of the same make.
class disk_bay {
public:
  enum class disk : std::uint8_t { own, other, none };

  /// The images are made beside `at`.
  disk_bay(std::string at, const std::string& type);
  disk_bay(const disk_bay&) = delete;
  disk_bay& operator=(const disk_bay&) = delete;
  ~disk_bay();

  bool is_made() const { return own_.is_made() && other_.is_made(); }
  const std::string& at() const { return at_; }
  disk now() const { return now_; }
  /// False where somebody has a file open there for long.
  bool pull();
  /// Under the lowest device number that is free, or under another one.
  bool plug(disk what, bool under_another_number);

private:
  std::string at_;
  disk_image own_, other_, filler_;
  disk now_ = disk::none;
};

/// The types of file systems that can be made and mounted here, as far as they keep their inodes.
words disk_types();

}  // namespace system_test
