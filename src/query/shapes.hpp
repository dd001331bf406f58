// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

/// Parts of JSON Schemas (https://json-schema.org, draft 2020-12): what operations take and give.
namespace podstudio::shape {

using nlohmann::json;
using members = std::initializer_list<std::pair<const char*, json>>;

inline json anything() { return json::object(); }
inline json text() { return {{"type", "string"}}; }
inline json flag() { return {{"type", "boolean"}}; }
inline json number() { return {{"type", "number"}}; }
inline json whole() { return {{"type", "integer"}}; }
inline json whole(std::uint64_t low, std::uint64_t high) {
  return {{"type", "integer"}, {"minimum", low}, {"maximum", high}};
}
/// How many there are.
inline json count() { return {{"type", "integer"}, {"minimum", 0}}; }
inline json id() { return whole(1, std::numeric_limits<std::int64_t>::max()); }
/// UTC, as `to_timestamp` has it: `2026-03-01 12:00:00.123456`.
inline json time() {
  return {{"type", "string"}, {"pattern", R"(^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$)"}};
}
inline json digest() { return {{"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}}; }
inline json uuid() {
  return {{"type", "string"},
          {"pattern", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}};
}

template <class E>
json word() {
  auto words = json::array();
  for (auto each : enum_words<E>)
    words.push_back(each);
  return {{"enum", std::move(words)}};
}
inline json word_of(std::initializer_list<const char*> words) { return {{"enum", words}}; }

inline json nullable(json of) { return {{"anyOf", {std::move(of), {{"type", "null"}}}}}; }
inline json list(json of) { return {{"type", "array"}, {"items", std::move(of)}}; }
/// An object whose keys nobody knows beforehand.
inline json map(json of) { return {{"type", "object"}, {"additionalProperties", std::move(of)}}; }

/// An object with these members, each of which it has, and perhaps some of the others.
inline json object(members required, members optional = {}) {
  json made{{"type", "object"},
            {"properties", json::object()},
            {"required", json::array()},
            {"additionalProperties", false}};
  for (const auto& [key, of] : required) {
    made["properties"][key] = of;
    made["required"].push_back(key);
  }
  for (const auto& [key, of] : optional)
    made["properties"][key] = of;
  return made;
}

/// An object that has these members, too.
inline json extended(json object_shape, members more) {
  for (const auto& [key, of] : more) {
    object_shape["properties"][key] = of;
    object_shape["required"].push_back(key);
  }
  return object_shape;
}

}  // namespace podstudio::shape
