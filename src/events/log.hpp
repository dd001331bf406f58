#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The event log: the only thing the rest of the engine needs to know of it. LOG_FORMAT.md is its
/// page. All paths are folders or files on a local file system; no function throws for damaged or
/// missing data.
namespace podstudio {

class file_system;  // events/file_system.hpp: everything the log does to disk

struct log_options {
  /// Where a segment is closed; only a group that is larger by itself makes a larger segment.
  std::uint64_t segment_size_bytes = 64u << 20;
  std::uint64_t allocation_bytes = 4u << 20;  ///< space is zero-filled this far ahead at a time
};

/// The largest frame in bytes; `append` refuses a command above it before anything is written.
inline constexpr std::uint64_t max_frame_bytes = 16u << 20;

/// What opening the log found and did, for the service log and `status`.
struct recovery_report {
  std::uint64_t frames = 0;  ///< in the whole log
  std::uint64_t segments = 0;
  bool clean_stop = false;            ///< the last event is engine.stopped
  std::uint64_t truncated_bytes = 0;  ///< torn tail that was set aside
  std::string truncated_copy;         ///< where its copy is; empty when nothing was truncated
};

/// The only writer. Not thread-safe: one owner (the journal actor).
class log_writer {
public:
  /// Opens or creates the log in `folder` and recovers it: re-syncs what is read back, truncates a
  /// torn tail by the rules of LOG_FORMAT.md after setting a copy aside, and stops on anything
  /// else. `checkpoint` is what the tables say they hold; a checkpoint ahead of the log or of
  /// another chain is damage. Errors: `damaged`, `newer_version` (both name file, offset and
  /// sequence, and leave every byte as it is), `disk_full`, `io_failed`, `not_permitted`.
  static result<std::unique_ptr<log_writer>> open(file_system& files, const std::string& folder,
                                                  const log_options& options,
                                                  const std::optional<log_head>& checkpoint,
                                                  recovery_report& report);
  virtual ~log_writer() = default;

  /// Writes a group of commands, one frame each, with one write, and syncs it once; none is
  /// acknowledged before all are durable. Returns them committed, in order. `at_us` is the time
  /// stamped on all of them. When `sync` is false the frames ride along with a later sync (job
  /// progress). Errors: `invalid_argument` (an empty or oversized command, or an event
  /// `check_event` refuses) and `disk_full`, or what creating the next segment's file failed with,
  /// before anything is written, and the writer goes on; `outcome_unknown` after a failed write or
  /// sync, and the writer refuses everything from then on.
  virtual result<std::vector<committed_command>>
  append(std::span<const std::shared_ptr<const command>> group, std::int64_t at_us,
         bool sync = true) = 0;

  /// Makes sure that at least `bytes` of frames can be written into space that is already
  /// allocated, zero-filled and synced, in this segment or a prepared next one. Errors:
  /// `disk_full`, and nothing is lost and it can be called again; `invalid_argument` for more than
  /// a segment holds; `outcome_unknown` as for `append`.
  virtual result<void> reserve(std::uint64_t bytes) = 0;

  /// How many bytes of frames can surely be appended without allocating, in groups of any size.
  virtual std::uint64_t reserved_bytes() const noexcept = 0;

  virtual log_head head() const noexcept = 0;
  virtual std::uint64_t segments() const noexcept = 0;
  virtual std::uint64_t
  size_bytes() const noexcept = 0;  ///< frames and headers, without preallocated space
};

/// Where a frame stands.
struct frame_location {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

/// Reads committed commands in order, one segment mapped or buffered at a time (memory bounded by
/// the largest frame). Also reads a log that another process is writing: it ends at the last whole
/// frame.
class log_reader {
public:
  /// Positions before the first frame that holds a sequence >= `from` (1 reads all). The chain of
  /// hashes is checked from there on.
  static result<std::unique_ptr<log_reader>> open(file_system& files, const std::string& folder,
                                                  sequence_number from = 1);
  virtual ~log_reader() = default;

  /// The next command, or nothing at the end of the log (call again later for what came since).
  /// Errors as in `log_writer::open`; after one the reader stays at it.
  virtual result<std::optional<committed_command>> next() = 0;

  /// Of the command `next` returned last.
  virtual const frame_location& location() const noexcept = 0;
};

/// The outcome of a whole-log check.
struct verify_report {
  log_head head;
  std::uint64_t frames = 0;
  std::uint64_t events = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
  bool torn_tail = false;  ///< bytes after the head that recovery would set aside
};

/// Checks every checksum, hash, sequence and header from the first segment on; streams, in constant
/// memory. Works beside a running service. `progress` (may be empty) is called now and then with
/// the bytes done and the bytes in all. Error: as in `log_writer::open`, with the exact place.
result<verify_report>
verify_log(file_system& files, const std::string& folder,
           const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace podstudio
