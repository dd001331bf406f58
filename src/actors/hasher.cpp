// SPDX-License-Identifier: MIT
#include "actors/hasher.hpp"

#include "platform/root_folder.hpp"

namespace podstudio {

hasher_actor::behavior_type hasher(hasher_actor::stateful_pointer<hasher_state> self,
                                   std::shared_ptr<const std::atomic<bool>> cancelled) {
  self->state.digester.emplace(cancelled.get());
  self->state.cancelled = std::move(cancelled);
  return {
      [self](digest_atom, const digest_request& wanted) {
        digest_reply reply{std::make_shared<std::vector<result<file_content>>>()};
        reply.outcomes->reserve(wanted.end - wanted.begin);
        last_root_folder root;
        for (auto i = wanted.begin; i < wanted.end; ++i) {
          const auto& file = (*wanted.files)[i];
          reply.outcomes->push_back(self->state.digester->digest(root.at(file.root()), file.path));
        }
        return reply;
      },
  };
}

}  // namespace podstudio
