// SPDX-License-Identifier: MIT
#pragma once

#include "archive/signing.hpp"
#include "archive/zip.hpp"
#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"
#include "platform/data_folder.hpp"
#include "platform/error.hpp"
#include "query/pack_export.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What an export is going to write, decided before the first byte of it.
namespace podstudio {

/// One archive of an export.
struct planned_archive {
  std::vector<packs::entry> entries;  ///< in the archive's order
  std::string texts;                  ///< as archive/kept_texts.hpp has it
};

struct export_plan {
  std::vector<planned_archive> archives;  ///< one, or the parts of a pack
  std::string stem;                       ///< what their files are named by
  archive::dos_time time;                 ///< of all entries
  std::optional<archive::public_key> signed_by;
  std::optional<std::string> profile;  ///< nothing: it is made for no marketplace
  std::uint64_t sequence = 0;          ///< where the log was
  digest head_hash{};
};

/// Gives the pictures of a pack for a marketplace, as entries that are in memory.
using picture_source = std::function<result<std::vector<packs::entry>>(const packs::profile& of)>;

/// A new export of a pack. Its pictures are asked for once the pack has passed its checks. Errors:
/// `refused` for a pack that fails its checks, naming the files and the remedies, and as the makers
/// of texts and `keep_texts`; `not_found` for an unknown profile; others where the seller's
/// templates, key or list of names cannot be read; that of `pictures`.
result<export_plan> plan_export(const export_input& input, const data_folder& folder,
                                const picture_source& pictures);

/// The same bytes as those of a past export. Error: as `restore_contents`.
result<export_plan> plan_again(const export_input& input);

/// A list of names for a message: `'a.png', 'b.png' and 3 more`.
std::string list_of_names(const std::vector<std::string>& names);

}  // namespace podstudio
