// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

/// Previews that were made, kept in a folder until there is no more room.
namespace podstudio::media {

/// What a preview counts as at least, and a multiple of which: what a file takes on a disk. So the
/// bound of the bytes also bounds the number of files.
inline constexpr std::uint64_t cached_preview_bytes_min = 4096;
/// Free disk space that previews must leave, as the log needs it more.
inline constexpr std::uint64_t preview_free_bytes_min = std::uint64_t{1} << 30;
/// How often the time of a preview's last use is written at most.
inline constexpr std::chrono::seconds preview_use_interval{60};

/// Whether the bytes begin with the header of a WebP file; the rest is not checked.
bool is_webp(std::string_view bytes) noexcept;

/// `FOLDER/previews/DD/DIGEST-EDGE-VERSION.webp`: the content's digest in hexadecimal, in a folder
/// named by its first two digits; the edge as ordered; `preview_version`, so that previews of an
/// earlier version are not found, and are the first to go. Anybody may delete anything in it at any
/// time; a preview is made again when its file is next read. Nothing is synced. Files with other
/// names, and links or folders in place of files, are not followed, counted or removed. Any thread
/// may use an object; only one process may use a folder.
class preview_cache {
public:
  /// `folder` is absolute, the data folder's `cache`. Neither it nor its contents need to exist.
  /// Once previews take more than `bytes_max`, or leave less than `free_bytes_min` of the disk
  /// free, the least recently used are removed until the rest take nine tenths of what is allowed.
  preview_cache(std::string folder, std::uint64_t bytes_max,
                std::uint64_t free_bytes_min = preview_free_bytes_min)
      : folder_(std::move(folder)), bytes_max_(bytes_max), free_bytes_min_(free_bytes_min) {}

  /// Keeps a preview, in place of an earlier one; whoever opens it finds all of it or nothing. The
  /// first call counts what is there, which takes some 4 µs for each preview; one that removes
  /// others walks the folder twice, some 10 µs and 24 bytes of memory for each, and other calls of
  /// `store` wait. Errors: `invalid_argument` for an edge or a size that no preview has; `refused`
  /// where something else has the name; `disk_full` also if the disk has too little free space; as
  /// `system_error`.
  result<void> store(const digest& content, std::uint32_t edge_px, std::string_view bytes);

  /// A preview, open for reading at its beginning. Errors: `not_found`, also for what is no regular
  /// file; as `system_error`.
  result<unique_fd> open(const digest& content, std::uint32_t edge_px) const;

  /// The path that a preview has if it exists. For people only, as the folder may change at any
  /// time; programs use `open`.
  std::string path(const digest& content, std::uint32_t edge_px) const;

  /// What all previews take, as of the last `store`; nothing before it.
  std::optional<std::uint64_t> bytes() const;

private:
  class walk;

  /// How many bytes all previews may take at present, given the free space of the disk.
  result<std::uint64_t> bytes_allowed() const;
  result<void> write(const digest& content, std::uint32_t edge_px, std::string_view bytes);

  const std::string folder_;
  const std::uint64_t bytes_max_, free_bytes_min_;
  mutable std::mutex mutex_;
  std::optional<std::uint64_t> bytes_;
};

}  // namespace podstudio::media
