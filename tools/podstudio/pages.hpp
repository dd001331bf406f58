// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "output.hpp"

#include <cstdint>
#include <functional>

namespace podstudio {

using take_page = std::function<void(const nlohmann::json& page)>;
using read_pages = std::function<result<void>(const take_page& take)>;
using add_row = std::function<void(const nlohmann::json& item)>;

/// Prints the items of all pages, which `read` gives one after the other: as rows of `shown`, which
/// `add` adds, or as one JSON array. Where a page fails, the array has what came before it.
result<void> print_pages(const context& where, table& shown, const read_pages& read,
                         const add_row& add);

/// A list of the console's that goes on behind its last item.
struct paged_list {
  const char* command;
  nlohmann::json arguments;
  std::int64_t limit = INT64_MAX;  ///< at most so many items
  std::int64_t page_size = 1'000;  ///< at most what the command gives at once
  const char* place = "after";     ///< the argument that says where a page begins
  const char* key = "id";          ///< and what of the last item goes there
};

result<void> print_list(const context& where, table& shown, const paged_list& list,
                        const add_row& add);

}  // namespace podstudio
