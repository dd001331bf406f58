// SPDX-License-Identifier: MIT
#pragma once

#include "archive/manifest.hpp"
#include "archive/signing.hpp"
#include "packs/snapshot.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The files that every archive has besides the pack's, made from the others.
namespace podstudio::archive {

/// A line of checksums.txt, as `sha256sum` writes it. A safe name needs no escaping.
std::string checksum_line(std::string_view sha256, std::string_view name);
/// How long such a line is.
std::size_t checksum_line_bytes(std::string_view name) noexcept;

/// A file of the archive that is made in memory.
packs::entry text_entry(std::string_view name, std::string text);

/// Adds checksums.txt to all other entries of an archive, and brings them into their order.
void add_checksums(std::vector<packs::entry>& entries);

/// All entries of an archive in their order: those given, the manifest, its signature if there is a
/// key, and the checksums. `given` has the texts for people, the previews and the assets, under
/// safe names. Errors: `invalid_argument` if a name is not safe or not unique, if README.md or
/// LICENSE.txt is missing, or a file is given that is made here; as `make_manifest` and `to_text`.
result<std::vector<packs::entry>> complete_contents(const packs::snapshot& pack,
                                                    std::vector<packs::entry> given,
                                                    manifest_options options,
                                                    const signing_key* key);

}  // namespace podstudio::archive
