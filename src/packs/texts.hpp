// SPDX-License-Identifier: MIT
#pragma once

#include "packs/blocked_names.hpp"
#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The texts of a pack: LICENSE.txt, README.md and store_copy.txt. They say only what is known, and
/// are the same for the same snapshot and seller on any machine. Each is made from a template
/// (packs/template.hpp), ours in src/packs/texts or the seller's own.
///
/// Variables of all three: `title`, `description`, `theme`, `summary` (`12 images and 3 sounds`),
/// `author`, `year`, `shop`, `contact`, `reachable` (a flag: shop or contact are known), `credit`,
/// `license_name`, `license_id`, `license_summary`, `ai_disclosure`, and `contents`, a list of
/// `line`. README.md has `files`, a list of `name` and `size`, and `lists_files` (a flag: they are
/// not too many to be listed). store_copy.txt has `marketplace`, `store_title`, `short_text`,
/// `long_text`, `store_tags` and `disclosure`.
///
/// Our licences are written in plain language and not by a lawyer.
///
/// Errors of all functions: `refused` where what a text needs is not known (an author, a title, an
/// asset), naming the command that sets it; those of `fill_template`.
namespace podstudio::packs {

/// Names of the texts in the archive, and of the seller's templates.
inline constexpr const char *license_file = "LICENSE.txt", *readme_file = "README.md",
                            *store_copy_file = "store_copy.txt";

/// The seller's own templates.
struct seller_templates {
  std::optional<std::string> license, readme, store_copy;
};
/// Those in the folder; none where there is no folder. Errors: as `read_small_file`, also for a
/// link.
result<seller_templates> read_templates(const std::string& folder);

struct license_terms {
  std::string_view type;  ///< `commercial`
  std::string_view name;  ///< `Commercial Licence 1.0`
  std::string_view id;    ///< `LicenseRef-PODStudio-Commercial-1.0`, as SPDX forms its own names
  std::string_view summary;
};
/// Of one of the four types of licences.
const license_terms& terms_of(std::string_view license);

/// The licence's year: the seller's, or that of the pack's last change.
std::string license_year(const snapshot& pack, const seller& by);

result<std::string> make_license(const snapshot& pack, const seller& by,
                                 const seller_templates& own = {});

/// How many files README.md lists at most.
inline constexpr std::size_t listed_files_max = 200;
/// `files` are those of the archive that are assets; they are listed in this order.
result<std::string> make_readme(const snapshot& pack, const seller& by,
                                std::span<const entry> files, const seller_templates& own = {});

/// How the assets were made, as their files say: for each of these files of the archive its name,
/// and the tool, the model and the prompt where they are known. Empty if nothing is known of any.
std::string make_prompts(const snapshot& pack, std::span<const entry> files);
/// How much of a prompt it has.
inline constexpr std::size_t prompt_bytes_max = 4096;

/// What a listing in a shop needs, within what the marketplace takes.
struct store_copy {
  std::string title, short_text, long_text;
  std::vector<std::string> tags;
  std::string disclosure;  ///< what the seller has to do; empty: nothing
};
result<store_copy> store_copy_of(const snapshot& pack, const seller& by, const profile& of,
                                 const blocked_names& blocked);
result<std::string> make_store_copy(const snapshot& pack, const seller& by, const profile& of,
                                    const blocked_names& blocked, const seller_templates& own = {});

}  // namespace podstudio::packs
