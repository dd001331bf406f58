// SPDX-License-Identifier: MIT
#pragma once

#include "actors/scans.hpp"
#include "events/command.hpp"
#include "jobs/job_cancel.hpp"
#include "jobs/protocol.hpp"
#include "media/kind.hpp"
#include "model/catalog_model.hpp"
#include "model/command_memory.hpp"
#include "model/curation.hpp"
#include "model/identity.hpp"
#include "model/library_model.hpp"
#include "model/media.hpp"
#include "model/packs.hpp"
#include "model/undo.hpp"
#include "platform/error.hpp"
#include "query/files.hpp"
#include "query/filter.hpp"
#include "query/pack_export.hpp"
#include "watch/look.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The messages between the actors. They never leave this process.
namespace podstudio {

using command_ptr = std::shared_ptr<const command>;
using epoch_number = std::uint64_t;
using committed_group = std::shared_ptr<const std::vector<committed_command>>;
using asset_ids = std::vector<asset_id>;

/// The assets and files whose current places the catalog asks for.
struct place_query {
  asset_ids assets;
  std::vector<file_facts> facts;   ///< of each asset as the catalog has them, then of each file
  std::vector<std::string> files;  ///< paths of files that were read
  bool probe = true;               ///< false: only the paths are wanted, and no disk is looked at
};

struct journal_status {
  log_head head;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
};

struct scrub_status {
  std::string state = "off";     ///< off, running, intact, damaged, failed (it could not be done)
  std::uint64_t bytes = 0;       ///< checked so far
  sequence_number sequence = 0;  ///< checked up to here
  std::string failure;           ///< of damaged: what and where
};

struct projector_status {
  sequence_number sequence = 0;
};

/// What a source found, at most max_batch_files of each.
struct observation_batch {
  std::string origin;  ///< "watcher" or "import"
  std::vector<seen_file> files;
  std::vector<gone_file> gone;
  std::vector<failed_file> failures;
  std::vector<std::string> resolved;  ///< printable paths of problems that are none any more
};
inline constexpr std::size_t max_batch_files = 256;
/// A file above this is large: others do not wait for it to be read.
inline constexpr std::uint64_t large_file_bytes = 16u << 20;

struct observation_outcome {
  std::uint64_t registered = 0;
  std::uint64_t changed = 0;
  std::uint64_t moved = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t failed = 0;
  std::vector<std::string>
      changed_meanwhile;  ///< paths that changed while they were read: look again
  /// Paths to look at again: those that were being read for another look, and those that were found
  /// to be in doubt (`taken_files::again`).
  std::vector<std::string> again;
  std::vector<std::string> later;  ///< likewise, after `recent_moves::pause`: these move too often
  sequence_number last_sequence = 0;
};

/// Files to read.
struct digest_request {
  std::shared_ptr<const std::vector<seen_file>> files;
  std::size_t begin = 0;  ///< the part of `files` that is meant
  std::size_t end = 0;
};

struct digest_reply {
  std::shared_ptr<std::vector<result<file_content>>> outcomes;  ///< in the order of the request
};

struct label_request {
  uuid id{};
  std::string origin;
  std::string summary;
  label_change change;
  std::optional<digest> request{};  ///< see `command`
};

struct pack_request {
  uuid id{};
  std::string origin;
  std::string summary;
  pack_change change;
  std::optional<digest> request{};  ///< see `command`
};

/// A command from the log, and what else is needed to undo it.
struct past_command {
  committed_command done;
  asset_paths paths;  ///< as the tables have them, of the assets it marked missing
};

/// Whether a person gave it or a script, and not the engine.
inline bool is_by_person(const command& what) { return what.origin == "console"; }

struct undo_request {
  uuid id{};
  std::string origin;
  past_command what;
  bool force = false;
  std::optional<digest> request{};  ///< see `command`
};

struct undo_outcome {
  command_outcome done;
  /// What stands in the way, with `force` what was left; null for a command that was sent again.
  std::shared_ptr<const undo_decision> decided;
  bool undone = false;  ///< false: nothing was done, as something stands in the way
};

/// What a person asks for: that a command is undone.
struct undo_command {
  uuid id{};  ///< of the command that undoes
  std::string origin;
  uuid target{};
  bool force = false;
  std::optional<digest> request{};  ///< see `command`
};

struct undo_report {
  uuid command{};  ///< that undid
  command_outcome done;
  bool repeated = false;                      ///< the command was sent again
  std::shared_ptr<const undo_decision> left;  ///< what was left, with `force`; null: nothing
  std::vector<std::string>
      conflicting;  ///< ids of the commands that changed it since, newest first
};

/// A search for the commands, from a sequence on, that changed any of these fields.
struct conflict_search {
  std::shared_ptr<const std::vector<field>> fields;  ///< sorted
  sequence_number from = 1;
};

struct conflicting_command {
  std::string id;
  bool undoable = false;  ///< by undoing it a field is set back; else it tells of files
};

struct conflict_page {
  std::vector<conflicting_command> commands;  ///< oldest first
  std::optional<sequence_number> next;        ///< there is more to look at from here on
};

using change_outcome = command_outcome;
using command_memory_ptr = std::shared_ptr<command_memory>;

struct root_request {
  enum class step { add, remove, move, lose, regain, recognise } what = step::add;
  root_id root = 0;            ///< lose, regain, recognise
  std::string path;            ///< add, remove, move: without links where the folder is there
  std::string asked;           ///< add, remove: the path as it was given; move: the old one
  std::optional<error> unfit;  ///< add: why the folder cannot be watched
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string reason;  ///< lose
  uuid id{};
  std::string origin;
  std::optional<digest> request{};  ///< see `command`
};

struct root_outcome {
  root_id root = 0;
  sequence_number last_sequence = 0;
  std::uint64_t changed = 0;  ///< events
  bool repeated = false;      ///< the command was sent again; nothing is to be done about it
};

struct catalog_status {
  std::uint64_t in_flight = 0;
  bool unread = false;  ///< there may be unread files that are not in a job yet
};

/// Progress in reading files.
struct reading_status {
  std::uint64_t read = 0;    ///< files read since the engine started
  std::uint64_t failed = 0;  ///< jobs failed since the engine started
  bool done = false;         ///< every file to be read is in a job, and all jobs have ended
  bool held = false;         ///< jobs are paused
  std::string problem;       ///< why no job is started for now; empty if nothing prevents it
};

struct job_step {
  enum class step {
    submit,
    start,
    progress,
    complete,
    fail,
    cancel,
    retry,
    put_back,      ///< one that runs
    put_all_back,  ///< all that run
    hold,          ///< no further job is to be started
    release,
  } what = step::submit;
  job_id job = 0;
  std::vector<job_request> requests;  ///< submit: all of them, or none
  std::string summary;                ///< submit
  double percent = 0;                 ///< progress
  std::string text;                   ///< complete: the result's path; fail, put back: the reason
  job_attempt_end attempt;            ///< fail, put back
  std::vector<read_media> read;       ///< complete: what came of it
  pack_id pack = 0;                   ///< complete: the pack that was exported; 0: none was
  std::vector<finished_export> exported{};  ///< complete: to what
  uuid id{};
  std::string origin;
  std::optional<digest> request{};  ///< see `command`
};

/// The jobs that wait, as the catalog has them.
struct job_queue {
  struct waiting_job {
    job_id job = 0;
    std::int32_t priority = 0;
    job_kind kind = job_kind::metadata_extract;
  };
  std::vector<waiting_job> pending;
  bool held = false;
};

/// The files that a job reads.
using media_input = present_file;
using media_inputs = std::vector<media_input>;

/// What an export works on.
using export_input_ptr = std::shared_ptr<const export_input>;

/// A file that a job gave its name, and how it is told from another under that name.
struct named_result {
  std::string path;
  std::uint64_t device = 0, inode = 0;
};

/// A job that is to be run, and what to tell while it runs.
struct job_task {
  job_id job = 0;
  media_inputs inputs;         ///< of a job that reads files
  export_input_ptr exports{};  ///< of a job that exports a pack; null for others
  std::shared_ptr<job_cancel> cancel;
  std::function<void(double percent)> progress;
};
using job_task_ptr = std::shared_ptr<const job_task>;

/// What came of one attempt at a job.
struct job_report {
  job_ending ending = job_ending::not_started;
  std::string text;        ///< why it did not complete, for people
  std::string last_words;  ///< of its worker, in lines
  std::vector<read_media> read;
  bool is_final = false;  ///< a failure that another attempt would only repeat
  pack_id pack = 0;       ///< that was exported
  /// The archives that stand under their names. Of one that was made again, `made` is empty.
  std::vector<finished_export> exported{};
  /// Those of them that this attempt made: no other is removed again.
  std::vector<named_result> named{};
};
using job_report_ptr = std::shared_ptr<const job_report>;

/// A watch root as the catalog knows it.
struct watched_root {
  root_id id = 0;
  std::string path;
  folder_identity identity;  ///< its volume and inode, as the catalog has them
  bool lost = false;         ///< as the tables have it
  bool just_added = false;   ///< whatever is in it, it is the folder that is meant
};

/// What a watcher needs besides its root.
struct watch_options {
  std::string database;      ///< the tables
  folder_identity excluded;  ///< the engine's own folder
  std::chrono::milliseconds poll_interval = std::chrono::seconds(30);
  std::chrono::milliseconds rescan_interval = std::chrono::hours(24);
  scan_count_ptr scans = std::make_shared<scan_count>();
};

struct watcher_status {
  root_id root = 0;
  std::string path;
  /// scanning, live, polling (no notices), held (a scan waits to be confirmed), or silent (it has
  /// not answered for seconds)
  std::string mode;
  std::uint64_t compared = 0;    ///< scanning: files and known files so far
  not_taken_counts not_taken{};  ///< by the last scan of the whole root that came to its end
};

struct watch_request {
  bool add = true;
  std::string path;
  uuid id{};
  std::string origin;
  std::optional<digest> request{};  ///< see `command`
};

/// Moves a root to another path, where its files were moved or copied.
struct move_request {
  std::string from;
  std::string to;
  uuid id{};
  std::string origin;
  std::optional<digest> request{};  ///< see `command`
};

/// The outcome of checking a folder that is to be watched.
using inspected_folder = std::shared_ptr<const result<folder_candidate>>;

struct import_request {
  std::vector<std::string> paths;
};

/// A running import.
struct import_status {
  std::uint64_t number = 0;
  std::vector<std::string> paths;  ///< as requested, the first few
  std::size_t paths_total = 0;
  std::uint64_t scanned = 0;  ///< files so far
  bool silent = false;        ///< stuck in a system call for seconds
};

/// The sources of changes: watchers and imports.
struct supervisor_status {
  std::vector<watcher_status> watchers;
  std::vector<import_status> imports;
};

struct import_progress {
  bool done = false;
  std::uint64_t scanned = 0;
  std::uint64_t registered = 0;
  std::uint64_t changed = 0;
  std::uint64_t moved = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t skipped = 0;
  std::uint64_t failed = 0;
  not_taken_counts not_taken{};  ///< of those skipped
  std::uint64_t missing = 0;     ///< of a moved root: files that are in neither folder
  std::uint64_t left = 0;        ///< of a moved root: files that are in the old folder only
  sequence_number last_sequence = 0;
};

/// A question that a reader answers from the tables, see actors/reader.hpp.
class table_query;
using table_query_ptr = std::shared_ptr<const table_query>;

/// A question that the historian answers from the log, see actors/historian.hpp.
class log_query;
using log_query_ptr = std::shared_ptr<const log_query>;

/// Set once nobody is waiting for the answer.
using given_up = std::shared_ptr<std::atomic<bool>>;

/// A request to the console, see console/protocol.hpp.
struct request;
using request_ptr = std::shared_ptr<const request>;

/// Our errors in the actor system's, and back.
caf::error to_caf(const error& failure);
error from_caf(const caf::error& failure);
/// What is asked for is not done, or not any more.
error engine_is_stopping();

}  // namespace podstudio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::command_memory_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::command_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::committed_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::committed_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::asset_ids)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::asset_paths)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::asset_places)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::place_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::given_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::table_query_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::log_query_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::asset_filter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::journal_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::projector_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::scrub_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::observation_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::observation_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::digest_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::digest_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::label_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::change_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::conflict_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::conflict_search)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::pack_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::past_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::undo_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::undo_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::undo_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::undo_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::root_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::root_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::catalog_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::reading_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::job_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::job_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::job_report_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::job_task_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::media_inputs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::watcher_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::supervisor_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::watch_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::watched_root)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::watch_options)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::export_input_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::inspected_folder)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::move_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::import_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::import_progress)
