// SPDX-License-Identifier: MIT
#include "asset_filter.hpp"
#include "command.hpp"
#include "import.hpp"
#include "job_wait.hpp"
#include "options.hpp"
#include "output.hpp"
#include "pack_facts.hpp"
#include "session.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// `podstudio ship`: from approved assets to archives and texts, by the operations that the other
/// commands use. Nothing is decided here that a person could not decide step by step.
namespace podstudio {

namespace {

using nlohmann::json;

/// How many bytes an export is expected to write and check in a second, for the plan.
constexpr double export_bytes_a_second = 100e6;

struct ship_arguments {
  pack_facts_options facts;
  std::vector<std::string> profiles;
  std::vector<std::string> folders;
  asset_filter_options filter;
  bool all_matching = false;
  bool with_prompts = false;
  bool dry_run = false;
};

/// The assets that are shipped, in the order of their paths, and those that are not, by reason.
struct shipment {
  struct member {
    std::string path;
    std::int64_t id = 0;
  };
  std::vector<member> members;
  std::uint64_t bytes = 0;
  std::uint64_t rejected = 0, undecided = 0, missing = 0, broken = 0, copies = 0;

  json ids() const {
    auto all = json::array();
    for (const auto& each : members)
      all.push_back(each.id);
    return all;
  }
  std::vector<std::pair<const char*, std::uint64_t>> left_out() const {
    return {{"rejected", rejected},
            {"undecided", undecided},
            {"missing", missing},
            {"broken", broken},
            {"copies", copies}};
  }
};

/// One run of the command. Each step prints what it did, unless a document is asked for.
class shipping {
public:
  shipping(const context& where, const ship_arguments& given, session& service)
      : where_(where), given_(given), service_(service) {}

  result<void> run() {
    if (auto known = look_up_profiles(); !known) return known;
    if (auto known = check_seller(); !known) return known;
    if (auto imported = import_folders(); !imported) return imported;
    if (auto chosen = choose(); !chosen) return chosen;
    print_plan();
    if (given_.dry_run) {
      if (where_.json) print_json(report_);
      return {};
    }
    if (auto filled = fill_pack(); !filled) return filled;
    if (auto good = check_pack(); !good) return stopped(good.failure());
    if (auto exported = export_all(); !exported) return stopped(exported.failure());
    return print_outcome();
  }

private:
  // --- before anything is changed ---

  result<void> look_up_profiles() {
    auto known = service_.request("pack.profiles", json::object());
    if (!known) return known.failure();
    for (const auto& id : given_.profiles) {
      auto found = std::ranges::find_if(*known, [&](const json& each) { return each["id"] == id; });
      if (found == known->end())
        return error{error_code::invalid_argument, "there is no profile " + in_quotes(id)
                                                       + "; 'podstudio pack profiles' lists them"};
      profiles_.push_back(*found);
    }
    return {};
  }

  result<void> check_seller() {
    auto seller = service_.request("pack.seller", json::object());
    if (!seller) return seller.failure();
    if (!(*seller)["author"].is_null()) return {};
    return error{error_code::refused, "the licence has to name an author, who is not known; set it "
                                      "with 'podstudio pack setup --author NAME'"};
  }

  result<void> import_folders() {
    if (given_.folders.empty()) return {};
    json counts;
    return finish_import(service_, "import.start", {{"paths", given_.folders}}, reading::now,
                         counts);
  }

  result<void> choose() {
    auto filter = given_.filter.filter();
    if (given_.folders.empty()) {
      if (auto found = choose_from(filter); !found) return found;
    }
    for (const auto& folder : given_.folders) {
      filter["folder"] = folder;
      if (auto found = choose_from(filter); !found) return found;
    }
    // What is sold is the same whenever it was catalogued. Of copies the first one is taken.
    std::ranges::sort(found_, {}, [](const json& asset) { return asset["path"]; });
    std::set<std::string> contents;
    for (const auto& asset : found_)
      take(asset, contents);
    if (!shipment_.members.empty()) return {};
    return error{error_code::refused,
                 found_.empty() ? "no asset matches; nothing can be shipped"
                                : "none of the " + std::to_string(found_.size())
                                      + " assets can be shipped (" + left_out()
                                      + "); approve those to sell with 'podstudio asset approve'"};
  }

  result<void> choose_from(const json& filter) {
    auto arguments = filter;
    constexpr std::int64_t page_size = 1'000;
    arguments["limit"] = page_size;
    for (;;) {
      auto page = service_.request("asset.list", arguments);
      if (!page) return page.failure();
      for (auto& asset : *page)
        if (seen_.insert(asset["id"].get<std::int64_t>()).second) found_.push_back(asset);
      if (static_cast<std::int64_t>(page->size()) < page_size) return {};
      arguments["after"] = page->back()["id"];
    }
  }

  void take(const json& asset, std::set<std::string>& contents) {
    if (asset["rejected"] == true)
      ++shipment_.rejected;
    else if (asset["approved"] != true)
      ++shipment_.undecided;
    else if (asset["missing"] == true)
      ++shipment_.missing;
    else if (!asset["problem"].is_null())
      ++shipment_.broken;
    else if (!contents.insert(asset["hash"].get<std::string>()).second)
      ++shipment_.copies;
    else {
      shipment_.members.push_back(
          {asset["path"].get<std::string>(), asset["id"].get<std::int64_t>()});
      shipment_.bytes += asset["size_bytes"].get<std::uint64_t>();
    }
  }

  /// `1 rejected, 2 undecided`
  std::string left_out() const {
    std::string text;
    for (const auto& [why, count] : shipment_.left_out())
      if (count > 0)
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " "
                + (count == 1 && why == std::string_view("copies") ? "copy" : why);
    return text;
  }

  void print_plan() {
    report_["assets"] = shipment_.members.size();
    report_["bytes"] = shipment_.bytes;
    report_["left_out"] = json::object();
    for (const auto& [why, count] : shipment_.left_out())
      report_["left_out"][why] = count;
    if (where_.json) return;
    auto left = left_out();
    print_line("plan for " + in_quotes(*given_.facts.name));
    print_line("  add " + std::to_string(shipment_.members.size()) + " of "
               + std::to_string(found_.size()) + " assets, " + human_size(shipment_.bytes)
               + (left.empty() ? "" : " (left out: " + left + ")"));
    for (const auto& profile : profiles_)
      print_line("  export for " + cell(profile["name"]) + ": " + archives_for(profile));
  }

  std::string archives_for(const json& profile) const {
    std::uint64_t parts = 1;
    std::string limit;
    if (profile.contains("max_file_bytes")) {
      auto most = profile["max_file_bytes"].get<std::uint64_t>();
      parts = std::max<std::uint64_t>(1, (shipment_.bytes + most - 1) / most);
      limit = " of at most " + human_size(most);
    }
    auto seconds = std::ceil(static_cast<double>(shipment_.bytes) / export_bytes_a_second);
    return (parts == 1 ? "1 archive" : "about " + std::to_string(parts) + " archives") + limit
           + ", in about " + human_time(static_cast<std::uint64_t>(std::max(1.0, seconds)));
  }

  // --- the steps ---

  result<void> fill_pack() {
    auto created = service_.request("pack.create", given_.facts.arguments());
    if (!created) return created.failure();
    pack_ = (*created)["id"].get<std::int64_t>();
    report_["pack"] = pack_;
    auto added = service_.request("pack.add", {{"pack", pack_}, {"ids", shipment_.ids()}});
    if (!added) return stopped(added.failure());
    return {};
  }

  result<void> check_pack() {
    report_["warnings"] = json::array();
    std::set<std::string> told;
    std::string errors;
    for (const auto& profile : profiles_) {
      auto findings = service_.request("pack.check", {{"pack", pack_}, {"profile", profile["id"]}});
      if (!findings) return findings.failure();
      for (const auto& each : *findings) {
        auto message = cell(each["message"]);
        if (!told.insert(message).second) continue;
        if (each["severity"] == "error") {
          errors += (errors.empty() ? "" : "; ") + message;
        } else {
          report_["warnings"].push_back({{"message", message}, {"assets", each["assets"]}});
          if (!where_.json) print_line("warning: " + message + which(each["assets"]));
        }
      }
    }
    if (errors.empty()) return {};
    return error{error_code::refused, errors};
  }

  /// ` (assets 3, 7)`
  static std::string which(const json& assets) {
    constexpr std::size_t ids_shown_max = 5;
    if (assets.empty()) return {};
    return " (asset" + std::string(assets.size() == 1 ? " " : "s ")
           + list_of_ids(assets, ids_shown_max) + ")";
  }

  result<void> export_all() {
    progress line("bytes");
    const auto all = shipment_.bytes * profiles_.size();
    for (std::size_t i = 0; i < profiles_.size(); ++i) {
      auto submitted = service_.request("pack.export", {{"pack", pack_},
                                                        {"profile", profiles_[i]["id"]},
                                                        {"with_prompts", given_.with_prompts}});
      if (!submitted) return submitted.failure();
      auto id = (*submitted)["jobs"][0].get<std::int64_t>();
      auto job = wait_for_job(service_, id, [&](const json& now) {
        constexpr double percent = 100;
        auto done = static_cast<double>(shipment_.bytes)
                    * (static_cast<double>(i) + now["progress"].get<double>() / percent);
        line.show(static_cast<std::uint64_t>(done), all);
      });
      if (!job) return job.failure();
      if (auto completed = check_completed(*job); !completed) return completed;
    }
    return {};
  }

  /// The pack is there, and what a person does about the reason goes on with it.
  error stopped(const error& why) const {
    auto id = std::to_string(pack_);
    return {why.code, why.message + "; pack " + id
                          + " was created: once this is settled, go on with 'podstudio pack export "
                          + id + " --for " + given_.profiles.front() + "', or delete it with "
                          + "'podstudio pack delete " + id + "'"};
  }

  result<void> print_outcome() {
    auto exports = service_.request("pack.exports", {{"pack", pack_}});
    if (!exports) return exports.failure();
    std::reverse(exports->begin(), exports->end());  // in the order of their parts
    report_["exports"] = json::array();
    for (const auto& profile : profiles_) {
      auto listing =
          service_.request("pack.listing", {{"pack", pack_}, {"profile", profile["id"]}});
      if (!listing) return listing.failure();
      auto archives = json::array();
      for (const auto& each : *exports)
        if (profile["id"] == (each["profile"].is_null() ? json("generic") : each["profile"]))
          archives.push_back({{"path", each["path"]},
                              {"size_bytes", each["size_bytes"]},
                              {"sha256", each["sha256"]}});
      print_export(profile, archives, *listing);
      report_["exports"].push_back({{"profile", profile["id"]},
                                    {"archives", std::move(archives)},
                                    {"listing", *std::move(listing)}});
    }
    if (where_.json) print_json(report_);
    return {};
  }

  void print_export(const json& profile, const json& archives, const json& listing) const {
    if (where_.json) return;
    print_line("");
    print_line("for " + cell(profile["name"]) + ", upload:");
    for (const auto& each : archives)
      print_line("  " + cell(each["path"]) + " ("
                 + human_size(each["size_bytes"].get<std::uint64_t>()) + ")");
    print_line("and paste into the listing:");
    print_line("");
    print_lines(cell(listing["text"]));
  }

  const context& where_;
  const ship_arguments& given_;
  session& service_;
  std::vector<json> profiles_;
  std::vector<json> found_;
  std::set<std::int64_t> seen_;
  shipment shipment_;
  std::int64_t pack_ = 0;
  json report_ = json::object();
};

/// The folders as the catalog names them. Error: `invalid_argument` for what is no folder.
result<std::vector<std::string>> real_folders(const std::vector<std::string>& given) {
  std::vector<std::string> folders;
  for (const auto& each : given) {
    std::error_code failed;
    if (!std::filesystem::is_directory(each, failed))
      return error{error_code::invalid_argument, in_quotes(each) + " is not a folder"};
    folders.push_back(folder_path(each));
  }
  return folders;
}

result<void> ship(const context& where, ship_arguments given) {
  if (given.folders.empty() && !given.all_matching)
    return error{error_code::invalid_argument,
                 "say what to ship: a folder, or --all-matching and filters"};
  auto folders = real_folders(given.folders);
  if (!folders) return folders.failure();
  given.folders = *std::move(folders);
  if (!given.all_matching && !given.filter.filter().empty())
    return error{error_code::invalid_argument, "filters choose assets only with --all-matching"};
  auto service = working_service(where);
  if (!service) return service.failure();
  return shipping(where, given, *service).run();
}

}  // namespace

action declare_ship(CLI::App& command) {
  auto given = std::make_shared<ship_arguments>();
  command.add_option("NAME", given->facts.name, "The name of the new pack")
      ->required()
      ->type_name("");
  command
      .add_option("FOLDER", given->folders,
                  "Folders whose approved assets are shipped; they are imported first")
      ->type_name("");
  given->facts.declare(command);
  command.get_option("--license")->required();
  command
      .add_option("--for", given->profiles,
                  "The marketplace to export for, more than once for several; 'pack profiles' "
                  "lists them")
      ->required()
      ->type_name("PROFILE")
      ->expected(1)
      ->take_all();
  command.add_flag("--all-matching", given->all_matching,
                   "The approved assets that match the filters, in the folders if any are given");
  given->filter.declare(command, "with-");
  command.add_flag("--with-prompts", given->with_prompts,
                   "Include the prompts, tools and models that the assets were made with");
  command.add_flag("--dry-run", given->dry_run,
                   "Import and print the plan, but create and export nothing");
  return [given](const context& where) { return ship(where, *given); };
}

}  // namespace podstudio
