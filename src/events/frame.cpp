// SPDX-License-Identifier: MIT
#include "events/frame.hpp"

#include "events/codec.hpp"
#include "events/crc32c.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"

#include <openssl/evp.h>

#include <cassert>
#include <concepts>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace podstudio {

namespace {

constexpr std::string_view segment_magic = "PODSTLOG";
constexpr std::size_t segment_crc_at = segment_header_bytes - 4;

// Offsets within a frame.
constexpr std::size_t size_at = 4, prefix_crc_at = 8, rest_crc_at = 12, epoch_at = 16,
                      first_sequence_at = 24, synced_to_at = 32, at_us_at = 40,
                      previous_hash_at = 48, command_at = 80, event_count_at = 96,
                      origin_size_at = 100, summary_size_at = 102;
static_assert(summary_size_at + 2 == frame_header_bytes);

constexpr std::size_t max_origin_bytes = 0xffff, max_summary_bytes = 0xffff;

template <std::unsigned_integral T>
void put(std::uint8_t* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

template <std::unsigned_integral T>
T get(const std::uint8_t* at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(at[i]) << (8 * i)));
  return value;
}

std::uint8_t* bytes_of(std::string& text) noexcept {
  return reinterpret_cast<std::uint8_t*>(text.data());
}

template <std::unsigned_integral T>
void append(std::string& out, T value) {
  auto at = out.size();
  out.resize(at + sizeof(T));
  put(bytes_of(out) + at, value);
}

/// Takes values off the front of bytes, and stops at their end.
class byte_cursor {
public:
  explicit byte_cursor(const_bytes bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  bool take(T& value) noexcept {
    if (rest_.size() < sizeof(T)) return false;
    value = get<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return true;
  }
  bool take(const_bytes& bytes, std::size_t size) noexcept {
    if (rest_.size() < size) return false;
    bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  const_bytes rest() const noexcept { return rest_; }

private:
  const_bytes rest_;
};

std::string_view text_of(const_bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool all_zero(const_bytes bytes) noexcept {
  for (auto byte : bytes)
    if (byte != 0) return false;
  return true;
}

struct event_record {
  std::string_view name;
  std::uint16_t version = 0;
  const_bytes body;
};

bool take_event(byte_cursor& cursor, event_record& record) noexcept {
  std::uint8_t name_size = 0;
  std::uint32_t body_size = 0;
  const_bytes name;
  if (!cursor.take(name_size) || !cursor.take(name, name_size) || !cursor.take(record.version)
      || !cursor.take(body_size) || !cursor.take(record.body, body_size))
    return false;
  record.name = text_of(name);
  return true;
}

/// What stands in a frame before its events.
struct frame_texts {
  const_bytes origin, summary;
  const_bytes request;  ///< 32 bytes, or none
};

/// Checks the type and the time of an intact frame, then takes its variable part in order: the
/// texts, then each event, then padding. Calls `each(record)` for the events until it fails.
template <class Each>
result<void> walk_frame(const_bytes frame, const log_place& place, frame_texts& texts, Each each) {
  auto broken = [&](const char* found) {
    return damage(place, "a frame whose parts fill it", found);
  };
  auto flags = get<std::uint32_t>(frame.data()) >> 8;
  if (frame[0] != command_frame || (flags & ~has_request) != 0)
    return error{
        error_code::newer_version,
        "'" + place.file + "' has at offset " + std::to_string(place.offset) + " a frame of type "
            + std::to_string(frame[0]) + " with flags " + std::to_string(flags)
            + ", which this version does not know; use the PODStudio version that wrote it, or a "
              "later one"};
  auto at_us = static_cast<std::int64_t>(get<std::uint64_t>(frame.data() + at_us_at));
  if (at_us < timestamp_us_min || at_us > timestamp_us_max)
    return damage(place, "a time from the year 1 to 9999",
                  std::to_string(at_us) + " microseconds since 1970");
  byte_cursor cursor(
      frame.subspan(frame_header_bytes, frame.size() - frame_header_bytes - sizeof(std::uint32_t)));
  if (!cursor.take(texts.origin, get<std::uint16_t>(frame.data() + origin_size_at))
      || !cursor.take(texts.summary, get<std::uint16_t>(frame.data() + summary_size_at)))
    return broken("an origin or a summary that runs over its end");
  if ((flags & has_request) != 0 && !cursor.take(texts.request, sizeof(digest)))
    return broken("a digest of the request that runs over its end");
  auto count = get<std::uint32_t>(frame.data() + event_count_at);
  if (count == 0 || count > max_events_per_command) return broken("an impossible number of events");
  for (std::uint32_t i = 0; i < count; ++i) {
    event_record record;
    if (!take_event(cursor, record)) return broken("an event that runs over its end");
    if (result<void> outcome = each(record); !outcome) {
      auto failure = outcome.failure();
      failure.message = "'" + place.file + "', offset " + std::to_string(place.offset)
                        + ", sequence " + std::to_string(place.sequence + i) + ": "
                        + failure.message;
      return failure;
    }
  }
  if (cursor.rest().size() >= frame_alignment_bytes || !all_zero(cursor.rest()))
    return broken("bytes behind its last event");
  return {};
}

/// Bytes from the size to the end of the frame, checksummed as one.
std::uint32_t rest_crc(const_bytes frame) noexcept {
  auto rest = frame.subspan(epoch_at);
  return crc32c(rest.data(), rest.size());
}

error invalid_command(const command& what, const std::string& why) {
  return {error_code::invalid_argument,
          "the command '" + printable(what.summary) + "' cannot be logged: " + why};
}

result<void> check_command(const command& what) {
  if (what.events.empty()) return invalid_command(what, "it has no events");
  if (what.events.size() > max_events_per_command)
    return invalid_command(what, "it has more than " + std::to_string(max_events_per_command)
                                     + " events; split it");
  if (what.origin.size() > max_origin_bytes || what.summary.size() > max_summary_bytes
      || !is_utf8(what.origin) || !is_utf8(what.summary))
    return invalid_command(what,
                           "its origin or summary is not UTF-8 or is longer than 65,535 bytes");
  return {};
}

/// One event record; its size is bounded by the bounds of its strings.
result<void> append_event(const event& what, std::string& out) {
  if (auto fit = check_event(what); !fit) return fit;
  auto name = event_name(what);
  assert(name.size() <= 0xff);
  append(out, static_cast<std::uint8_t>(name.size()));
  out += name;
  append(out, event_version(what));
  auto length_at = out.size();
  append(out, std::uint32_t{0});
  encode_event(what, out);
  auto body_size = out.size() - length_at - sizeof(std::uint32_t);
  put(bytes_of(out) + length_at, static_cast<std::uint32_t>(body_size));
  return {};
}

result<void> append_parts(const command& what, std::size_t start, std::string& out) {
  out.append(frame_header_bytes, '\0');
  out += what.origin;
  out += what.summary;
  if (what.request) out.append(what.request->begin(), what.request->end());
  for (auto& each : what.events) {
    if (auto appended = append_event(each, out); !appended) return appended;
    if (out.size() - start > max_frame_bytes - 16)
      return invalid_command(what, "it is longer than " + std::to_string(max_frame_bytes >> 20)
                                       + " MiB; split it");
  }
  return {};
}

}  // namespace

std::string encode_segment_header(const segment_header& header) {
  std::string out(segment_magic);
  append(out, log_format_version);
  append(out, static_cast<std::uint32_t>(segment_header_bytes));
  out.append(header.log.begin(), header.log.end());
  append(out, header.number);
  append(out, header.first_sequence);
  append(out, header.previous.sequence);
  out.append(header.previous.hash.begin(), header.previous.hash.end());
  append(out, header.previous_end);
  append(out, header.frames_before);
  append(out, header.bytes_before);
  append(out, header.epoch);
  append(out, static_cast<std::uint64_t>(header.created_us));
  assert(out.size() <= segment_crc_at);
  out.resize(segment_crc_at);
  append(out, crc32c(out.data(), out.size()));
  return out;
}

result<segment_header> decode_segment_header(const_bytes bytes, const log_place& place) {
  if (bytes.size() < segment_header_bytes)
    return damage(place, "a segment header of 4096 bytes", std::to_string(bytes.size()) + " bytes");
  bytes = bytes.first(segment_header_bytes);
  if (text_of(bytes.first(segment_magic.size())) != segment_magic)
    return damage(place, "a segment header that starts with PODSTLOG",
                  "0x" + to_hex(bytes.data(), segment_magic.size()));
  auto expected = crc32c(bytes.data(), segment_crc_at);
  auto found = get<std::uint32_t>(bytes.data() + segment_crc_at);
  if (expected != found)
    return damage(place, "a segment header with checksum " + std::to_string(expected),
                  std::to_string(found));
  // Magic, version and checksum keep their place in every version, so this can be trusted.
  byte_cursor cursor(bytes.subspan(segment_magic.size()));
  std::uint32_t version = 0, header_size = 0;
  cursor.take(version);
  if (version > log_format_version)
    return error{
        error_code::newer_version,
        "'" + place.file + "' has format version " + std::to_string(version)
            + ", but this version knows only versions up to " + std::to_string(log_format_version)
            + "; nothing was changed; use the PODStudio version that wrote it, or a later one"};
  segment_header header;
  const_bytes log, hash;
  std::uint64_t created = 0;
  cursor.take(header_size);
  cursor.take(log, header.log.size());
  cursor.take(header.number);
  cursor.take(header.first_sequence);
  cursor.take(header.previous.sequence);
  cursor.take(hash, header.previous.hash.size());
  cursor.take(header.previous_end);
  cursor.take(header.frames_before);
  cursor.take(header.bytes_before);
  cursor.take(header.epoch);
  cursor.take(created);
  std::memcpy(header.log.data(), log.data(), log.size());
  std::memcpy(header.previous.hash.data(), hash.data(), hash.size());
  header.created_us = static_cast<std::int64_t>(created);
  auto padding = cursor.rest().first(cursor.rest().size() - sizeof(std::uint32_t));
  if (version == 0 || header_size != segment_header_bytes || !all_zero(padding))
    return damage(place, "a segment header of version 1 and 4096 bytes, padded with zeros",
                  "version " + std::to_string(version) + " and " + std::to_string(header_size)
                      + " bytes, or other padding");
  return header;
}

result<void> append_frame(const command& what, std::string& out) {
  if (auto fit = check_command(what); !fit) return fit;
  auto start = out.size();
  if (auto appended = append_parts(what, start, out); !appended) {
    out.resize(start);
    return appended;
  }
  // Zeros up to the last four bytes of a multiple of eight; those hold the size again.
  auto with_size = out.size() - start + sizeof(std::uint32_t);
  auto size =
      (with_size + frame_alignment_bytes - 1) / frame_alignment_bytes * frame_alignment_bytes;
  assert(size >= min_frame_bytes && size <= max_frame_bytes);
  out.resize(start + size);
  auto* frame = bytes_of(out) + start;
  put(frame, command_frame | (what.request ? has_request << 8 : 0));
  put(frame + size_at, static_cast<std::uint32_t>(size));
  std::memcpy(frame + command_at, what.id.data(), what.id.size());
  put(frame + event_count_at, static_cast<std::uint32_t>(what.events.size()));
  put(frame + origin_size_at, static_cast<std::uint16_t>(what.origin.size()));
  put(frame + summary_size_at, static_cast<std::uint16_t>(what.summary.size()));
  put(frame + size - sizeof(std::uint32_t), static_cast<std::uint32_t>(size));
  return {};
}

void seal_frame(std::span<std::uint8_t> frame, const frame_link& link) {
  assert(frame.size() >= min_frame_bytes && frame.size() % frame_alignment_bytes == 0);
  assert(link.epoch != 0 && link.first_sequence != 0 && link.synced_to >= segment_header_bytes);
  auto* at = frame.data();
  put(at + epoch_at, link.epoch);
  put(at + first_sequence_at, link.first_sequence);
  put(at + synced_to_at, link.synced_to);
  put(at + at_us_at, static_cast<std::uint64_t>(link.at_us));
  std::memcpy(at + previous_hash_at, link.previous_hash.data(), link.previous_hash.size());
  put(at + prefix_crc_at, crc32c(at, prefix_crc_at));
  put(at + rest_crc_at, rest_crc(frame));
  assert(frame_size(frame) == frame.size() && is_intact(frame));
}

std::optional<std::uint32_t> frame_size(const_bytes prefix) noexcept {
  if (prefix.size() < frame_prefix_bytes || prefix[0] == 0) return std::nullopt;
  if (get<std::uint32_t>(prefix.data() + prefix_crc_at) != crc32c(prefix.data(), prefix_crc_at))
    return std::nullopt;
  auto size = get<std::uint32_t>(prefix.data() + size_at);
  if (size < min_frame_bytes || size > max_frame_bytes || size % frame_alignment_bytes != 0)
    return std::nullopt;
  return size;
}

bool is_intact(const_bytes frame) noexcept {
  if (frame.size() < min_frame_bytes) return false;
  auto end_size = get<std::uint32_t>(frame.data() + frame.size() - sizeof(std::uint32_t));
  return end_size == frame.size()
         && get<std::uint32_t>(frame.data() + rest_crc_at) == rest_crc(frame);
}

frame_header read_frame_header(const_bytes frame) noexcept {
  assert(frame.size() >= min_frame_bytes);
  auto* at = frame.data();
  frame_header header;
  header.type = at[0];
  header.flags = get<std::uint32_t>(at) >> 8;
  header.size_bytes = frame.size();
  header.link.epoch = get<std::uint64_t>(at + epoch_at);
  header.link.first_sequence = get<std::uint64_t>(at + first_sequence_at);
  header.link.synced_to = get<std::uint64_t>(at + synced_to_at);
  header.link.at_us = static_cast<std::int64_t>(get<std::uint64_t>(at + at_us_at));
  std::memcpy(header.link.previous_hash.data(), at + previous_hash_at,
              header.link.previous_hash.size());
  std::memcpy(header.command.data(), at + command_at, header.command.size());
  header.event_count = get<std::uint32_t>(at + event_count_at);
  return header;
}

digest hash_frame(const_bytes frame) {
  // Fetching the algorithm and making a context cost more than hashing a small frame.
  struct free_context {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static thread_local std::unique_ptr<EVP_MD_CTX, free_context> context(EVP_MD_CTX_new());
  digest hash{};
  if (algorithm == nullptr || context == nullptr
      || EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1
      || EVP_DigestUpdate(context.get(), frame.data(), frame.size()) != 1
      || EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-256");
  return hash;
}

error damage(const log_place& place, const std::string& expected, const std::string& found,
             std::string_view claim, std::string_view remedy) {
  return {error_code::damaged,
          std::string(claim) + ": '" + place.file + "', offset " + std::to_string(place.offset)
              + ", sequence " + std::to_string(place.sequence) + ": expected " + expected
              + ", found " + found + "; nothing was changed; " + std::string(remedy)};
}

result<void> check_frame(const_bytes frame, const log_place& place) {
  frame_texts texts;
  return walk_frame(frame, place, texts, [](const event_record& record) {
    return check_event_known(record.name, record.version);
  });
}

result<command> decode_frame(const_bytes frame, const log_place& place) {
  command what;
  what.id = read_frame_header(frame).command;
  frame_texts texts;
  auto walked = walk_frame(frame, place, texts, [&](const event_record& record) {
    auto decoded = decode_event(record.name, record.version, record.body);
    if (!decoded) return result<void>(decoded.failure());
    what.events.push_back(std::move(*decoded));
    return result<void>();
  });
  if (!walked) return walked.failure();
  what.origin = text_of(texts.origin);
  what.summary = text_of(texts.summary);
  if (!texts.request.empty()) std::ranges::copy(texts.request, what.request.emplace().begin());
  if (!is_utf8(what.origin) || !is_utf8(what.summary))
    return damage(place, "an origin and a summary in UTF-8", "other bytes");
  return what;
}

std::string_view last_event_name(const_bytes frame) {
  std::string_view last;
  frame_texts texts;
  auto walked = walk_frame(frame, {}, texts, [&](const event_record& record) {
    last = record.name;
    return result<void>();
  });
  return walked ? last : std::string_view();
}

}  // namespace podstudio
