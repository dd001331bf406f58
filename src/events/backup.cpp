// SPDX-License-Identifier: MIT
#include "events/backup.hpp"

#include "events/head_check.hpp"
#include "events/log.hpp"
#include "events/log_copy.hpp"
#include "events/log_walk.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <filesystem>

namespace podstudio {

namespace {

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

error refused(const std::string& message) { return {error_code::refused, message}; }

/// Damage of a backup has another remedy than that of the log in use.
error in_backup(error failure) {
  auto& message = failure.message;
  for (auto remedy : {damage_remedy, lacks_head_remedy})
    if (failure.code == error_code::damaged && message.ends_with(remedy))
      message.replace(message.size() - remedy.size(), remedy.size(),
                      "this is a backup: make a new one in another folder");
  return failure;
}

/// Copies what stands between the walk and the head `until`, after checking it.
result<void> copy_until(log_walk& walk, head_check until, sequence_number last, log_copy& copy,
                        const backup_progress& progress) {
  constexpr std::uint64_t frames_a_notice = 256;
  auto place = walk.segment()->place();
  for (std::uint64_t frames = 1;; ++frames) {
    if (auto fits = until.see(walk.segment()->head(), place); !fits) return fits;
    if (progress && (until.seen() || frames % frames_a_notice == 0))
      progress(walk.segment()->head().sequence, last);
    if (until.seen()) return {};
    auto frame = walk.next();
    if (!frame) return frame.failure();
    auto& segment = *walk.segment();
    if (!*frame)
      return until.mismatch(segment.place(), "that the log ends with sequence "
                                                 + std::to_string(segment.head().sequence));
    place = {segment.path(), (*frame)->offset, (*frame)->header.link.first_sequence};
    if (auto known = decode_frame((*frame)->bytes, place); !known) return known.failure();
    if (auto added = copy.add(segment, **frame); !added) return added;
  }
}

backup_report report_of(segment_cursor& last, const log_copy& copy) {
  auto& header = last.header();
  return {last.head(), header.frames_before + last.frames(), header.number,
          header.bytes_before + last.offset(), copy.bytes()};
}

/// The segments that begin at or before a sequence.
result<std::vector<sequence_number>> segments_up_to(file_system& files, const std::string& folder,
                                                    sequence_number last) {
  auto firsts = list_segments(files, folder);
  if (firsts) std::erase_if(*firsts, [&](sequence_number first) { return first > last; });
  return firsts;
}

// --- backup ---

/// The UUID of a log; nothing where it has no segments.
result<std::optional<uuid>> log_id(file_system& files, const std::string& folder) {
  auto firsts = list_segments(files, folder);
  if (!firsts) return firsts.failure();
  if (firsts->empty()) return std::optional<uuid>();
  auto first = segment_cursor::open(files, folder, firsts->front(), open_mode::read);
  if (!first) return first.failure();
  return std::optional((*first)->header().log);
}

/// The manifest of the backup in a folder; nothing where the folder is free for one.
result<std::optional<backup_manifest>> find_backup(file_system& files, const std::string& folder) {
  auto manifest = read_backup_manifest(files, folder);
  if (!manifest || *manifest) return manifest;
  auto names = files.list(folder);
  if (!names && names.failure().code == error_code::not_found) return manifest;
  if (!names) return names.failure();
  if (std::ranges::all_of(*names, [](auto& name) { return name == backup_manifest_aside; }))
    return manifest;
  return refused(in_quotes(folder) + " is not empty and contains no backup; choose a new folder");
}

/// One backup, from the first look at its folder to its new manifest.
class backup_run {
public:
  backup_run(file_system& files, const std::string& log, const std::string& folder,
             const log_head& until)
      : files_(files), log_(log), folder_(folder), until_(until),
        copy_(files, backup_log_folder(folder)) {}

  result<backup_report> run(const backup_progress& progress) {
    if (auto fits = check(); !fits) return fits.failure();
    // Every check of what is there has passed: from here on the backup is written to.
    if (auto ready = make_ready(); !ready) return ready.failure();
    auto copied = copy_until(*walk_, {until_, "the head that the log is said to have"},
                             until_.sequence, copy_, progress);
    if (!copied) return copied.failure();
    if (auto durable = copy_.finish(); !durable) return durable.failure();
    auto& last = *walk_->segment();
    auto done =
        write_backup_manifest(files_, folder_, {held_.log, until_, last.offset(), now_us()});
    if (!done) return done.failure();
    return report_of(last, copy_);
  }

private:
  result<void> check() {
    auto log = log_id(files_, log_);
    if (!log) return log.failure();
    if (!*log || until_.sequence == 0)
      return refused("the log in " + in_quotes(log_)
                     + " contains no events yet; there is nothing to "
                       "back up");
    auto found = find_backup(files_, folder_);
    if (!found) return found.failure();
    is_new_ = !*found;
    held_ = found->value_or(backup_manifest{**log, {}, 0, 0});
    if (held_.log != **log)
      return refused(in_quotes(folder_) + " is the backup of another library, with log "
                     + to_string(held_.log) + " and not " + to_string(**log)
                     + "; choose another folder");
    if (held_.head.sequence > until_.sequence)
      return refused("the backup in " + in_quotes(folder_) + " is ahead of the log: it goes up to "
                     + "sequence " + std::to_string(held_.head.sequence) + ", the log up to "
                     + std::to_string(until_.sequence)
                     + "; keep it, because it contains more, and choose another folder");
    if (held_.head.sequence > 0)
      if (auto whole = check_held(); !whole) return whole;
    return find_place();
  }

  /// That the backup is what its manifest says, and the log's own beginning: all headers, and the
  /// frames of the last segment, which is the one that is written on.
  result<void> check_held() {
    auto folder = backup_log_folder(folder_);
    auto firsts = segments_up_to(files_, folder, held_.head.sequence);
    if (!firsts) return firsts.failure();
    auto headers = read_headers(files_, folder, *firsts);
    if (!headers) return in_backup(headers.failure());
    if (headers->empty())
      return in_backup(damage({folder, 0, 1}, "the log's first segment", "no segment"));
    if (auto ends = check_end(folder, firsts->back()); !ends) return in_backup(ends.failure());
    auto same = segments_up_to(files_, log_, held_.head.sequence);
    if (!same) return same.failure();
    auto originals = read_headers(files_, log_, *same);
    if (!originals) return originals.failure();
    if (*originals != *headers) return went_another_way();
    last_held_ = firsts->back();
    return {};
  }

  /// That the backup's last segment ends where the manifest says.
  result<void> check_end(const std::string& folder, sequence_number first) {
    auto last = segment_cursor::open(files_, folder, first, open_mode::read);
    if (!last) return last.failure();
    head_check head(held_.head, "the head that " + std::string(backup_manifest_name) + " names");
    while (!head.seen()) {
      auto place = (*last)->place();
      auto frame = (*last)->next();
      if (!frame) return frame.failure();
      if (!*frame) {
        auto tail = (*last)->tail();
        return tail ? head.mismatch(place, tail->found) : tail.failure();
      }
      if (auto fits = head.see((*last)->head(), place); !fits) return fits;
    }
    if ((*last)->offset() == held_.last_segment_bytes) return {};
    return damage((*last)->place(),
                  "that the head's frame ends at offset " + std::to_string(held_.last_segment_bytes)
                      + ", as " + std::string(backup_manifest_name) + " says",
                  "another offset");
  }

  /// Goes to the place in the log up to which the backup has it.
  result<void> find_place() {
    walk_.emplace(files_, log_, held_.head.sequence);
    if (auto started = walk_->start(); !started) return started;
    while (walk_->segment()->head().sequence < held_.head.sequence) {
      auto frame = walk_->next();
      if (!frame) return frame.failure();
      if (!*frame) break;
    }
    return walk_->segment()->head() == held_.head ? result<void>() : went_another_way();
  }

  error went_another_way() const {
    return refused(
        "the backup in " + in_quotes(folder_)
        + " and the log have diverged: the log does not contain what the backup contains "
          "at sequence "
        + std::to_string(held_.head.sequence)
        + "; keep it, because it contains what the log does not, and choose another folder");
  }

  /// Makes the folders, or removes what an interrupted run left.
  result<void> make_ready() {
    if (is_new_)
      if (auto begun = begin(); !begun) return begun;
    auto log = backup_log_folder(folder_);
    auto made = files_.make_folder(log);
    if (!made) return made.failure();
    if (auto synced = files_.sync_folder(folder_); !synced) return synced;
    auto firsts = list_segments(files_, log);
    if (!firsts) return firsts.failure();
    while (!firsts->empty() && firsts->back() > held_.head.sequence) {
      if (auto gone = files_.remove(segment_path(log, firsts->back())); !gone) return gone;
      firsts->pop_back();
    }
    return last_held_ == 0 ? result<void>() : copy_.resume(last_held_, held_.last_segment_bytes);
  }

  /// The manifest comes first: a folder with one is known to be ours, whatever interrupts us.
  result<void> begin() {
    auto made = files_.make_folder(folder_);
    if (!made) return made.failure();
    if (auto synced = files_.sync_folder(folder_of(folder_)); !synced) return synced;
    held_.at_us = now_us();
    return write_backup_manifest(files_, folder_, held_);
  }

  file_system& files_;
  const std::string log_, folder_;
  const log_head until_;
  bool is_new_ = false;
  backup_manifest held_;
  sequence_number last_held_ = 0;  ///< the first sequence of the backup's last segment; 0: none
  std::optional<log_walk> walk_;   ///< of the log, from the segment that the backup ends in
  log_copy copy_;
};

// --- restore ---

result<void> check_no_log(file_system& files, const std::string& log_folder) {
  auto names = files.list(log_folder);
  if (names && !names->empty())
    return refused(
        in_quotes(log_folder)
        + " already contains a log, which a restore would replace; choose another folder "
          "with --data, or move it away first");
  if (!names && names.failure().code != error_code::not_found) return names.failure();
  return {};
}

/// Removes the files that an earlier run left in the staging folder, and no others.
result<void> clear(file_system& files, const std::string& staging) {
  auto names = files.list(staging);
  if (!names) return names.failure();
  for (auto& name : *names)
    if (!parse_segment_name(name))
      return refused(in_quotes(staging + "/" + name)
                     + " is not part of a log that a restore could replace; move it away");
  for (auto& name : *names)
    if (auto removed = files.remove(staging + "/" + name); !removed) return removed;
  return {};
}

result<backup_report> copy_back(file_system& files, const std::string& folder,
                                const backup_manifest& manifest, const std::string& staging,
                                const backup_progress& progress) {
  auto log = backup_log_folder(folder);
  log_walk walk(files, log, 1);
  if (auto started = walk.start(); !started) return started.failure();
  if (walk.segment() == nullptr)
    return damage({log, 0, 1}, "the log's first segment", "no segment");
  if (auto& header = walk.segment()->header(); header.log != manifest.log)
    return damage({walk.segment()->path(), 0, 1}, "a segment of log " + to_string(manifest.log),
                  "one of log " + to_string(header.log));
  log_copy copy(files, staging);
  head_check head(manifest.head, "the head that " + std::string(backup_manifest_name) + " names");
  auto copied = copy_until(walk, head, manifest.head.sequence, copy, progress);
  if (copied) copied = copy.finish();
  if (!copied) return copied.failure();
  return report_of(*walk.segment(), copy);
}

}  // namespace

result<backup_report> back_up(file_system& files, const std::string& log_folder,
                              const std::string& folder, const log_head& until,
                              const backup_progress& progress) {
  return backup_run(files, log_folder, folder, until).run(progress);
}

result<verify_report>
verify_backup(file_system& files, const std::string& folder, const log_head& head,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  auto report = verify_log(files, backup_log_folder(folder), {.expect = head}, progress);
  if (!report) return in_backup(report.failure());
  return report;
}

result<backup_manifest> find_restorable(file_system& files, const std::string& folder) {
  auto found = read_backup_manifest(files, folder);
  if (!found) return found.failure();
  if (!*found)
    return error{error_code::not_found, "there is no backup in " + in_quotes(folder)
                                            + "; name a folder that 'podstudio backup' made"};
  if ((*found)->head.sequence == 0)
    return refused("the backup in " + in_quotes(folder)
                   + " was interrupted before it contained anything; there is nothing to restore");
  return **found;
}

std::string staging_folder(const std::string& log_folder) { return log_folder + ".tmp"; }

result<backup_report> stage_restore(file_system& files, const std::string& folder,
                                    const std::string& log_folder,
                                    const backup_progress& progress) {
  auto manifest = find_restorable(files, folder);
  if (!manifest) return manifest.failure();
  if (auto free = check_no_log(files, log_folder); !free) return free.failure();
  auto staging = staging_folder(log_folder);
  auto made = files.make_folder(staging);
  if (!made) return made.failure();
  if (auto cleared = clear(files, staging); !cleared) return cleared.failure();
  auto report = copy_back(files, folder, *manifest, staging, progress);
  if (report) return report;
  (void)clear(files, staging);  // the first failure counts, whether this works or not
  return in_backup(report.failure());
}

result<void> drop_restore(file_system& files, const std::string& log_folder) {
  return clear(files, staging_folder(log_folder));
}

result<void> finish_restore(file_system& files, const std::string& log_folder) {
  if (auto free = check_no_log(files, log_folder); !free) return free;
  auto put = files.rename(staging_folder(log_folder), log_folder);
  return put ? files.sync_folder(folder_of(log_folder)) : put;
}

}  // namespace podstudio
