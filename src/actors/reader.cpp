// SPDX-License-Identifier: MIT
#include "actors/reader.hpp"

#include "console/protocol.hpp"
#include "media/preview_cache.hpp"
#include "query/assets.hpp"
#include "query/files.hpp"
#include "query/similar.hpp"
#include "schema/sqlite.hpp"

#include <map>

namespace podstudio {

namespace {

/// Asks, for so long as the reader allows, somebody waits and the engine does not stop.
template <class Ask>
auto ask_in_time(reader_state& s, const std::string& what, const given_up& gone, Ask ask) {
  auto until = std::chrono::steady_clock::now() + s.time_max;
  auto unwanted = [&] { return (gone && *gone) || (s.stopping && *s.stopping); };
  auto over = [&] { return unwanted() || std::chrono::steady_clock::now() > until; };
  using answer_type = decltype(ask(is_over(over)));
  auto nobody_waits = [&] {
    auto why = gone && *gone ? "the client has gone that asked for "
                             : "the service stopped before it answered ";
    return answer_type(error{error_code::stopping, why + what});
  };
  if (unwanted()) return nobody_waits();
  interruption bound(*s.tables, over);
  auto answer = ask(is_over(over));
  if (answer || answer.failure().code != error_code::timed_out) return answer;
  if (unwanted()) return nobody_waits();
  return answer_type(error{error_code::timed_out,
                           what + " was ended after " + std::to_string(s.time_max.count() / 1000)
                               + " s so as not to delay others; ask for less at a time"});
}

}  // namespace

reader_state::reader_state() = default;
reader_state::~reader_state() = default;

reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self,
                                   std::shared_ptr<std::unique_ptr<database>> tables,
                                   std::shared_ptr<const media::preview_cache> previews,
                                   std::string data_folder, given_up stopping,
                                   std::chrono::milliseconds time_max) {
  self->state.tables = std::move(*tables);
  self->state.previews = std::move(previews);
  self->state.data_folder = std::move(data_folder);
  self->state.stopping = std::move(stopping);
  self->state.time_max = time_max;
  return {
      [self](query_atom, const table_query_ptr& question,
             const given_up& gone) -> caf::result<std::string> {
        auto& s = self->state;
        auto found = ask_in_time(s, "the query '" + std::string(question->name()) + "'", gone,
                                 [&](const is_over& over) { return question->answer(s, over); });
        if (!found) return to_caf(found.failure());
        return to_text(*found);
      },
      [self](query_atom, const asset_filter& filter) -> caf::result<asset_ids> {
        auto ids =
            ask_in_time(self->state, "the search for all that match", nullptr, [&](const is_over&) {
              return matching_assets(*self->state.tables, filter);
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
      [self](pack_atom, job_id job) -> caf::result<export_input_ptr> {
        auto input = read_export_input(*self->state.tables, job);
        if (!input) return to_caf(input.failure());
        return std::make_shared<const export_input>(*std::move(input));
      },
  };
}

}  // namespace podstudio
