// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/protocol.hpp"
#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a job of the kind `metadata_extract` is told: to read the facts of its inputs, and to make
/// their previews.
namespace podstudio {

inline constexpr std::string_view metadata_extract_kind = "metadata_extract";
/// How many files one job reads: each is an input of its own.
inline constexpr std::size_t metadata_files_max = job_inputs_max;
/// Bytes of a file name's extension; the longest that means anything to the engine has four.
inline constexpr std::size_t metadata_extension_bytes_max = 16;

/// One file, in the order of the inputs.
struct metadata_file {
  std::uint64_t size_bytes = 0;  ///< at most INT64_MAX; what lies beyond is not read
  std::string extension{};       ///< of its name, without a dot; UTF-8, may be empty
  bool operator==(const metadata_file&) const = default;
};

struct metadata_order {
  std::vector<metadata_file> files{};  ///< 1 to metadata_files_max
  /// The edges of the previews to make of each file: at most media::previews_max different ones,
  /// each from 1 to media::preview_edge_px_max.
  std::vector<std::uint32_t> preview_edges_px{};
  bool skip_own_previews = false;  ///< see `media::is_own_preview`
  bool operator==(const metadata_order&) const = default;
};

/// Output 0 takes the lines of metadata_answer.hpp; output 1, which there is where previews are
/// ordered, takes all previews.
inline std::size_t outputs_of(const metadata_order& order) noexcept {
  return order.preview_edges_px.empty() ? 1 : 2;
}

/// The parameters of the job, within job_parameters_bytes_max.
nlohmann::json to_parameters(const metadata_order& order);

/// The reverse, with each bound checked, and nothing accepted that is not known. Error:
/// `invalid_argument`, naming the member.
result<metadata_order> parse_metadata_order(const nlohmann::json& parameters);

}  // namespace podstudio
