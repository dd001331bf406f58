// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_answer.hpp"
#include "jobs/worker_pool.hpp"
#include "jobs/worker_program.hpp"
#include "media/media_files.hpp"
#include "support/must.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <random>
#include <thread>

#include <sys/resource.h>
#include <webp/decode.h>

using namespace media_test;
using nlohmann::json;
using clock_type = std::chrono::steady_clock;

namespace podstudio {
static std::ostream& operator<<(std::ostream& out, job_ending ending) {
  return out << to_string(ending);
}
}  // namespace podstudio

namespace {

/// The program that is installed, and this one without Landlock.
enum class walls { all, no_landlock };
std::ostream& operator<<(std::ostream& out, walls which) {
  return out << (which == walls::all ? "all walls" : "no Landlock");
}
constexpr walls each_walls[] = {walls::all, walls::no_landlock};

worker_program program_with(walls which) {
  if (which == walls::all) return {PODSTUDIO_WORKER, {"podstudio-worker", PODSTUDIO_VERSION}};
  return {"/proc/self/exe", {"job_kinds_test", "worker-without-landlock"}};
}

unique_fd memory_file() {
  unique_fd fd(::memfd_create("output", MFD_CLOEXEC));
  BOOST_REQUIRE(bool(fd));
  return fd;
}

std::string contents_of(const unique_fd& file, std::size_t size) {
  std::string contents(size, '\0');
  BOOST_REQUIRE(::pread(file.get(), contents.data(), size, 0) == static_cast<ssize_t>(size));
  return contents;
}

/// Files to be read by one job, and what the job gave.
struct batch {
  void add(std::string_view bytes, const std::string& extension) {
    add(file_of(bytes), bytes.size(), extension);
  }
  void add(unique_fd file, std::uint64_t size_bytes, const std::string& extension) {
    inputs.push_back(std::move(file));
    order.files.push_back({size_bytes, extension});
  }

  job_outcome run(worker_pool& pool, const job_observer& observer = {}) {
    static std::uint64_t number = 0;
    job_order job{++number, std::string(metadata_extract_kind), to_parameters(order)};
    for (const auto& each : inputs)
      job.inputs.push_back(each.get());
    lines = memory_file();
    previews = memory_file();
    job.outputs = {lines.get()};
    if (outputs_of(order) == 2) job.outputs.push_back(previews.get());
    job.output_bytes = output_bytes;
    job.cpu_seconds = cpu_seconds;
    return pool.run(job, observer, cancel);
  }

  /// Runs the job, which must be completed, and reads what it answered.
  void read(worker_pool& pool) {
    std::vector<unsigned> percents;
    auto outcome = run(pool, {[&](unsigned percent) { percents.push_back(percent); }, {}});
    BOOST_REQUIRE_MESSAGE(outcome.ending == job_ending::completed, to_string(outcome.ending)
                                                                       << ": " << outcome.text);
    BOOST_TEST(outcome.facts == json({{"files", inputs.size()}}));
    BOOST_TEST(percents.size() == std::min<std::size_t>(inputs.size(), 100));
    preview_bytes = outcome.written.size() > 1 ? outcome.written[1] : 0;
    answers = must(parse_metadata_answer(contents_of(lines, outcome.written.at(0)), inputs.size(),
                                         preview_bytes));
  }

  /// How large the preview of a file is, once decoded.
  std::pair<int, int> decoded_size(std::size_t file, std::size_t preview) const {
    auto all = contents_of(previews, preview_bytes);
    const auto& made = answers[file].found.previews.at(preview);
    auto* bytes = reinterpret_cast<const std::uint8_t*>(all.data())
                  + answers[file].preview_offsets.at(preview);
    std::pair<int, int> size;
    std::unique_ptr<std::uint8_t, decltype(&WebPFree)> pixels(
        WebPDecodeRGBA(bytes, made.size_bytes, &size.first, &size.second), &WebPFree);
    BOOST_REQUIRE(pixels != nullptr);
    return size;
  }

  metadata_order order;
  std::vector<unique_fd> inputs;
  std::uint64_t output_bytes = std::uint64_t{1} << 30;
  std::uint64_t cpu_seconds = 600;
  unique_fd lines, previews;
  job_cancel cancel;
  std::uint64_t preview_bytes = 0;
  std::vector<file_answer> answers;
};

std::unique_ptr<worker_pool> pool_with(walls which) {
  worker_options options;
  options.program = program_with(which);
  return must(worker_pool::make({options, 1}));
}

bool has(const file_answer& answer, problem_kind kind) {
  BOOST_REQUIRE(!answer.failure);
  return has_problem(answer.found, kind);
}

struct expected_sample {
  const char* extension;
  bool picture, sound;
  double duration_sec;  ///< 0 for none
};
constexpr expected_sample samples_of_every_kind[] = {
    {"png", true, false, 0}, {"jpg", true, false, 0},  {"gif", true, false, 0.5},
    {"bmp", true, false, 0}, {"tiff", true, false, 0}, {"webp", true, false, 0},
    {"wav", false, true, 1}, {"mp3", false, true, 1},  {"flac", false, true, 1},
    {"ogg", false, true, 1}, {"m4a", false, true, 1},  {"aac", false, true, 1},
    {"mp4", true, true, 1},  {"mov", true, true, 1},   {"avi", true, true, 1},
    {"mkv", true, true, 1},  {"webm", true, true, 1},  {"flv", true, true, 1}};
static_assert(std::size(samples_of_every_kind) == 18);

/// A picture whose pixels cannot be pressed.
std::string noise_png(std::uint32_t width, std::uint32_t height) {
  std::mt19937 random(1);
  std::string pixels(std::size_t{width} * height * 4, '\xff');
  for (auto& each : pixels)
    each = static_cast<char>(random());
  return png_of(width, height, pixels);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metadata_extract)

BOOST_DATA_TEST_CASE(every_kind_of_file_is_read_behind_the_walls,
                     boost::unit_test::data::make(each_walls), which) {
  auto pool = pool_with(which);
  batch all;
  all.order.preview_edges_px = {256, 1024};
  for (const auto& each : samples_of_every_kind)
    all.add(read_file(samples() + "/sample." + each.extension), each.extension);
  all.read(*pool);
  for (std::size_t i = 0; i < std::size(samples_of_every_kind); ++i) {
    const auto& expected = samples_of_every_kind[i];
    const auto& answer = all.answers[i];
    BOOST_TEST_CONTEXT(expected.extension) {
      BOOST_REQUIRE(!answer.failure);
      const auto& facts = answer.found.facts;
      BOOST_TEST(facts.problems.empty(), problems_of(answer.found));
      BOOST_TEST(facts.decoded);
      BOOST_TEST(
          (facts.width == (expected.picture ? std::optional<std::uint32_t>(64) : std::nullopt)));
      BOOST_TEST(
          (facts.height == (expected.picture ? std::optional<std::uint32_t>(48) : std::nullopt)));
      BOOST_TEST((facts.samplerate_hz
                  == (expected.sound ? std::optional<std::uint32_t>(44100) : std::nullopt)));
      BOOST_TEST(facts.duration_sec.has_value() == (expected.duration_sec > 0));
      BOOST_TEST(std::abs(facts.duration_sec.value_or(0) - expected.duration_sec) <= 0.11);
      BOOST_TEST(answer.found.hash.has_value() == expected.picture);
      // A small picture stays as it is, the loudness of a sound is drawn as large as ordered.
      BOOST_REQUIRE(answer.found.previews.size() == 2u);
      for (std::size_t preview = 0; preview < 2; ++preview) {
        const auto& made = answer.found.previews[preview];
        auto edge = preview == 0 ? 1024 : 256;
        auto size = expected.picture ? std::pair(64, 48) : std::pair(edge, edge / 4);
        BOOST_TEST(int(made.edge_px) == edge);
        BOOST_TEST((std::pair(int(made.width), int(made.height)) == size));
        BOOST_TEST((all.decoded_size(i, preview) == size));
      }
    }
  }
  BOOST_TEST(pool->counts().started == 1u);
  BOOST_TEST(pool->counts().lost == 0u);
}

BOOST_DATA_TEST_CASE(other_forms_of_files_need_no_other_system_calls,
                     boost::unit_test::data::make(each_walls), which) {
  auto pool = pool_with(which);
  batch all;
  all.order.preview_edges_px = {256};
  for (const auto& entry : std::filesystem::directory_iterator(samples())) {
    auto extension = entry.path().extension().string();
    all.add(read_file(entry.path()), extension.substr(extension.empty() ? 0 : 1));
  }
  BOOST_TEST(all.inputs.size() >= 50u);
  all.read(*pool);
  for (std::size_t i = 0; i < all.answers.size(); ++i) {
    BOOST_REQUIRE(!all.answers[i].failure);
    BOOST_TEST(all.answers[i].found.facts.decoded, all.order.files[i].extension);
    BOOST_TEST(all.answers[i].found.facts.problems.empty(), problems_of(all.answers[i].found));
  }
  BOOST_TEST(pool->counts().lost == 0u);
}

BOOST_DATA_TEST_CASE(previews_are_as_large_as_ordered, boost::unit_test::data::make(each_walls),
                     which) {
  auto pool = pool_with(which);
  batch all;
  all.order.preview_edges_px = {256, 1024};
  all.add(noise_png(1500, 1000), "png");
  all.add(noise_png(300, 600), "png");
  all.add("no media", "png");
  all.add(small_png(), "png");
  all.read(*pool);
  const std::pair<int, int> sizes[][2] = {
      {{1024, 683}, {256, 171}}, {{300, 600}, {128, 256}}, {}, {{4, 4}, {4, 4}}};
  for (auto file : {0u, 1u, 3u})
    for (std::size_t preview = 0; preview < 2; ++preview)
      BOOST_TEST((all.decoded_size(file, preview) == sizes[file][preview]));
  BOOST_TEST(all.answers[2].found.previews.empty());
  BOOST_TEST((all.answers[0].preview_offsets[0] == 0u));
  // A picture that is small enough needs no preview, unless it is broken.
  all.order.skip_own_previews = true;
  all.add(noise_png(200, 200).substr(0, 5000), "png");
  all.add(png_of(300, 200, std::string(std::size_t{300} * 200 * 4, '\x80')), "png");
  all.read(*pool);
  const std::size_t made[] = {2, 2, 0, 0, 2, 1};
  for (std::size_t file = 0; file < std::size(made); ++file)
    BOOST_TEST(all.answers[file].found.previews.size() == made[file], file);
  // Without an order there is no second output.
  all.order.preview_edges_px.clear();
  all.read(*pool);
  for (const auto& each : all.answers)
    BOOST_TEST(each.found.previews.empty());
}

BOOST_DATA_TEST_CASE(broken_files_have_problems_and_harm_no_others,
                     boost::unit_test::data::make(each_walls), which) {
  auto pool = pool_with(which);
  auto sample = [](const char* name) { return read_file(samples() + "/sample." + name); };
  auto cut = [&](const char* name) {
    auto bytes = sample(name);
    return bytes.substr(0, bytes.size() / 2);
  };
  auto damaged = sample("png");
  for (auto at = damaged.size() / 2; at < damaged.size() / 2 + 64; ++at)
    damaged[at] = static_cast<char>(~damaged[at]);
  batch all;
  all.order.preview_edges_px = {256};
  all.add("This is a text, and no picture.\n", "png");
  all.add("", "png");
  all.add(cut("mp4"), "mp4");
  all.add(damaged, "png");
  all.add(cut("jpg"), "jpg");
  all.add(sample("png"), "jpg");
  all.add(std::string(4096, '\0'), "wav");
  for (const auto& each : samples_of_every_kind)
    all.add(cut(each.extension), each.extension);
  all.add(sample("png"), "png");
  all.read(*pool);
  BOOST_TEST(has(all.answers[0], problem_kind::not_media));
  BOOST_TEST(has(all.answers[1], problem_kind::cut));
  BOOST_TEST(
      (has(all.answers[2], problem_kind::cut) || has(all.answers[2], problem_kind::no_index)),
      problems_of(all.answers[2].found));
  BOOST_TEST(has(all.answers[3], problem_kind::damaged), problems_of(all.answers[3].found));
  BOOST_TEST(has(all.answers[4], problem_kind::cut), problems_of(all.answers[4].found));
  BOOST_TEST(has(all.answers[5], problem_kind::other_content));
  BOOST_TEST(has(all.answers[6], problem_kind::not_media));
  const auto& last = all.answers.back().found;
  BOOST_TEST(last.facts.problems.empty());
  BOOST_TEST(last.previews.size() == 1u);
  BOOST_TEST(pool->counts().started == 1u);
  BOOST_TEST(pool->counts().lost == 0u);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_named_and_the_others_are_read) {
  auto pool = pool_with(walls::all);
  auto path = samples() + "/sample.png";
  batch all;
  all.order.preview_edges_px = {256, 1024};
  all.add(small_png(), "png");
  // One that is open for writing only.
  all.add(unique_fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), 1000, "png");
  all.add(small_png(), "png");
  all.read(*pool);
  BOOST_REQUIRE(all.answers[1].failure.has_value());
  BOOST_TEST((all.answers[1].failure->code == error_code::io_failed));
  BOOST_TEST(all.answers[1].failure->message.starts_with("cannot read the file"),
             all.answers[1].failure->message);
  for (auto file : {0u, 2u}) {
    BOOST_REQUIRE(!all.answers[file].failure);
    BOOST_TEST((all.decoded_size(file, 1) == std::pair(4, 4)));
  }
}

BOOST_AUTO_TEST_CASE(an_output_that_is_full_ends_the_job_and_not_the_worker) {
  auto pool = pool_with(walls::all);
  batch all;
  all.order.preview_edges_px = {1024};
  all.add(noise_png(1500, 1000), "png");
  for (auto bytes : {100u, 100'000u}) {
    all.output_bytes = bytes;
    auto outcome = all.run(*pool);
    BOOST_TEST(outcome.ending == job_ending::output_full, outcome.text);
  }
  all.output_bytes = 1 << 30;
  all.read(*pool);
  BOOST_TEST(pool->counts().started == 1u);
}

BOOST_AUTO_TEST_CASE(what_was_read_before_a_worker_died_can_be_told) {
  auto pool = pool_with(walls::all);
  batch all;
  all.order.preview_edges_px = {256};
  all.add(small_png(), "png");
  all.add("no media", "png");
  auto picture = noise_png(3000, 2000);
  for (int i = 0; i < 100; ++i)
    all.add(picture, "png");
  all.cpu_seconds = 1;
  auto outcome = all.run(*pool);
  BOOST_TEST(outcome.ending == job_ending::cpu_limit, outcome.text);
  auto size = ::lseek(all.lines.get(), 0, SEEK_END);
  BOOST_REQUIRE(size > 0);
  auto lines = contents_of(all.lines, static_cast<std::size_t>(size));
  auto whole = static_cast<std::size_t>(std::ranges::count(lines, '\n'));
  BOOST_TEST(whole >= 2u);
  BOOST_TEST(whole < all.inputs.size());
  lines.resize(lines.rfind('\n') + 1);
  auto answers = must(parse_metadata_answer(lines, whole, UINT64_MAX));
  BOOST_TEST(answers[0].found.previews.size() == 1u);
  BOOST_TEST(has(answers[1], problem_kind::not_media));
}

BOOST_AUTO_TEST_CASE(a_whole_batch_of_long_texts_fits_its_bounds) {
  auto pool = pool_with(walls::all);
  batch all;
  std::string prompt(40'000, 'p');
  auto bytes = small_png(png_text("parameters", prompt
                                                    + "\nNegative prompt: b\nSteps: 20, Sampler: "
                                                      "Euler a, CFG scale: 7, Seed: 5, Size: "
                                                      "512x768, Model: m, Version: v1.9")
                         + png_text("Comment", std::string(30'000, '"')));
  for (std::size_t i = 0; i < metadata_files_max; ++i)
    all.add(bytes, "png");
  auto begin = clock_type::now();
  all.read(*pool);
  BOOST_TEST_MESSAGE("256 files with 70 kB of text each took "
                     << std::chrono::duration<double>(clock_type::now() - begin).count() << " s");
  for (const auto& each : all.answers) {
    BOOST_REQUIRE(!each.failure);
    BOOST_REQUIRE(each.left_out.raw);
    BOOST_REQUIRE(!each.found.generation.raw.empty());
    BOOST_REQUIRE(each.found.generation.passes.front().seed == 5u);
  }
}

BOOST_DATA_TEST_CASE(cancelling_in_the_middle_of_a_batch_takes_effect_within_200_ms,
                     boost::unit_test::data::make(each_walls), which) {
  auto pool = pool_with(which);
  auto picture = noise_png(3000, 2000);
  std::vector<std::chrono::milliseconds> times;
  for (int i = 0; i < 7; ++i) {
    batch all;
    all.order.preview_edges_px = {1024, 256};
    for (int file = 0; file < 20; ++file)
      all.add(picture, "png");
    std::thread asker;
    clock_type::time_point asked;
    job_observer observer;
    observer.progress = [&](unsigned percent) {
      if (percent < 5 || asker.joinable()) return;
      asker = std::thread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(37 * i));
        asked = clock_type::now();
        all.cancel.ask();
      });
    };
    auto outcome = all.run(*pool, observer);
    auto ended = clock_type::now();
    BOOST_REQUIRE(asker.joinable());
    asker.join();
    BOOST_TEST(outcome.ending == job_ending::cancelled, outcome.text);
    times.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(ended - asked));
  }
  std::ranges::sort(times);
  BOOST_TEST_MESSAGE("cancelled within " << times.front().count() << " to " << times.back().count()
                                         << " ms, " << pool->counts().started << " workers for "
                                         << times.size() << " batches");
  // The slowest one says how busy the machine is.
  BOOST_TEST(times[times.size() / 2].count() < 200);
}

BOOST_AUTO_TEST_CASE(parameters_beyond_their_bounds_are_refused) {
  auto pool = pool_with(walls::all);
  auto input = file_of("x");
  auto output = memory_file(), second = memory_file();
  job_cancel never;
  std::uint64_t number = 0;
  const json file{{"size_bytes", 1}, {"extension", "png"}};
  const std::pair<json, const char*> refused[] = {
      {json::object(), "'files'"},
      {{{"files", json::array()}}, "'files'"},
      {{{"files", "all"}}, "'files'"},
      {{{"files", {1}}}, "'files[0]'"},
      {{{"files", {{{"size_bytes", 1}}}}}, "'files[0]'"},
      {{{"files", {{{"size_bytes", -1}, {"extension", ""}}}}}, "'files[0].size_bytes'"},
      {{{"files", {{{"size_bytes", UINT64_MAX}, {"extension", ""}}}}}, "'files[0].size_bytes'"},
      {{{"files", {{{"size_bytes", 1}, {"extension", 1}}}}}, "'files[0].extension'"},
      {{{"files", {{{"size_bytes", 1}, {"extension", std::string(17, 'x')}}}}},
       "'files[0].extension'"},
      {{{"files", {file}}, {"previews", 1}}, "'previews'"},
      {{{"files", {file}}, {"previews", {0}}}, "'previews'"},
      {{{"files", {file}}, {"previews", {1025}}}, "'previews'"},
      {{{"files", {file}}, {"previews", {256, 256}}}, "'previews'"},
      {{{"files", {file}}, {"previews", {1, 2, 3, 4, 5}}}, "'previews'"},
      {{{"files", {file}}, {"skip_own_previews", 1}}, "'skip_own_previews'"},
      {{{"files", {file}}, {"path", "/etc/passwd"}}, "'path'"},
      {{{"files", {file, file}}}, "the job has 1 inputs"},
      {{{"files", {file}}, {"previews", {256}}}, "the job has 1 inputs and 1 outputs"}};
  for (const auto& [parameters, named] : refused) {
    job_order job{++number, std::string(metadata_extract_kind), parameters};
    job.inputs = {input.get()};
    job.outputs = {output.get()};
    auto outcome = pool->run(job, {}, never);
    BOOST_TEST(outcome.ending == job_ending::bad_parameters, parameters.dump());
    BOOST_TEST(outcome.text.find(named) != std::string::npos, outcome.text);
  }
  BOOST_TEST(pool->counts().started == 1u);
}

BOOST_AUTO_TEST_CASE(an_order_is_read_as_it_is_written) {
  metadata_order order;
  order.files.assign(metadata_files_max,
                     {INT64_MAX, std::string(metadata_extension_bytes_max, '\x1f')});
  order.preview_edges_px = {1024, 256, 1, 2};
  order.skip_own_previews = true;
  auto parameters = to_parameters(order);
  BOOST_TEST(parameters.dump().size() <= job_parameters_bytes_max);
  BOOST_TEST((must(parse_metadata_order(parameters)) == order));
  order.files.push_back({});
  BOOST_TEST(!parse_metadata_order(to_parameters(order)));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(worker_programs)

BOOST_AUTO_TEST_CASE(the_worker_is_found_beside_the_program) {
  temp_folder folder;
  auto own = folder.path + "/self";
  auto link = [&](const std::string& to) {
    std::filesystem::remove(own);
    std::filesystem::create_symlink(to, own);
  };
  link(folder.path + "/bin/podstudio");
  auto missing = find_worker_program(own);
  BOOST_REQUIRE(!missing);
  BOOST_TEST((missing.failure().code == error_code::not_found));
  BOOST_TEST(missing.failure().message.find("'" + folder.path + "/bin/podstudio-worker'")
             != std::string::npos);
  auto real = std::filesystem::path(PODSTUDIO_WORKER);
  // As the kernel names a program that was replaced.
  link((real.parent_path() / "podstudio (deleted)").string());
  auto found = must(find_worker_program(own));
  BOOST_TEST(found.path == real.string());
  auto worker = must(worker_process::start({found}));
  BOOST_TEST(worker->walls().filter);
}

BOOST_AUTO_TEST_CASE(a_worker_of_another_version_says_so) {
  auto started = worker_process::start({{PODSTUDIO_WORKER, {"podstudio-worker", "0.0.7"}}});
  BOOST_REQUIRE(!started);
  BOOST_TEST(started.failure().message.find("the service is version 0.0.7; restart the service")
                 != std::string::npos,
             started.failure().message);
}

BOOST_AUTO_TEST_SUITE_END()
