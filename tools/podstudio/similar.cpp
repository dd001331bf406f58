// SPDX-License-Identifier: MIT
#include "similar.hpp"

#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

#include "media/pdq.hpp"
#include "query/similar.hpp"

#include <memory>

namespace podstudio {

namespace {

using nlohmann::json;

struct similar_options {
  std::string which;
  bool groups = false;
  std::string distance;
  std::int64_t limit = 100;
};

std::string size_of(const json& asset) {
  if (asset["width"].is_null() || asset["height"].is_null()) return "";
  return cell(asset["width"]) + " x " + cell(asset["height"]);
}

result<void> report_one(const context& where, const similar_options& options,
                        std::uint64_t distance) {
  auto key = asset_key_of(where, options.which);
  if (!key) return key.failure();
  auto found = ask(where, session::need::folder, "asset.similar",
                   {{"asset", *key}, {"distance", distance}, {"limit", options.limit}});
  if (!found) return found.failure();
  if (where.json) {
    print_json(*found);
    return {};
  }
  table shown({{"distance", align::right}, {"id", align::right}, {"path"}});
  for (const auto& asset : *found)
    shown.row({cell(asset["distance"]), cell(asset["id"]),
               cell(asset["path"]) + (asset["same_content"] == true ? " (the same content)" : "")});
  shown.print();
  return {};
}

result<void> report(const context& where, const similar_options& options) {
  if (options.groups == !options.which.empty())
    return error{error_code::invalid_argument,
                 "give either an asset, or --groups for all that look alike"};
  constexpr std::uint64_t usual = media::pdq_distance_max;
  std::uint64_t highest = options.groups ? media::pdq_distance_max : similar_distance_max;
  auto distance = options.distance.empty() ? result<std::uint64_t>(usual)
                                           : parse_number(options.distance, 0, highest);
  if (!distance)
    return error{error_code::invalid_argument, "the distance: " + distance.failure().message};
  return options.groups ? print_similar_groups(where, *distance, options.limit)
                        : report_one(where, options, *distance);
}

}  // namespace

result<void> print_similar_groups(const context& where, std::uint64_t distance,
                                  std::int64_t limit) {
  auto groups = ask(where, session::need::folder, "asset.similar_groups",
                    {{"distance", distance}, {"limit", limit}});
  if (!groups) return groups.failure();
  if (where.json) {
    print_json(*groups);
    return {};
  }
  table shown({{"group", align::right},
               {"keep"},
               {"distance", align::right},
               {"pixels", align::right},
               {"size", align::right},
               {"id", align::right},
               {"path"}});
  std::size_t number = 0;
  for (const auto& group : *groups) {
    auto name = std::to_string(++number);
    for (const auto& asset : group["assets"]) {
      shown.row(
          {name, asset["suggested"] == true ? "yes" : "", cell(asset["distance"]), size_of(asset),
           human_size(asset["size_bytes"].get<std::uint64_t>()), cell(asset["id"]),
           cell(asset["path"]) + (asset["same_content"] == true ? " (the same content)" : "")});
      name.clear();
    }
    if (auto more = group["count"].get<std::size_t>() - group["assets"].size(); more > 0)
      shown.row({"", "", "", "", "", "", "and " + std::to_string(more) + " more"});
  }
  shown.print();
  return {};
}

action declare_asset_similar(CLI::App& command) {
  auto options = std::make_shared<similar_options>();
  command.add_option("ID_OR_PATH", options->which, "The asset that the others look like")
      ->type_name("");
  command.add_flag("--groups", options->groups,
                   "All that look alike, in groups, the one to keep first");
  command
      .add_option("--distance", options->distance,
                  "How many of 256 bits may differ (31); at most 64, in groups 31")
      ->type_name("D");
  command
      .add_option("--limit", options->limit,
                  "How many to list at most, the nearest or the largest groups first (100)")
      ->type_name("N")
      ->check(whole_number(1, max_similar_assets));
  return [options](const context& where) { return report(where, *options); };
}

}  // namespace podstudio
