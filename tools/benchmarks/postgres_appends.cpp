// SPDX-License-Identifier: MIT
#include "appends.hpp"

#include "platform/text.hpp"

#include <libpq-fe.h>

#include <array>
#include <limits>

using namespace podstudio;

namespace benchmark {

namespace {

struct close_connection {
  void operator()(PGconn* server) const noexcept { PQfinish(server); }
};
using connection = std::unique_ptr<PGconn, close_connection>;

struct clear_answer {
  void operator()(PGresult* answer) const noexcept { PQclear(answer); }
};
using answer = std::unique_ptr<PGresult, clear_answer>;

connection connect(const std::string& folder) {
  connection to(PQconnectdb(("host=" + folder + " user=postgres dbname=postgres").c_str()));
  if (PQstatus(to.get()) != CONNECTION_OK) fail(PQerrorMessage(to.get()));
  return to;
}

answer expect(PGconn* server, PGresult* got, ExecStatusType wanted) {
  answer held(got);
  if (PQresultStatus(got) != wanted) fail(PQerrorMessage(server));
  return held;
}

std::string text(PGconn* server, const char* query) {
  auto got = expect(server, PQexec(server, query), PGRES_TUPLES_OK);
  return PQgetvalue(got.get(), 0, 0);
}

/// Big-endian, as the server has it.
template <class T>
void append(std::string& out, T value) {
  for (auto i = sizeof(T); i-- > 0;)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

void append_field(std::string& out, std::string_view bytes) {
  append(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

struct row {
  std::string at, id, type, body;

  row(const command& what, const event& each)
      : id(what.id.begin(), what.id.end()), type(event_name(each)) {
    append(at, now_us());
    encode_event(each, body);
  }
  std::array<const std::string*, 4> fields() const { return {&at, &id, &type, &body}; }
};

/// One prepared INSERT, committed by itself.
void insert(PGconn* server, const row& what) {
  std::array<const char*, 4> values{};
  std::array<int, 4> sizes{};
  constexpr std::array<int, 4> binary{1, 1, 1, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    values[i] = what.fields()[i]->data();
    sizes[i] = static_cast<int>(what.fields()[i]->size());
  }
  expect(server, PQexecPrepared(server, "append", 4, values.data(), sizes.data(), binary.data(), 1),
         PGRES_COMMAND_OK);
}

/// Many rows, committed together, in the server's quickest way to take them.
void copy(PGconn* server, const command& what) {
  expect(server, PQexec(server, "COPY log(at, command, type, body) FROM STDIN (FORMAT binary)"),
         PGRES_COPY_IN);
  std::string bytes("PGCOPY\n\377\r\n\0", 11);
  append(bytes, std::uint64_t{0});  // flags, and no extension of the header
  for (auto& each : what.events) {
    append(bytes, std::uint16_t{4});
    row fields(what, each);
    for (auto* field : fields.fields())
      append_field(bytes, *field);
  }
  append(bytes, std::numeric_limits<std::uint16_t>::max());
  if (PQputCopyData(server, bytes.data(), static_cast<int>(bytes.size())) != 1
      || PQputCopyEnd(server, nullptr) != 1)
    fail(PQerrorMessage(server));
  expect(server, PQgetResult(server), PGRES_COMMAND_OK);
  answer last(PQgetResult(server));
  if (last != nullptr) fail("COPY has another answer");
}

}  // namespace

measured postgres_appends(const load& what) {
  auto control = connect(what.folder);
  for (auto* setting : {"fsync", "synchronous_commit", "full_page_writes"})
    if (auto value = text(control.get(), (std::string("SHOW ") + setting).c_str()); value != "on")
      fail(std::string("PostgreSQL has ") + setting + " " + value);
  for (auto* statement : {"DROP TABLE IF EXISTS log",
                          "CREATE TABLE log(sequence bigserial PRIMARY KEY, at bigint NOT NULL, "
                          "command bytea NOT NULL,"
                          " type text NOT NULL, body bytea NOT NULL)",
                          "CHECKPOINT"})
    expect(control.get(), PQexec(control.get(), statement), PGRES_COMMAND_OK);
  auto did = run_clients(what, [&](unsigned client) {
    std::shared_ptr<PGconn> to(connect(what.folder));
    expect(to.get(),
           PQprepare(to.get(), "append",
                     "INSERT INTO log(at, command, type, body) VALUES($1, $2, $3, $4)", 0, nullptr),
           PGRES_COMMAND_OK);
    return [&, client, to](std::uint64_t number) {
      auto command = sample_command(client, number, what.batch);
      if (what.batch == 1)
        insert(to.get(), row(*command, command->events[0]));
      else
        copy(to.get(), *command);
    };
  });
  auto rows = text(control.get(), "SELECT count(*) FROM log");
  if (rows != std::to_string(did.events))
    fail("PostgreSQL holds " + rows + " rows, committed were " + std::to_string(did.events));
  return did;
}

}  // namespace benchmark
