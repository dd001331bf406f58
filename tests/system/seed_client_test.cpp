// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE seed_client
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>

using namespace system_test;
using nlohmann::json;

namespace {

constexpr int files = 2'000;

/// Debian's Python, as that is where python3-sqlmodel is.
launch client(const words& arguments) {
  launch what{{"/usr/bin/python3", SEED_CLIENT}};
  what.arguments.insert(what.arguments.end(), arguments.begin(), arguments.end());
  return what;
}

void make_files(const std::string& root) {
  constexpr const char* extensions[] = {"png", "wav", "mp4"};
  for (int i = 0; i < files; ++i)
    make_file(root + "/" + std::to_string(i % 20) + "/file " + std::to_string(i) + "."
                  + extensions[i % 3],
              "contents " + std::to_string(i));
}

/// All assets that the filters name, in pages, without what the seed's table does not have.
json listed(const library& podstudio, const words& filters) {
  auto all = json::array();
  for (;;) {
    words arguments{"asset", "list", "--limit", "1000"};
    arguments.insert(arguments.end(), filters.begin(), filters.end());
    if (!all.empty()) arguments.insert(arguments.end(), {"--after", all.back()["id"].dump()});
    auto page = podstudio.json(arguments);
    if (page.empty()) return all;
    for (auto& asset : page) {
      for (auto key : {"size_bytes", "missing", "tags", "rating", "rejected", "problem"}) {
        BOOST_REQUIRE_MESSAGE(asset.contains(key), "an asset lacks " << key << ": " << asset);
        asset.erase(key);
      }
      all.push_back(asset);
    }
  }
}

void check_same(const json& expected, const json& found, const char* what) {
  BOOST_CHECK_MESSAGE(expected.size() == found.size(),
                      what << ": expected " << expected.size() << " rows, found " << found.size());
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i)
    if (expected[i] != found[i]) {
      BOOST_ERROR(what << ": expected " << expected[i] << ", found " << found[i]);
      return;
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_seeds_client_reads_what_the_engine_writes_while_it_writes) {
  workspace space;
  library podstudio(space.data);
  make_folder(space.root);
  run_no_jobs(podstudio);
  service running(podstudio);
  auto stop = space.path + "/stop";
  process reading(client({podstudio.database(), stop}));
  make_files(space.root);
  podstudio.must({"watch", "add", space.root});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["assets"]["total"], files);

  // Curation while it reads, too.
  podstudio.must({"asset", "approve", "1", "2", "3", "700"});
  podstudio.must({"asset", "set", "5", "6", "700", "--theme", "nature", "--source", "Midjourney",
                  "--provenance", "ai_generated"});
  podstudio.must({"asset", "set", "7", "--theme", "Nature"});
  reading.must_run();
  write_file(stop, "");
  auto ended = reading.finish();
  BOOST_REQUIRE_MESSAGE(ended.code == 0, ended);
  auto found = ended.json();
  BOOST_TEST_MESSAGE("the client asked " << found["rounds"] << " times and saw " << found["seen"]
                                         << " assets");

  check_same(listed(podstudio, {"--unapproved"}), found["unapproved"], "unapproved assets");
  BOOST_CHECK_EQUAL(found["unapproved"].size(), files - 4);
  check_same(listed(podstudio, {"--theme", "nature"}), found["nature"], "assets of a theme");
  BOOST_CHECK_EQUAL(found["nature"].size(), 3u);
  check_same(listed(podstudio, {}), found["assets"], "all assets");
  BOOST_CHECK_EQUAL(found["running"], json::array());
  BOOST_CHECK_EQUAL(found["jobs"], json::array());
  BOOST_CHECK_EQUAL(found["packs"], json::array());
}

BOOST_AUTO_TEST_CASE(the_seeds_client_finds_by_its_enums_what_the_words_find) {
  workspace space;
  library podstudio(space.data);
  make_file(space.root + "/one.png", "one");
  make_file(space.root + "/two.wav", "two");
  podstudio.must({"import", space.root});
  podstudio.must({"asset", "set", "1", "--provenance", "ai_generated"});
  podstudio.must({"pack", "create", "Castles", "--license", "commercial"});
  // Nobody uses these tables again.
  auto added = run({{"sqlite3", podstudio.database(),
                     "INSERT INTO job (kind, status, progress, created_at, started_at) VALUES"
                     " ('upscale', 'running', 5, '2026-01-02 03:04:05.000000', NULL)"}});
  BOOST_REQUIRE_MESSAGE(added.code == 0, added);
  auto ended = run(client({podstudio.database()}));
  BOOST_REQUIRE_MESSAGE(ended.code == 0, ended);
  auto found = ended.json();
  BOOST_CHECK_EQUAL(found["by_enum"], json::parse("[[1, 1], [1, 1], [1, 1], [1, 1]]"));
  BOOST_CHECK_EQUAL(found["running"].size(), 1u);
}

BOOST_AUTO_TEST_CASE(the_seeds_client_reads_the_tables_with_no_service_running) {
  workspace space;
  library podstudio(space.data);
  make_file(space.root + "/one.png", "one");
  podstudio.must({"import", space.root});
  auto ended = run(client({podstudio.database()}));
  BOOST_REQUIRE_MESSAGE(ended.code == 0, ended);
  check_same(listed(podstudio, {}), ended.json()["assets"], "all assets");
}
