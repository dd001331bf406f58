// SPDX-License-Identifier: MIT
#pragma once

#include "actors/console.hpp"
#include "actors/historian.hpp"
#include "actors/operation.hpp"
#include "actors/reader.hpp"
#include "api/arguments.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <utility>

/// INTERNAL to this folder: makes the table's row of an operation out of its struct.
///
/// The struct has its arguments as members, and
///
///   name, help, example, needs          as in actors/operation.hpp
///   static void declare(auto& add)      its arguments, see arguments.hpp
///   static json outcome()               the shape of its result, see query/shapes.hpp
///
/// and one of these three, which says who answers:
///
///   result<json> ask(reader_state&, const is_over&) const           a reader, from the tables
///   result<json> read(historian_state&) const                       the historian, from the log
///   void start(console_state&, const request&, answer reply) const  the console, by asking others
///
/// A question to the tables that no index answers says so: `bool is_quick() const`.
namespace podstudio::api {

template <class Op>
concept asks_tables = requires(const Op& op, reader_state& s, const is_over& over) {
  op.ask(s, over);
};
template <class Op>
concept reads_log = requires(const Op& op, historian_state& s) {
  op.read(s);
};
template <class Op>
concept is_started = requires(const Op& op, console_state& s, const request& asked, answer reply) {
  op.start(s, asked, reply);
};

template <class Op>
struct table_question final : table_query {
  explicit table_question(Op given) : op(std::move(given)) {}
  std::string_view name() const override { return Op::name; }
  bool is_quick() const override {
    if constexpr (requires { op.is_quick(); })
      return op.is_quick();
    else
      return true;
  }
  result<json> answer(reader_state& s, const is_over& over) const override {
    return op.ask(s, over);
  }
  Op op;
};

template <class Op>
struct log_question final : log_query {
  explicit log_question(Op given) : op(std::move(given)) {}
  std::string_view name() const override { return Op::name; }
  result<json> answer(historian_state& s) const override { return op.read(s); }
  Op op;
};

/// Asks a reader for the text of an answer.
template <asks_tables Op>
auto ask_reader(console_state& s, Op op, const given_up& gone) {
  return s.self->request(s.peers.reader, caf::infinite, query_atom::value,
                         table_query_ptr(std::make_shared<table_question<Op>>(std::move(op))),
                         gone);
}

/// Asks a reader, within the engine; `take` gets the JSON.
template <asks_tables Op, class Take, class Fail>
void ask_tables(console_state& s, Op op, Take take, Fail fail) {
  ask_reader(s, std::move(op), nullptr)
      .then([take](const std::string& text) mutable { take(json::parse(text)); }, fail);
}

template <class Op>
void start_operation(console_state& s, const request& asked, answer reply) {
  static_assert(asks_tables<Op> + reads_log<Op> + is_started<Op> == 1,
                "an operation has one of ask, read and start");
  // A repeated request is recognised by what it means, see `digest_of`.
  request meant{asked.gone, asked.command, json::object(), asked.id};
  auto given = read_arguments<Op>(asked.arguments, is_started<Op> ? &meant.arguments : nullptr);
  if (!given) return reply(given.failure());
  auto tell = [reply](const std::string& text) mutable { reply.with_text(text); };
  if constexpr (is_started<Op>)
    given->start(s, meant, reply);
  else if constexpr (asks_tables<Op>)
    ask_reader(s, *std::move(given), asked.gone).then(tell, reply.failing());
  else
    s.self
        ->request(s.peers.historian, caf::infinite, query_atom::value,
                  log_query_ptr(std::make_shared<log_question<Op>>(*std::move(given))), asked.gone)
        .then(tell, reply.failing());
}

template <class Op>
constexpr operation row_of() {
  return {Op::name,    Op::needs,          Op::help, Op::example, describe_arguments<Op>,
          Op::outcome, start_operation<Op>};
}

/// The rows of a file's operations.
template <class... Ops>
std::vector<operation> rows_of() {
  return {row_of<Ops>()...};
}

/// The base of an operation without arguments.
struct no_arguments {
  static void declare(auto&) {}
};

}  // namespace podstudio::api
