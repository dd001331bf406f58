// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE interference
#include "system/console.hpp"
#include "system/curators.hpp"
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iomanip>
#include <random>
#include <sstream>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

/// What others do to the files and the process of a service while several clients give commands:
/// whatever it is, what was acknowledged is kept, or its loss is told of; no file outside is
/// touched; and the service can be ended.

namespace {

constexpr uid_t nobody = 65534;

/// A service has this long to end, and a busy machine a little longer.
constexpr milliseconds end_max = 10s, end_at_once_max = 1s, slack = 3s;

template <class Action>
class scope_exit {
public:
  explicit scope_exit(Action action) : action_(std::move(action)) {}
  scope_exit(const scope_exit&) = delete;
  scope_exit& operator=(const scope_exit&) = delete;
  ~scope_exit() { action_(); }

private:
  Action action_;
};

/// What is done to a file or a folder.
enum class deed : std::uint8_t {
  remove,
  copy,          ///< a copy takes its place
  link,          ///< a link to where it was moved
  outside_link,  ///< a link to something of somebody else's
  pipe,
  folder,
  rename,
  cut,
  zero,       ///< a part of it
  forbid,     ///< chmod 0
  open_up,    ///< chmod 0777
  give_away,  ///< chown
};
constexpr const char* deed_names[] = {"removed",
                                      "replaced by a copy",
                                      "replaced by a link to it",
                                      "replaced by a link outside",
                                      "replaced by a pipe",
                                      "replaced by a folder",
                                      "renamed",
                                      "cut",
                                      "zeroed in part",
                                      "closed to all",
                                      "opened to all",
                                      "given to another user"};
constexpr auto deed_count = std::size(deed_names);

constexpr bool moves_away(deed what) {
  return what == deed::link || what == deed::outside_link || what == deed::pipe
         || what == deed::folder || what == deed::rename;
}
constexpr bool changes_rights(deed what) {
  return what == deed::forbid || what == deed::open_up || what == deed::give_away;
}

/// What it is done to.
enum class part : std::uint8_t { other, active_segment, sealed_segment, log, data };
struct target {
  const char* name;
  const char* path;  ///< in the data folder
  part what = part::other;
};
constexpr target targets[] = {
    {"the data folder/", "", part::data},
    {"the log/", "/log", part::log},
    {"the active segment", "", part::active_segment},
    {"a sealed segment", "", part::sealed_segment},
    {"the next segment", "/log/next.tmp"},
    {"the tables", "/podstudio.db"},
    {"the tables' WAL", "/podstudio.db-wal"},
    {"the WAL's index", "/podstudio.db-shm"},
    {"run/", "/run"},
    {"run/lock", "/run/lock"},
    {"run/service.lock", "/run/service.lock"},
    {"run/console.json", "/run/console.json"},
    {"logs/", "/logs"},
    {"the service log", "/logs/podstudio.log"},
    {"cache/", "/cache"},
    {"work/", "/work"},
    {"tls/", "/tls"},
    {"the key", "/tls/console.key"},
    {"the certificate", "/tls/console.crt"},
    {"config.toml", "/config.toml"},
};

/// What is done to the process or to what is around it.
enum class event : std::uint8_t {
  no_files,
  no_memory,
  no_threads,
  small_files,
  frozen,
  full_disk,
  hung_folder,
  killed,
};
constexpr const char* event_names[] = {
    "no more open files",   "no more memory",      "no more threads",        "files may not grow",
    "stopped for a moment", "no room on the disk", "a watched folder hangs", "killed",
};
constexpr auto event_count = std::size(event_names);

struct tally {
  std::map<std::string, std::size_t> interferences, ends;
  std::size_t rounds = 0, libraries = 0, acknowledged = 0, found = 0, refused = 0, asked = 0;

  void print(std::uint64_t seed) const {
    std::ostringstream text;
    text << "seed " << seed << ": " << rounds << " rounds on " << libraries << " libraries\n";
    for (const auto* counts : {&interferences, &ends}) {
      for (const auto& [name, count] : *counts)
        text << std::setw(8) << count << "  " << name << '\n';
      text << '\n';
    }
    text << "commands: " << acknowledged << " acknowledged, " << refused << " refusals, " << found
         << " found in the logs that were left; " << asked << " other commands";
    BOOST_TEST_MESSAGE(text.str());
  }
};

/// Somebody else's files. Nothing may happen to them.
class canaries {
public:
  explicit canaries(std::string folder) : folder_(std::move(folder)) {
    make_file(file(), "dear\n");
    make_file(this->folder() + "/letter.txt", "dear\n");
    seen_ = look();
  }
  std::string file() const { return folder_ + "/file"; }
  std::string folder() const { return folder_ + "/folder"; }
  /// Names, bytes, rights and times.
  bool are_untouched() const { return look() == seen_; }
  std::string difference() const { return "before:\n" + seen_ + "now:\n" + look(); }

private:
  std::string look() const {
    std::ostringstream all;
    words paths{folder_};
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      struct stat facts {};
      BOOST_TEST_REQUIRE(::lstat(path.c_str(), &facts) == 0);
      all << path << ' ' << facts.st_mode << ' ' << facts.st_uid << ' ' << facts.st_mtim.tv_sec
          << '.' << facts.st_mtim.tv_nsec << ' ' << facts.st_nlink << '\n';
      if (S_ISREG(facts.st_mode)) all << read_file(path) << '\n';
    }
    return all.str();
  }

  std::string folder_, seen_;
};

/// A small file system in memory, where that is permitted, until the end of the scope.
class small_disk {
public:
  small_disk(std::string at, bool wanted) : at_(std::move(at)) {
    make_folder(at_);
    mounted_ = wanted && ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=64m,mode=0700") == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }

  void fill() const {
    std::ofstream to(at_ + "/ballast", std::ios::binary);
    static const std::string page(4096, 'b');
    while (to << page << std::flush) {
    }
  }
  void make_room() const { ::unlink((at_ + "/ballast").c_str()); }

private:
  std::string at_;
  bool mounted_ = false;
};

/// A folder whose file system, in a process of its own, can be stopped.
class stopping_folder {
public:
  explicit stopping_folder(const std::string& at) : at_(at) {
    make_folder(at);
    auto image = at + ".image";
    bool made = run({{"truncate", "--size", "4M", image}}).code == 0
                && run({{"mkfs.exfat", image}}).code == 0;
    auto attached = run({{"losetup", "-f", "--show", image}});
    if (!made || attached.code != 0) return;
    device_ = attached.out.substr(0, attached.out.find('\n'));
    driver_ = std::make_unique<process>(launch{{"mount.exfat-fuse", "-d", device_, at}});
    struct stat above {};
    struct stat there {};
    mounted_ = ::stat(fs::path(at).parent_path().c_str(), &above) == 0 && eventually([&] {
                 return !driver_->runs()
                        || (::stat(at.c_str(), &there) == 0 && there.st_dev != above.st_dev);
               })
               && driver_->runs();
    if (mounted_) make_file(at + "/far.png", "a picture on a disk far away");
  }
  stopping_folder(const stopping_folder&) = delete;
  stopping_folder& operator=(const stopping_folder&) = delete;
  ~stopping_folder() {
    if (mounted_) {
      go_on();
      ::umount2(at_.c_str(), MNT_DETACH);
      driver_->finish();
    }
    driver_.reset();
    if (!device_.empty()) run({{"losetup", "-d", device_}});
  }
  bool is_mounted() const { return mounted_; }
  void stop() const { driver_->signal(SIGSTOP); }
  void go_on() const { driver_->signal(SIGCONT); }

private:
  std::string at_, device_;
  std::unique_ptr<process> driver_;
  bool mounted_ = false;
};

bool may_mount() {
  static const bool may = [] {
    temp_folder folder;
    return small_disk(folder.path + "/disk", true).is_mounted();
  }();
  return may;
}

/// Where the log may lie on a disk of its own, so that it can be filled up.
struct disk_and_space {
  explicit disk_and_space(bool in_memory) : disk(space.path + "/disk", in_memory) {}
  workspace space;
  small_disk disk;
  canaries outside{space.path + "/outside"};
};

class disturbed_library : disk_and_space, curated_library {
public:
  disturbed_library(std::mt19937_64& random, bool in_memory, tally& counts)
      : disk_and_space(in_memory),
        curated_library(library(space.path + "/disk/data"), space.root, random), random_(random),
        counts_(counts) {
    std::ofstream(data() + "/config.toml", std::ios::app) << "poll_seconds = 1\n";
    ++counts_.libraries;
  }
  ~disturbed_library() {
    counts_.acknowledged += acknowledged();
    counts_.found += found();
    for (const auto& person : people)
      counts_.refused += person.refused;
  }

  /// One round; false where nothing more can come of this library.
  bool go_through(std::size_t round) {
    destroyed_ = gone_ = must_stop_ = false;
    what_.clear();
    step_ = "starting";
    auto begun = clock::now();
    try {
      if (!running_) running_.emplace(podstudio);
      work();
      take_stock(round);
    } catch (const std::exception& failure) {
      BOOST_ERROR("round " << round << ": " << what_ << ": " << step_ << ": " << failure.what());
      return false;
    }
    constexpr milliseconds unusual = 25s;
    auto took = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
    if (took > unusual)
      BOOST_TEST_MESSAGE("round " << round << ": " << what_ << ": took " << took.count() << " ms");
    return !lost_ && !is_touched_;
  }
  void end() {
    if (!running_) return;
    what_.clear();
    end_service();
    running_.reset();
  }

private:
  // --- what happens meanwhile ---

  struct progress {
    std::atomic<std::size_t> done = 0, refused = 0;
    std::atomic<bool> gone = false;
    std::size_t too_late = 0;  ///< commands that were given after the log was gone, and taken
    std::string failure;
  };
  using all_progress = std::array<progress, curators>;

  const std::string& data() const { return podstudio.data(); }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t several) { return below(several) == 0; }

  /// Clients give commands before, while and after something happens.
  void work() {
    step_ = "working";
    all_progress all;
    std::atomic<bool> stop = false;
    {
      auto first = connect(), second = connect();
      std::vector<std::jthread> working;
      for (std::size_t i = 0; i < people.size(); ++i)
        working.emplace_back(
            [&, i] { curate(people[i], i % 2 == 0 ? *first : *second, all[i], stop); });
      working.emplace_back([&] { ask(stop); });
      // Before they are waited for, whatever happens: what waits for an answer waits for the end of
      // what was done to it.
      scope_exit calm_down([&] {
        stop = true;
        for (auto undo = for_now_.rbegin(); undo != for_now_.rend(); ++undo)
          (*undo)();
        for_now_.clear();
      });
      bool wants_sealed = segments() < 2 && one_in(2);
      until_more(all, 1 + below(4), [&] { return wants_sealed && segments() < 2; });
      disturb();
      until_more(all, 1 + below(6), [] { return false; });
    }
    for (const auto& each : all) {
      BOOST_TEST(each.failure.empty(), what_ << ": " << each.failure);
      BOOST_TEST(each.too_late == 0u, what_
                                          << ": " << each.too_late
                                          << " commands were acknowledged after the log was gone");
    }
  }

  /// A service that finds its tables harmed builds them anew, and starts over within its process.
  std::unique_ptr<console> connect() {
    std::unique_ptr<console> to;
    std::string failure;
    bool connected = eventually([&] {
      try {
        to = std::make_unique<console>(podstudio);
      } catch (const std::runtime_error& why) {
        failure = why.what();
      }
      return to != nullptr || !running_->running().runs();
    });
    if (!connected || !to) throw std::runtime_error(failure + "; the service said:\n" + said());
    return to;
  }

  /// For a message of a failure.
  std::string said() {
    constexpr std::size_t last_bytes = 3000;
    auto log = data() + "/logs/podstudio.log";
    auto text = running_->running().err();
    if (fs::is_regular_file(log)) text += read_file(log);
    return text.substr(text.size() - std::min(text.size(), last_bytes));
  }

  /// Until everybody was answered so often, or the service is gone, or enough time has passed: a
  /// service whose process is stopped answers nobody.
  template <class More>
  void until_more(all_progress& all, std::size_t answers, More more) {
    std::array<std::size_t, curators> before{};
    auto answered = [](const progress& each) { return each.done + each.refused; };
    std::ranges::transform(all, before.begin(), answered);
    constexpr milliseconds patience = 3s;
    eventually(
        [&] {
          if (!running_->running().runs()) return true;
          if (more()) return false;
          for (std::size_t i = 0; i < all.size(); ++i)
            if (answered(all[i]) < before[i] + answers && !all[i].gone) return false;
          return true;
        },
        patience);
  }

  void curate(curator& person, console& to, progress& of, const std::atomic<bool>& stop) {
    try {
      while (!stop && !of.gone) {
        bool is_late = must_stop_ && !person.is_waiting();
        switch (person.step(to)) {
        case curator::outcome::done:
          ++of.done;
          of.too_late += is_late ? 1 : 0;
          break;
        case curator::outcome::refused:
          ++of.refused;
          std::this_thread::sleep_for(2ms);  // as nobody asks again at once
          break;
        case curator::outcome::gone:
          of.gone = true;
          break;
        }
      }
    } catch (const std::exception& failure) {
      // A service that ends may do so in the middle of an answer.
      of.gone = true;
      std::string_view what = failure.what();
      if (what.find("console failed") == std::string_view::npos) of.failure = what;
    }
  }

  /// Somebody who looks on, with commands that may well fail, but end.
  void ask(const std::atomic<bool>& stop) {
    const words questions[] = {
        {"status"},      {"asset", "list"},           {"log", "show", "--reverse", "--limit", "5"},
        {"log", "head"}, {"history", "--limit", "3"}, {"backup", space.path + "/backup"}};
    for (std::size_t i = counts_.rounds; !stop; ++i) {
      const auto& question = questions[i % std::size(questions)];
      try {
        auto answer = podstudio(question);
        ++counts_.asked;
        if (answer.code < 0 || (answer.code > 0 && answer.err.empty()))
          asking_failed_ += question[0] + ": " + answer.text();
      } catch (const std::exception& failure) {
        asking_failed_ += question[0] + ": " + failure.what();
      }
    }
  }

  // --- what is done ---

  void disturb() {
    auto times = one_in(4) ? 2 : 1;
    for (int i = 0; i < times && !destroyed_ && running_->running().runs(); ++i) {
      if (one_in(4))
        let_happen();
      else
        harm_a_file();
    }
  }

  /// False where it cannot be done to that file.
  bool do_to(const target& what, deed how) {
    // All at once for the service: what it acknowledged before is in a copy, and no more.
    scope_exit go_on([this] { running_->running().signal(SIGCONT); });
    return freeze() && do_to_frozen(what, how);
  }

  /// Stops the process, and waits until it has stopped.
  bool freeze() {
    auto& of = running_->running();
    of.signal(SIGSTOP);
    return eventually([&] { return !of.runs() || is_frozen(); }) && of.runs();
  }

  bool is_frozen() const {
    std::ifstream from("/proc/" + std::to_string(running_->pid()) + "/stat");
    std::string text{std::istreambuf_iterator<char>(from), {}};
    auto state = text.find_last_of(')') + 2;
    return state < text.size() && text[state] == 'T';
  }

  bool do_to_frozen(const target& what, deed how) {
    auto path = path_of(what);
    if (how == deed::pipe && path.find("/tls") != std::string::npos) return false;
    // That is another data folder, as good as one that a person names.
    if (how == deed::outside_link && what.what == part::data) return false;
    struct stat facts {};
    if (path.empty() || ::lstat(path.c_str(), &facts) != 0) return false;
    bool folder = S_ISDIR(facts.st_mode);
    if (!folder && !S_ISREG(facts.st_mode)) return false;
    if ((how == deed::cut || how == deed::zero) && (folder || facts.st_size == 0)) return false;
    if (how == deed::give_away && ::geteuid() != 0) return false;
    if (path.ends_with(".toml") && !moves_away(how))
      at_last_.push_back([path, text = read_file(path)] { write_file(path, text); });
    bool done = false;
    try {
      done = harm(path, how, folder, facts);
    } catch (const fs::filesystem_error&) {
      // What was done before forbids it.
    }
    if (done) note(what, how);
    return done;
  }

  void harm_a_file() {
    constexpr int tries = 100;
    for (int i = 0; i < tries; ++i) {
      const auto& what = targets[below(std::size(targets))];
      auto how = static_cast<deed>(below(deed_count));
      if (!do_to(what, how)) continue;
      remember(std::string(what.name) + " " + deed_names[static_cast<std::size_t>(how)]);
      return;
    }
  }

  void remember(const std::string& name) {
    what_ += (what_.empty() ? "" : ", ") + name;
    ++counts_.interferences[name];
  }

  std::string path_of(const target& what) {
    auto at = data() + what.path;
    if (what.what != part::active_segment && what.what != part::sealed_segment) return at;
    auto log = data() + "/log";
    if (::access(log.c_str(), R_OK | X_OK) != 0 || !fs::is_directory(log)) return "";
    auto all = segments_of(data());
    if (what.what == part::active_segment) return all.empty() ? "" : all.back();
    return all.size() < 2 ? "" : all[below(all.size() - 1)];
  }

  bool harm(const std::string& path, deed how, bool folder, const struct stat& facts) {
    auto aside = path + ".aside";
    if (moves_away(how)) {
      fs::rename(path, aside);
      at_last_.push_back([path, aside] {
        if (!fs::exists(fs::symlink_status(aside))) return;  // it went with its folder
        // A service that was started meanwhile and missed nothing goes on in a segment of its own.
        if (path.ends_with(".log") && fs::symlink_status(path).type() == fs::file_type::regular) {
          fs::remove(aside);
          return;
        }
        fs::remove_all(path);
        fs::rename(aside, path);
      });
    }
    switch (how) {
    case deed::remove:
      fs::remove_all(path);
      return true;
    case deed::copy: {
      auto made = path + ".copy";
      bool is_made = run({{"cp", "-a", path, made}}).code == 0;
      if (!is_made) return false;
      fs::remove_all(path);
      fs::rename(made, path);
      return true;
    }
    case deed::link:
      fs::create_symlink(aside, path);
      return true;
    case deed::outside_link:
      fs::create_symlink(folder ? outside.folder() : outside.file(), path);
      return true;
    case deed::pipe:
      return ::mkfifo(path.c_str(), 0600) == 0;
    case deed::folder:
      fs::create_directory(path);
      return true;
    case deed::rename:
      return true;
    case deed::cut:
      cut_to_ = below(used_bytes(path));
      fs::resize_file(path, cut_to_);
      return true;
    case deed::zero: {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      auto used = used_bytes(path);
      auto begin = below(used);
      file.seekp(static_cast<std::streamoff>(begin));
      file << std::string(1 + below(used - begin), '\0');
      return true;
    }
    case deed::forbid:
    case deed::open_up: {
      auto mode = facts.st_mode & 07777;
      at_last_.push_back([this, path, mode] {
        ::chmod(path.c_str(), mode);
        // What was the next segment may have its name by now.
        if (fs::is_directory(data() + "/log"))
          for (const auto& segment : segments_of(data()))
            if (!fs::is_symlink(segment)) ::chmod(segment.c_str(), S_IRUSR | S_IWUSR);
      });
      return ::chmod(path.c_str(), how == deed::forbid ? 0 : 0777) == 0;
    }
    case deed::give_away:
      at_last_.push_back([path, facts] {
        // A segment that was prepared has its own name by now, and another is prepared in its
        // place.
        std::error_code gone;
        for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path(), gone)) {
          struct stat now {};
          if (::lstat(entry.path().c_str(), &now) == 0 && now.st_ino == facts.st_ino)
            (void)!::lchown(entry.path().c_str(), facts.st_uid, facts.st_gid);
        }
      });
      return ::lchown(path.c_str(), nobody, nobody) == 0;
    }
    return false;
  }

  /// Of a segment what holds frames, of others all.
  static std::uint64_t used_bytes(const std::string& path) {
    auto size = fs::file_size(path);
    if (!path.ends_with(".log") || size <= header_bytes) return size;
    return frames_of(read_file(path)).back();
  }

  /// What must come of it: whether bytes of the log are gone for good, and whether the service can
  /// tell at its next command.
  void note(const target& what, deed how) {
    std::string_view path = what.path;
    bool is_harmed = how == deed::cut || how == deed::zero;
    tables_harmed_ = tables_harmed_ || (is_harmed && path.starts_with("/podstudio.db"));
    if (path.starts_with("/tls") && (is_harmed || how == deed::remove))
      at_last_.push_back([this] { fs::remove_all(data() + "/tls"); });
    bool is_log = what.what != part::other;
    if (!is_log || changes_rights(how)) return;
    destroyed_ = how == deed::remove || how == deed::cut || how == deed::zero;
    gone_ = what.what == part::data && how == deed::remove;
    bool is_one_file = what.what == part::active_segment;
    bool is_there = how == deed::zero || (how == deed::link && !is_one_file)
                    || what.what == part::sealed_segment;
    must_stop_ = !is_there;
  }

  // --- what happens around it ---

  void let_happen() {
    auto what = static_cast<event>(below(event_count));
    auto pid = running_->pid();
    auto limited = [&](auto resource, rlim_t to) {
      rlimit before{};
      if (::prlimit(pid, resource, nullptr, &before) != 0) return false;
      rlimit after{std::min(to, before.rlim_max), before.rlim_max};
      if (::prlimit(pid, resource, &after, nullptr) != 0) return false;
      // A pid of ours: it is not given to another process before it was waited for.
      for_now_.push_back([pid, resource, before] { ::prlimit(pid, resource, &before, nullptr); });
      return true;
    };
    bool done = false;
    switch (what) {
    case event::no_files:
      done = limited(RLIMIT_NOFILE, 3 + below(60));
      break;
    case event::no_memory:
      done = limited(RLIMIT_AS, memory_of(pid) + below(4) * (1u << 20));
      break;
    case event::no_threads:
      done = ::geteuid() != 0 && limited(RLIMIT_NPROC, 1);
      break;
    case event::small_files:
      done = limited(RLIMIT_FSIZE, below(100'000));
      break;
    case event::frozen:
      running_->running().signal(SIGSTOP);
      for_now_.push_back([this] { running_->running().signal(SIGCONT); });
      done = true;
      break;
    case event::full_disk:
      done = disk.is_mounted();
      if (!done) break;
      disk.fill();
      for_now_.push_back([this] { disk.make_room(); });
      break;
    case event::hung_folder:
      done = hang_a_folder();
      break;
    case event::killed:
      running_->running().signal(SIGKILL);
      done = true;
      break;
    }
    if (done) remember(event_names[static_cast<std::size_t>(what)]);
  }

  static std::uint64_t memory_of(pid_t pid) {
    std::uint64_t pages = 0;
    std::ifstream("/proc/" + std::to_string(pid) + "/statm") >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  bool hang_a_folder() {
    // A process that is stopped watches no further folder until it goes on.
    if (!may_mount() || far_ || is_frozen()) return false;
    auto at = space.path + "/far";
    far_ = std::make_unique<stopping_folder>(at);
    if (!far_->is_mounted() || podstudio({"watch", "add", at}).code != 0) {
      far_.reset();
      return false;
    }
    far_->stop();
    at_last_.push_back([this, at] {
      far_->go_on();
      far_.reset();
      left_watches_.push_back(at);
    });
    return true;
  }

  // --- what came of it ---

  void take_stock(std::size_t round) {
    BOOST_TEST_CONTEXT("round " << round << ": " << what_) {
      step_ = "ending";
      BOOST_TEST(asking_failed_.empty(), asking_failed_);
      asking_failed_.clear();
      // One that cannot be spoken to any more is ended, as somebody would do who finds that.
      bool again = !at_last_.empty() || destroyed_ || !one_in(3) || !running_->running().runs()
                   || podstudio({"status"}).code != 0;
      if (again) {
        end_service();
        running_.reset();
        if (!at_last_.empty() && one_in(2)) start_as_it_is();
        for (auto undo = at_last_.rbegin(); undo != at_last_.rend(); ++undo)
          (*undo)();
        at_last_.clear();
      }
      is_touched_ = !outside.are_untouched();
      BOOST_TEST(!is_touched_, outside.difference());
      check_log();
    }
  }

  /// A service may end by itself, if it says why; else as it is asked to.
  void end_service() {
    auto& of = running_->running();
    bool killed =
        what_.find(event_names[static_cast<std::size_t>(event::killed)]) != std::string::npos;
    if (!of.runs()) {
      auto ended = of.finish();
      ++counts_.ends[killed ? "killed" : "ended by itself"];
      if (!killed) BOOST_TEST(is_loud(ended), "the service ended by itself: " << ended);
      return;
    }
    if (one_in(5)) {
      of.signal(SIGKILL);
      if (far_) far_->go_on();
      of.finish();
      ++counts_.ends["killed"];
      return;
    }
    bool twice = one_in(4);
    auto begun = clock::now();
    // Closing a file asks its file system, and no signal ends that wait: once the process has said
    // that it gives up, the rest is the kernel's.
    auto is_over = [&] {
      return !of.runs() || (far_ && of.err().find("podstudio: ") != std::string::npos);
    };
    of.signal(SIGTERM);
    eventually(
        [&] {
          if (twice) of.signal(SIGTERM);  // one that comes before the first was taken is the same
          return is_over();
        },
        end_max + slack);
    auto took = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
    ++counts_.ends[twice ? "asked to end twice" : "asked to end"];
    if (far_ && of.runs()) far_->go_on();
    auto ended = of.finish();
    BOOST_TEST(took <= (twice ? end_at_once_max : end_max) + slack,
               "the end took " << took.count() << " ms: " << ended);
    BOOST_TEST(ended.code >= 0, ended);
    if (ended.code > 0) BOOST_TEST(is_loud(ended), ended);
  }

  static bool is_loud(const outcome& ended) {
    return ended.code > 0 && ended.err.find("podstudio: ") != std::string::npos;
  }

  /// Where it starts beside what was done, it harms nothing and ends; else it says why.
  void start_as_it_is() {
    process again(podstudio.call({"serve"}));
    eventually([&] { return !again.runs() || again.err().ends_with("ready\n"); });
    ++counts_.ends[again.runs() ? "started beside it" : "refused to start beside it"];
    if (again.runs()) again.signal(SIGTERM);
    auto ended = again.finish(end_max + slack);
    BOOST_TEST((ended.code == 0 || is_loud(ended)), ended);
  }

  /// All is there; or it is told what is not, and the library is given up.
  void check_log() {
    step_ = "checking";
    if (gone_) {  // a new library would be made here; the old one's service said what became of it
      lost_ = true;
      return;
    }
    if (destroyed_) {
      auto verified = podstudio({"log", "verify"});
      bool told = verified.code == 4 && verified.err.find(".log") != std::string::npos;
      process again(podstudio.call({"serve"}));
      eventually([&] { return !again.runs() || again.err().ends_with("ready\n"); });
      bool starts = again.runs();
      if (starts) again.signal(SIGTERM);
      auto ended = again.finish(end_max + slack);
      bool refused = !starts && is_loud(ended) && ended.err.find("log") != std::string::npos;
      if (told || refused) {
        lost_ = true;
        ++counts_.ends["told of what was lost"];
        return;
      }
      // Then what was destroyed held nothing.
    }
    if (running_ && !running_->running().runs()) {  // what was done to it had its effect only now
      end_service();
      running_.reset();
    }
    // Where not even the first page is left, nobody can tell that they are ours.
    if (!running_ && tables_harmed_ && podstudio({"asset", "list"}).code == 1) {
      for (const auto* suffix : {"", "-wal", "-shm"})
        fs::remove(podstudio.database() + suffix);
      ++counts_.ends["harmed tables were moved away"];
    }
    if (!running_) running_.emplace(podstudio);
    for (const auto& at : left_watches_)
      podstudio.must({"watch", "remove", at});
    left_watches_.clear();
    {
      auto to = connect();
      for (auto& person : people)
        for (int tries = 0; person.is_waiting() && tries < 1000; ++tries)
          if (person.step(*to) == curator::outcome::refused) std::this_thread::sleep_for(2ms);
    }
    // Pages that no command has read since are found by this only, which names the remedy.
    if (tables_harmed_ && podstudio({"replay", "--check"}).code == 4) {
      end_service();
      running_.reset();
      podstudio.must({"replay"});
      running_.emplace(podstudio);
      ++counts_.ends["harmed tables were built anew"];
    }
    tables_harmed_ = false;
    check_complete();
  }

  std::mt19937_64& random_;
  tally& counts_;
  std::optional<service> running_;
  std::unique_ptr<stopping_folder> far_;
  words left_watches_;
  std::vector<std::function<void()>> for_now_;  ///< taken back while the service runs
  std::vector<std::function<void()>> at_last_;  ///< taken back once it has ended
  std::string what_, step_, asking_failed_;
  std::uint64_t cut_to_ = 0;
  bool tables_harmed_ = false;  ///< and not built anew since
  bool destroyed_ = false, gone_ = false, lost_ = false, is_touched_ = false;
  std::atomic<bool> must_stop_ = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_is_done_to_a_library_nothing_acknowledged_is_lost_in_silence) {
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", 1);
  BOOST_TEST_MESSAGE("seed " << seed << "; PODSTUDIO_TEST_SEED=" << seed << " runs it again");
  std::mt19937_64 random(seed);
  tally counts;
  constexpr std::size_t rounds_a_library = 12;
  auto rounds = number_from_env("PODSTUDIO_INTERFERENCES", 15);
  if (!may_mount()) BOOST_TEST_MESSAGE("mounting is not permitted: no full disk, no hung folder");
  while (counts.rounds < rounds) {
    disturbed_library of(random, counts.libraries % 2 == 0, counts);
    for (std::size_t i = 0; i < rounds_a_library && counts.rounds < rounds; ++i)
      if (!of.go_through(++counts.rounds)) break;
    of.end();
  }
  counts.print(seed);
}
