// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "platform/error.hpp"
#include "platform/sha256.hpp"
#include "platform/unique_fd.hpp"

#include <atomic>
#include <memory>
#include <string>

struct stat;

namespace podstudio {

class root_folder;
struct volume;

/// The facts of a stat of a file on `on`. What the file system does not keep is left 0.
file_facts facts_of(const struct stat& status, const volume& on) noexcept;

/// Opens a file in `root` to read it, without touching its access time where that is allowed (only
/// to the file's owner); never waits on a pipe. Nothing where it cannot be opened: errno says why.
unique_fd open_quietly(const root_folder& root, const std::string& path);

/// Reads whole files and computes their digests. One object per thread. Its memory is bounded by
/// one buffer and one mapped window, whatever the size of the files.
class file_digester {
public:
  /// Reading stops soon after `cancelled` (may be null) becomes true.
  explicit file_digester(const std::atomic<bool>* cancelled = nullptr);

  /// The digest of a regular file's bytes and the facts they were read under. The file's facts are
  /// taken before and after; unless both are equal and as many bytes were read as the size says,
  /// the digest is rejected. Never follows a symbolic link below `root`, in which the file lies,
  /// never waits on a pipe, never changes the access time where the system allows to leave it.
  /// Errors: `changed` (it vanished, was replaced or written to: look again), `not_permitted`,
  /// `invalid_argument` (no regular file), `io_failed`, `stopping`.
  result<file_content> digest(const root_folder& root, const std::string& path);

private:
  result<std::uint64_t> read_through(int fd, const std::string& path, std::uint64_t size_bytes);
  result<std::uint64_t> map_through(int fd, const std::string& path, std::uint64_t size);

  bool cancelled() const noexcept { return cancelled_ != nullptr && *cancelled_; }

  const std::atomic<bool>* cancelled_;
  sha256 hash_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace podstudio
