// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// The log's bytes as src/events/LOG_FORMAT.md has them, read and written without the engine's
/// code.
namespace system_test {

inline constexpr std::size_t header_bytes = 4096;

std::uint32_t number_at(const std::string& bytes, std::size_t at);
void put_number(std::string& bytes, std::size_t at, std::uint32_t number);

/// The paths of a log's segments, in order.
std::vector<std::string> segments_of(const std::string& data_folder);
/// Where each frame of a segment begins, and behind the last where free space does.
std::vector<std::size_t> frames_of(const std::string& segment);
/// Makes the checksums right again after the segment's header, or the frame that begins at `frame`,
/// was changed.
void seal_header(std::string& segment);
void seal_frame(std::string& segment, std::size_t frame);

/// The bytes of every file below a folder, by path.
std::map<std::string, std::string> all_bytes(const std::string& folder);

}  // namespace system_test
