#pragma once

#include "actors/interfaces.hpp"
#include "watch/inotify.hpp"
#include "watch/look.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace podstudio {

class readiness;  // waits for the kernel's notices on a thread of its own

struct watcher_state {
  using clock = std::chrono::steady_clock;

  /// A path to look at.
  struct due_path {
    clock::time_point at{};          ///< not before
    std::uint64_t ticket = 0;        ///< see `outstanding`
    bool written = false;            ///< whole, as far as the kernel can tell
    std::optional<file_facts> seen;  ///< of a file that may still be written to: the look before
    unsigned tries = 0;              ///< how often it changed while it was read
  };
  using looked_paths = std::vector<std::pair<std::string, due_path>>;

  watcher_state();
  ~watcher_state();
  result<void> open();

  // Noticing.
  void drain_notices();
  void note(const change& what);
  void want(const std::string& path, due_path how);
  void walk(const std::string& folder);

  // Looking.
  void pump();
  void look_at_due(findings& found, looked_paths& looked);
  bool settled(const findings& found, due_path& how);
  void walk_on(findings& found, looked_paths& looked);
  void schedule();

  // Handing over.
  void send(findings batch, looked_paths looked);
  void taken(const observation_outcome& outcome, const looked_paths& looked);
  void refused(const caf::error& why, findings batch, const looked_paths& looked);

  // Tickets.
  void hold(std::uint64_t ticket);
  void release(std::uint64_t ticket);
  void answer_syncs();

  watcher_actor::pointer self = nullptr;
  watched_root root;
  catalog_actor catalog;
  folder_identity excluded;
  std::optional<folder_watches> watches;
  std::unique_ptr<readiness> notices;
  std::optional<tree_walker> walker;
  path_keyer key_of;

  std::unordered_map<std::string, due_path> due;  ///< at most watcher_due_max; more is a walk
  std::multimap<clock::time_point, std::string> agenda;  ///< of `due`; entries may be outdated
  std::vector<failed_file> reports;  ///< problems that are no file's, for the next batch
  std::size_t in_flight = 0;         ///< batches, at most watcher_batches_max
  std::uint64_t walk_ticket = 0;     ///< 0: no walk is under way
  bool limit_reported = false;
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

/// How many batches a watcher has in flight.
inline constexpr std::size_t watcher_batches_max = 8;
/// How many paths wait to be looked at before it is cheaper to walk the whole tree.
inline constexpr std::size_t watcher_due_max = 100'000;

/// The watcher of one root: walks it once, and follows the kernel's notices without a gap between,
/// as each folder is watched before its names are read. Ends with an error when the root cannot be
/// read; the supervisor starts it again.
watcher_actor::behavior_type watcher(watcher_actor::stateful_pointer<watcher_state> self,
                                     watched_root root, catalog_actor catalog,
                                     folder_identity excluded);

}  // namespace podstudio
