// SPDX-License-Identifier: MIT
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"
#include "packs/check.hpp"
#include "packs/profiles.hpp"
#include "packs/texts.hpp"
#include "platform/data_folder.hpp"
#include "query/pack_snapshot.hpp"
#include "schema/sqlite.hpp"

namespace podstudio::api {

namespace {

json to_json(const std::vector<packs::finding>& findings) {
  auto all = json::array();
  for (const auto& each : findings)
    all.push_back({{"rule", each.rule},
                   {"severity", packs::word(each.how)},
                   {"assets", each.assets},
                   {"message", each.message}});
  return all;
}

/// What is asked of a pack on its way to a marketplace, and all that this is answered from.
struct pack_for_profile {
  pack_id pack = 0;
  std::string profile{packs::generic_profile};

  static void declare(auto& add) {
    add("pack", &pack_for_profile::pack, row_id{});
    add.optional("profile", &pack_for_profile::profile, text{});
  }
  bool is_quick() const { return false; }

protected:
  struct inputs {
    packs::profile of;
    packs::snapshot pack;
    packs::seller by;
    packs::blocked_names blocked;
  };
  result<inputs> read(reader_state& s) const {
    auto of = packs::find_profile(profile);
    if (!of) return of.failure();
    auto read = read_snapshot(*s.tables, pack);
    if (!read) return read.failure();
    auto by = read_seller(*s.tables);
    if (!by) return by.failure();
    auto blocked = packs::read_blocked_names(folder_of(s).blocked_names());
    if (!blocked) return blocked.failure();
    return inputs{*std::move(of), *std::move(read), *std::move(by), *std::move(blocked)};
  }
  static data_folder folder_of(const reader_state& s) { return {s.data_folder, {}}; }
};

struct pack_check : pack_for_profile {
  static constexpr std::string_view name = "pack.check",
                                    help = "Check a pack for what a marketplace would refuse and a "
                                           "buyer would object to",
                                    example = "podstudio pack check 3 --for etsy";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    json rules{{"enum", json::array()}};
    for (auto each : packs::check_rules)
      rules["enum"].push_back(each);
    return shape::list(shape::object({{"rule", rules},
                                      {"severity", shape::word_of({"error", "warning"})},
                                      {"assets", shape::list(shape::id())},
                                      {"message", shape::text()}}));
  }
  result<json> ask(reader_state& s, const is_over&) const {
    auto from = read(s);
    if (!from) return from.failure();
    return to_json(packs::check(from->pack, from->by, from->of, from->blocked));
  }
};

struct pack_listing : pack_for_profile {
  static constexpr std::string_view name = "pack.listing",
                                    help = "Show what to paste into a listing in a shop",
                                    example = "podstudio pack listing 3 --for etsy";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    return shape::object({{"title", shape::text()},
                          {"short_text", shape::text()},
                          {"long_text", shape::text()},
                          {"tags", shape::list(shape::text())},
                          {"disclosure", shape::text()},
                          {"text", shape::text()}});
  }
  result<json> ask(reader_state& s, const is_over&) const {
    auto from = read(s);
    if (!from) return from.failure();
    auto templates = packs::read_templates(folder_of(s).templates());
    if (!templates) return templates.failure();
    auto copy = packs::store_copy_of(from->pack, from->by, from->of, from->blocked);
    if (!copy) return copy.failure();
    auto whole = packs::make_store_copy(from->pack, from->by, from->of, from->blocked, *templates);
    if (!whole) return whole.failure();
    return json{{"title", copy->title},           {"short_text", copy->short_text},
                {"long_text", copy->long_text},   {"tags", copy->tags},
                {"disclosure", copy->disclosure}, {"text", *whole}};
  }
};

struct pack_profiles : no_arguments {
  static constexpr std::string_view name = "pack.profiles",
                                    help = "List what marketplaces and printers ask for",
                                    example = "podstudio pack profiles";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    auto texts = shape::list(shape::text());
    return shape::list(
        shape::object({{"id", shape::text()}, {"name", shape::text()}, {"date", shape::text()}},
                      {{"max_file_bytes", shape::count()},
                       {"max_files", shape::count()},
                       {"names_ascii", shape::flag()},
                       {"names_without_spaces", shape::flag()},
                       {"previews_min", shape::count()},
                       {"preview_width", shape::count()},
                       {"preview_height", shape::count()},
                       {"previews_at_root", shape::flag()},
                       {"formats", texts},
                       {"print_width_in", shape::number()},
                       {"print_height_in", shape::number()},
                       {"print_fills", shape::flag()},
                       {"dpi", shape::count()},
                       {"dpi_min", shape::count()},
                       {"asset_bytes_max", shape::count()},
                       {"cut_out", shape::flag()},
                       {"title_max", shape::count()},
                       {"short_text_max", shape::count()},
                       {"long_text_max", shape::count()},
                       {"tags_max", shape::count()},
                       {"tag_max", shape::count()},
                       {"forbidden_words", texts},
                       {"names_refused", shape::flag()},
                       {"disclosure", shape::text()}}));
  }
  result<json> ask(reader_state&, const is_over&) const {
    const auto& known = packs::known_profiles();
    if (!known) return known.failure();
    auto all = json::array();
    for (const auto& each : known->profiles)
      all.push_back(packs::to_json(each, known->date));
    return all;
  }
};

struct pack_seller : no_arguments {
  static constexpr std::string_view name = "pack.seller",
                                    help = "Show who sells the packs, as texts say it",
                                    example = "podstudio pack setup";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    auto known = shape::nullable(shape::text());
    return shape::object({{"author", known}, {"year", known}, {"shop", known}, {"contact", known}});
  }
  result<json> ask(reader_state& s, const is_over&) const {
    auto said = read_seller(*s.tables);
    if (!said) return said.failure();
    return json{{"author", text_or_nothing(said->author)},
                {"year", text_or_nothing(said->year)},
                {"shop", text_or_nothing(said->shop)},
                {"contact", text_or_nothing(said->contact)}};
  }
};

}  // namespace

std::vector<operation> pack_check_operations() {
  return rows_of<pack_check, pack_listing, pack_profiles, pack_seller>();
}

}  // namespace podstudio::api
