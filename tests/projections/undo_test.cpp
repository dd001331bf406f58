// SPDX-License-Identifier: MIT
#include "model/undo.hpp"

#include "events/codec.hpp"
#include "projections/projection.hpp"
#include "query/models.hpp"

#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/random_curation.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

using namespace podstudio;
using random_curation::step;

namespace {

std::uint64_t number_from_env(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// The tables without what a command always leaves: its own row, ids that are not used again, when
/// rows were changed, and since when files have been missing.
std::string state_of(database& db) {
  std::string text;
  for (const char* rows :
       {"SELECT id, path, type, hash, width, height, duration_sec, samplerate_hz, theme, source,"
        " provenance, approved, created_at FROM asset ORDER BY id",
        "SELECT asset_id, size_bytes, mtime_ns, ctime_ns, inode, device, missing_since IS NULL"
        " FROM asset_file ORDER BY asset_id",
        "SELECT * FROM asset_review WHERE rejected OR rating ORDER BY asset_id",
        "SELECT * FROM asset_tag ORDER BY asset_id, tag",
        "SELECT id, name, theme, description, license_type, asset_count, total_size_mb,"
        " export_path, exported_at, created_at FROM pack ORDER BY id",
        "SELECT * FROM pack_asset ORDER BY pack_id, asset_id", "SELECT * FROM seller",
        "SELECT * FROM job ORDER BY id"})
    text += rows_of(db, rows) + "\n--\n";
  return text;
}

/// All that decisions see of the assets and packs there may be.
std::string seen(const catalog_model& model) {
  std::string text;
  for (asset_id id = 1; id <= random_curation::assets; ++id) {
    const auto& a = *model.asset(id);
    std::set<std::string> tags;
    for (auto tag : model.tags(id))
      tags.insert(*model.texts().text(tag));
    text += std::to_string(id) + model.texts().text(a.labels.theme).value_or("-")
            + model.texts().text(a.labels.source).value_or("-")
            + std::string(word(a.labels.provenance)) + (a.labels.approved ? " approved" : "")
            + (a.labels.rejected ? " rejected" : "")
            + std::to_string(static_cast<int>(a.labels.rating)) + (a.missing ? " missing" : "");
    for (const auto& tag : tags)
      text += " " + tag;
    text += "\n";
  }
  const auto& seller = model.seller();
  for (const auto* said : {&seller.author, &seller.year, &seller.shop, &seller.contact})
    text += said->value_or("-") + " ";
  text += "last pack " + std::to_string(model.last_pack()) + "\n";
  for (pack_id id = 1; id <= model.last_pack(); ++id)
    if (const auto* pack = model.pack(id)) {
      const auto& facts = pack->facts;
      text += "pack " + std::to_string(id) + facts.name + std::string(word(facts.license))
              + facts.theme.value_or("-") + facts.description.value_or("-")
              + pack->export_path.value_or("-") + std::to_string(pack->exported_at_us.value_or(0));
      for (auto [asset, position] : pack->members)
        text += " " + std::to_string(asset) + "@" + std::to_string(position);
      text += "\n";
    }
  return text;
}

/// A library with its tables. What goes wrong in it is an error, so that it can be looked for again
/// with fewer steps.
class library {
public:
  library() {
    std::vector<event> files;
    for (asset_id id = 1; id <= random_curation::assets; ++id) {
      auto number = static_cast<std::uint64_t>(id);
      files.emplace_back(asset_registered{id, random_curation::asset_path(id), asset_type::image,
                                          content_of(number, number * 1'000)});
      paths_[id] = random_curation::asset_path(id);
    }
    commit(std::move(files));
  }

  /// Takes a command; which one it is.
  std::size_t commit(std::vector<event> events) {
    for (const auto& each : events)
      model.apply(each);
    commands.push_back(make_(std::move(events)));
    must(tables_->fold(std::vector{commands.back()}));
    return commands.size() - 1;
  }
  std::optional<std::size_t> take(const step& what) {
    auto events = random_curation::decide_step(model, what, last_job_);
    if (events.empty()) return std::nullopt;
    return commit(std::move(events));
  }
  undo_decision decide(std::size_t command) const {
    return decide_undo(model, commands[command].what->events, paths_);
  }
  std::string state() { return state_of(db_); }

  /// The tables, by replay, and what decisions see of them, as they should be.
  std::optional<std::string> check() {
    auto live = dump_of(db_);
    auto again = folder_.path + "/again" + std::to_string(++checks_) + ".db";
    must(must(projection::open(again))->fold(commands));
    if (dump_of(again) != live) return "a replay gives other tables";
    if (seen(must(load_catalog_model(db_))) != seen(model)) return "the tables give another model";
    return std::nullopt;
  }

  catalog_model model;
  std::vector<committed_command> commands;

private:
  temp_folder folder_;
  std::string path_ = folder_.path + "/podstudio.db";
  std::unique_ptr<projection> tables_ = must(projection::open(path_));
  database db_ = must(open_tables_read_only(path_));
  command_maker make_;
  asset_paths paths_;
  job_id last_job_ = 0;
  int checks_ = 0;
};

/// Takes the steps; from `window` on only those that can be undone, which are then undone in
/// reverse and redone. What is wrong.
std::optional<std::string> undo_and_redo(const std::vector<step>& steps, std::size_t window) {
  library lib;
  std::vector<std::size_t> done;
  std::vector<std::string> states;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i >= window && !random_curation::can_be_undone(steps[i])) continue;
    auto before = i >= window ? lib.state() : std::string();
    auto command = lib.take(steps[i]);
    if (!command || i < window) continue;
    done.push_back(*command);
    states.push_back(before);
  }
  auto take_back = [&](std::size_t command) -> std::optional<std::size_t> {
    auto decided = lib.decide(command);
    if (!decided.complete()) return std::nullopt;
    return lib.commit(std::move(decided.events));
  };
  states.push_back(lib.state());
  std::vector<std::size_t> undone;
  for (auto i = done.size(); i-- > 0;) {
    auto command = take_back(done[i]);
    if (!command) return "something stands in the way of undoing command " + std::to_string(i);
    undone.push_back(*command);
    if (lib.state() != states[i])
      return "after the undo of command " + std::to_string(i) + " the tables are\n" + lib.state()
             + "instead of\n" + states[i];
  }
  if (auto wrong = lib.check()) return wrong;
  for (std::size_t i = 0; i < done.size(); ++i) {
    auto command = take_back(undone[done.size() - 1 - i]);
    if (!command) return "something stands in the way of redoing command " + std::to_string(i);
    if (lib.state() != states[i + 1])
      return "after the redo of command " + std::to_string(i) + " the tables are\n" + lib.state()
             + "instead of\n" + states[i + 1];
  }
  return lib.check();
}

/// Undoes one of the commands by force, whatever came after it. What is wrong.
std::optional<std::string> undo_by_force(const std::vector<step>& steps, std::size_t which) {
  library lib;
  for (const auto& each : steps)
    lib.take(each);
  auto command = 1 + which % lib.commands.size();
  if (command >= lib.commands.size()) return std::nullopt;
  auto decided = lib.decide(command);
  std::set<field> touched, left(decided.conflicts.begin(), decided.conflicts.end());
  for (auto later = command + 1; later < lib.commands.size(); ++later)
    for (const auto& each : lib.commands[later].what->events)
      for (const auto& change : changes_of(each))
        touched.insert(change.where);
  for (const auto& where : left)
    if (!touched.contains(where))
      return describe(where) + " was not changed, and stands in the way";
  const auto events = lib.commands[command].what->events;
  std::set<field> mine;
  for (const auto& each : events)
    for (const auto& change : changes_of(each))
      mine.insert(change.where);
  std::map<field, field_value> others;  // that the command did not touch
  for (const auto& where : touched)
    if (!mine.contains(where)) others[where] = present(lib.model, where);
  lib.commit(decided.events.empty() ? std::vector<event>{engine_started{}} : decided.events);
  for (const auto& [where, value] : others) {
    // A pack that is deleted, as it was made by the command, had nothing else.
    if (present(lib.model, where) != value && (where.pack == 0 || lib.model.pack(where.pack)))
      return describe(where) + " is none of the command's, and was changed";
  }
  if (decided.complete())
    for (const auto& each : events)
      for (const auto& change : changes_of(each)) {
        auto now = present(lib.model, change.where);
        if (now == change.after && now != change.before)
          return describe(change.where) + " is as the command left it";
      }
  return lib.check();
}

using property = std::optional<std::string> (*)(const std::vector<step>&, std::size_t);

/// Looks for fewer steps that fail too, one less at a time.
void shrink(std::vector<step>& steps, std::size_t& number, std::string& wrong, property holds,
            bool number_is_a_place) {
  for (std::size_t i = 0; i < steps.size();) {
    auto fewer = steps;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    auto place = number_is_a_place && i < number ? number - 1 : number;
    auto again = holds(fewer, place);
    if (!again) {
      ++i;
      continue;
    }
    steps = std::move(fewer);
    number = place;
    wrong = *again;
  }
}

std::string commands_of(const std::vector<step>& steps) {
  library lib;
  std::string text;
  for (const auto& each : steps) {
    auto command = lib.take(each);
    if (!command) continue;
    text += "command\n";
    for (const auto& what : lib.commands[*command].what->events)
      text += "  " + std::string(event_name(what)) + " " + to_json(what).dump() + "\n";
  }
  return text;
}

void check_random_steps(property holds, bool number_is_a_place) {
  auto first = number_from_env("PODSTUDIO_TEST_SEED", 1);
  auto count = number_from_env("PODSTUDIO_UNDO_RUNS", 40);
  BOOST_TEST_MESSAGE("seeds " << first << " to " << first + count - 1);
  BOOST_TEST(count > 0u);
  for (auto seed = first; seed < first + count; ++seed) {
    random_curation::source random(seed);
    std::vector<step> steps(10 + random.below(25));
    std::ranges::generate(steps, [&] { return random.next(); });
    std::size_t number = random.below(steps.size());
    auto wrong = holds(steps, number);
    if (!wrong) continue;
    shrink(steps, number, *wrong, holds, number_is_a_place);
    BOOST_FAIL("PODSTUDIO_TEST_SEED=" << seed << ", with " << steps.size() << " steps, number "
                                      << number << ":\n"
                                      << *wrong << "\n"
                                      << commands_of(steps));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(undoing)

BOOST_AUTO_TEST_CASE(undoing_the_last_commands_in_reverse_gives_the_tables_before_them_and_back) {
  check_random_steps(undo_and_redo, true);
}

BOOST_AUTO_TEST_CASE(an_undo_by_force_leaves_what_others_changed_and_nothing_else) {
  check_random_steps(undo_by_force, false);
}

BOOST_AUTO_TEST_SUITE_END()
