// SPDX-License-Identifier: MIT
// log_bench MODE FOLDER [CLIENTS BATCH SECONDS | BYTES] -- one measurement of tools/bench log, in
// an empty folder; prints what was measured as JSON after checking that all of it is there.

#include "appends.hpp"

#include "actors/journal.hpp"
#include "events/crc32c.hpp"
#include "events/file_system.hpp"
#include "events/log.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"
#include "schema/sqlite.hpp"

#include <caf/all.hpp>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <unistd.h>

using namespace podstudio;

namespace benchmark {

namespace {

constexpr std::uint64_t ready_bytes = 1u << 20;  // what the service reserves when it starts

// --- the reference: the least that makes a page durable ---

measured raw_appends(const load& what) {
  constexpr std::uint64_t file_bytes = 64u << 20;
  constexpr std::size_t page_bytes = 4096;
  auto path = what.folder + "/raw";
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail("cannot create '" + path + "'");
  std::vector<std::uint8_t> zeros(1u << 20), page(page_bytes, 0x5a);
  for (std::uint64_t at = 0; at < file_bytes; at += zeros.size())
    if (::pwrite(file, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0)
      fail("cannot fill '" + path + "'");
  if (::fsync(file) != 0) fail("cannot sync '" + path + "'");
  auto did = run_clients(what, [&](unsigned) {
    return [&](std::uint64_t number) {
      auto at = static_cast<off_t>(number * page_bytes % file_bytes);
      if (::pwrite(file, page.data(), page_bytes, at) != page_bytes || ::fdatasync(file) != 0)
        fail("cannot write '" + path + "'");
    };
  });
  ::close(file);
  return did;
}

// --- the engine's log ---

std::unique_ptr<log_writer> open_log(const std::string& folder) {
  recovery_report report;
  auto log = must(log_writer::open(posix_file_system(), folder, {}, std::nullopt, report));
  must(log->reserve(ready_bytes));
  return log;
}

/// Everything that was acknowledged is in the log, and the log is whole.
void check_log(const std::string& folder, std::uint64_t events) {
  auto report = must(verify_log(posix_file_system(), folder));
  if (report.events != events || report.torn_tail)
    fail("the log holds " + std::to_string(report.events) + " events, acknowledged were "
         + std::to_string(events));
}

/// In place of the projector: what is durable is only dropped, as folding it is not measured here.
projector_actor::behavior_type dropping_projector(projector_actor::pointer) {
  return {
      [](fold_atom, const committed_group&) {},
      [](flush_atom) {},
      [](step_atom) {},
      [](wait_atom, sequence_number sequence, bool) { return sequence; },
      [](stop_atom) {},
      [](status_atom) { return projector_status{}; },
  };
}

measured journal_appends(const load& what) {
  auto folder = what.folder + "/log";
  measured did;
  {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", std::size_t{2});
    config.set("scheduler.policy", caf::atom("sharing"));
    caf::actor_system system{config};
    auto journal = system.spawn<caf::detached>(
        podstudio::journal, std::make_shared<std::unique_ptr<log_writer>>(open_log(folder)),
        system.spawn(dropping_projector), std::make_shared<const std::atomic<bool>>(false));
    did = run_clients(what, [&](unsigned client) {
      return [&, client, self = std::make_shared<caf::scoped_actor>(system)](std::uint64_t number) {
        (*self)
            ->request(journal, caf::infinite, append_atom::value,
                      sample_command(client, number, what.batch), epoch_number{1})
            .receive([](const committed_command&) {},
                     [](const caf::error& failure) { fail(from_caf(failure).message); });
      };
    });
    caf::anon_send_exit(journal, caf::exit_reason::user_shutdown);
  }
  check_log(folder, did.events);
  return did;
}

measured writer_appends(const load& what) {
  auto folder = what.folder + "/log";
  auto log = open_log(folder);
  auto did = run_clients(what, [&](unsigned client) {
    return [&, client](std::uint64_t number) {
      auto command = sample_command(client, number, what.batch);
      must(log->append({&command, 1}, now_us()));
    };
  });
  log.reset();
  check_log(folder, did.events);
  return did;
}

// --- SQLite: one connection, which the clients take in turn, as it has one writer at a time anyway
// ---

measured sqlite_appends(const load& what) {
  auto db = must(database::open(what.folder + "/log.db", database_access::create));
  must(db.execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE log(sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, command BLOB NOT NULL,"
      " type TEXT NOT NULL, body BLOB NOT NULL)"));
  auto insert = must(db.prepare("INSERT INTO log(at, command, type, body) VALUES(?, ?, ?, ?)"));
  std::mutex turn;
  auto did = run_clients(what, [&](unsigned client) {
    return [&, client](std::uint64_t number) {
      auto command = sample_command(client, number, what.batch);
      std::vector<std::string> bodies;
      for (auto& each : command->events)
        encode_event(each, bodies.emplace_back());
      std::lock_guard guard(turn);
      auto writing = must(transaction::begin_write(db));
      for (std::size_t i = 0; i < bodies.size(); ++i)
        must(insert.run(
            now_us(), std::span<const std::uint8_t>(command->id), event_name(command->events[i]),
            std::span(reinterpret_cast<const std::uint8_t*>(bodies[i].data()), bodies[i].size())));
      must(writing.commit());
    };
  });
  auto rows = must(db.value<std::uint64_t>("SELECT count(*) FROM log"));
  if (rows != did.events || must(db.value<std::int64_t>("PRAGMA synchronous")) != 2)
    fail("SQLite holds " + std::to_string(rows) + " rows, committed were "
         + std::to_string(did.events));
  return did;
}

// --- reading ---

/// A log of that many bytes, of commands of 1 to 64 events.
measured fill_log(const std::string& folder, std::uint64_t bytes) {
  auto log = open_log(folder);
  measured did;
  while (log->size_bytes() < bytes) {
    std::vector<std::shared_ptr<const command>> group;
    for (int i = 0; i < 32; ++i, ++did.appends) {
      group.push_back(sample_command(0, did.appends, 1 + static_cast<unsigned>(did.appends % 64)));
      did.events += group.back()->events.size();
    }
    must(log->append(group, now_us()));
  }
  return did;
}

template <class Work>
measured timed(Work work) {
  auto begin = std::chrono::steady_clock::now();
  auto did = work();
  did.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return did;
}

measured verify(const std::string& folder) {
  auto report = must(verify_log(posix_file_system(), folder));
  return {report.frames, report.events, 0};
}

measured read(const std::string& folder) {
  auto reader = must(log_reader::open(posix_file_system(), folder));
  measured did;
  while (auto next = must(reader->next())) {
    ++did.appends;
    did.events += next->what->events.size();
  }
  return did;
}

/// The least that checking every byte takes: SHA-256 and CRC-32C over the files as they are.
measured checksum(const std::string& folder) {
  sha256 hash;
  std::uint32_t sum = 0;
  std::vector<std::uint8_t> piece(256u << 10);
  for (auto& entry : std::filesystem::directory_iterator(folder)) {
    auto file = must(posix_file_system().open(entry.path(), open_mode::read));
    std::uint64_t at = 0;
    while (auto count = must(file->read_at(at, piece))) {
      hash.update(piece.data(), count);
      sum = crc32c(piece.data(), count, sum);
      at += count;
    }
  }
  hash.finish();
  return {sum, 0, 0};
}

std::uint64_t used_bytes(const std::string& folder) {
  return must(verify_log(posix_file_system(), folder)).bytes;
}

int run(const std::string& mode, const std::vector<std::string>& arguments) {
  static const std::map<std::string, measured (*)(const load&)> stores{
      {"raw", raw_appends},       {"journal", journal_appends},   {"writer", writer_appends},
      {"sqlite", sqlite_appends}, {"postgres", postgres_appends},
  };
  static const std::map<std::string, measured (*)(const std::string&)> readers{
      {"verify", verify}, {"read", read}, {"checksum", checksum}};
  if (mode == "versions") {
    std::cout << nlohmann::json{{"SQLite", sqlite3_libversion()}}.dump() << std::endl;
    return 0;
  }
  nlohmann::json out;
  measured did;
  auto& folder = arguments[0];
  if (auto store = stores.find(mode); store != stores.end() && arguments.size() == 4) {
    did = store->second({folder, static_cast<unsigned>(std::stoul(arguments[1])),
                         static_cast<unsigned>(std::stoul(arguments[2])), std::stod(arguments[3])});
  } else if (auto reader = readers.find(mode); reader != readers.end() && arguments.size() == 1) {
    did = timed([&] { return reader->second(folder); });
  } else if (mode == "fill" && arguments.size() == 2) {
    did = fill_log(folder, std::stoull(arguments[1]));
    out["bytes"] = used_bytes(folder);
  } else {
    std::cerr
        << "usage: log_bench MODE FOLDER [CLIENTS BATCH SECONDS | BYTES]; see tools/bench log\n";
    return 2;
  }
  out["appends"] = did.appends;
  out["events"] = did.events;
  out["seconds"] = did.seconds;
  std::cout << out.dump() << std::endl;
  return 0;
}

}  // namespace

#ifndef PODSTUDIO_HAVE_LIBPQ
measured postgres_appends(const load&) {
  fail("built without libpq; install libpq-dev and build anew");
}
#endif

}  // namespace benchmark

int main(int count, char** arguments) {
  std::vector<std::string> rest(arguments + std::min(count, 2), arguments + count);
  if (rest.empty()) rest.emplace_back();
  return benchmark::run(count > 1 ? arguments[1] : "", rest);
}
