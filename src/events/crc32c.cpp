// SPDX-License-Identifier: MIT
#include "events/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace podstudio {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit)
      rest = (rest >> 1) ^ ((rest & 1u) != 0 ? 0x82f63b78u : 0u);
    table[i] = rest;
  }
  return table;
}
constexpr auto table = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t
crc32c_by_instruction(const unsigned char* at, std::size_t size, std::uint32_t crc) noexcept {
  std::uint64_t rest = ~crc;
  for (; size >= 8; at += 8, size -= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at, 8);
    rest = _mm_crc32_u64(rest, eight);
  }
  auto rest32 = static_cast<std::uint32_t>(rest);
  for (; size > 0; ++at, --size)
    rest32 = _mm_crc32_u8(rest32, *at);
  return ~rest32;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(const void* bytes, std::size_t size, std::uint32_t crc) noexcept {
  auto* at = static_cast<const unsigned char*>(bytes);
  crc = ~crc;
  for (; size > 0; ++at, --size)
    crc = (crc >> 8) ^ table[(crc ^ *at) & 0xffu];
  return ~crc;
}

std::uint32_t crc32c(const void* bytes, std::size_t size, std::uint32_t crc) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction)
    return crc32c_by_instruction(static_cast<const unsigned char*>(bytes), size, crc);
#endif
  return crc32c_by_table(bytes, size, crc);
}

}  // namespace podstudio
