// SPDX-License-Identifier: MIT
#include "api/arguments.hpp"

#include "console/protocol.hpp"

#include <cstdint>
#include <limits>

namespace podstudio::api {

namespace {

constexpr std::uint64_t id_max = std::numeric_limits<std::int64_t>::max();

/// A number beyond the ids, which would wrap around, is none.
std::optional<std::int64_t> read_id(const json& given) {
  if (!given.is_number_integer()) return {};
  auto id = given.get<std::int64_t>();
  return id > 0 ? std::optional(id) : std::nullopt;
}

bool is_path(const json& given) {
  return given.is_string() && given.get_ref<const std::string&>().starts_with("/");
}

json path_schema() { return {{"type", "string"}, {"pattern", "^/"}}; }

}  // namespace

error wrong_argument(std::string_view key, const std::string& problem) {
  return {error_code::invalid_argument, "the argument '" + std::string(key) + "' " + problem};
}

result<std::string> text::read(std::string_view key, const json& given) const {
  if (!given.is_string() || given.get_ref<const std::string&>().empty())
    return wrong_argument(key, "must be non-empty text");
  return given.get<std::string>();
}
json text::schema() const { return {{"type", "string"}, {"minLength", 1}}; }

result<std::string> absolute_path::read(std::string_view key, const json& given) const {
  if (!is_path(given)) return wrong_argument(key, "must be an absolute path");
  return given.get<std::string>();
}
json absolute_path::schema() const { return path_schema(); }

result<std::vector<std::string>> absolute_paths::read(std::string_view key,
                                                      const json& given) const {
  if (!given.is_array() || given.empty())
    return wrong_argument(key, "must be a list of absolute paths");
  std::vector<std::string> paths;
  for (const auto& path : given) {
    if (!is_path(path))
      return wrong_argument(key, "holds " + in_quotes(to_text(path))
                                     + ", which is not an absolute path");
    paths.push_back(path.get<std::string>());
  }
  return paths;
}
json absolute_paths::schema() const {
  return {{"type", "array"}, {"items", path_schema()}, {"minItems", 1}};
}

result<std::uint64_t> whole_number::read(std::string_view key, const json& given) const {
  if (given.is_number_unsigned() && given.get<std::uint64_t>() >= low
      && given.get<std::uint64_t>() <= high)
    return given.get<std::uint64_t>();
  return wrong_argument(key, "must be a whole number from " + std::to_string(low) + " to "
                                 + std::to_string(high));
}
json whole_number::schema() const { return shape::whole(low, high); }

result<std::int32_t> signed_number::read(std::string_view key, const json& given) const {
  // A number above the signed range would wrap around in a comparison.
  bool fits = given.is_number_integer()
              && (!given.is_number_unsigned() || given.get<std::uint64_t>() <= INT32_MAX);
  if (fits && given.get<std::int64_t>() >= low && given.get<std::int64_t>() <= high)
    return given.get<std::int32_t>();
  return wrong_argument(key, "must be a whole number from " + std::to_string(low) + " to "
                                 + std::to_string(high));
}
json signed_number::schema() const {
  return {{"type", "integer"}, {"minimum", low}, {"maximum", high}};
}

result<std::int64_t> row_id::read(std::string_view key, const json& given) const {
  if (auto id = read_id(given)) return *id;
  return wrong_argument(key, "must be an id, a whole number from 1 to " + std::to_string(id_max));
}
json row_id::schema() const { return shape::id(); }

result<std::vector<asset_id>> asset_id_list::read(std::string_view key, const json& given) const {
  if (!given.is_array() || given.empty())
    return wrong_argument(key, "must be a list of asset ids with at least one");
  std::vector<asset_id> ids;
  for (const auto& id : given) {
    auto known = read_id(id);
    if (!known)
      return wrong_argument(key, "holds " + in_quotes(to_text(id)) + ", which is not an id");
    ids.push_back(*known);
  }
  return ids;
}
json asset_id_list::schema() const {
  return {{"type", "array"}, {"items", shape::id()}, {"minItems", 1}};
}

result<asset_key> asset_id_or_path::read(std::string_view key, const json& given) const {
  if (given.is_string()) return asset_key(given.get<std::string>());
  if (auto id = read_id(given)) return asset_key(*id);
  return wrong_argument(key, "must be an id or an absolute path");
}
json asset_id_or_path::schema() const { return {{"anyOf", {shape::id(), shape::text()}}}; }

result<bool> flag::read(std::string_view key, const json& given) const {
  if (!given.is_boolean()) return wrong_argument(key, "must be true or false");
  return given.get<bool>();
}
json flag::schema() const { return shape::flag(); }

result<uuid> command_id::read(std::string_view key, const json& given) const {
  auto word = text{}.read(key, given);
  if (!word) return word.failure();
  uuid id{};
  if (!parse_uuid(*word, id))
    return wrong_argument(key, "must be the id of a command, a UUID, not " + in_quotes(*word));
  return id;
}
json command_id::schema() const {
  return {{"type", "string"}, {"pattern", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}};
}

result<json> object::read(std::string_view key, const json& given) const {
  if (!given.is_object()) return wrong_argument(key, "must be an object");
  return given;
}
json object::schema() const { return {{"type", "object"}}; }

result<std::optional<std::string>> text_or_null::read(std::string_view key,
                                                      const json& given) const {
  if (given.is_null()) return std::optional<std::string>();
  if (!given.is_string()) return wrong_argument(key, "must be text, or null to clear it");
  return std::optional(given.get<std::string>());
}
json text_or_null::schema() const { return shape::nullable(shape::text()); }

result<matched_assets> whole_filter::read(std::string_view, const json& given) const {
  if (given.contains("limit") || given.contains("after"))
    return error{error_code::invalid_argument, "a command's filter cannot have 'limit' or 'after'"};
  auto filter = parse_filter(given);
  if (!filter) return filter.failure();
  return matched_assets{*std::move(filter), to_text(given)};
}
json whole_filter::schema() const {
  auto all = filter_schema();
  for (const char* of_a_page : {"limit", "after"})
    all["properties"].erase(of_a_page);
  return all;
}

}  // namespace podstudio::api
