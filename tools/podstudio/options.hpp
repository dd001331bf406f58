// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"
#include "platform/error.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <nlohmann/json_fwd.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace podstudio {

/// A number within bounds, as decimal digits without a sign and leading zeros. Error:
/// `invalid_argument`, naming the text and the bounds.
result<std::uint64_t> parse_number(const std::string& text, std::uint64_t lowest,
                                   std::uint64_t highest);
/// Likewise, an id of an asset, a pack or a job.
result<std::int64_t> parse_id(const std::string& text);

struct context;

/// An asset by its id or its path, as the console's protocol names it. Assets have the paths that
/// their files had without links, or that led to their watch root when it was added. So where no
/// asset has the path as given, it is what that leads to.
result<nlohmann::json> asset_key_of(const context& where, const std::string& which);

/// A folder as the paths of assets have it: absolute and, where it is there, without links.
std::string folder_path(const std::string& given);

/// Takes what `parse_number` takes. Every option for a number needs it: CLI11 takes 010 for 8, 0x9
/// for 9, and for a number that is too large the largest one.
CLI::Validator whole_number(std::uint64_t lowest, std::uint64_t highest);
/// Takes what `parse_id` takes.
CLI::Validator an_id();

/// `image, audio or video`.
template <class E>
std::string words_of() {
  std::string text;
  for (std::size_t i = 0; i < enum_words<E>.size(); ++i)
    text += (i == 0                          ? ""
             : i + 1 == enum_words<E>.size() ? " or "
                                             : ", ")
            + std::string(enum_words<E>[i]);
  return text;
}

/// Takes the words of an enumeration only.
template <class E>
CLI::Validator one_of() {
  return {[](const std::string& word) {
            return std::ranges::find(enum_words<E>, word) != enum_words<E>.end()
                       ? std::string()
                       : "must be " + words_of<E>() + ", not " + in_quotes(word);
          },
          words_of<E>()};
}

}  // namespace podstudio
