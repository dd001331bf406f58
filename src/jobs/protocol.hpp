// SPDX-License-Identifier: MIT
#pragma once

#include "platform/little_endian.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The frames between a service and a worker: their constants, and how each is built. WORKER.md has
/// the grammar. Numbers are little-endian. Both ends are of one build today; workers on other
/// machines will not be, so types and numbers are never used again.
namespace podstudio {

/// Sent by a worker as it starts; the service refuses another.
inline constexpr std::uint16_t worker_protocol_version = 1;

enum class worker_frame : std::uint8_t {
  // from the service
  order = 1,        ///< a job begins: its kind, and how much follows
  descriptors = 2,  ///< the next of its descriptors: inputs, then outputs
  parameters = 3,   ///< the next part of its parameters
  cancel = 4,       ///< the job is to end soon
  // from the worker
  ready = 16,        ///< the walls are up
  progress = 17,     ///< how much of the job is done
  log = 18,          ///< a line for people
  result = 19,       ///< the job is done: how much was written, and how much text follows
  result_text = 20,  ///< the next part of the result
  failure = 21,      ///< the job ends without a result
};

/// What is sent in one piece: a header and its payload.
struct worker_frame_header {
  std::uint32_t payload_bytes = 0;
  worker_frame type = worker_frame::order;
  std::uint16_t descriptors = 0;  ///< how many come beside the frame
  std::uint64_t job = 0;          ///< 0: none
};

// --- bounds ---

inline constexpr std::size_t worker_frame_header_bytes = 16;
/// The longest payload. A frame fits the send buffer of a socket (208 KiB by default) three times.
inline constexpr std::size_t worker_payload_bytes_max = std::size_t{64} << 10;
inline constexpr std::size_t worker_frame_bytes_max =
    worker_frame_header_bytes + worker_payload_bytes_max;
/// How many descriptors come beside one frame; the kernel passes 253 at most.
inline constexpr std::size_t frame_descriptors_max = 128;
/// The longest name of a kind, in bytes.
inline constexpr std::size_t kind_name_bytes_max = 64;
/// The longest JSON text of a job's parameters, in bytes.
inline constexpr std::size_t job_parameters_bytes_max = std::size_t{256} << 10;
/// The longest JSON text of a job's result, in bytes. What is longer is written to an output.
inline constexpr std::size_t job_result_bytes_max = std::size_t{4} << 20;
/// How many descriptors a job is given: a batch has an input for each of its files.
inline constexpr std::size_t job_inputs_max = 256;
inline constexpr std::size_t job_outputs_max = 512;
/// The longest line of a worker's log and the longest text of a failure, in bytes.
inline constexpr std::size_t worker_line_bytes_max = 1024;
/// How many lines a worker may send for one job. One of ours drops what is more.
inline constexpr std::size_t job_log_lines_max = 4096;

// --- endings ---

/// How a job ended. A worker says one of the first group in a failure frame; the numbers are those
/// of the frame. What the service finds out by itself is in the second.
enum class job_ending : std::uint8_t {
  completed = 0,       ///< there is a result
  cancelled = 1,       ///< as the service asked
  bad_parameters = 2,  ///< the kind refuses its parameters
  unknown_kind = 3,    ///< the worker has no such kind
  bad_input = 4,       ///< the content cannot be read: damaged, cut, not what it says it is
  unsupported = 5,     ///< the content is of a form that the kind does not know
  out_of_memory = 6,   ///< the job takes more memory than it is given
  output_full = 7,     ///< the job writes more than it may, or the disk is full
  io_failed = 8,       ///< reading an input or writing an output failed
  forbidden_call = 9,  ///< the worker made a system call that the sandbox forbids
  no_sandbox = 10,     ///< the worker could not lock itself in, so it took no job
  defect = 11,         ///< an exception or another defect of ours

  not_started = 32,  ///< there is no worker to run it, or it did not take the job
  timed_out = 33,    ///< it took longer than it may
  cpu_limit = 34,    ///< it used more processor time than it may
  crashed = 35,      ///< the worker died by a signal of its own doing
  killed = 36,       ///< somebody else killed the worker
  exited = 37,       ///< the worker left in the middle of a job
  bad_answer = 38,   ///< the worker said what no worker says; it was ended
};

/// The word for an ending, such as "timed_out".
std::string_view to_string(job_ending ending) noexcept;

/// Whether a failure frame may carry it.
constexpr bool is_workers_to_say(std::uint8_t ending) noexcept {
  return ending >= static_cast<std::uint8_t>(job_ending::cancelled)
         && ending <= static_cast<std::uint8_t>(job_ending::defect);
}

// --- building frames ---

/// The bytes of a header. Async-signal-safe.
std::array<char, worker_frame_header_bytes> pack(const worker_frame_header& header) noexcept;

/// The header of a frame that arrived whole; nothing where it is shorter than a header, or as long
/// as its header does not say, or longer than a frame may be. The type may be one that is unknown.
std::optional<worker_frame_header> unpack(std::string_view frame) noexcept;

/// What an `order` frame holds.
struct order_header {
  std::string kind;                    ///< a-z, 0-9 and _; 1 to kind_name_bytes_max bytes
  std::uint16_t inputs = 0;            ///< up to job_inputs_max
  std::uint16_t outputs = 0;           ///< up to job_outputs_max
  std::uint32_t parameters_bytes = 0;  ///< up to job_parameters_bytes_max
};

bool is_kind_name(std::string_view name) noexcept;

/// What is sent for a job after its order, in this order: descriptors and parameters.
std::string make_order(std::uint64_t job, const order_header& order);
/// Frames without a payload of their own.
std::string make_descriptors(std::uint64_t job, std::size_t count);
std::string make_cancel(std::uint64_t job);
/// `type` is `parameters` or `result_text`; `part` is at most worker_payload_bytes_max bytes.
std::string make_text(worker_frame type, std::uint64_t job, std::string_view part);

/// What a worker says of its walls as it starts.
struct walls_report {
  /// The version of Landlock's interface that the kernel has; 0 where it has none.
  std::uint8_t landlock = 0;
  bool filter = false;  ///< whether system calls are filtered
  bool operator==(const walls_report&) const = default;
};

std::string make_ready(const walls_report& walls);
/// 0 to 100.
std::string make_progress(std::uint64_t job, unsigned percent);
/// UTF-8 without NUL, 1 to worker_line_bytes_max bytes.
std::string make_log(std::uint64_t job, std::string_view line);

/// The text that follows is `text_bytes` long, at most job_result_bytes_max; `written` says how
/// many bytes were written to each output.
std::string make_result(std::uint64_t job, std::uint32_t text_bytes,
                        std::span<const std::uint64_t> written);

/// What a `failure` frame holds.
struct failure_body {
  job_ending ending = job_ending::defect;
  /// With `forbidden_call`, the number of the system call; else 0.
  std::uint32_t system_call = 0;
  std::string text;  ///< UTF-8 without NUL, at most worker_line_bytes_max bytes; may be empty
};
inline constexpr std::size_t failure_fixed_bytes = 8;

std::string make_failure(std::uint64_t job, const failure_body& failure);

/// What a line or a failure may say of a text: as much of its beginning as fits
/// worker_line_bytes_max, with control characters and bytes that are not UTF-8 made visible.
std::string as_worker_line(std::string_view text);

}  // namespace podstudio
