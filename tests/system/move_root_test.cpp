// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE move_root
#include "system/bytes_read.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace system_test;
namespace fs = std::filesystem;

/// `watch move OLD NEW`: a library that is at another path now.

namespace {

struct library_to_move {
  static constexpr int count = 60;

  workspace space;
  std::string from = space.path + "/old", to = space.path + "/new";
  library podstudio{space.data};

  library_to_move() {
    for (int i = 0; i < count; ++i)
      make_file(from + "/" + std::to_string(i % 4) + "/" + std::to_string(i) + ".png",
                "the picture " + std::to_string(i) + std::string(200'000, '.'));
    make_file(from + "/blank.png", "");  // told apart by its path alone
  }
  void label() const {
    podstudio.must({"asset", "approve", "--all-matching"});
    podstudio.must({"asset", "set", "--all-matching", "--theme", "nature"});
  }
  void copy(const char* how = "-a") const {
    auto copied = run({.arguments = {"cp", how, from, to}});
    BOOST_REQUIRE_EQUAL(copied.code, 0);
  }
  /// Every file of the new folder is an asset that is labelled, and no other asset is there.
  void check(int files = count + 1) const {
    auto digests = walk_trees({to}).digests;
    BOOST_TEST(digests.size() == static_cast<std::size_t>(files));
    BOOST_TEST(difference(digests, present(podstudio.database())) == "");
    BOOST_TEST(assets("approved AND theme = 'nature' AND missing_since IS NULL") == files);
    podstudio.must({"replay", "--check"});
  }
  /// Kills the service while it moves the root, and gives the command again.
  void cut_off_move(const char* how) const {
    for (int i = 0; i < 3000; ++i)
      make_file(from + "/many/" + std::to_string(i) + ".wav", "sound " + std::to_string(i));
    {
      service running(podstudio, {from});
      podstudio.must({"sync"});
      label();
    }
    copy(how);
    auto running = std::make_unique<service>(podstudio);
    process moving(podstudio.call({"watch", "move", from, to}));
    BOOST_REQUIRE(eventually([&] { return assets("path LIKE '" + to + "/%'") != 0; }));
    running->kill();
    BOOST_TEST(moving.finish().code != 0);
    BOOST_TEST_MESSAGE(assets("path LIKE '" + to + "/%'") << " of 3061 had moved");
    running = std::make_unique<service>(podstudio);
    podstudio.must({"watch", "move", from, to});
    podstudio.must({"sync"});
    check(3000 + count + 1);
  }
  int assets(const std::string& condition) const {
    return std::stoi(
        value(podstudio.database(),
              "SELECT count(*) FROM asset JOIN asset_file ON asset_id = id WHERE " + condition));
  }
  std::string roots() const {
    std::string text;
    for (const auto& root : query(podstudio.database(), "SELECT path, state FROM watch_root"))
      text += root[0] + " " + root[1];
    return text;
  }
  std::size_t events(const std::string& type) const {
    return lines_with(podstudio({"log", "show", "--type", type}).out, type);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_root_is_moved_with_its_labels_and_is_not_read_again, library_to_move) {
  service running(podstudio, {from});
  podstudio.must({"sync"});
  label();
  fs::rename(from, to);
  auto before = bytes_read(running.pid());
  auto counts = podstudio.json({"watch", "move", from, to});
  // A sample of 32 files is read, not 60 of 200 kB each. Larger ones would be mapped, not read.
  BOOST_TEST(bytes_read(running.pid()) - before < 10'000'000u);
  BOOST_TEST(counts["moved"] == count + 1);
  BOOST_TEST(counts["registered"] == 0);
  BOOST_TEST(roots() == to + " active");
  check();
  BOOST_TEST(events("asset.registered") == static_cast<std::size_t>(count + 1));
  BOOST_TEST(podstudio.json({"problem", "list"}).empty());
  // It is watched there, and was not read by that either.
  make_file(to + "/later.png", "later");
  podstudio.must({"sync"});
  BOOST_TEST(assets("path = '" + to + "/later.png'") == 1);
  BOOST_TEST(bytes_read(running.pid()) - before < 10'000'000u);
}

BOOST_FIXTURE_TEST_CASE(a_copy_takes_the_labels_while_the_old_folder_is_still_there,
                        library_to_move) {
  podstudio.must({"watch", "add", from});
  podstudio.must({"import", from});
  label();
  copy();
  podstudio.must({"watch", "move", from, to});
  check();
  BOOST_TEST(events("asset.registered") == static_cast<std::size_t>(count + 1));
  // Given again there is nothing left to do.
  auto again = podstudio({"watch", "move", from, to});
  BOOST_TEST(again.code == 1);
  BOOST_TEST(again.err.find("watched already") != std::string::npos, again);
  check();
}

BOOST_FIXTURE_TEST_CASE(a_copy_without_times_takes_the_labels_by_content, library_to_move) {
  podstudio.must({"watch", "add", from});
  podstudio.must({"import", from});
  label();
  copy("-r");
  podstudio.must({"watch", "move", from, to});
  BOOST_TEST(assets("path LIKE '" + to + "/%' AND approved AND missing_since IS NULL")
             == count + 1);
  BOOST_TEST(assets("path LIKE '" + from + "/%.png' AND size_bytes > 0") == 0);
}

BOOST_FIXTURE_TEST_CASE(half_a_copy_is_no_place_to_move_to, library_to_move) {
  service running(podstudio, {from});
  podstudio.must({"sync"});
  label();
  copy();
  for (const auto* part : {"/1", "/2", "/3"})
    fs::remove_all(to + part);
  auto refused = podstudio({"watch", "move", from, to});
  BOOST_TEST(refused.code == 1, refused);
  BOOST_TEST(roots() == from + " active");
}

BOOST_FIXTURE_TEST_CASE(what_was_taken_for_new_assets_makes_way, library_to_move) {
  podstudio.must({"watch", "add", from});
  podstudio.must({"import", from});
  label();
  copy("-r");  // without the times: it has to be read
  podstudio.must({"import", to});
  BOOST_TEST(assets("1") == 2 * (count + 1));
  fs::remove_all(from);
  podstudio.must({"watch", "move", from, to});
  BOOST_TEST(assets("path LIKE '" + to + "/%' AND approved") == count + 1);
  BOOST_TEST(assets("missing_since IS NULL") == count + 1);
}

BOOST_FIXTURE_TEST_CASE(what_was_scanned_before_makes_way_though_the_old_folder_is_still_there,
                        library_to_move) {
  podstudio.must({"watch", "add", from});
  podstudio.must({"import", from});
  label();
  copy("-r");
  podstudio.must({"import", to});
  BOOST_TEST(assets("1") == 2 * (count + 1));
  podstudio.must({"watch", "move", from, to});
  BOOST_TEST(assets("path LIKE '" + to + "/%' AND approved") == count + 1);
  BOOST_TEST(assets("1") == count + 1);
}

BOOST_FIXTURE_TEST_CASE(what_did_not_come_along_is_missing_and_what_changed_is_read,
                        library_to_move) {
  service running(podstudio, {from});
  podstudio.must({"sync"});
  label();
  fs::rename(from, to);
  fs::remove(to + "/1/1.png");
  write_file(to + "/2/2.png", "another picture");
  fs::rename(to + "/3/3.png", to + "/elsewhere.png");
  auto counts = podstudio.json({"watch", "move", from, to});
  BOOST_TEST(counts["missing"] == 2);
  BOOST_TEST(counts["left"] == 0);
  podstudio.must({"sync"});
  BOOST_TEST(assets("approved AND missing_since IS NULL") == count - 1);
  BOOST_TEST(assets("path = '" + to + "/elsewhere.png' AND approved") == 1);
  BOOST_TEST(assets("path = '" + from + "/1/1.png' AND missing_since IS NOT NULL") == 1);
  BOOST_TEST(assets("missing_since IS NOT NULL") == 2);
  podstudio.must({"replay", "--check"});
  // What did not come along is no reason to refuse when the command is given again.
  auto again = podstudio.json({"watch", "move", from, to});
  BOOST_TEST(again["moved"] == 0);
}

BOOST_FIXTURE_TEST_CASE(a_move_that_cannot_be_changes_nothing, library_to_move) {
  auto other = space.path + "/other";
  make_file(other + "/other.png", "of another library");
  make_file(to + "/0/0.png", "no copy");
  run_no_jobs(podstudio);
  service running(podstudio, {from, other});
  podstudio.must({"sync"});
  label();
  auto head = podstudio.json({"log", "head"});
  auto refused = [&](const words& arguments, const std::string& named) {
    auto outcome = podstudio(arguments);
    BOOST_TEST(outcome.code == 1);
    BOOST_TEST(outcome.err.find(named) != std::string::npos, outcome.err << " names not " << named);
  };
  refused({"watch", "move", from, to}, to);                 // holds other files
  refused({"watch", "move", from, to + "/none"}, "/none");  // is not there
  refused({"watch", "move", from, other}, other);           // is watched
  refused({"watch", "move", to, space.path}, to);           // is not watched
  refused({"watch", "move", from, from + "/0"}, "/0");      // lies in it
  refused({"watch", "move", from + "/0", from}, "/0");      // holds it, and is watched
  BOOST_TEST(podstudio.json({"log", "head"}) == head);
  // The old one is still followed.
  make_file(from + "/later.png", "later");
  podstudio.must({"sync"});
  BOOST_TEST(assets("path = '" + from + "/later.png'") == 1);
}

BOOST_FIXTURE_TEST_CASE(a_move_that_was_cut_off_goes_on_when_it_is_given_again, library_to_move) {
  cut_off_move("-a");
}

BOOST_FIXTURE_TEST_CASE(a_move_of_a_copy_without_times_goes_on_when_it_is_given_again,
                        library_to_move) {
  cut_off_move("-r");
}
