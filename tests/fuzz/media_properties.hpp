// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

/// Properties of what reads media.
namespace fuzz {

/// A whole file of any format: its structure, and who made it.
bool media_walk(std::span<const std::uint8_t> input);

/// A text that a file carries. where:u8 key-size:u8 key text; with where 7 a C2PA manifest store,
/// with where 2 an XMP packet.
bool media_text(std::span<const std::uint8_t> input);

/// What a worker answers.
bool media_answer(std::span<const std::uint8_t> input);

/// What a job of the kind `metadata_extract` answers. files:u8 preview-kilobytes:u16 lines.
bool metadata_answer(std::span<const std::uint8_t> input);

}  // namespace fuzz
