// SPDX-License-Identifier: MIT
#include "actors/reader.hpp"

#include "console/arguments.hpp"
#include "console/protocol.hpp"
#include "events/labels.hpp"
#include "media/preview.hpp"
#include "media/preview_cache.hpp"
#include "media/similar.hpp"
#include "platform/text.hpp"
#include "projections/projection.hpp"
#include "query/assets.hpp"
#include "query/duplicates.hpp"
#include "query/files.hpp"
#include "query/library.hpp"
#include "query/packs.hpp"
#include "query/similar.hpp"
#include "schema/sqlite.hpp"

#include <functional>
#include <map>

namespace podstudio {

namespace {

using nlohmann::json;
using query_function = result<json> (*)(database&, const json& arguments);
/// Tells whether a query has taken too long, or nobody wants its answer.
using is_over = std::function<bool()>;

constexpr std::uint64_t page_rows = 1'000, page_rows_max = 10'000;
constexpr std::uint64_t similar_assets = 100;
/// A longer page of assets is not quick.
constexpr std::int64_t quick_rows_max = 1'000;

result<std::int64_t> limit_argument(const json& arguments) {
  auto limit = number_argument(arguments, "limit", 1, page_rows_max, page_rows);
  if (!limit) return limit.failure();
  return static_cast<std::int64_t>(*limit);
}

/// The last id of the page before.
result<std::int64_t> after_argument(const json& arguments) {
  auto after = number_argument(arguments, "after", 0, INT64_MAX, 0);
  if (!after) return after.failure();
  return static_cast<std::int64_t>(*after);
}

result<json> asset_list(database& tables, const json& arguments) {
  auto filter = parse_filter(arguments);
  if (!filter) return filter.failure();
  return list_assets(tables, *filter);
}

result<json> asset_duplicates(database& tables, const json& arguments) {
  auto limit = number_argument(arguments, "limit", 1, max_assets_per_page, 100);
  if (!limit) return limit.failure();
  return list_duplicates(tables, static_cast<std::int64_t>(*limit));
}

result<json> pack_list(database& tables, const json& arguments) {
  auto after = after_argument(arguments);
  if (!after) return after.failure();
  auto limit = number_argument(arguments, "limit", 1, max_packs_per_page, max_packs_per_page);
  if (!limit) return limit.failure();
  return list_packs(tables, *after, static_cast<std::int64_t>(*limit));
}

result<json> pack_show(database& tables, const json& arguments) {
  auto pack = id_argument(arguments, "pack");
  if (!pack) return pack.failure();
  return show_pack(tables, *pack);
}

result<json> pack_warnings(database& tables, const json& arguments) {
  auto pack = id_argument(arguments, "pack");
  if (!pack) return pack.failure();
  auto assets = ids_argument(arguments);
  if (!assets) return assets.failure();
  return check_members(tables, *pack, *assets);
}

result<json> job_list(database& tables, const json& arguments) {
  auto status = optional_word_argument<job_status>(arguments, "status");
  if (!status) return status.failure();
  auto kind = optional_word_argument<job_kind>(arguments, "kind");
  if (!kind) return kind.failure();
  auto after = after_argument(arguments);
  if (!after) return after.failure();
  auto limit = limit_argument(arguments);
  if (!limit) return limit.failure();
  return list_jobs(tables, {*status, *kind, *after, *limit}, now_us());
}

result<json> job_show(database& tables, const json& arguments) {
  auto job = id_argument(arguments, "job");
  if (!job) return job.failure();
  return show_job(tables, *job, now_us());
}

/// The newest commands, a page at a time.
result<json> history(database& tables, const json& arguments) {
  auto limit = limit_argument(arguments);
  if (!limit) return limit.failure();
  auto before = number_argument(arguments, "before", 1, INT64_MAX, INT64_MAX);
  if (!before) return before.failure();
  return list_commands(tables, arguments.value("all", json()) == true, *before, *limit);
}

result<json> problem_list(database& tables, const json&) { return list_problems(tables); }

result<json> watch_list(database& tables, const json&) { return list_roots(tables); }

/// All counts of `status` in one view of the tables, and up to where these hold the log.
result<json> counts(database& tables, const json&) {
  auto view = transaction::begin_read(tables);
  if (!view) return view.failure();
  auto head = read_checkpoint(tables);
  if (!head) return head.failure();
  auto assets = asset_counts(tables);
  if (!assets) return assets.failure();
  auto packs = pack_count(tables);
  if (!packs) return packs.failure();
  auto jobs = job_counts(tables);
  if (!jobs) return jobs.failure();
  auto held = tables.value<std::int64_t>("SELECT count(*) FROM job_queue");
  if (!held) return held.failure();
  (*jobs)["held"] = *held > 0;
  auto roots = list_roots(tables);
  if (!roots) return roots.failure();
  auto problems = problem_count(tables);
  if (!problems) return problems.failure();
  return json{{"projection", {{"sequence", head->sequence}}},
              {"assets", *assets},
              {"packs", {{"total", *packs}}},
              {"jobs", *jobs},
              {"roots", *roots},
              {"problems", *problems}};
}

/// The assets that look like one.
result<json> asset_similar(reader_state& s, const json& arguments, const is_over&) {
  auto asset = asset_argument(arguments);
  if (!asset) return asset.failure();
  auto distance =
      number_argument(arguments, "distance", 0, similar_distance_max, media::pdq_distance_max);
  if (!distance) return distance.failure();
  auto limit = number_argument(arguments, "limit", 1, max_similar_assets, similar_assets);
  if (!limit) return limit.failure();
  return list_similar(*s.tables, s.similar, *asset, static_cast<int>(*distance),
                      static_cast<std::int64_t>(*limit));
}

/// All that look like others.
result<json> asset_similar_groups(reader_state& s, const json& arguments, const is_over& over) {
  auto distance =
      number_argument(arguments, "distance", 0, media::pdq_distance_max, media::pdq_distance_max);
  if (!distance) return distance.failure();
  auto limit = number_argument(arguments, "limit", 1, max_similar_assets, similar_assets);
  if (!limit) return limit.failure();
  return list_similar_groups(*s.tables, s.similar, static_cast<int>(*distance),
                             static_cast<std::int64_t>(*limit), over);
}

/// Every query there is that is about the tables alone. To add one, add a line.
const std::map<std::string, query_function> queries = {
    {"asset.duplicates", asset_duplicates},
    {"asset.list", asset_list},
    {"counts", counts},
    {"history", history},
    {"job.list", job_list},
    {"job.show", job_show},
    {"pack.list", pack_list},
    {"pack.show", pack_show},
    {"pack.warnings", pack_warnings},
    {"problem.list", problem_list},
    {"watch.list", watch_list},
};

/// The edges and paths of those of the asset's previews that exist.
json previews_of(const media::preview_cache& previews, const json& asset) {
  auto found = json::array();
  digest content{};
  if (!from_hex(asset["hash"].get<std::string>(), content.data(), content.size())) return found;
  for (auto edge : media::preview_edges_px)
    if (previews.open(content, edge))
      found.push_back({{"edge_px", edge}, {"path", previews.path(content, edge)}});
  return found;
}

result<json> asset_show(reader_state& s, const json& arguments, const is_over&) {
  auto key = asset_argument(arguments);
  if (!key) return key.failure();
  auto asset = show_asset(*s.tables, *key);
  if (asset) (*asset)["previews"] = previews_of(*s.previews, *asset);
  return asset;
}

/// Queries that need more than the tables.
using stateful_query = result<json> (*)(reader_state&, const json& arguments, const is_over&);
const std::map<std::string, stateful_query> stateful_queries = {
    {"asset.show", asset_show},
    {"asset.similar", asset_similar},
    {"asset.similar_groups", asset_similar_groups},
};

/// The counts are taken again only where something was folded since: to count a million assets
/// takes a tenth of a second.
result<json> latest_counts(reader_state& s, const json& arguments) {
  auto head = read_checkpoint(*s.tables);
  if (!head) return head.failure();
  if (s.counted_at != 0 && s.counted_at == head->sequence) return s.counts;
  auto counted = counts(*s.tables, arguments);
  if (!counted) return counted;
  s.counted_at = (*counted)["projection"]["sequence"].get<sequence_number>();
  return s.counts = *std::move(counted);
}

/// Asks, for so long as the reader allows, somebody waits and the engine does not stop.
template <class Ask>
auto ask_in_time(reader_state& s, const std::string& what, const given_up& gone, Ask ask) {
  auto until = std::chrono::steady_clock::now() + s.time_max;
  auto unwanted = [&] { return (gone && *gone) || (s.stopping && *s.stopping); };
  auto over = [&] { return unwanted() || std::chrono::steady_clock::now() > until; };
  using answer_type = decltype(ask(is_over(over)));
  if (unwanted())
    return answer_type(error{error_code::stopping, "the client has gone that asked for " + what});
  interruption bound(*s.tables, over);
  auto answer = ask(is_over(over));
  if (answer || answer.failure().code != error_code::timed_out) return answer;
  if (unwanted())
    return answer_type(error{error_code::stopping, "the client has gone that asked for " + what});
  return answer_type(error{error_code::timed_out,
                           what + " was ended after " + std::to_string(s.time_max.count() / 1000)
                               + " s so as not to delay others; ask for less at a time"});
}

/// Whether there is no index of what the filter asks for: few of those that are looked at may be
/// it.
bool looks_through_facts(const asset_filter& filter) {
  return filter.width || filter.height || filter.duration_sec || filter.fps || filter.model
         || filter.prompt || filter.alpha || filter.unread;
}

}  // namespace

bool is_query(const std::string& command) {
  return queries.contains(command) || stateful_queries.contains(command);
}

bool is_quick(const std::string& command, const std::string& arguments) {
  if (command == "asset.show") return true;
  if (command == "asset.duplicates" || stateful_queries.contains(command)) return false;
  if (command != "asset.list") return true;
  auto filter = parse_filter(json::parse(arguments, nullptr, false));
  // A label beside `asset` may hold for few of those that are looked at.
  bool beside = false;
  each_label([&]<class Label>() {
    if constexpr (is_beside<Label> && is_filter_label<Label>)
      beside = beside || (filter && (filter->labels.*Label::wanted).has_value());
  });
  if (beside) return false;
  return !filter
         || (filter->limit <= quick_rows_max && !filter->search && !filter->duplicates
             && !looks_through_facts(*filter));
}

reader_state::reader_state() = default;
reader_state::~reader_state() = default;

reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self,
                                   std::shared_ptr<std::unique_ptr<database>> tables,
                                   std::shared_ptr<const media::preview_cache> previews,
                                   given_up stopping, std::chrono::milliseconds time_max) {
  self->state.tables = std::move(*tables);
  self->state.previews = std::move(previews);
  self->state.stopping = std::move(stopping);
  self->state.time_max = time_max;
  return {
      [self](query_atom, const std::string& command, const std::string& arguments,
             const given_up& gone) -> caf::result<std::string> {
        auto& s = self->state;
        auto given = json::parse(arguments, nullptr, false);
        auto query = queries.find(command);
        auto stateful = stateful_queries.find(command);
        if ((query == queries.end() && stateful == stateful_queries.end()) || !given.is_object())
          return to_caf({error_code::invalid_argument, "there is no query '" + command + "'"});
        auto answer = ask_in_time(s, "the query '" + command + "'", gone, [&](const is_over& over) {
          if (stateful != stateful_queries.end()) return stateful->second(s, given, over);
          return query->second == counts ? latest_counts(s, given)
                                         : query->second(*s.tables, given);
        });
        if (!answer) return to_caf(answer.failure());
        return to_text(*answer);
      },
      [self](query_atom, const std::string& given) -> caf::result<asset_ids> {
        auto parsed = json::parse(given, nullptr, false);
        if (parsed.contains("limit") || parsed.contains("after"))
          return to_caf(
              {error_code::invalid_argument, "a command's filter cannot have 'limit' or 'after'"});
        auto filter = parse_filter(parsed);
        if (!filter) return to_caf(filter.failure());
        auto ids =
            ask_in_time(self->state, "the search for all that match", nullptr, [&](const is_over&) {
              return matching_assets(*self->state.tables, *filter);
            });
        if (!ids) return to_caf(ids.failure());
        return std::move(*ids);
      },
      [self](path_atom, const place_query& wanted) -> caf::result<asset_places> {
        auto paths = paths_of(*self->state.tables, wanted.assets);
        if (!paths) return to_caf(paths.failure());
        if (!wanted.probe)
          return asset_places{.paths = std::move(*paths), .left = {}, .absent = {}};
        auto roots = root_paths(*self->state.tables);
        if (!roots) return to_caf(roots.failure());
        std::map<asset_id, known_file> assets;
        for (std::size_t i = 0; i < wanted.assets.size(); ++i)
          if (auto path = paths->find(wanted.assets[i]); path != paths->end())
            assets[path->first] = {path->second, wanted.facts[i]};
        std::vector<known_file> files;
        for (std::size_t i = 0; i < wanted.files.size(); ++i)
          files.push_back({wanted.files[i], wanted.facts[wanted.assets.size() + i]});
        return look_at_places(assets, files, *roots);
      },
      [self](media_atom, const asset_ids& assets) -> caf::result<media_inputs> {
        auto files = present_files(*self->state.tables, assets);
        if (!files) return to_caf(files.failure());
        return std::move(*files);
      },
      [self](media_atom, job_id job) -> caf::result<asset_ids> {
        auto assets = assets_of_job(*self->state.tables, job);
        if (!assets) return to_caf(assets.failure());
        return std::move(*assets);
      },
  };
}

}  // namespace podstudio
