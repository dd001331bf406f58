// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"
#include "model/identity.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

/// Undoing a command. A command changed fields of assets and packs, each from one value to another.
/// Undoing it is a new command that resets each field to the value before, but only if the present
/// value is the one that the command left; otherwise a later change would be lost silently. Changes
/// to files cannot be undone.
namespace podstudio {

/// One value that a command can set, of an asset, of a pack, of an asset in a pack, or of the
/// seller.
struct field {
  enum class kind : std::uint8_t {
    label,
    tag,
    missing,
    pack,  ///< that it is there
    name,
    license,
    pack_theme,
    description,
    exported,
    member,  ///< the position of an asset in a pack
    author,  ///< this and what follows: of the seller
    year,
    shop,
    contact,
  };
  pack_id pack = 0;  ///< 0 as well as `asset`: of the seller
  asset_id asset = 0;
  kind what = kind::label;
  std::size_t label = 0;  ///< of a label: its place in `all_labels`
  std::string tag{};
  auto operator<=>(const field&) const = default;
};

/// `theme of asset 1`, for a person.
std::string describe(const field& what);
/// How many fields an answer names, and how many commands that stand in the way of an undo.
inline constexpr std::size_t left_named_max = 100;
/// The first left_named_max of them, as `describe` has them.
std::vector<std::string> names_of(const std::vector<field>& fields);

struct no_value {
  bool operator==(const no_value&) const = default;
};
/// The asset or the pack does not exist, so it has no fields.
struct not_there {
  bool operator==(const not_there&) const = default;
};
struct export_mark {
  std::string path;
  std::int64_t at_us = 0;
  bool operator==(const export_mark&) const = default;
};
/// Enumerations are numbers.
using field_value = std::variant<no_value, not_there, bool, std::int64_t, std::string, export_mark>;

struct field_change {
  field where;
  field_value before;
  field_value after;
};

/// The fields that an event changes, in no order.
std::vector<field_change> changes_of(const event& what);

/// What a field is now.
field_value present(const catalog_model& model, const field& what);

/// What a command did.
struct command_effect {
  /// Each field once, sorted, from the value before the command to the one it left.
  std::vector<field_change> changes;
  /// Events that tell of files, jobs or the engine, by their names: none is undone.
  std::map<std::string, std::uint64_t> facts;
};
/// That a file came back is a fact, unless it was a person's undo that took the mark away.
command_effect effect_of(const std::vector<event>& events, bool by_person);

/// The outcome of undoing a command.
struct undo_decision {
  std::vector<event> events;     ///< take back all that nothing stands in the way of
  std::vector<field> conflicts;  ///< changed since, sorted: left
  /// A tag, a pack or an asset in a pack beyond max_asset_tags, max_packs or max_pack_assets,
  /// sorted: left. Others came since.
  std::vector<field> no_room;
  std::map<std::string, std::uint64_t> facts;  ///< as above: left
  /// There are conflicts, and all that the command changed is as it was before it all the same.
  bool is_as_before = false;

  bool complete() const noexcept { return conflicts.empty() && no_room.empty() && facts.empty(); }
};

/// Takes back the events of a command, which a person gave or the engine. `paths` has the paths of
/// the assets that it marked missing; the model checks them.
undo_decision decide_undo(const catalog_model& model, const std::vector<event>& events,
                          const asset_paths& paths, bool by_person = true);

/// The summary of the command that undoes one of this id and summary.
std::string undo_summary(const uuid& id, const std::string& summary, bool force);

}  // namespace podstudio
