// SPDX-License-Identifier: MIT
#include "model/catalog_model.hpp"

#include "events/extension.hpp"
#include "platform/text.hpp"
#include "platform/volume.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace podstudio {

// --- keys and texts ---

path_key path_keyer::operator()(std::string_view path) {
  auto whole = hash_.of(path);
  path_key key;
  std::memcpy(key.data(), whole.data(), sizeof key);
  return key;
}

std::uint64_t digest_key(const digest& sha256) noexcept {
  std::uint64_t key = 0;
  std::memcpy(&key, sha256.data(), sizeof key);
  return key;
}

bool same_state(const file_facts& known, const file_facts& seen) noexcept {
  auto here = known;
  if (is_device_number(known.device)) here.device = seen.device;
  return here == seen;
}

bool on_other_volume(const file_facts& one, const file_facts& other) noexcept {
  return one.device != other.device && !is_device_number(one.device)
         && !is_device_number(other.device);
}

text_number text_pool::number(const std::optional<std::string>& text) {
  if (!text) return 0;
  auto [at, added] = numbers_.try_emplace(*text, static_cast<text_number>(texts_.size() + 1));
  if (added) texts_.push_back(&at->first);  // nodes of an unordered_map stay where they are
  return at->second;
}

std::optional<std::string> text_pool::text(text_number number) const {
  if (number == 0) return std::nullopt;
  return *texts_.at(number - 1);
}

std::optional<text_number> text_pool::find(const std::optional<std::string>& text) const {
  if (!text) return 0;
  auto at = numbers_.find(*text);
  if (at == numbers_.end()) return std::nullopt;
  return at->second;
}

// --- the table of assets ---

catalog_model::catalog_model() = default;
catalog_model::catalog_model(catalog_model&&) noexcept = default;
catalog_model& catalog_model::operator=(catalog_model&&) noexcept = default;
catalog_model::~catalog_model() = default;

const asset_state* catalog_model::asset(asset_id id) const noexcept {
  if (id < 1 || id > last_asset_) return nullptr;
  auto place = static_cast<std::size_t>(id - 1);
  if (place / block_size >= blocks_.size() || !blocks_[place / block_size]) return nullptr;
  const auto& found = blocks_[place / block_size][place % block_size];
  return found.known ? &found : nullptr;
}

asset_state& catalog_model::at(asset_id id) {
  assert(asset(id) != nullptr);
  auto place = static_cast<std::size_t>(id - 1);
  return blocks_[place / block_size][place % block_size];
}

std::uint64_t catalog_model::inode_hash(const file_facts& facts) noexcept {
  // Inodes are dense and devices few: Fibonacci hashing spreads both over all bits.
  constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;
  auto mixed = (facts.inode ^ facts.device * golden) * golden;
  return mixed ^ mixed >> 32;
}

asset_id catalog_model::asset_at(const path_key& key) const noexcept {
  return by_path_.find(key[1], [&](asset_id id) { return asset(id)->key == key; });
}

asset_id catalog_model::same_file(const file_facts& facts) const {
  return find_inode(facts, [&](asset_id id) { return asset(id)->facts == facts; });
}

void catalog_model::insert(asset_id id, std::string_view path, asset_state state) {
  assert(id >= 1 && id <= 0xffff'ffff && asset(id) == nullptr);
  auto place = static_cast<std::size_t>(id - 1);
  if (place / block_size >= blocks_.size()) blocks_.resize(place / block_size + 1);
  auto& block = blocks_[place / block_size];
  if (!block) block = std::make_unique<asset_state[]>(block_size);
  state.key = keyer_(path);
  state.known = true;
  if (id > last_asset_) last_asset_ = id;
  blocks_[place / block_size][place % block_size] = state;
  assert(asset_at(state.key) == 0);
  by_path_.add(static_cast<std::uint32_t>(id), path_hash_of());
  if (state.facts.inode != 0) by_inode_.add(static_cast<std::uint32_t>(id), inode_hash_of());
  join_twins(id);
  if (state.missing) missing_.emplace(digest_key(state.sha256), id);
}

void catalog_model::erase(asset_id id) {
  set_missing(id, false);
  by_path_.remove(static_cast<std::uint32_t>(id), path_hash_of());
  if (at(id).facts.inode != 0) by_inode_.remove(static_cast<std::uint32_t>(id), inode_hash_of());
  leave_twins(id);
  at(id) = {};
}

void catalog_model::rekey(asset_id id, std::string_view path) {
  by_path_.remove(static_cast<std::uint32_t>(id), path_hash_of());
  at(id).key = keyer_(path);
  by_path_.add(static_cast<std::uint32_t>(id), path_hash_of());
}

void catalog_model::set_content(asset_id id, const digest& sha256, const file_facts& facts) {
  auto& asset = at(id);
  bool missing = asset.missing;
  set_missing(id, false);
  if (asset.facts.inode != 0) by_inode_.remove(static_cast<std::uint32_t>(id), inode_hash_of());
  if (asset.sha256 != sha256) {
    leave_twins(id);
    asset.sha256 = sha256;
    join_twins(id);
  }
  asset.facts = facts;
  if (facts.inode != 0) by_inode_.add(static_cast<std::uint32_t>(id), inode_hash_of());
  set_missing(id, missing);
}

void catalog_model::join_twins(asset_id id) {
  auto& asset = at(id);
  auto number = static_cast<std::uint32_t>(id);
  auto first = by_digest_.find(digest_key(asset.sha256), [&](asset_id other) {
    return this->asset(other)->sha256 == asset.sha256;
  });
  if (first == 0) return by_digest_.add(number, digest_hash_of());
  auto& head = at(first);
  if (head.next_twin == 0) head.next_twin = head.last_twin = first;  // a ring of one
  asset.next_twin = head.next_twin;
  asset.last_twin = first;
  at(head.next_twin).last_twin = number;
  head.next_twin = number;
}

void catalog_model::leave_twins(asset_id id) {
  auto& asset = at(id);
  auto number = static_cast<std::uint32_t>(id);
  bool is_head =
      by_digest_.find(digest_key(asset.sha256), [&](asset_id other) { return other == id; }) != 0;
  if (is_head) by_digest_.remove(number, digest_hash_of());
  if (auto next = asset.next_twin; next != 0) {
    at(next).last_twin = asset.last_twin;
    at(asset.last_twin).next_twin = next;
    if (at(next).next_twin == next) at(next).next_twin = at(next).last_twin = 0;
    if (is_head) by_digest_.add(next, digest_hash_of());
  }
  asset.next_twin = asset.last_twin = 0;
}

bool catalog_model::has_decisions(asset_id id) const {
  const auto& known = *asset(id);
  return known.labels != label_values{} || tags_.contains(id) || packed_.contains(id);
}

void catalog_model::set_missing(asset_id id, bool missing) {
  auto& asset = at(id);
  if (asset.missing == missing) return;
  asset.missing = missing;
  if (missing)
    missing_.emplace(digest_key(asset.sha256), id);
  else
    missing_.erase({digest_key(asset.sha256), id});
}

const std::vector<text_number>& catalog_model::tags(asset_id id) const {
  static const std::vector<text_number> none;
  auto at = tags_.find(id);
  return at == tags_.end() ? none : at->second;
}

bool catalog_model::tagged(asset_id id, const std::string& tag) const {
  auto number = texts_.find(tag);
  return number && std::ranges::find(tags(id), *number) != tags(id).end();
}

void catalog_model::set_tag(asset_id id, const std::string& tag, bool has) {
  assert(tagged(id, tag) != has);
  auto& tags = tags_[id];
  if (has)
    tags.push_back(texts_.number(tag));
  else
    std::erase(tags, texts_.number(tag));
  if (tags.empty()) tags_.erase(id);
}

void catalog_model::set_packed(asset_id id, bool in_one_more) {
  auto& packs = packed_[id];
  in_one_more ? ++packs : --packs;
  if (packs == 0) packed_.erase(id);
}

pack_id catalog_model::find_pack(std::string_view name, pack_id own) const {
  for (const auto& [id, pack] : packs_)
    if (id != own && pack.facts.name == name) return id;
  return 0;
}

const pack_state* catalog_model::pack(pack_id id) const {
  auto at = packs_.find(id);
  return at == packs_.end() ? nullptr : &at->second;
}

root_id catalog_model::root_at(std::string_view path) const {
  for (const auto& [id, root] : roots_)
    if (root.path == path) return id;
  return 0;
}

std::optional<problem_kind> catalog_model::problem(const path_key& key) const {
  auto at = problems_.find(key);
  if (at == problems_.end()) return std::nullopt;
  return at->second;
}

bool catalog_model::unchanged(const path_key& key, const file_facts& facts) const noexcept {
  auto id = asset_at(key);
  if (id == 0) return false;
  const auto* known = asset(id);
  return !known->missing && same_state(known->facts, facts);
}

error no_such_asset(asset_id id) {
  return {error_code::not_found,
          "there is no asset " + std::to_string(id) + "; 'asset list' shows the ids"};
}

// --- folding ---

/// How each event changes the model, and back. `forward` tells which.
struct catalog_folds {
  catalog_model& model;
  bool forward;

  template <class T>
  const T& side(const T& before, const T& after) const {
    return forward ? after : before;
  }

  void relocate(asset_id asset, const std::string& before, const std::string& after) {
    model.rekey(asset, side(before, after));
    // If this is reverted, the file is at worst read once more.
    if (has_other_extension(before, after)) model.at(asset).extractor = 0;
  }

  void operator()(const asset_registered& e) {
    if (!forward) return model.erase(e.asset);
    model.insert(
        e.asset, e.path,
        {.sha256 = e.content.sha256, .facts = e.content.facts, .labels = {}, .type = e.type});
  }
  void operator()(const asset_content_changed& e) {
    const auto& content = side(e.before, e.after);
    model.set_content(e.asset, content.sha256, content.facts);
    model.at(e.asset).extractor = 0;
  }
  void operator()(const asset_touched& e) { model.set_facts(e.asset, side(e.before, e.after)); }
  void operator()(const asset_moved& e) {
    relocate(e.asset, e.path_before, e.path_after);
    model.set_facts(e.asset, side(e.before, e.after));
  }
  void operator()(const asset_missing& e) { model.set_missing(e.asset, forward); }
  void operator()(const asset_returned& e) {
    if (e.path_before != e.path_after) relocate(e.asset, e.path_before, e.path_after);
    model.set_facts(e.asset, side(e.before, e.after));
    model.set_missing(e.asset, !forward);
  }
  template <label_event Event>
  void operator()(const Event& e) {
    using label = label_of<Event>;
    auto step = label::read(e);
    model.set_label<label>(model.at(step.asset).labels, side(step.before, step.after));
  }
  void operator()(const asset_forgotten& e) {
    if (forward) return model.erase(e.asset);
    model.insert(e.asset, e.path,
                 {.sha256 = e.content.sha256,
                  .facts = e.content.facts,
                  .labels = {.theme = model.texts_.number(e.theme),
                             .source = model.texts_.number(e.source),
                             .provenance = e.origin,
                             .approved = e.approved},
                  .type = e.type,
                  .missing = e.missing});
  }
  void operator()(const asset_tagged& e) { model.set_tag(e.asset, e.tag, forward); }
  void operator()(const asset_untagged& e) { model.set_tag(e.asset, e.tag, !forward); }
  void set_pack(pack_id pack, bool is_there, pack_state state) {
    if (is_there) return model.load_pack(pack, std::move(state));
    for (const auto& [asset, position] : model.packs_.at(pack).members)
      model.set_packed(asset, false);
    model.packs_.erase(pack);
  }
  void operator()(const pack_created& e) {
    set_pack(e.pack, forward,
             {.facts = e.facts, .export_path = {}, .exported_at_us = {}, .members = {}});
  }
  void operator()(const pack_deleted& e) {
    set_pack(e.pack, !forward,
             {.facts = e.facts,
              .export_path = e.export_path,
              .exported_at_us = e.exported_at_us,
              .members = {}});
  }
  void operator()(const pack_edited& e) { model.packs_.at(e.pack).facts = side(e.before, e.after); }
  void operator()(const pack_exported& e) {
    auto& pack = model.packs_.at(e.pack);
    pack.export_path = side(e.path_before, std::optional(e.path_after));
    pack.exported_at_us = side(e.at_us_before, std::optional(e.at_us_after));
  }
  void set_member(pack_id pack, asset_id asset, std::int64_t position, bool is_in) {
    auto& members = model.packs_.at(pack).members;
    if (is_in ? members.insert_or_assign(asset, position).second : members.erase(asset) != 0)
      model.set_packed(asset, is_in);
  }
  void operator()(const pack_asset_added& e) { set_member(e.pack, e.asset, e.position, forward); }
  void operator()(const pack_asset_removed& e) {
    set_member(e.pack, e.asset, e.position, !forward);
  }
  void operator()(const seller_described& e) { model.seller_ = side(e.before, e.after); }
  void add_root(root_id root, const std::string& path, std::uint64_t device, std::uint64_t inode) {
    model.roots_[root] = {.path = path, .device = device, .inode = inode};
    if (root > model.last_root_) model.last_root_ = root;
  }
  void operator()(const watch_root_added& e) {
    if (forward) return add_root(e.root, e.path, e.device, e.inode);
    model.roots_.erase(e.root);
  }
  void operator()(const watch_root_removed& e) {
    if (!forward) return add_root(e.root, e.path, e.device, e.inode);
    model.roots_.erase(e.root);
  }
  void operator()(const watch_root_moved& e) {
    auto& root = model.roots_.at(e.root);
    root.path = side(e.path_before, e.path_after);
    root.device = side(e.device_before, e.device_after);
    root.inode = side(e.inode_before, e.inode_after);
  }
  void operator()(const watch_root_lost& e) {
    // It may have been lost before, for another reason: on the way back it is told once more.
    auto& root = model.roots_.at(e.root);
    root.lost = true;
    root.reason = forward ? e.reason : std::string();
  }
  void operator()(const watch_root_returned& e) { model.roots_.at(e.root).lost = !forward; }
  void operator()(const problem_found& e) {
    // A problem that replaces another is forgotten on the way back, at worst reported once more.
    auto key = model.keyer_(e.path);
    if (forward)
      model.problems_[key] = e.kind;
    else
      model.problems_.erase(key);
  }
  void operator()(const problem_resolved& e) {
    auto key = model.keyer_(e.path);
    if (forward)
      model.problems_.erase(key);
    else
      model.problems_[key] = problem_kind::io_failed;
  }

  void operator()(const asset_metadata_extracted& e) {
    // On the way back it is at worst read once more.
    model.at(e.asset).extractor = forward ? static_cast<std::uint8_t>(e.extractor) : 0;
  }

  // Events of which decisions need to know nothing.
  void operator()(const job_queued&) {}
  void operator()(const job_started&) {}
  void operator()(const job_progressed&) {}
  void operator()(const job_completed&) {}
  void operator()(const job_failed&) {}
  void operator()(const job_cancelled&) {}
  void operator()(const job_requeued&) {}
  void operator()(const job_queue_held&) {}
  void operator()(const engine_started&) {}
  void operator()(const engine_stopped&) {}
};

void catalog_model::apply(const event& what) {
  const auto* changed = std::get_if<asset_content_changed>(&what);
  bool was_known = false;
  if (changed != nullptr) {
    each_with_digest(changed->after.sha256,
                     [&](asset_id id) { return was_known = id != changed->asset; });
    unsettled_changes_.push_back(was_known);
  }
  std::visit(catalog_folds{*this, true}, what);
  former_.see(what, was_known);
  left_.see(what, keyer_);
  past_is_ahead_ = true;
}

void catalog_model::revert(const event& what) {
  std::visit(catalog_folds{*this, false}, what);
  if (std::holds_alternative<asset_content_changed>(what)) unsettled_changes_.pop_back();
  if (!std::exchange(past_is_ahead_, false)) return;
  former_ = settled_former_;
  left_ = settled_left_;
}

void catalog_model::settle(const event& what) {
  bool was_known = false;
  if (std::holds_alternative<asset_content_changed>(what)) {
    was_known = unsettled_changes_.front();
    unsettled_changes_.pop_front();
  }
  settled_former_.see(what, was_known);
  settled_left_.see(what, keyer_);
}

void catalog_model::load_past(const command& what) {
  // Nothing tells which bytes were known then, but for those of temporary files: their assets are
  // forgotten after the change.
  std::vector<bool> was_known(what.events.size());
  std::set<digest> forgotten;
  for (auto i = what.events.size(); i-- > 0;) {
    if (const auto* e = std::get_if<asset_forgotten>(&what.events[i]))
      forgotten.insert(e->content.sha256);
    else if (const auto* changed = std::get_if<asset_content_changed>(&what.events[i]))
      was_known[i] = forgotten.contains(changed->after.sha256);
  }
  for (std::size_t i = 0; i < what.events.size(); ++i) {
    for (auto* former : {&former_, &settled_former_})
      former->see(what.events[i], was_known[i]);
    for (auto* left : {&left_, &settled_left_})
      left->see(what.events[i], keyer_);
  }
}

void catalog_model::reserve(std::size_t assets) {
  by_path_.reserve(assets, path_hash_of());
  by_inode_.reserve(assets, inode_hash_of());
  by_digest_.reserve(assets, digest_hash_of());
}

void catalog_model::load_asset(asset_id id, std::string_view path, asset_state state) {
  insert(id, path, state);
}

void catalog_model::load_tag(asset_id id, const std::string& tag) { set_tag(id, tag, true); }

void catalog_model::load_pack(pack_id id, pack_state state) {
  for (const auto& [asset, position] : state.members)
    set_packed(asset, true);
  packs_[id] = std::move(state);
  if (id > last_pack_) last_pack_ = id;
}

void catalog_model::load_root(root_id id, root_state state) {
  roots_[id] = std::move(state);
  if (id > last_root_) last_root_ = id;
}

void catalog_model::load_problem(std::string_view path, problem_kind kind) {
  problems_[keyer_(path)] = kind;
}

void catalog_model::load_last_ids(asset_id last_asset, pack_id last_pack, root_id last_root) {
  if (last_asset > last_asset_) last_asset_ = last_asset;
  if (last_pack > last_pack_) last_pack_ = last_pack;
  if (last_root > last_root_) last_root_ = last_root;
}

}  // namespace podstudio
