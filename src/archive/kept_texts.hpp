// SPDX-License-Identifier: MIT
#pragma once

#include "archive/manifest.hpp"
#include "packs/snapshot.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What has to be kept of an archive to make the same bytes again: its manifest, the signature and
/// the texts for people. The manifest names the assets by their content, and all else follows from
/// it (ARCHIVE_FORMAT.md).
namespace podstudio::archive {

/// How many bytes it may take, compressed: it is one field of an event in the log. An asset takes
/// about 120 bytes, and its prompt, where the archive shows prompts, up to 4096 more.
inline constexpr std::size_t kept_bytes_max = std::size_t{6} << 20;
/// And how many before it was compressed.
inline constexpr std::size_t kept_expanded_bytes_max = std::size_t{96} << 20;

/// Of the entries of an archive: those that were made in memory, but for the checksums, compressed
/// by zlib. Error: `refused` if they take more than the above.
result<std::string> keep_texts(std::span<const packs::entry> entries);

struct kept_contents {
  manifest of;
  /// All entries in the archive's order. Those of assets have the id 0, as the manifest knows none.
  std::vector<packs::entry> entries;
};

/// The reverse. Errors: `damaged` for bytes that `keep_texts` did not make; `newer_version`.
result<kept_contents> restore_contents(std::string_view kept);

}  // namespace podstudio::archive
