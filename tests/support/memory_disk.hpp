#pragma once

#include "events/file_system.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>

/// A disk in memory that keeps apart what was written and what was synced, so that a test can crash
/// it. Files opened before a crash are dead after it. Folders need no parents.
class memory_disk final : public podstudio::file_system {
public:
  static constexpr std::size_t sector_bytes = 512;

  /// A full disk is one whose files together would be larger than this.
  std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();

  /// Forgets everything that was not synced.
  void crash();
  /// The same, but of what was not synced any subset survives: each sector, each file's size. All
  /// of the changes to folders do, or none.
  void crash(std::mt19937_64& random);

  /// A second disk with the same synced and unsynced contents.
  memory_disk clone() const;

  bool exists(const std::string& path) const { return entries_.contains(path); }
  std::string bytes(const std::string& path) const { return entries_.at(path)->bytes; }
  /// Replaces a file, durably, behind the log's back.
  void put(const std::string& path, std::string bytes);
  void erase(const std::string& path);
  /// All files with their bytes.
  std::map<std::string, std::string> files() const;

  podstudio::result<std::unique_ptr<podstudio::file>> open(const std::string& path,
                                                           podstudio::open_mode mode) override;
  podstudio::result<std::vector<std::string>> list(const std::string& folder) override;
  podstudio::result<bool> make_folder(const std::string& path) override;
  podstudio::result<void> rename(const std::string& from, const std::string& to) override;
  podstudio::result<void> remove(const std::string& path) override;
  podstudio::result<void> sync_folder(const std::string& path) override;

  struct inode {
    bool is_folder = false;
    std::string bytes;
    std::string synced;
    std::string synced_at;  ///< of a folder whose entries were synced: where those are
  };
  std::uint64_t used_bytes() const;

private:
  using directory = std::map<std::string, std::shared_ptr<inode>>;

  directory entries_;
  directory synced_entries_;
};
