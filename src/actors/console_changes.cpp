// SPDX-License-Identifier: MIT
#include "actors/console_commands.hpp"
#include "console/arguments.hpp"
#include "events/labels.hpp"
#include "platform/text.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace podstudio {

namespace {

using nlohmann::json;

// Labels.

std::string list_in_summary(const asset_ids& ids) {
  std::string list;
  for (auto id : ids)
    list += (list.empty() ? "" : ", ") + std::to_string(id);
  return (ids.size() == 1 ? "asset " : std::to_string(ids.size()) + " assets: ") + in_summary(list);
}

/// Labels the assets that `ids` or `filter` name. `labels` is the summary's beginning.
void label(console_state& s, const request& what, answer reply, label_change change,
           std::string labels) {
  choose_assets(
      s, what, reply,
      [&s, id = what.id, reply, change, labels](asset_ids ids, const std::string& which) mutable {
        change.assets = std::move(ids);
        s.self
            ->request(s.peers.catalog, caf::infinite, label_atom::value,
                      label_request{id, "console", labels + " on " + which, change})
            .then(
                [reply](const change_outcome& outcome) mutable {
                  reply(json{{"changed", outcome.changed}}, outcome.last_sequence);
                },
                [reply](const caf::error& failure) mutable { reply(failure); });
      });
}

/// Sets a flag, or takes it away.
template <class Label, bool on>
void set_flag(console_state& s, const request& what, answer reply) {
  label_change change;
  change.set.*Label::setting = on;
  label(s, what, reply, std::move(change), on ? Label::verb : Label::not_verb);
}

void change_tag(console_state& s, const request& what, answer reply, const char* how,
                std::optional<std::string> label_change::*field) {
  auto tag = text_argument(what.arguments, "tag");
  if (!tag) return reply(tag.failure());
  label_change change;
  change.*field = *tag;
  label(s, what, reply, std::move(change), how + in_summary(to_text(*tag)));
}

void asset_tag(console_state& s, const request& what, answer reply) {
  change_tag(s, what, reply, "tag ", &label_change::tag);
}

void asset_untag(console_state& s, const request& what, answer reply) {
  change_tag(s, what, reply, "untag ", &label_change::untag);
}

/// Says what is to be set: `theme="nature"`.
class setting_list {
public:
  void add(const std::string& key, const std::optional<std::string>& value) {
    text_ += (text_.empty() ? "" : ", ") + key + "="
             + in_summary(to_text(value ? json(*value) : json()));
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }

private:
  std::string text_;
};

using optional_label = std::optional<std::optional<std::string>>;

/// Labels that may be given, where they belong. The first one that is no label is the error.
result<void> take_labels(const json& arguments, setting_list& settings,
                         std::initializer_list<std::pair<const char*, optional_label*>> labels) {
  for (auto [key, field] : labels) {
    auto given = label_argument(arguments, key);
    if (!given) return given.failure();
    *field = *given;
    if (*field) settings.add(key, **field);
  }
  return {};
}

/// Takes the setting of a label with a value, if it is given.
template <class Label>
result<void> take_setting(const json& arguments, label_settings& set, setting_list& settings) {
  const std::string key(Label::key);
  auto& setting = set.*Label::setting;
  if constexpr (is_text_label<Label>) {
    return take_labels(arguments, settings, {{key.c_str(), &setting}});
  } else {
    if (!arguments.contains(key)) return {};
    if constexpr (is_number_label<Label>) {
      auto given = number_argument(arguments, key, number_max<Label>);
      if (!given) return given.failure();
      setting = static_cast<typename Label::value>(*given);
      settings.add(key, std::to_string(*given));
    } else {
      auto given = word_argument<typename Label::value>(arguments, key);
      if (!given) return given.failure();
      setting = *given;
      settings.add(key, std::string(word(*given)));
    }
    return {};
  }
}

/// The labels that `asset.set` sets. Those without a value have commands of their own.
void asset_set(console_state& s, const request& what, answer reply) {
  label_change change;
  setting_list settings;
  result<void> taken;
  std::string keys;
  each_label([&]<class Label>() {
    if constexpr (!is_flag_label<Label>) {
      if (taken) taken = take_setting<Label>(what.arguments, change.set, settings);
      keys += (keys.empty() ? "" : ", ") + std::string(Label::key);
    }
  });
  if (!taken) return reply(taken.failure());
  if (settings.empty())
    return reply(error{error_code::invalid_argument,
                       "nothing to set is given; one of " + keys + " is needed"});
  label(s, what, reply, std::move(change), "set " + settings.text());
}

// Packs.

using on_changed = std::function<void(json done, sequence_number sequence)>;

void change_pack(console_state& s, const request& what, answer reply, std::string summary,
                 pack_change change, on_changed then = {}) {
  if (!then)
    then = [reply](const json& done, sequence_number sequence) mutable { reply(done, sequence); };
  s.self
      ->request(s.peers.catalog, caf::infinite, pack_atom::value,
                pack_request{what.id, "console", std::move(summary), std::move(change)})
      .then(
          [then](const change_outcome& outcome) {
            json done{{"changed", outcome.changed}};
            if (outcome.subject != 0) done["id"] = outcome.subject;
            then(done, outcome.last_sequence);
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

/// What `pack.create` and `pack.edit` have in common.
result<pack_edit> edit_arguments(const json& arguments, setting_list& settings) {
  pack_edit edit;
  if (arguments.contains("name")) {
    auto name = text_argument(arguments, "name");
    if (!name) return name.failure();
    edit.name = *name;
    settings.add("name", *name);
  }
  if (arguments.contains("license")) {
    auto license = word_argument<license_type>(arguments, "license");
    if (!license) return license.failure();
    edit.license = *license;
    settings.add("license", std::string(word(*license)));
  }
  auto taken = take_labels(arguments, settings,
                           {{"theme", &edit.theme}, {"description", &edit.description}});
  if (!taken) return taken.failure();
  auto force = flag_argument(arguments, "force");
  if (!force) return force.failure();
  edit.force = *force;
  return edit;
}

void pack_create(console_state& s, const request& what, answer reply) {
  setting_list settings;
  auto facts = edit_arguments(what.arguments, settings);
  if (!facts) return reply(facts.failure());
  if (!facts->name || !facts->license)
    return reply(wrong_argument("name", "and 'license' are needed for a pack"));
  change_pack(s, what, reply, "create pack " + settings.text(),
              pack_creation{{*facts->name, *facts->license, facts->theme.value_or(std::nullopt),
                             facts->description.value_or(std::nullopt)},
                            facts->force});
}

void edit_pack(console_state& s, const request& what, answer reply) {
  auto pack = id_argument(what.arguments, "pack");
  if (!pack) return reply(pack.failure());
  setting_list settings;
  auto edit = edit_arguments(what.arguments, settings);
  if (!edit) return reply(edit.failure());
  if (settings.empty())
    return reply(wrong_argument("name", ", 'license', 'theme' or 'description' is needed"));
  edit->pack = *pack;
  change_pack(s, what, reply, "edit pack " + std::to_string(*pack) + ": " + settings.text(),
              std::move(*edit));
}

template <class Change>
void change_members(console_state& s, const request& what, answer reply, const char* how,
                    on_changed then = {}) {
  auto pack = id_argument(what.arguments, "pack");
  if (!pack) return reply(pack.failure());
  auto assets = ids_argument(what.arguments);
  if (!assets) return reply(assets.failure());
  auto summary = how + std::to_string(*pack) + ": " + list_in_summary(*assets);
  change_pack(s, what, reply, std::move(summary), Change{*pack, std::move(*assets)},
              std::move(then));
}

/// Tells, besides, what a buyer would hold against these assets.
void pack_add(console_state& s, const request& what, answer reply) {
  auto warn = [&s, arguments = what.arguments, reply](const json& done, sequence_number sequence) {
    const auto& ids = arguments["ids"];
    auto added = done["changed"].get<std::uint64_t>();
    s.self
        ->request(s.peers.reader, caf::infinite, query_atom::value, std::string("pack.warnings"),
                  to_text(arguments), given_up())
        .then(
            [=](const std::string& warnings) mutable {
              auto told = done;
              told["already"] = std::set<json>(ids.begin(), ids.end()).size() - added;
              told.update(json::parse(warnings));
              reply(told, sequence);
            },
            // That the pack was filled is true all the same.
            [=](const caf::error& failure) mutable {
              auto told = done;
              told["unchecked"] = from_caf(failure).message;
              reply(told, sequence);
            });
  };
  change_members<pack_addition>(s, what, reply, "add to pack ", warn);
}

void pack_remove(console_state& s, const request& what, answer reply) {
  change_members<pack_removal>(s, what, reply, "remove from pack ");
}

void pack_delete(console_state& s, const request& what, answer reply) {
  auto pack = id_argument(what.arguments, "pack");
  if (!pack) return reply(pack.failure());
  change_pack(s, what, reply, "delete pack " + std::to_string(*pack), pack_deletion{*pack});
}

// Undo.

json to_json(const undo_report& report) {
  json told{{"changed", report.done.changed}, {"command", to_string(report.command)}};
  told["repeated"] = report.repeated;
  if (report.repeated) return told;
  told["left"] = nullptr;
  if (!report.left) return told;
  const auto& left = *report.left;
  told["left"] = {
      {"fields", left.conflicts.size()},         {"first_fields", names_of(left.conflicts)},
      {"commands", report.conflicting},          {"no_room", left.no_room.size()},
      {"first_no_room", names_of(left.no_room)}, {"facts", left.facts}};
  return told;
}

void undo(console_state& s, const request& what, answer reply) {
  auto command = text_argument(what.arguments, "command");
  if (!command) return reply(command.failure());
  uuid target{};
  if (!parse_uuid(*command, target))
    return reply(wrong_argument("command",
                                "must be the id of a command, a UUID, not " + in_quotes(*command)));
  auto force = flag_argument(what.arguments, "force");
  if (!force) return reply(force.failure());
  s.self
      ->request(s.peers.undo, caf::infinite, undo_atom::value,
                undo_command{what.id, "console", target, *force})
      .then(
          [reply](const undo_report& report) mutable {
            reply(to_json(report), report.done.last_sequence);
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

/// Adds `asset.approve` and the like.
command_table with_flags(command_table commands) {
  each_label([&commands]<class Label>() {
    if constexpr (is_flag_label<Label>) {
      commands[std::string("asset.") + Label::verb] = set_flag<Label, true>;
      commands[std::string("asset.") + Label::not_verb] = set_flag<Label, false>;
    }
  });
  return commands;
}

}  // namespace

void choose_assets(console_state& s, const request& what, answer reply, take_assets then) {
  bool by_ids = what.arguments.contains("ids"), by_filter = what.arguments.contains("filter");
  if (by_ids == by_filter)
    return reply(wrong_argument("ids", "or 'filter' is needed, but not both"));
  if (by_ids) {
    auto ids = ids_argument(what.arguments);
    if (!ids) return reply(ids.failure());
    auto which = list_in_summary(*ids);
    return then(std::move(*ids), which);
  }
  auto filter = to_text(what.arguments["filter"]);
  s.self->request(s.peers.reader, caf::infinite, query_atom::value, filter)
      .then([then, which = "all that match "
                           + in_summary(filter)](const asset_ids& ids) { then(ids, which); },
            [reply](const caf::error& failure) mutable { reply(failure); });
}

const command_table& change_commands() {
  static const auto commands = with_flags({
      {"asset.set", asset_set},
      {"asset.tag", asset_tag},
      {"asset.untag", asset_untag},
      {"pack.add", pack_add},
      {"pack.create", pack_create},
      {"pack.delete", pack_delete},
      {"pack.edit", edit_pack},
      {"pack.remove", pack_remove},
      {"undo", undo},
  });
  return commands;
}

}  // namespace podstudio
