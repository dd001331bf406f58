// SPDX-License-Identifier: MIT
#pragma once

#include "events/frame.hpp"
#include "media_properties.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

/// What must hold for any bytes whatever. Each property is given an input by the fuzzer
/// (tools/fuzz), or by the corpus that the fuzzer left (replay_test.cpp); the two run the same
/// functions. A function says whether the decoder took the input, and throws `broken_property`
/// where something does not hold.
namespace fuzz {

using podstudio::const_bytes;

/// A body of any type and version, as the event's record stands in a frame without its body's size:
/// name-size:u8 name version:u16 body.
bool event_body(const_bytes input);

/// A frame. The first byte is 0 for a frame as it is, else its sizes and checksums are made right.
bool frame(const_bytes input);

/// A segment's header. The first byte is 0 for a header as it is, else its fields, to which zeros
/// and a checksum are added.
bool segment_header(const_bytes input);

/// A log of one or two segments: reading forward and backward, verifying, recovering, appending.
/// made_log.hpp has the form of the input.
bool segment(const_bytes input);

/// A backup: restoring it, building its tables, starting on them. restore.cpp has the form of the
/// input.
bool restore(const_bytes input);

/// What a worker says: how many outputs its jobs have, then packets, each type:u8 size:u16 bytes.
/// Of type 0 it is a packet as it is; else a payload, to which a header of that type is added.
bool worker_answer(const_bytes input);

/// A pack's archive. The first byte is 0 for an archive as it is; else the writer makes one of the
/// entries that follow, as archive.cpp has them.
bool archive(const_bytes input);

/// The manifest of an archive.
bool archive_manifest(const_bytes input);

/// What a worker answers for an export: how many files it was to copy, 0 for an archive that it was
/// to verify, then the facts as JSON.
bool archive_answer(const_bytes input);

/// What is kept of an archive to make it again.
bool kept_texts(const_bytes input);

struct target {
  std::string_view name;  ///< also of its folder in the corpus
  bool (*property)(const_bytes input);
};
inline constexpr std::array targets{target{"event", event_body},
                                    target{"frame", frame},
                                    target{"header", segment_header},
                                    target{"segment", segment},
                                    target{"restore", restore},
                                    target{"worker_answer", worker_answer},
                                    target{"media_walk", media_walk},
                                    target{"media_text", media_text},
                                    target{"media_answer", media_answer},
                                    target{"metadata_answer", metadata_answer},
                                    target{"archive", archive},
                                    target{"archive_manifest", archive_manifest},
                                    target{"archive_answer", archive_answer},
                                    target{"kept_texts", kept_texts}};

struct broken_property : std::logic_error {
  using std::logic_error::logic_error;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw broken_property(what);
}

/// The largest single allocation that decoding may need: a few texts of an error, the bytes
/// themselves, and in a frame's case the events as they are in memory, in a vector that doubles.
/// What a length in the input merely claims has no part in it.
inline std::size_t allowed_allocation(std::size_t input_bytes, std::size_t constant_bytes = 4096) {
  constexpr std::size_t least_record_bytes = 16;
  return constant_bytes + 2 * input_bytes
         + 2 * sizeof(podstudio::event) * (input_bytes / least_record_bytes);
}

/// Takes values off the front of an input; an input that ends early reads as zeros.
class input_cursor {
public:
  explicit input_cursor(const_bytes input) : rest_(input) {}

  const_bytes take(std::size_t size) {
    auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::uint8_t take_byte() {
    auto byte = take(1);
    return byte.empty() ? std::uint8_t{0} : byte[0];
  }
  std::uint16_t take_u16() {
    auto low = take_byte();
    return static_cast<std::uint16_t>(low | take_byte() << 8);
  }
  const_bytes rest() const { return rest_; }

private:
  const_bytes rest_;
};

inline std::string_view text_of(const_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline const_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Gives a header of 4096 bytes the checksum it should have.
void repair_header(std::string& header);
/// Gives whole frame bytes the sizes and checksums they should have.
void repair_frame(std::string& bytes, std::size_t at, std::size_t size);

/// Writes a little-endian number over the bytes at `at`.
template <class T>
void overwrite(std::string& bytes, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes.at(at + i) = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

}  // namespace fuzz
