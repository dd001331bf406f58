// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

/// INTERNAL to this folder: what was read from an asset's file, as JSON.
namespace podstudio {

class database;

/// Of an asset as `list_assets` has it: `{width height duration_sec samplerate_hz}`, and what else
/// `asset_media` has, under its names; but `fps` is a fraction as text, `30000/1001`. All that is
/// not known is null, and everything where the file was not read yet.
result<nlohmann::json> media_of(database& db, const nlohmann::json& listed);

/// `[{kind reason}]`
result<nlohmann::json> problems_of(database& db, asset_id asset);

/// The columns of `asset_generation`, null where the file says nothing. `guesses`, `loras`,
/// `passes` and `raw` are lists, in which a seed is text, too: it may have 64 bits.
result<nlohmann::json> generation_of(database& db, asset_id asset);

/// `{source provenance}` that what the file says of itself suggests, where a person has set none;
/// null where there is neither. `source` is the tool's usual name.
nlohmann::json suggested_by(const nlohmann::json& generation, const nlohmann::json& listed);

}  // namespace podstudio
