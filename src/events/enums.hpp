// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace podstudio {

// The enumerations of the tables. The numbers are in the log and the words in the tables: append,
// never renumber, never reword.

enum class asset_type : std::uint8_t { image, audio, video };
enum class provenance : std::uint8_t { unknown, ai_generated, user_provided, enhanced };
enum class license_type : std::uint8_t { royalty_free, attribution, commercial, personal };
enum class job_kind : std::uint8_t {
  upscale,
  denoise_audio,
  denoise_video,
  enhance,
  export_pack,
  metadata_extract
};
enum class job_status : std::uint8_t { pending, running, completed, failed, cancelled };
/// Why a file could not be ingested, or a root not be followed; see `problem.found`.
enum class problem_kind : std::uint8_t {
  bad_name,     ///< the name is no valid UTF-8, so it cannot stand in a TEXT column
  unreadable,   ///< the system denies reading it
  io_failed,    ///< reading it failed
  unstable,     ///< it kept changing while it was read
  link_loop,    ///< a symbolic link that leads back to a folder it lies in
  watch_limit,  ///< the system's limit of watched folders is reached
  scan_held,    ///< so much is gone that it is not believed before somebody confirms it
  root_lost,    ///< a watched folder is not there, is another one, or cannot be read
};

/// The words of an enumeration, in the order of its values.
template <class E>
inline constexpr std::array<std::string_view, 0> enum_words{};
template <>
inline constexpr auto enum_words<asset_type> = std::to_array<std::string_view>({"image", "audio",
                                                                                "video"});
template <>
inline constexpr auto enum_words<provenance> =
    std::to_array<std::string_view>({"unknown", "ai_generated", "user_provided", "enhanced"});
template <>
inline constexpr auto enum_words<license_type> =
    std::to_array<std::string_view>({"royalty_free", "attribution", "commercial", "personal"});
template <>
inline constexpr auto enum_words<job_kind> = std::to_array<std::string_view>(
    {"upscale", "denoise_audio", "denoise_video", "enhance", "export_pack", "metadata_extract"});
template <>
inline constexpr auto enum_words<job_status> =
    std::to_array<std::string_view>({"pending", "running", "completed", "failed", "cancelled"});
template <>
inline constexpr auto enum_words<problem_kind> =
    std::to_array<std::string_view>({"bad_name", "unreadable", "io_failed", "unstable", "link_loop",
                                     "watch_limit", "scan_held", "root_lost"});

/// How many values an enumeration has. One without words is a number, from 0 on.
template <class E>
inline constexpr std::size_t enum_count = enum_words<E>.size();
template <class E>
inline constexpr bool is_number = enum_words<E>.empty();

/// Whether the value is one the enumeration has; a decoded byte may be any.
template <class E>
constexpr bool is_named(E value) noexcept {
  return static_cast<std::size_t>(value) < enum_count<E>;
}

/// The word of a named value.
template <class E>
constexpr std::string_view word(E value) noexcept {
  return enum_words<E>[static_cast<std::size_t>(value)];
}

/// The value of a word, or nothing.
template <class E>
constexpr std::optional<E> from_word(std::string_view text) noexcept {
  for (std::size_t i = 0; i < enum_words<E>.size(); ++i)
    if (enum_words<E>[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace podstudio
