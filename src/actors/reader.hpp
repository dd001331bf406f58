// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "query/similar.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace podstudio {

class database;
namespace media {
class preview_cache;
}

/// How long a query may take. What a person waits for is answered within a second; what takes this
/// long costs everybody else more than it is worth.
inline constexpr auto query_time_max = std::chrono::seconds(30);

struct reader_state;
/// Tells whether a query has taken too long, or nobody wants its answer.
using is_over = std::function<bool()>;

/// A question that a reader answers from the tables.
class table_query {
public:
  virtual ~table_query() = default;
  /// What messages call it.
  virtual std::string_view name() const = 0;
  /// Whether a few rows answer it that an index finds, however large the library is.
  virtual bool is_quick() const = 0;
  /// Runs on the reader's thread. What takes long looks at `over` now and then.
  virtual result<nlohmann::json> answer(reader_state& s, const is_over& over) const = 0;
};

struct reader_state {
  reader_state();
  ~reader_state();
  std::unique_ptr<database> tables;
  std::shared_ptr<const media::preview_cache> previews;
  std::string data_folder;  ///< for what the seller keeps there
  std::chrono::milliseconds time_max = query_time_max;
  given_up stopping;      ///< the engine stops: no query is finished
  nlohmann::json counts;  ///< as of the sequence below; only the log changes what is counted
  sequence_number counted_at = 0;  ///< 0: never
  similar_index similar;           ///< at most `similar_hashes_max` hashes of 40 bytes
  static inline const char* name = "reader";
};

/// The reader, on a read-only connection of its own. Once `stopping` is set, queries end.
reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self,
                                   std::shared_ptr<std::unique_ptr<database>> tables,
                                   std::shared_ptr<const media::preview_cache> previews,
                                   std::string data_folder, given_up stopping,
                                   std::chrono::milliseconds time_max = query_time_max);

}  // namespace podstudio
