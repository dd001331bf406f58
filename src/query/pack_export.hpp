// SPDX-License-Identifier: MIT
#pragma once

#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"
#include "query/files.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

/// What an export of a pack reads from the tables, and the exports that there have been.
namespace podstudio {

class database;

/// What a job of the kind `export_pack` is told.
struct export_parameters {
  /// Where to write to, absolute; nothing: a new name in the data folder.
  std::optional<std::string> output{};
  std::string profile{packs::generic_profile};
  bool allow_unapproved = false;
  bool with_prompts = false;  ///< also says with which tools, models and prompts assets were made
  /// The sequence of a past export, of which the same bytes are made again; nothing: a new export.
  std::optional<sequence_number> again{};
  pack_id pack = 0;  ///< whose export that has to be
  bool operator==(const export_parameters&) const = default;
};

/// As the job's `params_json` has it.
std::string to_params_json(const export_parameters& asked);
/// The reverse. Error: `invalid_argument`, naming the member.
result<export_parameters> parse_export_parameters(const std::string& params_json);

/// An archive that was made.
struct past_export {
  sequence_number sequence = 0;  ///< of its event
  pack_id pack = 0;
  std::string sha256;  ///< of the archive, 64 lower-case hexadecimal digits
  std::uint64_t size_bytes = 0;
  std::string texts;  ///< as archive/kept_texts.hpp has it
};

/// Files that are there, by their content: the digest in hexadecimal.
using files_by_content = std::unordered_map<std::string, std::vector<present_file>>;
/// How many files of equal content are listed.
inline constexpr std::size_t content_files_max = 8;

/// What an export job works on, as of one moment.
struct export_input {
  pack_id pack = 0;
  std::uint32_t attempt = 1;  ///< the first is 1
  export_parameters asked;
  packs::snapshot snapshot;         ///< of a new export
  packs::seller by;                 ///< likewise
  std::optional<past_export> past;  ///< what is made again
  files_by_content files;           ///< the contents of the assets
};

/// Errors: `not_found` for a job, a pack or an export that is not there; as `read_snapshot` and
/// `parse_export_parameters`.
result<export_input> read_export_input(database& db, job_id job);

/// How many exports are listed, the newest ones.
inline constexpr std::int64_t listed_exports_max = 1'000;

/// `[{sequence path exported_at sha256 size_bytes asset_count read_at head_hash profile}]`, newest
/// first. Error `not_found` for a pack that there never was.
result<nlohmann::json> list_exports(database& db, pack_id pack);

}  // namespace podstudio
