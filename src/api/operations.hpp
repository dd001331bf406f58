// SPDX-License-Identifier: MIT
#pragma once

#include "actors/operation.hpp"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string_view>

/// Every operation there is. Consoles, the command line's `schema`, and the tests are served from
/// this table.
namespace podstudio::api {

/// In the order of their names.
std::span<const operation> operations();

/// Null where there is none.
const operation* find_operation(std::string_view name);

/// `viewer`, `curator` or `admin`.
std::string_view name_of(role who);

/// `{name needs help example arguments outcome}`, the last two as JSON Schemas.
nlohmann::json describe(const operation& what);

}  // namespace podstudio::api
