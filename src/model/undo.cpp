// SPDX-License-Identifier: MIT
#include "model/undo.hpp"

#include "events/codec.hpp"
#include "events/labels.hpp"
#include "model/curation.hpp"
#include "model/packs.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <string_view>

namespace podstudio {

using kind = field::kind;

namespace {

std::string name_of(const field& what) {
  std::string name;
  switch (what.what) {
  case kind::label:
    with_label(what.label, [&]<class Label>() { name = Label::title; });
    return name;
  case kind::tag:
    return "tag " + in_quotes(what.tag);
  case kind::missing:
    return "file";
  case kind::pack:
    return "pack";
  case kind::name:
    return "name";
  case kind::license:
    return "license";
  case kind::pack_theme:
    return "theme";
  case kind::description:
    return "description";
  case kind::exported:
    return "export";
  case kind::member:
    return "place";
  case kind::author:
    return "author";
  case kind::year:
    return "year";
  case kind::shop:
    return "shop";
  case kind::contact:
    return "contact";
  }
  return name;
}

bool is_of_seller(const field& what) { return what.pack == 0 && what.asset == 0; }

}  // namespace

std::string describe(const field& what) {
  if (is_of_seller(what)) return "the seller's " + name_of(what);
  auto pack = "pack " + std::to_string(what.pack), asset = "asset " + std::to_string(what.asset);
  if (what.what == kind::pack) return pack;
  if (what.what == kind::member) return asset + " in " + pack;
  auto name = name_of(what);
  return name + " of " + (what.pack != 0 ? pack : asset);
}

std::vector<std::string> names_of(const std::vector<field>& fields) {
  std::vector<std::string> names;
  for (const auto& each : fields) {
    if (names.size() == left_named_max) break;
    names.push_back(describe(each));
  }
  return names;
}

// --- what an event changes ---

namespace {

field_value text_value(const std::optional<std::string>& text) {
  if (!text) return no_value{};
  return *text;
}

std::optional<std::string> text_of(const field_value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

template <class E>
field_value word_value(E value) {
  return std::int64_t{static_cast<std::uint8_t>(value)};
}

template <class E>
E word_of(const field_value& value) {
  return static_cast<E>(std::get<std::int64_t>(value));
}

field_value mark_value(const std::optional<std::string>& path,
                       const std::optional<std::int64_t>& at_us) {
  if (!path || !at_us) return no_value{};
  return export_mark{*path, *at_us};
}

template <class Label>
field_value label_value(const typename Label::value& value) {
  if constexpr (is_text_label<Label>)
    return text_value(value);
  else if constexpr (is_flag_label<Label>)
    return value;
  else
    return word_value(value);
}

template <class Label>
typename Label::value label_of_value(const field_value& value) {
  if constexpr (is_text_label<Label>)
    return text_of(value);
  else if constexpr (is_flag_label<Label>)
    return std::get<bool>(value);
  else
    return word_of<typename Label::value>(value);
}

field of_asset(asset_id asset, kind what, std::string tag = {}) {
  return {.pack = 0, .asset = asset, .what = what, .label = 0, .tag = std::move(tag)};
}

template <class Label>
field of_label(asset_id asset) {
  return {.pack = 0, .asset = asset, .what = kind::label, .label = label_index<Label>(), .tag = {}};
}

field of_pack(pack_id pack, kind what, asset_id member = 0) {
  return {.pack = pack, .asset = member, .what = what, .label = 0, .tag = {}};
}

struct fact_fields {
  kind what;
  field_value (*value)(const pack_facts& facts);
};
constexpr fact_fields fields_of_facts[] = {
    {kind::name, [](const pack_facts& f) -> field_value { return f.name; }},
    {kind::license, [](const pack_facts& f) { return word_value(f.license); }},
    {kind::pack_theme, [](const pack_facts& f) { return text_value(f.theme); }},
    {kind::description, [](const pack_facts& f) { return text_value(f.description); }},
};

struct seller_field {
  kind what;
  std::optional<std::string> seller_facts::*text;
};
constexpr seller_field fields_of_seller[] = {{kind::author, &seller_facts::author},
                                             {kind::year, &seller_facts::year},
                                             {kind::shop, &seller_facts::shop},
                                             {kind::contact, &seller_facts::contact}};

field of_seller(kind what) { return {.pack = 0, .asset = 0, .what = what, .label = 0, .tag = {}}; }

struct changes {
  std::vector<field_change> made;

  void add(field where, field_value before, field_value after) {
    made.push_back({std::move(where), std::move(before), std::move(after)});
  }

  template <label_event Event>
  void operator()(const Event& e) {
    using label = label_of<Event>;
    auto step = label::read(e);
    add(of_label<label>(step.asset), label_value<label>(step.before),
        label_value<label>(step.after));
  }
  void operator()(const asset_tagged& e) { add(of_asset(e.asset, kind::tag, e.tag), false, true); }
  void operator()(const asset_untagged& e) {
    add(of_asset(e.asset, kind::tag, e.tag), true, false);
  }
  void operator()(const asset_missing& e) { add(of_asset(e.asset, kind::missing), false, true); }
  void operator()(const asset_returned& e) { add(of_asset(e.asset, kind::missing), true, false); }

  void existence(pack_id pack, const pack_facts& facts, field_value exported, bool after) {
    add(of_pack(pack, kind::pack), !after, after);
    auto each = [&](kind what, field_value value) {
      field_value none = not_there{};
      add(of_pack(pack, what), after ? none : value, after ? value : none);
    };
    for (const auto& [what, value] : fields_of_facts)
      each(what, value(facts));
    each(kind::exported, std::move(exported));
  }
  void operator()(const pack_created& e) { existence(e.pack, e.facts, no_value{}, true); }
  void operator()(const pack_deleted& e) {
    existence(e.pack, e.facts, mark_value(e.export_path, e.exported_at_us), false);
  }
  void operator()(const pack_edited& e) {
    for (const auto& [what, value] : fields_of_facts)
      if (auto before = value(e.before), after = value(e.after); before != after)
        add(of_pack(e.pack, what), std::move(before), std::move(after));
  }
  void operator()(const pack_exported& e) {
    add(of_pack(e.pack, kind::exported), mark_value(e.path_before, e.at_us_before),
        mark_value(e.path_after, e.at_us_after));
  }
  void operator()(const seller_described& e) {
    for (const auto& [what, text] : fields_of_seller)
      if (e.before.*text != e.after.*text)
        add(of_seller(what), text_value(e.before.*text), text_value(e.after.*text));
  }
  void operator()(const pack_asset_added& e) {
    add(of_pack(e.pack, kind::member, e.asset), no_value{}, e.position);
  }
  void operator()(const pack_asset_removed& e) {
    add(of_pack(e.pack, kind::member, e.asset), e.position, no_value{});
  }

  // What files, jobs and the engine did.
  template <class Fact>
  requires file_event<Fact> || job_event<Fact> || engine_event<Fact>
  void operator()(const Fact&) {}
};

/// Of a tag, a pack or a member.
bool is_there(const field_value& value) {
  const auto* flag = std::get_if<bool>(&value);
  return flag != nullptr ? *flag : std::holds_alternative<std::int64_t>(value);
}

/// A return to the same place is a mark that was taken away; any other tells of a file.
bool is_other_place(const asset_returned& e) {
  return e.path_before != e.path_after || e.before != e.after;
}

bool is_about_a_problem(const event& what) {
  return std::holds_alternative<problem_found>(what)
         || std::holds_alternative<problem_resolved>(what);
}

}  // namespace

std::vector<field_change> changes_of(const event& what) {
  changes of_event;
  std::visit(of_event, what);
  return std::move(of_event.made);
}

command_effect effect_of(const std::vector<event>& events, bool by_person) {
  // An export writes a file; only that of a pack which is made or deleted along with it is a mark.
  std::set<pack_id> made_or_deleted;
  for (const auto& each : events) {
    if (const auto* made = std::get_if<pack_created>(&each)) made_or_deleted.insert(made->pack);
    if (const auto* gone = std::get_if<pack_deleted>(&each)) made_or_deleted.insert(gone->pack);
  }
  command_effect effect;
  std::vector<field_change> all;
  // A problem comes and goes with what caused it: it stands in the way of nothing.
  bool only_problems = std::ranges::all_of(events, is_about_a_problem);
  for (const auto& each : events) {
    if (is_about_a_problem(each) && !only_problems) continue;
    const auto* returned = std::get_if<asset_returned>(&each);
    const auto* exported = std::get_if<pack_exported>(&each);
    auto changed = changes_of(each);
    if (changed.empty() || (returned != nullptr && (!by_person || is_other_place(*returned)))
        || (exported != nullptr && !made_or_deleted.contains(exported->pack)))
      ++effect.facts[std::string(event_name(each))];
    else
      std::ranges::move(changed, std::back_inserter(all));
  }
  std::ranges::stable_sort(all, {}, &field_change::where);
  for (auto& change : all) {
    if (effect.changes.empty() || effect.changes.back().where != change.where)
      effect.changes.push_back(std::move(change));
    else
      effect.changes.back().after = std::move(change.after);
  }
  return effect;
}

field_value present(const catalog_model& model, const field& what) {
  for (const auto& [of_it, text] : fields_of_seller)
    if (of_it == what.what) return text_value(model.seller().*text);
  if (what.what == kind::pack) return model.pack(what.pack) != nullptr;
  if (what.pack != 0) {
    const auto* pack = model.pack(what.pack);
    if (pack == nullptr) return not_there{};
    if (what.what == kind::exported) return mark_value(pack->export_path, pack->exported_at_us);
    for (const auto& [fact, value] : fields_of_facts)
      if (fact == what.what) return value(pack->facts);
    auto member = pack->members.find(what.asset);
    if (member == pack->members.end()) return no_value{};
    return member->second;
  }
  const auto* asset = model.asset(what.asset);
  if (asset == nullptr) return not_there{};
  switch (what.what) {
  case kind::label: {
    field_value value;
    with_label(what.label,
               [&]<class Label>() { value = label_value<Label>(model.label<Label>(what.asset)); });
    return value;
  }
  case kind::tag:
    return model.tagged(what.asset, what.tag);
  case kind::missing:
    return asset->missing;
  case kind::pack:
  case kind::name:
  case kind::license:
  case kind::pack_theme:
  case kind::description:
  case kind::exported:
  case kind::member:
  case kind::author:
  case kind::year:
  case kind::shop:
  case kind::contact:
    break;  // of a pack or the seller, and answered above
  }
  return not_there{};
}

// --- undoing ---

namespace {

/// Makes the decision.
class undoing {
public:
  undoing(const catalog_model& model, const asset_paths& paths) : model_(model), paths_(paths) {}

  undo_decision decide(const command_effect& effect) {
    const auto& [changes, facts] = effect;
    decision_.facts = facts;
    // Sorted: the seller's and the assets' own fields, then pack by pack.
    for (auto begin = changes.begin(); begin != changes.end();) {
      auto end = std::find_if(begin, changes.end(), [&](const field_change& each) {
        return each.where.pack != begin->where.pack;
      });
      std::span<const field_change> group(begin, end);
      if (begin->where.pack == 0)
        undo_assets(group);
      else
        undo_pack(group);
      begin = end;
    }
    keep_bounds();
    std::ranges::sort(decision_.conflicts);
    std::ranges::sort(decision_.no_room);
    return std::move(decision_);
  }

private:
  void conflict(const field& where) { decision_.conflicts.push_back(where); }

  template <class Event>
  void emit(Event what) {
    decision_.events.emplace_back(std::move(what));
  }

  void undo_assets(std::span<const field_change> changes) {
    for (const auto& change : changes) {
      auto now = present(model_, change.where);
      if (now != change.after || is_excluded(change, changes))
        conflict(change.where);
      else if (now != change.before)
        set_back(change.where, change.before);
    }
    if (seller_ != model_.seller()) emit(seller_described{model_.seller(), seller_});
  }

  /// Whether a flag would come back beside one that excludes it, and that came since.
  bool is_excluded(const field_change& change, std::span<const field_change> changes) const {
    bool excluded = false;
    if (change.where.what != kind::label) return excluded;
    with_label(change.where.label, [&]<class Label>() {
      if constexpr (requires { typename Label::excludes; }) {
        using other = typename Label::excludes;
        auto of_other = of_label<other>(change.where.asset);
        auto goes_too = [&](const field_change& each) {
          return each.where == of_other && each.before == field_value(false);
        };
        excluded = change.before == field_value(true) && model_.label<other>(change.where.asset)
                   && std::ranges::none_of(changes, goes_too);
      }
    });
    return excluded;
  }

  void set_back(const field& where, const field_value& before) {
    auto id = where.asset;
    switch (where.what) {
    case kind::label:
      return with_label(where.label, [&]<class Label>() {
        emit(Label::make(id, model_.label<Label>(id), label_of_value<Label>(before)));
      });
    case kind::tag:
      return std::get<bool>(before) ? emit(asset_tagged{id, where.tag})
                                    : emit(asset_untagged{id, where.tag});
    case kind::missing:
      return std::get<bool>(before) ? emit(asset_missing{id}) : bring_back(where);
    case kind::pack:
    case kind::name:
    case kind::license:
    case kind::pack_theme:
    case kind::description:
    case kind::exported:
    case kind::member:
      return;  // of a pack: `undo_pack`
    case kind::author:
    case kind::year:
    case kind::shop:
    case kind::contact:
      for (const auto& [what, text] : fields_of_seller)
        if (what == where.what) seller_.*text = text_of(before);
      return;  // one event for all
    }
  }

  /// The file is held to be where it was. One whose name another file has cannot be.
  void bring_back(const field& where) {
    const auto& asset = *model_.asset(where.asset);
    auto path = paths_.find(where.asset);
    if (path == paths_.end() || is_aside(path->second) || keyer_(path->second) != asset.key)
      return conflict(where);
    emit(asset_returned{where.asset, path->second, path->second, asset.facts, asset.facts});
  }

  void undo_pack(std::span<const field_change> changes) {
    auto pack = changes.front().where.pack;
    // What a command left of a pack, or in it, is gone with the pack.
    auto gone = [&] { return conflict(of_pack(pack, kind::pack)); };
    bool is_there = model_.pack(pack) != nullptr;
    auto existence = std::ranges::find_if(
        changes, [](const field_change& each) { return each.where.what == kind::pack; });
    if (existence == changes.end()) return is_there ? undo_in_pack(pack, changes, {}) : gone();
    bool before = std::get<bool>(existence->before), after = std::get<bool>(existence->after);
    if (before == after) return;  // made and deleted at once
    if (is_there != after) return gone();
    return after ? unmake_pack(pack, changes) : restore_pack(pack, changes);
  }

  /// What a pack that is there was made to be. `left` are fields that are not looked at.
  void undo_in_pack(pack_id pack, std::span<const field_change> changes,
                    const std::set<kind>& left) {
    const auto& facts = model_.pack(pack)->facts;
    auto before = facts;
    for (const auto& change : changes) {
      if (left.contains(change.where.what)) continue;
      auto now = present(model_, change.where);
      if (now != change.after)
        conflict(change.where);
      else if (change.where.what == kind::member)
        move_member(change.where, change.after, change.before);
      else
        set_fact(before, change.where.what, change.before);
    }
    if (before != facts) emit(pack_edited{pack, facts, before});
  }

  void move_member(const field& where, const field_value& from, const field_value& to) {
    if (from == to) return;
    if (const auto* position = std::get_if<std::int64_t>(&from))
      emit(pack_asset_removed{where.pack, where.asset, *position});
    add_member(where, to);
  }

  /// Unless `at` says that it was none.
  void add_member(const field& where, const field_value& at) {
    const auto* position = std::get_if<std::int64_t>(&at);
    if (position == nullptr) return;
    if (model_.asset(where.asset) == nullptr) return conflict(where);
    emit(pack_asset_added{where.pack, where.asset, *position});
  }

  static void set_fact(pack_facts& facts, kind what, const field_value& value) {
    if (what == kind::name) facts.name = std::get<std::string>(value);
    if (what == kind::license) facts.license = word_of<license_type>(value);
    if (what == kind::pack_theme) facts.theme = text_of(value);
    if (what == kind::description) facts.description = text_of(value);
  }

  /// The command deleted the pack: it is made again under its id.
  void restore_pack(pack_id pack, std::span<const field_change> changes) {
    pack_facts facts;
    const export_mark* exported = nullptr;
    for (const auto& change : changes) {
      set_fact(facts, change.where.what, change.before);
      if (change.where.what == kind::exported) exported = std::get_if<export_mark>(&change.before);
    }
    emit(pack_created{pack, facts});
    if (exported != nullptr) emit(pack_exported{pack, {}, {}, exported->path, exported->at_us});
    for (const auto& change : changes)
      if (change.where.what == kind::member) add_member(change.where, change.before);
  }

  /// The command made the pack: it is deleted, if it is as the command left it. Where it is not,
  /// its members still go.
  void unmake_pack(pack_id pack, std::span<const field_change> changes) {
    auto conflicts = decision_.conflicts.size();
    std::set<asset_id> members;
    for (const auto& change : changes) {
      if (change.where.what == kind::member)
        members.insert(change.where.asset);
      else if (present(model_, change.where) != change.after)
        conflict(change.where);
    }
    undo_in_pack(pack, changes,
                 {kind::pack, kind::name, kind::license, kind::pack_theme, kind::description,
                  kind::exported});
    const auto& known = *model_.pack(pack);
    for (const auto& [asset, position] : known.members)
      if (!members.contains(asset)) conflict(of_pack(pack, kind::member, asset));
    if (decision_.conflicts.size() != conflicts) return;
    emit(pack_deleted{pack, known.facts, known.export_path, known.exported_at_us});
  }

  /// How many there are of something, and how many there may be.
  struct capacity {
    std::size_t taken = 0;
    std::size_t bound = 0;
  };

  /// That of the tags, packs or members which the field is one of; null where nothing is bounded.
  capacity* room_of(const field& where) {
    auto of_all = [&](field all, std::size_t taken, std::size_t bound) {
      return &rooms_.try_emplace(std::move(all), capacity{taken, bound}).first->second;
    };
    if (where.what == kind::tag)
      return of_all(of_asset(where.asset, kind::tag), model_.tags(where.asset).size(),
                    max_asset_tags);
    if (where.what == kind::pack) return of_all(of_pack(0, kind::pack), model_.packs(), max_packs);
    if (where.what != kind::member) return nullptr;
    const auto* pack = model_.pack(where.pack);
    return of_all(of_pack(where.pack, kind::member), pack == nullptr ? 0 : pack->members.size(),
                  max_pack_assets);
  }

  /// Leaves what there is no room for, once all that goes has made room.
  void keep_bounds() {
    for (const auto& each : decision_.events)
      for (const auto& change : changes_of(each))
        if (auto* room = is_there(change.before) ? room_of(change.where) : nullptr; room != nullptr)
          --room->taken;
    std::set<pack_id> not_made;
    std::erase_if(decision_.events, [&](const event& each) {
      for (const auto& change : changes_of(each)) {
        if (not_made.contains(change.where.pack)) return true;
        auto* room = is_there(change.after) ? room_of(change.where) : nullptr;
        if (room == nullptr) continue;
        if (room->taken < room->bound) {
          ++room->taken;
          continue;
        }
        if (change.where.what == kind::pack) not_made.insert(change.where.pack);
        decision_.no_room.push_back(change.where);
        return true;
      }
      return false;
    });
  }

  const catalog_model& model_;
  const asset_paths& paths_;
  path_keyer keyer_;
  std::map<field, capacity> rooms_;
  seller_facts seller_ = model_.seller();  ///< as it is set back
  undo_decision decision_;
};

}  // namespace

undo_decision decide_undo(const catalog_model& model, const std::vector<event>& events,
                          const asset_paths& paths, bool by_person) {
  auto effect = effect_of(events, by_person);
  auto decision = undoing(model, paths).decide(effect);
  if (!decision.conflicts.empty())
    decision.is_as_before = std::ranges::all_of(effect.changes, [&](const field_change& each) {
      return present(model, each.where) == each.before;
    });
  return decision;
}

std::string undo_summary(const uuid& id, const std::string& summary, bool force) {
  // The id tells apart what has the same words.
  constexpr std::size_t bytes_max = 200;
  std::string text(cut_text(summary, bytes_max));
  if (text.size() < summary.size()) text += "...";
  return "undo of " + text + " (" + to_string(id).substr(0, 8) + (force ? ", by force)" : ")");
}

}  // namespace podstudio
