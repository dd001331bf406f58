// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"

#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The whole protocol between the actors, on one page. ARCHITECTURE.md has the overview.
///
/// Every request is answered, if only with an error. INTERNAL handlers are messages that an actor
/// sends to itself. Back pressure is request and response with a bounded number in flight; the
/// bounds are declared beside the actors that enforce them. Shutdown: the supervisor ends the
/// actors one by one in the order of the data flow, each with exit reason user_shutdown.
namespace podstudio {

using get_atom = caf::atom_constant<caf::atom("get")>;
using append_atom = caf::atom_constant<caf::atom("append")>;
using drain_atom = caf::atom_constant<caf::atom("drain")>;
using flush_atom = caf::atom_constant<caf::atom("flush")>;
using fold_atom = caf::atom_constant<caf::atom("fold")>;
using wait_atom = caf::atom_constant<caf::atom("wait")>;
using status_atom = caf::atom_constant<caf::atom("status")>;
using observe_atom = caf::atom_constant<caf::atom("observe")>;
using label_atom = caf::atom_constant<caf::atom("label")>;
using pack_atom = caf::atom_constant<caf::atom("pack")>;
using undo_atom = caf::atom_constant<caf::atom("undo")>;
using find_atom = caf::atom_constant<caf::atom("find")>;
using root_atom = caf::atom_constant<caf::atom("root")>;
using digest_atom = caf::atom_constant<caf::atom("digest")>;
using job_atom = caf::atom_constant<caf::atom("job")>;
using unread_atom = caf::atom_constant<caf::atom("unread")>;
using media_atom = caf::atom_constant<caf::atom("media")>;
using run_atom = caf::atom_constant<caf::atom("run")>;
using import_atom = caf::atom_constant<caf::atom("import")>;
using sync_atom = caf::atom_constant<caf::atom("sync")>;
using readable_atom = caf::atom_constant<caf::atom("readable")>;
using step_atom = caf::atom_constant<caf::atom("step")>;
using confirm_atom = caf::atom_constant<caf::atom("confirm")>;
using path_atom = caf::atom_constant<caf::atom("path")>;
using query_atom = caf::atom_constant<caf::atom("query")>;
using stop_atom = caf::atom_constant<caf::atom("stop")>;

/// JOURNAL: the only writer of the log. Detached: it blocks in writes and syncs.
using journal_actor = caf::typed_actor<
    // Logs one command; answers when it is durable, with its place. Whatever waits in the mailbox
    // is one group with one sync. The number is the sender's epoch: a refusal (`disk_full`, nothing
    // written) refuses also all later commands of the same sender and epoch, as they were decided
    // on top of it. `outcome_unknown`: a write or sync failed; the journal ends and with it the
    // engine.
    caf::replies_to<append_atom, command_ptr, epoch_number>::with<committed_command>,
    // INTERNAL: everything that waited has arrived; write it.
    caf::reacts_to<flush_atom>,
    // INTERNAL: make durable what rode along without a sync.
    caf::reacts_to<step_atom>,
    // Answers with the last durable sequence once it is above this one, or above what it is now, if
    // that is lower. Who asks waits for so many milliseconds at most.
    caf::replies_to<wait_atom, sequence_number, std::uint64_t>::with<sequence_number>,
    // What the log holds, as far as it is durable.
    caf::replies_to<status_atom>::with<journal_status>>;

/// PROJECTOR: the only writer of the database. Detached: it blocks in SQLite.
using projector_actor = caf::typed_actor<
    // From the journal: these commands are durable, in order.
    caf::reacts_to<fold_atom, committed_group>,
    // INTERNAL: fold everything that has arrived, in one transaction.
    caf::reacts_to<flush_atom>,
    // INTERNAL: nothing has come for a while; tidy up behind the writing.
    caf::reacts_to<step_atom>,
    // Answers once the tables hold this sequence. Who does not want to wait for room on the disk
    // (false) is answered at once while there is none.
    caf::replies_to<wait_atom, sequence_number, bool>::with<sequence_number>,
    // The engine stops: from now on nobody waits for room.
    caf::reacts_to<stop_atom>,
    // The sequence the tables hold.
    caf::replies_to<status_atom>::with<projector_status>>;

/// HASHER: reads files. Detached: it blocks in reads.
using hasher_actor = caf::typed_actor<
    // Digests the wanted files, in order; one outcome for each.
    caf::replies_to<digest_atom, digest_request>::with<digest_reply>>;

/// CATALOG: decides about assets, packs, watch roots, problems and jobs.
using catalog_actor = caf::typed_actor<
    // What a source saw: files, and paths without one. Answers when all that came of it is durable
    // and visible: the credit returns.
    caf::replies_to<observe_atom, observation_batch>::with<observation_outcome>,
    // Curation. Answers when it is durable and visible.
    caf::replies_to<label_atom, label_request>::with<change_outcome>,
    // Makes, changes, fills or deletes a pack. Answers when it is durable and visible.
    caf::replies_to<pack_atom, pack_request>::with<change_outcome>,
    // Sets back what a command changed, unless something stands in the way. Answers when it is
    // durable and visible.
    caf::replies_to<undo_atom, undo_request>::with<undo_outcome>,
    // Adds, removes, loses or returns a watch root. Answers when it is durable and visible.
    caf::replies_to<root_atom, root_request>::with<root_outcome>,
    // Submits, starts, moves on, ends, cancels, retries or puts back jobs. Answers when it is
    // durable and visible.
    caf::replies_to<job_atom, job_step>::with<change_outcome>,
    // The jobs that are pending.
    caf::replies_to<job_atom>::with<job_queue>,
    // Queues a job for files whose facts are to be read, once there are any and no file is being
    // taken; answers with it when that is durable and visible.
    caf::replies_to<unread_atom>::with<job_id>,
    // INTERNAL: there may be such files now.
    caf::reacts_to<step_atom>,
    // Where the assets are that are to make way for missing ones of the same content.
    caf::replies_to<find_atom>::with<asset_paths>,
    // Answers once nothing is in flight; from then on every request is refused.
    caf::replies_to<drain_atom>::with<bool>,
    // What is in flight and what is to be read.
    caf::replies_to<status_atom>::with<catalog_status>>;

/// JOB RUNNER: runs one job at a time in worker processes. Detached: it blocks until the job has
/// ended.
using job_runner_actor = caf::typed_actor<
    // Answers when the job has ended, however it did.
    caf::replies_to<run_atom, job_task_ptr>::with<job_report_ptr>>;

/// JOBS: schedules jobs. The catalog decides what becomes of them.
using jobs_actor = caf::typed_actor<
    // Submits, cancels or retries a job, or holds or releases the queue. Answers when it is durable
    // and visible, and a job that is cancelled is being ended.
    caf::replies_to<job_atom, job_step>::with<change_outcome>,
    // INTERNAL, from a thread that runs the job: so many percent of it are done.
    caf::reacts_to<step_atom, job_id, double>,
    // INTERNAL: a job that failed may be tried again.
    caf::reacts_to<run_atom, job_id>,
    // INTERNAL: start jobs again.
    caf::reacts_to<unread_atom>,
    // INTERNAL: if no further job was begun than so many, workers are not needed for now.
    caf::reacts_to<flush_atom, std::uint64_t>,
    // Progress in reading files.
    caf::replies_to<status_atom>::with<reading_status>,
    // Ends running jobs and puts them back; answers when that is durable.
    caf::replies_to<drain_atom>::with<bool>>;

/// WATCHER: one watch root. Detached: it blocks in the file system.
using watcher_actor = caf::typed_actor<
    // From the readiness thread: the kernel has events. It waits for the next go before it says so
    // again.
    caf::reacts_to<readable_atom>,
    // INTERNAL: look at what is due.
    caf::reacts_to<step_atom>,
    // Answers once every change made before the request is visible.
    caf::replies_to<sync_atom>::with<sequence_number>,
    // Look at these files: a person holds them to be there.
    caf::reacts_to<path_atom, asset_paths>,
    // A scan that was held back goes on: what it says is gone is gone. Whether one was held back.
    caf::replies_to<confirm_atom>::with<bool>, caf::replies_to<status_atom>::with<watcher_status>>;

/// IMPORTER: one import. Detached: it blocks in the file system. It ends once it has reported its
/// outcome.
using importer_actor = caf::typed_actor<
    // INTERNAL: go on; look again at what changed while it was read.
    caf::reacts_to<step_atom>,
    // Answers when the import is done.
    caf::replies_to<wait_atom>::with<import_progress>,
    // How far it is.
    caf::replies_to<status_atom>::with<import_progress>>;

/// READER: queries on the tables. Detached: it blocks in SQLite. The reader pool, which is not
/// detached, forwards the same requests to free readers.
using reader_actor = caf::typed_actor<
    // A question; answers with JSON text. `timed_out` where it takes longer than the reader allows;
    // it ends, too, once it is given up.
    caf::replies_to<query_atom, table_query_ptr, given_up>::with<std::string>,
    // The ids of the assets that match a filter.
    caf::replies_to<query_atom, asset_filter>::with<asset_ids>,
    // Where assets and files are: as the tables have it, and as a look there finds it. An id that
    // the tables do not know is left out.
    caf::replies_to<path_atom, place_query>::with<asset_places>,
    // What a job needs to know of assets to read their files; without those that are gone or
    // missing.
    caf::replies_to<media_atom, asset_ids>::with<media_inputs>,
    // The assets that a pending or running job reads.
    caf::replies_to<media_atom, job_id>::with<asset_ids>,
    // What a job that exports a pack works on, as of one moment.
    caf::replies_to<pack_atom, job_id>::with<export_input_ptr>>;

/// HISTORIAN: queries on the log. Detached: it blocks in reads. A request reads a bounded part of
/// the log; if there is more, the answer says where to continue.
using historian_actor = caf::typed_actor<
    // A question to the log; answers with JSON text, unless it was given up before its turn came.
    caf::replies_to<query_atom, log_query_ptr, given_up>::with<std::string>,
    // A command by its id, which is to be undone.
    caf::replies_to<undo_atom, std::string>::with<past_command>,
    // The commands that changed any of some fields.
    caf::replies_to<find_atom, conflict_search>::with<conflict_page>>;

/// UNDO: takes back what a command changed, and says what stands in the way.
using undo_actor = caf::typed_actor<
    // Answers when it is durable and visible; `refused` where something stands in the way, naming
    // it and the commands that changed it since.
    caf::replies_to<undo_atom, undo_command>::with<undo_report>>;

/// SCRUBBER: checks the sealed segments of the log once after a start. Detached: it blocks in
/// reads.
using scrubber_actor = caf::typed_actor<
    // INTERNAL: check some more.
    caf::reacts_to<step_atom>,
    // How far it is, and what it found.
    caf::replies_to<status_atom>::with<scrub_status>>;

/// CONSOLE: how people and scripts control the engine, through the server of a service. Every
/// request gets a JSON reply.
using console_actor = caf::typed_actor<caf::replies_to<request_ptr>::with<std::string>>;

/// SUPERVISOR: starts, restarts and stops all other actors.
using supervisor_actor = caf::typed_actor<
    // The console, to be published or asked.
    caf::replies_to<get_atom>::with<console_actor>,
    // Watches a folder from now on, also after a restart.
    caf::replies_to<root_atom, watch_request>::with<change_outcome>,
    // Moves a watch root, by an import of its new folder: answers with the number of that.
    caf::replies_to<root_atom, move_request>::with<std::uint64_t>,
    // INTERNAL: from that import, once it has found the root's files in the new folder: moves the
    // root. Its watcher has ended by then, and starts again when the import has ended.
    caf::replies_to<root_atom, root_request>::with<root_outcome>,
    // Starts an import; answers with its number.
    caf::replies_to<import_atom, import_request>::with<std::uint64_t>,
    // Lets the scan of a watch root go on that was held back, named by its path. Whether one was.
    caf::replies_to<confirm_atom, std::string>::with<bool>,
    // An import by number: answers when it is done, or after so many milliseconds with how far it
    // is.
    caf::replies_to<wait_atom, std::uint64_t, std::uint64_t>::with<import_progress>,
    // Has the files looked at that lie under the roots: a person holds them to be there.
    caf::reacts_to<path_atom, asset_paths>,
    // Answers once every change made under the roots before the request is visible. Where a root is
    // lost or its scan held, that is refused with its name and the reason, once the others are in
    // step.
    caf::replies_to<sync_atom>::with<sequence_number>,
    // The states of the watch roots and of running imports.
    caf::replies_to<status_atom>::with<supervisor_status>,
    // INTERNAL: starts the watcher of a root again after a failure.
    caf::reacts_to<step_atom, root_id>,
    // Stops everything in order; answers when all is down but the supervisor.
    caf::replies_to<stop_atom>::with<bool>>;

}  // namespace podstudio
