// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE actors
#include "actors/library_flow.hpp"
#include "actors/reader_pool.hpp"
#include "actors/scrubber.hpp"
#include "actors/watcher.hpp"
#include "events/file_system.hpp"
#include "events/segment.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"
#include "query/models.hpp"
#include "schema/schema.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <caf/all.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <vector>

using namespace podstudio;

namespace {

/// Catalog, hasher, journal and projector around a controlled log and real tables.
struct flow : library_flow {
  observation_outcome observe(std::vector<seen_file> files) {
    observation_outcome outcome;
    self->request(catalog, std::chrono::seconds(30), observe_atom::value,
                  observation_batch{"import", files, {}, {}, {}})
        .receive([&](const observation_outcome& got) { outcome = got; },
                 [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return outcome;
  }

  label_request theme(asset_id id, const std::string& text) {
    label_request request;
    request.origin = "console";
    request.change.assets = {id};
    request.change.set.theme = text;
    return request;
  }

  result<change_outcome> label(const label_request& request) {
    std::optional<result<change_outcome>> outcome;
    self->request(catalog, std::chrono::seconds(30), label_atom::value, request)
        .receive([&](const change_outcome& got) { outcome = result<change_outcome>(got); },
                 [&](const caf::error& e) { outcome = result<change_outcome>(from_caf(e)); });
    return *outcome;
  }

  /// Logs it past the models; its last sequence.
  sequence_number append(std::vector<event> events) {
    sequence_number last = 0;
    auto what = std::make_shared<const command>(
        command{make_uuid(), "jobs", "a step of a job", std::move(events)});
    self->request(journal, std::chrono::seconds(30), append_atom::value, command_ptr(what),
                  epoch_number{1})
        .receive([&](const committed_command& logged) { last = logged.last_sequence(); },
                 [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return last;
  }
  sequence_number folded() {
    sequence_number sequence = 0;
    self->request(projector, std::chrono::seconds(30), status_atom::value)
        .receive([&](const projector_status& status) { sequence = status.sequence; },
                 [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return sequence;
  }
  /// Waits until the tables hold it.
  void must_be_in_tables(sequence_number sequence) {
    self->request(projector, std::chrono::seconds(30), wait_atom::value, sequence, true)
        .receive([&](sequence_number holds) { BOOST_TEST(holds >= sequence); },
                 [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
  }

  auto wait_for_more_than(sequence_number after) {
    return self->request(journal, std::chrono::seconds(30), wait_atom::value, after,
                         std::uint64_t{30'000});
  }
  template <class Waiting>
  sequence_number answer_of(Waiting& waiting) {
    sequence_number durable = 0;
    waiting.receive([&](sequence_number answered) { durable = answered; },
                    [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return durable;
  }

  std::string theme_in_tables(asset_id id) const {
    return in_tables<std::string>("SELECT coalesce(theme, '') FROM asset WHERE id = ?", id);
  }
};

/// A log of some small segments on the disk.
struct long_log {
  temp_folder folder;
  std::string path = folder.path + "/log";

  long_log() {
    log_options options;
    options.segment_size_bytes = 16u << 10;
    recovery_report report;
    auto log = log_writer::open(posix_file_system(), path, options, {}, report);
    BOOST_REQUIRE(static_cast<bool>(log));
    auto what = std::make_shared<const command>(
        command{make_uuid(), "import", "tag", {asset_tagged{1, "tag"}}});
    while ((*log)->segments() < 4)
      BOOST_REQUIRE(static_cast<bool>((*log)->append({&what, 1}, 1)));
  }

  /// What a scrubber says of it in the end.
  scrub_status scrubbed() const {
    caf::actor_system_config config;
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    auto scrubber = system.spawn<caf::detached>(podstudio::scrubber, path);
    scrub_status status;
    do {
      self->request(scrubber, std::chrono::seconds(30), status_atom::value)
          .receive([&](const scrub_status& got) { status = got; },
                   [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    } while (status.state == "running");
    self->send_exit(scrubber, caf::exit_reason::user_shutdown);
    return status;
  }
};

using label_answer = decltype(std::declval<caf::scoped_actor&>()->request(
    std::declval<catalog_actor&>(), caf::infinite, label_atom::value,
    std::declval<label_request>()));

}  // namespace

namespace {

/// A question that counts for ever, until it is told that its time is over.
class endless_query : public table_query {
public:
  explicit endless_query(bool quick) : quick_(quick) {}
  std::string_view name() const override { return "test.endless"; }
  bool is_quick() const override { return quick_; }
  result<nlohmann::json> answer(reader_state& s, const is_over&) const override {
    auto counted = s.tables->value<std::int64_t>(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
    if (!counted) return counted.failure();
    return nlohmann::json(*counted);
  }

private:
  bool quick_;
};
table_query_ptr a_query(bool quick) { return std::make_shared<endless_query>(quick); }

/// Answers at once what is quick, and nothing else.
reader_actor::behavior_type quick_reader(
    reader_actor::stateful_pointer<std::vector<caf::typed_response_promise<std::string>>> self) {
  return {
      [self](query_atom, const table_query_ptr& question,
             const given_up&) -> caf::result<std::string> {
        if (question->is_quick()) return std::string("quick");
        auto never = self->make_response_promise<std::string>();
        self->state.push_back(never);
        return never;
      },
      [](query_atom, const asset_filter&) { return asset_ids(); },
      [](path_atom, const place_query&) { return asset_places(); },
      [](media_atom, const asset_ids&) { return media_inputs(); },
      [](media_atom, job_id) { return asset_ids(); },
      [](pack_atom, job_id) { return export_input_ptr(); },
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_quick_does_not_wait_for_what_is_slow) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  std::vector<reader_actor> readers;
  for (int i = 0; i < 3; ++i)
    readers.push_back(system.spawn(quick_reader));
  auto pool = system.spawn(reader_pool, readers);
  auto ask = [&](bool quick) {
    return self->request(pool, std::chrono::seconds(30), query_atom::value, a_query(quick),
                         given_up());
  };
  std::vector<decltype(ask(false))> waiting;
  for (int i = 0; i < 5; ++i)
    waiting.push_back(ask(false));
  for (int i = 0; i < 5; ++i)
    ask(true).receive([](const std::string& answer) { BOOST_TEST(answer == "quick"); },
                      [](const caf::error& failure) { BOOST_FAIL(from_caf(failure).message); });
  self->send_exit(pool, caf::exit_reason::user_shutdown);
  for (auto& each : readers)
    self->send_exit(each, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(a_query_ends_when_its_time_is_up_or_nobody_waits, flow) {
  auto tables =
      std::make_unique<database>(must(open_tables_read_only(folder.path + "/podstudio.db")));
  auto hasty = system.spawn<caf::detached>(
      podstudio::reader, std::make_shared<std::unique_ptr<database>>(std::move(tables)), previews,
      folder.path, given_up(), std::chrono::milliseconds(0));
  auto expect = [&](const given_up& gone, error_code code) {
    self->request(hasty, std::chrono::seconds(30), query_atom::value, a_query(true), gone)
        .receive([](const std::string& answer) { BOOST_FAIL(answer); },
                 [&](const caf::error& failure) {
                   BOOST_TEST((from_caf(failure).code == code), from_caf(failure).message);
                   BOOST_TEST(from_caf(failure).message.find("test.endless") != std::string::npos);
                 });
  };
  expect(given_up(), error_code::timed_out);
  expect(std::make_shared<std::atomic<bool>>(true), error_code::stopping);
  self->send_exit(hasty, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(an_observed_file_is_in_the_tables_when_the_credit_returns, flow) {
  auto outcome = observe({file("a.png", "one"), file("b.wav", "two")});
  BOOST_TEST(outcome.registered == 2u);
  BOOST_TEST(outcome.last_sequence == 2u);
  BOOST_TEST(theme_in_tables(2).empty());
  BOOST_TEST(observe({file("c.mp4", "three")}).registered == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_was_not_touched_is_not_read_again_unless_somebody_wrote_to_it,
                        flow) {
  auto seen = file("a.png", "one");
  observe({seen});
  BOOST_TEST(observe({seen}).unchanged == 1u);
  seen.written = true;
  auto outcome = observe({seen});
  BOOST_TEST(outcome.unchanged == 1u);
  BOOST_TEST(outcome.last_sequence == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_path_twice_in_a_batch_is_read_once_and_looked_at_again, flow) {
  auto seen = file("a.png", "one");
  auto outcome = observe({seen, seen});
  BOOST_TEST(outcome.registered == 1u);
  BOOST_REQUIRE(outcome.again.size() == 1u);
  BOOST_TEST(outcome.again[0] == seen.path);
}

BOOST_FIXTURE_TEST_CASE(commands_that_wait_for_a_sync_become_one_group, flow) {
  observe({file("a.png", "one")});
  hold(true);
  std::vector<label_answer> pending;
  for (int i = 0; i < 50; ++i)
    pending.push_back(self->request(catalog, caf::infinite, label_atom::value,
                                    theme(1, "t" + std::to_string(i))));
  // The catalog answers in order: once it tells its status, all 50 are on their way to the journal.
  self->request(catalog, caf::infinite, status_atom::value)
      .receive([](const catalog_status& s) { BOOST_TEST(s.in_flight == 50u); },
               [](const caf::error&) {});
  hold(false);
  for (auto& each : pending)
    each.receive([](const change_outcome&) {},
                 [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  std::scoped_lock lock(log.mutex);
  std::size_t total = 0;
  for (auto size : log.groups)
    total += size;
  BOOST_TEST(total == 51u);
  BOOST_TEST(log.groups.size() <= 4u);  // the registration, what the held append took, and the rest
}

BOOST_FIXTURE_TEST_CASE(a_refusal_for_want_of_room_takes_back_all_that_was_decided_on_top_of_it,
                        flow) {
  observe({file("a.png", "one")});
  BOOST_REQUIRE(static_cast<bool>(label(theme(1, "first"))));
  refuse_next({error_code::disk_full, "no room"});
  hold(true);
  std::vector<label_answer> pending;
  for (const auto* text : {"second", "third", "fourth"})
    pending.push_back(self->request(catalog, caf::infinite, label_atom::value, theme(1, text)));
  self->request(catalog, caf::infinite, status_atom::value)
      .receive([](const catalog_status&) {}, [](const caf::error&) {});
  hold(false);
  for (auto& each : pending)
    each.receive(
        [](const change_outcome&) { BOOST_ERROR("acknowledged on top of a refusal"); },
        [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::disk_full)); });
  BOOST_TEST(theme_in_tables(1) == "first");
  // The model is that of the tables: "first" is no change, "second" is one from "first".
  BOOST_TEST(label(theme(1, "first"))->changed == 0u);
  BOOST_TEST(label(theme(1, "second"))->changed == 1u);
  BOOST_TEST(theme_in_tables(1) == "second");
}

BOOST_FIXTURE_TEST_CASE(a_command_that_changes_nothing_shares_the_fate_of_what_it_stands_on, flow) {
  observe({file("a.png", "one")});
  refuse_next({error_code::disk_full, "no room"});
  hold(true);
  auto first = self->request(catalog, caf::infinite, label_atom::value, theme(1, "x"));
  auto same = self->request(catalog, caf::infinite, label_atom::value, theme(1, "x"));
  self->request(catalog, caf::infinite, status_atom::value)
      .receive([](const catalog_status&) {}, [](const caf::error&) {});
  hold(false);
  auto acknowledged = [](const change_outcome&) {
    BOOST_ERROR("acknowledged what was never durable");
  };
  auto refused = [](const caf::error& e) {
    BOOST_TEST((from_caf(e).code == error_code::disk_full));
  };
  first.receive(acknowledged, refused);
  same.receive(acknowledged, refused);
  BOOST_TEST(theme_in_tables(1).empty());
}

BOOST_FIXTURE_TEST_CASE(a_job_has_the_fate_of_what_it_stands_on_and_each_step_one_effect, flow) {
  auto ask = [&](const job_step& step) {
    return self->request(catalog, std::chrono::seconds(30), job_atom::value, step);
  };
  auto submit = [] {
    job_step step;
    step.requests.emplace_back();
    step.summary = "submit a job";
    step.id = make_uuid();
    step.origin = "console";
    return step;
  };
  using kind = job_step::step;
  auto take = [&](kind what, job_id job) {
    auto step = submit();
    step.what = what;
    step.job = job;
    std::optional<result<change_outcome>> outcome;
    ask(step).receive([&](const change_outcome& got) { outcome = result<change_outcome>(got); },
                      [&](const caf::error& e) { outcome = result<change_outcome>(from_caf(e)); });
    return *outcome;
  };
  observe({file("a.png", "one")});
  refuse_next({error_code::disk_full, "no room"});
  hold(true);
  auto labelled = self->request(catalog, caf::infinite, label_atom::value, theme(1, "x"));
  auto queued = ask(submit());
  hold(false);
  auto acknowledged = [](const change_outcome&) { BOOST_ERROR("acknowledged what was refused"); };
  auto refused = [](const caf::error& e) {
    BOOST_TEST((from_caf(e).code == error_code::disk_full));
  };
  labelled.receive(acknowledged, refused);
  queued.receive(acknowledged, refused);
  BOOST_TEST(!take(kind::start, 1));  // there is none

  auto first = submit();
  std::vector<change_outcome> answers;
  for (int i = 0; i < 2; ++i)
    ask(first).receive([&](const change_outcome& got) { answers.push_back(got); },
                       [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
  BOOST_TEST(answers[0].subject == 1);
  BOOST_TEST(answers[0].last_sequence == answers[1].last_sequence);
  BOOST_TEST(take(kind::start, 1)->changed == 1u);
  BOOST_TEST(take(kind::put_all_back, 0)->changed == 1u);
  BOOST_TEST(take(kind::start, 1)->changed == 1u);
  BOOST_TEST(take(kind::fail, 1)->changed == 1u);
  auto again = take(kind::complete, 1);
  BOOST_REQUIRE(!again);
  BOOST_TEST((again.failure().code == error_code::refused));
}

// A label waits on an asset whose file went, the file's bytes are another asset, and the process
// was killed before it looked at that once more.
BOOST_FIXTURE_TEST_CASE(a_watcher_that_starts_brings_a_label_to_the_copy_that_is_left, flow) {
  std::filesystem::create_directory(folder.path + "/root");
  auto copy = file("root/copy.png", "bytes");
  const file_content content{sha256().of("bytes"), copy.facts};
  auto gone = content;
  gone.facts.inode += 1'000'000;
  must_be_in_tables(
      append({asset_registered{1, folder.path + "/root/gone.png", asset_type::image, gone},
              asset_theme_set{1, {}, "kept"},
              asset_registered{2, copy.path, asset_type::image, content}, asset_missing{1}}));
  auto tables = must(open_tables_read_only(folder.path + "/podstudio.db"));
  auto started = system.spawn(podstudio::catalog,
                              std::make_shared<library_model>(must(load_library_model(tables))),
                              std::make_shared<command_memory>(), journal, projector, reader,
                              hashers, recent_losses{}, scans);
  watched_root root{1, folder.path + "/root", {}, false, true};
  auto watching = system.spawn<caf::detached>(watcher, root, started,
                                              watch_options{folder.path + "/podstudio.db", {}});
  self->request(watching, std::chrono::seconds(30), sync_atom::value)
      .receive([](sequence_number) {},
               [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
  BOOST_TEST(must(tables.value<std::string>("SELECT group_concat(id || path || theme) FROM asset"))
             == "1" + copy.path + "kept");
  self->send_exit(watching, caf::exit_reason::user_shutdown);
  self->send_exit(started, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(an_undo_and_a_pack_share_the_fate_of_what_they_stand_on, flow) {
  observe({file("a.png", "one")});
  BOOST_REQUIRE(static_cast<bool>(label(theme(1, "first"))));
  auto done = std::make_shared<const command>(
      command{make_uuid(), "console", "set", {asset_theme_set{1, "first", "second"}}});
  auto past = undo_request{
      .id = make_uuid(), .origin = "console", .what = {{4, 0, {}, done}, {}}, .force = false};
  auto made = pack_request{make_uuid(), "console", "create",
                           pack_creation{{"p", license_type::personal, {}, {}}}};
  refuse_next({error_code::disk_full, "no room"});
  hold(true);
  auto second = self->request(catalog, caf::infinite, label_atom::value, theme(1, "second"));
  auto undone = self->request(catalog, caf::infinite, undo_atom::value, past);
  auto again = self->request(catalog, caf::infinite, undo_atom::value, past);
  auto created = self->request(catalog, caf::infinite, pack_atom::value, made);
  self->request(catalog, caf::infinite, status_atom::value)
      .receive([](const catalog_status&) {}, [](const caf::error&) {});
  hold(false);
  auto refused = [](const caf::error& e) {
    BOOST_TEST((from_caf(e).code == error_code::disk_full));
  };
  auto acknowledged = [](const auto&) { BOOST_ERROR("acknowledged on top of a refusal"); };
  second.receive([&](const change_outcome& o) { acknowledged(o); }, refused);
  undone.receive([&](const undo_outcome& o) { acknowledged(o); }, refused);
  again.receive([&](const undo_outcome& o) { acknowledged(o); }, refused);
  created.receive([&](const change_outcome& o) { acknowledged(o); }, refused);
  BOOST_TEST(theme_in_tables(1) == "first");
  // In the model too there is no pack, and nothing that could be undone.
  auto gone = pack_request{make_uuid(), "console", "delete", pack_deletion{1}};
  self->request(catalog, caf::infinite, pack_atom::value, gone)
      .receive(
          [&](const change_outcome& o) { acknowledged(o); },
          [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::not_found)); });
  self->request(catalog, caf::infinite, undo_atom::value, past)
      .receive(
          [](const undo_outcome& o) {
            BOOST_TEST(!o.undone);
            BOOST_TEST_REQUIRE(o.decided != nullptr);
            BOOST_TEST(o.decided->conflicts.size() == 1u);
          },
          [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
}

BOOST_FIXTURE_TEST_CASE(an_undo_that_is_given_twice_at_once_is_one, flow) {
  observe({file("a.png", "one")});
  auto changed = label(theme(1, "nature"));
  BOOST_REQUIRE(static_cast<bool>(changed));
  auto done = std::make_shared<const command>(
      command{make_uuid(), "console", "set", {asset_theme_set{1, {}, "nature"}}});
  auto past = undo_request{.id = make_uuid(),
                           .origin = "console",
                           .what = {{changed->last_sequence, 0, {}, done}, {}},
                           .force = false};
  hold(true);
  auto first = self->request(catalog, caf::infinite, undo_atom::value, past);
  auto again = self->request(catalog, caf::infinite, undo_atom::value, past);
  self->request(catalog, caf::infinite, status_atom::value)
      .receive([](const catalog_status&) {}, [](const caf::error&) {});
  hold(false);
  sequence_number sequence = 0;
  auto failed = [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); };
  auto same = [&](const undo_outcome& o) {
    BOOST_TEST(o.undone);
    BOOST_TEST(o.done.changed == 1u);
    BOOST_TEST((sequence == 0 || sequence == o.done.last_sequence));
    sequence = o.done.last_sequence;
  };
  first.receive(same, failed);
  again.receive(same, failed);
  self->request(catalog, caf::infinite, undo_atom::value, past).receive(same, failed);
  BOOST_TEST(theme_in_tables(1).empty());
}

BOOST_FIXTURE_TEST_CASE(a_command_the_log_cannot_take_is_refused_alone, flow) {
  observe({file("a.png", "one")});
  refuse_next({error_code::invalid_argument, "too large"});
  hold(true);
  auto bad = self->request(catalog, caf::infinite, label_atom::value, theme(1, "x"));
  auto seen = file("b.png", "two");
  auto good = self->request(catalog, caf::infinite, status_atom::value);
  good.receive([](const catalog_status&) {}, [](const caf::error&) {});
  hold(false);
  bad.receive(
      [](const change_outcome&) { BOOST_ERROR("taken"); },
      [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::invalid_argument)); });
  BOOST_TEST(observe({seen}).registered == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_refused_registration_leaves_the_file_unknown_and_it_is_taken_later,
                        flow) {
  refuse_next({error_code::disk_full, "no room"});
  auto seen = file("a.png", "one");
  self->request(catalog, std::chrono::seconds(30), observe_atom::value,
                observation_batch{"import", {seen}, {}, {}, {}})
      .receive(
          [](const observation_outcome&) { BOOST_ERROR("acknowledged without room"); },
          [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::disk_full)); });
  BOOST_TEST(observe({seen}).registered == 1u);
}

BOOST_AUTO_TEST_CASE(
    a_group_waits_a_moment_for_those_who_shared_the_last_one_and_a_lone_one_never) {
  using namespace std::chrono_literals;
  journal_state state;
  auto begin = state.group_began = std::chrono::steady_clock::now();
  state.group.resize(1);
  state.last_took = 100us;
  for (std::size_t size : {0, 1}) {  // nobody came before, or a lone one
    state.last_size = size;
    BOOST_TEST(!state.is_gathering(begin));
  }
  state.last_size = 3;
  BOOST_TEST(state.is_gathering(begin));
  BOOST_TEST(state.is_gathering(begin + 24us));
  BOOST_TEST(!state.is_gathering(begin + 25us));
  state.last_took = 1s;  // a slow disk
  BOOST_TEST(state.is_gathering(begin + 999us));
  BOOST_TEST(!state.is_gathering(begin + gather_max));
  state.group.resize(3);  // all are back
  BOOST_TEST(!state.is_gathering(begin));
}

BOOST_FIXTURE_TEST_CASE(after_a_failed_sync_nothing_is_acknowledged_and_the_journal_ends, flow) {
  observe({file("a.png", "one")});
  self->monitor(journal);
  refuse_next({error_code::outcome_unknown, "a sync failed"});
  auto outcome = label(theme(1, "x"));
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.failure().code == error_code::outcome_unknown));
  bool down = false;
  self->receive([&](const caf::down_msg& msg) { down = msg.source == journal.address(); },
                caf::after(std::chrono::seconds(10)) >> [] {});
  BOOST_TEST(down);
  auto next = label(theme(1, "y"));
  BOOST_REQUIRE(!next);
}

BOOST_FIXTURE_TEST_CASE(progress_is_in_the_tables_only_once_it_is_durable, flow) {
  auto started = append({job_queued{.job = 1}, job_started{.job = 1}});
  must_be_in_tables(started);
  log.set_hold_sync(true);
  auto progressed = append({job_progressed{.job = 1, .progress = 10}});
  BOOST_TEST(progressed == started + 1);  // answered, although no sync can end
  BOOST_TEST(folded() == started);
  // No other command comes: it is made durable by itself after a while.
  log.set_hold_sync(false);
  must_be_in_tables(progressed);
}

BOOST_FIXTURE_TEST_CASE(progress_rides_along_with_the_sync_of_the_next_command, flow) {
  append({job_queued{.job = 1}, job_started{.job = 1}});
  auto progressed = append({job_progressed{.job = 1, .progress = 10}});
  auto next = append({job_failed{.job = 1, .error_message = "it ended"}});
  BOOST_TEST(next == progressed + 1);
  must_be_in_tables(next);
}

BOOST_FIXTURE_TEST_CASE(who_waits_for_new_events_is_answered_when_they_are_durable, flow) {
  auto first = append({job_queued{.job = 1}, job_started{.job = 1}});
  auto earlier = wait_for_more_than(first - 1);  // there is more already
  BOOST_TEST(answer_of(earlier) == first);
  auto one = wait_for_more_than(first), another = wait_for_more_than(first);
  auto beyond = wait_for_more_than(first + 100);  // more than is there counts as all there is
  log.set_hold_sync(true);
  append({job_progressed{.job = 1, .progress = 10}});
  log.set_hold_sync(false);
  auto durable = answer_of(one);
  BOOST_TEST(durable == first + 1);
  BOOST_TEST(answer_of(another) == durable);
  BOOST_TEST(answer_of(beyond) == durable);
}

BOOST_FIXTURE_TEST_CASE(one_waiter_too_many_has_the_one_who_waits_longest_answered_early, flow) {
  auto first = append({job_queued{.job = 1}});
  auto longest = wait_for_more_than(first);
  std::vector<decltype(longest)> others;
  for (std::size_t i = 0; i < log_waiters_max; ++i)
    others.push_back(wait_for_more_than(first + 1));
  BOOST_TEST(answer_of(longest) == first);
  auto last = append({job_started{.job = 1}, job_failed{.job = 1, .error_message = "it ended"}});
  for (auto& each : others)
    BOOST_REQUIRE(answer_of(each) == last);
}

BOOST_FIXTURE_TEST_CASE(a_drained_catalog_refuses_what_comes_after, flow) {
  auto seen = file("a.png", "one");
  observe({seen});
  bool drained = false;
  self->request(catalog, std::chrono::seconds(30), drain_atom::value)
      .receive([&](bool done) { drained = done; }, [](const caf::error&) {});
  BOOST_TEST(drained);
  auto outcome = label(theme(1, "x"));
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.failure().code == error_code::stopping));
}

BOOST_FIXTURE_TEST_CASE(a_log_that_is_whole_is_scrubbed_to_the_end, long_log) {
  auto status = scrubbed();
  BOOST_TEST(status.state == "intact");
  BOOST_TEST(status.failure == "");
  BOOST_TEST(status.sequence > 0u);
}

BOOST_FIXTURE_TEST_CASE(a_scrubber_calls_damaged_what_is_damaged, long_log) {
  std::fstream(segment_path(path, 1), std::ios::in | std::ios::out).seekp(8000) << "damage";
  auto status = scrubbed();
  BOOST_TEST(status.state == "damaged");
  BOOST_TEST(status.failure.find("offset") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_scrubber_that_cannot_read_has_failed_and_says_why, long_log) {
  auto first = segment_path(path, 1);
  std::filesystem::remove(first);
  std::filesystem::create_directory(first);  // opens, and cannot be read
  auto status = scrubbed();
  BOOST_TEST(status.state == "failed");
  BOOST_TEST(status.failure.find(first) != std::string::npos);
  std::filesystem::remove_all(path);
  status = scrubbed();
  BOOST_TEST(status.state == "failed");
  BOOST_TEST(status.failure.find(path) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(our_errors_cross_the_actor_system_unharmed) {
  for (std::size_t code = 1; code <= error_code_count; ++code) {
    error sent{static_cast<error_code>(code), "what happened, to 'x', what to do"};
    BOOST_TEST((from_caf(to_caf(sent)) == sent));
  }
}
