#define BOOST_TEST_MODULE truth
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

/// Does to a few trees what people and programs do to theirs, at random.
class driver {
public:
  driver(words roots, std::string outside, std::uint64_t seed)
      : roots_(std::move(roots)), outside_(std::move(outside)), random_(seed) {
    for (const auto& root : roots_)
      make_folder(root);
    make_folder(outside_);
    refresh();
    for (int i = 0; i < 250; ++i)
      create();
    refresh();
  }

  /// One operation. Many fail, as such things do: then nothing is changed.
  void step();

  /// The tables are in step with the trees: as many files may go from here on that no scan ever
  /// finds more than half of them gone.
  void in_step() {
    trace_.clear();
    for (const auto& root : roots_)
      may_go_[root] = media_at(root) / 3;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool once_in(std::uint64_t count) { return below(count) == 0; }
  std::uint64_t done() const { return done_; }

  /// What was done to such names since the tables were in step.
  std::string trace_of(const std::string& differences) const {
    std::string text;
    for (const auto& line : trace_) {
      std::istringstream lines(differences);
      for (std::string each; std::getline(lines, each);) {
        auto path = each.substr(std::min(each.find('/'), each.size()));
        path = path.substr(0, path.rfind(": "));
        bool touches = false;
        for (auto end = path.size(); end != path.npos && end > outside_.size() + 3 && !touches;
             end = path.rfind('/', end - 1))
          touches = line.find(path.substr(0, end) + "'") != line.npos;
        if (!touches) continue;
        text += "\n  " + line;
        break;
      }
    }
    return text.empty() ? "" : "\nwhat was done there:" + text;
  }

private:
  void note(const std::string& what) { trace_.push_back(std::to_string(done_) + " " + what); }

  // What is there.
  void refresh() {
    files_.clear();
    folders_ = roots_;
    folders_.push_back(outside_);
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      std::error_code failed;
      auto folder = folders_[i];
      for (const auto& entry : fs::directory_iterator(folder, failed)) {
        if (entry.is_symlink() || !entry.is_directory())
          files_.push_back(entry.path());
        else
          folders_.push_back(entry.path());
      }
    }
    media_ = static_cast<std::size_t>(std::ranges::count_if(
        files_, [](const std::string& path) { return !seed_type(path).empty(); }));
  }

  static std::uint64_t media_at(const std::string& path) {
    std::error_code failed;
    auto status = fs::symlink_status(path, failed);
    if (fs::is_regular_file(status)) return seed_type(path).empty() ? 0 : 1;
    if (!fs::is_directory(status)) return 0;
    std::uint64_t count = 0;
    for (const auto& entry : fs::directory_iterator(path, failed))
      count += media_at(entry.path());
    return count;
  }

  /// Whether all that is at a path may go from there.
  bool may_vacate(const std::string& path) {
    for (const auto& root : roots_) {
      if (path == root) return false;
      if (!path.starts_with(root + "/")) continue;
      auto count = media_at(path);
      if (count > may_go_[root]) return false;
      may_go_[root] -= count;
    }
    return path != outside_;
  }

  // Choosing.
  const std::string& any(const words& of) { return of[below(of.size())]; }
  std::string any_file() { return files_.empty() ? any(folders_) + "/none.png" : any(files_); }
  std::string any_folder() { return any(folders_); }

  std::string any_stem() {
    static const words stems{"a",           "b",           "c",     "d",          "e",
                             "one two",     "it's",        "\"q\"", "\U0001F600", "\u00e9t\u00e9",
                             "line\nbreak", "back\\slash", "a.b",   "a-b",        "a0",
                             "%s*?[x]",     "-rf",         " lead"};
    return any(stems) + (once_in(3) ? "" : std::to_string(below(40)));
  }
  std::string any_name() {
    static const words endings{".png", ".png",  ".jpg", ".wav", ".mp4",     ".PNG",
                               ".Jpg", ".FLAC", ".ogg", ".txt", ".png.part"};
    if (once_in(60)) return std::string("bad\xff") + std::to_string(below(5)) + ".png";
    return (once_in(40) ? "." : "") + any_stem() + any(endings);
  }
  std::string any_folder_name() {
    if (once_in(60)) return std::string("bad\xfe folder");
    if (once_in(40)) return once_in(2) ? "@eaDir" : ".hidden";
    // Some have names as files have.
    return once_in(6) ? any_name() : any_stem();
  }
  std::string new_path() { return any_folder() + "/" + any_name(); }
  std::string bytes() {
    std::uint64_t size = once_in(20) ? 0 : once_in(200) ? 1'500'000 : 1 + below(3000);
    // Some contents come again and again.
    auto what = once_in(5) ? "content " + std::to_string(below(4)) : std::to_string(random_());
    std::string all;
    all.reserve(size + what.size());
    if (what.starts_with("content")) size = std::min<std::uint64_t>(size, 100);
    while (all.size() < size)
      all += what;
    return all;
  }

  // Doing.
  bool write_to(const std::string& path, int flags, const std::string& what, off_t at = -1) {
    // A change under a name that nobody follows is seen under no other name either.
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0 && status.st_nlink > 1
        && std::ranges::none_of(roots_, [&](auto& root) { return is_followed(path, root); }))
      return false;
    int fd = ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644);
    if (fd < 0) return false;
    for (std::size_t begin = 0; begin < what.size();) {
      auto size = std::min<std::size_t>(what.size() - begin, 1 + below(60'000));
      auto written = at < 0
                         ? ::write(fd, what.data() + begin, size)
                         : ::pwrite(fd, what.data() + begin, size, at + static_cast<off_t>(begin));
      if (written <= 0) break;
      begin += static_cast<std::size_t>(written);
    }
    ::close(fd);
    return true;
  }
  void create() {
    auto path = new_path();
    if (write_to(path, O_CREAT | O_TRUNC, bytes())) note("create '" + path + "'");
  }
  void change() {
    auto path = any_file();
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    switch (below(5)) {
    case 0:
      note("append to '" + path + "'");
      write_to(path, O_APPEND, "more " + std::to_string(random_()));
      break;
    case 1:
      note("overwrite in '" + path + "'");
      write_to(path, 0, std::to_string(random_()), status.st_size / 2);
      break;
    case 2:
      note("write over '" + path + "'");
      write_to(path, O_TRUNC, bytes());
      break;
    case 3:
      note("write over twice '" + path + "'");
      write_to(path, O_TRUNC, std::string(20, 'a'));
      write_to(path, O_TRUNC, std::string(20, static_cast<char>('b' + below(5))));
      break;
    default:
      if (!once_in(10)) {
        note("cut '" + path + "'");
        write_to(path, O_TRUNC, "");
      } else {
        note("truncate '" + path + "'");
        if (status.st_nlink > 1) return;
        [[maybe_unused]] auto cut = ::truncate(path.c_str(), static_cast<off_t>(below(2000)));
      }
    }
  }
  void save() {
    auto path = any_file();
    auto temporary = path.substr(0, path.rfind('/') + 1) + (once_in(2) ? ".save.tmp" : "save.png");
    if (fs::is_directory(fs::symlink_status(path)) || temporary == path) return;
    if (fs::exists(fs::symlink_status(temporary)) || !write_to(temporary, O_CREAT, bytes())) return;
    if (std::rename(temporary.c_str(), path.c_str()) == 0)
      note("save '" + path + "' by '" + temporary + "'");
  }
  bool rename(const std::string& from, const std::string& to) {
    if (from == to || to.starts_with(from + "/") || !may_vacate(from)) return false;
    if (std::rename(from.c_str(), to.c_str()) != 0) return false;
    note("rename '" + from + "' to '" + to + "'");
    return true;
  }
  void exchange(const std::string& one, const std::string& other) {
    if (one == other || !fs::exists(fs::symlink_status(other)) || other.starts_with(one + "/")
        || one.starts_with(other + "/") || !may_vacate(other))
      return;
    if (once_in(2)) {
      if (may_vacate(one)
          && ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0)
        note("exchange '" + one + "' and '" + other + "'");
      return;
    }
    auto third = any_folder() + "/third " + std::to_string(below(9)) + ".png";
    if (fs::exists(fs::symlink_status(third)) || third.starts_with(one + "/")
        || third.starts_with(other + "/"))
      return;
    if (!rename(one, third)) return;
    [[maybe_unused]] auto second = std::rename(other.c_str(), one.c_str());
    if (once_in(2)) pause();
    [[maybe_unused]] auto last = std::rename(third.c_str(), other.c_str());
    note("... swap '" + one + "' and '" + other + "'");
  }
  void rename_chain() {
    std::deque<std::string> chain;
    for (auto count = 3 + below(4); count > 0; --count)
      if (auto path = any_file(); std::ranges::find(chain, path) == chain.end()
                                  && !fs::is_directory(fs::symlink_status(path)))
        chain.push_back(path);
    auto to = new_path();
    for (const auto& from : chain) {
      if (!rename(from, to)) return;
      to = from;
    }
    if (once_in(2)) {
      note("create at the end of a chain '" + to + "'");
      write_to(to, O_CREAT | O_TRUNC, bytes());
    }
  }
  void remove_tree() {
    auto path = any_folder();
    if (std::ranges::find(roots_, path) != roots_.end() || !may_vacate(path)) return;
    note("remove tree '" + path + "'");
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  bool remove_file(const std::string& path) {
    if (fs::is_directory(fs::symlink_status(path)) || !may_vacate(path)) return false;
    note("remove '" + path + "'");
    return ::unlink(path.c_str()) == 0;
  }
  void replace_by_other_kind() {
    auto path = any_file();
    if (!remove_file(path)) return;
    note("replace by another kind '" + path + "'");
    make_other_kind(path);
  }
  void make_other_kind(const std::string& path) {
    note("make another kind of file '" + path + "'");
    auto target = once_in(2) ? any_file() : once_in(2) ? any_folder() : path;
    switch (below(3)) {
    case 0:
      ::mkdir(path.c_str(), 0755);
      break;
    case 1:
      if (::symlink(target.c_str(), path.c_str()) != 0) return;
      break;
    default:
      ::mkfifo(path.c_str(), 0644);
    }
  }
  void make_folders() {
    auto path = any_folder();
    auto depth = once_in(10) ? 12 : 1 + below(3);
    if (std::ranges::count(path, '/') > 20) return;
    for (; depth > 0; --depth) {
      path += "/" + any_folder_name();
      ::mkdir(path.c_str(), 0755);
      if (once_in(4)) write_to(path + "/" + any_name(), O_CREAT, bytes());
    }
    note("make folders '" + path + "'");
    auto file = path + "/" + any_name();
    write_to(file, O_CREAT | O_TRUNC, bytes());
    note("create '" + file + "'");
  }
  void copy() {
    auto from = any_file(), to = new_path();
    if (!fs::is_regular_file(fs::symlink_status(from))) return;
    if (write_to(to, O_CREAT | O_TRUNC, read_file(from)))
      note("copy '" + from + "' to '" + to + "'");
  }
  void link() {
    auto from = any_file(), to = new_path();
    if (::link(from.c_str(), to.c_str()) == 0) note("link '" + from + "' as '" + to + "'");
  }
  void change_attributes() {
    auto path = any_file();
    if (once_in(2)) {
      ::chmod(path.c_str(), once_in(2) ? 0600 : 0644);
      return;
    }
    auto seconds = static_cast<time_t>(1'000'000'000 + below(600'000'000));
    timespec times[2]{{seconds, 0}, {seconds, static_cast<long>(below(1'000'000'000))}};
    ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  void flicker() {
    auto path = new_path();
    if (fs::exists(fs::symlink_status(path))) return;
    note("create and remove '" + path + "'");
    write_to(path, O_CREAT, bytes());
    if (once_in(2)) pause();
    ::unlink(path.c_str());
  }
  void pause() { std::this_thread::sleep_for(std::chrono::microseconds(below(4000))); }

  words roots_;
  std::string outside_;
  std::mt19937_64 random_;
  std::uint64_t done_ = 0;
  words files_, folders_;
  std::size_t media_ = 0;
  std::map<std::string, std::uint64_t> may_go_;
  std::vector<std::string> trace_;
};

void driver::step() {
  if (done_++ % 20 == 0) refresh();
  if (once_in(10)) pause();
  auto kind = below(100);
  if (media_ < 250 && once_in(2)) kind = below(25);
  if (media_ > 700 && kind < 25) kind = once_in(2) ? 80 : 90;
  if (kind < 14)
    create();
  else if (kind < 18)
    make_folders();
  else if (kind < 22)
    copy();
  else if (kind < 25)
    once_in(8) ? link() : create();
  else if (kind < 38)
    change();
  else if (kind < 44)
    save();
  else if (kind < 58)
    rename(any_file(), once_in(4) ? any_file() : new_path());
  else if (kind < 66)
    rename(any_folder(), any_folder() + "/" + any_folder_name());
  else if (kind < 71)
    once_in(4) ? exchange(any_folder(), any_folder()) : exchange(any_file(), any_file());
  else if (kind < 74)
    rename_chain();
  else if (kind < 84)
    remove_file(any_file());
  else if (kind < 86)
    remove_tree();
  else if (kind < 88)
    replace_by_other_kind();
  else if (kind < 90)
    make_other_kind(new_path());
  else if (kind < 95)
    change_attributes();
  else
    flicker();
}

/// The kernel's queue of notices made small for all who begin to watch while this lives.
class small_queue {
public:
  explicit small_queue(int events) : before_(read_number()) { write_number(events); }
  small_queue(const small_queue&) = delete;
  small_queue& operator=(const small_queue&) = delete;
  ~small_queue() { write_number(before_); }

  static bool is_permitted() { return ::access(path, W_OK) == 0; }

private:
  static constexpr const char* path = "/proc/sys/fs/inotify/max_queued_events";
  static int read_number() {
    int number = 0;
    std::ifstream(path) >> number;
    return number;
  }
  static void write_number(int number) { std::ofstream(path) << number; }

  int before_;
};

struct tally {
  std::uint64_t operations = 0, syncs = 0, kills = 0, overflows = 0, differences = 0;
};

/// A library that follows two roots to which a driver does something.
class followed {
public:
  explicit followed(std::uint64_t seed)
      : seed_(seed), driver_(roots_, space_.path + "/outside", seed) {}

  void start(bool with_a_small_queue) {
    std::optional<small_queue> queue;
    if (with_a_small_queue) queue.emplace(8);
    running_ = std::make_unique<service>(podstudio_, first_ ? roots_ : words{});
    first_ = false;
    // A watcher has its queue once it answers, which a sync waits for.
    if (queue) podstudio_.must({"sync"});
  }
  void kill() {
    running_->kill();
    running_.reset();
    ++tally_.kills;
  }
  /// It gets no processor, as on a busy machine.
  void pause() { running_->running().signal(SIGSTOP); }
  void go_on() { running_->running().signal(SIGCONT); }
  driver& files() { return driver_; }
  std::uint64_t kills() const { return tally_.kills; }

  /// After a sync the rows that are not missing are the files that are there.
  bool check() {
    podstudio_.must({"sync", "--timeout", "60"}, 70s);
    ++tally_.syncs;
    auto truth = walk_trees(roots_);
    auto found = present(podstudio_.database());
    auto problems = problems_of(podstudio_.database(), "bad_name");
    std::string unlisted;
    for (const auto& path : truth.bad_names)
      if (!problems.contains(path)) unlisted += "\n  no problem: " + path;
    auto apart = difference(truth.digests, found) + unlisted;
    if (!apart.empty()) {
      ++tally_.differences;
      BOOST_ERROR("seed " << seed_ << ", after " << driver_.done() << " operations:" << apart
                          << driver_.trace_of(apart));
    }
    driver_.in_step();
    return apart.empty();
  }

  tally finish() {
    tally_.operations = driver_.done();
    tally_.overflows = overflows();
    if (running_) {
      auto checked = podstudio_({"replay", "--check"});
      BOOST_CHECK_MESSAGE(checked.code == 0, "seed " << seed_ << ": " << checked);
    }
    return tally_;
  }

private:
  std::uint64_t overflows() const {
    return lines_with(read_file(space_.data + "/logs/podstudio.log"), "too many changes at once");
  }

  workspace space_;
  words roots_{space_.root, space_.path + "/root two"};
  library podstudio_{space_.data};
  std::unique_ptr<service> running_;
  bool first_ = true;
  std::uint64_t seed_;
  driver driver_;
  tally tally_;
};

enum class variant : std::uint8_t { live, killed, overflowing };

tally follow(variant what, std::uint64_t seed, std::uint64_t operations) {
  followed library(seed);
  auto& files = library.files();
  bool small = what == variant::overflowing;
  library.start(small);
  if (!library.check()) return library.finish();
  while (files.done() < operations) {
    bool paused = small && (files.done() == 0 || files.once_in(4));
    if (paused) library.pause();
    for (auto count = 20 + files.below(400); count > 0 && files.done() < operations; --count)
      files.step();
    if (paused) library.go_on();
    if (what == variant::killed && (files.once_in(2) || library.kills() == 0)) {
      library.kill();
      for (auto count = files.below(200); count > 0; --count)
        files.step();
      library.start(small);
      for (auto count = files.once_in(2) ? files.below(100) : 0; count > 0; --count)
        files.step();
    }
    if (!library.check()) break;
  }
  return library.finish();
}

void follow_all(variant what, std::uint64_t operations) {
  operations = number_from_env("PODSTUDIO_TRUTH_OPERATIONS", operations);
  auto runs = number_from_env("PODSTUDIO_TRUTH_SEEDS", 1);
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  for (std::uint64_t run = 0; run < runs; ++run) {
    std::cerr << "seed " << seed + run << std::flush;
    auto done = follow(what, seed + run, operations);
    std::cerr << ": " << done.operations << " operations, " << done.syncs << " syncs, "
              << done.kills << " kills, " << done.overflows << " overflows, " << done.differences
              << " differences" << std::endl;
    if (what == variant::killed && operations >= 1000) BOOST_CHECK_GT(done.kills, 0u);
    if (what == variant::overflowing && operations >= 1000) BOOST_CHECK_GT(done.overflows, 0u);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_while_the_service_runs) {
  follow_all(variant::live, 1000);
}

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_and_kills) {
  follow_all(variant::killed, 1000);
}

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_and_overflows_of_the_kernels_queue) {
  if (skip_unless(small_queue::is_permitted(), "the kernel's queue cannot be made small here"))
    return;
  follow_all(variant::overflowing, 1000);
}
