// SPDX-License-Identifier: MIT
#include "query/rows.hpp"

#include "platform/types.hpp"

#include <string>
#include <type_traits>
#include <variant>

namespace podstudio {

namespace {

struct value_to_json {
  nlohmann::json operator()(std::monostate) const { return nullptr; }
  nlohmann::json operator()(std::span<const std::uint8_t> value) const {
    return to_hex(value.data(), value.size());
  }
  template <class T>
  nlohmann::json operator()(T value) const {
    return value;
  }
};

}  // namespace

nlohmann::json row_to_json(const statement& row) {
  auto object = nlohmann::json::object();
  for (int i = 0; i < row.column_count(); ++i)
    object[std::string(row.column_name(i))] = std::visit(value_to_json{}, row.value(i));
  return object;
}

}  // namespace podstudio
