// SPDX-License-Identifier: MIT
#include "system/process.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace system_test {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Where a name stands in $PATH; a path is left as it is.
std::string program_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::istringstream folders(std::getenv("PATH") != nullptr ? std::getenv("PATH")
                                                            : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
  throw std::runtime_error("there is no program " + name);
}

std::vector<char*> pointers_to(words& texts) {
  std::vector<char*> all;
  for (auto& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

words environment_with(const std::map<std::string, std::string>& more) {
  auto all = more;
  // Nothing of whoever runs the tests may steer the program under test.
  for (auto name : {"PODSTUDIO_DATA", "WATCH_FOLDERS", "DB_PATH", "NOTIFY_SOCKET"})
    all.emplace(name, "");
  words texts;
  for (char** at = environ; *at != nullptr; ++at) {
    std::string text = *at;
    if (!all.contains(text.substr(0, text.find('=')))) texts.push_back(text);
  }
  for (const auto& [name, value] : all)
    if (!value.empty()) texts.push_back(name + "=" + value);
  return texts;
}

/// An unnamed file in memory, which never fills up and keeps nobody waiting as a pipe would.
int memory_file(const char* name) {
  int fd = static_cast<int>(::memfd_create(name, MFD_CLOEXEC));
  if (fd < 0) fail("memfd_create");
  return fd;
}

std::string contents(int fd) {
  std::string text;
  char some[65536];
  for (;;) {
    auto size = ::pread(fd, some, sizeof some, static_cast<off_t>(text.size()));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(some, static_cast<std::size_t>(size));
  }
}

}  // namespace

// --- outcome ---

nlohmann::json outcome::json() const {
  auto document = nlohmann::json::parse(out, nullptr, false);
  BOOST_REQUIRE_MESSAGE(!document.is_discarded(), "stdout is not one JSON document: " << text());
  return document;
}

std::string outcome::text() const {
  auto part = [](const std::string& all) {
    return all.size() <= 4000
               ? all
               : all.substr(0, 4000) + "... (" + std::to_string(all.size()) + " bytes)";
  };
  return "exit " + std::to_string(code) + "\n--- stdout\n" + part(out) + "\n--- stderr\n"
         + part(err);
}

std::ostream& operator<<(std::ostream& to, const outcome& what) { return to << what.text(); }

// --- process ---

process::process(const launch& what) : name_(what.arguments.at(0)) {
  auto program = program_path(name_);
  auto arguments = what.arguments;
  auto argument_pointers = pointers_to(arguments);
  auto environment = environment_with(what.env);
  auto environment_pointers = pointers_to(environment);
  // Open before the rights are given up: the user may not be let into the folder the program is in.
  int executable = ::open(program.c_str(), O_PATH);
  if (executable < 0) fail("cannot open " + program);
  ::fcntl(executable, F_SETFD, FD_CLOEXEC);
  out_ = memory_file("stdout");
  err_ = memory_file("stderr");
  auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    int null = ::open("/dev/null", O_RDONLY);
    bool ready = null >= 0 && ::dup2(null, 0) >= 0 && ::dup2(out_, 1) >= 0 && ::dup2(err_, 2) >= 0
                 && (what.folder.empty() || ::chdir(what.folder.c_str()) == 0);
    if (ready && what.user)
      ready = ::setgroups(0, nullptr) == 0 && ::setresgid(*what.user, *what.user, *what.user) == 0
              && ::setresuid(*what.user, *what.user, *what.user) == 0;
    // Last, as a change of user takes it back.
    if (ready && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent
        && (what.prepare == nullptr || what.prepare()))
      ::syscall(SYS_execveat, executable, "", argument_pointers.data(), environment_pointers.data(),
                AT_EMPTY_PATH);
    auto message = name_ + ": " + std::strerror(errno) + "\n";
    [[maybe_unused]] auto written = ::write(2, message.data(), message.size());
    ::_exit(127);
  }
  ::close(executable);
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) fail("pidfd_open");
}

process::~process() {
  if (runs()) {
    signal(SIGKILL);
    reap(long_enough);
  }
  for (int fd : {pidfd_, out_, err_})
    if (fd >= 0) ::close(fd);
}

void process::signal(int number) const {
  if (pidfd_ >= 0) ::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

bool process::runs() { return !reap(0ms); }

void process::must_run() {
  // Not as the message of one check: that would wait for the end in any case.
  if (!runs()) BOOST_FAIL(name_ << " ended by itself: " << finish());
}

bool process::reap(milliseconds limit) {
  if (code_) return true;
  pollfd ended{pidfd_, POLLIN, 0};
  auto until = clock::now() + limit;
  int count;
  do {
    auto left = std::chrono::duration_cast<milliseconds>(until - clock::now()).count();
    count = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) fail("waitpid");
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

outcome process::finish(milliseconds limit) {
  if (!reap(limit)) {
    signal(SIGKILL);
    reap(long_enough);
    throw std::runtime_error(name_ + " did not end within " + std::to_string(limit.count())
                             + " ms; " + outcome{-SIGKILL, out(), err()}.text());
  }
  return {*code_, out(), err()};
}

std::string process::out() const { return contents(out_); }
std::string process::err() const { return contents(err_); }

outcome run(const launch& what, milliseconds limit) { return process(what).finish(limit); }

// --- the program ---

std::string podstudio_program() {
  auto given = std::getenv("PODSTUDIO_PROGRAM");
  return fs::absolute(given != nullptr ? given : PODSTUDIO_PROGRAM).string();
}

launch library::call(const words& arguments) const {
  launch what{{podstudio_program(), "--data", data_}};
  if (database_ != data_ + "/podstudio.db")
    what.arguments.insert(what.arguments.end(), {"--db", database_});
  what.arguments.insert(what.arguments.end(), arguments.begin(), arguments.end());
  what.user = user_;
  return what;
}

outcome library::operator()(const words& arguments, milliseconds limit) const {
  return run(call(arguments), limit);
}

namespace {

std::string line_of(const words& arguments) {
  std::string line;
  for (const auto& argument : arguments)
    line += " " + argument;
  return line.size() <= 400 ? line : line.substr(0, 400) + "...";
}

}  // namespace

nlohmann::json library::json(const words& arguments, milliseconds limit) const {
  words with_json{"--json"};
  with_json.insert(with_json.end(), arguments.begin(), arguments.end());
  auto ended = (*this)(with_json, limit);
  BOOST_REQUIRE_MESSAGE(ended.code == 0, "podstudio" << line_of(arguments) << ": " << ended);
  return ended.json();
}

void library::must(const words& arguments, milliseconds limit) const {
  auto ended = (*this)(arguments, limit);
  BOOST_REQUIRE_MESSAGE(ended.code == 0, "podstudio" << line_of(arguments) << ": " << ended);
}

service::service(const library& on, const words& roots, milliseconds limit) {
  words arguments{"serve"};
  for (const auto& root : roots)
    arguments.insert(arguments.end(), {"--watch", root});
  running_ = std::make_unique<process>(on.call(arguments));
  auto ready = [this] {
    auto said = running_->err();
    return said == "ready\n" || said.ends_with("\nready\n");
  };
  bool up = false;
  eventually([&] { return (up = ready()) || !running_->runs(); }, limit);
  if (up) return;
  running_->signal(SIGKILL);
  throw std::runtime_error("the service is not ready: " + running_->finish().text());
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream from(task.path() / "children");
    for (pid_t child = 0; from >> child;)
      found.push_back(child);
  }
  return found;
}

void service::kill() {
  auto workers = children_of(pid());
  running_->signal(SIGKILL);
  running_->finish();
  // The kernel ends them too, a moment later; until then they hold files open.
  auto are_gone = [&] {
    return std::ranges::none_of(workers, [](pid_t worker) { return ::kill(worker, 0) == 0; });
  };
  if (!eventually(are_gone)) fail("workers outlive their service");
}

outcome service::stop(milliseconds limit) {
  running_->signal(SIGTERM);
  return running_->finish(limit);
}

// --- files ---

void run_jobs(const library& on, unsigned at_once) {
  make_file(on.data() + "/config.toml", "workers = " + std::to_string(at_once) + "\n");
  std::filesystem::permissions(on.data(), std::filesystem::perms::owner_all);
}

std::string read_file(const std::string& path) {
  std::ifstream from(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(from), {}};
  if (!from) fail("cannot read " + path);
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream to(path, std::ios::binary);
  to << bytes;
  to.close();
  if (!to) fail("cannot write " + path);
}

void make_file(const std::string& path, const std::string& bytes) {
  make_folder(fs::path(path).parent_path().string());
  write_file(path, bytes);
}

void make_folder(const std::string& path) { fs::create_directories(path); }

std::uint64_t number_from_env(const char* name, std::uint64_t otherwise) {
  auto given = std::getenv(name);
  return given != nullptr && *given != '\0' ? std::strtoull(given, nullptr, 10) : otherwise;
}

// --- truth ---

std::string seed_type(const std::string& name) {
  static const std::map<std::string, std::string> types{
      {"apng", "image"}, {"jpeg", "image"}, {"jpe", "image"},  {"jfif", "image"}, {"jif", "image"},
      {"dib", "image"},  {"tif", "image"},  {"wave", "audio"}, {"oga", "audio"},  {"opus", "audio"},
      {"m4b", "audio"},  {"adts", "audio"}, {"m4v", "video"},  {"qt", "video"},   {"f4v", "video"},
      {"png", "image"},  {"jpg", "image"},  {"gif", "image"},  {"bmp", "image"},  {"tiff", "image"},
      {"webp", "image"}, {"wav", "audio"},  {"mp3", "audio"},  {"flac", "audio"}, {"ogg", "audio"},
      {"m4a", "audio"},  {"aac", "audio"},  {"mp4", "video"},  {"mov", "video"},  {"avi", "video"},
      {"mkv", "video"},  {"webm", "video"}, {"flv", "video"},
  };
  auto ending = fs::path(name).extension().string();  // of ".png" there is none
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto known = ending.empty() ? types.end() : types.find(ending.substr(1));
  return known == types.end() ? "" : known->second;
}

std::map<std::string, std::string> digests_of_media(const std::string& root) {
  words paths;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (!entry.is_symlink() && entry.is_regular_file()
        && !seed_type(entry.path().filename()).empty())
      paths.push_back(entry.path());
  return digests_of(paths);
}

std::map<std::string, std::string> digests_of(const words& paths) {
  std::map<std::string, std::string> digests;
  constexpr std::size_t paths_per_call = 500;
  constexpr std::size_t digest_letters = 64;
  for (std::size_t begin = 0; begin < paths.size(); begin += paths_per_call) {
    auto end = std::min(paths.size(), begin + paths_per_call);
    launch sums{{"sha256sum", "--zero", "--"}};  // --zero: names as they are
    sums.arguments.insert(sums.arguments.end(), paths.begin() + static_cast<std::ptrdiff_t>(begin),
                          paths.begin() + static_cast<std::ptrdiff_t>(end));
    auto ended = run(sums);
    if (ended.code != 0) throw std::runtime_error("sha256sum: " + ended.text());
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line, '\0');)
      digests[line.substr(digest_letters + 2)] = line.substr(0, digest_letters);
  }
  if (digests.size() != paths.size()) throw std::runtime_error("sha256sum left files out");
  return digests;
}

bool skip_unless(bool possible, const std::string& reason) {
  if (possible) return false;
  // Where everything is known to be possible, what is left out is a failure.
  if (std::getenv("PODSTUDIO_SKIP_NOTHING") != nullptr) BOOST_ERROR("left out: " << reason);
  std::cerr << "SKIPPED " << boost::unit_test::framework::current_test_case().p_name.get() << ": "
            << reason << std::endl;
  return true;
}

}  // namespace system_test
