#define BOOST_TEST_MODULE platform_settings
#include <boost/test/unit_test.hpp>

#include "platform/settings.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

/// A working directory of the test's own, and an environment without our variables.
struct fixture {
  temp_folder place;
  fs::path before = fs::current_path();
  fixture() {
    fs::current_path(place.path);
    ::unsetenv("WATCH_FOLDERS");
    ::unsetenv("DB_PATH");
  }
  ~fixture() {
    fs::current_path(before);
    ::unsetenv("WATCH_FOLDERS");
    ::unsetenv("DB_PATH");
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
  auto loaded = load_settings(place.path + "/config.toml", false);
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->watch_folders.empty());
  BOOST_TEST(loaded->database.empty());
  BOOST_TEST(loaded->log_level == "info");
  BOOST_TEST(loaded->log_segment_bytes == 64u << 20);
}

BOOST_FIXTURE_TEST_CASE(the_size_of_the_logs_segments_can_be_set, fixture) {
  write("config.toml", "log_segment_bytes = 65536\n");
  auto loaded = load_settings(place.path + "/config.toml", true);
  BOOST_REQUIRE(loaded);
  BOOST_TEST(loaded->log_segment_bytes == 65536u);
}

BOOST_FIXTURE_TEST_CASE(the_environment_wins_over_env_over_config, fixture) {
  write("config.toml", "watch_folders = ['/c']\ndatabase = 'c.db'\nlog_level = 'debug'\n");
  auto config = place.path + "/config.toml";
  BOOST_TEST(load_settings(config, true)->database == "c.db");
  write(".env", "WATCH_FOLDERS=/e1,/e2\nDB_PATH=e.db\nOTHER='open\n");
  auto with_env = load_settings(config, true);
  BOOST_REQUIRE(with_env);
  BOOST_TEST(with_env->database == "e.db");
  BOOST_TEST(with_env->watch_folders == (folders{"/e1", "/e2"}), boost::test_tools::per_element());
  BOOST_TEST(with_env->log_level == "debug");
  ::setenv("DB_PATH", "x.db", 1);
  BOOST_TEST(load_settings(config, true)->database == "x.db");
}

BOOST_FIXTURE_TEST_CASE(a_config_file_with_a_mistake_is_refused_with_its_line, fixture) {
  for (auto text : {"\nwatch_folder = ['/a']", "\nwatch_folders = '/a'", "\nwatch_folders = [1]",
                    "\nlog_level = 'loud'", "\ndatabase = 7", "\ndatabase = ", "\n[database]",
                    "\nlog_segment_bytes = 65535", "\nlog_segment_bytes = 1073741825",
                    "\nlog_segment_bytes = -1", "\nlog_segment_bytes = '64 MiB'"}) {
    BOOST_TEST_CONTEXT(text) {
      write("config.toml", text);
      auto loaded = load_settings(place.path + "/config.toml", true);
      BOOST_REQUIRE(!loaded);
      BOOST_TEST((loaded.failure().code == error_code::invalid_argument));
      BOOST_TEST(loaded.failure().message.find("line 2") != std::string::npos);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_config_file_asked_for_must_exist, fixture) {
  BOOST_TEST(!load_settings(place.path + "/none.toml", true));
}

BOOST_FIXTURE_TEST_CASE(hostile_files_are_refused_and_never_hang, fixture) {
  BOOST_REQUIRE(::mkfifo((place.path + "/pipe").c_str(), 0600) == 0);
  BOOST_TEST(!load_settings(place.path + "/pipe", true));
  BOOST_TEST(!load_settings("/dev/zero", true));
  write("large.toml", std::string(1 << 20, '#'));
  BOOST_TEST(!load_settings(place.path + "/large.toml", true));
  write(".env", "WATCH_FOLDERS='/a");
  BOOST_TEST(!load_settings(place.path + "/config.toml", false));
  write(".env", std::string(1 << 20, '#'));
  BOOST_TEST(!load_settings(place.path + "/config.toml", false));
}

BOOST_FIXTURE_TEST_CASE(an_env_that_is_no_file_is_somebody_elses, fixture) {
  fs::create_directory(place.path + "/.env");
  BOOST_TEST(bool(load_settings(place.path + "/config.toml", false)));
}
