// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "media/extract.hpp"
#include "support/committed.hpp"

#include <cstdint>
#include <string>

/// The event that a worker's answer becomes. The columns of the seed are those of the answer.
inline podstudio::asset_metadata_extracted read_as(podstudio::asset_id asset,
                                                   const podstudio::media::extracted& read,
                                                   std::uint64_t content = 1) {
  podstudio::asset_metadata_extracted what;
  what.asset = asset;
  if (read.facts.width) what.after.width = *read.facts.width;
  if (read.facts.height) what.after.height = *read.facts.height;
  what.after.duration_sec = read.facts.duration_sec;
  if (read.facts.samplerate_hz) what.after.samplerate_hz = *read.facts.samplerate_hz;
  what.sha256 = content_of(content).sha256;
  what.extractor = 1;
  what.report = podstudio::media::to_json(read);
  return what;
}
