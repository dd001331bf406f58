// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE jobs
#include "support/damage.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>

using namespace system_test;
using nlohmann::json;
namespace fs = std::filesystem;

/// Jobs that run in real worker processes: facts of files come by themselves, a file on which a
/// worker dies stops nothing, and whoever is killed, each job has one end.

namespace {

const words kinds{"png", "jpg", "gif", "bmp", "tiff", "webp", "wav", "mp3",  "flac",
                  "ogg", "m4a", "aac", "mp4", "mov",  "avi",  "mkv", "webm", "flv"};

/// A small real file of each kind.
class samples {
public:
  samples() {
    make_folder(folder_);
    auto made = run({{"sh", MAKE_MEDIA, folder_}});
    BOOST_REQUIRE_MESSAGE(made.code == 0, "cannot make the sample media: " << made);
  }
  std::string path(const std::string& kind) const { return folder_ + "/sample." + kind; }
  std::string bytes(const std::string& kind) const { return read_file(path(kind)); }

private:
  workspace space_;
  std::string folder_ = space_.path + "/samples";
};

const samples& all_samples() {
  static const samples made;
  return made;
}

struct job_library {
  workspace space;
  const std::string& root = space.root;
  library podstudio{space.data};

  std::string ask(const std::string& sql) const { return value(podstudio.database(), sql); }
  /// Waits until the facts of every file that is there have been read, and no job is left.
  void wait_until_read(const service& running) const {
    constexpr std::chrono::milliseconds a_file{100};
    podstudio.must({"sync"});
    auto files = std::stol(ask("SELECT count(*) FROM asset"));
    auto all_read = [&] {
      return ask("SELECT count(*) FROM asset JOIN asset_file ON asset_id = id WHERE missing_since"
                 " IS NULL AND id NOT IN (SELECT asset_id FROM asset_media WHERE extractor <> 0)")
                 == "0"
             && ask("SELECT count(*) FROM active_job") == "0";
    };
    bool done = eventually(all_read, long_enough + files * a_file);
    BOOST_REQUIRE_MESSAGE(done, "not all files were read; process " << running.pid() << ": "
                                                                    << podstudio({"job", "list"}));
  }
  std::string column(const std::string& name, const std::string& path) const {
    return ask("SELECT " + name
               + " FROM asset LEFT JOIN asset_media ON asset_id = id WHERE path = '" + path + "'");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_facts_of_files_of_every_kind_are_read_by_themselves, job_library) {
  for (const auto& kind : kinds)
    make_file(root + "/a." + kind, all_samples().bytes(kind));
  service running(podstudio, {root});
  wait_until_read(running);
  BOOST_TEST(ask("SELECT count(*) FROM asset_problem") == "0");
  BOOST_TEST(ask("SELECT count(*) FROM asset_media WHERE decoded") == std::to_string(kinds.size()));
  for (const auto& kind : kinds) {
    BOOST_TEST_CONTEXT(kind) {
      auto path = root + "/a." + kind;
      bool sounds = ask("SELECT type = 'audio' FROM asset WHERE path = '" + path + "'") == "1";
      bool moves = ask("SELECT type = 'video' FROM asset WHERE path = '" + path + "'") == "1";
      BOOST_TEST(column("width", path) == (sounds ? "NULL" : "64"));
      BOOST_TEST(column("height", path) == (sounds ? "NULL" : "48"));
      BOOST_TEST(column("samplerate_hz", path) == (sounds || moves ? "44100" : "NULL"));
      if (sounds || moves) BOOST_TEST(column("duration_sec BETWEEN 0.9 AND 1.2", path) == "1");
      BOOST_TEST(column("mime IS NOT NULL", path) == "1");
      BOOST_TEST(column("pdq IS NOT NULL", path) == (sounds ? "0" : "1"));
    }
  }
  // Nothing is read twice: not by another look, not by another start.
  auto jobs = ask("SELECT count(*) FROM job");
  podstudio.must({"sync"});
  running.stop();
  service again(podstudio);
  wait_until_read(again);
  BOOST_TEST(ask("SELECT count(*) FROM job") == jobs);
  auto check = podstudio({"replay", "--check"});
  BOOST_TEST(check.code == 0, check);
}

BOOST_FIXTURE_TEST_CASE(other_bytes_have_other_facts, job_library) {
  auto path = root + "/a.png";
  make_file(path, all_samples().bytes("png"));
  service running(podstudio, {root});
  wait_until_read(running);
  BOOST_TEST(column("width", path) == "64");
  podstudio.must({"job", "pause"});
  write_file(path, "no picture at all");
  podstudio.must({"sync"});
  // What was true of the old bytes is not told of the new ones.
  BOOST_TEST(column("width", path) == "NULL");
  BOOST_TEST(column("extractor", path) == "NULL");
  podstudio.must({"job", "resume"});
  wait_until_read(running);
  BOOST_TEST(ask("SELECT kind FROM asset_problem") == "not_media");
  make_file(path + ".new", all_samples().bytes("png"));
  fs::rename(path + ".new", path);
  wait_until_read(running);
  BOOST_TEST(column("width", path) == "64");
  BOOST_TEST(ask("SELECT count(*) FROM asset_problem") == "0");
}

BOOST_FIXTURE_TEST_CASE(a_file_with_another_extension_is_read_again, job_library) {
  for (const auto* name : {"/a.jpg", "/b.jpg"})
    make_file(root + name, all_samples().bytes("png"));
  service running(podstudio, {root});
  wait_until_read(running);
  BOOST_TEST(ask("SELECT group_concat(kind) FROM asset_problem") == "other_content,other_content");
  auto rename_paused = [&](const std::string& name) {
    podstudio.must({"job", "pause"});
    fs::rename(root + name + ".jpg", root + name + ".png");
    podstudio.must({"sync"});
    // Until it is read again, its facts stay.
    BOOST_TEST(column("width", root + name + ".png") == "64");
    BOOST_TEST(column("extractor", root + name + ".png") == "0");
  };
  rename_paused("/a");
  podstudio.must({"job", "resume"});
  wait_until_read(running);
  BOOST_TEST(ask("SELECT path FROM asset_problem JOIN asset ON id = asset_id") == root + "/b.jpg");
  rename_paused("/b");
  running.stop();
  service again(podstudio);
  podstudio.must({"job", "resume"});
  wait_until_read(again);
  BOOST_TEST(ask("SELECT count(*) FROM asset_problem") == "0");
  auto check = podstudio({"replay", "--check"});
  BOOST_TEST(check.code == 0, check);
}

BOOST_FIXTURE_TEST_CASE(broken_files_have_a_problem_and_stop_nothing, job_library) {
  std::mt19937_64 random(number_from_env("PODSTUDIO_TEST_SEED", 1));
  std::map<std::string, std::string> broken;  // by path, the kind of problem; empty: any
  for (const auto& kind : kinds) {
    auto whole = all_samples().bytes(kind);
    broken[root + "/text." + kind] = "not_media";
    make_file(root + "/text." + kind, "This is no picture, no sound and no clip.\n");
    broken[root + "/empty." + kind] = "cut";
    make_file(root + "/empty." + kind, "");
    make_file(root + "/good." + kind, whole);
    // A decoder may accept these, but they must do no harm.
    for (std::uint64_t i = 0; i < number_from_env("PODSTUDIO_HOSTILE_FILES", 360) / kinds.size();
         ++i)
      make_file(root + "/damaged " + std::to_string(i) + "." + kind, damaged(whole, random));
  }
  auto png = all_samples().bytes("png");
  broken[root + "/cut.png"] = "cut";
  make_file(root + "/cut.png", png.substr(0, png.size() * 2 / 3));
  broken[root + "/a picture.mp4"] = "other_content";
  make_file(root + "/a picture.mp4", png);
  service running(podstudio, {root});
  wait_until_read(running);
  for (const auto& [path, problem] : broken)
    BOOST_TEST(ask("SELECT group_concat(kind) FROM asset_problem JOIN asset ON id = asset_id"
                   " WHERE path = '"
                   + path + "'")
                       .find(problem)
                   != std::string::npos,
               path << " has no problem '" << problem << "'");
  for (const auto& kind : kinds)
    BOOST_TEST(column("decoded", root + "/good." + kind) == "1", kind);
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status <> 'completed'") == "0");
  BOOST_TEST(ask("SELECT count(*) FROM asset_problem WHERE reason = ''") == "0");
  running.running().must_run();
}

BOOST_FIXTURE_TEST_CASE(previews_are_made_and_made_again, job_library) {
  const std::set<std::string> own{"png", "jpg", "webp"};  // small and still: they need none
  for (const auto& kind : kinds)
    make_file(root + "/a." + kind, all_samples().bytes(kind));
  auto cache = podstudio.data() + "/cache";
  auto previews_of = [&](const std::string& name) {
    auto shown = podstudio({"asset", "show", root + "/" + name, "--json"});
    BOOST_REQUIRE_MESSAGE(shown.code == 0, shown);
    return json::parse(shown.out)["previews"];
  };
  service running(podstudio, {root});
  wait_until_read(running);
  for (const auto& kind : kinds) {
    BOOST_TEST_CONTEXT(kind) {
      auto previews = previews_of("a." + kind);
      BOOST_REQUIRE(previews.size() == (own.contains(kind) ? 0u : 2u));
      std::vector<int> edges;
      for (const auto& each : previews) {
        edges.push_back(each["edge_px"]);
        auto bytes = read_file(std::string(each["path"]));
        BOOST_TEST((bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP"));
      }
      if (!edges.empty()) BOOST_TEST((edges == std::vector{256, 1024}));
    }
  }
  // A copy has the same content, and so the same previews.
  make_file(root + "/copy.bmp", all_samples().bytes("bmp"));
  wait_until_read(running);
  BOOST_TEST(previews_of("copy.bmp") == previews_of("a.bmp"));
  // Previews may be deleted at any time, and an obstacle in their place fails no job.
  fs::remove_all(cache);
  BOOST_TEST(previews_of("a.bmp").empty());
  auto read_again = [&] {
    auto id = ask("SELECT id FROM asset WHERE path = '" + root + "/a.bmp'");
    podstudio.must({"job", "submit", "metadata_extract", "--asset", id, "--wait"});
  };
  write_file(cache, "in the way");
  read_again();
  BOOST_TEST(previews_of("a.bmp").empty());
  BOOST_TEST(read_file(cache) == "in the way");
  fs::remove(cache);
  read_again();
  BOOST_TEST(previews_of("a.bmp").size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(an_import_waits_for_the_facts_if_asked_to, job_library) {
  for (const auto& kind : kinds)
    make_file(root + "/a." + kind, all_samples().bytes(kind));
  make_file(root + "/text.png", "This is no picture.\n");
  auto import = [&] { return podstudio({"import", root, "--metadata", "--json"}); };
  run_no_jobs(podstudio);
  auto refused = import();
  BOOST_TEST(refused.code == 1, refused);
  BOOST_TEST(refused.err.find("check 'workers'") != std::string::npos, refused);
  run_jobs(podstudio, 2);
  auto read = import();
  BOOST_TEST(read.code == 0, read);
  BOOST_TEST(json::parse(read.out)["read"] == kinds.size() + 1);
  BOOST_TEST(ask("SELECT count(*) FROM asset_media") == std::to_string(kinds.size() + 1));
  BOOST_TEST(ask("SELECT kind FROM asset_problem") == "not_media");
  BOOST_TEST(ask("SELECT count(*) FROM active_job") == "0");
  BOOST_TEST(json::parse(import().out)["read"] == 0);
  // While a service runs, the service reads them.
  service running(podstudio);
  make_file(root + "/b.png", all_samples().bytes("png"));
  auto beside = import();
  BOOST_TEST(beside.code == 0, beside);
  BOOST_TEST(json::parse(beside.out)["read"] == 1);
  BOOST_TEST(column("width", root + "/b.png") == "64");
  podstudio.must({"job", "pause"});
  make_file(root + "/c.png", all_samples().bytes("png"));
  auto paused = import();
  BOOST_TEST(paused.code == 1, paused);
  BOOST_TEST(paused.err.find("job resume") != std::string::npos, paused);
  BOOST_TEST(json::parse(paused.out)["registered"] == 1, paused);
}

BOOST_FIXTURE_TEST_CASE(files_that_come_one_after_the_other_are_read_together, job_library) {
  make_folder(root);
  service running(podstudio, {root});
  constexpr int files = 60;
  for (int i = 0; i < files; ++i) {
    make_file(root + "/" + std::to_string(i) + ".png", all_samples().bytes("png"));
    std::this_thread::sleep_for(20ms);
  }
  wait_until_read(running);
  // One job, unless this process was held up.
  BOOST_TEST(std::stoul(ask("SELECT count(*) FROM job")) <= 3u);
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_is_held_starts_nothing_and_stays_so, job_library) {
  make_file(root + "/a.png", all_samples().bytes("png"));
  {
    service running(podstudio, {root});
    wait_until_read(running);
    podstudio.must({"job", "pause"});
    podstudio.must({"job", "submit", "metadata_extract", "--asset", "1", "--priority", "5"});
    std::this_thread::sleep_for(500ms);
    BOOST_TEST(ask("SELECT count(*) FROM job WHERE status = 'pending'") == "1");
  }
  service again(podstudio);
  std::this_thread::sleep_for(500ms);
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status = 'pending'") == "1");
  auto id = ask("SELECT max(id) FROM job");
  podstudio.must({"job", "cancel", id});
  auto refused = podstudio({"job", "cancel", id});
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.err.find("is cancelled and cannot be cancelled") != std::string::npos,
             refused);
  podstudio.must({"job", "retry", id});
  podstudio.must({"job", "resume"});
  podstudio.must({"job", "wait", id});
  BOOST_TEST(ask("SELECT status FROM job WHERE id = " + id) == "completed");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_a_job_is_refused_with_the_reason, job_library) {
  make_file(root + "/a.png", all_samples().bytes("png"));
  service running(podstudio, {root});
  podstudio.must({"sync"});
  struct wrong_call {
    words arguments;
    const char* says;
    int code;
  };
  const wrong_call calls[] = {
      {{"upscale", "--asset", "1"}, "cannot be run by this version", 1},
      {{"metadata_extract", "--asset", "77"}, "there is no asset 77", 1},
      {{"metadata_extract"}, "no assets given", 2},
      {{"metadata_extract", "--asset", "1", "--set", "width=1"}, "has no parameters", 2},
      {{"metadata_extract", "--asset", "1", "--params", "[]"}, "not a JSON object", 2},
      {{"metadata_extract", "--asset", "1", "--priority", "101"}, "from -100 to 100", 2},
      {{"nonsense", "--asset", "1"}, "nonsense", 2},
  };
  auto jobs = ask("SELECT count(*) FROM job");
  for (const auto& [arguments, says, code] : calls) {
    words all{"job", "submit"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto answer = podstudio(all);
    BOOST_TEST(answer.code == code, answer);
    BOOST_TEST(answer.err.find(says) != std::string::npos, answer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_command_that_is_given_again_has_one_effect, job_library) {
  for (int i = 0; i < 30; ++i)
    make_file(root + "/" + std::to_string(i) + ".png",
              all_samples().bytes("png") + std::to_string(i));
  service running(podstudio, {root});
  wait_until_read(running);
  auto given = [&](const std::string& id, words arguments) {
    arguments.insert(arguments.begin(),
                     {"--command-id", "00000000-0000-4000-8000-0000000000" + id});
    return podstudio.json(arguments);
  };
  auto first = given("01", {"job", "submit", "metadata_extract", "--all-matching"});
  for (int i = 0; i < 10; ++i)  // while it runs, and afterwards
    BOOST_TEST(given("01", {"job", "submit", "metadata_extract", "--all-matching"})["jobs"]
               == first["jobs"]);
  wait_until_read(running);
  BOOST_TEST(ask("SELECT count(*) FROM job_attempt WHERE job_id = " + first["jobs"][0].dump())
             == "1");
  given("02", {"job", "pause"});
  given("03", {"job", "resume"});
  given("02", {"job", "pause"});
  BOOST_TEST(podstudio.json({"status"})["jobs"]["held"] == false);
  auto last = podstudio.json({"job", "submit", "metadata_extract", "--asset", "1"});
  podstudio.must({"job", "wait", last["jobs"][0].dump()});
  running.running().must_run();
}

BOOST_FIXTURE_TEST_CASE(job_that_has_ended_is_told_without_a_service, job_library) {
  std::string waiting;
  {
    make_file(root + "/a.png", all_samples().bytes("png"));
    service running(podstudio, {root});
    wait_until_read(running);
    podstudio.must({"job", "pause"});
    waiting =
        podstudio.json({"job", "submit", "metadata_extract", "--asset", "1"})["jobs"][0].dump();
  }
  podstudio.must({"job", "wait", "1"});
  auto refused = podstudio({"job", "wait", "1", waiting});
  BOOST_TEST(refused.code == 3, refused);
  BOOST_TEST(refused.err.find("no service runs") != std::string::npos, refused);
  BOOST_TEST(podstudio({"job", "wait", "999"}).code == 1);
  podstudio.must({"job", "cancel", waiting});
  auto cancelled = podstudio({"job", "wait", "1", waiting});
  BOOST_TEST(cancelled.code == 1, cancelled);
  BOOST_TEST(cancelled.err.find("job " + waiting + " cancelled") != std::string::npos, cancelled);
}

BOOST_FIXTURE_TEST_CASE(what_is_asked_of_several_jobs_is_asked_of_each, job_library) {
  run_jobs(podstudio, 1);  // so that there is an order
  make_file(root + "/a.png", all_samples().bytes("png"));
  service running(podstudio, {root});
  wait_until_read(running);
  podstudio.must({"job", "pause"});
  words ids;
  for (int i = 0; i < 3; ++i)
    ids.push_back(podstudio
                      .json({"job", "submit", "metadata_extract", "--asset", "1", "--priority",
                             std::to_string(i)})["jobs"][0]
                      .dump());
  auto some = podstudio({"job", "cancel", ids[0], "999", ids[2]});
  BOOST_TEST(some.code == 1);
  BOOST_TEST(some.err.find("job 999") != std::string::npos, some);
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status = 'cancelled'") == "2");
  podstudio.must({"job", "retry", ids[2], ids[0]});
  // The highest priority first, whenever it was retried.
  podstudio.must({"job", "resume"});
  wait_until_read(running);
  BOOST_TEST(ask("SELECT group_concat(job_id) FROM (SELECT job_id FROM job_attempt WHERE job_id >= "
                 + ids[0] + " AND ending = 'completed' ORDER BY started_at)")
             == ids[2] + "," + ids[1] + "," + ids[0]);
}

BOOST_FIXTURE_TEST_CASE(a_job_is_cancelled_at_once, job_library) {
  // Enough for a worker to be at for seconds.
  auto big = space.path + "/big.png";
  auto made = run({{"ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
                    "testsrc2=size=3000x3000", "-frames:v", "1", big}});
  BOOST_REQUIRE_MESSAGE(made.code == 0, made);
  for (int i = 0; i < 30; ++i)
    make_file(root + "/" + std::to_string(i) + ".png", read_file(big) + std::to_string(i));
  service running(podstudio, {root});
  podstudio.must({"sync"});
  BOOST_REQUIRE(
      eventually([&] { return ask("SELECT count(*) FROM job WHERE status = 'running'") != "0"; }));
  auto id = ask("SELECT min(id) FROM job WHERE status = 'running'");
  std::this_thread::sleep_for(300ms);
  podstudio.must({"job", "cancel", id});
  BOOST_TEST(ask("SELECT status FROM job WHERE id = " + id) == "cancelled");
  BOOST_TEST(ask("SELECT ending FROM job_attempt WHERE job_id = " + id) == "cancelled");
  // Its files are still there, and can be read by another job.
  auto again = podstudio({"job", "submit", "metadata_extract", "--asset", "1", "--wait"});
  BOOST_TEST(again.code == 0, again);
  BOOST_TEST(ask("SELECT width FROM asset WHERE id = 1") == "3000");
}

BOOST_FIXTURE_TEST_CASE(whoever_is_killed_each_job_has_one_end, job_library) {
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", 1);
  auto wanted = number_from_env("PODSTUDIO_KILLED_JOBS", 40);
  BOOST_TEST_MESSAGE("seed " << seed << ", " << wanted << " jobs");
  std::mt19937_64 random(seed);
  constexpr int files = 200;
  for (int i = 0; i < files; ++i) {
    const auto& kind = kinds[static_cast<std::size_t>(i) % kinds.size()];
    make_file(root + "/" + std::to_string(i) + "." + kind,
              all_samples().bytes(kind) + std::to_string(i));
  }
  auto running = std::make_unique<service>(podstudio, words{root});
  podstudio.must({"sync"});
  std::uint64_t submitted = 0;
  std::size_t workers = 0, services = 0;
  while (submitted < wanted) {
    for (int i = 0; i < 4; ++i, ++submitted) {
      words job{"job", "submit", "metadata_extract"};
      for (auto count = 1 + random() % 8; count > 0; --count) {
        job.emplace_back("--asset");
        job.push_back(std::to_string(1 + random() % files));
      }
      podstudio.must(job);
    }
    std::this_thread::sleep_for(milliseconds(random() % 30));
    if (submitted % 20 == 0) {
      running->kill();
      running = std::make_unique<service>(podstudio);
      ++services;
    } else {
      for (auto child : children_of(running->pid()))
        if (random() % 2 == 0 && ::kill(child, SIGKILL) == 0) ++workers;
    }
  }
  wait_until_read(*running);
  BOOST_TEST_MESSAGE(workers << " workers and " << services << " services were killed");
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status NOT IN ('completed', 'failed')") == "0");
  BOOST_TEST(std::stoull(ask("SELECT count(*) FROM job")) >= wanted);
  // A job ends once; each attempt that has ended says how.
  BOOST_TEST(
      ask("SELECT count(*) FROM job WHERE (SELECT count(*) FROM job_attempt WHERE job_id = id"
          " AND ending = 'completed') > 1")
      == "0");
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status = 'completed' AND (SELECT count(*) FROM"
                 " job_attempt WHERE job_id = id AND ending = 'completed') <> 1")
             == "0");
  BOOST_TEST(ask("SELECT count(*) FROM job_attempt WHERE ended_at IS NULL") == "0");
  running->stop();
  auto check = podstudio({"replay", "--check"});
  BOOST_TEST(check.code == 0, check);
}
