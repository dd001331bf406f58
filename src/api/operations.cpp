// SPDX-License-Identifier: MIT
#include "api/operations.hpp"

#include "api/families.hpp"

#include <algorithm>
#include <iterator>

namespace podstudio::api {

namespace {

std::vector<operation> all_operations() {
  std::vector<operation> all;
  for (auto family : {asset_operations, history_operations, import_operations, job_operations,
                      label_operations, log_operations, pack_check_operations,
                      pack_export_operations, pack_operations, status_operations, watch_operations})
    std::ranges::move(family(), std::back_inserter(all));
  std::ranges::sort(all, {}, &operation::name);
  return all;
}

}  // namespace

std::span<const operation> operations() {
  static const auto all = all_operations();
  return all;
}

const operation* find_operation(std::string_view name) {
  auto all = operations();
  auto at = std::ranges::lower_bound(all, name, {}, &operation::name);
  return at != all.end() && at->name == name ? &*at : nullptr;
}

std::string_view name_of(role who) {
  switch (who) {
  case role::viewer:
    return "viewer";
  case role::curator:
    return "curator";
  case role::admin:
    return "admin";
  }
  return {};
}

nlohmann::json describe(const operation& what) {
  auto versioned = [](nlohmann::json schema) {
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    return schema;
  };
  return {{"name", what.name},
          {"needs", name_of(what.needs)},
          {"help", what.help},
          {"example", what.example},
          {"arguments", versioned(what.arguments())},
          {"outcome", versioned(what.outcome())}};
}

}  // namespace podstudio::api
