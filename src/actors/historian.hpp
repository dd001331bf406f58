// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "query/history.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>

namespace podstudio {

struct historian_state {
  std::string log_folder;
  std::string tables;  ///< opened for each question, so that it may be replaced in between
  std::unique_ptr<log_pages> pages;
  static inline const char* name = "historian";
};

historian_actor::behavior_type historian(historian_actor::stateful_pointer<historian_state> self,
                                         std::string log_folder, std::string tables);

/// Whether the console's command of this name is a question that the historian answers.
bool is_history(const std::string& command);

}  // namespace podstudio
