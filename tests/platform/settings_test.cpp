// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_settings
#include <boost/test/unit_test.hpp>

#include "platform/settings.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

/// A working directory of the test's own, and an environment without our variables.
struct fixture {
  temp_folder place;
  fs::path before = fs::current_path();
  std::string home = std::getenv("HOME") == nullptr ? "/" : std::getenv("HOME");
  fixture() {
    fs::current_path(place.path);
    ::unsetenv("WATCH_FOLDERS");
    ::unsetenv("DB_PATH");
  }
  ~fixture() {
    fs::current_path(before);
    ::unsetenv("WATCH_FOLDERS");
    ::unsetenv("DB_PATH");
    ::setenv("HOME", home.c_str(), 1);
  }
  result<settings> load(bool config_required = false, bool env_required = false) const {
    return load_settings({place.path + "/config.toml", config_required},
                         {place.path + "/data.env", env_required});
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(place.path + "/" + name) << text;
  }
};

using folders = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(env_values_are_read_as_written) {
  struct {
    const char* text;
    std::optional<std::string> value;  ///< of K
  } const cases[] = {
      {"K=v", "v"},
      {"K=v\r\n", "v"},
      {"\xef\xbb\xbfK=v", "v"},
      {"  K = v  ", "v"},
      {"export K=v", "v"},
      {"K=a b c", "a b c"},
      {"K=a#b", "a#b"},
      {"K=a # b", "a"},
      {"K=# b", ""},
      {"K=", ""},
      {"K='a # b'", "a # b"},
      {"K='a' # b", "a"},
      {"K='$HOME \\n'", "$HOME \\n"},
      {R"(K="a \"b\" \\ \n \t")", "a \"b\" \\ \n \\t"},
      {"K=$HOME", "$HOME"},
      {"K=$(rm -rf /)", "$(rm -rf /)"},
      {"K=a\nK=b", "b"},
      {"K=a=b", "a=b"},
      {"#K=v", std::nullopt},
      {"K", std::nullopt},
      {"=v", std::nullopt},
      {"K K=v", std::nullopt},
      {"1K=v", std::nullopt},
      {"K='a", std::nullopt},
      {"K=\"a", std::nullopt},
      {"K=\"a\\", std::nullopt},
      {"K='a' b", std::nullopt},
      {"K=\xff", std::nullopt},
      {"", std::nullopt},
      {"\n\n\n", std::nullopt},
  };
  for (const auto& [text, expected] : cases) {
    BOOST_TEST_CONTEXT(text) {
      auto values = parse_env_file(text);
      BOOST_REQUIRE(values);
      BOOST_TEST(values->contains("K") == expected.has_value());
      if (expected) BOOST_TEST((*values)["K"] == *expected);
    }
  }
  std::string with_nul("K=a\0b", 5);
  BOOST_TEST(!parse_env_file(with_nul)->contains("K"));
}

BOOST_AUTO_TEST_CASE(a_bad_value_of_a_required_key_names_its_line) {
  auto values = parse_env_file("A=1\n\nK='open", {"K"});
  BOOST_REQUIRE(!values);
  BOOST_TEST(values.failure().message.find("line 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(folders_are_separated_by_commas) {
  BOOST_TEST(split_folders("/a, /b c ,,/d,") == (folders{"/a", "/b c", "/d"}),
             boost::test_tools::per_element());
  BOOST_TEST(split_folders("").empty());
  BOOST_TEST(split_folders(" , ").empty());
}

BOOST_FIXTURE_TEST_CASE(nothing_set_gives_the_defaults, fixture) {
  auto loaded = load();
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->watch_folders.empty());
  BOOST_TEST(loaded->database.empty());
  BOOST_TEST(loaded->log_level == "info");
  BOOST_TEST(loaded->log_segment_bytes == 64u << 20);
  BOOST_TEST(loaded->preview_cache_bytes == std::uint64_t{4} << 30);
}

BOOST_FIXTURE_TEST_CASE(the_size_of_the_logs_segments_and_of_the_previews_can_be_set, fixture) {
  write("config.toml", "log_segment_bytes = 65536\npreview_cache_bytes = 16777216\n");
  auto loaded = load(true);
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->log_segment_bytes == 65536u);
  BOOST_TEST(loaded->preview_cache_bytes == 16'777'216u);
}

BOOST_FIXTURE_TEST_CASE(the_environment_wins_over_env_over_config, fixture) {
  write("config.toml", "watch_folders = ['/c']\ndatabase = 'c.db'\nlog_level = 'debug'\n");
  BOOST_TEST(load(true)->database == "c.db");
  write("data.env", "WATCH_FOLDERS=/e1,/e2\nDB_PATH=e.db\nOTHER='open\n");
  auto with_env = load(true);
  BOOST_REQUIRE(with_env);
  BOOST_TEST(with_env->database == "e.db");
  BOOST_TEST(with_env->watch_folders == (folders{"/e1", "/e2"}), boost::test_tools::per_element());
  BOOST_TEST(with_env->log_level == "debug");
  ::setenv("DB_PATH", "x.db", 1);
  BOOST_TEST(load(true)->database == "x.db");
}

BOOST_FIXTURE_TEST_CASE(a_config_file_with_a_mistake_is_refused_with_its_line, fixture) {
  for (auto text : {"\nwatch_folder = ['/a']", "\nwatch_folders = '/a'", "\nwatch_folders = [1]",
                    "\nlog_level = 'loud'", "\ndatabase = 7", "\ndatabase = ", "\n[database]",
                    "\nlog_segment_bytes = 65535", "\nlog_segment_bytes = 1073741825",
                    "\npreview_cache_bytes = 16777215", "\npreview_cache_bytes = 1125899906842625",
                    "\nlog_segment_bytes = -1", "\nlog_segment_bytes = '64 MiB'"}) {
    BOOST_TEST_CONTEXT(text) {
      write("config.toml", text);
      auto loaded = load(true);
      BOOST_REQUIRE(!loaded);
      BOOST_TEST((loaded.failure().code == error_code::invalid_argument));
      BOOST_TEST(loaded.failure().message.find("line 2") != std::string::npos);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_mistake_in_a_config_file_is_named, fixture) {
  auto check = [&](const std::string& text, const std::string& said) {
    write("config.toml", text);
    auto loaded = load(true);
    BOOST_REQUIRE(!loaded);
    BOOST_TEST(loaded.failure().message.find(said) != std::string::npos, loaded.failure().message);
  };
  const std::map<std::string, std::vector<std::string>> keys_by_type{
      {"a list of strings", {"watch_folders"}},
      {"a string", {"database", "log_level"}},
      {"a whole number",
       {"log_segment_bytes", "poll_seconds", "preview_cache_bytes", "rescan_minutes", "workers"}}};
  for (const auto& [type, keys] : keys_by_type)
    for (const auto& key : keys) {
      check(key + " = 1.5", key + " must be " + type);
      check("colour = 'red'", key);  // named among all settings
    }
  check("workers = 65", "workers must be from 0 to 64");
  check("watch_folder = ['/a']",
        "'watch_folder' is not a setting; the settings are watch_folders, ");
  check("workers = ", "is not valid TOML");
}

BOOST_FIXTURE_TEST_CASE(a_config_file_asked_for_must_exist, fixture) {
  BOOST_TEST(!load_settings({place.path + "/none.toml", true}, {"none.env"}));
}

BOOST_FIXTURE_TEST_CASE(hostile_files_are_refused_and_never_hang, fixture) {
  BOOST_REQUIRE(::mkfifo((place.path + "/pipe").c_str(), 0600) == 0);
  BOOST_TEST(!load_settings({place.path + "/pipe", true}, {"none.env"}));
  BOOST_TEST(!load_settings({"/dev/zero", true}, {"none.env"}));
  write("large.toml", std::string(1 << 20, '#'));
  BOOST_TEST(!load_settings({place.path + "/large.toml", true}, {"none.env"}));
  write("data.env", "WATCH_FOLDERS='/a");
  BOOST_TEST(!load());
  write("data.env", std::string(1 << 20, '#'));
  BOOST_TEST(!load());
}

BOOST_FIXTURE_TEST_CASE(an_env_file_of_the_working_directory_is_somebody_elses, fixture) {
  write(".env", "DB_PATH=/theirs.db\nWATCH_FOLDERS=/theirs\n");
  auto loaded = load();
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->database == "");
  BOOST_TEST(loaded->watch_folders.empty());
}

BOOST_FIXTURE_TEST_CASE(an_env_file_asked_for_must_be_there_and_be_a_file, fixture) {
  BOOST_TEST(!load(false, true));
  fs::create_directory(place.path + "/data.env");
  BOOST_TEST(!load(false, true));
  BOOST_TEST(!load());
}

BOOST_FIXTURE_TEST_CASE(a_tilde_is_the_home_folder, fixture) {
  ::setenv("HOME", "/home/ada", 1);
  write("config.toml", "watch_folders = ['~/Sounds']\n");
  write("data.env", "DB_PATH=~/tables.db\n");
  BOOST_TEST(load()->watch_folders == folders{"/home/ada/Sounds"},
             boost::test_tools::per_element());
  BOOST_TEST(load()->database == "/home/ada/tables.db");
  ::setenv("WATCH_FOLDERS", "~, ~/Pictures, ~ada, /a/~, ~x/y", 1);
  BOOST_TEST(load()->watch_folders
                 == (folders{"/home/ada", "/home/ada/Pictures", "~ada", "/a/~", "~x/y"}),
             boost::test_tools::per_element());
  ::unsetenv("HOME");
  auto homeless = load();
  BOOST_REQUIRE(!homeless);
  BOOST_TEST(homeless.failure().message.find("data.env") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(settings_know_where_they_are_set, fixture) {
  BOOST_TEST(load()->database_from == "");
  write("config.toml", "watch_folders = ['/c']\ndatabase = 'c.db'\n");
  BOOST_TEST(load()->watch_folders_from == "watch_folders in '" + place.path + "/config.toml'");
  BOOST_TEST(load()->database_from == "database in '" + place.path + "/config.toml'");
  write("data.env", "WATCH_FOLDERS=/e\n");
  BOOST_TEST(load()->watch_folders_from == "WATCH_FOLDERS in '" + place.path + "/data.env'");
  ::setenv("DB_PATH", "x.db", 1);
  BOOST_TEST(load()->database_from == "the environment variable DB_PATH");
  ::setenv("DB_PATH", "\xff", 1);
  BOOST_REQUIRE(!load());
  BOOST_TEST(load().failure().message.find("variable DB_PATH") != std::string::npos);
}
