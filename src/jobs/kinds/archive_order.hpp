// SPDX-License-Identifier: MIT
#pragma once

#include "archive/content.hpp"
#include "archive/signing.hpp"
#include "jobs/protocol.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the two kinds of jobs are told and answer that an export consists of, `archive_copy` and
/// `archive_verify`. Each is written and read here, the answers as hostile bytes.
namespace podstudio {

inline constexpr std::string_view archive_copy_kind = "archive_copy",
                                  archive_verify_kind = "archive_verify";

// --- archive_copy: copies files into one archive ---

/// How many files one job copies: each is an input of its own.
inline constexpr std::size_t archive_copy_files_max = job_inputs_max;

/// One file, in the order of the inputs.
struct archive_copy_file {
  std::uint64_t size_bytes = 0;
  std::uint64_t to_offset = 0;  ///< in the archive, which is output 0; both together fit an int64
  bool operator==(const archive_copy_file&) const = default;
};
/// 1 to archive_copy_files_max.
using archive_copy_order = std::vector<archive_copy_file>;

nlohmann::json to_parameters(const archive_copy_order& order);
/// Error: `invalid_argument`, naming the member.
result<archive_copy_order> parse_archive_copy_order(const nlohmann::json& parameters);

struct archive_copy_answer {
  std::vector<archive::content_sums> sums;  ///< of the files that were copied, in their order
  /// Why the file behind these was not, nor any after it: `changed` if it is shorter or longer than
  /// its size, `io_failed` if it cannot be read. Nothing: all were.
  std::optional<error> failure;
};

/// The result's facts.
nlohmann::json to_facts(const archive_copy_answer& answer);
/// What a worker answered for so many files. Error: `damaged`, naming the member.
result<archive_copy_answer> parse_archive_copy_answer(const nlohmann::json& facts,
                                                      std::size_t files);

// --- archive_verify: checks an archive, which is input 0 ---

/// Whose signature it has to have; nothing: none is looked for.
using archive_verify_order = std::optional<archive::public_key>;

nlohmann::json to_parameters(const archive_verify_order& order);
/// Error: `invalid_argument`.
result<archive_verify_order> parse_archive_verify_order(const nlohmann::json& parameters);

/// The longest text about a finding, in bytes.
inline constexpr std::size_t archive_finding_bytes_max = 1024;

struct archive_verify_answer {
  digest sha256{};  ///< of the whole file
  /// The first thing that is wrong with it, safe on a terminal; empty: it is intact.
  std::string finding;
};

nlohmann::json to_facts(const archive_verify_answer& answer);
/// Error: `damaged`, naming the member.
result<archive_verify_answer> parse_archive_verify_answer(const nlohmann::json& facts);

}  // namespace podstudio
