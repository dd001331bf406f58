// SPDX-License-Identifier: MIT
#include "model/identity_parts.hpp"

#include "platform/text.hpp"
#include "platform/volume.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <unordered_set>
#include <utility>

namespace podstudio {

namespace {

bool is_same_inode(const file_facts& one, const file_facts& other) {
  return one.inode == other.inode && one.device == other.device;
}

/// Calls `visit` with each asset that was a name of the file's inode when that had other facts: a
/// change under one name is told of that name only.
template <class Visit>
void for_each_outdated_name(const catalog_model& model, const digested_file& file, Visit visit) {
  if (file.links == 1) return;
  model.find_inode(file.content.facts, [&](asset_id id) {
    const auto& asset = *model.asset(id);
    if (!asset.missing && asset.key != file.key && asset.facts != file.content.facts) visit(id);
    return false;
  });
}

/// The same if the asset's path now holds this file and held another one before. A volume may have
/// got another id since, so the inode number alone tells.
template <class Visit>
void for_each_name_left(const catalog_model& model, asset_id here, const digested_file& file,
                        Visit visit) {
  if (here == 0 || model.asset(here)->missing
      || model.asset(here)->facts.inode == file.content.facts.inode)
    return;
  for_each_name_left(
      model, here, [](asset_id) { return true; }, visit);
}

/// What the file was that this one is a copy of, if that is what no asset with decisions is any
/// more. Only where its asset changed to bytes that another asset had by then: as they were not
/// new, the path did not have to decide.
const former_files::past* find_former_of_copy(const catalog_model& model,
                                              const digested_file& file) {
  const auto& sha256 = file.content.sha256;
  const auto* found = model.former().find(sha256, [&](const former_files::past& past) {
    const auto* asset = model.asset(past.asset);
    if (asset == nullptr || asset->sha256 == sha256 || asset->key == file.key
        || !model.has_decisions(past.asset))
      return false;
    return past.was_known;
  });
  bool is_another = false;
  if (found != nullptr)
    model.each_with_digest(sha256,
                           [&](asset_id id) { return is_another = model.has_decisions(id); });
  return is_another ? nullptr : found;
}

/// Whether the file did not exist at this time yet, as far as the file system records births.
bool was_born_after(const asset_places& places, const digested_file& file, std::int64_t time_ns) {
  auto born = places.born_ns.find(file.path);
  return born != places.born_ns.end() && born->second > time_ns;
}

/// What the file was, if that is what no asset is any more. Another asset of the same inode that
/// has lost its own path does not count where it bears no decisions and the one that the file was
/// does: `may_have_left` tells of it. A file that was born later only got the inode's number.
template <class MayHaveLeft>
const former_files::past* find_former(const catalog_model& model, const digested_file& file,
                                      const asset_places& places, MayHaveLeft may_have_left) {
  const auto* past = model.former().find(file.content, [&](asset_id id) {
    const auto* asset = model.asset(id);
    return asset != nullptr && asset->sha256 != file.content.sha256 && model.has_decisions(id);
  });
  const auto* asset = past == nullptr ? nullptr : model.asset(past->asset);
  bool is_it_still = asset != nullptr && !is_same_inode(asset->facts, past->content.facts)
                     && !was_born_after(places, file, past->content.facts.ctime_ns);
  if (!is_it_still) return find_former_of_copy(model, file);
  auto is_it = [&](asset_id id) { return model.asset(id)->sha256 == file.content.sha256; };
  auto here = model.asset_at(file.key);
  auto is_another = [&](asset_id id) {
    bool makes_way = !model.has_decisions(id) && model.has_decisions(past->asset)
                     && (model.asset(id)->missing || may_have_left(id));
    return is_it(id) && !makes_way;
  };
  if (is_it(past->asset) || (here != 0 && is_it(here))
      || model.find_inode(file.content.facts, is_another) != 0)
    return nullptr;
  return past;
}

/// Likewise; what was probed tells which assets left.
const former_files::past* find_former(const catalog_model& model, const digested_file& file,
                                      const asset_places& places) {
  return find_former(model, file, places,
                     [&places](asset_id id) { return places.left.contains(id); });
}

/// Calls `visit` with each asset of this digest, other than `here`, that may be what a file is: all
/// those that bear decisions, and a few others.
template <class Visit>
void for_each_candidate(const catalog_model& model, const digest& sha256, asset_id here,
                        Visit visit) {
  std::size_t undecided = 0;
  model.each_with_digest(sha256, [&](asset_id id) {
    if (id != here && (model.has_decisions(id) || ++undecided <= undecided_candidates_max))
      visit(id);
    return false;
  });
}

/// Calls `visit` with a few assets of which nobody said anything, and which have the content of
/// this one, of which somebody did.
template <class Visit>
void for_each_copy(const catalog_model& model, asset_id id, Visit visit) {
  if (!model.has_decisions(id) || model.asset(id)->facts.size_bytes == 0) return;
  std::size_t copies = 0;
  model.each_twin(id, [&](asset_id twin) {
    if (model.asset(twin)->missing || model.has_decisions(twin)) return false;
    visit(twin);
    return ++copies == undecided_candidates_max;
  });
}

/// Finds out which assets some files are.
class matching {
public:
  /// What became of one file's path.
  struct fate {
    asset_id here = 0;   ///< the asset that has this path in the model
    asset_id moved = 0;  ///< the asset whose content is here now, and which has another path
    /// Like `moved`, but it is to be forgotten: a program saved its content to `here`, most likely
    /// through it.
    asset_id temporary = 0;
    /// That the content was saved is certain: the file is the one of `temporary`, or still that of
    /// `here`.
    bool is_proven = false;
    bool settled = false;  ///< the asset that has this path has this content
    /// Settled, but `moved` bears decisions and has lost its own file, while `here` bears none.
    bool makes_way = false;
    /// `moved` returns from a copy to this, its original file. The copy still exists and needs an
    /// asset of its own.
    bool gives_back = false;
    /// The file is an edit of `here` that was first reported at another path.
    bool edited = false;
  };

  matching(const catalog_model& model, const std::vector<digested_file>& files,
           const vanishing_assets& vanishing, const asset_places& places,
           const recent_losses& recent)
      : model_(model), vanishing_(vanishing), places_(places), recent_(recent),
        fates_(files.size()) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      auto& found = fates_[i];
      found.here = model.asset_at(files[i].key);
      if (found.here == 0) continue;
      const auto& asset = *model.asset(found.here);
      found.settled = asset.sha256 == files[i].content.sha256;
      (found.settled ? settled_ : overwritten_).insert(found.here);
      if (!found.settled && !asset.missing && !is_edited_in_place(files[i], asset))
        displaced_.add(found.here, asset.sha256);
    }
    // Match by the strongest evidence first: an asset prefers its own file to any copy, whatever
    // the order of the batch.
    for (auto as : {same::stated, same::former_file, same::inode, same::content})
      for (bool settled : {false, true})
        for (std::size_t i = 0; i < files.size(); ++i) {
          auto& found = fates_[i];
          bool is_empty = files[i].content.facts.size_bytes == 0 && files[i].was == 0;
          if (found.settled != settled || found.moved != 0 || found.edited || is_empty) continue;
          if (settled)
            succeed(files[i], found, as);
          else if (!places.absent.contains(files[i].path))
            match(files[i], found, as);
        }
    // Now it is known which of the assets that lost their paths to other files are elsewhere.
    for (std::size_t i = 0; i < files.size(); ++i)
      if (is_saved(files[i], fates_[i])) {
        auto& found = fates_[i];
        found.is_proven = is_own_file(files[i], *model_.asset(found.here))
                          || is_file_of(files[i], model_.asset(found.moved)->facts);
        found.temporary = std::exchange(found.moved, 0);
      }
  }

  const std::vector<fate>& fates() const noexcept { return fates_; }

  /// Whether the asset that has this path in the model loses it to this file. One that is missing
  /// does, unless it went just now: new content under an old name is no more than that. So does
  /// one whose disk was exchanged for another.
  bool leaves(const fate& found, const digested_file& file) const {
    return !found.settled && found.here != 0
           && (found.moved != 0 || cannot_have_changed(found.here, file));
  }
  bool is_used(asset_id id) const { return used_.contains(id); }

private:
  bool cannot_have_changed(asset_id here, const digested_file& file) const {
    const auto& asset = *model_.asset(here);
    return used_.contains(here) || (asset.missing && !recent_.contains(here))
           || on_other_volume(asset.facts, file.content.facts);
  }

  /// Whether a program saved the asset here: it wrote to the file, or renamed a new one to the
  /// path. Bytes that people decided on are not new.
  bool is_saved(const digested_file& file, const fate& found) const {
    return !found.settled && found.moved != 0 && found.moved != file.was && found.here != 0
           && model_.has_decisions(found.here) && !model_.has_decisions(found.moved)
           && !may_make_way(model_, found.moved)
           && (is_own_file(file, *model_.asset(found.here))
               || was_new(file, model_.asset(found.moved)->facts))
           && !cannot_have_changed(found.here, file);
  }

  /// Whether the file had been created or written shortly before it was renamed to its path.
  /// Renaming a file that is known by these facts sets its ctime. Of another file the ctime says
  /// nothing of a renaming, as it stays close to its birth for ever; it counts as renamed when it
  /// was probed. So does any file where the file system keeps no such time (FAT).
  bool was_new(const digested_file& file, const file_facts& before) const {
    const auto& facts = file.content.facts;
    const bool tells =
        (facts.inode == 0 || is_file_of(file, before)) && facts.ctime_ns != before.ctime_ns;
    const auto renamed_ns = tells ? facts.ctime_ns : places_.probed_ns;
    if (auto born = places_.born_ns.find(file.path);
        born != places_.born_ns.end() && is_shortly_before(born->second, renamed_ns))
      return true;
    return is_shortly_before(facts.mtime_ns, renamed_ns);
  }

  static bool is_shortly_before(std::int64_t time_ns, std::int64_t end_ns) {
    using std::chrono::nanoseconds;
    constexpr std::uint64_t age_max = nanoseconds(save_time_max).count();
    constexpr std::uint64_t grain_max = nanoseconds(std::chrono::seconds(2)).count();  // FAT
    auto difference = [](std::int64_t from, std::int64_t to) {  // of any times, from <= to
      return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    };
    return time_ns <= end_ns ? difference(time_ns, end_ns) < age_max
                             : difference(end_ns, time_ns) <= grain_max;
  }

  /// The evidence, besides equal content, that a file is an asset's; strongest first.
  enum class same : std::uint8_t {
    stated,       ///< the user moved the watch root
    former_file,  ///< the asset left this file for a copy
    inode,
    content,  ///< no further evidence
  };

  /// Whether the file is the one with these facts, as far as the file system tells. A reused inode
  /// number belongs to a file born later.
  bool is_file_of(const digested_file& file, const file_facts& known) const {
    return file.content.facts.inode != 0 && is_same_inode(file.content.facts, known)
           && !was_born_after(places_, file, known.ctime_ns);
  }

  /// Whether the file at the asset's path is certainly still the asset's.
  bool is_own_file(const digested_file& file, const asset_state& asset) const {
    return is_file_of(file, asset.facts) && was_born_by(file, asset.facts.ctime_ns);
  }

  /// Whether it is, with bytes that no asset has. A copy of the old bytes is then only a copy.
  bool is_edited_in_place(const digested_file& file, const asset_state& asset) const {
    return is_own_file(file, asset) && !model_.has_digest(file.content.sha256);
  }

  /// Whether the file existed at this time, as far as the file system records births.
  bool was_born_by(const digested_file& file, std::int64_t time_ns) const {
    auto born = places_.born_ns.find(file.path);
    return born != places_.born_ns.end() && born->second <= time_ns;
  }

  void match(const digested_file& file, fate& found, same as) {
    const auto& content = file.content;
    auto is_it = [&](asset_id id) {
      const auto* asset = model_.asset(id);
      return id != found.here && asset != nullptr && asset->sha256 == content.sha256
             && !used_.contains(id) && !settled_.contains(id);
    };
    // The same inode is the same file, unless it is still where it was: then this is another name
    // of it, or another way to it. Of several names that people decided on, the one that was there
    // a moment ago.
    auto is_free = [&](asset_id id) {
      return is_it(id) && (model_.asset(id)->missing || has_left(id));
    };
    auto is_decided = [&](asset_id id) { return is_free(id) && model_.has_decisions(id); };
    auto is_copy_that_left = [&](asset_id id) {
      return is_it(id) && !model_.has_decisions(id) && !model_.asset(id)->missing;
    };
    switch (as) {
    case same::stated:
      if (file.was != 0 && is_it(file.was)) found.moved = file.was;
      break;
    case same::former_file:
      find_left(file, found);
      break;
    case same::inode:
      found.moved = model_.find_inode(
          content.facts, [&](asset_id id) { return is_decided(id) && !model_.asset(id)->missing; });
      if (found.moved == 0) found.moved = model_.find_inode(content.facts, is_decided);
      if (found.moved == 0) found.moved = model_.find_inode(content.facts, is_free);
      break;
    case same::content:
      found.moved = find_same_content(
          content.sha256, [&](asset_id id) { return is_it(id) && model_.has_decisions(id); });
      // Where a copy has left its path as well, that is what moved on to here, as its inode would
      // tell on other volumes. It makes way next; else it would stay behind, missing. Not where
      // other content took the path of the one with decisions: that would count as its edit.
      if (found.moved != 0 && !overwritten_.contains(found.moved))
        if (auto copy = find_same_content(content.sha256, is_copy_that_left)) found.moved = copy;
      if (found.moved == 0) found.moved = find_same_content(content.sha256, is_it);
      break;
    }
    found.edited = is_other_name_of_edited(found);
    if (found.edited) found.moved = 0;
    if (found.moved != 0) used_.insert(found.moved);
  }

  /// Finds the asset that had this file before it moved to a copy. Finds none where the file system
  /// reports no birth times.
  void find_left(const digested_file& file, fate& found) {
    const auto& facts = file.content.facts;
    auto has_file = [&](asset_id id) {
      const auto& known = *model_.asset(id);
      return is_same_inode(known.facts, facts) && known.sha256 == file.content.sha256;
    };
    auto left = model_.left().find(facts, [&](asset_id id, const left_files::left& was) {
      const auto* asset = model_.asset(id);
      return asset != nullptr && id != found.here && !used_.contains(id) && !has_file(id)
             && asset->sha256 == file.content.sha256 && model_.has_decisions(id)
             && was_born_by(file, was.ctime_ns) && file.key != was.path;
    });
    // The file may already be registered as another asset.
    if (left == 0 || model_.find_inode(facts, has_file) != 0) return;
    found.moved = left;
    // The probe found the copy still there, so it gets an asset of its own in the same command.
    found.gives_back = !model_.asset(found.moved)->missing && !has_left(found.moved)
                       && places_.paths.contains(found.moved)
                       && !places_.unseen.contains(found.moved);
  }

  /// Whether what is held to have moved here is another name, or another way, to the very file that
  /// is here. The file was replaced, the other name was told first, and is gone by now: that is an
  /// edit of the asset here, of which people said something, as they did not of the other.
  bool is_other_name_of_edited(const fate& found) const {
    if (found.here == 0 || found.moved == 0 || model_.has_decisions(found.moved)
        || !model_.has_decisions(found.here) || model_.asset(found.here)->missing)
      return false;
    const auto& asset = *model_.asset(found.here);
    const auto* past = model_.former().find(file_content{asset.sha256, asset.facts},
                                            [&](asset_id id) { return id == found.moved; });
    return past != nullptr && past->asset == found.moved;
  }

  /// Whether the asset is known to have lost its file, though the model does not have it missing.
  bool has_left(asset_id id) const {
    return places_.left.contains(id) || vanishing_.contains(id) || displaced_.contains(id);
  }

  template <class IsIt>
  asset_id find_same_content(const digest& sha256, IsIt is_it) const {
    auto found = model_.find_missing(sha256, is_it);
    if (found == 0) found = vanishing_.find(sha256, is_it);
    if (found == 0) found = displaced_.find(sha256, is_it);
    if (found != 0 || places_.left.empty()) return found;
    model_.each_with_digest(sha256, [&](asset_id id) {
      if (places_.left.contains(id) && is_it(id)) found = id;
      return found != 0;
    });
    return found;
  }

  void succeed(const digested_file& file, fate& found, same as) {
    if (model_.has_decisions(found.here)) return;
    auto is_free = [&](asset_id id) { return !used_.contains(id) && !settled_.contains(id); };
    auto is_lost = [&](asset_id id) {
      return is_free(id) && (model_.asset(id)->missing || has_left(id)) && model_.has_decisions(id);
    };
    const auto* was = model_.asset(file.was);
    if (as != same::stated && file.content.facts.size_bytes == 0) return;
    switch (as) {
    case same::stated:
      if (was != nullptr && was->sha256 == file.content.sha256 && is_free(file.was))
        found.moved = file.was;
      break;
    case same::former_file:
      find_left(file, found);
      break;
    case same::inode:
      found.moved = model_.find_inode(file.content.facts, [&](asset_id id) {
        return is_lost(id) && model_.asset(id)->sha256 == file.content.sha256;
      });
      break;
    case same::content:
      model_.each_twin(found.here, [&](asset_id id) {
        bool is_it = is_lost(id);
        if (is_it) found.moved = id;
        return is_it;
      });
      break;
    }
    found.makes_way = found.moved != 0;
    if (found.makes_way) used_.insert(found.moved);
  }

  const catalog_model& model_;
  const vanishing_assets& vanishing_;
  const asset_places& places_;
  const recent_losses& recent_;
  vanishing_assets displaced_;  ///< assets whose path has other content now
  std::vector<fate> fates_;
  std::unordered_set<asset_id> settled_, used_;
  std::unordered_set<asset_id> overwritten_;  ///< likewise, and missing or edited in place
};

/// Turns fates into events, in an order in which no path is ever held twice.
class taking {
public:
  taking(const catalog_model& model, const std::vector<digested_file>& files,
         const vanishing_assets& vanishing, const asset_places& places, const recent_losses& recent)
      : model_(model), files_(files), vanishing_(vanishing), places_(places),
        matched_(model, files, vanishing, places, recent), next_asset_(model.last_asset() + 1) {
    const auto& fates = matched_.fates();
    for (std::size_t i = 0; i < files.size(); ++i)
      if (fates[i].here != 0) paths_[fates[i].here] = files[i].path;
    for (const auto& [id, path] : places.paths)
      if (model.asset(id) != nullptr && model.asset(id)->key == key_of_(path))
        paths_.try_emplace(id, path);
  }

  taken_files decide() {
    taken_files taken;
    const auto& fates = matched_.fates();
    std::vector<bool> known(files_.size());
    for (std::size_t i = 0; i < files_.size(); ++i) {
      // Where the path is absent, the file has moved on since it was looked at.
      known[i] = !places_.absent.contains(files_[i].path)
                 && (arriving(fates[i]) == 0 || paths_.contains(arriving(fates[i])))
                 && find_former(model_, files_[i], places_) == nullptr && knows_copies(fates[i])
                 && knows_names_left(fates[i].here, files_[i]);
      if (!known[i])
        taken.again.push_back(files_[i].path);
      else if (auto id = arriving(fates[i]); id != 0)
        arriving_.insert(id);
    }
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (known[i] && matched_.leaves(fates[i], files_[i])) make_room(files_[i], fates[i], taken);
    // If an asset leaves a copy for another file of this batch, register the copy only after the
    // move has freed its path.
    auto is_copy = [&](std::size_t i) {
      return known[i] && fates[i].settled && arriving_.contains(fates[i].here);
    };
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (is_copy(i)) read_copies_.insert(fates[i].here);
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (known[i] && !is_copy(i)) arrive(files_[i], fates[i], taken);
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (is_copy(i))
        taken.events.emplace_back(
            asset_registered{next_asset_++, files_[i].path, files_[i].type, files_[i].content});
    std::unordered_set<path_key, path_key_hash> read;  // filled once it is needed
    std::unordered_set<asset_id> looked_at;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!known[i]) continue;
      auto look_at = [&](asset_id id) {
        if (read.empty())
          for (const auto& file : files_)
            read.insert(file.key);
        if (read.contains(model_.asset(id)->key) || !looked_at.insert(id).second) return;
        // Where the path is not known yet, this file brings the question up once more.
        auto at = paths_.find(id);
        taken.again.push_back(at == paths_.end() ? files_[i].path : at->second);
      };
      for_each_outdated_name(model_, files_[i], look_at);
      for_each_name_left(model_, fates[i].here, files_[i], [&](asset_id id) {
        if (places_.rewritten.contains(id)) look_at(id);
      });
      if (!model_.has_problems()) continue;
      auto shown = printable(files_[i].path);
      if (model_.problem(key_of_(shown))) taken.events.emplace_back(problem_resolved{shown});
    }
    return taken;
  }

private:
  /// The asset that came to this path from another one; 0: none.
  static asset_id arriving(const matching::fate& fate) {
    return fate.moved != 0 ? fate.moved : fate.temporary;
  }

  void make_room(const digested_file& file, const matching::fate& fate, taken_files& taken) {
    const auto id = fate.here;
    const auto& asset = *model_.asset(id);
    // A copy is seen half written, and only then found to be an asset that is known.
    bool makes_way =
        fate.moved != 0 && model_.has_decisions(fate.moved) && !model_.has_decisions(id);
    if ((makes_way || leaves_nothing(model_, id)) && !matched_.is_used(id) && !asset.missing) {
      taken.events.push_back(forgotten(model_, id, file.path));
      return;
    }
    auto aside = path_aside(file.path, id);
    taken.events.emplace_back(asset_moved{id, file.path, aside, asset.facts, asset.facts});
    if (!arriving_.contains(id)) {
      if (!asset.missing) taken.events.emplace_back(asset_missing{id});
      look_at_copies(id, taken);
    }
    paths_[id] = std::move(aside);
  }

  /// Whether the places are known of the copies of the asset whose path has other content now.
  bool knows_copies(const matching::fate& fate) const {
    bool all = true;
    if (fate.here != 0 && !fate.settled)
      for_each_copy(model_, fate.here, [&](asset_id copy) { all = all && paths_.contains(copy); });
    return all;
  }

  bool knows_names_left(asset_id here, const digested_file& file) const {
    bool all = true;
    for_each_name_left(model_, here, file, [&](asset_id id) { all = all && paths_.contains(id); });
    return all;
  }

  bool has_another(const digest& sha256, asset_id but) const {
    bool found = false;
    model_.each_with_digest(sha256, [&](asset_id id) { return found = id != but; });
    return found;
  }

  void look_at_copies(asset_id id, taken_files& taken) const {
    for_each_copy(model_, id, [&](asset_id copy) {
      if (auto at = paths_.find(copy); at != paths_.end()) taken.again.push_back(at->second);
    });
  }

  void arrive(const digested_file& file, const matching::fate& fate, taken_files& taken) {
    const auto& [path, key, type, content, links, was] = file;
    auto& events = taken.events;
    if (fate.settled && !fate.makes_way) return stay(file, fate.here, taken);
    if (fate.makes_way) events.emplace_back(forgotten(model_, fate.here, path));
    if (auto id = arriving(fate); id != 0 && !vanishing_.contains(id) && !is_aside(paths_.at(id)))
      taken.again.push_back(paths_.at(id));
    if (fate.moved != 0) {
      const auto& before = paths_.at(fate.moved);
      taken.moved.emplace_back(fate.moved, path);
      events.emplace_back(
          goes_on(fate.moved, *model_.asset(fate.moved), before, path, content.facts));
      if (fate.gives_back && !read_copies_.contains(fate.moved)) {
        const auto& copy = *model_.asset(fate.moved);
        events.emplace_back(
            asset_registered{next_asset_++, before, copy.type, {copy.sha256, copy.facts}});
      }
      // A copy that was told by its inode, while what it is a copy of may be missing.
      if (may_make_way(model_, fate.moved)) taken.again.push_back(path);
    } else if (fate.here != 0 && !matched_.leaves(fate, file)) {
      const auto& asset = *model_.asset(fate.here);
      events.emplace_back(asset_content_changed{fate.here, {asset.sha256, asset.facts}, content});
      if (has_another(content.sha256, fate.temporary)) look_at_copies(fate.here, taken);
      if (fate.temporary != 0) forget_temporary(fate.temporary, fate.is_proven, events);
      if (asset.missing)
        events.emplace_back(asset_returned{fate.here, path, path, content.facts, content.facts});
    } else {
      events.emplace_back(asset_registered{next_asset_++, path, type, content});
    }
  }

  /// Behind the change of the asset that was saved through it, or before that. If the temporary's
  /// asset still has the bytes when the change is applied, they count as known, and the old ones
  /// are recognised in any file, even in a copy (former_files). That is wanted where the change may
  /// turn out to have been an exchange of two files' names.
  void forget_temporary(asset_id id, bool is_proven, std::vector<event>& events) const {
    auto change = events.end() - 1;
    events.insert(is_proven ? change : events.end(), forgotten(model_, id, paths_.at(id)));
  }

  void stay(const digested_file& file, asset_id id, taken_files& taken) {
    const auto& asset = *model_.asset(id);
    const auto& facts = file.content.facts;
    if (asset.missing)
      taken.events.emplace_back(asset_returned{id, file.path, file.path, asset.facts, facts});
    else if (asset.facts != facts)
      taken.events.emplace_back(asset_touched{id, asset.facts, facts});
    else
      ++taken.unchanged;
  }

  const catalog_model& model_;
  const std::vector<digested_file>& files_;
  const vanishing_assets& vanishing_;
  const asset_places& places_;
  matching matched_;
  std::unordered_set<asset_id> arriving_;  ///< assets that certainly moved to one of the files
  /// Of these, those whose present file is in the batch.
  std::unordered_set<asset_id> read_copies_;
  asset_paths paths_;
  path_keyer key_of_;
  asset_id next_asset_;
};

}  // namespace

asset_id find_moved(const catalog_model& model, const path_key& key_before, const file_facts& facts,
                    asset_id here) {
  auto id = model.asset_at(key_before);
  if (id == 0 || id == here) return 0;
  if (here != 0) {
    // Of two of which nobody said anything, the first one.
    bool is_first = model.has_decisions(id) || id < here;
    return is_first && model.asset(here)->sha256 == model.asset(id)->sha256 ? id : 0;
  }
  const auto& known = model.asset(id)->facts;
  // FAT keeps times to 2 s, and copies from there to anywhere do.
  constexpr std::int64_t second = 1'000'000'000;
  auto apart = known.mtime_ns - facts.mtime_ns;
  bool same_time = apart == 0 || (facts.mtime_ns % second == 0 && apart > 0 && apart < 2 * second);
  return same_time && known.size_bytes == facts.size_bytes ? id : 0;
}

std::vector<asset_id> find_others(const catalog_model& model,
                                  const std::vector<digested_file>& files,
                                  const vanishing_assets& vanishing) {
  std::vector<asset_id> others;
  const asset_places nothing_known;
  const recent_losses unknown;
  const matching matched(model, files, vanishing, nothing_known, unknown);
  for (const auto& fate : matched.fates())
    for (auto id : {fate.moved, fate.temporary})
      if (id != 0) others.push_back(id);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = files[i];
    const auto& fate = matched.fates()[i];
    const auto here = fate.here;
    const bool settled = fate.settled;
    if (file.content.facts.size_bytes == 0) continue;
    if (!settled)
      model.find_inode(file.content.facts, [&, here = here](asset_id id) {
        if (id != here && model.asset(id)->sha256 == file.content.sha256) others.push_back(id);
        return false;
      });
    if (!settled || !model.has_decisions(here))
      for_each_candidate(model, file.content.sha256, here, [&](asset_id id) {
        if (!model.asset(id)->missing) others.push_back(id);
      });
  }
  for (const auto& file : files) {
    auto anywhere = [](asset_id) { return true; };
    if (const auto* past = find_former(model, file, nothing_known, anywhere))
      others.push_back(past->asset);
    model.left().find(file.content.facts, [&](asset_id id, const left_files::left&) {
      const auto* asset = model.asset(id);
      if (asset != nullptr && asset->sha256 == file.content.sha256 && model.has_decisions(id))
        others.push_back(id);
      return false;
    });
    auto here = model.asset_at(file.key);
    if (here != 0 && model.asset(here)->sha256 != file.content.sha256)
      for_each_copy(model, here, [&](asset_id copy) { others.push_back(copy); });
    for_each_outdated_name(model, file, [&](asset_id id) { others.push_back(id); });
    for_each_name_left(model, here, file, [&](asset_id id) { others.push_back(id); });
  }
  std::ranges::sort(others);
  others.erase(std::unique(others.begin(), others.end()), others.end());
  return others;
}

taken_files decide_put_back(const catalog_model& model, const std::vector<digested_file>& files,
                            asset_places& places) {
  // Of all that an asset was it becomes the first, as that is what people spoke of.
  std::map<asset_id, const former_files::past*> pasts;
  for (const auto& file : files) {
    if (places.absent.contains(file.path)) continue;  // it may be nowhere by now
    const auto* past = find_former(model, file, places);
    if (past == nullptr) continue;
    auto& first = pasts[past->asset];
    if (first == nullptr || past->number < first->number) first = past;
  }
  taken_files taken;
  auto& events = taken.events;
  auto next_asset = model.last_asset() + 1;
  path_keyer key_of;
  for (const auto& [id, past] : pasts) {
    const auto& asset = *model.asset(id);
    auto& paths = places.paths;
    auto path = paths.find(id);
    if (path == paths.end() || key_of(path->second) != asset.key) continue;
    const file_content present{asset.sha256, asset.facts};
    if (!asset.missing) {
      auto aside = path_aside(path->second, id);
      events.emplace_back(asset_moved{id, path->second, aside, asset.facts, asset.facts});
      events.emplace_back(asset_missing{id});
      events.emplace_back(asset_registered{next_asset, path->second, asset.type, present});
      if (places.left.erase(id) != 0) places.left.insert(next_asset);
      taken.again.push_back(path->second);
      auto old_path = std::exchange(path->second, std::move(aside));
      paths[next_asset++] = std::move(old_path);
    }
    events.emplace_back(asset_content_changed{id, present, past->content});
  }
  return taken;
}

taken_files decide(const catalog_model& model, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, const vanishing_assets& vanishing,
                   const asset_places& places, const recent_losses& recent) {
  auto taken = taking(model, files, vanishing, places, recent).decide();
  path_keyer key_of;
  for (const auto& failure : failures)
    if (model.problem(key_of(failure.path)) != failure.kind)
      taken.events.emplace_back(problem_found{failure.path, failure.kind, failure.reason});
  return taken;
}

bool may_make_way(const catalog_model& model, asset_id id) {
  if (model.has_decisions(id) || model.asset(id)->facts.size_bytes == 0) return false;
  bool found = false;
  model.each_twin(id, [&](asset_id twin) { return found = model.has_decisions(twin); });
  return found;
}

std::vector<event> decide_resolved(const catalog_model& model,
                                   const std::vector<std::string>& paths) {
  std::vector<event> events;
  if (!model.has_problems()) return events;
  path_keyer key_of;
  for (const auto& path : paths)
    if (model.problem(key_of(path))) events.emplace_back(problem_resolved{path});
  return events;
}

std::string path_aside(const std::string& path, asset_id id) {
  // A name that is taken again and again gets no longer by it.
  return path.substr(0, path.find("//")) + "//" + std::to_string(id);
}

bool is_aside(std::string_view path) { return path.find("//") != path.npos; }

}  // namespace podstudio
