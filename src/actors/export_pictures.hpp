// SPDX-License-Identifier: MIT
#pragma once

#include "actors/export_archive.hpp"
#include "actors/messages.hpp"
#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"

#include <cstddef>
#include <optional>
#include <vector>

/// The pictures of a pack that its archive has for shops: a contact sheet, and the previews that a
/// marketplace asks for. They are kept in memory, and with the texts in the log: another version of
/// a decoder or an encoder would make other bytes of them, and a past export is to be made again
/// byte for byte.
namespace podstudio {

class worker_pool;

/// Of a larger pack, so many assets are on the contact sheet, evenly spaced.
inline constexpr std::size_t contact_sheet_assets_max = 40;
/// How many single previews are made at most, whatever a profile asks for.
inline constexpr std::size_t single_previews_max = 6;

/// Makes the pictures of one pack, in a worker of its own: one that has decoded media may have been
/// taken over by a file, and is not to copy or check what is signed. Pictures of assets whose file
/// cannot be opened are left out, of which the export itself tells. Nothing where no asset has a
/// picture.
class picture_maker {
public:
  picture_maker(worker_options worker, const job_task& task, content_files& files)
      : worker_(std::move(worker)), task_(task), files_(files) {}

  /// Adds the entries to `into`. A failure is a report of the job.
  std::optional<job_report> make(const packs::snapshot& pack, const packs::profile& of,
                                 std::vector<packs::entry>& into);

private:
  using members = std::vector<const packs::member*>;

  std::optional<job_report> make_all(worker_pool& workers, const packs::snapshot& pack,
                                     const packs::profile& of, std::vector<packs::entry>& into);
  std::optional<job_report> draw(worker_pool& workers, const members& assets, std::uint32_t width,
                                 std::uint32_t height, const std::string& name,
                                 std::vector<packs::entry>& into);

  worker_options worker_;
  const job_task& task_;
  content_files& files_;
};

}  // namespace podstudio
