// SPDX-License-Identifier: MIT
#pragma once

#include "actors/commit_pipeline.hpp"
#include "actors/hasher_pool.hpp"
#include "actors/ingest_batch.hpp"
#include "actors/interfaces.hpp"

#include <caf/expected.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace podstudio {

struct catalog_state {
  using on_failure = commit_pipeline::on_failure;
  using on_outcome = commit_pipeline::on_outcome;

  // Taking files.
  void observe(const observation_batch& batch,
               caf::typed_response_promise<observation_outcome> promise);
  /// Has the files read that are not known.
  void read(const ingest_batch_ptr& batch);
  void digested(const ingest_batch_ptr& batch, reading_range part,
                const std::vector<result<file_content>>& outcomes);
  /// Finds out the present paths of assets that these files are, then decides.
  void take(const ingest_batch_ptr& batch, std::vector<digested_file> files,
            std::vector<failed_file> failures);
  void decide_part(const ingest_batch_ptr& batch, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, asset_places places);
  /// What is decided about these files. Those whose assets move too often are left for later.
  taken_files decide_calmly(const ingest_batch_ptr& batch, const std::vector<digested_file>& files,
                            std::vector<failed_file> failures, const asset_places& places);
  /// A part of the batch is decided. After the last one, what is gone and was not found in any of
  /// them is missing.
  void part_decided(const ingest_batch_ptr& batch);
  /// Asks where possible successors of what is gone, and other names of those files, are; then
  /// decides.
  void find_successor_places(const ingest_batch_ptr& batch, unsigned tries,
                             const asset_places& places);
  void decide_rest(const ingest_batch_ptr& batch, const asset_places& places);
  /// Asks where assets and files are.
  void find_places(asset_ids assets, std::shared_ptr<const std::vector<digested_file>> files,
                   std::function<void(asset_places)> then, on_failure otherwise);
  /// Where the assets are that are to make way for missing ones.
  void find_heirs(caf::typed_response_promise<asset_paths> promise);
  void fail_part(const ingest_batch_ptr& batch, const caf::error& failure);
  /// Logs what came of a part of the batch.
  void log_part(const ingest_batch_ptr& batch, command what);
  /// Answers the source of a batch whose last command has ended.
  void end_batch(const ingest_batch_ptr& batch);
  const catalog_model& model() const noexcept { return commits.model().catalog; }

  // Commands of people: catalog_commands.cpp.
  void label(const label_request& request, caf::typed_response_promise<change_outcome> promise);
  void change_pack(const pack_request& request,
                   caf::typed_response_promise<change_outcome> promise);
  void undo(const undo_request& request, caf::typed_response_promise<undo_outcome> promise);
  void change_root(root_request request, caf::typed_response_promise<root_outcome> promise);
  /// Decides and logs, unless this is a command that was given before. `what` has no events yet.
  void command_once(command what, const std::function<result<std::vector<event>>()>& decide,
                    caf::typed_response_promise<change_outcome> promise);
  void change_job(const job_step& step, caf::typed_response_promise<change_outcome> promise);
  job_queue waiting_jobs() const;
  /// Sees to it that a job for unread files is queued soon, if somebody waits for one, there are
  /// any, and no request is in flight: they come after the taking of files.
  void look_for_unread();
  /// How long to wait before unread files are read; zero or negative: do not wait.
  std::chrono::steady_clock::duration unread_wait();
  void queue_unread();
  /// Delivers what `fill` makes of a command's outcome, and ends the request.
  template <class Outcome, class Fill>
  on_outcome deliver(caf::typed_response_promise<Outcome> promise, Fill fill);

  /// Whether one more request may come in; refuses it otherwise.
  template <class Promise>
  bool admit(Promise& promise);
  void answered();

  catalog_actor::pointer self = nullptr;
  commit_pipeline commits;
  reader_actor reader;
  hasher_pool hashers;

  vanishing_assets vanishing;  ///< bounded by the sources' credit
  recent_losses recent;
  recent_moves moves;
  /// Paths being decided about; a second look at one has to wait, or the older could come in last.
  std::unordered_set<path_key, path_key_hash> in_reading;

  std::vector<caf::typed_response_promise<job_id>>
      wants_unread;  ///< the jobs actor has one at most
  bool unread_due = false;
  bool more_unread = false;  ///< the last job for them took all that one may: nothing is waited for
  /// When files last came or went; at first when it started, so that scans begin before reading.
  std::chrono::steady_clock::time_point observed_last = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point>
      unread_since;  ///< when the wait of unread files began
  scan_count_ptr scans;

  std::uint64_t pending = 0;  ///< requests of any kind that are not answered yet
  bool draining = false;
  std::vector<caf::typed_response_promise<bool>> drained;
  static inline const char* name = "catalog";
};

/// How often the places of successors are asked for, as new ones can come while they are.
inline constexpr unsigned successor_tries_max = 16;
/// Files are read once none has come or gone for this long: each job syncs the log three times, and
/// a file that comes meanwhile has to wait.
inline constexpr std::chrono::milliseconds unread_quiet{500};
/// If files keep coming, the unread ones are read after this long, as soon as nothing is in flight.
inline constexpr std::chrono::seconds unread_wait_max{5};
/// How many requests may wait for an answer before new ones are refused as busy.
inline constexpr std::uint64_t catalog_pending_max = 4096;

catalog_actor::behavior_type catalog(catalog_actor::stateful_pointer<catalog_state> self,
                                     std::shared_ptr<library_model> model,
                                     command_memory_ptr memory, journal_actor journal,
                                     projector_actor projector, reader_actor reader,
                                     std::vector<hasher_actor> hashers, recent_losses recent,
                                     scan_count_ptr scans);

}  // namespace podstudio
