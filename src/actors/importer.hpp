#pragma once

#include "actors/interfaces.hpp"
#include "watch/look.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace podstudio {

struct importer_state {
  void step();
  bool looked_everywhere() const { return named.empty() && walker->done(); }
  void send(findings batch);
  void taken(const observation_outcome& outcome);
  void look_again();
  void finish_if_done();
  void answer_all();

  importer_actor::pointer self = nullptr;
  catalog_actor catalog;
  std::optional<tree_walker> walker;
  path_keyer key_of;
  findings found;                  ///< not yet sent, less than a batch
  std::size_t in_flight = 0;       ///< batches, at most import_batches_max
  std::vector<std::string> again;  ///< to be looked at again; bounded by what was in flight
  std::unordered_map<std::string, unsigned> tries;
  std::vector<std::string> asked;  ///< files and folders
  std::vector<std::string> named;  ///< of these, not yet looked at
  bool again_scheduled = false;
  import_progress progress;
  std::optional<error> failure;
  std::vector<caf::typed_response_promise<import_progress>> waiting;
  static inline const char* name = "importer";
};

/// How many batches an import has in flight.
inline constexpr std::size_t import_batches_max = 8;
/// How often a file that changes while it is read is looked at again before it is a problem.
inline constexpr unsigned import_tries_max = 20;

/// An import of files and folders; `excluded` is the engine's own folder.
importer_actor::behavior_type importer(importer_actor::stateful_pointer<importer_state> self,
                                       catalog_actor catalog, std::vector<std::string> paths,
                                       folder_identity excluded);

}  // namespace podstudio
