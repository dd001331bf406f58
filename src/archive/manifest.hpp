// SPDX-License-Identifier: MIT
#pragma once

#include "archive/signing.hpp"
#include "packs/snapshot.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What is in an archive: manifest.json, which is made of a pack at one moment, signed, and read
/// again by whoever checks the archive. manifest.schema.json describes it. A manifest has one form
/// in bytes: sorted keys, whole numbers only, two spaces of indentation; any other is refused.
namespace podstudio::archive {

inline constexpr std::uint64_t manifest_version = 1;

// --- bounds ---

/// The longest manifest.
inline constexpr std::size_t manifest_bytes_max = std::size_t{64} << 20;
/// How many values and keys it has at most; an asset has about 40, another file 7.
inline constexpr std::size_t manifest_values_max = std::size_t{1} << 20;
inline constexpr std::size_t manifest_depth_max = 8;
/// How much of a prompt it keeps.
inline constexpr std::size_t manifest_prompt_bytes_max = 4096;

/// A file of the archive that is no asset.
struct manifest_file {
  std::string name, sha256;
  std::uint64_t size_bytes = 0;
  bool operator==(const manifest_file&) const = default;
};

struct manifest_asset : manifest_file {
  std::string original_name;  ///< of the seller's file, without its folders
  /// Of the seller's file, if the archive has a copy with other bytes.
  std::optional<std::string> original_sha256;
  std::string type, provenance;
  std::optional<std::string> source;

  // What the file says, where it is known.
  std::optional<std::string> mime;
  std::optional<std::uint64_t> width, height, duration_ms, samplerate_hz, dpi_x, dpi_y;
  std::optional<bool> alpha_present, alpha_used;
  std::optional<std::string> tool, model, prompt;
  bool operator==(const manifest_asset&) const = default;
};

struct manifest {
  std::string engine_version;
  std::uint64_t pack = 0;
  std::string name, license;
  std::optional<std::string> theme, description;
  std::int64_t created_at_us = 0, updated_at_us = 0;  ///< microseconds since the Unix epoch
  std::uint64_t sequence = 0;  ///< of the last event that the pack was read at
  std::string head_hash;
  std::optional<std::string> profile;  ///< the marketplace that the archive is made for
  std::uint64_t part = 1, parts = 1;
  bool ai_disclosure = false;          ///< whether any asset is generated or enhanced
  std::vector<manifest_asset> assets;  ///< in the archive's order
  /// The other entries in the archive's order, but for the manifest, its signature and the
  /// checksums.
  std::vector<manifest_file> files;
  std::optional<public_key> signed_by;
  bool operator==(const manifest&) const = default;
};

/// What an export says besides the pack.
struct manifest_options {
  /// To make the bytes of an earlier export again, the version that made them.
  std::string engine_version = PODSTUDIO_VERSION;
  std::optional<std::string> profile;
  std::uint64_t part = 1, parts = 1;
  bool allow_generation = false;        ///< whether tools, models and prompts are shown
  std::optional<public_key> signed_by;  ///< who will sign it
};

/// The manifest of an archive with these entries, in their order. Those of the manifest itself, its
/// signature and the checksums are left out. Error: `invalid_argument` for an entry of an asset
/// that the pack does not have.
result<manifest> make_manifest(const packs::snapshot& pack, std::span<const packs::entry> entries,
                               const manifest_options& options);

/// Its bytes. Error: `refused` if there are more than `manifest_bytes_max`, or more values than
/// `manifest_values_max`.
result<std::string> to_text(const manifest& from);

/// The manifest that these bytes are, which anybody may have written. Errors: `newer_version`;
/// `damaged`, saying what is wrong, for all that `to_text` would not write.
result<manifest> parse_manifest(std::string_view text);

/// The time that all entries of a pack's archive have, in Unix seconds: that of its last change.
std::int64_t archive_time(std::int64_t updated_at_us) noexcept;

}  // namespace podstudio::archive
