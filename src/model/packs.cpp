// SPDX-License-Identifier: MIT
#include "model/packs.hpp"

#include "model/curation.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace podstudio {

namespace {

error no_such_pack(pack_id id) {
  return {error_code::not_found,
          "there is no pack " + std::to_string(id) + "; 'pack list' shows the ids"};
}

result<void> check_facts(const pack_facts& facts) {
  auto good = check_text("name", facts.name);
  if (good && facts.theme) good = check_text("theme", *facts.theme);
  if (good && facts.description)
    good = check_text("description", *facts.description, max_description_bytes, text_shape::lines);
  return good;
}

/// Nothing if no pack but `own` has the name.
result<void> check_name(const catalog_model& model, const std::string& name, pack_id own) {
  auto other = model.find_pack(name, own);
  if (other == 0) return {};
  return error{error_code::refused, "pack " + std::to_string(other) + " is already named "
                                        + in_quotes(name)
                                        + "; choose another name, or use --force"};
}

/// Whether a text of the seller is bounded, shows as a whole, and for a year is one.
result<void> check_seller_text(std::string_view field, const std::string& text) {
  if (auto good = check_text(field, text, max_seller_text_bytes); !good) return good;
  auto refuse = [&](const char* rule) {
    return error{error_code::invalid_argument,
                 "the " + std::string(field) + " " + in_quotes(text) + " " + rule};
  };
  if (for_terminal(text) != text) return refuse("has a character that does not show; remove it");
  if (clean_line(text).empty()) return refuse("has nothing but spaces; give some text");
  bool is_year = text.find_first_not_of("0123456789-, ") == std::string::npos
                 && text.find_first_of("0123456789") != std::string::npos;
  if (field == "year" && !is_year)
    return refuse("is not a year; give one such as 2026 or 2024-2026");
  return {};
}

/// The members of a pack in order, and their positions, rising.
struct member_order {
  std::vector<asset_id> assets;
  std::vector<std::int64_t> positions;

  explicit member_order(const pack_state& pack) {
    std::vector<std::pair<std::int64_t, asset_id>> sorted;
    for (const auto& [asset, position] : pack.members)
      sorted.emplace_back(position, asset);
    std::ranges::sort(sorted);
    for (const auto& [position, asset] : sorted) {
      assets.push_back(asset);
      positions.push_back(position);
    }
  }
  std::size_t place_of(asset_id asset) const {
    return static_cast<std::size_t>(std::ranges::find(assets, asset) - assets.begin());
  }
};

/// A position that leaves those around it as they are; nothing where there is none.
std::optional<std::int64_t> position_between(std::optional<std::int64_t> before,
                                             std::optional<std::int64_t> behind) {
  // Positions that far out were not written by us; there, all are given anew.
  constexpr std::int64_t far = std::int64_t{1} << 62;
  for (auto end : {before, behind})
    if (end && (*end >= far || *end <= -far)) return std::nullopt;
  if (!behind) return before.value_or(0) + 1;
  if (!before) return *behind - 1;
  if (*behind - *before < 2) return std::nullopt;
  return *before + (*behind - *before) / 2;
}

using decided = result<std::vector<event>>;

struct decision {
  const catalog_model& model;

  decided operator()(const pack_creation& asked) const {
    if (auto good = check_facts(asked.facts); !good) return good.failure();
    if (model.packs() >= max_packs)
      return error{error_code::refused,
                   "there are " + std::to_string(max_packs) + " packs already; delete one first"};
    if (!asked.force)
      if (auto free = check_name(model, asked.facts.name, 0); !free) return free.failure();
    return std::vector<event>{pack_created{model.last_pack() + 1, asked.facts}};
  }

  decided operator()(const pack_edit& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    auto after = known->facts;
    if (asked.name) after.name = *asked.name;
    if (asked.license) after.license = *asked.license;
    if (asked.theme) after.theme = *asked.theme;
    if (asked.description) after.description = *asked.description;
    if (auto good = check_facts(after); !good) return good.failure();
    if (after == known->facts) return std::vector<event>{};
    if (after.name != known->facts.name && !asked.force)
      if (auto free = check_name(model, after.name, asked.pack); !free) return free.failure();
    return std::vector<event>{pack_edited{asked.pack, known->facts, std::move(after)}};
  }

  decided operator()(const pack_addition& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    std::int64_t last = 0;
    for (const auto& [asset, position] : known->members)
      last = std::max(last, position);
    std::vector<event> events;
    std::set<asset_id> added;
    for (auto asset : asked.assets) {
      if (model.asset(asset) == nullptr) return no_such_asset(asset);
      if (known->members.contains(asset) || !added.insert(asset).second) continue;
      if (known->members.size() + added.size() > max_pack_assets)
        return error{error_code::refused, "pack " + std::to_string(asked.pack)
                                              + " would hold more than "
                                              + std::to_string(max_pack_assets)
                                              + " assets; make another pack for the rest"};
      events.emplace_back(pack_asset_added{asked.pack, asset, ++last});
    }
    return events;
  }

  decided operator()(const pack_removal& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    std::vector<event> events;
    std::set<asset_id> removed;
    for (auto asset : asked.assets) {
      if (model.asset(asset) == nullptr) return no_such_asset(asset);
      auto member = known->members.find(asset);
      if (member == known->members.end() || !removed.insert(asset).second) continue;
      events.emplace_back(pack_asset_removed{asked.pack, asset, member->second});
    }
    return events;
  }

  decided operator()(const pack_move& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    for (auto asset : {asked.asset, asked.before == 0 ? asked.asset : asked.before})
      if (!known->members.contains(asset))
        return error{error_code::not_found, "asset " + std::to_string(asset) + " is not in pack "
                                                + std::to_string(asked.pack)
                                                + "; 'pack show' lists those that are"};
    if (asked.before == asked.asset) return std::vector<event>{};
    member_order order(*known);
    auto from = order.place_of(asked.asset);
    order.assets.erase(order.assets.begin() + static_cast<std::ptrdiff_t>(from));
    auto to = asked.before != 0
                  ? order.place_of(asked.before)
                  : std::min(std::max<std::size_t>(asked.place, 1) - 1, order.assets.size());
    if (to == from) return std::vector<event>{};
    order.assets.insert(order.assets.begin() + static_cast<std::ptrdiff_t>(to), asked.asset);
    return moved(asked.pack, *known, order, to);
  }

  /// The events of a new order, in which one asset has got to place `to`.
  static std::vector<event> moved(pack_id pack, const pack_state& known, member_order& order,
                                  std::size_t to) {
    std::vector<event> events;
    auto put = [&](asset_id asset, std::int64_t position) {
      auto before = known.members.at(asset);
      if (before == position) return;
      events.emplace_back(pack_asset_removed{pack, asset, before});
      events.emplace_back(pack_asset_added{pack, asset, position});
    };
    auto position_at = [&](std::size_t place) -> std::optional<std::int64_t> {
      if (place >= order.assets.size()) return std::nullopt;
      return known.members.at(order.assets[place]);
    };
    // `to - 1` of the first is no place.
    if (auto free = position_between(position_at(to - 1), position_at(to + 1))) {
      put(order.assets[to], *free);
      return events;
    }
    // Those in between move up or down to the next one's position.
    auto& positions = order.positions;
    if (std::ranges::adjacent_find(positions) != positions.end())
      std::iota(positions.begin(), positions.end(), 1);
    for (std::size_t i = 0; i < positions.size(); ++i)
      put(order.assets[i], positions[i]);
    return events;
  }

  decided operator()(const pack_copy& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    auto facts = known->facts;
    facts.name = asked.name;
    auto created = (*this)(pack_creation{facts, asked.force});
    if (!created) return created;
    for (const auto& [asset, position] : known->members)
      created->emplace_back(pack_asset_added{model.last_pack() + 1, asset, position});
    return created;
  }

  decided operator()(const seller_change& asked) const {
    auto after = model.seller();
    for (const auto& [name, text, into] : {std::tuple{"author", &asked.author, &after.author},
                                           {"year", &asked.year, &after.year},
                                           {"shop", &asked.shop, &after.shop},
                                           {"contact", &asked.contact, &after.contact}}) {
      if (!*text) continue;
      if (**text)
        if (auto good = check_seller_text(name, ***text); !good) return good.failure();
      *into = **text;
    }
    if (after == model.seller()) return std::vector<event>{};
    return std::vector<event>{seller_described{model.seller(), std::move(after)}};
  }

  decided operator()(const pack_deletion& asked) const {
    const auto* known = model.pack(asked.pack);
    if (known == nullptr) return no_such_pack(asked.pack);
    std::vector<event> events;
    for (const auto& [asset, position] : known->members)
      events.emplace_back(pack_asset_removed{asked.pack, asset, position});
    events.emplace_back(
        pack_deleted{asked.pack, known->facts, known->export_path, known->exported_at_us});
    return events;
  }
};

}  // namespace

result<std::vector<event>> decide(const catalog_model& model, const pack_change& change) {
  return std::visit(decision{model}, change);
}

result<std::vector<event>> decide_exported(const catalog_model& model, pack_id pack,
                                           const std::vector<finished_export>& exports) {
  std::vector<event> events;
  if (exports.empty()) return events;
  const auto* known = model.pack(pack);
  if (known == nullptr)
    return error{error_code::not_found,
                 "pack " + std::to_string(pack) + " was deleted while it was exported; "
                     + in_quotes(exports.front().path)
                     + " is complete, but not listed; undo the deletion and export it again"};
  auto path = known->export_path;
  auto at_us = known->exported_at_us;
  for (const auto& each : exports) {
    events.emplace_back(pack_exported{pack, path, at_us, each.path, each.at_us, each.made});
    path = each.path;
    at_us = each.at_us;
  }
  return events;
}

}  // namespace podstudio
