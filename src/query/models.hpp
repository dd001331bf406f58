// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"
#include "model/command_memory.hpp"
#include "model/identity.hpp"
#include "model/library_model.hpp"

/// Loads the decision models from the tables.
namespace podstudio {

class database;

/// Error: `damaged` when the tables hold what no fold writes.
result<catalog_model> load_catalog_model(database& tables);
result<jobs_model> load_jobs_model(database& tables);
result<library_model> load_library_model(database& tables);

/// The assets whose files went a short while ago, into an empty memory.
result<void> load_recent_losses(database& tables, recent_losses& losses);

/// The last commands that people and scripts gave, into an empty memory.
result<void> load_command_memory(database& tables, command_memory& memory);

}  // namespace podstudio
