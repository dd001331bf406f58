// SPDX-License-Identifier: MIT
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"
#include "similar.hpp"

#include "media/pdq.hpp"

#include <memory>

namespace podstudio {

namespace {

/// Each group's files below each other, the size and what could be saved at the first.
void print_groups(const nlohmann::json& groups) {
  table shown({{"saves", align::right}, {"size", align::right}, {"id", align::right}, {"path"}});
  for (const auto& group : groups) {
    auto saves = human_size(group["reclaimable_bytes"].get<std::uint64_t>());
    auto size = human_size(group["size_bytes"].get<std::uint64_t>());
    for (const auto& asset : group["assets"]) {
      auto path = cell(asset["path"]);
      if (const auto& first = asset["same_file_as"]; !first.is_null())
        path += " (the same file as " + cell(first) + ")";
      shown.row({saves, size, cell(asset["id"]), path});
      saves.clear();
      size.clear();
    }
    if (auto more = group["names"].get<std::size_t>() - group["assets"].size(); more > 0)
      shown.row({"", "", "", "and " + std::to_string(more) + " more"});
  }
  shown.print();
}

result<void> report(const context& where, std::int64_t limit) {
  auto found = ask(where, session::need::folder, "asset.duplicates", {{"limit", limit}});
  if (!found) return found.failure();
  if (where.json) {
    print_json(*found);
    return {};
  }
  const auto& groups = (*found)["largest"];
  print_groups(groups);
  auto count = (*found)["groups"].get<std::size_t>();
  print_line(cell((*found)["files"]) + " files in " + std::to_string(count)
             + (count == 1 ? " group; " : " groups; ")
             + human_size((*found)["reclaimable_bytes"].get<std::uint64_t>()) + " could be saved"
             + (groups.size() < count ? "; see --limit for more groups" : ""));
  return {};
}

}  // namespace

action declare_asset_duplicates(CLI::App& command) {
  auto limit = std::make_shared<std::int64_t>(100);
  auto similar = std::make_shared<bool>(false);
  command.add_flag("--similar", *similar,
                   "What looks alike, whatever its content: as 'asset similar --groups'");
  command
      .add_option("--limit", *limit,
                  "How many groups to list at most, those that save the most first (100)")
      ->type_name("N")
      ->check(whole_number(1, 10'000));
  return [limit, similar](const context& where) {
    return *similar ? print_similar_groups(where, media::pdq_distance_max, *limit)
                    : report(where, *limit);
  };
}

}  // namespace podstudio
