// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "watch/look.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace podstudio {

class database;

/// A watch root that is being moved to another path.
struct root_move {
  move_request wanted;
  supervisor_actor supervisor;
  // As the import finds them:
  std::string from;  ///< the root's path as it is listed
  std::string to;    ///< without links
};

/// Tells the supervisor how far an import is, and whether it is stuck in a system call. An import
/// that waits for others is not at work. Thread-safe.
class import_gauge {
public:
  /// Work has begun, or gone on: from now on it takes time.
  void start() { since_ = std::chrono::steady_clock::now(); }
  void stop() { since_ = time_point{}; }
  bool exceeds(std::chrono::steady_clock::duration time) const {
    auto since = since_.load();
    return since != time_point{} && std::chrono::steady_clock::now() - since > time;
  }
  void set_scanned(std::uint64_t files) { scanned_ = files; }
  std::uint64_t scanned() const { return scanned_; }

private:
  using time_point = std::chrono::steady_clock::time_point;
  std::atomic<time_point> since_{time_point{}};
  std::atomic<std::uint64_t> scanned_{0};
};

/// Work until the end of the scope.
class working {
public:
  explicit working(import_gauge& gauge) : gauge_(gauge) { gauge_.start(); }
  working(const working&) = delete;
  working& operator=(const working&) = delete;
  ~working() { gauge_.stop(); }

private:
  import_gauge& gauge_;
};

/// The data folder, which an import must not ingest.
struct import_bounds {
  std::string data_folder;   ///< without links
  folder_identity excluded;  ///< the same
  std::string database;      ///< the tables
};

/// How soon an import looks again at files that changed while they were read.
inline constexpr std::chrono::milliseconds look_again_after{50};

struct importer_state {
  importer_state();
  ~importer_state();

  // Moving a watch root.
  /// Looks for a sample of the root's files in the new folder, and has the root moved.
  result<void> begin_move();
  /// Whether the new folder holds most of a sample of the root's files.
  result<void> check_sample();
  /// Whether there is anything to go on with, where the root was moved already.
  result<void> check_any_left();
  /// What did not come along is gone, wherever its disk is.
  result<void> end_move();

  /// Finds out what the paths are, before the first step.
  result<void> begin();
  /// Loads the problems that an import can find to be gone.
  result<void> load_problems();
  /// What is there, or is a problem still, is not gone.
  void keep_problems(const findings& met);
  /// Tells what problems are gone; whether there are any.
  bool tell_gone_problems();
  void step();
  /// The folder that was asked for, or the one of the file that was, from which a path is looked
  /// at.
  std::string root_of(const std::string& path) const;
  bool looked_everywhere() const { return named.empty() && walker->done(); }
  void send(findings batch);
  void observe(observation_batch batch);
  void taken(const observation_outcome& outcome);
  void look_again();
  void finish_if_done();
  void answer_all();

  importer_actor::pointer self = nullptr;
  std::shared_ptr<import_gauge> gauge;
  catalog_actor catalog;
  import_bounds bounds;
  bool begun = false;
  std::optional<tree_walker> walker;
  path_keyer key_of;
  findings found;                  ///< not yet sent, less than a batch
  std::size_t in_flight = 0;       ///< batches, at most import_batches_max
  std::vector<std::string> again;  ///< to be looked at again; bounded by what was in flight
  std::unordered_map<std::string, unsigned> tries;
  std::vector<std::string> asked;  ///< files and folders
  std::vector<std::string> named;  ///< of these, not yet looked at
  bool again_scheduled = false;
  std::chrono::milliseconds again_after = look_again_after;
  import_progress progress;
  std::optional<error> failure;
  /// The printable paths of known problems that were not met so far; at most 10,000 for each path
  /// that was asked for.
  std::set<std::string> gone_problems;
  std::optional<root_move> move;
  std::unique_ptr<database> tables;       ///< for a move
  std::optional<std::string> left_after;  ///< a move: what was left behind is told up to this path
  std::vector<caf::typed_response_promise<import_progress>> waiting;
  static inline const char* name = "importer";
};

/// How many batches an import has in flight.
inline constexpr std::size_t import_batches_max = 8;
/// How often a file that changes while it is read is looked at again before it is a problem.
inline constexpr unsigned import_tries_max = 20;

/// An import of files and folders. With `move`, of the new folder of a watch root: a file that is
/// where the root has an asset, with its size and time, is that asset and is not read.
importer_actor::behavior_type importer(importer_actor::stateful_pointer<importer_state> self,
                                       catalog_actor catalog, std::vector<std::string> paths,
                                       import_bounds bounds, std::optional<root_move> move,
                                       std::shared_ptr<import_gauge> gauge);

}  // namespace podstudio
