// SPDX-License-Identifier: MIT
#include "actors/importer.hpp"

#include "platform/text.hpp"
#include "query/files.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>

namespace podstudio {

namespace {

/// A path to import, without links. Errors name it.
result<std::string> importable(const std::string& path, const std::string& data_folder) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return system_error()("cannot import " + in_quotes(path));
  std::string found = real.get();
  if (!is_utf8(found))
    return error{error_code::invalid_argument,
                 in_quotes(path) + " has a name that is not valid UTF-8; rename it"};
  if (lies_within(found, data_folder))
    return error{error_code::refused, in_quotes(path) + " is inside the engine's own data folder"};
  if (::access(found.c_str(), R_OK) != 0) return system_error()("cannot import " + in_quotes(path));
  return found;
}

}  // namespace

importer_state::importer_state() = default;
importer_state::~importer_state() = default;

result<void> importer_state::begin() {
  if (move) return begin_move();
  for (auto& path : asked) {
    auto real = importable(path, bounds.data_folder);
    if (!real) return real.failure();
    path = std::move(*real);
  }
  named = asked;
  return load_problems();
}

result<void> importer_state::load_problems() {
  auto opened = open_tables_read_only(bounds.database);
  if (!opened) return opened.failure();
  for (const auto& path : asked) {
    auto known = problems_under(*opened, path, true);
    if (!known) return known.failure();
    gone_problems.insert(known->begin(), known->end());
  }
  // Those of watch roots themselves are for their watchers to tell.
  auto roots = root_paths(*opened);
  if (!roots) return roots.failure();
  for (const auto& root : *roots)
    gone_problems.erase(printable(root));
  return {};
}

// --- moving a watch root ---

result<void> importer_state::begin_move() {
  auto opened = open_tables_read_only(bounds.database);
  if (!opened) return opened.failure();
  tables = std::make_unique<database>(std::move(*opened));
  auto roots = root_paths(*tables);
  if (!roots) return roots.failure();
  auto folder = inspect_folder(move->wanted.to, bounds.data_folder);
  if (!folder) return folder.failure();
  // By the path that is listed, though a link may be there by now, or by another path to the same
  // folder.
  move->from = lexical_path(move->wanted.from);
  if (std::ranges::find(*roots, move->from) == roots->end())
    if (auto there = inspect_folder(move->wanted.from, bounds.data_folder))
      move->from = there->path;
  move->to = folder->path;
  asked = named = {move->to};
  const auto& from = move->from;
  const auto& to = move->to;
  // Where the root was moved already, what is left there is what did not come along.
  bool is_moved = std::ranges::find(*roots, from) == roots->end()
                  && std::ranges::find(*roots, to) != roots->end();
  if (auto same = is_moved ? check_any_left() : check_sample(); !same) return same;
  root_request request;
  request.what = root_request::step::move;
  request.asked = from;
  request.path = to;
  request.device = folder->identity.device;
  request.inode = folder->identity.inode;
  request.id = move->wanted.id;
  request.origin = move->wanted.origin;
  request.request = move->wanted.request;
  self->request(move->supervisor, caf::infinite, root_atom::value, request)
      .then([this](const root_outcome&) { step(); },
            [this](const caf::error& refused) {
              failure = from_caf(refused);
              finish_if_done();
            });
  return {};
}

result<void> importer_state::check_sample() {
  const auto& from = move->from;
  // Of what was missing before, if that is all there is.
  for (bool also_missing : {false, true}) {
    auto sample = sample_under(*tables, from, library_sample_files, also_missing);
    if (!sample) return sample.failure();
    if (sample->empty()) continue;
    for (auto& file : *sample)
      file.path = move->to + file.path.substr(from.size());
    if (is_same_library(root_folder(move->to), *sample, absent_file::differs)) return {};
    return error{error_code::refused,
                 "most of the " + std::to_string(sample->size()) + " files sampled from "
                     + in_quotes(from) + " are missing from " + in_quotes(move->to)
                     + " or differ; move or copy the files there first, or name the folder that "
                       "contains them"};
  }
  return {};
}

result<void> importer_state::check_any_left() {
  auto left = sample_under(*tables, move->from, 2, true);
  if (!left) return left.failure();
  if (!left->empty()) return {};
  return error{error_code::not_found, "the folder " + in_quotes(move->from)
                                          + " is not watched and contains no asset; "
                                          + in_quotes(move->to) + " is watched already"};
}

result<void> importer_state::end_move() {
  const auto& from = move->from;
  auto resolved = problems_under(*tables, from, true);
  if (!resolved) return resolved.failure();
  auto known = files_under(*tables, from, *left_after);
  if (!known) return known.failure();
  observation_batch batch{"import", {}, {}, {}, std::move(*resolved)};
  const root_folder root(from);
  for (const auto& file : *known) {
    if (batch.gone.size() == max_batch_files) break;
    left_after = file.path;
    gauge->start();
    bool is_missing = is_gone(root, file.path);
    ++(is_missing ? progress.missing : progress.left);
    if (is_missing) batch.gone.push_back({file.path, key_of(file.path), file.facts.device, true});
  }
  if (known->empty()) left_after.reset();
  if (batch.gone.empty() && batch.resolved.empty()) return {};
  ++in_flight;
  observe(std::move(batch));
  return {};
}

// --- problems that are gone ---

void importer_state::keep_problems(const findings& met) {
  if (gone_problems.empty()) return;
  for (const auto& file : met.files)
    gone_problems.erase(printable(file.path));
  for (const auto& failed : met.failures)
    gone_problems.erase(failed.path);
  for (const auto& folder : met.blocked) {
    const auto shown = printable(folder);
    gone_problems.erase(shown);
    gone_problems.erase(gone_problems.lower_bound(shown + '/'),
                        gone_problems.lower_bound(shown + '0'));
  }
}

bool importer_state::tell_gone_problems() {
  if (gone_problems.empty()) return false;
  observation_batch batch{"import", {}, {}, {}, {gone_problems.begin(), gone_problems.end()}};
  gone_problems.clear();
  ++in_flight;
  observe(std::move(batch));
  return true;
}

// --- importing ---

std::string importer_state::root_of(const std::string& path) const {
  for (const auto& each : asked)
    if (path != each && lies_within(path, each)) return each;
  return folder_of(path);
}

void importer_state::step() {
  while (!failure && in_flight < import_batches_max && !looked_everywhere()) {
    gauge->start();
    auto skipped = found.skipped;
    auto files = found.files.size();
    auto had = files + found.failures.size();
    if (named.empty()) {
      walker->step(found, max_batch_files);
      for (; files < found.files.size(); ++files)
        found.files[files].key = key_of(found.files[files].path);
    } else {
      if (look(root_folder(folder_of(named.back())), named.back(), found, key_of)
          == look_outcome::folder)
        walker->add(named.back(), named.back());
      named.pop_back();
    }
    progress.skipped += found.skipped - skipped;
    add(std::exchange(found.not_taken, {}), progress.not_taken);
    auto has = found.files.size() + found.failures.size();
    progress.scanned += has - had + (found.skipped - skipped);
    gauge->set_scanned(progress.scanned);
    if (has >= max_batch_files || looked_everywhere()) send(std::exchange(found, {}));
  }
  look_again();
  finish_if_done();
}

void importer_state::send(findings batch) {
  keep_problems(batch);
  if (batch.files.empty() && batch.failures.empty()) return;
  if (move) {
    for (auto& file : batch.files)
      file.key_before = key_of(move->from + file.path.substr(move->to.size()));
  }
  ++in_flight;
  observe({"import", std::move(batch.files), {}, std::move(batch.failures), {}});
}

void importer_state::observe(observation_batch batch) {
  self->request(catalog, caf::infinite, observe_atom::value, std::move(batch))
      .then(
          [this](const observation_outcome& outcome) {
            working now(*gauge);
            --in_flight;
            taken(outcome);
            step();
          },
          [this](const caf::error& reason) {
            --in_flight;
            working now(*gauge);
            failure = from_caf(reason);
            finish_if_done();
          });
}

void importer_state::taken(const observation_outcome& outcome) {
  progress.registered += outcome.registered;
  progress.changed += outcome.changed;
  progress.moved += outcome.moved;
  progress.unchanged += outcome.unchanged;
  progress.failed += outcome.failed;
  progress.last_sequence = std::max(progress.last_sequence, outcome.last_sequence);
  for (const auto& path : outcome.changed_meanwhile)
    ++tries[path];
  again.insert(again.end(), outcome.changed_meanwhile.begin(), outcome.changed_meanwhile.end());
  again.insert(again.end(), outcome.later.begin(), outcome.later.end());
  if (!outcome.later.empty()) again_after = recent_moves::pause;
  // What was not asked for is not looked at.
  std::ranges::copy_if(outcome.again, std::back_inserter(again), [this](const std::string& path) {
    return std::ranges::any_of(asked,
                               [&](const std::string& each) { return lies_within(path, each); });
  });
}

void importer_state::look_again() {
  if (again.empty() || again_scheduled || in_flight > 0) return;
  again_scheduled = true;
  self->delayed_send(self, std::exchange(again_after, look_again_after), step_atom::value);
}

void importer_state::finish_if_done() {
  if (in_flight > 0 || (!failure && (!looked_everywhere() || !again.empty()))) return;
  while (!failure && left_after) {
    if (auto told = end_move(); !told) failure = told.failure();
    if (in_flight > 0) return;
  }
  if (!failure && tell_gone_problems()) return;
  if (std::exchange(progress.done, true)) return;
  answer_all();
}

void importer_state::answer_all() {
  for (auto& promise : waiting) {
    if (failure)
      promise.deliver(to_caf(*failure));
    else
      promise.deliver(progress);
  }
  if (progress.done && !waiting.empty()) self->quit();
  waiting.clear();
}

importer_actor::behavior_type importer(importer_actor::stateful_pointer<importer_state> self,
                                       catalog_actor catalog, std::vector<std::string> paths,
                                       import_bounds bounds, std::optional<root_move> move,
                                       std::shared_ptr<import_gauge> gauge) {
  auto& state = self->state;
  state.gauge = std::move(gauge);
  state.self = self;
  state.catalog = std::move(catalog);
  state.walker.emplace(bounds.excluded);
  state.bounds = std::move(bounds);
  state.asked = std::move(paths);
  state.move = std::move(move);
  if (state.move) state.left_after.emplace();
  self->set_exit_handler([self](const caf::exit_msg& why) {
    auto& s = self->state;
    s.failure = engine_is_stopping();
    s.answer_all();
    self->quit(why.reason);
  });
  self->send(self, step_atom::value);
  return {
      [self](step_atom) {
        auto& s = self->state;
        working now(*s.gauge);
        if (!std::exchange(s.begun, true)) {
          auto begun = s.begin();
          if (!begun) s.failure = begun.failure();
          if (!begun) s.finish_if_done();
          if (!begun || s.move) return;  // the root is moved first
        }
        if (std::exchange(s.again_scheduled, false)) {
          findings batch;
          for (const auto& path : std::exchange(s.again, {})) {
            auto tried = s.tries.find(path);
            if (tried != s.tries.end() && tried->second > import_tries_max)
              batch.failures.push_back({printable(path), problem_kind::unstable,
                                        "it keeps changing while it is being read"});
            else
              look(root_folder(s.root_of(path)), path, batch,
                   s.key_of);  // gone: then there is nothing to take
          }
          s.send(std::move(batch));
        }
        s.step();
      },
      [self](wait_atom) {
        auto& s = self->state;
        auto promise = self->make_response_promise<import_progress>();
        s.waiting.push_back(promise);
        if (s.progress.done) s.answer_all();
        return promise;
      },
      [self](status_atom) { return self->state.progress; },
  };
}

}  // namespace podstudio
