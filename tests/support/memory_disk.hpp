// SPDX-License-Identifier: MIT
#pragma once

#include "events/file_system.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Answers a question that has `count` answers with one of 0 to count - 1. What a crash leaves is
/// decided by such answers: drawn at random, or each in turn.
using choice = std::function<std::size_t(std::size_t count)>;

inline choice random_choice(std::mt19937_64& random) {
  return [&random](std::size_t count) { return static_cast<std::size_t>(random() % count); };
}

/// Bytes that copies share until one of them is changed.
class shared_bytes {
public:
  shared_bytes(std::string bytes = {}) : bytes_(std::make_shared<std::string>(std::move(bytes))) {}
  shared_bytes(const char* bytes) : shared_bytes(std::string(bytes)) {}
  const std::string& operator*() const noexcept { return *bytes_; }
  const std::string* operator->() const noexcept { return bytes_.get(); }
  std::string& own() {
    if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::string>(*bytes_);
    return *bytes_;
  }

private:
  std::shared_ptr<std::string> bytes_;
};

/// A disk in memory that a test can crash. It keeps what is durable, and in order every change
/// since that is not. A crash leaves
/// - of the changes to folders the first few, as a journaling file system keeps their order;
/// - of the changes to a file's size the first few, likewise; space that is new reads as zeros;
/// - of the writes to each sector the first few, whatever becomes of other sectors. The sector may
///   instead hold garbage where the lost writes wrote, but what is beside them is unharmed, and so
///   is a sector that a write left as it was.
/// After a failed sync the pages are clean: reads see them, but no later sync writes them.
/// Files opened before a crash are dead after it. Folders need no parents. One writer at a time may
/// have a file or a folder, as on a real disk.
class memory_disk final : public podstudio::file_system {
public:
  static constexpr std::size_t sector_bytes = 512;

  /// A full disk is one whose files together would be larger than this.
  std::uint64_t capacity_bytes = std::numeric_limits<std::uint64_t>::max();
  /// What a crash leaves where it interrupted a write is decided by this; empty: no garbage.
  choice garbage;

  /// Forgets everything that was not synced.
  void crash();
  /// Keeps of it what `choose` says, where 0 is nothing.
  void crash(const choice& choose);
  void crash(std::mt19937_64& random) { crash(random_choice(random)); }
  /// What a sync of a file of this disk does when it fails: some sectors are written, and all are
  /// clean. Changes of size stay in the file system's journal.
  void fail_sync(podstudio::file& of, const choice& choose);

  /// A second disk with the same contents, which the two share until one changes them.
  memory_disk clone() const;

  bool exists(const std::string& path) const { return entries_.contains(path); }
  const std::string& bytes(const std::string& path) const { return *entries_.at(path)->now; }
  /// Replaces a file, durably, behind the log's back.
  void put(const std::string& path, shared_bytes bytes);
  void erase(const std::string& path);
  /// All files with their bytes.
  std::map<std::string, std::string> files() const;
  std::uint64_t used_bytes() const;
  /// How many calls changed a file or a folder.
  std::uint64_t changes() const noexcept { return changes_; }

  podstudio::result<std::unique_ptr<podstudio::file>> open(const std::string& path,
                                                           podstudio::open_mode mode) override;
  podstudio::result<std::vector<std::string>> list(const std::string& folder) override;
  podstudio::result<bool> make_folder(const std::string& path) override;
  podstudio::result<void> rename(const std::string& from, const std::string& to) override;
  podstudio::result<void> remove(const std::string& path) override;
  podstudio::result<std::unique_ptr<podstudio::folder_claim>>
  claim(const std::string& folder) override;
  podstudio::result<void> sync_folder(const std::string& path) override;

private:
  friend class memory_file;

  struct write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct resize {
    std::uint64_t size = 0;
  };
  struct inode {
    bool is_folder = false;
    shared_bytes now;      ///< as it is read
    shared_bytes durable;  ///< as it surely is on the disk
    std::vector<std::variant<write, resize>> unsynced;
    std::weak_ptr<void> writer;  ///< who has locked it
  };
  using node = std::shared_ptr<inode>;
  using folders = std::map<std::string, node>;
  /// One path gets another file, or none, and a second one perhaps loses its own.
  struct entry_change {
    std::string path;
    node to;
    std::string moved_from;
  };

  static void settle(inode& of, std::size_t resizes_kept, const choice& garbage,
                     const choice& choose);
  static void apply(const entry_change& change, folders& to);
  /// Locks a file or folder for as long as what it returns is there; null if it is locked.
  static std::shared_ptr<void> try_lock(inode& of);
  void change_entry(entry_change change);

  folders entries_;
  folders durable_entries_;
  std::vector<entry_change> unsynced_entries_;
  std::uint64_t changes_ = 0;
};
