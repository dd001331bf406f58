// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Little-endian numbers, unsigned, as file formats and frames hold them.
namespace podstudio {

/// `at` + sizeof(T) must be within `bytes`.
template <class T>
constexpr T read_number(std::string_view bytes, std::size_t at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(
        value
        | static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[at + i])) << (8 * i)));
  return value;
}
template <class T>
constexpr void write_number(char* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    at[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}
template <class T>
void append_number(std::string& bytes, T value) {
  char out[sizeof(T)];
  write_number(out, value);
  bytes.append(out, sizeof out);
}

}  // namespace podstudio
