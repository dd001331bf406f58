// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Reads the arguments of a request, with a clear error for each invalid one.
namespace podstudio {

error wrong_argument(const std::string& key, const std::string& rule);

/// Not empty.
result<std::string> text_argument(const nlohmann::json& arguments, const std::string& key);

result<std::uint64_t> number_argument(const nlohmann::json& arguments, const std::string& key,
                                      std::uint64_t highest);
/// `otherwise` where it is absent or null.
result<std::uint64_t> number_argument(const nlohmann::json& arguments, const std::string& key,
                                      std::uint64_t lowest, std::uint64_t highest,
                                      std::uint64_t otherwise);

/// Of a row: from 1 to INT64_MAX.
result<std::int64_t> id_argument(const nlohmann::json& arguments, const std::string& key);
/// `asset`: an id or a path.
result<std::variant<asset_id, std::string>> asset_argument(const nlohmann::json& arguments);
/// The list `ids`, of assets: at least one.
result<std::vector<asset_id>> ids_argument(const nlohmann::json& arguments);

/// False where it is absent.
result<bool> flag_argument(const nlohmann::json& arguments, const std::string& key);

/// Present: a text, or null to clear. Absent: nothing.
result<std::optional<std::optional<std::string>>> label_argument(const nlohmann::json& arguments,
                                                                 const std::string& key);

/// A word of an enumeration.
template <class E>
result<E> word_argument(const nlohmann::json& arguments, const std::string& key) {
  auto given = text_argument(arguments, key);
  if (!given) return given.failure();
  if (auto known = from_word<E>(*given)) return *known;
  std::string words;
  for (auto word : enum_words<E>)
    words += (words.empty() ? "" : ", ") + std::string(word);
  return wrong_argument(key, "must be one of " + words);
}
/// Nothing where it is absent or null.
template <class E>
result<std::optional<E>> optional_word_argument(const nlohmann::json& arguments,
                                                const std::string& key) {
  if (arguments.value(key, nlohmann::json()).is_null()) return std::optional<E>();
  auto known = word_argument<E>(arguments, key);
  if (!known) return known.failure();
  return std::optional(*known);
}

}  // namespace podstudio
