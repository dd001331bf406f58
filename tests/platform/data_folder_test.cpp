// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_data_folder
#include <boost/test/unit_test.hpp>

#include "platform/data_folder.hpp"
#include "support/temp_folder.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

struct fixture {
  temp_folder place;
  data_folder folder{place.path + "/a/b/data", place.path + "/a/b/data/podstudio.db"};
};

/// Sets or removes a variable of the environment for as long as it lives.
class variable {
public:
  variable(const char* name, const char* value) : name_(name) {
    if (auto old = std::getenv(name); old != nullptr) old_ = old;
    set(value);
  }
  ~variable() { set(old_ ? old_->c_str() : nullptr); }

private:
  void set(const char* value) {
    if (value == nullptr)
      ::unsetenv(name_);
    else
      ::setenv(name_, value, 1);
  }
  const char* name_;
  std::optional<std::string> old_;
};

constexpr std::chrono::milliseconds at_once{0};

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_data_folder_is_the_first_that_is_named) {
  variable data("PODSTUDIO_DATA", "/one"), xdg("XDG_DATA_HOME", "/two"), home("HOME", "/three");
  BOOST_TEST(resolve_data_folder("/zero/", "")->root == "/zero");
  BOOST_TEST(resolve_data_folder("", "")->root == "/one");
  variable no_data("PODSTUDIO_DATA", nullptr);
  BOOST_TEST(resolve_data_folder("", "")->root == "/two/podstudio");
  variable relative_xdg("XDG_DATA_HOME", "two");
  BOOST_TEST(resolve_data_folder("", "")->root == "/three/.local/share/podstudio");
  variable no_home("HOME", nullptr);
  BOOST_TEST(!resolve_data_folder("", ""));
}

BOOST_AUTO_TEST_CASE(the_database_is_in_the_root_unless_asked_for_elsewhere) {
  BOOST_TEST(resolve_data_folder("/data", "")->database == "/data/podstudio.db");
  BOOST_TEST(resolve_data_folder("/data", "x.db")->database
             == fs::current_path().string() + "/x.db");
}

BOOST_AUTO_TEST_CASE(paths_become_absolute_and_plain) {
  auto here = fs::current_path().string();
  BOOST_TEST(*absolute_path("a") == here + "/a");
  BOOST_TEST(*absolute_path("./a//b/./c/") == here + "/a/b/c");
  BOOST_TEST(*absolute_path("/") == "/");
  BOOST_TEST(!absolute_path(""));
  auto bad = absolute_path("a\xff");
  BOOST_REQUIRE(!bad);
  BOOST_TEST((bad.failure().code == error_code::invalid_argument));
  BOOST_TEST(bad.failure().message.find("a\\xff") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_parent_in_a_path_is_that_of_the_folder_a_link_leads_to, fixture) {
  fs::create_directories(place.path + "/real/inner");
  fs::create_symlink(place.path + "/real/inner", place.path + "/link");
  BOOST_TEST(*absolute_path(place.path + "/link/../x")
             == fs::canonical(place.path + "/real").string() + "/x");
}

BOOST_FIXTURE_TEST_CASE(tables_that_are_a_link_are_where_it_leads, fixture) {
  fs::create_directories(place.path + "/elsewhere");
  fs::create_directories(folder.root);
  auto link = folder.root + "/podstudio.db";
  fs::create_symlink(fs::relative(place.path, folder.root) / "elsewhere/tables.db", link);
  auto real = fs::canonical(place.path).string() + "/elsewhere/tables.db";
  BOOST_TEST(resolve_data_folder(folder.root, "")->database == real);
  write(real, "");
  BOOST_TEST(resolve_data_folder(folder.root, "")->database == real);
}

BOOST_FIXTURE_TEST_CASE(a_new_data_folder_is_private, fixture) {
  BOOST_TEST(!exists(folder));
  BOOST_REQUIRE(create(folder));
  BOOST_TEST(exists(folder));
  for (const auto& path : {folder.root, folder.log(), folder.run(), folder.logs()}) {
    struct stat facts {};
    BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 07777) == 0700u);
  }
  BOOST_TEST(bool(create(folder)));
}

BOOST_FIXTURE_TEST_CASE(a_file_in_place_of_the_data_folder_is_an_error, fixture) {
  fs::create_directories(place.path + "/a/b");
  write(folder.root, "");
  BOOST_TEST(!create(folder));
}

BOOST_FIXTURE_TEST_CASE(a_second_process_is_refused_and_told_the_first_ones_id, fixture) {
  BOOST_REQUIRE(create(folder));
  int ready[2], done[2];
  BOOST_REQUIRE((::pipe(ready) == 0 && ::pipe(done) == 0));
  auto child = ::fork();
  if (child == 0) {
    ::close(done[1]);
    auto lock = folder_lock::acquire(folder);
    char byte = lock ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1 || ::read(done[0], &byte, 1) != 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(done[0]);
  char byte = 0;
  BOOST_REQUIRE((::read(ready[0], &byte, 1) == 1 && byte == 'y'));
  BOOST_TEST((folder_lock::holder(folder) == child));
  auto second = folder_lock::acquire(folder, at_once);
  BOOST_REQUIRE(!second);
  BOOST_TEST((second.failure().code == error_code::in_use));
  BOOST_TEST(exit_code(second.failure().code) == 3);
  BOOST_TEST(second.failure().message.find("process " + std::to_string(child))
             != std::string::npos);
  // It ends by itself, and is not to be killed.
  BOOST_TEST(second.failure().message.find("wait for it to finish") != std::string::npos);
  BOOST_TEST(second.failure().message.find("kill") == std::string::npos);
  ::close(done[1]);  // lets the child end, and with it the lock, with nothing cleaned up
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(!folder_lock::holder(folder).has_value());
  BOOST_TEST(bool(folder_lock::acquire(folder)));
  ::close(ready[0]);
  ::close(ready[1]);
}

BOOST_FIXTURE_TEST_CASE(a_service_waits_for_a_command_and_keeps_further_ones_out, fixture) {
  BOOST_REQUIRE(create(folder));
  std::optional<folder_lock> command = std::move(*folder_lock::acquire(folder));
  auto late = folder_lock::acquire_for_service(folder, std::chrono::milliseconds(50));
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.failure().code == error_code::in_use));
  auto starts =
      std::async(std::launch::async, [&] { return folder_lock::acquire_for_service(folder); });
  command.reset();
  auto service = starts.get();
  BOOST_REQUIRE(bool(service));
  BOOST_TEST(!folder_lock::acquire(folder));
  auto begun = std::chrono::steady_clock::now();
  BOOST_TEST(!folder_lock::acquire_for_service(folder));
  BOOST_TEST((std::chrono::steady_clock::now() - begun < std::chrono::seconds(1)));
}

BOOST_FIXTURE_TEST_CASE(a_command_waits_for_another_and_not_for_a_service, fixture) {
  using namespace std::chrono_literals;
  BOOST_REQUIRE(create(folder));
  std::optional<folder_lock> first = std::move(*folder_lock::acquire(folder));
  auto second = std::async(std::launch::async, [&] { return folder_lock::acquire(folder); });
  BOOST_TEST((second.wait_for(50ms) == std::future_status::timeout));
  first.reset();
  first = std::move(*second.get());
  auto begun = std::chrono::steady_clock::now();
  BOOST_TEST(!folder_lock::acquire(folder, 100ms));
  BOOST_TEST((std::chrono::steady_clock::now() - begun >= 100ms));
  first.reset();

  // A service that has no console yet has something to finish; one that has may be stopped.
  auto service = folder_lock::acquire_for_service(folder);
  BOOST_REQUIRE(bool(service));
  begun = std::chrono::steady_clock::now();
  auto beside_start = folder_lock::acquire(folder);
  BOOST_TEST((std::chrono::steady_clock::now() - begun < 5s));
  BOOST_REQUIRE(!beside_start);
  BOOST_TEST((beside_start.failure().code == error_code::in_use));
  BOOST_TEST(beside_start.failure().message.find("starting or stopping") != std::string::npos);
  BOOST_TEST(beside_start.failure().message.find("kill") == std::string::npos);
  BOOST_REQUIRE(write_console_address(folder, {1234, ::getpid()}));
  auto beside_service = folder_lock::acquire(folder);
  BOOST_REQUIRE(!beside_service);
  BOOST_TEST(beside_service.failure().message.find("kill " + std::to_string(::getpid()))
             != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_lock_is_given_back_at_the_end_of_its_scope, fixture) {
  BOOST_REQUIRE(create(folder));
  BOOST_TEST(!folder_lock::holder(folder).has_value());
  {
    auto lock = folder_lock::acquire(folder);
    BOOST_REQUIRE(lock);
    BOOST_TEST((folder_lock::holder(folder) == ::getpid()));
    BOOST_TEST(!folder_lock::acquire(folder, at_once));
  }
  BOOST_TEST(!folder_lock::holder(folder).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_lock_file_full_of_nonsense_locks_all_the_same, fixture) {
  BOOST_REQUIRE(create(folder));
  write(folder.lock_file(), std::string(10'000, 'x'));
  BOOST_TEST(!folder_lock::holder(folder).has_value());
  BOOST_TEST(bool(folder_lock::acquire(folder)));
}

BOOST_FIXTURE_TEST_CASE(the_console_address_is_read_back, fixture) {
  BOOST_REQUIRE(create(folder));
  BOOST_TEST(!read_console_address(folder).has_value());
  console_address address{4711, 42};
  BOOST_REQUIRE(write_console_address(folder, address));
  BOOST_TEST((read_console_address(folder) == address));
  remove_console_address(folder);
  BOOST_TEST(!read_console_address(folder).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_console_address_that_is_none_is_ignored, fixture) {
  BOOST_REQUIRE(create(folder));
  for (auto text :
       {"", "{", "[]", "null", R"({"port": 1})", R"({"port": 0, "pid": 1})",
        R"({"port": 65536, "pid": 1})", R"({"port": -1, "pid": 1})", R"({"port": "1", "pid": 1})",
        R"({"port": 1.5, "pid": 1})", R"({"port": 18446744073709551615, "pid": 1})"}) {
    write(folder.console_file(), text);
    BOOST_TEST_CONTEXT(text) { BOOST_TEST(!read_console_address(folder).has_value()); }
  }
  write(folder.console_file(), R"({"port": 1, "pid": 1})" + std::string(10'000, ' '));
  BOOST_TEST(!read_console_address(folder).has_value());
}
