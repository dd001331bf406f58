// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

/// What is known of what the bytes of files say, and what has to be read yet.
namespace podstudio {

/// What a job read from an asset's file.
struct read_media {
  asset_id asset = 0;
  std::string path;  ///< by which they were read
  digest sha256{};   ///< of the bytes that were read
  media_facts before, after;
  std::uint8_t extractor = 0;
  std::string report;  ///< as `asset_metadata_extracted::report`
};

/// Events for the assets that still have the bytes that were read, at the same path: another one
/// may have another extension.
std::vector<event> decide_read(const catalog_model& model, std::vector<read_media> read);

/// The assets whose files are to be read: each once, from the lowest id on, and again those that
/// get other bytes or another extension, that come back, or that move or are touched before they
/// were read. A file that could not be opened or read for the time being is tried again after the
/// next start.
class unread_media {
public:
  /// `extractor` is the version that counts: what an earlier one read is read again.
  explicit unread_media(std::uint8_t extractor = 0) : extractor_(extractor) {}

  /// The model is the one after the event.
  void see(const catalog_model& model, const event& what);
  /// At most `count_max` assets, in ascending order, which are not given again.
  std::vector<asset_id> take(const catalog_model& model, std::size_t count_max);
  /// These were not queued after all.
  void give_back(const std::vector<asset_id>& assets) {
    behind_.insert(assets.begin(), assets.end());
  }
  /// Whether `take` would give any; moves on to the first of them.
  bool any(const catalog_model& model);

private:
  bool is_unread(const catalog_model& model, asset_id id) const;

  std::uint8_t extractor_;
  asset_id next_ = 1;          ///< those from here on were not looked at yet
  std::set<asset_id> behind_;  ///< of those before it: what has changed since
};

}  // namespace podstudio
