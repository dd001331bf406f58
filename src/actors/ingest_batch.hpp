// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podstudio {

/// A batch of files from a source, on its way through the catalog. Its parts are read, decided and
/// logged independently. Once the last part is decided, the files that are gone can be decided;
/// once the last of its commands is durable, its source is answered.
class ingest_batch {
public:
  ingest_batch(std::string origin_of, caf::typed_response_promise<observation_outcome> answer)
      : origin(std::move(origin_of)), promise(std::move(answer)) {}

  /// One more part is to be decided, and a command logged of what comes of it.
  void expect_part() {
    ++undecided_;
    expect_command();
  }
  /// One more command is to be logged.
  void expect_command() { ++not_durable_; }

  /// A part is decided. Whether it was the last one.
  [[nodiscard]] bool part_decided() { return --undecided_ == 0; }
  /// A command is durable up to this sequence. Whether it was the last one.
  [[nodiscard]] bool command_durable(sequence_number sequence) {
    if (sequence > outcome.last_sequence) outcome.last_sequence = sequence;
    return --not_durable_ == 0;
  }
  /// A command could not be decided or logged. Whether it was the last one.
  [[nodiscard]] bool command_failed(error why) {
    failure_ = std::move(why);
    return --not_durable_ == 0;
  }
  /// Why a command failed, if one did.
  const std::optional<error>& failure() const noexcept { return failure_; }

  const std::string origin;
  caf::typed_response_promise<observation_outcome> promise;
  std::shared_ptr<const std::vector<seen_file>> wanted;  ///< files to read
  std::vector<gone_file> gone;
  std::vector<asset_id> vanishing;  ///< the assets that were there
  std::vector<std::string> resolved;
  observation_outcome outcome;

private:
  std::size_t undecided_ = 0;
  std::size_t not_durable_ = 0;
  std::optional<error> failure_;
};
using ingest_batch_ptr = std::shared_ptr<ingest_batch>;

}  // namespace podstudio
