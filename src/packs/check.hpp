// SPDX-License-Identifier: MIT
#pragma once

#include "packs/blocked_names.hpp"
#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"
#include "platform/types.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What stands between a pack and its buyers: what a marketplace would refuse, and what a buyer
/// would object to. Files that have changed on disk since they were read are found by an export.
namespace podstudio::packs {

enum class severity : std::uint8_t {
  error,    ///< an export is refused, or the marketplace would refuse the pack
  warning,  ///< worth a look
};
std::string_view word(severity of) noexcept;

struct finding {
  std::string_view rule;  ///< one of `check_rules`
  severity how = severity::error;
  /// The assets that it is about, in the pack's order; the first `finding_assets_max` of them.
  std::vector<asset_id> assets;
  std::string message;  ///< what is wrong, and what to do
};

inline constexpr std::size_t finding_assets_max = 100;
/// How many findings one rule gives at most, such as a group of near duplicates each.
inline constexpr std::size_t findings_of_a_rule_max = 50;

inline constexpr std::string_view check_rules[] = {
    "empty",        "missing",        "broken",       "rejected",
    "unapproved",   "unread",         "format",       "too_small",
    "asset_size",   "no_cut_out",     "same_content", "near_duplicates",
    "blocked_name", "forbidden_word", "placeholder",  "text_length",
    "size",         "no_author"};

/// The findings, errors first.
std::vector<finding> check(const snapshot& pack, const seller& by, const profile& of,
                           const blocked_names& blocked);

}  // namespace podstudio::packs
