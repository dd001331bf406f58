// SPDX-License-Identifier: MIT
#include "pages.hpp"

#include "session.hpp"

#include <algorithm>

namespace podstudio {

using nlohmann::json;

result<void> print_pages(const context& where, table& shown, const read_pages& read,
                         const add_row& add) {
  json_array items;
  auto done = read([&](const json& page) {
    for (const auto& item : page)
      where.json ? items.item(item) : add(item);
    if (!where.json) shown.print();
  });
  // A script gets a document, and by the exit code that it is not all. An error before there is
  // anything to print prints nothing.
  if (where.json && (done || items.begun())) items.close();
  return done;
}

namespace {

result<void> each_page(const context& where, const paged_list& list, const take_page& take) {
  auto opened = session::open(where, session::need::folder);
  if (!opened) return opened.failure();
  auto arguments = list.arguments;
  for (auto left = list.limit; left > 0;) {
    auto wanted = std::min(left, list.page_size);
    arguments["limit"] = wanted;
    auto page = opened->request(list.command, arguments);
    if (!page) return page.failure();
    take(*page);
    auto count = static_cast<std::int64_t>(page->size());
    if (count < wanted) break;
    left -= count;
    arguments[list.place] = page->back()[list.key];
  }
  return {};
}

}  // namespace

result<void> print_list(const context& where, table& shown, const paged_list& list,
                        const add_row& add) {
  return print_pages(
      where, shown, [&](const take_page& take) { return each_page(where, list, take); }, add);
}

}  // namespace podstudio
