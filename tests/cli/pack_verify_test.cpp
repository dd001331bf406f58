// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cli_pack_verify
#include <boost/test/unit_test.hpp>

#include "archive/zip_reader.hpp"
#include "support/made_archive.hpp"
#include "support/temp_folder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>

// `podstudio pack verify`, by the real program.

using namespace archive_test;
namespace fs = std::filesystem;

namespace {

struct outcome {
  int code = -1;
  std::string out, err;
};

struct place {
  temp_folder folder;
  random_pack from = small_pack();
  signing_key key = must(signing_key::ensure(folder.path + "/key.pem"));
  std::string whole = archive_of(from, {}, &key);

  place() {
    write("good.zip", whole);
    write("key.pub", to_pem(key.public_key()));
    auto changed = whole;
    changed[must(read_listing(file_of(whole).get())).layout.content_offsets[0]] ^= 1;
    write("bad.zip", changed);
  }

  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder.path + "/" + name, std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder.path + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Runs the program where neither a data folder nor settings can be found.
  outcome run(const std::string& arguments) const {
    auto command = "cd '" + folder.path
                   + "' && env -u PODSTUDIO_DATA -u XDG_DATA_HOME HOME=/nonexistent "
                     "DB_PATH=/nonexistent/x.db '" PODSTUDIO_PROGRAM "' "
                   + arguments + " >out 2>err";
    auto status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"), read("err")};
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is_one_line(const std::string& text) {
  return text.starts_with("podstudio: ") && text.find('\n') == text.size() - 1;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_intact_pack_exits_with_0, place) {
  auto ran = run("pack verify good.zip");
  BOOST_TEST(ran.code == 0, ran.err);
  BOOST_TEST(ran.err == "");
  for (const auto& part : std::vector<std::string>{"pack ", "files      10\n", "size       ",
                                                   "signed by  " + fingerprint(key.public_key()),
                                                   "result     intact\n"})
    BOOST_TEST(has(ran.out, part), ran.out);
  BOOST_TEST(run("pack verify good.zip --key key.pub").code == 0);
  BOOST_TEST(!fs::exists(folder.path + "/podstudio"));
}

BOOST_FIXTURE_TEST_CASE(a_changed_pack_exits_with_1_and_names_the_entry, place) {
  auto ran = run("pack verify bad.zip");
  BOOST_TEST(ran.code == 1);
  BOOST_TEST(is_one_line(ran.err), ran.err);
  BOOST_TEST(has(ran.err, "'bad.zip' is not intact"), ran.err);
  BOOST_TEST(has(ran.out, "'README.md' does not match its CRC-32"), ran.out);
  BOOST_TEST(has(ran.out, "get the archive again"), ran.out);
}

BOOST_FIXTURE_TEST_CASE(json_is_one_document, place) {
  auto good = run("--json pack verify good.zip");
  BOOST_TEST(good.code == 0);
  auto document = nlohmann::json::parse(good.out);
  BOOST_TEST(document["intact"] == true);
  BOOST_TEST(document["pack"] == from.pack.name);
  BOOST_TEST(document["files"] == 10);
  BOOST_TEST(document["bytes"] == whole.size());
  BOOST_TEST(document["ai_disclosure"].is_boolean());
  BOOST_TEST(document["signed_by"] == fingerprint(key.public_key()));
  BOOST_TEST(document["findings"].empty());
  auto bad = run("pack verify --json bad.zip");
  BOOST_TEST(bad.code == 1);
  document = nlohmann::json::parse(bad.out);
  BOOST_TEST(document["intact"] == false);
  BOOST_TEST(document["findings"].size() == 1u);
  BOOST_TEST(document["findings"][0]["entry"] == "README.md");
  write("none.zip", "not a zip");
  document = nlohmann::json::parse(run("pack verify --json none.zip").out);
  BOOST_TEST(document["pack"].is_null());
  BOOST_TEST(document["ai_disclosure"].is_null());
  BOOST_TEST(document["signed_by"].is_null());
  BOOST_TEST(document["findings"][0]["entry"].is_null());
}

BOOST_FIXTURE_TEST_CASE(a_key_that_did_not_sign_exits_with_1, place) {
  auto other = must(signing_key::ensure(folder.path + "/other.pem"));
  write("other.pub", to_pem(other.public_key()));
  auto ran = run("pack verify good.zip --key other.pub");
  BOOST_TEST(ran.code == 1);
  BOOST_TEST(has(ran.out, fingerprint(other.public_key())), ran.out);
  write("unsigned.zip", archive_of(from));
  ran = run("pack verify unsigned.zip");
  BOOST_TEST(ran.code == 0);
  BOOST_TEST(has(ran.out, "signed by  nobody"), ran.out);
  BOOST_TEST(run("pack verify unsigned.zip --key key.pub").code == 1);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_checked_exits_with_1_and_one_line, place) {
  write("bad.pub", "no key");
  BOOST_REQUIRE(::mkfifo((folder.path + "/pipe").c_str(), 0600) == 0);
  for (const char* arguments :
       {"pack verify nothing.zip", "pack verify .", "pack verify pipe",
        "pack verify good.zip --key nothing.pub", "pack verify good.zip --key bad.pub",
        "pack verify good.zip --key key.pem"}) {
    auto ran = run(arguments);
    BOOST_TEST(ran.code == 1, arguments);
    BOOST_TEST(ran.out == "", arguments);
    BOOST_TEST(is_one_line(ran.err), ran.err);
  }
  for (const char* arguments :
       {"pack verify", "pack verify good.zip bad.zip", "pack verify good.zip --keys key.pub",
        "pack verify --key key.pub"}) {
    auto ran = run(arguments);
    BOOST_TEST(ran.code == 2, arguments);
    BOOST_TEST(is_one_line(ran.err), ran.err);
  }
}

BOOST_FIXTURE_TEST_CASE(a_hostile_name_does_nothing_to_a_terminal, place) {
  write("hostile.zip", zip_of({{"a\x1b[31m\n\u202e.png", "x"}}, time_of(from.pack)));
  auto ran = run("pack verify hostile.zip");
  BOOST_TEST(ran.code == 1);
  BOOST_TEST(!has(ran.out, "\x1b"), ran.out);
  BOOST_TEST(!has(ran.out, "\u202e"), ran.out);
  BOOST_TEST(has(ran.out, "\\x1b"), ran.out);
}

BOOST_FIXTURE_TEST_CASE(other_commands_of_packs_still_need_their_folder, place) {
  auto ran = run("pack list");
  BOOST_TEST(ran.code != 0);
  BOOST_TEST(is_one_line(ran.err), ran.err);
}
