// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace podstudio {

/// How many requests a hasher holds: one it works on, and the next.
inline constexpr std::size_t hasher_load_max = 2;
/// How much one request to a hasher covers, so that work is shared among hashers. A file above it
/// is large, and read alone.
inline constexpr std::uint64_t reading_bytes_max = large_file_bytes;

/// A range of a list of files, for one request to a hasher.
struct reading_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool large = false;  ///< one file above reading_bytes_max
  bool operator==(const reading_range&) const = default;
};

/// Cuts the files into ranges of at most max_batch_files files and reading_bytes_max bytes, in
/// order.
std::vector<reading_range> split_reading(const std::vector<seen_file>& files);

/// What a hasher has been given and has not answered yet.
struct hasher_load {
  std::size_t parts = 0;  ///< at most hasher_load_max
  std::size_t large = 0;  ///< of them
};

/// The idlest of the hashers that may take a part; nothing if none may. The last one never reads
/// large files, so that small ones need not wait for those; it only works while all others are at
/// large ones, as with nothing large to read it would be one thread too many. `load` is not empty.
std::optional<std::size_t> free_hasher(const std::vector<hasher_load>& load, bool large);

/// Distributes the files to read among the hashers. Owned by the catalog actor and used only in its
/// context.
class hasher_pool {
public:
  using on_read = std::function<void(const std::vector<result<file_content>>&)>;
  using on_failure = std::function<void(const caf::error&)>;

  hasher_pool() = default;
  hasher_pool(catalog_actor::pointer self, std::vector<hasher_actor> hashers)
      : self_(self), hashers_(std::move(hashers)), load_(hashers_.size()) {}

  /// Has a range of the files read; `then` gets an outcome for each, in order. What waits is
  /// bounded by the sources' credit.
  void read(std::shared_ptr<const std::vector<seen_file>> files, reading_range range, on_read then,
            on_failure otherwise);

private:
  struct reading {
    digest_request request;
    bool large = false;
    on_read then;
    on_failure otherwise;
  };

  void hand_out();
  void hand_out(std::deque<reading>& waiting);

  catalog_actor::pointer self_ = nullptr;
  std::vector<hasher_actor> hashers_;
  std::vector<hasher_load> load_;  ///< of each hasher
  std::deque<reading> small_;
  std::deque<reading> large_;
};

}  // namespace podstudio
