// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Makes commands as the journal would hand them on, without a log: sequences without gaps, a
/// second apart, hashes that differ.
class command_maker {
public:
  /// 2026-01-02 03:04:05.000000 UTC: of the first command.
  static constexpr std::int64_t first_at_us = 1'767'323'045'000'000;

  podstudio::committed_command operator()(std::vector<podstudio::event> events,
                                          std::string summary = "test") {
    auto what = std::make_shared<podstudio::command>();
    what->id[0] = static_cast<std::uint8_t>(made_ >> 8);
    what->id[1] = static_cast<std::uint8_t>(made_);
    what->origin = "console";
    what->summary = std::move(summary);
    what->events = std::move(events);
    // Not all commands have one.
    if (made_ % 3 != 2) what->request.emplace().fill(static_cast<std::uint8_t>(made_ + 7));
    podstudio::committed_command made;
    made.first_sequence = next_;
    made.at_us = first_at_us + made_ * 1'000'000;
    made.hash.fill(static_cast<std::uint8_t>(made_ + 1));
    made.what = std::move(what);
    next_ = made.last_sequence() + 1;
    ++made_;
    return made;
  }

private:
  podstudio::sequence_number next_ = 1;
  std::int64_t made_ = 0;
};

/// File content that is told apart by one number; the same content is in one file.
inline podstudio::file_content content_of(std::uint64_t number, std::uint64_t size_bytes = 1'000) {
  podstudio::file_content content;
  for (std::size_t i = 0; i < 8; ++i)
    content.sha256[i] = static_cast<std::uint8_t>(number >> (8 * i));
  content.facts = {size_bytes, 1'700'000'000'000'000'000, 1'700'000'000'000'000'001, number, 2'049};
  return content;
}

inline podstudio::asset_registered
registered(podstudio::asset_id asset, std::string path, std::uint64_t content = 1,
           podstudio::asset_type type = podstudio::asset_type::image) {
  auto in_its_own_file = content_of(content);
  in_its_own_file.facts.inode = static_cast<std::uint64_t>(asset);
  return {asset, std::move(path), type, in_its_own_file};
}
