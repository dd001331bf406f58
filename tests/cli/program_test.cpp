// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cli_program
#include <boost/test/unit_test.hpp>

#include "platform/data_folder.hpp"
#include "support/temp_folder.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podstudio;
namespace fs = std::filesystem;

// The real binary, from the outside.

namespace {

struct outcome {
  int code = -1;
  std::string out, err;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A place of its own for one test: data folder, media, working directory, environment.
class place {
public:
  place() {
    fs::create_directory(media());
    for (auto name : {"PODSTUDIO_DATA", "WATCH_FOLDERS", "DB_PATH", "NOTIFY_SOCKET"})
      ::unsetenv(name);
  }
  ~place() {
    if (service_ > 0) stop(SIGKILL);
  }

  std::string data() const { return folder_.path + "/data"; }
  std::string media() const { return folder_.path + "/media"; }

  void add_file(const std::string& name, const std::string& text) const {
    std::ofstream(media() + "/" + name) << text;
  }

  /// Runs the program, or a copy of it, to its end.
  outcome run(const std::vector<std::string>& arguments,
              const std::string& program = PODSTUDIO_PROGRAM) const {
    auto child = start(arguments, folder_.path + "/out", folder_.path + "/err", program);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
            contents(folder_.path + "/out"), contents(folder_.path + "/err")};
  }
  /// The same with `--json` and the data folder of this place; the document it prints.
  nlohmann::json json(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--json", "--data", data()});
    auto ran = run(arguments);
    BOOST_TEST_INFO(ran.err);
    BOOST_TEST(ran.code == 0);
    BOOST_TEST(ran.err == "");
    return nlohmann::json::parse(ran.out, nullptr, false);
  }

  /// Starts the service and waits until it is ready; false if it ends instead.
  bool serve(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"--data", data(), "serve"});
    auto log = folder_.path + "/service";
    fs::remove(log);  // what an earlier service said does not count
    service_ = start(arguments, "/dev/null", log);
    for (int i = 0; i < 3'000; ++i) {
      if (contents(log) == "ready\n") return true;
      if (::waitpid(service_, nullptr, WNOHANG) == service_) {
        service_ = 0;
        return false;
      }
      ::usleep(10'000);
    }
    return false;
  }
  /// Ends the service; its status.
  int stop(int signal) {
    int status = 0;
    ::kill(service_, signal);
    ::waitpid(service_, &status, 0);
    service_ = 0;
    return status;
  }
  pid_t service() const { return service_; }

private:
  pid_t start(const std::vector<std::string>& arguments, const std::string& out,
              const std::string& err, const std::string& program = PODSTUDIO_PROGRAM) const {
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (const auto& word : arguments)
      words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    auto child = ::fork();
    if (child != 0) return child;
    auto redirect = [](const std::string& path, int fd) {
      ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), fd);
    };
    redirect(out, 1);
    redirect(err, 2);
    if (::chdir(folder_.path.c_str()) == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }

  temp_folder folder_;
  pid_t service_ = 0;
};

bool says(const outcome& ran, const std::string& text) {
  return (ran.out + ran.err).find(text) != std::string::npos;
}

/// A place with a library in it.
struct library_place : place {
  library_place() {
    for (auto name : {"a.png", "b.png", "c.wav"})
      add_file(name, name);
    json({"import", media()});
  }
  outcome ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--data", data()});
    return run(arguments);
  }
  std::string database() const { return data() + "/podstudio.db"; }
  std::string segment() const { return data() + "/log/00000000000000000001.log"; }
  /// Removes the files of the log, and leaves its folder.
  void empty_log() const {
    fs::remove_all(data() + "/log");
    fs::create_directory(data() + "/log");
    fs::permissions(data() + "/log", fs::perms::owner_all);
  }
};

bool is_one_line(const std::string& text) {
  return text.starts_with("podstudio: ") && text.find('\n') == text.size() - 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_usage_error_is_one_line_and_exit_code_2) {
  place here;
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"frobnicate"},
                                             {"--frobnicate"},
                                             {"--data", "", "status"},
                                             {"--db", "", "log", "verify"},
                                             {"import"},
                                             {"watch"},
                                             {"watch", "add"},
                                             {"asset", "list", "--type", "spreadsheet"},
                                             {"asset", "list", "--limit", "0"},
                                             {"asset", "list", "--limit", "many"},
                                             {"asset", "list", "--approved", "--unapproved"},
                                             {"asset", "approve", "x"},
                                             {"asset", "approve", "-1"},
                                             {"asset", "approve"},
                                             {"asset", "approve", "1", "--all-matching"},
                                             {"asset", "approve", "1", "--type", "image"},
                                             {"asset", "set", "1"},
                                             {"asset", "set", "1", "--provenance", "stolen"},
                                             {"log", "show", "--from", "x"},
                                             {"sync", "--timeout", "nan"},
                                             {"sync", "--timeout", "86401"},
                                             {"replay", "--check", "--output", "x.db"},
                                             {"replay", "--until", "yesterday"},
                                             {"replay", "--until", "2026-02-30"},
                                             {"sync", "--timeout", "-1"},
                                             {"sync", "now"},
                                             {"import", "a\xff.png"},
                                             {"--config", "none.toml", "status"}}) {
    auto ran = here.run(arguments);
    BOOST_TEST_CONTEXT(
        nlohmann::json(arguments).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
      BOOST_TEST(ran.code == (arguments.size() == 3 && arguments[0] == "--config" ? 1 : 2));
      BOOST_TEST(ran.out == "");
      BOOST_TEST(is_one_line(ran.err), ran.err);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_id_is_decimal_digits_and_fits_wherever_it_is_given) {
  place here;
  using words = std::vector<std::string>;
  const words commands[] = {
      {"asset", "approve", "ID"},
      {"asset", "approve", "1", "ID"},
      {"asset", "unapprove", "ID"},
      {"asset", "set", "ID", "--theme", "x"},
      {"asset", "tag", "1", "ID", "x"},
      {"asset", "untag", "ID", "x"},
      {"asset", "show", "ID"},
      {"asset", "history", "ID"},
      {"asset", "similar", "ID"},
      {"pack", "show", "ID"},
      {"pack", "edit", "ID", "--name", "x"},
      {"pack", "add", "ID", "1"},
      {"pack", "add", "1", "2", "ID"},
      {"pack", "remove", "1", "ID"},
      {"pack", "move", "ID", "1", "--to", "1"},
      {"pack", "move", "1", "ID", "--to", "1"},
      {"pack", "move", "1", "1", "--before", "ID"},
      {"pack", "copy", "ID", "x"},
      {"pack", "check", "ID"},
      {"pack", "delete", "ID"},
      {"pack", "history", "ID"},
      {"job", "show", "ID"},
  };
  for (auto command : commands) {
    auto at = std::find(command.begin(), command.end(), "ID");
    bool or_path = command[0] == "asset"
                   && (command[1] == "show" || command[1] == "history" || command[1] == "similar");
    for (const char* id : {"0", "007", "010", "9223372036854775808", "18446744073709551615",
                           "99999999999999999999999", "0x9", "+1", " 1", "1 ", "1.0", "1e3", ""}) {
      if (or_path && std::string(id).find_first_not_of("0123456789") != std::string::npos) continue;
      if (or_path && *id == '\0') continue;
      *at = id;
      auto ran = here.run(command);
      BOOST_TEST_CONTEXT(command[0] + " " + command[1] + " '" + id + "'") {
        BOOST_TEST(ran.code == 2);
        BOOST_TEST(ran.out == "");
        BOOST_TEST(is_one_line(ran.err), ran.err);
        auto said = "'" + std::string(id) + "' is not a whole number from 1 to 9223372036854775807";
        BOOST_TEST(ran.err.find(said) != std::string::npos, ran.err);
      }
    }
    *at = "9223372036854775807";  // an id, though there is no data folder to look in
    BOOST_TEST(here.run(command).code == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_number_is_decimal_digits_within_bounds_that_are_named) {
  place here;
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"history", "--limit", "0"}, "'0' is not a whole number from 1 to 9223372036854775807 in"},
      {{"history", "--limit", "010"}, "'010' is not a whole number"},
      {{"asset", "list", "--limit", "0x9"}, "'0x9' is not a whole number"},
      {{"asset", "list", "--after", "010"}, "'010' is not a whole number from 0 to"},
      {{"asset", "list", "--after", "9223372036854775808"}, "to 9223372036854775807 in"},
      {{"asset", "duplicates", "--limit", "10001"},
       "'10001' is not a whole number from 1 to 10000 in"},
      {{"asset", "similar", "1", "--limit", "10001"}, "'10001' is not a whole number from 1 to"},
      {{"asset", "similar", "1", "--distance", "65"}, "'65' is not a whole number from 0 to 64"},
      {{"asset", "similar", "--groups", "--distance", "32"},
       "'32' is not a whole number from 0 to 31"},
      {{"asset", "list", "--seed", "18446744073709551616"},
       "is not a whole number from 0 to 18446744073709551615"},
      {{"log", "show", "--limit", "-1"},
       "'-1' is not a whole number from 0 to 18446744073709551615"},
      {{"log", "show", "--from", "00"}, "'00' is not a whole number"},
      {{"log", "show", "--to", "18446744073709551616"}, "'18446744073709551616' is not a whole"},
      {{"sync", "--timeout", "1e9"}, "'1e9' is not a number of seconds from 0 to 86400;"},
  };
  for (const auto& [arguments, said] : wrong) {
    auto ran = here.run(arguments);
    BOOST_TEST(ran.code == 2);
    BOOST_TEST(is_one_line(ran.err), ran.err);
    BOOST_TEST(ran.err.find(said) != std::string::npos, ran.err);
  }
}

BOOST_AUTO_TEST_CASE(a_misspelt_word_is_answered_with_the_right_one) {
  place here;
  auto says = [&](const std::vector<std::string>& arguments, const std::string& text) {
    auto ran = here.run(arguments);
    BOOST_TEST(ran.code == 2);
    BOOST_TEST(ran.err.find(text) != std::string::npos, ran.err);
  };
  says({"improt", "x"}, "unknown command 'improt' (did you mean 'import'?); see");
  says({"asset", "aprove", "1"}, "unknown command 'aprove' (did you mean 'approve'?); see");
  says({"asset", "list", "--tpye=image"}, "did you mean '--type'?");
  says({"status", "--jsno"}, "did you mean '--json'?");
  says({"asset", "lst"}, "see 'podstudio asset --help'");
  says({"asset", "list", "--type", "picture"}, "must be image, audio or video, not 'picture';");
  says({"job", "list", "--kind", "sharpen"}, ", not 'sharpen'; see");
}

BOOST_AUTO_TEST_CASE(help_and_version_are_no_errors) {
  place here;
  auto help = here.run({"--help"});
  BOOST_TEST(help.code == 0);
  for (auto command :
       {"serve", "import", "sync", "status", "watch", "asset", "problem", "log", "replay"})
    BOOST_TEST(help.out.find(command) != std::string::npos);
  BOOST_TEST(here.run({"asset", "set", "--help"}).code == 0);
  BOOST_TEST(here.run({"--version"}).code == 0);
}

BOOST_AUTO_TEST_CASE(reading_makes_no_data_folder) {
  place here;
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"status"},
                                                                     {"asset", "list"},
                                                                     {"asset", "show", "1"},
                                                                     {"watch", "list"},
                                                                     {"problem", "list"},
                                                                     {"log", "show"},
                                                                     {"log", "verify"},
                                                                     {"replay"},
                                                                     {"replay", "--check"}}) {
    auto given = arguments;
    given.insert(given.begin(), {"--data", here.data()});
    auto ran = here.run(given);
    BOOST_TEST(ran.code == 1);
    BOOST_TEST(is_one_line(ran.err), ran.err);
    BOOST_TEST(!fs::exists(here.data()));
  }
}

BOOST_AUTO_TEST_CASE(sync_without_a_service_is_exit_code_3) {
  place here;
  auto ran = here.run({"--data", here.data(), "sync"});
  BOOST_TEST(ran.code == 3);
  BOOST_TEST(is_one_line(ran.err), ran.err);
}

BOOST_AUTO_TEST_CASE(import_and_read_commands_work_without_a_service) {
  place here;
  here.add_file("a b.PNG", "one");
  here.add_file("ü'\".wav", "two");
  here.add_file("notes.txt", "three");
  auto counts = here.json({"import", here.media()});
  BOOST_TEST(counts["registered"] == 2);
  BOOST_TEST(counts["failed"] == 0);
  auto assets = here.json({"asset", "list"});
  BOOST_TEST(assets.size() == 2u);
  auto one = here.json({"asset", "list", "--limit", "1", "--after", assets[0]["id"].dump()});
  BOOST_TEST(one == nlohmann::json::array({assets[1]}));
  BOOST_TEST(here.json({"asset", "list", "--type", "video"}) == nlohmann::json::array());
  for (const auto& asset : assets) {
    BOOST_TEST(here.json({"asset", "show", asset["id"].dump()})["path"] == asset["path"]);
    BOOST_TEST(here.json({"asset", "show", asset["path"]})["id"] == asset["id"]);
  }
  auto status = here.json({"status"});
  BOOST_TEST(status["pid"].is_null());
  BOOST_TEST(status["uptime_seconds"] == 0);
  BOOST_TEST(status["assets"]["total"] == 2);
  BOOST_TEST(here.json({"problem", "list"}) == nlohmann::json::array());
  auto missing = here.run({"--data", here.data(), "asset", "show", "99"});
  BOOST_TEST(missing.code == 1);
  BOOST_TEST(is_one_line(missing.err), missing.err);
}

BOOST_AUTO_TEST_CASE(media_that_is_not_taken_is_told) {
  place here;
  for (const auto* name : {"a.psd", "b.PSD", "c.svg", "d.txt", "e.jpeg"})
    here.add_file(name, name);
  BOOST_TEST(here.json({"import", here.media()})["not_taken"]
             == nlohmann::json({{"psd", 2}, {"svg", 1}}));
  auto again = here.run({"--data", here.data(), "import", here.media()});
  BOOST_TEST(again.out.ends_with("\nnot taken: 2 .psd, 1 .svg\n"), again.out);
  BOOST_REQUIRE(here.serve({"--watch", here.media()}));
  here.json({"sync"});
  BOOST_TEST(here.json({"status"})["roots"][0]["not_taken"]
             == nlohmann::json({{"psd", 2}, {"svg", 1}}));
  auto status = here.run({"--data", here.data(), "status"});
  BOOST_TEST(status.out.ends_with("\nnot taken: 2 .psd, 1 .svg\n"), status.out);
}

BOOST_AUTO_TEST_CASE(labels_are_set_by_id_and_by_filter) {
  place here;
  for (int i = 0; i < 3; ++i)
    here.add_file(std::to_string(i) + ".png", std::to_string(i));
  here.json({"import", here.media()});
  auto first = here.json({"asset", "list"})[0]["id"].dump();
  BOOST_TEST(here.json({"asset", "approve", first})["changed"] == 1);
  BOOST_TEST(here.json({"asset", "approve", "--all-matching", "--unapproved"})["changed"] == 2);
  here.json({"asset", "set", first, "--theme", "nature", "--source", "me", "--provenance",
             "ai_generated"});
  auto asset = here.json({"asset", "list", "--theme", "nature"})[0];
  BOOST_TEST(asset["source"] == "me");
  BOOST_TEST(asset["provenance"] == "ai_generated");
  here.json({"asset", "set", "--all-matching", "--with-theme", "nature", "--theme", ""});
  BOOST_TEST(here.json({"asset", "show", first})["theme"].is_null());
  BOOST_TEST(here.json({"asset", "unapprove", first})["changed"] == 1);
}

BOOST_AUTO_TEST_CASE(assets_are_rated_and_rejected_and_one_decision_takes_back_the_other) {
  place here;
  for (int i = 0; i < 4; ++i)
    here.add_file(std::to_string(i) + ".png", std::to_string(i));
  here.json({"import", here.media()});
  auto ids = [&](std::vector<std::string> filter) {
    filter.insert(filter.begin(), {"asset", "list"});
    std::string found;
    for (const auto& asset : here.json(filter))
      found += asset["id"].dump() + " ";
    return found;
  };
  BOOST_TEST(here.json({"asset", "rate", "1", "2", "4"})["changed"] == 2);
  BOOST_TEST(here.json({"asset", "rate", "3", "5"})["changed"] == 1);
  BOOST_TEST(ids({"--rating", "4"}) == "1 2 ");
  BOOST_TEST(ids({"--rating", "4.."}) == "1 2 3 ");
  BOOST_TEST(ids({"--rating", "..3"}) == "4 ");
  BOOST_TEST(ids({"--rating", "5..5", "--type", "image"}) == "3 ");
  for (const auto* wrong : {"6", "5..4", "..", "x", "-1", "3...5"})
    BOOST_TEST(here.run({"--data", here.data(), "asset", "list", "--rating", wrong}).code != 0,
               wrong);
  auto six = here.run({"--data", here.data(), "asset", "rate", "1", "6"});
  BOOST_TEST(six.code == 2);
  BOOST_TEST(six.err.find("rating") != std::string::npos, six.err);

  here.json({"asset", "approve", "1", "2"});
  auto before = here.json({"status"})["log"]["head_sequence"].get<int>();
  // One command, one frame: approved no more, and rejected.
  BOOST_TEST(here.json({"asset", "reject", "1", "4"})["changed"] == 3);
  BOOST_TEST(here.json({"status"})["log"]["head_sequence"].get<int>() == before + 3);
  BOOST_TEST(ids({"--approved"}) == "2 ");
  BOOST_TEST(ids({"--rejected"}) == "1 4 ");
  BOOST_TEST(ids({"--undecided"}) == "3 ");
  BOOST_TEST(ids({"--rejected", "--rating", "1.."}) == "1 ");
  BOOST_TEST(here.json({"asset", "show", "1"})["rating"] == 4);
  BOOST_TEST(here.json({"asset", "show", "1"})["rejected"] == true);
  auto command = here.json({"history", "--limit", "1"})[0]["id"].get<std::string>();
  BOOST_TEST(here.json({"undo", command})["changed"] == 3);
  BOOST_TEST(ids({"--approved"}) == "1 2 ");
  BOOST_TEST(ids({"--rejected"}) == "");
  here.json({"asset", "reject", "3"});
  BOOST_TEST(here.json({"asset", "approve", "3"})["changed"] == 2);
  BOOST_TEST(here.json({"asset", "unreject", "3"})["changed"] == 0);
  BOOST_TEST(here.json({"asset", "rate", "--all-matching", "--rating", "4..", "0"})["changed"]
             == 3);
  BOOST_TEST(ids({"--rating", "1.."}) == "");
  auto history = here.json({"asset", "history", "1"});
  BOOST_TEST(history.back()["type"] == "asset.rated");
  BOOST_TEST(history.back()["before"] == 4);
  BOOST_TEST(history.back()["after"] == 0);
  BOOST_TEST(here.json({"replay", "--check"})["identical"] == true);
}

BOOST_AUTO_TEST_CASE(what_files_say_can_be_shown_and_asked_for) {
  library_place here;
  auto shown = here.json({"asset", "show", "1"});
  for (const char* key : {"media", "problems", "generation", "suggested"})
    BOOST_TEST(shown.contains(key), key);
  BOOST_TEST(shown["media"].size() == 24u);
  for (const char* filter : {"--width=4000..", "--height=..800", "--duration=2.5..10",
                             "--fps=29.97", "--tool=ComfyUI", "--model=sdxl", "--prompt=a castle",
                             "--seed=7", "--alpha", "--opaque", "--broken", "--unread"}) {
    BOOST_TEST_CONTEXT(filter) {
      BOOST_TEST(here.ask({"asset", "list", filter}).code == 0);
      BOOST_TEST(here.ask({"asset", "tag", "--all-matching", filter, "t"}).code == 0);
      // What is set beside them keeps its names.
      BOOST_TEST(here.ask({"asset", "set", "--all-matching", filter, "--theme", "t"}).code == 0);
    }
  }
  for (const auto& [wrong, said] :
       {std::pair("--width=wide", "filter 'width' is 'wide'; it must be a number or a range"),
        std::pair("--duration=1e3", "filter 'duration' is '1e3'"),
        std::pair("--fps=fast", "filter 'fps' is 'fast'")}) {
    auto ran = here.ask({"asset", "list", wrong});
    BOOST_TEST(ran.code == 2);
    BOOST_TEST(is_one_line(ran.err), ran.err);
    BOOST_TEST(ran.err.find(said) != std::string::npos, ran.err);
  }
  BOOST_TEST(here.ask({"asset", "list", "--alpha", "--opaque"}).code == 2);
}

BOOST_AUTO_TEST_CASE(what_looks_alike_is_asked_of_one_asset_or_of_all) {
  library_place here;
  BOOST_TEST(here.json({"asset", "similar", "--groups"}) == nlohmann::json::array());
  BOOST_TEST(here.json({"asset", "duplicates", "--similar"}) == nlohmann::json::array());
  // No picture: nothing to compare.
  auto ran = here.ask({"asset", "similar", "1"});
  BOOST_TEST(ran.code == 1);
  BOOST_TEST(says(ran, "asset 1 cannot be compared: "), ran.err);
  BOOST_TEST(here.ask({"asset", "similar", here.media() + "/a.png"}).code == 1);
  BOOST_TEST(says(here.ask({"asset", "similar", "99"}), "there is no asset 99"));
  for (const auto& arguments : {std::vector<std::string>{"asset", "similar"},
                                std::vector<std::string>{"asset", "similar", "1", "--groups"}}) {
    auto wrong = here.ask(arguments);
    BOOST_TEST(wrong.code == 2);
    BOOST_TEST(says(wrong, "--groups"), wrong.err);
  }
}

BOOST_AUTO_TEST_CASE(duplicates_are_reported_with_what_they_take) {
  place it;
  it.add_file("a.png", std::string(3'000, 'x'));
  it.add_file("b.png", std::string(3'000, 'x'));
  it.add_file("c.png", "other");
  it.json({"import", it.media()});
  auto report = it.json({"asset", "duplicates"});
  BOOST_TEST(report["groups"] == 1);
  BOOST_TEST(report["files"] == 2);
  BOOST_TEST(report["reclaimable_bytes"] == 3'000);
  BOOST_TEST(report["largest"][0]["assets"][1]["path"].get<std::string>().ends_with("/b.png"));
  auto shown = it.run({"--data", it.data(), "asset", "duplicates", "--limit", "1"});
  BOOST_TEST(shown.code == 0);
  BOOST_TEST(shown.out.ends_with("2 files in 1 group; 3.0 kB could be saved\n"), shown.out);
  BOOST_TEST(it.run({"--data", it.data(), "asset", "duplicates", "--limit", "0"}).code == 2);
  BOOST_TEST(it.json({"asset", "list", "--duplicates"}).size() == 2u);
  std::filesystem::create_hard_link(it.media() + "/a.png", it.media() + "/d.png");
  it.json({"import", it.media()});
  shown = it.run({"--data", it.data(), "asset", "duplicates"});
  BOOST_TEST(shown.out.find("/d.png (the same file as 1)\n") != std::string::npos, shown.out);
  BOOST_TEST(shown.out.ends_with("2 files in 1 group; 3.0 kB could be saved\n"), shown.out);
}

BOOST_AUTO_TEST_CASE(the_log_is_shown_and_verified_and_replays_to_the_same_tables) {
  place here;
  here.add_file("a.png", "one");
  here.json({"import", here.media()});
  auto shown = here.run({"--data", here.data(), "log", "show", "--type", "asset.registered"});
  auto line = nlohmann::json::parse(shown.out, nullptr, false);
  for (auto key : {"sequence", "at", "type", "version", "origin", "command", "data"})
    BOOST_TEST(line.contains(key), key);
  BOOST_TEST(line["type"] == "asset.registered");
  auto verified = here.json({"log", "verify"});
  BOOST_TEST(here.json({"log", "head"})["head_hash"] == verified["head_hash"]);
  BOOST_TEST(here.json({"replay", "--check"})["identical"] == true);
  here.json({"replay"});
  auto other = here.media() + "/other.db";
  BOOST_TEST(here.json({"replay", "--output", other, "--until", "1"})["output"] == other);
  BOOST_TEST(fs::exists(other));
  auto checked = here.run({"--data", here.data(), "replay", "--check"});
  BOOST_TEST(checked.out.starts_with("identical at sequence "), checked.out);
}

BOOST_AUTO_TEST_CASE(a_damaged_log_is_exit_code_4) {
  place here;
  here.add_file("a.png", "one");
  here.json({"import", here.media()});
  for (const auto& segment : fs::directory_iterator(here.data() + "/log")) {
    std::fstream file(segment.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2);
    file.put('\x7f');
  }
  auto ran = here.run({"--data", here.data(), "log", "verify"});
  BOOST_TEST(ran.code == 4);
  BOOST_TEST(is_one_line(ran.err), ran.err);
}

BOOST_AUTO_TEST_CASE(a_service_answers_and_ends_when_it_is_told_to) {
  place here;
  here.add_file("a.png", "one");
  BOOST_REQUIRE(here.serve({"--watch", here.media()}));
  BOOST_TEST(here.json({"sync"}).contains("sequence"));
  auto status = here.json({"status"});
  BOOST_TEST(status["pid"] == here.service());
  BOOST_TEST(status["assets"]["total"] == 1);
  BOOST_TEST(status["roots"][0]["path"] == here.media());
  here.add_file("b.png", "two");
  here.json({"sync"});
  auto assets = here.json({"asset", "list"});
  BOOST_TEST(assets.size() == 2u);
  BOOST_TEST(here.json({"asset", "approve", assets[0]["id"].dump()})["changed"] == 1);
  BOOST_TEST(here.stop(SIGTERM) == 0);
  BOOST_TEST(!fs::exists(here.data() + "/run/console.json"));
  BOOST_TEST(here.json({"asset", "list", "--approved"}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_second_service_is_told_of_the_first) {
  place here;
  BOOST_REQUIRE(here.serve());
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"serve"}, {"replay"}}) {
    auto given = arguments;
    given.insert(given.begin(), {"--data", here.data()});
    auto ran = here.run(given);
    BOOST_TEST(ran.code == 3);
    BOOST_TEST(is_one_line(ran.err), ran.err);
    BOOST_TEST(ran.err.find(std::to_string(here.service())) != std::string::npos, ran.err);
  }
  BOOST_TEST(here.stop(SIGINT) == 0);
}

BOOST_AUTO_TEST_CASE(what_a_killed_service_leaves_behind_misleads_nobody) {
  place here;
  here.add_file("a.png", "one");
  BOOST_REQUIRE(here.serve({"--watch", here.media()}));
  here.json({"sync"});
  here.stop(SIGKILL);
  BOOST_TEST(fs::exists(here.data() + "/run/console.json"));
  BOOST_TEST(here.json({"status"})["pid"].is_null());
  BOOST_TEST(here.json({"asset", "list"}).size() == 1u);
  BOOST_TEST(here.run({"--data", here.data(), "sync"}).code == 3);
  BOOST_REQUIRE(here.serve());
  BOOST_TEST(here.json({"asset", "list"}).size() == 1u);
  BOOST_TEST(here.stop(SIGTERM) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_program_without_its_engine_asks_a_service_and_nothing_else,
                        library_place) {
  fs::create_directory(media() + "/alone");
  auto alone = media() + "/alone/podstudio";
  fs::copy_file(PODSTUDIO_PROGRAM, alone);
  auto ask_alone = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--data", data()});
    return run(arguments, alone);
  };
  auto engine = "'" + media() + "/alone/podstudio-engine'";
  for (std::vector<std::string> words : {std::vector<std::string>{"status"},
                                         {"log", "verify"},
                                         {"pack", "verify", "some.zip"},
                                         {"asset", "list", "--help"},
                                         {"frobnicate"}}) {
    auto refused = ask_alone(words);
    BOOST_TEST(refused.code == 1);
    BOOST_TEST(says(refused, "there is no program " + engine));
    BOOST_TEST(is_one_line(refused.err));
  }
  BOOST_REQUIRE(serve());
  for (std::vector<std::string> words : {std::vector<std::string>{"status"},
                                         {"asset", "list"},
                                         {"watch", "list"},
                                         {"job", "list"},
                                         {"asset", "approve", "1"}}) {
    auto answered = ask_alone(words);
    BOOST_TEST(answered.code == 0);
    BOOST_TEST(answered.err == "");
  }
  BOOST_TEST(ask_alone({"log", "verify"}).code == 1);
}

BOOST_FIXTURE_TEST_CASE(a_program_that_asks_a_service_loads_no_library_of_the_engine, place) {
  auto libraries = [&](const std::string& program) {
    ::setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);  // as ldd(1) does
    auto listed = run({}, program).out;
    ::unsetenv("LD_TRACE_LOADED_OBJECTS");
    return listed;
  };
  auto loads = [](const std::string& list, const char* name) {
    return list.find(name) != std::string::npos;
  };
  auto client = libraries(PODSTUDIO_PROGRAM), engine = libraries(PODSTUDIO_PROGRAM "-engine");
  BOOST_TEST(loads(client, "libc.so"));
  for (const auto* name : {"libcaf_core", "libcrypto", "libsqlite3"}) {
    BOOST_TEST(!loads(client, name));
    BOOST_TEST(loads(engine, name));
  }
}

BOOST_AUTO_TEST_CASE(words_that_are_commands_may_also_be_paths) {
  place here;
  auto ran = here.run({"--data", here.data(), "import", "sync", "log"});
  BOOST_TEST(ran.code == 1);  // no such files; not a usage error
  BOOST_TEST(ran.err.find("/sync") != std::string::npos, ran.err);
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_is_an_error) {
  place here;
  here.add_file("a.png", "one");
  here.json({"import", here.media()});
  for (const char* asked : {"status", "--help", "--version", "asset --help"}) {
    auto command = std::string(PODSTUDIO_PROGRAM) + " --data " + here.data() + " " + asked
                   + " > /dev/full 2> /dev/null";
    BOOST_TEST(WEXITSTATUS(std::system(command.c_str())) == 1, asked);
  }
}

// --- a log and its tables that do not fit ---

BOOST_AUTO_TEST_CASE(a_replay_keeps_tables_that_hold_more_than_the_log) {
  library_place here;
  auto before = here.json({"log", "head"})["head_sequence"].get<int>();
  here.empty_log();
  auto refused = here.ask({"replay"});
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(is_one_line(refused.err), refused.err);
  for (const auto& text : {"up to sequence " + std::to_string(before), std::string("ends at 0"),
                           std::string("restore"), std::string("--force")})
    BOOST_TEST(says(refused, text), refused.err);
  BOOST_TEST(here.ask({"replay", "--until", "1"}).code == 1);
  BOOST_TEST(here.ask({"replay", "--output", here.database()}).code == 1);
  // They are as they were.
  BOOST_TEST(says(here.ask({"log", "verify"}), "up to sequence " + std::to_string(before)));
  BOOST_TEST(here.ask({"replay", "--check", "--force"}).code == 2);
  auto forced = here.ask({"replay", "--force"});
  BOOST_TEST(forced.code == 0, forced.err);
  BOOST_TEST(here.json({"asset", "list"}).empty());
}

BOOST_AUTO_TEST_CASE(a_replay_keeps_tables_of_a_log_that_was_written_anew) {
  library_place here;
  auto other = here.media() + "/saved";
  fs::copy(here.data(), other, fs::copy_options::recursive);
  here.json({"asset", "approve", "1"});
  // The same beginning, and then something else, up to the same sequence.
  fs::remove_all(here.data() + "/log");
  fs::copy(other + "/log", here.data() + "/log", fs::copy_options::recursive);
  fs::permissions(here.data() + "/log", fs::perms::owner_all);
  auto tables = here.media() + "/tables";
  fs::rename(here.database(), tables);
  here.json({"asset", "approve", "2"});
  fs::rename(tables, here.database());
  auto refused = here.ask({"replay"});
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(says(refused, "different events at sequence"), refused.err);
  BOOST_TEST(here.ask({"replay", "--force"}).code == 0);
  BOOST_TEST(here.json({"asset", "show", "2"})["approved"] == true);
  BOOST_TEST(here.json({"asset", "show", "1"})["approved"] == false);
}

BOOST_AUTO_TEST_CASE(a_log_that_lost_events_is_not_called_intact) {
  library_place here;
  auto head = here.json({"log", "head"})["head_sequence"].dump();
  BOOST_TEST(here.ask({"log", "verify"}).code == 0);
  here.empty_log();
  auto verified = here.ask({"log", "verify"});
  BOOST_TEST(verified.code == 4);
  BOOST_TEST(verified.out == "");
  BOOST_TEST(is_one_line(verified.err), verified.err);
  BOOST_TEST(says(verified, "has lost events: it ends at sequence 0"), verified.err);
  BOOST_TEST(says(verified, "up to sequence " + head), verified.err);
  // Where there are no tables, nothing tells of events.
  for (auto suffix : {"", "-wal", "-shm"})
    fs::remove(here.database() + suffix);
  verified = here.ask({"log", "verify"});
  BOOST_TEST(verified.code == 0);
  BOOST_TEST(says(verified, "intact"));
}

BOOST_AUTO_TEST_CASE(a_log_that_is_missing_is_named_and_not_begun_anew) {
  library_place here;
  fs::rename(here.data() + "/log", here.media() + "/log");
  for (const auto& command : std::vector<std::vector<std::string>>{{"asset", "list"},
                                                                   {"status"},
                                                                   {"import", here.media()},
                                                                   {"serve"},
                                                                   {"log", "verify"},
                                                                   {"log", "head"},
                                                                   {"replay"}}) {
    auto ran = here.ask(command);
    BOOST_TEST_CONTEXT(command[0] << ": " << ran.err) {
      BOOST_TEST(ran.code == 4);
      BOOST_TEST(is_one_line(ran.err));
      BOOST_TEST(says(ran, "/log' is missing"));
      BOOST_TEST(says(ran, "restore"));
      BOOST_TEST(!says(ran, "podstudio import"));
      BOOST_TEST(!fs::exists(here.data() + "/log"));
    }
  }
  fs::rename(here.media() + "/log", here.data() + "/log");
  BOOST_TEST(here.json({"asset", "list"}).size() == 3u);
}

BOOST_AUTO_TEST_CASE(tables_of_another_library_are_refused_and_stay) {
  library_place here, there;
  there.json({"asset", "approve", "1"});
  auto before = there.json({"status"})["log"]["head_sequence"];
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"asset", "list"}, {"import", here.media()}, {"replay"}, {"replay", "--force"}}) {
    auto given = command;
    given.insert(given.begin(), {"--db", there.database()});
    auto ran = here.ask(given);
    BOOST_TEST_CONTEXT(command[0] << ": " << ran.err) {
      BOOST_TEST(ran.code == 1);
      BOOST_TEST(is_one_line(ran.err));
      BOOST_TEST(says(ran, "another library"));
      BOOST_TEST(says(ran, "(set by --db)"));
    }
  }
  auto ran = here.ask({"replay", "--output", there.database()});
  BOOST_TEST(ran.code == 1);
  BOOST_TEST(says(ran, "another library"), ran.err);
  BOOST_TEST(there.json({"asset", "show", "1"})["approved"] == true);
  BOOST_TEST(there.json({"status"})["log"]["head_sequence"] == before);
  // Those of this one that are behind are brought up to date.
  auto past = here.media() + "/past.db";
  here.json({"replay", "--output", past, "--until", "1"});
  ran = here.ask({"--db", past, "asset", "list"});
  BOOST_TEST(ran.code == 0, ran.err);
  BOOST_TEST(says(ran, "/c.wav"));
}

BOOST_AUTO_TEST_CASE(a_ruined_file_is_rebuilt_in_its_usual_place_only) {
  library_place here;
  auto ruin = [](const std::string& file, std::size_t begin, std::size_t end) {
    std::fstream to(file, std::ios::in | std::ios::out | std::ios::binary);
    to.seekp(static_cast<std::streamoff>(begin));
    to << std::string(end - begin, '\xa5');
  };
  for (auto [begin, end] : {std::pair{0u, 4096u}, {0u, 16u}, {68u, 72u}, {60u, 4096u}}) {
    BOOST_TEST_CONTEXT(begin << " to " << end) {
      ruin(here.database(), begin, end);
      auto ran = here.ask({"asset", "list"});
      BOOST_TEST(ran.code == 0, ran.err);
      ruin(here.database(), begin, end);
      ran = here.ask({"replay"});
      BOOST_TEST(ran.code == 0, ran.err);
      BOOST_TEST(here.json({"replay", "--check"})["identical"] == true);
    }
  }
  auto elsewhere = here.media() + "/picture.db";
  std::ofstream(elsewhere) << std::string(5'000, 'x');
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"asset", "list"}, {"replay"}, {"replay", "--force"}}) {
    auto given = command;
    given.insert(given.begin(), {"--db", elsewhere});
    auto ran = here.ask(given);
    BOOST_TEST(ran.code == 1);
    BOOST_TEST(says(ran, "is not a database"), ran.err);
  }
  BOOST_TEST(contents(elsewhere) == std::string(5'000, 'x'));
}

// --- commands beside each other ---

BOOST_AUTO_TEST_CASE(commands_without_a_service_wait_for_each_other) {
  library_place here;
  auto command = "for i in $(seq 20); do ( " + std::string(PODSTUDIO_PROGRAM) + " --data "
                 + here.data() + " asset tag 1 tag$i >/dev/null 2>>" + here.media()
                 + "/err || echo failed ) & done; wait";
  auto* from = ::popen(command.c_str(), "r");
  BOOST_REQUIRE(from != nullptr);
  std::string out;
  for (int letter = 0; (letter = std::fgetc(from)) != EOF;)
    out += static_cast<char>(letter);
  ::pclose(from);
  BOOST_TEST(out == "", contents(here.media() + "/err"));
  BOOST_TEST(here.json({"asset", "show", "1"})["tags"].size() == 20u);
}

BOOST_AUTO_TEST_CASE(two_signals_at_once_are_one_request_to_stop) {
  library_place here;
  for (int i = 0; i < 5; ++i) {
    BOOST_REQUIRE(here.serve());
    ::kill(here.service(), SIGTERM);
    ::usleep(2'000u * static_cast<unsigned>(i));
    BOOST_TEST(here.stop(SIGTERM) == 0);
  }
}

// --- what others may write, or have put there ---

BOOST_AUTO_TEST_CASE(files_that_others_may_write_to_are_refused_with_the_remedy) {
  library_place here;
  std::ofstream(here.data() + "/config.toml") << "poll_seconds = 30\n";
  // In a folder that only its owner can enter, nobody else can reach them.
  BOOST_REQUIRE(::chmod((here.data() + "/config.toml").c_str(), 0664) == 0);
  BOOST_TEST(here.ask({"asset", "list"}).code == 0);
  BOOST_REQUIRE(::chmod((here.data() + "/config.toml").c_str(), 0600) == 0);
  BOOST_REQUIRE(::chmod(here.data().c_str(), 0755) == 0);
  const std::pair<std::string, std::string> files[] = {
      {here.segment(), "chmod -R go-w '" + here.data() + "/log'"},
      {here.database(), "chmod go-w '" + here.database() + "'"},
      {here.data() + "/config.toml", "chmod go-w '" + here.data() + "/config.toml'"},
  };
  for (const auto& [file, remedy] : files)
    for (auto mode : {0660, 0606}) {
      BOOST_REQUIRE(::chmod(file.c_str(), static_cast<mode_t>(mode)) == 0);
      for (const auto& command :
           std::vector<std::vector<std::string>>{{"asset", "list"}, {"log", "verify"}, {"serve"}}) {
        auto ran = here.ask(command);
        BOOST_TEST(ran.code == 1);
        BOOST_TEST(is_one_line(ran.err), ran.err);
        BOOST_TEST(says(ran, "; run: " + remedy), ran.err);
      }
      BOOST_REQUIRE(std::system(remedy.c_str()) == 0);
      BOOST_TEST(here.ask({"asset", "list"}).code == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_folder_or_a_link_in_a_files_place_is_said_in_plain_words) {
  library_place here;
  auto expect = [&](const std::string& text, int code = 1) {
    auto ran = here.ask({"asset", "list"});
    BOOST_TEST(ran.code == code);
    BOOST_TEST(is_one_line(ran.err), ran.err);
    BOOST_TEST(says(ran, text), ran.err);
    for (auto raw : {"Too many levels", "Is a directory", "unable to open"})
      BOOST_TEST(!says(ran, raw), ran.err);
  };
  auto in_place_of = [&](const std::string& file, auto put, const std::string& text) {
    fs::rename(file, file + ".aside");
    put(file);
    expect(text);
    fs::remove(file);
    fs::rename(file + ".aside", file);
  };
  auto folder = [](const std::string& at) { fs::create_directory(at); };
  auto loop = [](const std::string& at) { fs::create_symlink(at, at); };
  in_place_of(here.database(), folder, "is a folder, not a regular file; move it away");
  in_place_of(here.database(), loop, "symbolic link");
  in_place_of(here.segment(), folder, "not a regular file");
  in_place_of(here.segment(), loop, "symbolic link");
  in_place_of(here.data() + "/run/lock", folder, "it is a folder; move it away");
  in_place_of(here.data() + "/run/lock", loop, "is a link");
  BOOST_TEST(here.ask({"asset", "list"}).code == 0);
}

BOOST_AUTO_TEST_CASE(status_says_where_a_service_listens_and_why_not_at_its_socket) {
  library_place here;
  auto socket = here.data() + "/run/console.sock";
  BOOST_REQUIRE(here.serve());
  auto console = here.json({"status"})["console"];
  BOOST_TEST(console["socket"] == socket);
  BOOST_TEST(console["socket_failure"].is_null());
  BOOST_TEST(console["port"].is_number_unsigned());
  auto shown = here.ask({"status"});
  BOOST_TEST(says(shown, "socket " + socket + ", port "), shown.out);
  BOOST_TEST(says(shown, "(2 images, 1 sound, 0 clips)"), shown.out);
  here.stop(SIGTERM);
  std::ofstream(socket) << "in the way";
  BOOST_REQUIRE(here.serve());
  console = here.json({"status"})["console"];
  BOOST_TEST(console["socket"].is_null());
  BOOST_TEST(console["socket_failure"].get<std::string>().find(socket) != std::string::npos);
  shown = here.ask({"status"});
  BOOST_TEST(says(shown, " only: '" + socket + "' is not the socket of an earlier service"),
             shown.out);
  BOOST_TEST(here.stop(SIGTERM) == 0);
}

BOOST_AUTO_TEST_CASE(a_service_does_not_start_with_a_key_that_nobody_can_use) {
  library_place here;
  BOOST_REQUIRE(here.serve());
  here.stop(SIGTERM);
  auto tls = here.data() + "/tls";
  auto key = contents(tls + "/console.key"), certificate = contents(tls + "/console.crt");
  auto refused = [&](const std::string& file, const std::string& bytes) {
    auto good = contents(file);
    std::ofstream(file) << bytes;
    auto ran = here.ask({"serve"});
    BOOST_TEST(ran.code == 4);
    BOOST_TEST(says(ran, file), ran.err);
    BOOST_TEST(says(ran, "remove '" + tls + "'"), ran.err);
    BOOST_TEST(contents(file) == bytes);
    std::ofstream(file) << good;
  };
  refused(tls + "/console.crt", "");
  refused(tls + "/console.crt", certificate.substr(0, certificate.size() / 2));
  refused(tls + "/console.key", "");
  refused(tls + "/console.key", key.substr(0, key.size() / 2));
  fs::rename(tls, tls + ".old");
  BOOST_REQUIRE(here.serve());  // makes a new pair
  here.stop(SIGTERM);
  refused(tls + "/console.crt", certificate);
  BOOST_REQUIRE(here.serve());
  BOOST_TEST(here.stop(SIGTERM) == 0);
}

BOOST_AUTO_TEST_CASE(messages_are_plain_english) {
  library_place here;
  BOOST_TEST(says(here.run({"--help"}), "List the files that could not be ingested, and why"));
  BOOST_TEST(says(here.run({"import", "a\xff.png"}), "is not valid UTF-8"));
  BOOST_TEST(says(here.ask({"watch", "add", here.media() + "/a.png"}), "is not a folder"));
}

BOOST_AUTO_TEST_CASE(a_backup_is_not_behind_tables_that_the_environment_names) {
  library_place here;
  auto backup = here.media() + "/backup";
  here.json({"backup", backup});
  here.json({"asset", "approve", "1"});
  ::setenv("DB_PATH", here.database().c_str(), 1);
  auto verified = here.run({"--data", backup, "log", "verify"});
  ::unsetenv("DB_PATH");
  BOOST_TEST(verified.code == 0, verified.err);
}

// What is derived from the declared commands.

namespace {

/// The commands as the manual page has them: `asset list`.
std::vector<std::string> commands_of_manual(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(page);
  const std::string heading = ".SS podstudio ";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(heading)) continue;
    std::istringstream words(line.substr(heading.size()));
    std::string command;
    for (std::string word; words >> word && std::islower(static_cast<unsigned char>(word[0]));)
      command += (command.empty() ? "" : " ") + word;
    commands.push_back(command);
  }
  return commands;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_manual_page_and_readme_have_every_command, place) {
  auto page = run({"manual"});
  BOOST_TEST(page.code == 0);
  auto commands = commands_of_manual(page.out);
  BOOST_TEST(commands.size() > 50u);
  const auto readme = contents(README_PAGE);
  for (const auto& command : commands)
    BOOST_TEST(readme.find('`' + command) != std::string::npos, "README lacks: " << command);
  BOOST_TEST(page.out.find(".SS podstudio job submit KIND\n") != std::string::npos);
  for (const char* part : {".TH PODSTUDIO 1", "\\fB\\-\\-rating\\fR", ".SH EXIT STATUS"})
    BOOST_TEST(page.out.find(part) != std::string::npos, part);
}

BOOST_FIXTURE_TEST_CASE(completion_knows_commands_and_options, place) {
  auto script = run({"completion", "bash"});
  BOOST_TEST(script.code == 0);
  std::ofstream(media() + "/script") << script.out;
  auto completes = [&](const std::string& typed) {
    auto asked = ". '" + media() + "/script'; COMP_WORDS=(" + typed
                 + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _podstudio; echo \"${COMPREPLY[*]}\"";
    auto command = "bash -euc '" + std::regex_replace(asked, std::regex("'"), "'\\''") + "' >"
                   + media() + "/completed";
    BOOST_TEST(std::system(command.c_str()) == 0, command);
    auto words = contents(media() + "/completed");
    words.pop_back();
    return words;
  };
  BOOST_TEST(completes("podstudio rep") == "replay");
  BOOST_TEST(completes("podstudio --json asset unt") == "untag");
  BOOST_TEST(completes("podstudio asset list --prov") == "--provenance");
  BOOST_TEST(completes("podstudio asset list --js") == "--json");
  BOOST_TEST(completes("podstudio asset nothing-such") == "");
  // Where files are meant, the shell completes them.
  BOOST_TEST(completes("podstudio import \"\"") == "");
  BOOST_TEST(completes("podstudio --data \"\"") == "");
  // The value of an option is no command.
  BOOST_TEST(completes("podstudio --data asset rep") == "replay");
  for (const char* shell : {"zsh", "fish"}) {
    auto other = run({"completion", shell});
    BOOST_TEST(other.code == 0);
    BOOST_TEST(other.out.find("provenance") != std::string::npos);
    std::ofstream(media() + "/script") << other.out;
    auto checked = std::string("! command -v ") + shell + " >/dev/null || " + shell + " -n '"
                   + media() + "/script'";
    BOOST_TEST(std::system(checked.c_str()) == 0, checked);
  }
  BOOST_TEST(run({"completion", "csh"}).code == 2);
}

BOOST_FIXTURE_TEST_CASE(an_operation_is_described_by_its_name, place) {
  auto one = run({"schema", "asset.rate"});
  BOOST_TEST(one.code == 1);
  BOOST_TEST(one.err.find("there is no operation 'asset.rate'; 'podstudio schema' lists them")
             != std::string::npos);
  auto described = nlohmann::json::parse(run({"schema", "pack.remove"}).out, nullptr, false);
  BOOST_TEST(described["needs"] == "curator");
  BOOST_TEST(described["arguments"]["required"] == nlohmann::json({"pack", "ids"}));
  BOOST_TEST(json({"schema"}).size() > 35u);
  BOOST_TEST(run({"schema"}).out.find("watch.move") != std::string::npos);
}
