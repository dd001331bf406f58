// SPDX-License-Identifier: MIT
#include "actors/reader_pool.hpp"

#include "actors/reader.hpp"

#include <caf/typed_response_promise.hpp>

namespace podstudio {

template <class Answer, class... Question>
caf::result<Answer> reader_pool_state::hand_on(bool is_quick, Question... question) {
  auto& queue = is_quick ? quick : slow;
  if (queue.size() >= queries_waiting_max)
    return to_caf({error_code::busy, "too many queries are waiting; try again in a moment"});
  auto promise = self->template make_response_promise<Answer>();
  queue.push_back([this, promise, question...](pooled& by) mutable {
    by.free = false;
    self->request(by.actor, caf::infinite, question...)
        .then(
            [this, promise, &by](Answer& answer) mutable {
              by.free = true;
              promise.deliver(std::move(answer));
              dispatch();
            },
            [this, promise, &by](const caf::error& failure) mutable {
              by.free = true;
              promise.deliver(failure);
              dispatch();
            });
  });
  dispatch();
  return promise;
}

void reader_pool_state::dispatch() {
  for (auto& each : readers) {
    bool for_quick_ones = readers.size() > 1 && &each == &readers.front();
    while (each.free) {
      auto& queue = !for_quick_ones && !slow.empty() ? slow : quick;
      if (queue.empty()) break;
      auto ask = std::move(queue.front());
      queue.pop_front();
      ask(each);
    }
  }
}

reader_actor::behavior_type reader_pool(reader_actor::stateful_pointer<reader_pool_state> self,
                                        std::vector<reader_actor> readers) {
  auto& state = self->state;
  state.self = self;
  for (auto& each : readers)
    state.readers.push_back({std::move(each)});
  return {
      [self](query_atom ask, const table_query_ptr& question, const given_up& gone) {
        return self->state.hand_on<std::string>(question->is_quick(), ask, question, gone);
      },
      [self](query_atom ask, const asset_filter& filter) {
        return self->state.hand_on<asset_ids>(false, ask, filter);
      },
      [self](path_atom ask, const place_query& wanted) {
        return self->state.hand_on<asset_places>(true, ask, wanted);
      },
      [self](media_atom ask, const asset_ids& assets) {
        return self->state.hand_on<media_inputs>(true, ask, assets);
      },
      [self](media_atom ask, job_id job) { return self->state.hand_on<asset_ids>(true, ask, job); },
      [self](pack_atom ask, job_id job) {
        return self->state.hand_on<export_input_ptr>(false, ask, job);
      },
  };
}

}  // namespace podstudio
