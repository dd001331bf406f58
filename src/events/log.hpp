// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"
#include "platform/text.hpp"

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The event log, as the rest of the engine sees it. See LOG_FORMAT.md. All paths are folders or
/// files on a local file system; no function throws for damaged or missing data.
namespace podstudio {

class file_system;  // events/file_system.hpp: everything the log does to disk

struct log_options {
  /// Where a segment is closed; only a group that is larger by itself makes a larger segment.
  std::uint64_t segment_size_bytes = 64u << 20;
  std::uint64_t allocation_bytes = 4u << 20;  ///< space is zero-filled this far ahead at a time
  /// Runs the preparation of the next segment, which takes as long as writing a segment of zeros,
  /// beside the writer; empty: in a thread of its own, so the file system is then used by two
  /// threads at a time. What it returns is waited for when the segment is needed. Where it throws,
  /// or the future does, nothing is prepared.
  std::function<std::future<void>(std::function<void()>)> run_beside = {};
  /// The log's identity and the epochs of its segments come from the one, the times of its files
  /// from the other; a test that replaces both can have every byte again.
  std::function<uuid()> new_uuid = make_uuid;
  std::function<std::int64_t()> clock_us = now_us;
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
  /// sequence, and leave every byte as it is), `in_use` (another process writes to the folder,
  /// whether it holds other locks or not), `disk_full`, `io_failed`, `not_permitted`.
  static result<std::unique_ptr<log_writer>> open(file_system& files, const std::string& folder,
                                                  const log_options& options,
                                                  const std::optional<log_head>& checkpoint,
                                                  recovery_report& report);
  virtual ~log_writer() = default;

  /// Writes a group of commands, one frame each, with one write, and syncs it once; none is
  /// acknowledged before all are durable. Returns them committed, in order. `at_us` is the time
  /// stamped on all of them. When `sync` is false the frames ride along with a later sync (job
  /// progress). Errors: `invalid_argument` (an empty or oversized command, an event `check_event`
  /// refuses, or a time that has no timestamp) and `disk_full`, or what making the next segment's
  /// file failed with, before anything is written, and the writer goes on; `outcome_unknown` after
  /// a failed write or sync of a segment, or where the segment was removed, replaced, cut or
  /// overwritten by somebody else, and the writer refuses everything from then on.
  virtual result<std::vector<committed_command>>
  append(std::span<const std::shared_ptr<const command>> group, std::int64_t at_us,
         bool sync = true) = 0;

  /// Makes durable what was written without a sync; nothing where all is. Error: `outcome_unknown`
  /// as for `append`.
  virtual result<void> sync() = 0;

  /// Makes sure that at least `bytes` of frames can be written into space that is already
  /// allocated, zero-filled and synced, in this segment or a prepared next one. Errors:
  /// `disk_full`, and nothing is lost and it can be called again; what making the next segment's
  /// file failed with, and what was reserved there is not any more; `invalid_argument` for more
  /// than a segment holds; `outcome_unknown` as for `append`.
  virtual result<void> reserve(std::uint64_t bytes) = 0;

  /// How many bytes of frames can surely be appended without allocating, in groups of any size.
  virtual std::uint64_t reserved_bytes() const noexcept = 0;

  virtual log_head head() const noexcept = 0;
  /// The head as far as it is durable; frames written without a sync lie between it and `head`.
  virtual log_head durable_head() const noexcept = 0;
  virtual std::uint64_t segments() const noexcept = 0;
  virtual std::uint64_t
  size_bytes() const noexcept = 0;  ///< frames and headers, without preallocated space
};

/// Where a frame is.
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

/// Reads committed commands as `log_reader` does, from the newest to the oldest; starts with the
/// one that holds the sequence `to`, or the log's last. What is written after it was opened is not
/// seen.
result<std::unique_ptr<log_reader>> open_backwards(file_system& files, const std::string& folder,
                                                   sequence_number to);

/// Where the log ends, made durable, so that whoever notes it finds it again after a crash; {0,
/// zeros} for one without frames. Reads the last segment only.
result<log_head> read_head(file_system& files, const std::string& folder);

/// Every durable command from a sequence on: first the existing ones, then each new one.
class log_subscription {
public:
  /// Waits, in bounded time, until more than the given sequence is durable; the last one that is.
  using wait_function = std::function<result<sequence_number>(sequence_number)>;

  static result<log_subscription> open(file_system& files, const std::string& folder,
                                       sequence_number from, wait_function wait);

  /// The next command; nothing when the time of a wait passed without one. Errors: those of the
  /// reader and of the wait.
  result<std::optional<committed_command>> next();

private:
  log_subscription(std::unique_ptr<log_reader> reader, sequence_number given, wait_function wait)
      : reader_(std::move(reader)), wait_(std::move(wait)), given_(given) {}

  std::unique_ptr<log_reader> reader_;
  wait_function wait_;
  sequence_number given_ = 0;                    ///< the last sequence that was returned
  sequence_number durable_ = 0;                  ///< as the last wait said
  std::optional<committed_command> read_ahead_;  ///< read, and not known to be durable
};

/// What a check has found so far, or in total.
struct verify_report {
  log_head head;
  std::uint64_t frames = 0;
  std::uint64_t events = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
  bool torn_tail = false;  ///< bytes after the head that recovery would set aside
};

struct verify_options {
  /// A head noted earlier that this log must have had: a log whose end was cut off, or that was
  /// written anew with right checksums, fails this.
  std::optional<log_head> expect = {};
  /// Only what comes before this sequence is checked.
  sequence_number before = UINT64_MAX;
};

/// Checks every checksum, hash, sequence, header and event body from the first segment on, a piece
/// at a time and in constant memory. Works beside a running service.
class log_verifier {
public:
  static result<std::unique_ptr<log_verifier>> open(file_system& files, const std::string& folder,
                                                    const verify_options& options = {});
  virtual ~log_verifier() = default;

  /// Checks at most 256 frames more, or as many as make a MiB; whether there are more to check. The
  /// head that is reported at the log's end is durable. Errors: as in `log_writer::open`, with the
  /// exact place.
  virtual result<bool> step() = 0;

  virtual const verify_report& report() const noexcept = 0;
  /// How much there is to check, about.
  virtual std::uint64_t total_bytes() const noexcept = 0;
};

/// The same at once. `progress` (may be empty) is called now and then with the bytes done and the
/// bytes in all.
result<verify_report>
verify_log(file_system& files, const std::string& folder, const verify_options& options = {},
           const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

/// The first sequence of the last segment: what comes before it is sealed. 1 where there is none.
result<sequence_number> sealed_before(file_system& files, const std::string& folder);

}  // namespace podstudio
