// SPDX-License-Identifier: MIT
#include "actors/catalog.hpp"

#include "events/labels.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <unordered_set>

namespace podstudio {

namespace {

/// A line for people on what came of a batch of files.
std::string summarize(const std::vector<event>& events, observation_outcome& counts) {
  std::uint64_t registered = 0, changed = 0, moved = 0, missing = 0, touched = 0, problems = 0;
  std::uint64_t returned = 0, merged = 0, emptied = 0, resolved = 0;
  auto counted = [&]<class Event>(const Event& e) {
    if constexpr (std::is_same_v<Event, asset_registered>)
      ++registered;
    else if constexpr (std::is_same_v<Event, asset_content_changed>)
      ++changed;
    else if constexpr (std::is_same_v<Event, asset_touched>)
      ++touched;
    else if constexpr (std::is_same_v<Event, asset_forgotten>)
      ++(e.content.facts.size_bytes == 0 ? emptied : merged);
    else if constexpr (std::is_same_v<Event, asset_moved>)
      moved += is_aside(e.path_after) ? 0 : 1;
    else if constexpr (std::is_same_v<Event, asset_missing>)
      ++missing;
    else if constexpr (std::is_same_v<Event, asset_returned>)
      ++returned;
    else if constexpr (std::is_same_v<Event, problem_found>)
      ++problems;
    else if constexpr (std::is_same_v<Event, problem_resolved>)
      ++resolved;
    else
      // It comes of no batch of files.
      static_assert(!file_event<Event> || std::is_same_v<Event, asset_metadata_extracted>);
  };
  for (const auto& e : events)
    std::visit(counted, e);
  counts.registered += registered;
  counts.changed += changed;
  counts.moved += moved + returned;
  counts.unchanged += touched;
  std::string text;
  auto add = [&](std::uint64_t count, std::string_view what) {
    if (count == 0) return;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + std::string(what);
  };
  add(registered, "registered");
  add(changed, "changed");
  add(moved, "moved");
  add(returned, "returned");
  add(missing, "missing");
  add(merged, "merged into another asset");
  add(emptied, "empty and forgotten");
  add(touched, "touched");
  add(problems, "problems");
  add(resolved, "resolved");
  return text;
}

problem_kind kind_of(const error& failure) {
  return failure.code == error_code::not_permitted ? problem_kind::unreadable
                                                   : problem_kind::io_failed;
}

}  // namespace

// --- bounds ---

template <class Promise>
bool catalog_state::admit(Promise& promise) {
  if (draining) {
    promise.deliver(to_caf(engine_is_stopping()));
    return false;
  }
  if (pending >= catalog_pending_max) {
    promise.deliver(to_caf({error_code::busy, "too many requests are waiting; try again"}));
    return false;
  }
  ++pending;
  return true;
}

void catalog_state::answered() {
  --pending;
  if (pending != 0) return;
  for (auto& promise : drained)
    promise.deliver(true);
  drained.clear();
  look_for_unread();
}

// --- taking files ---

void catalog_state::observe(const observation_batch& batch,
                            caf::typed_response_promise<observation_outcome> promise) {
  observed_last = std::chrono::steady_clock::now();
  auto taken = std::make_shared<ingest_batch>(batch.origin, std::move(promise));
  taken->resolved = batch.resolved;
  // First what is gone, so that files of the batch can be found to be the same ones.
  for (const auto& gone : batch.gone) {
    if (!in_reading.insert(gone.key).second) {
      taken->outcome.again.push_back(gone.path);
      continue;
    }
    taken->gone.push_back(gone);
    auto id = model().asset_at(gone.key);
    if (id == 0 || model().asset(id)->missing) continue;
    vanishing.add(id, model().asset(id)->sha256);
    taken->vanishing.push_back(id);
  }
  auto wanted = std::make_shared<std::vector<seen_file>>();
  std::vector<digested_file> recognised;
  for (const auto& file : batch.files) {
    bool unchanged = !file.written && model().unchanged(file.key, file.facts);
    auto here = unchanged ? model().asset_at(file.key) : 0;
    auto was =
        file.key_before == path_key{} ? 0 : find_moved(model(), file.key_before, file.facts, here);
    if (unchanged && was == 0 && !may_make_way(model(), here)) {
      ++taken->outcome.unchanged;
    } else if (!in_reading.insert(file.key).second) {
      taken->outcome.again.push_back(file.path);
    } else if (auto known = was != 0       ? was
                            : unchanged    ? here
                            : file.written ? 0
                                           : model().same_file(file.facts);
               known != 0) {
      recognised.push_back({file.path,
                            file.key,
                            file.type,
                            {model().asset(known)->sha256, file.facts},
                            file.links,
                            was});
    } else {
      wanted->push_back(file);
    }
  }
  taken->wanted = std::move(wanted);
  taken->outcome.failed = batch.failures.size();
  taken->expect_part();  // what is gone; held until all parts are on their way
  if (!recognised.empty() || !batch.failures.empty()) {
    taken->expect_part();
    take(taken, std::move(recognised), batch.failures);
  }
  read(taken);
  // A file may be known by a command that is not durable yet.
  if (taken->outcome.unchanged != 0) {
    taken->expect_command();
    log_part(taken, {});
  }
  part_decided(taken);
}

void catalog_state::log_part(const ingest_batch_ptr& batch, command what) {
  for (const auto& e : what.events)
    if (const auto* forgotten = std::get_if<asset_forgotten>(&e))
      vanishing.remove(forgotten->asset);
  commits.log(
      std::move(what),
      [this, batch](sequence_number sequence) {
        if (batch->command_durable(sequence)) end_batch(batch);
      },
      [this, batch](const caf::error& failure) {
        if (batch->command_failed(from_caf(failure))) end_batch(batch);
      });
}

void catalog_state::read(const ingest_batch_ptr& batch) {
  auto ranges = split_reading(*batch->wanted);
  for (std::size_t i = 0; i < ranges.size(); ++i)
    batch->expect_part();
  for (const auto& part : ranges)
    hashers.read(
        batch->wanted, part,
        [this, batch, part](const std::vector<result<file_content>>& outcomes) {
          digested(batch, part, outcomes);
        },
        [this, batch, part](const caf::error& failure) {
          for (auto i = part.begin; i < part.end; ++i)
            in_reading.erase((*batch->wanted)[i].key);
          fail_part(batch, failure);
        });
}

void catalog_state::digested(const ingest_batch_ptr& batch, reading_range part,
                             const std::vector<result<file_content>>& outcomes) {
  std::vector<digested_file> files;
  std::vector<failed_file> failures;
  files.reserve(outcomes.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto& seen = (*batch->wanted)[part.begin + i];
    if (outcomes[i]) {
      // Of a moved root also a file whose time was not kept is the asset that it was.
      auto was = seen.key_before == path_key{} ? 0 : model().asset_at(seen.key_before);
      if (was != 0 && model().asset(was)->sha256 != outcomes[i]->sha256) was = 0;
      files.push_back({seen.path, seen.key, seen.type, *outcomes[i], seen.links, was});
      continue;
    }
    in_reading.erase(seen.key);
    const auto& failure = outcomes[i].failure();
    if (failure.code == error_code::changed || failure.code == error_code::stopping) {
      batch->outcome.changed_meanwhile.push_back(seen.path);
    } else if (failure.code
               != error_code::invalid_argument) {  // else it is no regular file any more
      ++batch->outcome.failed;
      failures.push_back({printable(seen.path), kind_of(failure), failure.message});
    }
  }
  take(batch, std::move(files), std::move(failures));
}

void catalog_state::take(const ingest_batch_ptr& batch, std::vector<digested_file> files,
                         std::vector<failed_file> failures) {
  auto others = find_others(model(), files, vanishing);
  if (others.empty()) return decide_part(batch, files, failures, {});
  auto kept = std::make_shared<const std::vector<digested_file>>(std::move(files));
  find_places(
      std::move(others), kept,
      [this, batch, kept, failures](asset_places places) {
        decide_part(batch, *kept, failures, std::move(places));
      },
      [this, batch, kept](const caf::error& failure) {
        for (const auto& file : *kept)
          in_reading.erase(file.key);
        fail_part(batch, failure);
      });
}

void catalog_state::find_places(asset_ids assets,
                                std::shared_ptr<const std::vector<digested_file>> files,
                                std::function<void(asset_places)> then, on_failure otherwise) {
  place_query query{std::move(assets), {}, {}, true};
  for (auto id : query.assets)
    query.facts.push_back(model().asset(id)->facts);
  for (std::size_t i = 0; files && i < files->size(); ++i) {
    query.files.push_back((*files)[i].path);
    query.facts.push_back((*files)[i].content.facts);
  }
  auto asked = std::make_shared<std::vector<std::pair<asset_id, file_facts>>>();
  for (std::size_t i = 0; i < query.assets.size(); ++i)
    asked->emplace_back(query.assets[i], query.facts[i]);
  self->request(reader, caf::infinite, path_atom::value, std::move(query))
      .then(
          [this, asked, then](asset_places places) {
            // A place is compared with what was known of the file when it was asked for. What was
            // decided since makes another file of it: then nothing is known of the place.
            for (const auto& [id, facts] : *asked) {
              const auto* known = model().asset(id);
              if (known != nullptr && known->facts == facts) continue;
              places.paths.erase(id);
              places.left.erase(id);
              places.unseen.erase(id);
              places.rewritten.erase(id);
            }
            then(std::move(places));
          },
          std::move(otherwise));
}

void catalog_state::decide_part(const ingest_batch_ptr& batch,
                                const std::vector<digested_file>& files,
                                const std::vector<failed_file>& failures, asset_places places) {
  for (const auto& file : files)
    in_reading.erase(file.key);
  auto& outcome = batch->outcome;
  if (auto back = decide_put_back(model(), files, places); !back.events.empty()) {
    batch->expect_command();
    outcome.again.insert(outcome.again.end(), back.again.begin(), back.again.end());
    observation_outcome uncounted;  // none of it is a file that was seen
    command what{.id = {},
                 .origin = batch->origin,
                 .summary = summarize(back.events, uncounted),
                 .events = {}};
    what.events = std::move(back.events);
    log_part(batch, std::move(what));
  }
  auto taken = decide_calmly(batch, files, failures, places);
  for (const auto& [id, path] : taken.moved) {
    vanishing.remove(id);  // it is found: nobody else can be it
    moves.add(id, std::chrono::steady_clock::now());
  }
  outcome.unchanged += taken.unchanged;
  outcome.again.insert(outcome.again.end(), taken.again.begin(), taken.again.end());
  command what{
      .id = {}, .origin = batch->origin, .summary = summarize(taken.events, outcome), .events = {}};
  what.events = std::move(taken.events);
  log_part(batch, std::move(what));
  part_decided(batch);
}

taken_files catalog_state::decide_calmly(const ingest_batch_ptr& batch,
                                         const std::vector<digested_file>& files,
                                         std::vector<failed_file> failures,
                                         const asset_places& places) {
  auto now = std::chrono::steady_clock::now();
  recent.forget_old(now);
  auto taken = decide(model(), files, failures, vanishing, places, recent);
  // With one file left out the asset may move to another one: until none is left that may not.
  for (std::vector<digested_file> calm;;) {
    std::unordered_set<std::string> restless;
    for (const auto& [id, path] : taken.moved) {
      auto may_move = moves.may_move(id, now);
      if (may_move == recent_moves::answer::yes) continue;
      restless.insert(path);
      batch->outcome.later.push_back(path);
      if (may_move == recent_moves::answer::later || !moves.is_news(id)) continue;
      failures.push_back(
          {printable(path), problem_kind::unstable,
           "asset " + std::to_string(id) + " moved there and away again more than "
               + std::to_string(recent_moves::moves_max)
               + " times within a minute; check whether one folder is visible at two paths"});
    }
    if (restless.empty()) return taken;
    if (calm.empty()) calm = files;  // it is rare: the others are not copied
    std::erase_if(calm, [&](const auto& file) { return restless.contains(file.path); });
    taken = decide(model(), calm, failures, vanishing, places, recent);
  }
}

void catalog_state::part_decided(const ingest_batch_ptr& batch) {
  if (batch->part_decided()) find_successor_places(batch, successor_tries_max, {});
}

void catalog_state::find_successor_places(const ingest_batch_ptr& batch, unsigned tries,
                                          const asset_places& places) {
  auto successors = find_successors(model(), batch->gone);
  bool all_known =
      std::ranges::all_of(successors, [&](asset_id id) { return places.paths.contains(id); });
  if (all_known || tries == 0) return decide_rest(batch, places);
  // Without them, a file that is gone stays missing until its content turns up again, and a change
  // made through a lost name is found only by the next scan.
  auto otherwise = [this, batch](const caf::error&) { decide_rest(batch, {}); };
  // One may have come a moment ago, and the tables not have it yet.
  commits.log(
      {},
      [=, this](sequence_number sequence) {
        commits.when_visible(
            sequence, true,
            [=, this](sequence_number) {
              find_places(
                  find_successors(model(), batch->gone), {},
                  [this, batch, tries](const asset_places& found) {
                    find_successor_places(batch, tries - 1, found);
                  },
                  otherwise);
            },
            otherwise);
      },
      otherwise);
}

void catalog_state::decide_rest(const ingest_batch_ptr& batch, const asset_places& places) {
  for (const auto& gone : batch->gone)
    in_reading.erase(gone.key);
  for (auto id : batch->vanishing)
    vanishing.remove(id);
  for (auto id : places.rewritten)
    batch->outcome.again.push_back(places.paths.at(id));
  auto events = decide_gone(model(), batch->gone, places);
  for (const auto& each : events)
    if (const auto* lost = std::get_if<asset_missing>(&each))
      recent.add(lost->asset, std::chrono::steady_clock::now());
  auto resolved = decide_resolved(model(), batch->resolved);
  events.insert(events.end(), resolved.begin(), resolved.end());
  command what{.id = {},
               .origin = batch->origin,
               .summary = summarize(events, batch->outcome),
               .events = {}};
  what.events = std::move(events);
  // A part that is not durable yet may have moved what is gone: the batch stands on it.
  log_part(batch, std::move(what));
}

void catalog_state::find_heirs(caf::typed_response_promise<asset_paths> promise) {
  place_query query{podstudio::find_heirs(model()), {}, {}, false};
  self->request(reader, caf::infinite, path_atom::value, std::move(query))
      .then(
          [this, promise](const asset_places& places) mutable {
            promise.deliver(places.paths);
            answered();
          },
          [this, promise](const caf::error& failure) mutable {
            promise.deliver(failure);
            answered();
          });
}

void catalog_state::fail_part(const ingest_batch_ptr& batch, const caf::error& failure) {
  bool last = batch->command_failed(from_caf(failure));
  part_decided(batch);
  if (last) end_batch(batch);
}

void catalog_state::end_batch(const ingest_batch_ptr& batch) {
  auto fail = [this, batch](const caf::error& failure) {
    batch->promise.deliver(failure);
    answered();
  };
  if (batch->failure()) return fail(to_caf(*batch->failure()));
  commits.when_visible(
      batch->outcome.last_sequence, true,
      [this, batch](sequence_number) {
        batch->promise.deliver(batch->outcome);
        answered();
      },
      fail);
}

catalog_actor::behavior_type catalog(catalog_actor::stateful_pointer<catalog_state> self,
                                     std::shared_ptr<library_model> model,
                                     command_memory_ptr memory, journal_actor journal,
                                     projector_actor projector, reader_actor reader,
                                     std::vector<hasher_actor> hashers, recent_losses recent,
                                     scan_count_ptr scans) {
  auto& state = self->state;
  state.self = self;
  state.commits = commit_pipeline(self, std::move(*model), std::move(memory), std::move(journal),
                                  std::move(projector));
  state.hashers = hasher_pool(self, std::move(hashers));
  state.recent = std::move(recent);
  state.reader = std::move(reader);
  state.scans = std::move(scans);
  return {
      [self](observe_atom, const observation_batch& batch) {
        auto promise = self->make_response_promise<observation_outcome>();
        if (self->state.admit(promise)) self->state.observe(batch, promise);
        return promise;
      },
      [self](label_atom, const label_request& request) {
        auto promise = self->make_response_promise<change_outcome>();
        if (self->state.admit(promise)) self->state.label(request, promise);
        return promise;
      },
      [self](pack_atom, const pack_request& request) {
        auto promise = self->make_response_promise<change_outcome>();
        if (self->state.admit(promise)) self->state.change_pack(request, promise);
        return promise;
      },
      [self](undo_atom, const undo_request& request) {
        auto promise = self->make_response_promise<undo_outcome>();
        if (self->state.admit(promise)) self->state.undo(request, promise);
        return promise;
      },
      [self](root_atom, const root_request& request) {
        auto promise = self->make_response_promise<root_outcome>();
        if (self->state.admit(promise)) self->state.change_root(request, promise);
        return promise;
      },
      [self](job_atom, const job_step& step) {
        auto promise = self->make_response_promise<change_outcome>();
        if (self->state.admit(promise)) self->state.change_job(step, promise);
        return promise;
      },
      [self](job_atom) { return self->state.waiting_jobs(); },
      [self](unread_atom) {
        auto promise = self->make_response_promise<job_id>();
        self->state.wants_unread.push_back(promise);
        self->state.look_for_unread();
        return promise;
      },
      [self](step_atom) { self->state.queue_unread(); },
      [self](find_atom) {
        auto promise = self->make_response_promise<asset_paths>();
        if (self->state.admit(promise)) self->state.find_heirs(promise);
        return promise;
      },
      [self](drain_atom) {
        auto& s = self->state;
        s.draining = true;
        for (auto& waiting : s.wants_unread)
          waiting.deliver(to_caf({error_code::stopping, "the engine is stopping"}));
        s.wants_unread.clear();
        auto promise = self->make_response_promise<bool>();
        s.drained.push_back(promise);
        ++s.pending;
        s.answered();
        return promise;
      },
      [self](status_atom) {
        auto& s = self->state;
        // A request in flight may bring unread files, or queue a job for some.
        return catalog_status{s.pending, s.pending != 0 || s.commits.unread().any(s.model())};
      },
  };
}

}  // namespace podstudio
