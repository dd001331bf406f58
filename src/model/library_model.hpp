// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"
#include "model/jobs_model.hpp"
#include "model/media.hpp"

/// The model on which every change is decided: a single one, so that one command may change assets,
/// packs and jobs together.
namespace podstudio {

struct library_model {
  catalog_model catalog;  ///< assets, packs, watch roots and problems
  jobs_model jobs;
  unread_media unread;

  /// The next model.
  void apply(const event& what);
  /// The model before the event, which was the last one applied and is not settled.
  void revert(const event& what);
  /// An event that was applied is durable and will not be reverted. In the order of the events.
  void settle(const event& what);
};

}  // namespace podstudio
