// SPDX-License-Identifier: MIT
#include "actors/watcher.hpp"

#include "actors/readiness.hpp"
#include "media/kind.hpp"
#include "platform/text.hpp"
#include "platform/volume.hpp"
#include "query/files.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace podstudio {

namespace {

using namespace std::chrono_literals;

/// How many buffers of notices one drain reads; the kernel's queue holds fewer.
constexpr int drain_reads_max = 1024;

/// Whether the folder lies on a file system that others may change without the kernel noticing.
bool is_remote(const std::string& folder) {
  constexpr std::uint32_t remote_types[] = {
      NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  0xff534d42 /* cifs */, 0xfe534d42 /* smb2 */,
      V9FS_MAGIC,      CODA_SUPER_MAGIC, AFS_SUPER_MAGIC,       0x65735546 /* fuse */,
      0x00c36400 /* ceph */};
  struct statfs status;
  if (::statfs(folder.c_str(), &status) != 0) return false;
  return std::ranges::find(remote_types, static_cast<std::uint32_t>(status.f_type))
         != std::end(remote_types);
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

error another_folder(const std::string& path) {
  return {error_code::refused,
          in_quotes(path)
              + " is not the folder that was added, or its disk is missing; "
                "restore it, or remove it from the watched folders and add it again"};
}

}  // namespace

watcher_state::watcher_state() = default;
watcher_state::~watcher_state() = default;

result<void> watcher_state::check_root() const {
  struct stat status;
  if (::lstat(root.path.c_str(), &status) != 0)
    return system_error()("cannot watch " + in_quotes(root.path));
  // Another disk can have the device number, and the inode, of the one that was there before.
  if (folder_identity{status.st_dev, status.st_ino} != mounted
      || volume_of(root.path, status.st_dev).id != root_volume)
    return another_folder(root.path);
  return {};
}

result<void> watcher_state::recognise_root() {
  // Read the identity and the sample through one open folder. If a disk were mounted between two
  // look-ups by path, its files would vouch for the mount point below it.
  const root_folder folder(root.path);
  struct stat status;
  if (!folder.status_of(root.path, status)) {
    if (errno == ENOTDIR || errno == ELOOP) return another_folder(root.path);  // a link, say
    return system_error()("cannot watch " + in_quotes(root.path));
  }
  mounted = {status.st_dev, status.st_ino};
  const auto on = volume_of(root.path, status.st_dev);
  root_volume = on.id;
  const folder_identity lasting{on.id, on.keeps_inodes ? status.st_ino : 0};
  if (on.proven && lasting == root.identity) return {};
  if (!root.just_added) {
    auto sample = sample_under(*tables, root.path, library_sample_files);
    if (!sample) return sample.failure();
    if (!is_same_library(folder, *sample)) return another_folder(root.path);
  }
  if (lasting == root.identity) return {};
  root_request recognised;
  recognised.what = root_request::step::recognise;
  recognised.root = root.id;
  recognised.device = lasting.device;
  recognised.inode = lasting.inode;
  recognised.origin = "watcher";
  self->request(catalog, caf::infinite, root_atom::value, recognised)
      .then([](const root_outcome&) {},
            [](const caf::error& failure) {
              spdlog::warn("cannot log a recognised root: {}", from_caf(failure).message);
            });
  root.identity = lasting;
  return {};
}

result<void> watcher_state::open() {
  if (auto readable = check_readable(root.path); !readable) return readable;
  auto opened_tables = open_tables_read_only(options.database);
  if (!opened_tables) return opened_tables.failure();
  tables = std::make_unique<database>(std::move(*opened_tables));
  if (auto there = recognise_root(); !there) return there;
  auto known = problems_under(*tables, root.path);
  if (!known) return known.failure();
  problems.insert(known->begin(), known->end());
  remote = is_remote(root.path);
  if (auto opened = folder_watches::open()) {
    watches.emplace(std::move(*opened));
    notices = std::make_unique<readiness>(
        watches->fd(), [to = watcher_actor{self}] { caf::anon_send(to, readable_atom::value); });
  } else {
    reports.push_back({printable(root.path), problem_kind::watch_limit, opened.failure().message});
  }
  walk(root.path);
  look_at_heirs();
  return {};
}

void watcher_state::look_at_heirs() {
  hold(ticket);
  const auto number = ticket;
  auto done = [this, number] {
    release(number);
    pump();
  };
  self->request(catalog, caf::infinite, find_atom::value)
      .then(
          [this, number, done](asset_paths heirs) {
            // What is gone the walk tells, unless so much is that a person has to confirm it.
            const root_folder folder(root.path);
            std::erase_if(heirs, [&](const auto& heir) {
              return !lies_within(heir.second, root.path) || is_gone(folder, heir.second);
            });
            want_all(heirs, number);
            done();
          },
          [this, done](const caf::error& failure) {
            spdlog::warn("copies of missing assets under '{}' are not looked at: {}",
                         printable(root.path), from_caf(failure).message);
            done();
          });
}

void watcher_state::want_all(const asset_paths& paths, std::uint64_t number) {
  for (const auto& [asset, path] : paths) {
    if (!lies_within(path, root.path)) continue;
    hold(number);
    want(path, {.at = clock::now(), .ticket = number, .written = true});
  }
}

void watcher_state::fail(const error& why) {
  for (auto& [number, promise] : syncs)
    promise.deliver(to_caf(why));
  syncs.clear();
  failed = true;
  self->quit(to_caf(why));
}

// --- noticing ---

void watcher_state::drain_notices() {
  if (!watches) return;
  std::vector<change> changes;
  for (int reads = 0; reads < drain_reads_max; ++reads) {
    auto more = watches->read(changes);
    if (!more) {
      return fail(more.failure());
    }
    for (const auto& what : changes)
      note(what);
    changes.clear();
    if (!*more || failed) return;
  }
}

bool watcher_state::is_problem(const std::string& path) {
  auto shown = printable(path);
  auto below = problems.lower_bound(shown + "/");
  if (problems.contains(shown) || (below != problems.end() && lies_within(*below, shown)))
    return true;
  auto known = has_problem(*tables, path);
  return known && *known;
}

bool watcher_state::is_left_out(const std::string& file) {
  auto rules_of = [this](const std::string& folder) {
    auto known = rules.find(folder);
    if (known != rules.end()) return known->second;
    if (rules.size() >= watcher_rules_max) rules.clear();
    ignore_rules own;
    if (auto opened = root_folder(root.path).open(folder, O_PATH | O_DIRECTORY))
      if (auto read = read_ignore_rules(opened.get(), folder)) own = std::move(*read);
    return rules.emplace(folder, std::move(own)).first->second;  // the walk tells of a bad one
  };
  auto left_out = is_ignored(root.path, file, false, rules_of);
  return left_out && *left_out;
}

void watcher_state::note(const change& what) {
  // Other rules: what they take back in is new.
  if (what.what != change::kind::self && what.what != change::kind::unmounted
      && last_name(what.path) == ignore_file_name) {
    rules.clear();
    return walk(what.path.substr(0, what.path.rfind('/')));
  }
  switch (what.what) {
  case change::kind::overflow:
    spdlog::warn("too many changes at once under '{}'; walking it", printable(root.path));
    return walk(root.path);
  case change::kind::folder:
    rules.clear();
    return walk(what.path);
  case change::kind::self:
    if (what.path == root.path)
      if (auto there = check_root(); !there) fail(there.failure());
    return;
  case change::kind::unmounted:
    // Also where it is mounted again by now: nothing of it is watched any more.
    if (what.path == root.path) return fail(another_folder(root.path));
    return walk(what.path);
  case change::kind::allowed:
    if (what.path == root.path) root_check_at = {};
    if (is_in_flight(what.path))
      allowed_in_flight.insert(what.path);
    else if (is_problem(what.path))
      want(what.path, {.at = clock::now(), .written = true});
    return;
  case change::kind::gone:
    if (type_of(last_name(what.path)) || problems.contains(printable(what.path)))
      want(what.path, {.at = clock::now()});
    return;
  case change::kind::written:
  case change::kind::touched:
    break;
  }
  if (!type_of(last_name(what.path))) return;
  bool whole = what.what == change::kind::written;
  want(what.path, {.at = clock::now() + (whole ? 0ms : settle_interval), .written = whole});
}

void watcher_state::want(const std::string& path, due_path how) {
  if (due.size() >= watcher_due_max && !due.contains(path)) return walk(root.path, how.ticket);
  if (how.ticket == 0) hold(how.ticket = ticket);
  auto [at, added] = due.try_emplace(path, how);
  auto& known = at->second;
  if (!added) {
    // One look serves both; it must come in time for the older.
    release(std::max(known.ticket, how.ticket));
    known.ticket = std::min(known.ticket, how.ticket);
    known.tries = std::max(known.tries, how.tries);
    known.written = known.written || how.written;
    if (known.at <= how.at) return;
    known.at = how.at;
  }
  agenda.emplace(known.at, path);
}

void watcher_state::walk(const std::string& folder, std::uint64_t wanted) {
  if (wanted == 0) hold(wanted = ticket);
  auto serve = [&](std::uint64_t& served) {
    release(std::max(served, wanted));
    served = std::min(served, wanted);
  };
  auto first = walks.begin() + (walking ? 1 : 0);
  for (auto at = first; at != walks.end(); ++at)
    if (lies_within(folder, at->first)) return serve(at->second);
  if (walks.size() < watcher_walks_max) {
    walks.emplace_back(folder, wanted);
    return;
  }
  for (auto at = first; at != walks.end(); ++at)
    serve(at->second), wanted = at->second;
  walks.erase(first, walks.end());
  walks.emplace_back(root.path, wanted);
}

// --- tickets ---

void watcher_state::hold(std::uint64_t number) { ++outstanding[number]; }

void watcher_state::release(std::uint64_t number) {
  auto at = outstanding.find(number);
  assert(at != outstanding.end());
  if (--at->second == 0) outstanding.erase(at);
}

void watcher_state::answer_syncs() {
  auto undone = ticket;  // no sync has drawn it yet
  if (!outstanding.empty()) undone = outstanding.begin()->first;
  auto end = syncs.lower_bound(undone);
  for (auto at = syncs.begin(); at != end; ++at)
    at->second.deliver(last_sequence);
  syncs.erase(syncs.begin(), end);
}

watcher_actor::behavior_type watcher(watcher_actor::stateful_pointer<watcher_state> self,
                                     watched_root root, catalog_actor catalog,
                                     watch_options options) {
  auto& state = self->state;
  state.self = self;
  state.root = std::move(root);
  state.catalog = std::move(catalog);
  state.options = std::move(options);
  self->set_exit_handler([self](const caf::exit_msg& why) {
    auto unseen = to_caf({error_code::stopping, "its watcher was ended meanwhile; try again"});
    for (auto& [ticket, promise] : self->state.syncs)
      promise.deliver(unseen);
    self->state.syncs.clear();
    self->quit(why.reason);
  });
  if (auto opened = state.open(); !opened)
    self->quit(to_caf(opened.failure()));
  else
    self->send(self, step_atom::value);
  return {
      [self](readable_atom) {
        auto& s = self->state;
        s.drain_notices();
        s.notices->arm();
        s.pump();
      },
      [self](step_atom) {
        self->state.wake_at = watcher_state::clock::time_point::max();
        self->state.pump();
      },
      [self](sync_atom) {
        auto& s = self->state;
        auto promise = self->make_response_promise<sequence_number>();
        // The kernel queues a notice before the call that made the change returns. Where it does
        // not tell, only a walk does; and whether a scan is still to be held.
        s.syncs.emplace(s.ticket, promise);
        s.drain_notices();
        if (s.polls() || s.held) s.walk(s.root.path);
        ++s.ticket;
        s.root_check_at = {};
        s.pump();
        return promise;
      },
      [self](path_atom, const asset_paths& paths) {
        auto& s = self->state;
        s.want_all(paths, s.ticket);
        s.pump();
      },
      [self](confirm_atom) {
        auto& s = self->state;
        bool was_held = s.held;
        s.confirmed = was_held;
        if (was_held) s.walk(s.root.path);
        s.pump();
        return was_held;
      },
      [self](status_atom) {
        const auto& s = self->state;
        bool scanning = s.walking.has_value() || !s.walks.empty();
        const auto* mode = s.held ? "held" : scanning ? "scanning" : s.polls() ? "polling" : "live";
        return watcher_status{s.root.id, s.root.path, mode, s.walking ? s.walking->compared() : 0,
                              s.not_taken};
      },
  };
}

}  // namespace podstudio
