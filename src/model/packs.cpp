// SPDX-License-Identifier: MIT
#include "model/packs.hpp"

#include "model/curation.hpp"
#include "platform/text.hpp"

#include <algorithm>

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

}  // namespace podstudio
