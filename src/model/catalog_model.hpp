// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "events/labels.hpp"
#include "model/former_files.hpp"
#include "model/id_index.hpp"
#include "model/left_files.hpp"
#include "model/path_key.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// The catalog's state, in memory, and its decisions, as two pure functions: (model, operation) ->
/// events or a refusal, and (model, event) -> model. No I/O, no clock, no actors.
namespace podstudio {

/// The first 64 bits of a digest, to look it up by.
std::uint64_t digest_key(const digest& sha256) noexcept;

/// Texts that many assets share (themes, sources).
class text_pool {
public:
  text_number number(const std::optional<std::string>& text);
  std::optional<std::string> text(text_number number) const;
  /// The number of a text that may not be in the pool, without adding it.
  std::optional<text_number> find(const std::optional<std::string>& text) const;

private:
  std::unordered_map<std::string, text_number> numbers_;
  std::vector<const std::string*> texts_;
};

/// Everything that decisions need to know about an asset: 112 bytes.
struct asset_state {
  path_key key{};
  digest sha256{};
  file_facts facts;
  label_values labels;
  asset_type type = asset_type::image;
  bool missing = false;
  bool known = false;  ///< false for an id that was never given or is forgotten
  /// Version of what read its facts; 0: not read since its bytes or its extension last changed.
  std::uint8_t extractor = 0;
  /// The assets with the same digest, as a ring: 0 in both where there is no other.
  std::uint32_t next_twin = 0;
  std::uint32_t last_twin = 0;
};

/// Whether a look at the path of `known` found the very file that was read: the same bytes, unless
/// somebody set the clock back. A device number in place of the volume's id says nothing.
bool same_state(const file_facts& known, const file_facts& seen) noexcept;
/// Whether two files lie on different volumes, as far as that is known.
bool on_other_volume(const file_facts& one, const file_facts& other) noexcept;

/// Everything that decisions need to know about a pack.
struct pack_state {
  pack_facts facts;
  std::optional<std::string> export_path;
  std::optional<std::int64_t> exported_at_us;
  std::map<asset_id, std::int64_t> members;  ///< at most max_pack_assets; their positions
};

struct root_state {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool lost = false;
  std::string reason{};  ///< why it is lost, as it was last told
};

/// A file that could not be ingested.
struct failed_file {
  std::string path;  ///< printable form
  problem_kind kind = problem_kind::unreadable;
  std::string reason;
};

/// `not_found`, with what shows those that are there.
error no_such_asset(asset_id id);

class catalog_model {
public:
  catalog_model();
  catalog_model(catalog_model&&) noexcept;
  catalog_model& operator=(catalog_model&&) noexcept;
  ~catalog_model();

  // What is known.
  const asset_state* asset(asset_id id) const noexcept;
  asset_id asset_at(const path_key& key) const noexcept;  ///< 0 when there is none
  asset_id last_asset() const noexcept { return last_asset_; }
  pack_id last_pack() const noexcept { return last_pack_; }
  root_id last_root() const noexcept { return last_root_; }
  std::uint64_t assets() const noexcept { return by_path_.size(); }
  /// What one of the labels of an asset is.
  template <class Label>
  typename Label::value label(asset_id id) const {
    const auto& stored = asset(id)->labels.*Label::stored;
    if constexpr (is_text_label<Label>)
      return texts_.text(stored);
    else
      return stored;
  }
  /// The tags of an asset.
  const std::vector<text_number>& tags(asset_id id) const;
  bool tagged(asset_id id, const std::string& tag) const;
  const pack_state* pack(pack_id id) const;
  std::size_t packs() const noexcept { return packs_.size(); }
  /// A pack of this name, other than `own`; 0 if there is none.
  pack_id find_pack(std::string_view name, pack_id own = 0) const;
  const seller_facts& seller() const noexcept { return seller_; }
  const std::map<root_id, root_state>& roots() const noexcept { return roots_; }
  root_id root_at(std::string_view path) const;  ///< 0 if no root has this path
  bool has_problems() const noexcept { return !problems_.empty(); }
  std::optional<problem_kind> problem(const path_key& key) const;  ///< key of the printable path
  const text_pool& texts() const noexcept { return texts_; }
  const former_files& former() const noexcept { return former_; }
  const left_files& left() const noexcept { return left_; }

  /// Whether the file was taken with these very facts, so that reading it again would tell nothing
  /// new.
  bool unchanged(const path_key& key, const file_facts& facts) const noexcept;
  /// An asset that was taken with these very facts, whatever its path: the same inode with the same
  /// times and size has the same bytes. 0 if there is none.
  asset_id same_file(const file_facts& facts) const;
  /// An asset with the device and inode of `facts` of which `is_it(id)` holds; 0 if there is none.
  template <class IsIt>
  asset_id find_inode(const file_facts& facts, IsIt is_it) const {
    if (facts.inode == 0) return 0;
    return by_inode_.find(inode_hash(facts), [&](asset_id id) {
      const auto& known = asset(id)->facts;
      return known.inode == facts.inode && known.device == facts.device && is_it(id);
    });
  }
  /// Calls `visit` with other assets that have the digest of this one, missing ones too, until it
  /// returns true or has been asked of twins_max.
  template <class Visit>
  void each_twin(asset_id id, Visit visit) const {
    auto twin = asset(id)->next_twin;
    for (std::size_t asked = 0; twin != 0 && twin != id && asked < twins_max; ++asked) {
      if (visit(static_cast<asset_id>(twin))) return;
      twin = asset(twin)->next_twin;
    }
  }
  /// Likewise with all assets that have this digest.
  template <class Visit>
  void each_with_digest(const digest& sha256, Visit visit) const {
    auto first = by_digest_.find(digest_key(sha256),
                                 [&](asset_id id) { return asset(id)->sha256 == sha256; });
    bool done = first == 0 || visit(static_cast<asset_id>(first));
    if (!done) each_twin(first, visit);
  }
  /// Whether an asset, present or missing, has these bytes.
  bool has_digest(const digest& sha256) const {
    bool found = false;
    each_with_digest(sha256, [&](asset_id) { return found = true; });
    return found;
  }
  /// How many assets of one digest are looked at: libraries hold blank files by the thousand.
  static constexpr std::size_t twins_max = 64;
  /// Whether people said anything of the asset: a label, a tag, a place in a pack.
  bool has_decisions(asset_id id) const;
  /// A missing asset with this digest of which `is_it(id)` holds; 0 if there is none.
  template <class IsIt>
  asset_id find_missing(const digest& sha256, IsIt is_it) const {
    auto key = digest_key(sha256);
    for (auto at = missing_.lower_bound({key, 0}); at != missing_.end() && at->first == key; ++at)
      if (is_it(at->second)) return at->second;
    return 0;
  }

  /// Calls `visit` with each missing asset, until it returns true.
  template <class Visit>
  void each_missing(Visit visit) const {
    for (const auto& [key, id] : missing_)
      if (visit(id)) return;
  }

  /// The next model.
  void apply(const event& what);
  /// The model before the event, which was the last one applied. For commands that the journal
  /// refused before anything of them was written: all events that are not settled are reverted.
  void revert(const event& what);
  /// An event that was applied is durable and will not be reverted. In the order of the events.
  void settle(const event& what);

  // Loading from the tables, without events.
  /// Before so many assets are loaded.
  void reserve(std::size_t assets);
  void load_asset(asset_id id, std::string_view path, asset_state state);
  template <class Label>
  void load_label(asset_id id, const typename Label::value& value) {
    set_label<Label>(at(id).labels, value);
  }
  void load_tag(asset_id id, const std::string& tag);
  void load_pack(pack_id id, pack_state state);  ///< with its members
  void load_seller(seller_facts facts) { seller_ = std::move(facts); }
  void load_root(root_id id, root_state state);
  void load_problem(std::string_view path, problem_kind kind);
  void load_last_ids(asset_id last_asset, pack_id last_pack, root_id last_root);
  /// A command that the tables hold already, for what the model remembers besides them.
  void load_past(const command& what);

private:
  friend struct catalog_folds;

  static std::uint64_t inode_hash(const file_facts& facts) noexcept;
  asset_state& at(asset_id id);
  void insert(asset_id id, std::string_view path, asset_state state);
  void erase(asset_id id);
  void rekey(asset_id id, std::string_view path);
  void set_content(asset_id id, const digest& sha256, const file_facts& facts);
  void set_facts(asset_id id, const file_facts& facts) { set_content(id, at(id).sha256, facts); }
  void set_missing(asset_id id, bool missing);
  void set_packed(asset_id id, bool in_one_more);
  template <class Label>
  void set_label(label_values& into, const typename Label::value& value) {
    if constexpr (is_text_label<Label>)
      into.*Label::stored = texts_.number(value);
    else
      into.*Label::stored = value;
  }
  void set_tag(asset_id id, const std::string& tag, bool has);
  void join_twins(asset_id id);
  void leave_twins(asset_id id);
  auto path_hash_of() const noexcept {
    return [this](asset_id id) { return asset(id)->key[1]; };
  }
  auto digest_hash_of() const noexcept {
    return [this](asset_id id) { return digest_key(asset(id)->sha256); };
  }
  auto inode_hash_of() const noexcept {
    return [this](asset_id id) { return inode_hash(asset(id)->facts); };
  }

  // Assets by id, in blocks, so that growing never copies; ids are dense. Where a log skips many,
  // there is no block.
  static constexpr std::size_t block_size = 4096;
  std::vector<std::unique_ptr<asset_state[]>> blocks_;
  id_index by_path_;
  id_index by_inode_;                                     ///< of those whose inode is kept
  id_index by_digest_;                                    ///< one asset of each digest
  std::set<std::pair<std::uint64_t, asset_id>> missing_;  ///< by digest_key
  asset_id last_asset_ = 0;
  pack_id last_pack_ = 0;
  root_id last_root_ = 0;
  text_pool texts_;
  std::unordered_map<asset_id, std::vector<text_number>> tags_;  ///< none is empty
  std::map<pack_id, pack_state> packs_;
  std::unordered_map<asset_id, std::uint32_t> packed_;  ///< in how many packs; none is 0
  seller_facts seller_;
  std::map<root_id, root_state> roots_;
  std::unordered_map<path_key, problem_kind, path_key_hash> problems_;
  former_files former_;  ///< by all events that were applied
  left_files left_;      ///< likewise
  bool past_is_ahead_ = false;
  std::deque<bool> unsettled_changes_;  ///< of content: whether another asset had those bytes
  former_files settled_former_;         ///< by those that are settled: what a revert goes back to
  left_files settled_left_;             ///< likewise
  path_keyer keyer_;
};

}  // namespace podstudio
