// SPDX-License-Identifier: MIT
#include "query/packs.hpp"
#include "api/choice.hpp"
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"

#include <functional>
#include <set>

namespace podstudio::api {

namespace {

json pack_columns() {
  return shape::object({{"id", shape::id()},
                        {"name", shape::text()},
                        {"theme", shape::nullable(shape::text())},
                        {"description", shape::nullable(shape::text())},
                        {"license_type", shape::word<license_type>()},
                        {"asset_count", shape::count()},
                        {"total_size_mb", shape::number()},
                        {"export_path", shape::nullable(shape::text())},
                        {"exported_at", shape::nullable(shape::time())},
                        {"created_at", shape::time()},
                        {"updated_at", shape::time()}});
}

struct pack_list {
  static constexpr std::string_view name = "pack.list",
                                    help = "List packs, a page at a time, in the order of ids",
                                    example = "podstudio pack list";
  static constexpr auto needs = role::viewer;
  pack_id after = 0;
  std::int64_t limit = max_packs_per_page;

  static void declare(auto& add) {
    add.optional("after", &pack_list::after, last_of_page_before);
    add.optional("limit", &pack_list::limit, whole_number{1, max_packs_per_page});
  }
  static json outcome() { return shape::list(pack_columns()); }
  result<json> ask(reader_state& s, const is_over&) const {
    return list_packs(*s.tables, after, limit);
  }
};

struct pack_show {
  static constexpr std::string_view name = "pack.show",
                                    help = "Show a pack and its assets in order",
                                    example = "podstudio pack show 3";
  static constexpr auto needs = role::viewer;
  pack_id pack = 0;

  static void declare(auto& add) { add("pack", &pack_show::pack, row_id{}); }
  static json outcome() {
    auto member = shape::object({{"id", shape::id()},
                                 {"position", shape::whole()},
                                 {"path", shape::text()},
                                 {"type", shape::word<asset_type>()},
                                 {"approved", shape::flag()},
                                 {"missing", shape::flag()},
                                 {"size_bytes", shape::count()}});
    return shape::extended(pack_columns(), {{"assets", shape::list(member)}});
  }
  result<json> ask(reader_state& s, const is_over&) const { return show_pack(*s.tables, pack); }
};

using on_changed = std::function<void(json done, const change_outcome& outcome)>;

void change_pack(console_state& s, const request& asked, answer reply, std::string summary,
                 pack_change change, on_changed then = {}) {
  if (!then)
    then = [reply](const json& done, const change_outcome& outcome) mutable {
      reply(done, outcome.last_sequence);
    };
  s.self
      ->request(s.peers.catalog, caf::infinite, pack_atom::value,
                pack_request{asked.id, "console", std::move(summary), std::move(change),
                             digest_of(asked)})
      .then(
          [then](const change_outcome& outcome) {
            json done{{"changed", outcome.changed}};
            if (outcome.subject != 0) done["id"] = outcome.subject;
            then(done, outcome);
          },
          reply.failing());
}

json changed_pack() { return shape::object({{"changed", shape::count()}}, {{"id", shape::id()}}); }

/// What people say of a pack.
struct pack_description {
  pack_edit set;

  template <class Op>
  static void declare_optional(auto& add) {
    add.if_present(
        "theme", [](Op & of) -> auto& { return of.set.theme; }, text_or_null{});
    add.if_present(
        "description", [](Op & of) -> auto& { return of.set.description; }, text_or_null{});
    add.if_present(
        "force", [](Op & of) -> auto& { return of.set.force; }, flag{});
  }
  std::string summary() const {
    setting_list settings;
    if (set.name) settings.add("name", *set.name);
    if (set.license) settings.add("license", std::string(word(*set.license)));
    if (set.theme) settings.add("theme", *set.theme);
    if (set.description) settings.add("description", *set.description);
    return settings.text();
  }
};

struct pack_create : pack_description {
  static constexpr std::string_view
      name = "pack.create",
      help = "Create a pack",
      example = "podstudio pack create 'Autumn forest' --license royalty_free";
  static constexpr auto needs = role::curator;

  static void declare(auto& add) {
    add(
        "name", [](pack_create & of) -> auto& { return of.set.name; }, text{});
    add(
        "license", [](pack_create & of) -> auto& { return of.set.license; },
        word_of<license_type>{});
    declare_optional<pack_create>(add);
  }
  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    change_pack(s, asked, reply, "create pack " + summary(),
                pack_creation{{*set.name, *set.license, set.theme.value_or(std::nullopt),
                               set.description.value_or(std::nullopt)},
                              set.force});
  }
};

struct pack_edit_operation : pack_description {
  static constexpr std::string_view name = "pack.edit",
                                    help =
                                        "Change the name, licence, theme or description of a pack",
                                    example = "podstudio pack edit 3 --theme halloween";
  static constexpr auto needs = role::curator;

  static void declare(auto& add) {
    add(
        "pack", [](pack_edit_operation & of) -> auto& { return of.set.pack; }, row_id{});
    add.if_present(
        "name", [](pack_edit_operation & of) -> auto& { return of.set.name; }, text{});
    add.if_present(
        "license", [](pack_edit_operation & of) -> auto& { return of.set.license; },
        word_of<license_type>{});
    declare_optional<pack_edit_operation>(add);
    add.any_of({"name", "license", "theme", "description"});
  }
  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    change_pack(s, asked, reply, "edit pack " + std::to_string(set.pack) + ": " + summary(), set);
  }
};

/// Assets of a pack.
struct pack_members {
  pack_id pack = 0;
  asset_ids ids;

  static void declare(auto& add) {
    add("pack", &pack_members::pack, row_id{});
    add("ids", &pack_members::ids, asset_id_list{});
  }
  std::string summary(const char* how) const {
    return how + std::to_string(pack) + ": " + list_in_summary(ids);
  }
};

/// What a buyer would object to in the assets that were added. INTERNAL: a question of `pack.add`.
struct pack_warnings : pack_members {
  static constexpr std::string_view name = "pack.add";
  result<json> ask(reader_state& s, const is_over&) const {
    return check_members(*s.tables, pack, ids);
  }
};

struct pack_add : chosen_assets {
  static constexpr std::string_view
      name = "pack.add",
      help = "Add assets to a pack and warn of what a buyer would object to",
      example = "podstudio pack add 3 7 8 9";
  static constexpr auto needs = role::curator;
  pack_id pack = 0;

  static void declare(auto& add) {
    add("pack", &pack_add::pack, row_id{});
    chosen_assets::declare(add);
  }
  static json outcome() {
    return shape::object({{"changed", shape::count()}},
                         {{"id", shape::id()},
                          {"repeated", shape::flag()},
                          {"already", shape::count()},
                          {"missing", shape::list(shape::id())},
                          {"unapproved", shape::list(shape::id())},
                          {"same_content", shape::list(shape::list(shape::id()))},
                          {"unchecked", shape::text()}});
  }
  void start(console_state& s, const request& asked, answer reply) const {
    choose(s, reply, [&s, asked, reply, self = *this](asset_ids chosen, const std::string& which) {
      self.fill(s, asked, reply, {self.pack, std::move(chosen)}, which);
    });
  }

private:
  void fill(console_state& s, const request& asked, answer reply, pack_members added,
            const std::string& which) const {
    auto warn = [&s, added, reply, searched = matched.has_value()](
                    const json& done, const change_outcome& outcome) mutable {
      const auto sequence = outcome.last_sequence;
      // What matches by now is not what was added then.
      if (outcome.repeated && searched) {
        auto told = done;
        told["repeated"] = true;
        return reply(told, sequence);
      }
      auto is_new = done["changed"].get<std::uint64_t>();
      ask_tables(
          s, pack_warnings{added},
          [=](const json& warnings) mutable {
            auto told = done;
            told["already"] =
                std::set<asset_id>(added.ids.begin(), added.ids.end()).size() - is_new;
            told.update(warnings);
            reply(told, sequence);
          },
          // That the pack was filled is true all the same.
          [=](const caf::error& failure) mutable {
            auto told = done;
            told["unchecked"] = from_caf(failure).message;
            reply(told, sequence);
          });
    };
    change_pack(s, asked, reply, "add to pack " + std::to_string(added.pack) + ": " + which,
                pack_addition{added.pack, added.ids}, warn);
  }
};

struct pack_remove : pack_members {
  static constexpr std::string_view name = "pack.remove", help = "Take assets out of a pack",
                                    example = "podstudio pack remove 3 7";
  static constexpr auto needs = role::curator;

  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    change_pack(s, asked, reply, summary("remove from pack "), pack_removal{pack, ids});
  }
};

struct pack_delete {
  static constexpr std::string_view name = "pack.delete",
                                    help = "Delete a pack; its assets and their files stay",
                                    example = "podstudio pack delete 3";
  static constexpr auto needs = role::curator;
  pack_id pack = 0;

  static void declare(auto& add) { add("pack", &pack_delete::pack, row_id{}); }
  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    change_pack(s, asked, reply, "delete pack " + std::to_string(pack), pack_deletion{pack});
  }
};

struct pack_move_operation {
  static constexpr std::string_view name = "pack.move",
                                    help = "Move an asset to another place in a pack",
                                    example = "podstudio pack move 3 7 --to 1";
  static constexpr auto needs = role::curator;
  pack_move set;
  std::optional<std::uint64_t> to;
  std::optional<asset_id> before;

  static void declare(auto& add) {
    add(
        "pack", [](pack_move_operation & of) -> auto& { return of.set.pack; }, row_id{});
    add(
        "asset", [](pack_move_operation & of) -> auto& { return of.set.asset; }, row_id{});
    add.if_present("to", &pack_move_operation::to, whole_number{1, max_pack_assets});
    add.if_present("before", &pack_move_operation::before, row_id{});
    add.one_of("to", "before");
  }
  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    auto move = set;
    move.before = before.value_or(0);
    move.place = static_cast<std::size_t>(to.value_or(1));
    auto where = before ? "before asset " + std::to_string(*before)
                        : "to place " + std::to_string(move.place);
    change_pack(s, asked, reply,
                "move asset " + std::to_string(set.asset) + " in pack " + std::to_string(set.pack)
                    + " " + where,
                move);
  }
};

struct pack_copy_operation {
  static constexpr std::string_view name = "pack.copy",
                                    help = "Create a pack with the texts and assets of another one",
                                    example = "podstudio pack copy 3 'Foxes, part 2'";
  static constexpr auto needs = role::curator;
  pack_copy set;

  static void declare(auto& add) {
    add(
        "pack", [](pack_copy_operation & of) -> auto& { return of.set.pack; }, row_id{});
    add(
        "name", [](pack_copy_operation & of) -> auto& { return of.set.name; }, text{});
    add.if_present(
        "force", [](pack_copy_operation & of) -> auto& { return of.set.force; }, flag{});
  }
  static json outcome() { return changed_pack(); }
  void start(console_state& s, const request& asked, answer reply) const {
    setting_list settings;
    settings.add("name", set.name);
    change_pack(s, asked, reply, "copy pack " + std::to_string(set.pack) + ": " + settings.text(),
                set);
  }
};

struct pack_setup {
  static constexpr std::string_view name = "pack.setup",
                                    help = "Say who sells the packs, for licences and other texts",
                                    example = "podstudio pack setup --author 'Ada Lovelace'";
  static constexpr auto needs = role::curator;
  seller_change set;

  static void declare(auto& add) {
    add.if_present(
        "author", [](pack_setup & of) -> auto& { return of.set.author; }, text_or_null{});
    add.if_present(
        "year", [](pack_setup & of) -> auto& { return of.set.year; }, text_or_null{});
    add.if_present(
        "shop", [](pack_setup & of) -> auto& { return of.set.shop; }, text_or_null{});
    add.if_present(
        "contact", [](pack_setup & of) -> auto& { return of.set.contact; }, text_or_null{});
    add.any_of({"author", "year", "shop", "contact"});
  }
  static json outcome() { return changed_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    setting_list settings;
    for (const auto& [key, text] : {std::pair{"author", &set.author},
                                    {"year", &set.year},
                                    {"shop", &set.shop},
                                    {"contact", &set.contact}})
      if (*text) settings.add(key, **text);
    change_pack(s, asked, reply, "set up the seller: " + settings.text(), set);
  }
};

}  // namespace

std::vector<operation> pack_operations() {
  return rows_of<pack_add, pack_copy_operation, pack_create, pack_delete, pack_edit_operation,
                 pack_list, pack_move_operation, pack_remove, pack_setup, pack_show>();
}

}  // namespace podstudio::api
