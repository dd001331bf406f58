#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>

namespace podstudio {

class database;

struct reader_state {
  reader_state();
  ~reader_state();
  std::unique_ptr<database> tables;
  static inline const char* name = "reader";
};

/// The reader, on a connection of its own that can only read.
reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self,
                                   std::shared_ptr<std::unique_ptr<database>> tables);

/// Whether the console's command of this name is a query that the reader answers.
bool is_query(const std::string& command);

}  // namespace podstudio
