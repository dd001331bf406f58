// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// All of the log's disk access goes through here, so that a test double can fail any call, tear
/// any write and lose whatever was not synced. Nothing here interprets the bytes.
namespace podstudio {

/// An open file; closed by its destructor. Not thread-safe.
class file {
public:
  virtual ~file() = default;

  /// Reads from `offset` until `into` is full or the file ends; how many bytes were read.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;

  /// Writes all of `bytes`. After an error any part of them may be written.
  virtual result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;

  /// Makes the bytes durable, and of the metadata only what reading them back needs (fdatasync).
  /// Also of a file opened to read: what others wrote to it. After an error it is unknown what is
  /// durable; a later success would not make up for it.
  virtual result<void> sync_data() = 0;

  /// Makes bytes and metadata durable (fsync). After an error, as `sync_data`.
  virtual result<void> sync_all() = 0;

  /// Reserves disk space for a range and extends the file over it; unwritten bytes read as zeros.
  virtual result<void> allocate(std::uint64_t offset, std::uint64_t size_bytes) = 0;

  virtual result<void> truncate(std::uint64_t size_bytes) = 0;
  virtual result<std::uint64_t> size() = 0;

  /// Whether this is the file that is at the path, has at least this size, and holds these bytes at
  /// `offset`. Error: `io_failed`, with what was done to it.
  virtual result<void> check_undisturbed(const std::string& path, std::uint64_t size_bytes_min,
                                         std::uint64_t offset,
                                         std::span<const std::uint8_t> expected) = 0;
};

/// The exclusive right to write in a folder, released by the destructor. It is bound to the folder
/// itself, whatever becomes of the files in it.
class folder_claim {
public:
  virtual ~folder_claim() = default;
};

enum class open_mode : std::uint8_t {
  read,    ///< an existing file
  write,   ///< an existing file, to read and write
  create,  ///< a file that does not exist yet, to read and write
};

/// The calls are those of POSIX. Errors are those of `system_error` and name the path. A file that
/// is open for writing is locked; opening it for writing again, even in the same process, fails
/// with `in_use`.
class file_system {
public:
  virtual ~file_system() = default;

  virtual result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) = 0;

  /// The names in a folder, in no order, without `.` and `..`.
  virtual result<std::vector<std::string>> list(const std::string& folder) = 0;

  /// Makes the folder unless it exists, but not its parents; whether it made it.
  virtual result<bool> make_folder(const std::string& path) = 0;

  /// Replaces what is at `to`. Durable after `sync_folder`.
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;

  virtual result<void> remove(const std::string& path) = 0;

  /// The right to write in a folder. Error: `in_use` while another process has it.
  virtual result<std::unique_ptr<folder_claim>> claim(const std::string& folder) = 0;

  /// Makes the folder's entries durable.
  virtual result<void> sync_folder(const std::string& path) = 0;
};

/// Gone, or never there.
result<void> remove_if_there(file_system& files, const std::string& path);

/// The operating system's. Files are private to their owner.
file_system& posix_file_system();

}  // namespace podstudio
