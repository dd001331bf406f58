// SPDX-License-Identifier: MIT
#include "actors/export_archive.hpp"

#include "actors/known_file.hpp"
#include "archive/content.hpp"
#include "jobs/kinds/archive_order.hpp"
#include "jobs/worker_pool.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

/// An order takes no longer than this, and a second more for each such number of bytes: slower
/// disks than that make no packs. Its processor time is bounded likewise.
constexpr std::chrono::milliseconds order_time_min = std::chrono::minutes(10);
constexpr std::uint64_t bytes_a_second_min = 256u << 10, bytes_a_cpu_second_min = 8u << 20;
constexpr std::uint64_t order_cpu_seconds_min = 60;

constexpr std::string_view catalog_again =
    "; wait until nothing changes it, have it catalogued again ('podstudio sync', or 'podstudio "
    "import'), and export the pack again";

}  // namespace

job_report failed_export(job_ending ending, std::string text, bool is_final) {
  job_report report;
  report.ending = ending;
  report.text = std::move(text);
  report.is_final = is_final;
  return report;
}

job_report failed_export(const error& failure, bool is_final) {
  auto ending = [&] {
    switch (failure.code) {
    case error_code::disk_full:
      return job_ending::output_full;
    case error_code::refused:
    case error_code::not_found:
    case error_code::invalid_argument:
      return job_ending::bad_parameters;
    default:
      return job_ending::io_failed;
    }
  }();
  return failed_export(ending, failure.message, is_final || ending == job_ending::output_full);
}

result<unique_fd> content_files::open(const packs::entry& asset) {
  auto found = files_.find(asset.sha256);
  if (found == files_.end()) return unique_fd();
  for (const auto& each : found->second) {
    auto fd = open_known(each, folder_);
    if (!fd || *fd) return fd;
  }
  return unique_fd();
}

std::string content_files::path_of(const packs::entry& asset) const {
  auto found = files_.find(asset.sha256);
  return found == files_.end() ? asset.name : found->second.front().path;
}

std::optional<job_report> archive_maker::run(job_order order, std::uint64_t bytes,
                                             job_outcome& outcome) {
  order.number = static_cast<std::uint64_t>(task_.job);
  order.time_limit =
      std::min(job_time_ms_max, order_time_min + std::chrono::seconds(bytes / bytes_a_second_min));
  order.cpu_seconds =
      std::min(job_cpu_seconds_max, order_cpu_seconds_min + bytes / bytes_a_cpu_second_min);
  job_observer observer;
  observer.progress = [&](unsigned percent) { told_(done_ + bytes / 100 * percent); };
  outcome = workers_.run(order, observer, *task_.cancel);
  done_ += bytes;
  if (outcome.ending == job_ending::completed) return std::nullopt;
  auto report =
      failed_export(outcome.ending, outcome.text, outcome.ending == job_ending::output_full);
  report.last_words = joined(outcome.last_words, "\n");
  return report;
}

// --- writing ---

std::optional<job_report> archive_maker::write(std::span<const packs::entry> entries,
                                               const archive::dos_time& time, content_files& files,
                                               unpublished_file& into) {
  entries_ = entries;
  zip_.clear();
  std::vector<std::size_t> assets;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    zip_.push_back({entries[i].name, entries[i].size_bytes});
    if (entries[i].asset) assets.push_back(i);
  }
  auto layout = archive::lay_out(zip_);
  if (!layout) return failed_export(layout.failure(), true);
  layout_ = *std::move(layout);
  if (auto failed = reserve(into)) return failed;
  for (indexes rest = assets; !rest.empty();) {
    auto some = rest.first(std::min(rest.size(), archive_copy_files_max));
    rest = rest.subspan(some.size());
    if (auto failed = copy(some, files, into)) return failed;
  }
  return write_rest(time, into);
}

/// So that a disk without room says so before anything is copied.
std::optional<job_report> archive_maker::reserve(const unpublished_file& into) const {
  auto bytes = static_cast<off_t>(layout_.archive_bytes);
  auto size = human_size(layout_.archive_bytes);
  if (::fallocate(into.fd(), 0, 0, bytes) == 0) return std::nullopt;
  if (errno == EFBIG)
    return failed_export(job_ending::output_full,
                         "the disk's file system takes no file of " + size
                             + ", which the archive needs; export to another disk with --output",
                         true);
  // Where space cannot be reserved, only the size is set.
  if (errno != ENOSPC && errno != EDQUOT && ::ftruncate(into.fd(), bytes) == 0) return std::nullopt;
  return failed_export(system_error()("cannot make an archive of " + size));
}

std::optional<job_report> archive_maker::copy(indexes assets, content_files& files,
                                              unpublished_file& into) {
  std::vector<unique_fd> opened;
  job_order order;
  archive_copy_order parameters;
  std::uint64_t bytes = 0;
  for (auto i : assets) {
    auto fd = files.open(entries_[i]);
    if (!fd) return failed_export(fd.failure());
    if (!*fd)
      return failed_export(job_ending::io_failed,
                           in_quotes(files.path_of(entries_[i]))
                               + " has changed or gone while the pack was exported"
                               + std::string(catalog_again),
                           true);
    order.inputs.push_back(fd->get());
    opened.push_back(*std::move(fd));
    parameters.push_back({entries_[i].size_bytes, layout_.content_offsets[i]});
    bytes += entries_[i].size_bytes;
  }
  order.kind = archive_copy_kind;
  order.parameters = to_parameters(parameters);
  order.outputs = {into.fd()};
  order.output_bytes = layout_.archive_bytes;
  job_outcome outcome;
  if (auto failed = run(std::move(order), bytes, outcome)) return failed;
  return take_sums(assets, outcome, files);
}

std::optional<job_report> archive_maker::take_sums(indexes assets, const job_outcome& outcome,
                                                   const content_files& files) {
  auto answer = parse_archive_copy_answer(outcome.facts, assets.size());
  if (!answer)
    return failed_export(job_ending::bad_answer,
                         "the worker's answer: " + answer.failure().message);
  auto path_of = [&](std::size_t index) {
    return in_quotes(files.path_of(entries_[assets[index]]));
  };
  for (std::size_t i = 0; i < answer->sums.size(); ++i) {
    if (to_hex(answer->sums[i].sha256) != entries_[assets[i]].sha256)
      return failed_export(
          job_ending::bad_input,
          path_of(i) + " has other bytes than were catalogued" + std::string(catalog_again), true);
    zip_[assets[i]].crc32 = answer->sums[i].crc32;
  }
  if (!answer->failure) return std::nullopt;
  bool changed = answer->failure->code == error_code::changed;
  return failed_export(changed ? job_ending::bad_input : job_ending::io_failed,
                       path_of(answer->sums.size()) + ": " + answer->failure->message, changed);
}

std::optional<job_report> archive_maker::write_rest(const archive::dos_time& time,
                                                    unpublished_file& into) {
  bool written = true;
  for (std::size_t i = 0; i < entries_.size() && written; ++i) {
    if (!entries_[i].asset) {
      zip_[i].crc32 = archive::sum_text(entries_[i].text).crc32;
      written = write_all_at(into.fd(), entries_[i].text, layout_.content_offsets[i]);
    }
    written =
        written
        && write_all_at(into.fd(), archive::local_header(zip_[i], time), layout_.header_offsets[i]);
  }
  written =
      written
      && write_all_at(into.fd(), archive::directory(zip_, layout_, time), layout_.directory_offset);
  if (!written || ::fsync(into.fd()) != 0)
    return failed_export(system_error()("cannot write the archive"));
  return std::nullopt;
}

// --- verifying ---

std::optional<job_report> archive_maker::verify(int fd, std::uint64_t bytes,
                                                const std::optional<archive::public_key>& signed_by,
                                                digest& sha256) {
  // What is checked is to be what the disk has, as far as the system does that.
  (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  job_order order;
  order.kind = archive_verify_kind;
  order.parameters = to_parameters(signed_by);
  order.inputs = {fd};
  job_outcome outcome;
  if (auto failed = run(std::move(order), bytes, outcome)) return failed;
  auto answer = parse_archive_verify_answer(outcome.facts);
  if (!answer)
    return failed_export(job_ending::bad_answer,
                         "the worker's answer: " + answer.failure().message);
  sha256 = answer->sha256;
  if (answer->finding.empty()) return std::nullopt;
  return failed_export(job_ending::bad_input,
                       "the archive was not written as it should be: " + answer->finding);
}

}  // namespace podstudio
