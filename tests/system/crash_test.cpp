// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE crash
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <mutex>
#include <random>
#include <thread>

using namespace system_test;

namespace {

constexpr std::size_t kills = 20;
constexpr std::size_t files_a_run = 5'000;

/// Makes files that were not there before, each with contents of its own.
class growing_tree {
public:
  growing_tree(std::string root, std::uint64_t seed) : root_(std::move(root)), random_(seed) {}

  void grow(std::size_t count) {
    constexpr const char* extensions[] = {"png", "JPG", "wav", "mp4"};
    constexpr std::size_t folder_files = 250;
    for (std::size_t i = 0; i < count; ++i, ++made_) {
      auto folder = root_ + "/" + std::to_string(made_ / folder_files % 7) + "/"
                    + std::to_string(made_ / folder_files);
      if (made_ % folder_files == 0) make_folder(folder);
      write_file(folder + "/file " + std::to_string(made_) + "." + extensions[made_ % 4],
                 std::to_string(made_) + std::string(random_() % 3000, 'x'));
    }
  }
  std::size_t made() const { return made_; }

private:
  std::string root_;
  std::mt19937_64 random_;
  std::size_t made_ = 0;
};

std::size_t catalogued_count(const library& podstudio) {
  try {
    return std::stoul(value(podstudio.database(), "SELECT count(*) FROM asset"));
  } catch (const std::runtime_error&) {
    return 0;  // killed before there were tables
  }
}

/// Approves and labels assets one after the other, and keeps what was acknowledged.
class curator {
public:
  explicit curator(const library& podstudio) : podstudio_(podstudio) {}

  /// Until `stop`.
  void work(const process& running, const std::atomic<bool>& stop) {
    // Not before: a command that finds no service takes the data folder for itself, and keeps it
    // out.
    while (!stop && running.err().find("ready") == std::string::npos)
      std::this_thread::sleep_for(1ms);
    while (!stop) {
      auto id = next_id();
      if (!id) {
        std::this_thread::sleep_for(2ms);
        continue;
      }
      auto theme = "theme of " + *id;
      if (podstudio_({"asset", "approve", *id}).code == 0) approved_[*id] = path_of(*id);
      if (podstudio_({"asset", "set", *id, "--theme", theme}).code == 0) themes_[*id] = theme;
    }
  }

  const std::map<std::string, std::string>& approved() const { return approved_; }  ///< path by id
  const std::map<std::string, std::string>& themes() const { return themes_; }

private:
  std::optional<std::string> next_id() {
    try {
      auto found = query(podstudio_.database(),
                         "SELECT id FROM asset WHERE NOT approved AND id % 37 = 1 LIMIT 1");
      if (!found.empty()) return found[0][0];
    } catch (const std::runtime_error&) {
    }
    return std::nullopt;
  }
  std::string path_of(const std::string& id) {
    return value(podstudio_.database(), "SELECT path FROM asset WHERE id = " + id);
  }

  const library& podstudio_;
  std::map<std::string, std::string> approved_, themes_;
};

/// How long one uninterrupted run takes from the start of the service until all is visible.
milliseconds measure(std::uint64_t seed) {
  workspace space;
  library podstudio(space.data);
  growing_tree tree(space.root, seed);
  tree.grow(files_a_run);
  auto begun = clock::now();
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto taken = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
  BOOST_REQUIRE_EQUAL(catalogued_count(podstudio), files_a_run);
  return taken;
}

}  // namespace

BOOST_AUTO_TEST_CASE(twenty_kills_at_random_moments_lose_nothing_acknowledged) {
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  BOOST_TEST_MESSAGE("seed " << seed << "; PODSTUDIO_TEST_SEED=" << seed << " runs it again");
  std::mt19937_64 random(seed);
  auto whole = measure(seed);

  // One moment in each twentieth of the time the import takes and half of it more, for the curation
  // that begins once the service is ready; in random order.
  auto twenty_moments = [&] {
    std::vector<milliseconds> moments;
    for (std::size_t i = 0; i < kills; ++i) {
      auto share = (static_cast<double>(i) + std::uniform_real_distribution<>(0, 1)(random))
                   / static_cast<double>(kills);
      moments.emplace_back(
          static_cast<milliseconds::rep>(share * 1.5 * static_cast<double>(whole.count())));
    }
    std::shuffle(moments.begin(), moments.end(), random);
    return moments;
  };

  workspace space;
  library podstudio(space.data);
  growing_tree tree(space.root, seed);
  curator person(podstudio);
  std::size_t killed = 0, cut_short = 0, before_ready = 0;
  auto run_and_kill = [&](milliseconds moment) {
    // So many that each run has the same work to do.
    tree.grow(files_a_run - (tree.made() - std::min(tree.made(), catalogued_count(podstudio))));
    auto arguments = podstudio.call({"serve", "--watch", space.root});
    auto begun = clock::now();
    process running(arguments);
    std::atomic<bool> stop = false;
    std::thread curation([&] { person.work(running, stop); });
    std::this_thread::sleep_until(begun + moment);
    running.signal(SIGKILL);
    stop = true;
    curation.join();
    auto ended = running.finish();
    BOOST_CHECK_MESSAGE(ended.code == -SIGKILL, "the service ended by itself: " << ended);
    ++killed;
    before_ready += ended.err.find("ready") == std::string::npos ? 1 : 0;
    cut_short += catalogued_count(podstudio) < tree.made() ? 1 : 0;
  };
  // On a busy machine, too few kills may interrupt the import, or all may come before the first
  // acknowledgement. Repeat at most twice.
  auto too_few = [&] { return cut_short < kills / 2 || person.approved().empty(); };
  for (int round = 0; round < 3 && (round == 0 || too_few()); ++round)
    for (auto moment : twenty_moments())
      run_and_kill(moment);
  BOOST_TEST_MESSAGE("a whole run takes " << whole.count() << " ms; of " << killed << " kills "
                                          << before_ready << " came before the service was ready, "
                                          << cut_short << " while files were still to be taken; "
                                          << tree.made() << " files, " << person.approved().size()
                                          << " approvals and " << person.themes().size()
                                          << " themes acknowledged");
  BOOST_CHECK_MESSAGE(cut_short >= kills / 2,
                      "only " << cut_short << " kills came during an import");
  BOOST_CHECK_MESSAGE(!person.approved().empty(), "no approval was acknowledged");

  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto truth = digests_of_media(space.root);
  BOOST_REQUIRE_EQUAL(truth.size(), tree.made());
  auto found = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(truth == found, "seed " << seed << ":" << difference(truth, found));
  BOOST_CHECK_EQUAL(
      value(podstudio.database(), "SELECT count(*) - count(DISTINCT path) FROM asset"), "0");

  std::map<std::string, std::string> approved, themes;
  for (const auto& asset :
       query(podstudio.database(), "SELECT id, path, approved, theme FROM asset")) {
    if (asset[2] == "1") approved[asset[0]] = asset[1];
    if (asset[3] != "NULL") themes[asset[0]] = asset[3];
  }
  // A command in flight at the kill may have been done without being acknowledged, but not the
  // reverse.
  for (const auto& [id, path] : person.approved())
    BOOST_CHECK_MESSAGE(approved.contains(id) && approved[id] == path,
                        "seed " << seed << ": the approval of " << id << ", " << path
                                << ", is lost");
  for (const auto& [id, theme] : person.themes())
    BOOST_CHECK_MESSAGE(themes[id] == theme,
                        "seed " << seed << ": the theme of " << id << " is " << themes[id]);

  auto checked = podstudio({"replay", "--check"});
  BOOST_CHECK_MESSAGE(checked.code == 0, "seed " << seed << ": replay --check: " << checked);
  auto verified = podstudio({"log", "verify"});
  BOOST_CHECK_MESSAGE(verified.code == 0, "seed " << seed << ": log verify: " << verified);
}
