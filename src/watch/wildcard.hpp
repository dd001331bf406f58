// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace podstudio {

/// A pattern for one name, with the meaning it has between two slashes of a gitignore file: `*` is
/// any run of bytes, `?` any byte, `[...]` one of a set with ranges, `[:classes:]` and negation by
/// `!` or `^`, and a backslash escapes the next byte. Bytes are compared, not characters.
class wildcard {
public:
  /// Parses from `at` up to the next slash that is no member of a set, or to the end, and leaves
  /// `at` there; the backslash of an escaped slash is passed. Nothing for what matches no name: a
  /// set that is not closed or has an unknown class, a backslash at the end.
  static std::optional<wildcard> parse(std::string_view text, std::size_t& at);

  /// `*`
  static wildcard any_name();

  /// `**` as a whole name: any number of folders, also none. It is for those who match paths to
  /// tell apart and never asked to match a name.
  static wildcard any_folders();

  bool is_any_folders() const noexcept { return any_folders_; }
  bool empty() const noexcept { return parts_.empty(); }

  /// The byte that every name it matches ends in, or begins with; nothing if that is not one byte.
  std::optional<unsigned char> last_byte() const noexcept;
  std::optional<unsigned char> first_byte() const noexcept;

  /// Adds the comparisons made to `steps`; they are bounded by the product of the lengths.
  bool matches(std::string_view name, std::uint64_t& steps) const noexcept;

private:
  using byte_set = std::bitset<256>;
  enum class part_kind : std::uint8_t { byte, one, run, set };
  struct part {
    part_kind kind;
    unsigned char byte = 0;  // of kind byte
    std::uint32_t set = 0;   // of kind set: its place in sets_
  };

  static std::optional<byte_set> parse_set(std::string_view text, std::size_t& at);
  static bool parse_set_member(std::string_view text, std::size_t& at, byte_set& set,
                               int& range_from);
  void add(part added);
  bool accepts(const part& wanted, unsigned char byte) const noexcept;

  std::vector<part> parts_;
  std::vector<byte_set> sets_;
  std::size_t bytes_min_ = 0;
  bool has_run_ = false;
  bool any_folders_ = false;
};

}  // namespace podstudio
