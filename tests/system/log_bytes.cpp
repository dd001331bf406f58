// SPDX-License-Identifier: MIT
#include "system/log_bytes.hpp"

#include "system/process.hpp"

#include <algorithm>
#include <filesystem>

namespace system_test {

namespace {

// Offsets in a header and in a frame.
constexpr std::size_t header_crc_at = header_bytes - 4;
constexpr std::size_t size_at = 4, prefix_crc_at = 8, rest_crc_at = 12, rest_at = 16;

/// CRC-32C (Castagnoli), a bit at a time.
std::uint32_t crc32c(const std::string& bytes, std::size_t begin, std::size_t end) {
  std::uint32_t crc = 0xffffffff;
  for (auto at = begin; at < end; ++at) {
    crc ^= static_cast<unsigned char>(bytes[at]);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

}  // namespace

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes.at(at + i))) << (8 * i);
  return number;
}

void put_number(std::string& bytes, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i)
    bytes.at(at + i) = static_cast<char>(number >> (8 * i));
}

std::vector<std::string> segments_of(const std::string& data_folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder + "/log"))
    if (entry.path().extension() == ".log") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::size_t> frames_of(const std::string& segment) {
  std::vector<std::size_t> starts{header_bytes};
  while (starts.back() + rest_at <= segment.size() && segment[starts.back()] != 0)
    starts.push_back(starts.back() + number_at(segment, starts.back() + size_at));
  return starts;
}

void seal_header(std::string& segment) {
  put_number(segment, header_crc_at, crc32c(segment, 0, header_crc_at));
}

void seal_frame(std::string& segment, std::size_t frame) {
  put_number(segment, frame + prefix_crc_at, crc32c(segment, frame, frame + prefix_crc_at));
  auto end = frame + number_at(segment, frame + size_at);
  put_number(segment, frame + rest_crc_at, crc32c(segment, frame + rest_at, end));
}

std::map<std::string, std::string> all_bytes(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[entry.path()] = read_file(entry.path());
  return files;
}

}  // namespace system_test
