// SPDX-License-Identifier: MIT
#include "actors/export_job.hpp"

#include "actors/export_archive.hpp"
#include "actors/export_pictures.hpp"
#include "actors/export_plan.hpp"
#include "archive/layout.hpp"
#include "archive/manifest.hpp"
#include "archive/zip_reader.hpp"
#include "jobs/worker_pool.hpp"
#include "packs/split.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

/// How many names are tried for an archive: `foxes.zip`, `foxes-2.zip` ...
constexpr std::size_t names_max = 10'000;

using failure = std::optional<job_report>;

/// An archive of the export, from its plan to its name.
struct made_archive {
  std::optional<unpublished_file> file{};  ///< once it is written
  digest sha256{};
  std::uint64_t size_bytes = 0;
  std::string path{};
  std::uint64_t device = 0, inode = 0;  ///< of the file that was written
  bool is_there = false;                ///< an earlier attempt finished it
};

/// Nobody else's file loses its name, whatever was moved there meanwhile.
void unlink_if_same(const std::string& path, std::uint64_t device, std::uint64_t inode) noexcept {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0 && facts.st_dev == device && facts.st_ino == inode)
    (void)::unlink(path.c_str());
}

class export_run {
public:
  export_run(const export_tools& tools, const job_task& task, worker_pool& workers)
      : tools_(tools), task_(task), input_(*task.exports), files_(input_.files),
        maker_(workers, task, [this](std::uint64_t bytes) { tell(bytes); }) {}

  job_report run() {
    if (auto free = check_place(); !free) return failed_export(free.failure(), true);
    auto plan = input_.past ? plan_again(input_) : plan_now(input_);
    if (no_pictures_) return *std::exchange(no_pictures_, std::nullopt);
    if (!plan) return failed_export(plan.failure(), true);
    plan_ = *std::move(plan);
    made_.resize(plan_.archives.size());
    for (const auto& each : plan_.archives)
      for (const auto& entry : each.entries)
        bytes_ += entry.size_bytes;
    if (auto failed = check_files()) return *std::move(failed);
    if (auto failed = make_all()) return *std::move(failed);
    return report();
  }

private:
  /// The pictures are made once, as they are the same at each log position.
  result<export_plan> plan_now(const export_input& input) {
    return plan_export(
        input, tools_.folder,
        [this](const packs::profile& of) -> result<std::vector<packs::entry>> {
          if (pictures_) return *pictures_;
          std::vector<packs::entry> made;
          no_pictures_ =
              picture_maker(tools_.worker, task_, files_).make(input_.snapshot, of, made);
          if (no_pictures_) return error{error_code::refused, no_pictures_->text};
          return *(pictures_ = std::move(made));
        });
  }

  void tell(std::uint64_t bytes) const {
    // Every byte is copied, and read back.
    constexpr double passes = 2, all = 100;
    if (bytes_ > 0)
      task_.progress(
          std::min(all, all * static_cast<double>(bytes) / (passes * static_cast<double>(bytes_))));
  }

  failure cancelled() const {
    if (!task_.cancel->asked()) return std::nullopt;
    return failed_export(job_ending::cancelled, "the job was cancelled");
  }

  /// Looks at all files first: who has to repair ten of them is not to learn of one at a time.
  failure check_files() {
    std::vector<std::string> gone, changed;
    for (const auto& archive : plan_.archives)
      for (const auto& entry : archive.entries) {
        if (!entry.asset) continue;
        if (auto asked = cancelled()) return asked;
        auto fd = files_.open(entry);
        if (!fd) return failed_export(fd.failure());
        if (!*fd)
          (input_.files.contains(entry.sha256) ? changed : gone).push_back(files_.path_of(entry));
      }
    std::string text;
    if (!gone.empty())
      text = "no file of the library has the content of " + list_of_names(gone)
             + "; bring the files back, from a copy or an archive, and import them";
    if (!changed.empty())
      text +=
          (text.empty() ? "" : "; ") + list_of_names(changed)
          + (changed.size() == 1 ? " has" : " have")
          + " changed, or gone, without being catalogued again; use 'podstudio sync', or import "
            "the folder again";
    if (text.empty()) return std::nullopt;
    return failed_export(job_ending::bad_input, text, true);
  }

  // --- names ---

  std::string folder() const {
    return input_.asked.output ? folder_of(*input_.asked.output) : tools_.folder.packs();
  }

  /// In the data folder, a new file would be taken for a part of the log, a setting or a key.
  result<void> check_place() const {
    namespace fs = std::filesystem;
    if (!input_.asked.output) return {};
    std::error_code failed;  // where there is no such folder, `make` tells
    auto at = fs::weakly_canonical(folder(), failed).string();
    auto root = fs::weakly_canonical(tools_.folder.root, failed).string();
    auto packs = fs::weakly_canonical(tools_.folder.packs(), failed).string();
    if (root.empty() || !lies_within(at, root) || lies_within(at, packs)) return {};
    return error{error_code::refused, in_quotes(*input_.asked.output)
                                          + " is in the data folder, outside its packs/; choose "
                                            "another folder"};
  }

  /// The name without `.zip` that is tried as the `number`th, from 1 on; nothing behind the last.
  std::optional<std::string> stem(std::size_t number) const {
    if (input_.asked.output && number > 1) return std::nullopt;
    if (!input_.asked.output) {
      auto counted = plan_.stem;
      if (number > 1) counted.append("-").append(std::to_string(number));
      return counted;
    }
    auto name = input_.asked.output->substr(input_.asked.output->rfind('/') + 1);
    if (name.ends_with(".zip")) name.resize(name.size() - 4);
    return name;
  }

  std::string path_of(const std::string& stem, std::size_t index) const {
    if (input_.asked.output && made_.size() == 1) return *input_.asked.output;
    return folder() + "/" + packs::archive_name(stem, index + 1, made_.size());
  }

  static error taken(const std::string& path) {
    return {error_code::refused,
            in_quotes(path) + " exists already; choose another name, or move it away"};
  }

  /// Whether each archive can have its name: it is free, or an earlier attempt gave it.
  result<void> choose(const std::string& stem) {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      made_[i].path = path_of(stem, i);
      made_[i].is_there = false;
      struct stat facts {};
      if (::lstat(made_[i].path.c_str(), &facts) != 0) continue;  // `make` tells what is wrong
      if (input_.attempt < 2) return taken(made_[i].path);
      auto named = open_named(i);
      if (named && plan_like(i, named->manifest)) return choose(stem);
      if (!named || named->manifest != manifest_of(i) || !is_whole(i, *named))
        return taken(made_[i].path);
      made_[i].is_there = true;
    }
    return {};
  }

  /// A file that has the name of one of the archives.
  struct named_file {
    unique_fd fd;
    std::uint64_t size_bytes = 0;
    std::string manifest;
  };

  std::optional<named_file> open_named(std::size_t index) const {
    named_file named{unique_fd(
        ::open(made_[index].path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))};
    struct stat facts {};
    if (!named.fd || ::fstat(named.fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
      return std::nullopt;
    auto listing = archive::read_listing(named.fd.get());
    if (!listing || listing->flaw) return std::nullopt;
    auto found =
        std::ranges::find(listing->entries, archive::manifest_name, &archive::zip_entry::name);
    if (found == listing->entries.end() || found->size_bytes > archive::manifest_bytes_max)
      return std::nullopt;
    auto at = static_cast<std::size_t>(found - listing->entries.begin());
    named.size_bytes = static_cast<std::uint64_t>(facts.st_size);
    named.manifest.resize(found->size_bytes);
    if (read_at(named.fd.get(), named.manifest.data(), named.manifest.size(),
                listing->layout.content_offsets[at])
        != named.manifest.size())
      return std::nullopt;
    return named;
  }

  /// That of the plan; every plan has one.
  std::string_view manifest_of(std::size_t index) const {
    const auto& entries = plan_.archives[index].entries;
    auto found = std::ranges::find(entries, archive::manifest_name, &packs::entry::name);
    return found == entries.end() ? std::string_view() : found->text;
  }

  /// The library may have changed since an earlier attempt gave an archive its name. If the
  /// archive's manifest differs from the plan's only in the log position, plans the export again
  /// at that position. Archives of other exports differ in more: each export that ends changes the
  /// time of the pack.
  bool plan_like(std::size_t index, const std::string& manifest) {
    constexpr std::size_t position_digits = 20;
    const auto planned = manifest_of(index);
    const auto [smaller, larger] = std::minmax({planned.size(), manifest.size()});
    if (input_.past || own_plan_ || planned == manifest || larger - smaller > position_digits)
      return false;
    auto theirs = archive::parse_manifest(manifest), ours = archive::parse_manifest(planned);
    if (!theirs || !ours || theirs->sequence > ours->sequence) return false;
    ours->sequence = theirs->sequence;
    ours->head_hash = theirs->head_hash;
    if (*ours != *theirs) return false;
    auto then = input_;
    then.snapshot.sequence = theirs->sequence;
    then.snapshot.head_hash = theirs->head_hash;
    auto plan = plan_now(then);
    if (!plan || plan->archives.size() != made_.size()) return false;
    own_plan_ = std::exchange(plan_, *std::move(plan));
    discard_made();
    return true;
  }

  /// What was planned like an archive that turned out not to be a whole one is no plan.
  void return_to_own_plan() {
    if (!own_plan_) return;
    plan_ = *std::exchange(own_plan_, std::nullopt);
    discard_made();
  }

  void discard_made() {
    for (auto& made : made_)
      made.file.reset();
  }

  /// Whether the archive is complete and undamaged: its manifest determines every byte of it.
  bool is_whole(std::size_t index, const named_file& named) {
    made_[index].size_bytes = named.size_bytes;
    auto failed =
        maker_.verify(named.fd.get(), named.size_bytes, plan_.signed_by, made_[index].sha256);
    // Where it could not be checked, another attempt has to.
    if (failed && failed->ending != job_ending::bad_input) unchecked_ = std::move(failed);
    return !failed;
  }

  // --- making ---

  failure make_all() {
    error last;
    for (std::size_t number = 1; number <= names_max; ++number) {
      auto name = stem(number);
      if (!name) break;
      auto chosen = choose(*name);
      if (unchecked_) return std::exchange(unchecked_, std::nullopt);
      for (std::size_t i = 0; i < made_.size() && chosen; ++i)
        if (!made_[i].is_there && !made_[i].file)
          if (auto failed = make(i)) return failed;
      if (auto asked = cancelled()) return asked;
      if (chosen) chosen = publish();
      if (chosen) return std::nullopt;
      last = chosen.failure();
      if (last.code != error_code::refused) return failed_export(last);
      return_to_own_plan();
    }
    return failed_export(last, true);
  }

  failure make(std::size_t index) {
    auto& made = made_[index];
    auto file = unpublished_file::make(folder());
    if (!file) return failed_export(file.failure(), file.failure().code != error_code::io_failed);
    const auto& entries = plan_.archives[index].entries;
    if (auto failed = maker_.write(entries, plan_.time, files_, *file)) return failed;
    if (auto asked = cancelled()) return asked;
    auto written = file->open_to_read();
    struct stat facts {};
    if (!written) return failed_export(written.failure());
    if (::fstat(written->get(), &facts) != 0)
      return failed_export(system_error()("cannot read the archive"));
    made.size_bytes = static_cast<std::uint64_t>(facts.st_size);
    made.device = facts.st_dev;
    made.inode = facts.st_ino;
    if (auto failed = maker_.verify(written->get(), made.size_bytes, plan_.signed_by, made.sha256))
      return failed;
    if (input_.past && to_hex(made.sha256) != input_.past->sha256)
      return failed_export(job_ending::defect,
                           "the archive that was made has other bytes than export "
                               + std::to_string(input_.past->sequence) + "; please report it",
                           true);
    made.file.emplace(*std::move(file));
    return std::nullopt;
  }

  /// All names, or none.
  result<void> publish() {
    if (std::ranges::any_of(made_, &made_archive::is_there))
      if (auto synced = sync_folder(); !synced) return synced;
    for (std::size_t i = 0; i < made_.size(); ++i) {
      if (made_[i].is_there) continue;
      auto done = made_[i].file->publish(made_[i].path.substr(made_[i].path.rfind('/') + 1));
      if (done) continue;
      // The last one has its name, too, if only the folder could not be synced.
      bool is_named = done.failure().code != error_code::refused;
      for (auto& before : std::span(made_).first(is_named ? i + 1 : i)) {
        if (before.is_there) continue;
        unlink_if_same(before.path, before.device, before.inode);
        before.file.reset();  // it cannot get another name
      }
      return done;
    }
    return {};
  }

  /// An earlier attempt may have ended between a name and this.
  result<void> sync_folder() const {
    unique_fd opened(::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0)
      return system_error()("cannot sync " + in_quotes(folder()));
    return {};
  }

  job_report report() {
    job_report done;
    done.ending = job_ending::completed;
    if (!input_.past) done.pack = input_.pack;
    for (std::size_t i = 0; i < made_.size(); ++i) {
      auto& finished = done.exported.emplace_back();
      finished.path = made_[i].path;
      finished.at_us = now_us();
      if (!made_[i].is_there)
        done.named.push_back({made_[i].path, made_[i].device, made_[i].inode});
      if (input_.past) continue;
      auto& planned = plan_.archives[i];
      finished.made.sha256 = made_[i].sha256;
      finished.made.size_bytes = made_[i].size_bytes;
      finished.made.assets = static_cast<std::uint64_t>(std::ranges::count_if(
          planned.entries, [](const packs::entry& each) { return each.asset.has_value(); }));
      finished.made.sequence = plan_.sequence;
      finished.made.head_hash = plan_.head_hash;
      finished.made.profile = plan_.profile;
      finished.made.texts.bytes = std::move(planned.texts);
    }
    return done;
  }

  const export_tools& tools_;
  const job_task& task_;
  const export_input& input_;
  content_files files_;
  archive_maker maker_;
  export_plan plan_;
  std::vector<made_archive> made_;       ///< of the plan's archives
  std::uint64_t bytes_ = 0;              ///< of all entries
  std::optional<export_plan> own_plan_;  ///< while `plan_` is that of an earlier attempt
  std::optional<std::vector<packs::entry>> pictures_;  ///< of the pack, once they are made
  failure no_pictures_{};                              ///< why they could not be
  failure unchecked_{};  ///< why a file could not be checked, which may be one of the archives
};

}  // namespace

job_report run_export_job(const export_tools& tools, const job_task& task) {
  worker_pool_options options;
  options.worker = tools.worker;
  auto workers = worker_pool::make(std::move(options));
  if (!workers) return failed_export(job_ending::not_started, workers.failure().message);
  return export_run(tools, task, **workers).run();
}

void withdraw(const std::vector<named_result>& archives) noexcept {
  for (const auto& each : archives)
    unlink_if_same(each.path, each.device, each.inode);
}

job_runner_actor::behavior_type
export_runner(job_runner_actor::stateful_pointer<export_runner_state>,
              std::shared_ptr<const export_tools> tools) {
  return {
      [tools](run_atom, const job_task_ptr& task) {
        auto report = std::make_shared<job_report>();
        try {
          *report = run_export_job(*tools, *task);
        } catch (const std::exception& failure) {  // no memory, most likely
          *report = failed_export(job_ending::defect, failure.what());
        }
        return job_report_ptr(std::move(report));
      },
  };
}

}  // namespace podstudio
