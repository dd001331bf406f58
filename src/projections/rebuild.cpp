// SPDX-License-Identifier: MIT
#include "projections/rebuild.hpp"

#include "events/file_system.hpp"
#include "events/log.hpp"
#include "projections/projection.hpp"
#include "schema/schema.hpp"

#include <filesystem>
#include <future>
#include <optional>
#include <utility>
#include <vector>

namespace podstudio {

namespace {

/// Events folded in one transaction: enough that a transaction costs nothing, few enough to stay
/// small in memory.
constexpr std::size_t events_per_fold = 16'384;

std::string folder_of(const std::string& path) {
  auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// The next commands within the bound, about `events_per_fold` of their events; none at the end.
class bounded_source {
public:
  bounded_source(log_reader& log, const rebuild_bound& until) : log_(log), until_(until) {}

  result<std::vector<committed_command>> next() {
    std::vector<committed_command> batch;
    for (std::size_t events = 0; !ended_ && events < events_per_fold;) {
      auto command = log_.next();
      if (!command) return command.failure();
      ended_ = !*command || (*command)->last_sequence() > until_.sequence
               || (*command)->at_us > until_.at_us;
      if (ended_) break;
      events += (*command)->what->events.size();
      batch.push_back(**std::move(command));
    }
    return batch;
  }

private:
  log_reader& log_;
  const rebuild_bound until_;
  bool ended_ = false;
};

/// Everything up to a closed file; it is not durable yet.
result<log_head> build(log_reader& log, const std::string& path, const rebuild_bound& until,
                       const rebuild_progress& progress) {
  auto tables = projection::create_bulk(path);
  if (!tables) return tables.failure();
  bounded_source source(log, until);
  // The next commands are read and decoded while these are folded: a rebuild takes as long as its
  // inserts. Where there is no thread to be had, the library reads them in turn. Whatever way this
  // ends, the future's destructor waits for the reading to end first.
  // What is folded is given back to be freed there, too.
  auto read_ahead = [&](std::vector<committed_command> folded) {
    return std::async([&source, folded = std::move(folded)]() mutable {
      folded.clear();
      return source.next();
    });
  };
  std::vector<committed_command> batch;
  for (auto upcoming = read_ahead({});;) {
    auto next = upcoming.get();
    if (!next) return next.failure();
    if (next->empty()) break;
    upcoming = read_ahead(std::exchange(batch, *std::move(next)));
    auto folded = (*tables)->fold(batch);
    if (!folded) return folded.failure();
    if (progress) progress((*tables)->checkpoint().sequence);
  }
  auto finished = (*tables)->finish_bulk();
  if (!finished) return finished.failure();
  return (*tables)->checkpoint();
}

result<void> make_durable(file_system& files, const std::string& path) {
  auto file = files.open(path, open_mode::write);
  if (!file) return file.failure();
  return (*file)->sync_all();
}

/// Puts the tables at `from` in the place of what is at `to`. A new file with the old one's name
/// would not do where others read: for a moment there is no file, and who has opened the old one
/// finds the new one's WAL beside it. So the old tables are overwritten in a transaction, and only
/// those that SQLite cannot use any more give way to the new file.
result<void> replace_database(file_system& files, const std::string& from, const std::string& to) {
  auto overwritten = overwrite_tables(from, to);
  if (!overwritten) return overwritten.failure();
  if (*overwritten) return remove_tables(files, from);
  auto durable = make_durable(files, from);
  if (!durable) return durable;
  auto removed = remove_tables(files, to);
  if (!removed) return removed;
  auto renamed = files.rename(from, to);
  if (!renamed) return renamed;
  // That also removes what reading it left beside it.
  return remove_tables(files, from);
}

}  // namespace

// The database first. A WAL that is left beside another database than its own would be played into
// that one; and a database without its WAL may be half written back. So the database must not be
// there at any moment when the WAL does not match it.
result<void> remove_tables(file_system& files, const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    auto removed = remove_if_there(files, path + suffix);
    if (!removed) return removed;
    // The order holds after a power cut too.
    if (*suffix == '\0') {
      auto synced = files.sync_folder(folder_of(path));
      if (!synced) return synced;
    }
  }
  return {};
}

error as_damage_of_log(error failure) {
  if (failure.code != error_code::internal) return failure;
  auto remedy = failure.message.rfind("; rebuild the tables");
  return {error_code::damaged,
          "the log is intact, but PODStudio did not write it: " + failure.message.substr(0, remedy)
              + "; use another backup, or the program version that wrote it"};
}

std::string aside_of(const std::string& output) { return output + ".podstudio-new"; }

result<void> remove_unfinished_rebuild(file_system& files, const std::string& output) {
  return remove_tables(files, aside_of(output));
}

result<log_head> rebuild(file_system& files, log_reader& log, const std::string& output,
                         const rebuild_bound& until, const rebuild_progress& progress) {
  auto cleared = remove_unfinished_rebuild(files, output);
  if (!cleared) return cleared.failure();
  auto aside = aside_of(output);
  auto head = build(log, aside, until, progress);
  auto done = head ? replace_database(files, aside, output) : result<void>(head.failure());
  if (done) return head;
  // The first failure counts, whether this works or not.
  (void)remove_tables(files, aside);
  return done.failure();
}

result<log_head> rebuild(file_system& files, const std::string& log_folder,
                         const std::string& output, const rebuild_bound& until,
                         const rebuild_progress& progress) {
  auto log = log_reader::open(files, log_folder);
  if (!log) return log.failure();
  return rebuild(files, **log, output, until, progress);
}

}  // namespace podstudio
