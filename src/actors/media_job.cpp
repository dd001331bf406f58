// SPDX-License-Identifier: MIT
#include "actors/media_job.hpp"

#include "actors/known_file.hpp"
#include "events/extension.hpp"
#include "jobs/kinds/metadata_answer.hpp"
#include "jobs/kinds/metadata_order.hpp"
#include "jobs/worker_pool.hpp"
#include "media/digest.hpp"
#include "media/preview.hpp"
#include "media/preview_cache.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"
#include "platform/volume.hpp"
#include "watch/places.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>

namespace podstudio {

namespace {

/// How many files the service opens, and a worker reads, at a time. An open file keeps its disk
/// from being unmounted and, on FUSE, its folder from being removed.
constexpr std::size_t batch_files_max = 16;

/// How long a worker may take for a batch, and for one file that is read by itself; and how much
/// processor time.
constexpr std::chrono::minutes batch_time_max(10), file_time_max(3);
constexpr std::uint64_t batch_cpu_seconds_max = 600, file_cpu_seconds_max = 180;

/// The most that a worker may write to each of its two outputs, which are in memory: 4 MiB per
/// file of a full batch. A batch that needs more is read file by file; a single file never does.
constexpr std::uint64_t batch_output_bytes_max = std::uint64_t{64} << 20;
static_assert(batch_output_bytes_max >= metadata_line_bytes_max * batch_files_max);
static_assert(batch_output_bytes_max >= media::preview_edges_px.size() * media::preview_bytes_max);

struct open_file {
  const media_input* what = nullptr;
  unique_fd fd;
};

bool is_known(const open_file& file) { return is_known(*file.what, file.fd.get()); }

/// Those that are as the catalog knows them. Error where there are not enough descriptors.
result<std::vector<open_file>> open_all(std::span<const media_input> inputs) {
  std::vector<open_file> files;
  last_root_folder folder;
  for (const auto& each : inputs) {
    auto fd = open_known(each, folder);
    if (!fd) return fd.failure();
    if (*fd) files.push_back({&each, *std::move(fd)});
  }
  return files;
}

std::string ordered_extension(const std::string& path) {
  auto extension = extension_of(path);
  return extension.size() <= metadata_extension_bytes_max ? std::string(extension) : std::string();
}

result<std::string> read_all(int fd, std::uint64_t size_bytes, std::uint64_t offset = 0) {
  std::string bytes(size_bytes, '\0');
  auto done = read_at(fd, bytes.data(), bytes.size(), offset);
  if (!done) return system_error()("cannot read what a worker answered");
  bytes.resize(*done);
  return bytes;
}

media_facts columns_of(const media::media_facts& facts) {
  return {facts.width, facts.height, facts.duration_sec, facts.samplerate_hz};
}

read_media to_read(const media_input& input, media::extracted found) {
  found.previews.clear();
  return {input.asset,
          input.path,
          input.sha256,
          input.media,
          columns_of(found.facts),
          static_cast<std::uint8_t>(media::extract_version),
          media::to_json(found)};
}

/// Of a file that cannot be read, so that it is not tried again until it changes.
read_media to_unreadable(const media_input& input, const std::string& reason) {
  media::extracted found;
  media::add_problem(found.facts, media::problem_kind::undecodable, reason);
  return to_read(input, std::move(found));
}

/// What a worker said of some files: of all if the job is completed, else of the first ones.
struct batch_outcome {
  job_outcome job;
  std::vector<file_answer> answers{};
  unique_fd previews{};  ///< the file in memory to which the worker wrote previews
};

struct batch_limits {
  std::chrono::milliseconds time;
  std::uint64_t cpu_seconds;
};

job_outcome end_with(job_ending ending, std::string text = {}) {
  job_outcome outcome;
  outcome.ending = ending;
  outcome.text = std::move(text);
  return outcome;
}

std::uint64_t size_of(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

bool has_ordered_previews(const file_answer& answer) {
  return std::ranges::all_of(answer.found.previews, [](const media::made_preview& made) {
    return std::ranges::find(media::preview_edges_px, made.edge_px)
           != media::preview_edges_px.end();
  });
}

std::uint64_t lines_bytes_max(std::size_t files) {
  return std::uint64_t{metadata_line_bytes_max} * files;
}

/// Parses and checks the answers for the first `files` files of a batch; their previews take
/// `preview_bytes` in all.
result<std::vector<file_answer>> checked_answers(std::string_view lines, std::size_t files,
                                                 std::uint64_t preview_bytes) {
  auto answers = parse_metadata_answer(lines, files, preview_bytes);
  if (answers && !std::ranges::all_of(*answers, has_ordered_previews))
    return error{error_code::damaged, "it made previews of sizes that were not requested"};
  return answers;
}

/// What a worker answered of the first files before it died: the lines that are whole.
std::vector<file_answer> answers_so_far(int lines, int previews, std::size_t files) {
  auto bytes = read_all(lines, std::min(size_of(lines), lines_bytes_max(files)));
  if (!bytes) return {};
  bytes->resize(bytes->rfind('\n') == std::string::npos ? 0 : bytes->rfind('\n') + 1);
  auto whole = static_cast<std::size_t>(std::ranges::count(*bytes, '\n'));
  if (whole == 0 || whole > files) return {};
  auto answers = checked_answers(*bytes, whole, size_of(previews));
  return answers ? *std::move(answers) : std::vector<file_answer>();
}

/// A file in memory for a worker to write to.
unique_fd make_output(const char* name) { return unique_fd(::memfd_create(name, MFD_CLOEXEC)); }

batch_outcome run_batch(worker_pool& workers, const job_task& task,
                        std::span<const open_file> files, batch_limits limits,
                        const job_observer& observer) {
  auto lines = make_output("podstudio-facts"), previews = make_output("podstudio-previews");
  if (!lines || !previews)
    return {end_with(job_ending::not_started, system_error()("cannot start a job").message)};
  metadata_order order;
  order.preview_edges_px.assign(media::preview_edges_px.begin(), media::preview_edges_px.end());
  order.skip_own_previews = true;
  job_order job;
  job.number = static_cast<std::uint64_t>(task.job);
  job.kind = metadata_extract_kind;
  for (const auto& file : files) {
    order.files.push_back({file.what->facts.size_bytes, ordered_extension(file.what->path)});
    job.inputs.push_back(file.fd.get());
  }
  job.parameters = to_parameters(order);
  job.outputs = {lines.get(), previews.get()};
  job.time_limit = limits.time;
  job.cpu_seconds = limits.cpu_seconds;
  job.output_bytes = batch_output_bytes_max;
  batch_outcome outcome{workers.run(job, observer, *task.cancel)};
  if (outcome.job.ending != job_ending::completed) {
    outcome.answers = answers_so_far(lines.get(), previews.get(), files.size());
  } else if (auto size = outcome.job.written[0]; size > lines_bytes_max(files.size())) {
    return {end_with(job_ending::bad_answer, "it wrote " + std::to_string(size)
                                                 + " bytes of facts, but may write at most "
                                                 + std::to_string(lines_bytes_max(files.size())))};
  } else {
    auto bytes = read_all(lines.get(), outcome.job.written[0]);
    if (!bytes) return {end_with(job_ending::io_failed, bytes.failure().message)};
    auto answers = checked_answers(*bytes, files.size(), outcome.job.written[1]);
    if (!answers) return {end_with(job_ending::bad_answer, answers.failure().message)};
    outcome.answers = std::move(*answers);
  }
  outcome.previews = std::move(previews);
  return outcome;
}

/// Whether a file may be to blame for the end of the worker that read it.
bool may_be_the_files(job_ending ending) {
  switch (ending) {
  case job_ending::completed:
  case job_ending::cancelled:
  case job_ending::unknown_kind:
  case job_ending::no_sandbox:
  case job_ending::not_started:
  case job_ending::killed:
  case job_ending::io_failed:
    return false;
  case job_ending::bad_parameters:
  case job_ending::bad_input:
  case job_ending::unsupported:
  case job_ending::out_of_memory:
  case job_ending::output_full:
  case job_ending::forbidden_call:
  case job_ending::defect:
  case job_ending::timed_out:
  case job_ending::cpu_limit:
  case job_ending::crashed:
  case job_ending::exited:
  case job_ending::bad_answer:
    return true;
  }
  return false;
}

/// Whether a failure may be over the next time the file is read.
bool may_pass(error_code code) {
  return code == error_code::io_failed || code == error_code::not_permitted
         || code == error_code::not_found;
}

/// Collects what workers report about a job's files, and keeps their previews.
class answer_taker {
public:
  explicit answer_taker(media::preview_cache& previews) : previews_(previews) {}

  /// Adds a batch's answers to `read`. A failed batch may have answers for its first files only.
  void take(std::span<const open_file> files, batch_outcome batch) {
    for (std::size_t i = 0; i < batch.answers.size(); ++i)
      take(files[i], std::move(batch.answers[i]), batch.previews.get());
  }

  std::vector<read_media> read;

private:
  /// Adds one answer, unless the file has changed meanwhile or cannot be read for now.
  void take(const open_file& file, file_answer answer, int previews) {
    if (!is_known(file) || (answer.failure && may_pass(answer.failure->code))) return;
    if (answer.failure) {
      read.push_back(to_unreadable(*file.what, answer.failure->message));
      return;
    }
    for (std::size_t i = 0; i < answer.found.previews.size(); ++i)
      keep(file, answer.found.previews[i], answer.preview_offsets[i], previews);
    read.push_back(to_read(*file.what, std::move(answer.found)));
  }

  void keep(const open_file& file, const media::made_preview& made, std::uint64_t offset,
            int from) {
    auto bytes = read_all(from, made.size_bytes, offset);
    auto kept = !bytes ? result<void>(bytes.failure())
                : !media::is_webp(*bytes)
                    ? error{error_code::damaged, "a worker made a preview that is not a WebP file"}
                    : previews_.store(file.what->sha256, made.edge_px, *bytes);
    // Previews can be made again at any time; a full disk must not hold up the facts.
    if (!kept && !failed_) spdlog::warn("{}", kept.failure().message);
    failed_ = failed_ || !kept;
  }

  media::preview_cache& previews_;
  bool failed_ = false;  ///< only the first failure of a job is logged
};

/// Reads a job's files in batches; stops at a failure that its files cannot have caused.
class job_reading {
public:
  job_reading(worker_pool& workers, media::preview_cache& previews, const job_task& task)
      : workers_(workers), task_(task), taken_(previews) {}

  job_report run() {
    const std::span<const media_input> inputs(task_.inputs);
    auto last = end_with(job_ending::completed);
    while (last.ending == job_ending::completed && done_ < inputs.size()) {
      auto next = inputs.subspan(done_, std::min(batch_files_max, inputs.size() - done_));
      last = read(next);
      done_ += next.size();
    }
    return {last.ending, std::move(last.text), joined(last.last_words, "\n"),
            std::move(taken_.read)};
  }

private:
  job_outcome read(std::span<const media_input> inputs) {
    auto opened = open_all(inputs);
    if (!opened) return end_with(job_ending::io_failed, opened.failure().message);
    const std::span<const open_file> files(*opened);
    if (files.empty()) return end_with(job_ending::completed);
    job_observer observer;
    observer.progress = [&](unsigned percent) {
      tell_progress(static_cast<double>(percent) / 100.0 * static_cast<double>(files.size()));
    };
    auto all = run_batch(workers_, task_, files, {batch_time_max, batch_cpu_seconds_max}, observer);
    auto job = all.job;
    auto answered = all.answers.size();
    taken_.take(files, std::move(all));
    return may_be_the_files(job.ending) ? read_one_by_one(files, answered) : job;
  }

  /// Reads the files from `begin` on one at a time, so that only files that make a worker fail end
  /// up without facts.
  job_outcome read_one_by_one(std::span<const open_file> files, std::size_t begin) {
    for (auto i = begin; i < files.size(); ++i) {
      tell_progress(static_cast<double>(i));
      const auto alone = files.subspan(i, 1);
      auto one = run_batch(workers_, task_, alone, {file_time_max, file_cpu_seconds_max}, {});
      if (one.job.ending == job_ending::completed)
        taken_.take(alone, std::move(one));
      else if (!may_be_the_files(one.job.ending))
        return std::move(one.job);
      else if (is_known(files[i]))
        taken_.read.push_back(to_unreadable(*files[i].what, "it cannot be read: " + one.job.text));
    }
    return end_with(job_ending::completed);
  }

  void tell_progress(double files_of_batch) const {
    task_.progress(100.0 * (static_cast<double>(done_) + files_of_batch)
                   / static_cast<double>(task_.inputs.size()));
  }

  worker_pool& workers_;
  const job_task& task_;
  answer_taker taken_;
  std::size_t done_ = 0;  ///< files in earlier batches
};

}  // namespace

job_report run_media_job(worker_pool& workers, media::preview_cache& previews,
                         const job_task& task) {
  return job_reading(workers, previews, task).run();
}

}  // namespace podstudio
