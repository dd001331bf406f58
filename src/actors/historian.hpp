// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "query/assets.hpp"
#include "query/history.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace podstudio {

struct historian_state;

/// A question that the historian answers from the log.
class log_query {
public:
  virtual ~log_query() = default;
  /// What messages call it.
  virtual std::string_view name() const = 0;
  virtual result<nlohmann::json> answer(historian_state& s) const = 0;
};

struct historian_state {
  std::string log_folder;
  std::string tables;  ///< opened for each question, so that it may be replaced in between
  std::unique_ptr<log_pages> pages;
  static inline const char* name = "historian";
};

historian_actor::behavior_type historian(historian_actor::stateful_pointer<historian_state> self,
                                         std::string log_folder, std::string tables);

/// A page of an asset's history from a sequence on, or from its beginning if that is 0: `{events
/// [...] next}`, where `next` is where the page after it begins, or null. Error `not_found`.
result<nlohmann::json> history_of_asset(historian_state& s, const asset_key& key,
                                        sequence_number from);
/// Likewise of a pack; one that is deleted has a history, too.
result<nlohmann::json> history_of_pack(historian_state& s, pack_id pack, sequence_number from);

}  // namespace podstudio
