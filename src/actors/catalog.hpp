#pragma once

#include "actors/interfaces.hpp"

#include <caf/expected.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

namespace podstudio {

/// A batch of a source that is being taken.
struct intake {
  std::string origin;
  std::shared_ptr<const std::vector<seen_file>> wanted;  ///< files to read
  std::vector<gone_file> gone;
  std::vector<asset_id> vanishing;  ///< the assets that were there
  std::vector<std::string> resolved;
  observation_outcome outcome;
  caf::typed_response_promise<observation_outcome> promise;
  std::size_t undecided = 0;  ///< parts of it of which the model does not know yet
  std::size_t parts = 0;      ///< of it, not yet durable
  std::optional<error> failed;
};
using intake_ptr = std::shared_ptr<intake>;

/// A part of an intake that one hasher reads.
struct reading {
  intake_ptr batch;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool large = false;  ///< one file above reading_bytes_max
};

/// What a hasher was given and has not answered.
struct hasher_load {
  std::size_t parts = 0;  ///< at most hasher_load_max
  std::size_t large = 0;  ///< of them
};

struct catalog_state {
  using on_sequence = std::function<void(sequence_number)>;
  using on_failure = std::function<void(caf::error)>;
  using on_outcome = std::function<void(caf::expected<command_outcome>)>;

  // Taking files.
  void observe(const observation_batch& batch,
               caf::typed_response_promise<observation_outcome> promise);
  void split(const intake_ptr& batch);
  void hand_out();
  void hand_out(std::deque<reading>& waiting);
  std::optional<std::size_t> free_hasher(bool large) const;
  void digested(const reading& part, const std::vector<result<file_content>>& outcomes);
  /// Finds out the present paths of assets that these files are, then decides.
  void take(const intake_ptr& batch, std::vector<digested_file> files,
            std::vector<failed_file> failures);
  void decide_part(const intake_ptr& batch, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, asset_places places);
  /// What is decided about these files. Those whose assets move too often are left for later.
  taken_files decide_calmly(const intake_ptr& batch, const std::vector<digested_file>& files,
                            std::vector<failed_file> failures, const asset_places& places);
  /// One more part of the batch is decided. After the last one, what is gone and was not found in
  /// any of them is missing.
  void part_decided(const intake_ptr& batch);
  /// Asks for the places of those that may make way for what is gone, then decides.
  void find_successor_places(const intake_ptr& batch, unsigned tries, const asset_places& places);
  void decide_rest(const intake_ptr& batch, const asset_places& places);
  /// Asks where assets and files are.
  void find_places(asset_ids assets, std::shared_ptr<const std::vector<digested_file>> files,
                   std::function<void(asset_places)> then, on_failure otherwise);
  void fail_part(const intake_ptr& batch, const caf::error& failure);
  /// Logs what came of a part of the batch, and then ends the part.
  void log_part(const intake_ptr& batch, command what);
  void part_done(const intake_ptr& batch);

  /// Folds the command into the model and logs it; `then` gets its last sequence once it is
  /// durable. A command without events stands on what was decided before it, and is answered once
  /// that is durable. A refusal takes a command and all after it out of the model again.
  void log(command what, on_sequence then, on_failure otherwise);
  void take_back(const caf::error& failure);
  void when_visible(sequence_number sequence, bool for_room, on_sequence then,
                    on_failure otherwise);

  // Commands of people: catalog_commands.cpp.
  void label(const label_request& request, caf::typed_response_promise<change_outcome> promise);
  void change_pack(const pack_request& request,
                   caf::typed_response_promise<change_outcome> promise);
  void undo(const undo_request& request, caf::typed_response_promise<undo_outcome> promise);
  void change_root(root_request request, caf::typed_response_promise<root_outcome> promise);
  /// Decides and logs, unless this is a command that was given before.
  void command_once(const uuid& id, const std::string& origin, const std::string& summary,
                    const std::function<result<std::vector<event>>()>& decide,
                    caf::typed_response_promise<change_outcome> promise);
  /// Logs what was decided and answers once it is visible.
  void change(result<std::vector<event>> decided, command what, on_outcome then,
              std::int64_t subject = 0);
  /// Whether this is a command that was given before, even if it is not durable yet; it then gets
  /// the first answer. An id that was another command's is refused.
  bool repeats(const uuid& id, const std::string& summary, const on_outcome& then);
  /// Answers what came of a command once it is visible.
  void answer(const command_outcome& outcome, const on_outcome& then);

  /// Whether one more request may come in; refuses it otherwise.
  template <class Promise>
  bool admit(Promise& promise);
  void answered();

  catalog_actor::pointer self = nullptr;
  catalog_model model;
  command_memory_ptr memory;
  journal_actor journal;
  projector_actor projector;
  reader_actor reader;

  /// The last one reads large files never, so that small ones need not wait for those.
  std::vector<hasher_actor> hashers;
  std::vector<hasher_load> load;     ///< of each hasher
  std::deque<reading> unread;        ///< bounded by the sources' credit
  std::deque<reading> unread_large;  ///< likewise
  vanishing_assets vanishing;        ///< bounded likewise
  recent_losses recent;
  recent_moves moves;
  /// Paths being decided about; a second look at one has to wait, or the older could come in last.
  std::unordered_set<path_key, path_key_hash> in_reading;

  /// A command that is decided and applied, but not yet durable, and who stands on it.
  struct undecided_fate {
    command_ptr what;
    std::vector<std::pair<on_sequence, on_failure>> followers;
  };
  /// Commands that bear the id their sender gave them and are not durable yet, and who sent them
  /// again.
  struct unanswered {
    std::string summary;
    std::vector<on_outcome> again;
  };
  std::map<uuid, unanswered> given;      ///< bounded by catalog_pending_max
  std::deque<undecided_fate> in_flight;  ///< oldest first; of the current epoch
  sequence_number last_durable = 0;      ///< of this catalog's commands
  epoch_number epoch = 1;
  std::uint64_t pending = 0;  ///< requests of any kind that are not answered yet
  bool draining = false;
  std::vector<caf::typed_response_promise<bool>> drained;
  static inline const char* name = "catalog";
};

/// How many requests a hasher holds: one it works on, and the next.
inline constexpr std::size_t hasher_load_max = 2;
/// How much one request to a hasher covers, so that work is shared among hashers. A file above it
/// is large, and read alone.
inline constexpr std::uint64_t reading_bytes_max = large_file_bytes;
/// How often the places of successors are asked for, as new ones can come while they are.
inline constexpr unsigned successor_tries_max = 16;
/// How many requests may wait for an answer before new ones are refused as busy.
inline constexpr std::uint64_t catalog_pending_max = 4096;

catalog_actor::behavior_type catalog(catalog_actor::stateful_pointer<catalog_state> self,
                                     std::shared_ptr<catalog_model> model,
                                     command_memory_ptr memory, journal_actor journal,
                                     projector_actor projector, reader_actor reader,
                                     std::vector<hasher_actor> hashers,
                                     recent_losses recent);

}  // namespace podstudio
