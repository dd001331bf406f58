// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "watch/inotify.hpp"
#include "watch/look.hpp"
#include "watch/reconcile.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace podstudio {

class database;
class readiness;  // waits for the kernel's notices on a thread of its own

struct watcher_state {
  using clock = std::chrono::steady_clock;

  /// A path to look at.
  struct due_path {
    clock::time_point at{};          ///< not before
    std::uint64_t ticket = 0;        ///< see `outstanding`
    bool written = false;            ///< whole, as far as the kernel can tell
    std::optional<file_facts> seen;  ///< of a file that may still be written to: the look before
    std::uint64_t seen_ticket = 0;   ///< the current one at that look
    unsigned tries = 0;              ///< how often it changed while it was read
  };
  using looked_paths = std::vector<std::pair<std::string, due_path>>;

  watcher_state();
  ~watcher_state();
  /// Has copies looked at that are to make way for missing assets. A sync waits for it.
  void look_at_heirs();
  /// Has those looked at that lie under the root, for a ticket.
  void want_all(const asset_paths& paths, std::uint64_t number);
  result<void> open();
  /// Whether the folder at the root's path is the one that is meant: by its volume's own
  /// identifier, or else by a sample of what is in it.
  result<void> recognise_root();
  /// Ends, and tells those who wait for a sync why.
  void fail(const error& why);

  // Noticing.
  void drain_notices();
  void note(const change& what);
  void want(const std::string& path, due_path how);
  /// Compares a folder with the tables; `wanted` is a ticket that is held for it already, 0: none.
  void walk(const std::string& folder, std::uint64_t wanted = 0);
  bool polls() const noexcept { return !watches || limited || remote; }
  /// Whether it, or something below it, could not be taken.
  bool is_problem(const std::string& path);
  bool is_left_out(const std::string& file);
  bool scan_may_tell_gone(const reconciler::counts& counts);

  // Looking.
  void pump();
  void look_at_due(findings& found, looked_paths& looked);
  class view;  ///< where paths are looked at from
  /// A walk that is under way must not take it for solved, though it may have passed the path
  /// before.
  void remember_problem(const std::string& path);
  bool settled(const findings& found, due_path& how);
  bool is_in_flight(const std::string& path) const;
  bool may_begin_walk() const;
  void begin_walk();
  void walk_on(findings& found, looked_paths& looked);
  void end_walk();
  void schedule();

  // Handing over.
  result<void> check_root() const;
  void send(findings batch, looked_paths looked);
  void taken(const observation_outcome& outcome, const looked_paths& looked);
  void refused(const caf::error& why, const looked_paths& looked);

  // Tickets.
  void hold(std::uint64_t ticket);
  void release(std::uint64_t ticket);
  void answer_syncs();

  watcher_actor::pointer self = nullptr;
  watched_root root;
  folder_identity mounted;        ///< the root, by device number and inode, while it is mounted
  std::uint64_t root_volume = 0;  ///< id of its volume
  catalog_actor catalog;
  watch_options options;
  std::unique_ptr<database> tables;
  std::optional<folder_watches> watches;  ///< null where the system gives none: then it polls
  std::unique_ptr<readiness> notices;
  path_keyer key_of;
  std::unordered_map<std::string, ignore_rules> rules;  ///< by folder, at most watcher_rules_max

  std::unordered_map<std::string, due_path> due;  ///< at most watcher_due_max; more is a walk
  std::multimap<clock::time_point, std::string> agenda;  ///< of `due`; entries may be outdated
  std::vector<failed_file> reports;   ///< problems that are no file's, for the next batch
  std::vector<std::string> resolved;  ///< problems that are none any more, likewise
  std::set<std::string> problems;     ///< those this watcher told of, at most watcher_problems_max
  std::set<std::string> problems_seen;  ///< of these, as far as scans got
  /// Files that may be readable now, and were in flight when they became so.
  std::unordered_set<std::string> allowed_in_flight;
  std::vector<std::shared_ptr<const looked_paths>> in_flight;  ///< at most watcher_batches_max
  std::size_t large_in_flight = 0;  ///< batches of them with a large file

  /// Folders to be compared with the tables, each with a ticket; at most watcher_walks_max. The
  /// first is under way if `walking` is set.
  std::deque<std::pair<std::string, std::uint64_t>> walks;
  std::optional<reconciler> walking;
  std::optional<counted_scan> scan;   ///< while the whole root is compared
  not_taken_counts not_taken_seen{};  ///< in the whole scan that is under way
  not_taken_counts not_taken{};       ///< in the last one
  bool no_watch_left = false;         ///< a folder could not be watched in this scan
  bool limited = false;               ///< nor in the last whole one
  bool remote = false;     ///< a file system whose changes may come from elsewhere, unnoticed
  bool held = false;       ///< the last whole scan waits to be confirmed
  bool holding = false;    ///< so will the one that is under way
  bool confirmed = false;  ///< the next scan may tell any number of files as gone
  bool failed = false;     ///< it ends
  clock::time_point rescan_at = clock::time_point::max();
  clock::duration held_wait{};  ///< before a scan that was held is tried again; doubled each time
  clock::time_point root_check_at{};
  clock::time_point wake_at = clock::time_point::max();
  clock::time_point pause_until{};  ///< no looking before: the engine had no room

  /// Everything to do bears the ticket of the time it was noticed. A sync draws the current one,
  /// after which a new one begins, and is answered once nothing is outstanding with its own or an
  /// older one.
  std::uint64_t ticket = 1;
  std::map<std::uint64_t, std::size_t> outstanding;
  std::multimap<std::uint64_t, caf::typed_response_promise<sequence_number>> syncs;
  sequence_number last_sequence = 0;
  static inline const char* name = "watcher";
};

/// A file nobody is seen to close is taken when two looks this far apart find the same facts.
inline constexpr std::chrono::milliseconds settle_interval{500};
/// How many batches a watcher has in flight; some of them are kept for small files that the kernel
/// tells of, so that these wait for no walk and no large file.
inline constexpr std::size_t watcher_batches_max = 8;
inline constexpr std::size_t watcher_slow_batches_max = 6;
/// How many paths wait to be looked at before it is cheaper to walk the whole tree.
inline constexpr std::size_t watcher_due_max = 100'000;

/// How many folders wait to be walked before it is cheaper to walk the whole tree.
inline constexpr std::size_t watcher_walks_max = 1'000;
/// Of how many folders a watcher remembers the ignore file.
inline constexpr std::size_t watcher_rules_max = 10'000;
/// How many problems a watcher remembers, so as to tell when they are none any more.
inline constexpr std::size_t watcher_problems_max = 10'000;
/// How soon a scan that was held back is tried again at first: what is gone from here may have been
/// found elsewhere by then.
inline constexpr std::chrono::seconds held_wait_min{1};
/// From so many files on, a scan that finds more than half of them gone is held back.
inline constexpr std::uint64_t guarded_files_min = 100;

/// The watcher of one root. It compares the root with the tables and follows the kernel's
/// notifications without a gap, as each folder is watched before its names are read. If there are
/// no notifications, or not for all changes, it compares periodically. Ends with an error when the
/// root is not the folder that was added, or cannot be read; the supervisor starts it again.
watcher_actor::behavior_type watcher(watcher_actor::stateful_pointer<watcher_state> self,
                                     watched_root root, catalog_actor catalog,
                                     watch_options options);

}  // namespace podstudio
