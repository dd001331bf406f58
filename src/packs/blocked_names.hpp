// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Names of artists, people and brands that must not stand in what is sold, as the seller lists
/// them.
namespace podstudio::packs {

inline constexpr std::size_t blocked_names_bytes_max = 1u << 20, blocked_names_max = 10'000;

/// The words of a text as they are compared: of letters and digits, after `fold_text`.
std::vector<std::string> words_of(std::string_view text);

class blocked_names {
public:
  blocked_names() = default;
  /// The lines of a file: a name each; empty lines and those that begin with `#` do not count.
  /// Errors: `refused` for too much, `invalid_argument` for what is not UTF-8, naming `file`.
  static result<blocked_names> parse(std::string_view text, std::string_view file);
  /// Names that a marketplace has of itself.
  static blocked_names of(const std::vector<std::string>& names);

  /// The first name whose words stand in the text one after the other, as it was listed; empty if
  /// there is none.
  std::string_view find_in(std::string_view text) const;
  bool empty() const noexcept { return by_first_word_.empty(); }

private:
  struct name {
    std::string listed;
    std::vector<std::string> words;
  };
  void add(std::string_view listed);

  std::map<std::string, std::vector<name>, std::less<>> by_first_word_;
};

/// Those of the file; none where there is no file. Errors as above, and as `read_small_file`.
result<blocked_names> read_blocked_names(const std::string& path);

}  // namespace podstudio::packs
