// SPDX-License-Identifier: MIT
#pragma once

#include "events/log.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

/// The history of one asset or pack, read from the log.
namespace podstudio {

/// How many events one page of a log reads, about: a fraction of a second. The last command is read
/// whole.
inline constexpr std::uint64_t log_page_events = 1u << 17;

/// Reads a log page by page. If a page begins where the last one ended, nothing is read twice.
/// Holds one command at a time.
class log_pages {
public:
  log_pages(file_system& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  /// Calls `take` with the commands from `from` on that end at `to` or before, until it returns
  /// false or enough is read. Where to go on; nothing where all is read. Errors: those of
  /// `log_reader`.
  result<std::optional<sequence_number>>
  read(sequence_number from, sequence_number to,
       const std::function<bool(const committed_command&)>& take);

private:
  file_system& files_;
  std::string folder_;
  std::unique_ptr<log_reader> reader_;
  sequence_number next_ = 0;  ///< where the reader is
};

/// The asset or pack whose history is asked for.
struct history_subject {
  std::optional<asset_id> asset;
  std::optional<pack_id> pack;
};

/// The event as an entry of a history, `{sequence at type origin command before after}`, or null
/// where it does not concern the subject. `before` and `after` are what it says of the subject.
nlohmann::json history_entry(const committed_command& committed, std::size_t index,
                             const history_subject& subject);

}  // namespace podstudio
