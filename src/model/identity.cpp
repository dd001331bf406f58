#include "model/identity.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace podstudio {

void vanishing_assets::add(asset_id id, const digest& sha256) {
  auto key = digest_key(sha256);
  if (digests_.emplace(id, key).second) by_digest_.emplace(key, id);
}

void vanishing_assets::remove(asset_id id) {
  auto at = digests_.find(id);
  if (at == digests_.end()) return;
  by_digest_.erase({at->second, id});
  digests_.erase(at);
}

template <class IsIt>
asset_id vanishing_assets::find(const digest& sha256, IsIt is_it) const {
  auto key = digest_key(sha256);
  for (auto at = by_digest_.lower_bound({key, 0}); at != by_digest_.end() && at->first == key; ++at)
    if (is_it(at->second)) return at->second;
  return 0;
}

namespace {

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

/// What the file was, if that is what no asset is any more.
const former_files::past* find_former(const catalog_model& model, const digested_file& file) {
  const auto* past = model.former().find(file.content);
  if (past == nullptr || model.asset(past->asset) == nullptr) return nullptr;
  auto is_it = [&](asset_id id) { return model.asset(id)->sha256 == file.content.sha256; };
  auto here = model.asset_at(file.key);
  if (is_it(past->asset) || (here != 0 && is_it(here))
      || model.find_inode(file.content.facts, is_it) != 0)
    return nullptr;
  return past;
}

/// Finds out which assets some files are.
class matching {
public:
  /// What became of one file's path.
  struct fate {
    asset_id here = 0;     ///< the asset that has this path in the model
    asset_id moved = 0;    ///< the asset whose content is here now, and which has another path
    bool settled = false;  ///< the asset that has this path has this content
    /// `moved` was seen at its path after this file was looked at, as its inode says: it was moved
    /// from here to there, not the other way.
    bool outdated = false;
  };

  matching(const catalog_model& model, const std::vector<digested_file>& files,
           const vanishing_assets& vanishing)
      : model_(model), vanishing_(vanishing), fates_(files.size()) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      auto& found = fates_[i];
      found.here = model.asset_at(files[i].key);
      if (found.here == 0) continue;
      const auto& asset = *model.asset(found.here);
      found.settled = asset.sha256 == files[i].content.sha256;
      if (found.settled)
        settled_.insert(found.here);
      else if (!asset.missing)
        displaced_.add(found.here, asset.sha256);
    }
    for (std::size_t i = 0; i < files.size(); ++i)
      if (!fates_[i].settled && files[i].content.facts.size_bytes > 0) match(files[i], fates_[i]);
  }

  const std::vector<fate>& fates() const noexcept { return fates_; }
  bool is_used(asset_id id) const { return used_.contains(id); }

private:
  void match(const digested_file& file, fate& found) {
    const auto& content = file.content;
    auto is_it = [&](asset_id id) {
      return id != found.here && model_.asset(id)->sha256 == content.sha256 && !used_.contains(id)
             && !settled_.contains(id);
    };
    // An inode with one name only has left every other name it had.
    found.moved = model_.find_inode(content.facts, [&](asset_id id) {
      return is_it(id)
             && (file.links == 1 || model_.asset(id)->missing || vanishing_.contains(id)
                 || displaced_.contains(id));
    });
    if (found.moved != 0) {
      const auto& asset = *model_.asset(found.moved);
      found.outdated = !asset.missing && asset.facts.ctime_ns > content.facts.ctime_ns;
    }
    if (found.moved == 0) found.moved = model_.find_missing(content.sha256, is_it);
    if (found.moved == 0) found.moved = vanishing_.find(content.sha256, is_it);
    if (found.moved == 0) found.moved = displaced_.find(content.sha256, is_it);
    if (found.moved != 0 && !found.outdated) used_.insert(found.moved);
  }

  const catalog_model& model_;
  const vanishing_assets& vanishing_;
  vanishing_assets displaced_;  ///< assets whose path has other content now
  std::vector<fate> fates_;
  std::unordered_set<asset_id> settled_, used_;
};

/// Turns fates into events, in an order in which no path is ever held twice.
class taking {
public:
  taking(const catalog_model& model, const std::vector<digested_file>& files,
         const vanishing_assets& vanishing, const asset_paths& paths)
      : model_(model), files_(files), matched_(model, files, vanishing),
        next_asset_(model.last_asset() + 1) {
    const auto& fates = matched_.fates();
    for (std::size_t i = 0; i < files.size(); ++i)
      if (fates[i].here != 0) paths_[fates[i].here] = files[i].path;
    for (const auto& [id, path] : paths)
      if (model.asset(id) != nullptr && model.asset(id)->key == key_of_(path))
        paths_.try_emplace(id, path);
  }

  taken_files decide() {
    taken_files taken;
    const auto& fates = matched_.fates();
    std::vector<bool> known(files_.size(), true);
    for (std::size_t i = 0; i < files_.size(); ++i) {
      known[i] = !fates[i].outdated && (fates[i].moved == 0 || paths_.contains(fates[i].moved))
                 && find_former(model_, files_[i]) == nullptr;
      if (!known[i])
        (fates[i].outdated ? taken.outdated : taken.again).push_back(files_[i].path);
      else if (leaves(fates[i]))
        make_room(files_[i], fates[i].here, taken.events);
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!known[i]) continue;
      arrive(files_[i], fates[i], taken);
      for_each_outdated_name(model_, files_[i], [&](asset_id id) {
        auto is_it = [&](const digested_file& file) { return file.key == model_.asset(id)->key; };
        if (std::ranges::any_of(files_, is_it)) return;
        // Where the path is not known yet, this file brings the question up once more.
        auto at = paths_.find(id);
        taken.again.push_back(at == paths_.end() ? files_[i].path : at->second);
      });
      if (!model_.has_problems()) continue;
      auto shown = printable(files_[i].path);
      if (model_.problem(key_of_(shown))) taken.events.emplace_back(problem_resolved{shown});
    }
    return taken;
  }

private:
  /// Whether the asset that has this path in the model loses it to this file. One that is missing
  /// does: new content under an old name is no more than that.
  bool leaves(const matching::fate& fate) const {
    return !fate.settled && fate.here != 0
           && (fate.moved != 0 || matched_.is_used(fate.here) || model_.asset(fate.here)->missing);
  }

  void make_room(const digested_file& file, asset_id id, std::vector<event>& events) {
    const auto& asset = *model_.asset(id);
    auto aside = path_aside(file.path, id);
    events.emplace_back(asset_moved{id, file.path, aside, asset.facts, asset.facts});
    if (!matched_.is_used(id) && !asset.missing) events.emplace_back(asset_missing{id});
    paths_[id] = std::move(aside);
  }

  void arrive(const digested_file& file, const matching::fate& fate, taken_files& taken) {
    const auto& [path, key, type, content, links] = file;
    auto& events = taken.events;
    if (fate.settled) return stay(file, fate.here, taken);
    if (fate.moved != 0) {
      const auto& asset = *model_.asset(fate.moved);
      const auto& before = paths_.at(fate.moved);
      taken.moved.push_back(fate.moved);
      if (asset.missing)
        events.emplace_back(asset_returned{fate.moved, before, path, asset.facts, content.facts});
      else
        events.emplace_back(asset_moved{fate.moved, before, path, asset.facts, content.facts});
    } else if (fate.here != 0 && !leaves(fate)) {
      const auto& asset = *model_.asset(fate.here);
      events.emplace_back(asset_content_changed{fate.here, {asset.sha256, asset.facts}, content});
    } else {
      events.emplace_back(asset_registered{next_asset_++, path, type, content});
    }
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
  matching matched_;
  asset_paths paths_;
  path_keyer key_of_;
  asset_id next_asset_;
};

}  // namespace

std::vector<asset_id> find_others(const catalog_model& model,
                                  const std::vector<digested_file>& files,
                                  const vanishing_assets& vanishing) {
  std::vector<asset_id> others;
  const matching matched(model, files, vanishing);
  for (const auto& fate : matched.fates())
    if (fate.moved != 0) others.push_back(fate.moved);
  for (const auto& file : files) {
    if (const auto* past = find_former(model, file)) others.push_back(past->asset);
    for_each_outdated_name(model, file, [&](asset_id id) { others.push_back(id); });
  }
  return others;
}

std::vector<event> decide_put_back(const catalog_model& model,
                                   const std::vector<digested_file>& files, asset_paths& paths) {
  // Of all that an asset was it becomes the first, as that is what people spoke of.
  std::map<asset_id, const former_files::past*> pasts;
  for (const auto& file : files) {
    const auto* past = find_former(model, file);
    if (past == nullptr) continue;
    auto& first = pasts[past->asset];
    if (first == nullptr || past->number < first->number) first = past;
  }
  std::vector<event> events;
  auto next_asset = model.last_asset() + 1;
  path_keyer key_of;
  for (const auto& [id, past] : pasts) {
    const auto& asset = *model.asset(id);
    auto path = paths.find(id);
    if (path == paths.end() || key_of(path->second) != asset.key) continue;
    const file_content present{asset.sha256, asset.facts};
    if (!asset.missing) {
      auto aside = path_aside(path->second, id);
      events.emplace_back(asset_moved{id, path->second, aside, asset.facts, asset.facts});
      events.emplace_back(asset_missing{id});
      events.emplace_back(asset_registered{next_asset, path->second, asset.type, present});
      paths[next_asset++] = std::exchange(path->second, std::move(aside));
    }
    events.emplace_back(asset_content_changed{id, present, past->content});
  }
  return events;
}

taken_files decide(const catalog_model& model, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, const vanishing_assets& vanishing,
                   const asset_paths& paths) {
  auto taken = taking(model, files, vanishing, paths).decide();
  path_keyer key_of;
  for (const auto& failure : failures)
    if (model.problem(key_of(failure.path)) != failure.kind)
      taken.events.emplace_back(problem_found{failure.path, failure.kind, failure.reason});
  return taken;
}

std::vector<event> decide_gone(const catalog_model& model, const std::vector<gone_file>& gone) {
  std::vector<event> events;
  std::vector<std::string> resolved;
  for (const auto& [path, key, device] : gone) {
    auto id = model.asset_at(key);
    if (id != 0 && !model.asset(id)->missing && model.asset(id)->facts.device == device)
      events.emplace_back(asset_missing{id});
    resolved.push_back(printable(path));
  }
  auto solved = decide_resolved(model, resolved);
  events.insert(events.end(), solved.begin(), solved.end());
  return events;
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
