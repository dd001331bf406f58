// SPDX-License-Identifier: MIT
#pragma once

#include "platform/types.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A pack as it is at one moment. All that an export makes (texts, checks, the manifest, the
/// archive's names) is a function of this and of the seller's settings, so that equal snapshots
/// give equal archives on any machine.
namespace podstudio::packs {

/// An asset of the pack.
struct member {
  asset_id asset = 0;
  std::string path;    ///< absolute
  std::string sha256;  ///< of the catalogued content, 64 lower-case hexadecimal digits
  std::uint64_t size_bytes = 0;
  std::string type;        ///< `image`, `audio`, `video`
  std::string provenance;  ///< `unknown`, `ai_generated`, `user_provided`, `enhanced`
  std::optional<std::string> source, theme;
  std::vector<std::string> tags;  ///< in ascending order of bytes
  bool approved = false;
  bool missing = false;
  bool rejected = false;

  // What the file says, where it was read and says it.
  std::optional<std::int64_t> width, height;  ///< pixels
  std::optional<double> duration_sec;
  std::optional<std::int64_t> samplerate_hz;
  std::optional<std::string> mime;
  std::optional<bool> alpha_present, alpha_used;
  std::optional<double> dpi_x, dpi_y;
  /// Perceptual hash, 32 bytes, where it says enough to be compared.
  std::optional<std::string> pdq;
  std::optional<std::string> tool, model, prompt;
  std::optional<std::string> problem;  ///< why the file is not what a buyer expects
};

struct snapshot {
  pack_id pack = 0;
  std::string name;
  std::optional<std::string> theme, description;
  std::string license;  ///< `royalty_free`, `attribution`, `commercial`, `personal`
  std::int64_t created_at_us = 0, updated_at_us = 0;  ///< microseconds since the Unix epoch
  std::vector<member> members;                        ///< in the pack's order
  /// Of the last event in the log that says anything of assets, packs or the seller. Jobs and
  /// starts of the engine do not count, so that they change no archive.
  std::uint64_t sequence = 0;
  std::string head_hash;  ///< of the frame that holds it, 64 lower-case hexadecimal digits
};

/// What the seller has said of himself. What is empty is left out of the texts, never filled in.
struct seller {
  std::string author;   ///< holder of the rights
  std::string year;     ///< of the licence, such as `2026`; empty: that of the pack's last change
  std::string shop;     ///< its name or address
  std::string contact;  ///< for questions of buyers
};

/// A file of the archive.
struct entry {
  std::string name;    ///< within the archive, with `/`
  std::string sha256;  ///< of its content, 64 lower-case hexadecimal digits
  std::uint64_t size_bytes = 0;
  std::string text;                    ///< its content, where it was made in memory
  std::optional<asset_id> asset = {};  ///< whose content it is
};

}  // namespace podstudio::packs
