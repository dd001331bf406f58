// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"
#include "api/arguments.hpp"
#include "console/protocol.hpp"
#include "query/shapes.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// INTERNAL to this folder: what several families of operations have in common.
namespace podstudio::api {

/// How many rows a page has by default, and at most.
inline constexpr std::int64_t page_rows = 1'000;
inline constexpr whole_number rows_of_a_page{1, 10'000};
/// The last id of the page before.
inline constexpr whole_number last_of_page_before{0, std::numeric_limits<std::int64_t>::max()};
/// How long a client may wait for something to happen; then it asks again.
inline constexpr whole_number long_poll_ms{0, 60'000};
inline constexpr whole_number any_number{0, std::numeric_limits<std::uint64_t>::max()};

/// Of the operation and its arguments; a repeated request is recognised by it.
digest digest_of(const request& asked);

/// Null where it is empty.
json text_or_nothing(const std::string& text);

/// How many events came of a command.
json changed_shape();

/// The columns of the `job` table.
json job_columns();

/// How many files were skipped, by ending; without the endings of which there were none.
json to_json(const not_taken_counts& counts);

/// A watch root as `watch.list` and `status` have it.
json root_shape();
/// Adds to each root of the tables how it is followed.
void add_modes(json& roots, const std::vector<watcher_status>& watchers);

/// What a command sets, for its summary: `theme="nature", source=null`.
class setting_list {
public:
  void add(std::string_view key, const std::optional<std::string>& value);
  const std::string& text() const { return text_; }

private:
  std::string text_;
};

}  // namespace podstudio::api
