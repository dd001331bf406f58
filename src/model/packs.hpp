// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Changes to packs, and how they are decided.
namespace podstudio {

struct pack_creation {
  pack_facts facts;
  bool force = false;  ///< though there is a pack of this name
};
/// What is not set stays as it is.
struct pack_edit {
  pack_id pack = 0;
  std::optional<std::string> name;
  std::optional<license_type> license;
  std::optional<std::optional<std::string>> theme;        ///< the inner nothing clears it
  std::optional<std::optional<std::string>> description;  ///< the inner nothing clears it
  bool force = false;                                     ///< though another pack has this name
};
/// The assets are appended in this order; existing members stay where they are.
struct pack_addition {
  pack_id pack = 0;
  std::vector<asset_id> assets;
};
struct pack_removal {
  pack_id pack = 0;
  std::vector<asset_id> assets;  ///< those that are not in it do not matter
};
struct pack_deletion {
  pack_id pack = 0;
};
/// Puts an asset before another one, or at a place.
struct pack_move {
  pack_id pack = 0;
  asset_id asset = 0;
  asset_id before = 0;    ///< 0: `place` says where
  std::size_t place = 1;  ///< from 1 on; beyond the last one means the end
};
/// A new pack with the texts and the assets of another one, in its order.
struct pack_copy {
  pack_id pack = 0;
  std::string name;
  bool force = false;  ///< though there is a pack of this name
};
/// What the seller says of themselves, for the texts of all packs. What is not set stays as it is;
/// an inner nothing clears it.
struct seller_change {
  using text = std::optional<std::optional<std::string>>;
  text author, year, shop, contact;
};
using pack_change = std::variant<pack_creation, pack_edit, pack_addition, pack_removal,
                                 pack_deletion, pack_move, pack_copy, seller_change>;

inline constexpr std::size_t max_packs = 10'000;
/// A pack is copied, deleted, and that undone, in one command.
inline constexpr std::size_t max_pack_assets = 20'000;
/// The longest description, in bytes.
inline constexpr std::size_t max_description_bytes = 16u << 10;
/// The longest text of the seller, in bytes.
inline constexpr std::size_t max_seller_text_bytes = 256;

/// Errors: `not_found` naming the pack or the asset, `invalid_argument` naming the text and the
/// rule it breaks, `refused` where a bound is reached or another pack has the name. What already is
/// as asked gives no event.
result<std::vector<event>> decide(const catalog_model& model, const pack_change& change);

/// An archive that stands under its name.
struct finished_export {
  std::string path;        ///< absolute
  std::int64_t at_us = 0;  ///< when it was finished, microseconds since the Unix epoch
  exported_archive made;
};

/// That a pack was exported to these archives, in this order: one, or its parts. Error: `not_found`
/// where the pack has been deleted meanwhile, naming the archives.
result<std::vector<event>> decide_exported(const catalog_model& model, pack_id pack,
                                           const std::vector<finished_export>& exports);

}  // namespace podstudio
