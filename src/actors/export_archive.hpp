// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"
#include "archive/signing.hpp"
#include "archive/zip.hpp"
#include "jobs/worker_process.hpp"
#include "packs/snapshot.hpp"
#include "platform/root_folder.hpp"
#include "platform/unpublished_file.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Writes an archive and checks it, by workers.
namespace podstudio {

class worker_pool;

/// Why an export came to no good end: a report of the job, without results.
job_report failed_export(job_ending ending, std::string text, bool is_final = false);
job_report failed_export(const error& failure, bool is_final = false);

/// How many bytes of an export are done.
using told_bytes = std::function<void(std::uint64_t bytes)>;

/// The files with the contents of an archive's assets, as they were found.
class content_files {
public:
  explicit content_files(const files_by_content& files) : files_(files) {}

  /// A file with the content, if one is there and is as the catalog knows it; nothing in the result
  /// otherwise. Error: there are not enough descriptors.
  result<unique_fd> open(const packs::entry& asset);
  /// Its path, for messages; the entry's name where no file is known.
  std::string path_of(const packs::entry& asset) const;

private:
  const files_by_content& files_;
  last_root_folder folder_;
};

/// Runs the orders of one export. Every failure is a report of its job.
class archive_maker {
public:
  archive_maker(worker_pool& workers, const job_task& task, told_bytes told)
      : workers_(workers), task_(task), told_(std::move(told)) {}

  /// Writes the archive with these entries to a new file, and syncs it. The service writes headers,
  /// texts and directory, which it makes itself; workers copy the assets. Each file's digest is
  /// compared with its entry's.
  std::optional<job_report> write(std::span<const packs::entry> entries,
                                  const archive::dos_time& time, content_files& files,
                                  unpublished_file& into);

  /// Reads an archive back from the disk and checks all of it; `sha256` receives the digest of the
  /// whole.
  std::optional<job_report> verify(int fd, std::uint64_t bytes,
                                   const std::optional<archive::public_key>& signed_by,
                                   digest& sha256);

private:
  using indexes = std::span<const std::size_t>;

  std::optional<job_report> reserve(const unpublished_file& into) const;
  std::optional<job_report> copy(indexes assets, content_files& files, unpublished_file& into);
  std::optional<job_report> take_sums(indexes assets, const job_outcome& outcome,
                                      const content_files& files);
  std::optional<job_report> write_rest(const archive::dos_time& time, unpublished_file& into);
  /// Runs an order that reads so many bytes; a failure of it is one of the job.
  std::optional<job_report> run(job_order order, std::uint64_t bytes, job_outcome& outcome);

  worker_pool& workers_;
  const job_task& task_;
  told_bytes told_;
  std::uint64_t done_ = 0;  ///< bytes, by orders that have ended

  // Of the archive that is written.
  std::span<const packs::entry> entries_;
  std::vector<archive::zip_entry> zip_;
  archive::zip_layout layout_;
};

}  // namespace podstudio
