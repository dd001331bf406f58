// SPDX-License-Identifier: MIT
#include "query/assets.hpp"
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"
#include "media/pdq.hpp"
#include "media/preview.hpp"
#include "media/preview_cache.hpp"
#include "query/duplicates.hpp"

namespace podstudio::api {

namespace {

/// A row of `asset.list`.
json listed_asset() {
  auto row = shape::object({{"id", shape::id()},
                            {"path", shape::text()},
                            {"type", shape::word<asset_type>()},
                            {"hash", shape::digest()},
                            {"width", shape::nullable(shape::count())},
                            {"height", shape::nullable(shape::count())},
                            {"duration_sec", shape::nullable(shape::number())},
                            {"samplerate_hz", shape::nullable(shape::count())},
                            {"created_at", shape::time()},
                            {"updated_at", shape::time()},
                            {"size_bytes", shape::count()},
                            {"missing", shape::flag()},
                            {"tags", shape::list(shape::text())},
                            {"problem", shape::nullable(shape::text())}});
  each_label([&row]<class Label>() {
    json value;
    if constexpr (is_flag_label<Label>)
      value = shape::flag();
    else if constexpr (is_word_label<Label>)
      value = shape::word<typename Label::value>();
    else if constexpr (is_number_label<Label>)
      value = shape::whole(0, number_max<Label>);
    else
      value = shape::nullable(shape::text());
    row = shape::extended(std::move(row), {{Label::key.data(), value}});
  });
  return row;
}

struct asset_list {
  static constexpr std::string_view name = "asset.list",
                                    help = "List assets, a page at a time, in the order of ids",
                                    example = "podstudio asset list --type image --unapproved";
  static constexpr auto needs = role::viewer;
  asset_filter filter;

  static void declare(auto& add) { add.rest(&asset_list::filter, page_filter{}); }
  static json outcome() { return shape::list(listed_asset()); }

  bool is_quick() const { return podstudio::is_quick(filter); }
  result<json> ask(reader_state& s, const is_over&) const { return list_assets(*s.tables, filter); }
};

/// The previews of an asset's content, smallest first.
json previews_of(const media::preview_cache& previews, const json& asset) {
  auto found = json::array();
  digest content{};
  if (!from_hex(asset["hash"].get<std::string>(), content.data(), content.size())) return found;
  for (auto edge : media::preview_edges_px)
    if (previews.open(content, edge))
      found.push_back({{"edge_px", edge}, {"path", previews.path(content, edge)}});
  return found;
}

/// What was read from a file; null as far as it is not known.
json media_facts() {
  auto facts = shape::object({});
  for (const char* whole : {"extractor", "width", "height", "samplerate_hz", "channels",
                            "bit_depth", "orientation", "frame_count", "pdq_quality"})
    facts = shape::extended(std::move(facts), {{whole, shape::nullable(shape::count())}});
  for (const char* number : {"duration_sec", "dpi_x", "dpi_y"})
    facts = shape::extended(std::move(facts), {{number, shape::nullable(shape::number())}});
  for (const char* text : {"mime", "container", "video_codec", "audio_codec", "fps", "pixel_format",
                           "colour_profile", "pdq"})
    facts = shape::extended(std::move(facts), {{text, shape::nullable(shape::text())}});
  for (const char* flag : {"alpha_present", "alpha_used", "decoded", "too_large"})
    facts = shape::extended(std::move(facts), {{flag, shape::nullable(shape::flag())}});
  return facts;
}

/// What a file says of who made it.
json generation_facts() {
  auto facts = shape::object({{"ai_generated", shape::flag()},
                              {"cfg", shape::nullable(shape::number())},
                              {"guesses", shape::list(shape::text())},
                              {"loras", shape::list(shape::map(shape::anything()))},
                              {"passes", shape::list(shape::map(shape::anything()))},
                              {"raw", shape::list(shape::map(shape::anything()))}});
  for (const char* text :
       {"tool", "tool_version", "model", "model_hash", "prompt", "negative_prompt", "seed",
        "sampler", "scheduler", "external_id", "digital_source_type"})
    facts = shape::extended(std::move(facts), {{text, shape::nullable(shape::text())}});
  for (const char* whole : {"steps", "width", "height"})
    facts = shape::extended(std::move(facts), {{whole, shape::nullable(shape::whole())}});
  return facts;
}

struct asset_show {
  static constexpr std::string_view name = "asset.show",
                                    help = "Show everything that is known about an asset",
                                    example = "podstudio asset show ~/Pictures/fox.png";
  static constexpr auto needs = role::viewer;
  asset_key asset;

  static void declare(auto& add) { add("asset", &asset_show::asset, asset_id_or_path{}); }
  static json outcome() {
    auto file = shape::object({{"size_bytes", shape::count()},
                               {"mtime_ns", shape::whole()},
                               {"ctime_ns", shape::whole()},
                               {"inode", shape::count()},
                               {"device", shape::count()},
                               {"missing_since", shape::nullable(shape::time())}});
    auto suggested = shape::object({{"source", shape::nullable(shape::text())},
                                    {"provenance", shape::nullable(shape::word<provenance>())}});
    return shape::extended(
        listed_asset(),
        {{"file", file},
         {"media", media_facts()},
         {"problems",
          shape::list(shape::object({{"kind", shape::text()}, {"reason", shape::text()}}))},
         {"generation", shape::nullable(generation_facts())},
         {"suggested", shape::nullable(suggested)},
         {"lineage", shape::list(shape::anything())},
         {"packs",
          shape::list(shape::object(
              {{"id", shape::id()}, {"name", shape::text()}, {"position", shape::whole()}}))},
         {"jobs", shape::list(job_columns())},
         {"previews",
          shape::list(shape::object({{"edge_px", shape::count()}, {"path", shape::text()}}))}});
  }
  result<json> ask(reader_state& s, const is_over&) const {
    auto shown = show_asset(*s.tables, asset);
    if (shown) (*shown)["previews"] = previews_of(*s.previews, *shown);
    return shown;
  }
};

struct asset_duplicates {
  static constexpr std::string_view name = "asset.duplicates",
                                    help = "List the identical files that waste the most space",
                                    example = "podstudio asset duplicates --limit 10";
  static constexpr auto needs = role::viewer;
  std::int64_t limit = 100;

  static void declare(auto& add) {
    add.optional("limit", &asset_duplicates::limit, whole_number{1, max_assets_per_page});
  }
  static json outcome() {
    auto name_of_file = shape::object({{"id", shape::id()},
                                       {"path", shape::text()},
                                       {"same_file_as", shape::nullable(shape::id())}});
    auto group = shape::object({{"hash", shape::digest()},
                                {"size_bytes", shape::count()},
                                {"files", shape::count()},
                                {"names", shape::count()},
                                {"reclaimable_bytes", shape::count()},
                                {"assets", shape::list(name_of_file)}});
    return shape::object({{"groups", shape::count()},
                          {"files", shape::count()},
                          {"reclaimable_bytes", shape::count()},
                          {"largest", shape::list(group)}});
  }
  bool is_quick() const { return false; }
  result<json> ask(reader_state& s, const is_over&) const {
    return list_duplicates(*s.tables, limit);
  }
};

constexpr std::int64_t similar_assets = 100;

struct asset_similar {
  static constexpr std::string_view name = "asset.similar",
                                    help = "List the assets that look like one, nearest first",
                                    example = "podstudio asset similar 42 --distance 20";
  static constexpr auto needs = role::viewer;
  asset_key asset;
  int distance = media::pdq_distance_max;
  std::int64_t limit = similar_assets;

  static void declare(auto& add) {
    add("asset", &asset_similar::asset, asset_id_or_path{});
    add.optional("distance", &asset_similar::distance, whole_number{0, similar_distance_max});
    add.optional("limit", &asset_similar::limit, whole_number{1, max_similar_assets});
  }
  static json outcome() {
    return shape::list(shape::object({{"id", shape::id()},
                                      {"path", shape::text()},
                                      {"distance", shape::whole(0, similar_distance_max)},
                                      {"same_content", shape::flag()}}));
  }
  bool is_quick() const { return false; }
  result<json> ask(reader_state& s, const is_over&) const {
    return list_similar(*s.tables, s.similar, asset, distance, limit);
  }
};

struct asset_similar_groups {
  static constexpr std::string_view name = "asset.similar_groups",
                                    help = "List groups of assets that look alike, the best first",
                                    example = "podstudio asset similar --groups";
  static constexpr auto needs = role::viewer;
  int distance = media::pdq_distance_max;
  std::int64_t limit = similar_assets;

  static void declare(auto& add) {
    add.optional("distance", &asset_similar_groups::distance,
                 whole_number{0, media::pdq_distance_max});
    add.optional("limit", &asset_similar_groups::limit, whole_number{1, max_similar_assets});
  }
  static json outcome() {
    auto member = shape::object({{"id", shape::id()},
                                 {"path", shape::text()},
                                 {"distance", shape::count()},
                                 {"width", shape::nullable(shape::count())},
                                 {"height", shape::nullable(shape::count())},
                                 {"size_bytes", shape::count()},
                                 {"suggested", shape::flag()},
                                 {"same_content", shape::flag()}});
    return shape::list(shape::object({{"count", shape::count()}, {"assets", shape::list(member)}}));
  }
  bool is_quick() const { return false; }
  result<json> ask(reader_state& s, const is_over& over) const {
    return list_similar_groups(*s.tables, s.similar, distance, limit, over);
  }
};

}  // namespace

std::vector<operation> asset_operations() {
  return rows_of<asset_duplicates, asset_list, asset_show, asset_similar, asset_similar_groups>();
}

}  // namespace podstudio::api
