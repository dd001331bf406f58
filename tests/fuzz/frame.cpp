// SPDX-License-Identifier: MIT
#include "properties.hpp"

#include "events/codec.hpp"
#include "events/crc32c.hpp"
#include "events/log.hpp"
#include "support/allocation_watch.hpp"

using namespace podstudio;

namespace fuzz {

namespace {

// LOG_FORMAT.md has the offsets.
constexpr std::size_t size_at = 4, prefix_crc_at = 8, rest_crc_at = 12, epoch_at = 16;
constexpr std::size_t command_at = 80;
constexpr std::size_t header_crc_at = segment_header_bytes - 4;

bool is_current(const command& what, const_bytes bytes) {
  // No two events of one type may differ in version here, so it is enough to look for the names.
  for (auto& each : what.events) {
    std::string record(event_name(each));
    record += static_cast<char>(event_version(each) & 0xff);
    if (text_of(bytes).find(record) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

void repair_header(std::string& header) {
  overwrite(header, header_crc_at, crc32c(header.data(), header_crc_at));
}

void repair_frame(std::string& bytes, std::size_t at, std::size_t size) {
  auto claimed = static_cast<std::uint32_t>(size);
  overwrite(bytes, at + size_at, claimed);
  overwrite(bytes, at + size - sizeof claimed, claimed);
  overwrite(bytes, at + prefix_crc_at, crc32c(bytes.data() + at, prefix_crc_at));
  overwrite(bytes, at + rest_crc_at, crc32c(bytes.data() + at + epoch_at, size - epoch_at));
}

bool frame(const_bytes input) {
  input_cursor cursor(input);
  bool repair = cursor.take_byte() != 0;
  std::string bytes(text_of(cursor.rest()));
  if (repair) {
    if (bytes.empty()) return false;
    if (bytes[0] == 0) bytes[0] = command_frame;
    auto whole = (bytes.size() + frame_alignment_bytes - 1) / frame_alignment_bytes;
    bytes.resize(std::max(whole * frame_alignment_bytes, min_frame_bytes));
    repair_frame(bytes, 0, bytes.size());
  }
  auto whole = bytes_of(bytes);
  auto size = frame_size(whole);
  require(!repair || size == bytes.size(), "a frame with right checksums has no size");
  if (!size || *size > bytes.size()) return false;
  whole = whole.first(*size);
  if (!is_intact(whole)) return false;

  allocation_watch watch;
  log_place place{"file", 0, 1};
  auto checked = check_frame(whole, place);
  auto decoded = decode_frame(whole, place);
  auto last = last_event_name(whole);
  require(watch.largest_bytes() <= allowed_allocation(bytes.size()),
          "decoding allocates more than the frame holds");
  if (!decoded) {
    auto code = decoded.failure().code;
    require(code == error_code::damaged || code == error_code::newer_version,
            "a frame is refused with another error: " + decoded.failure().message);
    return false;
  }
  require(bool(checked), "a frame that is decoded does not pass the check");
  require(decoded->request.has_value() == ((whole[1] & has_request) != 0),
          "the flag of a frame says another thing of the request than the frame has");
  require(last == event_name(decoded->events.back()), "the last event is another one");
  require(read_frame_header(whole).event_count == decoded->events.size(), "events are missing");
  std::string again;
  require(bool(append_frame(*decoded, again)), "the writer would refuse what was decoded");
  if (is_current(*decoded, whole))
    require(text_of(whole).substr(command_at) == std::string_view(again).substr(command_at),
            "a command has two encodings");
  return true;
}

bool segment_header(const_bytes input) {
  input_cursor cursor(input);
  bool repair = cursor.take_byte() != 0;
  std::string bytes(text_of(cursor.rest()));
  if (repair) {
    bytes.resize(segment_header_bytes);
    repair_header(bytes);
  }
  allocation_watch watch;
  auto decoded = decode_segment_header(bytes_of(bytes), {"file", 0, 1});
  require(watch.largest_bytes() <= allowed_allocation(bytes.size()),
          "decoding allocates more than the header holds");
  if (!decoded) {
    auto code = decoded.failure().code;
    require(code == error_code::damaged || code == error_code::newer_version,
            "a header is refused with another error: " + decoded.failure().message);
    return false;
  }
  require(encode_segment_header(*decoded) == bytes.substr(0, segment_header_bytes),
          "a header has two encodings");
  return true;
}

}  // namespace fuzz
