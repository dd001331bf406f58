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
/// What previews leave free of a disk, as the log needs it more.
inline constexpr std::uint64_t preview_free_bytes_min = std::uint64_t{1} << 30;
/// How often the time of a preview's last use is written at most.
inline constexpr std::chrono::seconds preview_use_interval{60};

/// Whether the bytes begin as a WebP file does; nothing else of them is looked at.
bool is_webp(std::string_view bytes) noexcept;

/// `FOLDER/previews/DD/DIGEST-EDGE-VERSION.webp`: the content's digest in hexadecimal, in a folder
/// of its first two digits; the edge as ordered; `preview_version`, so that previews of an earlier
/// one are not found, and are the first to go. Everything in it may be deleted at any time, by
/// anybody; a preview is made again when its file is read again. Nothing is synced. What has another name there, a link or a folder
/// is not followed, counted or removed. Any thread may use an object; one process uses a folder.
class preview_cache {
public:
  /// `folder` is absolute, the data folder's `cache`. Neither it nor what lies in it needs to
  /// exist. Once all previews take more than `bytes_max`, or leave less than `free_bytes_min` of the
  /// disk, those used least recently are removed until they take nine tenths of what they may.
  preview_cache(std::string folder, std::uint64_t bytes_max,
                std::uint64_t free_bytes_min = preview_free_bytes_min)
      : folder_(std::move(folder)), bytes_max_(bytes_max), free_bytes_min_(free_bytes_min) {}

  /// Keeps a preview, in place of an earlier one; whoever opens it finds all of it or nothing. The
  /// first call counts what is there, which takes some 4 µs for each preview; one that removes
  /// others walks the folder twice, some 10 µs and 24 bytes of memory for each, and other calls of
  /// `store` wait. Errors: `invalid_argument` for an edge or a size that no preview has; `refused`
  /// where something else has the name; `disk_full` also where too little is free; as `system_error`.
  result<void> store(const digest& content, std::uint32_t edge_px, std::string_view bytes);

  /// A preview, open for reading at its beginning. Errors: `not_found`, also for what is no regular
  /// file; as `system_error`.
  result<unique_fd> open(const digest& content, std::uint32_t edge_px) const;

  /// Where a preview is if it is there; for people, as the folder may change at any time.
  std::string path(const digest& content, std::uint32_t edge_px) const;

  /// What all previews take, as of the last `store`; nothing before it.
  std::optional<std::uint64_t> bytes() const;

private:
  class walk;

  /// What all previews may take as of now.
  result<std::uint64_t> bytes_allowed() const;
  result<void> write(const digest& content, std::uint32_t edge_px, std::string_view bytes);

  const std::string folder_;
  const std::uint64_t bytes_max_, free_bytes_min_;
  mutable std::mutex mutex_;
  std::optional<std::uint64_t> bytes_;
};

}  // namespace podstudio::media
