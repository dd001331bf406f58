// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE console_actor
#include "actors/console.hpp"

#include "actors/operation.hpp"
#include "support/eventually.hpp"
#include "support/must.hpp"

#include <caf/all.hpp>

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;

namespace {

using nlohmann::json;

constexpr auto answer_max = std::chrono::seconds(30);

// --- operations of our own; they are functions, so what they share with a test is global ---

std::atomic<int> noted = 0;         ///< how often `note` was carried out
std::binary_semaphore at_gate{0};   ///< `gate` has begun
std::binary_semaphore may_pass{0};  ///< and may end

void echo(console_state&, const request& asked, answer reply) {
  reply({{"arguments", asked.arguments}, {"id", to_string(asked.id)}}, 7);
}
void text(console_state&, const request&, answer reply) { reply.with_text("[1,2]"); }
void recovered(console_state& state, const request&, answer reply) {
  reply(state.recovery.truncated_bytes);
}
void fail(console_state&, const request&, answer reply) {
  reply(error{error_code::refused, "not with 'this'"});
}
void note(console_state&, const request&, answer reply) { reply(++noted); }
void gate(console_state&, const request&, answer reply) {
  at_gate.release();
  if (may_pass.try_acquire_for(answer_max)) reply("passed");
}
/// Asks the projector, and answers as that does.
void wait(console_state& state, const request&, answer reply) {
  state.self
      ->request(state.peers.projector, caf::infinite, wait_atom::value, sequence_number{1}, true)
      .then([reply](sequence_number sequence) mutable { reply(sequence); }, reply.failing());
}
/// Answers, and has still something to do.
void linger(console_state& state, const request& asked, answer reply) {
  reply("answered");
  wait(state, asked, reply);
}
/// Never answers.
void forget(console_state&, const request&, answer) {}

json no_schema() { return json::object(); }

const operation* find(std::string_view name) {
  static const operation table[] = {
      {"test.echo", role::viewer, "", "", no_schema, no_schema, echo},
      {"test.text", role::viewer, "", "", no_schema, no_schema, text},
      {"test.recovered", role::viewer, "", "", no_schema, no_schema, recovered},
      {"test.fail", role::viewer, "", "", no_schema, no_schema, fail},
      {"test.note", role::viewer, "", "", no_schema, no_schema, note},
      {"test.gate", role::viewer, "", "", no_schema, no_schema, gate},
      {"test.wait", role::viewer, "", "", no_schema, no_schema, wait},
      {"test.linger", role::viewer, "", "", no_schema, no_schema, linger},
      {"test.forget", role::viewer, "", "", no_schema, no_schema, forget},
  };
  auto found = std::ranges::find(table, name, &operation::name);
  return found == std::end(table) ? nullptr : found;
}

/// A projector with which everybody waits until the test says otherwise.
projector_actor::behavior_type waiting_projector(
    projector_actor::stateful_pointer<std::vector<caf::typed_response_promise<sequence_number>>>
        self) {
  return {
      [](fold_atom, const committed_group&) {},
      [self](flush_atom) {  // answers the one who has waited longest
        auto& waiting = self->state;
        if (waiting.empty()) return;
        waiting.front().deliver(sequence_number{1});
        waiting.erase(waiting.begin());
      },
      [](step_atom) {},
      [self](wait_atom, sequence_number, bool) {
        self->state.push_back(self->make_response_promise<sequence_number>());
        return self->state.back();
      },
      [self](stop_atom) {  // answers all
        for (auto& each : self->state)
          each.deliver(sequence_number{1});
        self->state.clear();
      },
      [self](status_atom) { return projector_status{self->state.size()}; },
  };
}

/// A console that knows these operations and, of all peers, a projector.
struct small_console {
  caf::actor_system_config config;
  caf::actor_system system{config};
  projector_actor projector = system.spawn(waiting_projector);
  console_actor console;
  caf::scoped_actor self{system};

  small_console() {
    console_peers peers;
    peers.projector = projector;
    peers.operations = find;
    recovery_report recovery;
    recovery.truncated_bytes = 42;
    console = system.spawn(podstudio::console, peers, recovery);
  }
  ~small_console() {
    self->send_exit(console, caf::exit_reason::user_shutdown);
    self->send_exit(projector, caf::exit_reason::user_shutdown);
  }

  static request_ptr a_request(const std::string& name, json arguments = json::object(),
                               given_up gone = nullptr) {
    return std::make_shared<const request>(
        request{std::move(gone), name, std::move(arguments), make_uuid()});
  }
  auto send(const request_ptr& asked) { return self->request(console, answer_max, asked); }
  auto send(const std::string& name) { return send(a_request(name)); }

  template <class Waiting>
  static json whole_answer(Waiting&& waiting) {
    json reply;
    waiting.receive([&](const std::string& text) { reply = json::parse(text); },
                    [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return reply;
  }
  template <class Waiting>
  static result<json> answer_of(Waiting&& waiting) {
    return read_reply(whole_answer(std::forward<Waiting>(waiting)));
  }
  template <class Waiting>
  static void must_be_refused(Waiting&& waiting, error_code code, const std::string& named) {
    auto answered = answer_of(std::forward<Waiting>(waiting));
    BOOST_REQUIRE(!answered);
    BOOST_TEST((answered.failure().code == code), answered.failure().message);
    BOOST_TEST(answered.failure().message.find(named) != std::string::npos,
               answered.failure().message);
  }
  bool is_busy() {
    auto answered = answer_of(send("test.echo"));
    BOOST_REQUIRE((answered || answered.failure().code == error_code::busy));
    return !answered;
  }
  std::uint64_t waiting() {
    std::uint64_t count = 0;
    self->request(projector, answer_max, status_atom::value)
        .receive([&](const projector_status& status) { count = status.sequence; },
                 [](const caf::error& e) { BOOST_FAIL(from_caf(e).message); });
    return count;
  }
};

using pending_answer =
    decltype(std::declval<small_console&>().send(std::declval<const request_ptr&>()));

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_operation_is_given_the_arguments_and_the_id_of_its_request,
                        small_console) {
  json arguments{{"path", "/a 'b'\n"}, {"list", {1, 2, nullptr}}};
  auto asked = a_request("test.echo", arguments);
  auto reply = whole_answer(send(asked));
  BOOST_TEST(reply["ok"] == true);
  BOOST_TEST(reply["result"]["arguments"] == arguments);
  BOOST_TEST(reply["result"]["id"] == to_string(asked->id));
  BOOST_TEST(reply["sequence"] == 7);
}

BOOST_FIXTURE_TEST_CASE(a_text_is_the_result_as_it_is_and_what_the_start_found_is_known,
                        small_console) {
  BOOST_TEST(whole_answer(send("test.text")) == (json{{"ok", true}, {"result", {1, 2}}}));
  auto found = whole_answer(send("test.recovered"));
  BOOST_TEST(found
             == (json{{"ok", true}, {"result", 42}}));  // and no sequence, where there is none
}

BOOST_FIXTURE_TEST_CASE(what_nobody_knows_is_refused_by_name, small_console) {
  must_be_refused(send("asset.approve"), error_code::invalid_argument, "'asset.approve'");
  must_be_refused(send("test.ech"), error_code::invalid_argument, "'test.ech'");
  must_be_refused(send(""), error_code::invalid_argument, "''");
  auto answered = answer_of(send("x\n'y'\x1b"));
  BOOST_REQUIRE(!answered);
  for (char each : answered.failure().message)
    BOOST_TEST(static_cast<unsigned char>(each) >= 0x20, answered.failure().message);
}

BOOST_FIXTURE_TEST_CASE(an_operation_that_fails_answers_with_its_error, small_console) {
  must_be_refused(send("test.fail"), error_code::refused, "not with 'this'");
  BOOST_TEST(static_cast<bool>(answer_of(send("test.echo"))));
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_has_ended_is_an_error_and_the_console_lives, small_console) {
  self->monitor(projector);
  self->send_exit(projector, caf::exit_reason::user_shutdown);
  bool down = false;
  self->receive([&](const caf::down_msg&) { down = true; }, caf::after(answer_max) >> [] {});
  BOOST_REQUIRE(down);
  must_be_refused(send("test.wait"), error_code::stopping, "the engine is stopping");
  BOOST_TEST(static_cast<bool>(answer_of(send("test.echo"))));
}

BOOST_FIXTURE_TEST_CASE(nothing_is_done_for_a_client_that_has_gone_before_its_turn, small_console) {
  auto before = noted.load();
  auto gone = std::make_shared<std::atomic<bool>>(false);
  auto stays = std::make_shared<std::atomic<bool>>(false);
  auto at_work = send("test.gate");
  BOOST_REQUIRE(at_gate.try_acquire_for(answer_max));
  auto left = send(a_request("test.note", json::object(), gone));
  auto stayed = send(a_request("test.note", json::object(), stays));
  *gone = true;
  may_pass.release();
  BOOST_TEST(must(answer_of(at_work)) == "passed");
  must_be_refused(left, error_code::stopping, "the client has gone");
  BOOST_TEST(must(answer_of(stayed)) == before + 1);
  BOOST_TEST(noted == before + 1);
}

BOOST_FIXTURE_TEST_CASE(one_request_too_many_is_busy_and_each_answer_makes_room_for_one,
                        small_console) {
  std::vector<pending_answer> pending;
  for (std::size_t i = 0; i < console_requests_max - 1; ++i)
    pending.push_back(send("test.wait"));
  BOOST_TEST(!is_busy());  // the last one that there is room for
  pending.push_back(send("test.wait"));
  for (int i = 0; i < 3; ++i)  // what is refused takes up no room
    must_be_refused(send("test.echo"), error_code::busy, "too many requests");
  must_be_refused(send("test.unknown"), error_code::busy, "too many requests");
  BOOST_TEST(waiting() == console_requests_max);
  auto gone = std::make_shared<std::atomic<bool>>(true);
  must_be_refused(send(a_request("test.note", json::object(), gone)), error_code::stopping,
                  "the client has gone");

  self->send(projector, flush_atom::value);
  BOOST_TEST(must(answer_of(pending.front())) == 1);
  BOOST_TEST(!is_busy());
  BOOST_TEST(!is_busy());  // its room was given back again
  pending.front() = send("test.wait");
  BOOST_TEST(is_busy());
  BOOST_TEST(eventually([&] { return waiting() == console_requests_max; }));

  self->send(projector, stop_atom::value);
  for (auto& each : pending)
    BOOST_REQUIRE(must(answer_of(each)) == 1);
  BOOST_TEST(!is_busy());
}

BOOST_FIXTURE_TEST_CASE(a_request_counts_for_as_long_as_something_is_done_for_it, small_console) {
  std::vector<pending_answer> pending;
  for (std::size_t i = 0; i < console_requests_max; ++i)
    pending.push_back(send("test.linger"));
  for (auto& each : pending)
    BOOST_REQUIRE(must(answer_of(each)) == "answered");
  BOOST_TEST(is_busy());
  BOOST_TEST(eventually([&] { return waiting() == console_requests_max; }));
  self->send(projector, stop_atom::value);
  BOOST_TEST(eventually([&] { return !is_busy(); }));
}

BOOST_FIXTURE_TEST_CASE(a_request_that_is_never_answered_counts_no_longer_than_its_answer_lives,
                        small_console) {
  for (std::size_t i = 0; i < 2 * console_requests_max; ++i)
    self->send(console, a_request("test.forget"));
  BOOST_TEST(!is_busy());
}
