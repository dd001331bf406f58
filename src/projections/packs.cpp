// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "events/enums.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace podstudio {

namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The members changed: the row's totals follow at the end of the transaction.
result<void> resize(fold_context& context, pack_id pack) {
  context.resized_packs.insert(pack);
  return change_one(context.packs.touch, pack, context.at);
}

}  // namespace

result<void> fold(fold_context& context, const pack_created& what) {
  context.ids.pack = std::max(context.ids.pack, what.pack);
  const auto& facts = what.facts;
  auto& packs = context.packs;
  auto done = packs.insert.run(what.pack, facts.name, facts.theme, facts.description,
                               word(facts.license), context.at);
  // One that was deleted is here again.
  if (done) done = context.jobs.remember_pack.run(what.pack);
  if (done) done = packs.unbury_jobs.run(what.pack);
  if (done) done = packs.unbury.run(what.pack);
  return done;
}

result<void> fold(fold_context& context, const pack_edited& what) {
  const auto& facts = what.after;
  return change_one(context.packs.edit, what.pack, facts.name, facts.theme, facts.description,
                    word(facts.license), context.at);
}

result<void> fold(fold_context& context, const pack_asset_added& what) {
  auto added = context.packs.add_asset.run(what.pack, what.asset, what.position);
  if (!added) return added;
  return resize(context, what.pack);
}

result<void> fold(fold_context& context, const pack_asset_removed& what) {
  auto removed = change_one(context.packs.remove_asset, what.pack, what.asset);
  if (!removed) return removed;
  return resize(context, what.pack);
}

result<void> fold(fold_context& context, const pack_exported& what) {
  auto at = to_timestamp(what.at_us_after);
  auto marked = change_one(context.packs.set_exported, what.pack, what.path_after, at, context.at);
  if (!marked || !what.made) return marked;
  const auto& made = *what.made;
  return context.packs.add_export.run(
      context.sequence, what.pack, what.path_after, at, to_hex(made.sha256), made.size_bytes,
      made.assets, made.sequence, to_hex(made.head_hash), made.profile, bytes_of(made.texts.bytes));
}

result<void> fold(fold_context& context, const pack_deleted& what) {
  context.resized_packs.erase(what.pack);
  auto& packs = context.packs;
  // Its jobs stay in the history; they only lose the reference.
  auto done = packs.bury.run(what.pack);
  if (done) done = packs.bury_jobs.run(what.pack);
  if (done) done = context.jobs.forget_pack.run(what.pack);
  if (done) done = change_one(packs.remove, what.pack);
  return done;
}

result<void> fold(fold_context& context, const seller_described& what) {
  const auto& [author, year, shop, contact] = what.after;
  return change_one(context.packs.set_seller, author, year, shop, contact);
}

result<void> resize_packs_of(fold_context& context, asset_id asset) {
  std::set<pack_id> packs;
  auto& find = context.packs.find_by_asset;
  find.bind(asset);
  auto found = find.for_each_row([&](const statement& row) { packs.insert(row.get<pack_id>(0)); });
  if (!found) return found;
  for (auto pack : packs) {
    auto resized = resize(context, pack);
    if (!resized) return resized;
  }
  return {};
}

result<void> count_resized_packs(fold_context& context) {
  for (auto pack : context.resized_packs) {
    auto counted = change_one(context.packs.count_assets, pack);
    if (!counted) return counted;
  }
  return {};
}

}  // namespace podstudio
