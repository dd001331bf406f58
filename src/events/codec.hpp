// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Converts events to and from bytes (cereal's portable binary form, little-endian) and to JSON.
/// EVENTS.md describes the encoding and the rules by which it evolves.
namespace podstudio {

/// The longest string an event may hold. `params_json` is the largest in practice.
inline constexpr std::size_t max_string_bytes = 64u << 10;
/// The longest blob: with it, a command still fits `max_command_bytes`.
inline constexpr std::size_t max_blob_bytes = 6u << 20;

/// The frozen name of the event's type.
std::string_view event_name(const event& what) noexcept;
/// The version its encoding is written in.
std::uint16_t event_version(const event& what) noexcept;

/// Whether the log can hold the event, that is, whether `decode_event` would take its body: strings
/// are UTF-8 and at most `max_string_bytes`, enum values are named, numbers are finite, ids and
/// times are within the bounds of their fields. Error: `invalid_argument`, naming the field.
result<void> check_event(const event& what);

/// Appends the event's body to `out`. The event is one that `check_event` accepts.
void encode_event(const event& what, std::string& out);

/// Whether this build decodes bodies of that type and version. Error: `newer_version`.
result<void> check_event_known(std::string_view name, std::uint16_t version);

/// The event of a body. Never allocates more than the body holds. Errors: `newer_version` for a
/// name or a version this build does not know; `damaged` for a body that is short, long, or holds a
/// value no writer writes (an unnamed enum value, a string that is no UTF-8, a number that is not
/// finite, an id or a time out of bounds).
result<event> decode_event(std::string_view name, std::uint16_t version,
                           std::span<const std::uint8_t> body);

/// The event's fields as a JSON object: digests in hex, enums as words, absent values as null, a
/// blob as its size and digest.
nlohmann::json to_json(const event& what);

}  // namespace podstudio
