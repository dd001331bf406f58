// SPDX-License-Identifier: MIT
#include "console/arguments.hpp"

#include "console/protocol.hpp"
#include "platform/text.hpp"

namespace podstudio {

using nlohmann::json;

error wrong_argument(const std::string& key, const std::string& rule) {
  return {error_code::invalid_argument, "the argument '" + key + "' " + rule};
}

result<std::string> text_argument(const json& arguments, const std::string& key) {
  auto at = arguments.find(key);
  if (at == arguments.end() || !at->is_string() || at->get_ref<const std::string&>().empty())
    return wrong_argument(key, "must be non-empty text");
  return at->get<std::string>();
}

result<std::uint64_t> number_argument(const json& arguments, const std::string& key,
                                      std::uint64_t highest) {
  if (arguments.value(key, json()).is_null())
    return wrong_argument(key, "must be a whole number from 0 to " + std::to_string(highest));
  return number_argument(arguments, key, 0, highest, 0);
}

result<std::uint64_t> number_argument(const json& arguments, const std::string& key,
                                      std::uint64_t lowest, std::uint64_t highest,
                                      std::uint64_t otherwise) {
  auto given = arguments.value(key, json());
  if (given.is_null()) return otherwise;
  if (given.is_number_unsigned() && given.get<std::uint64_t>() >= lowest
      && given.get<std::uint64_t>() <= highest)
    return given.get<std::uint64_t>();
  return wrong_argument(key, "must be a whole number from " + std::to_string(lowest) + " to "
                                 + std::to_string(highest));
}

result<bool> flag_argument(const json& arguments, const std::string& key) {
  auto given = arguments.value(key, json(false));
  if (!given.is_boolean()) return wrong_argument(key, "must be true or false");
  return given.get<bool>();
}

namespace {

/// A number beyond the ids, which would wrap around, is none.
std::optional<std::int64_t> read_id(const json& given) {
  if (!given.is_number_integer()) return {};
  auto id = given.get<std::int64_t>();
  return id > 0 ? std::optional(id) : std::nullopt;
}

}  // namespace

result<std::int64_t> id_argument(const json& arguments, const std::string& key) {
  if (auto id = read_id(arguments.value(key, json()))) return *id;
  return wrong_argument(key,
                        "must be an id, a whole number from 1 to " + std::to_string(INT64_MAX));
}

result<std::variant<asset_id, std::string>> asset_argument(const json& arguments) {
  using key = std::variant<asset_id, std::string>;
  auto given = arguments.value("asset", json());
  if (given.is_string()) return key(given.get<std::string>());
  if (auto id = read_id(given)) return key(*id);
  return wrong_argument("asset", "must be an id or an absolute path");
}

result<std::vector<asset_id>> ids_argument(const json& arguments) {
  auto ids = arguments.value("ids", json());
  if (!ids.is_array() || ids.empty())
    return wrong_argument("ids", "must be a list of asset ids with at least one");
  std::vector<asset_id> parsed;
  for (const auto& id : ids) {
    auto known = read_id(id);
    if (!known)
      return wrong_argument("ids", "holds " + in_quotes(to_text(id)) + ", which is not an id");
    parsed.push_back(*known);
  }
  return parsed;
}

result<std::optional<std::optional<std::string>>> label_argument(const json& arguments,
                                                                 const std::string& key) {
  using label = std::optional<std::optional<std::string>>;
  auto at = arguments.find(key);
  if (at == arguments.end()) return label{};
  if (at->is_null()) return label{std::optional<std::string>{}};
  if (!at->is_string()) return wrong_argument(key, "must be text, or null to clear it");
  return label{at->get<std::string>()};
}

}  // namespace podstudio
