#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <functional>
#include <memory>

namespace podstudio {

struct jobs_state {
  /// A step whose turn has not come.
  struct waiting {
    std::function<result<std::vector<event>>(const jobs_model&)> decide;
    command what;
    std::function<void(caf::expected<change_outcome>)> answer;
  };

  /// Decides the steps one after the other, each on a model that holds only what is durable.
  void enqueue(waiting step);
  void next();
  /// Answers what came of a command once it is visible.
  void answer_visible(const change_outcome& outcome,
                      const std::function<void(caf::expected<change_outcome>)>& answer);
  /// Makes running jobs pending, as nobody runs them any more.
  void put_back(std::string reason, std::function<void()> then);

  jobs_actor::pointer self = nullptr;
  jobs_model model;
  command_memory_ptr memory;
  journal_actor journal;
  projector_actor projector;
  std::deque<waiting> queue;  ///< at most jobs_queue_max
  epoch_number epoch = 0;     ///< one for each step
  bool busy = false;
  bool draining = false;
  static inline const char* name = "jobs";
};

inline constexpr std::size_t jobs_queue_max = 4096;

jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self,
                               std::shared_ptr<jobs_model> model, command_memory_ptr memory,
                               journal_actor journal, projector_actor projector);

}  // namespace podstudio
