// SPDX-License-Identifier: MIT
#pragma once

#include "packs/snapshot.hpp"

#include <cstdint>
#include <string>

/// Packs to sell, as the tests change them.
namespace some_pack {

/// An approved picture that any profile takes. Each number gives another content.
inline podstudio::packs::member picture(podstudio::asset_id asset) {
  podstudio::packs::member made;
  made.asset = asset;
  made.path = "/lib/picture " + std::to_string(asset) + ".png";
  made.sha256 = std::string(60, '0') + std::to_string(1'000 + asset);
  made.size_bytes = 1'500'000;
  made.type = "image";
  made.provenance = "user_provided";
  made.approved = true;
  made.width = 7'200;
  made.height = 10'800;
  made.mime = "image/png";
  made.alpha_present = made.alpha_used = true;
  made.dpi_x = made.dpi_y = 300;
  return made;
}

inline podstudio::packs::member sound(podstudio::asset_id asset) {
  auto made = picture(asset);
  made.path = "/lib/sound " + std::to_string(asset) + ".wav";
  made.type = "audio";
  made.mime = "audio/wav";
  made.width = made.height = {};
  made.alpha_present = made.alpha_used = {};
  made.dpi_x = made.dpi_y = {};
  made.duration_sec = 12;
  made.samplerate_hz = 44'100;
  return made;
}

/// Of two pictures, last changed in 2026.
inline podstudio::packs::snapshot foxes() {
  podstudio::packs::snapshot made;
  made.pack = 3;
  made.name = "Foxes";
  made.license = "commercial";
  made.created_at_us = made.updated_at_us = 1'767'323'045'000'000;
  made.members = {picture(1), picture(2)};
  made.sequence = 9;
  made.head_hash = std::string(64, 'a');
  return made;
}

inline podstudio::packs::seller ada() { return {"Ada Lovelace", {}, {}, {}}; }

}  // namespace some_pack
