// SPDX-License-Identifier: MIT
#include "projections/projection.hpp"

#include "schema/schema.hpp"
#include "support/committed.hpp"
#include "support/dump.hpp"
#include "support/extracted.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

using namespace podstudio;

namespace {

struct projection_fixture {
  temp_folder folder;
  std::string path = folder.path + "/podstudio.db";
  std::unique_ptr<projection> tables = must(projection::open(path));
  database reader = must(open_tables_read_only(path));
  command_maker make;

  /// Folds the events as one command.
  void fold(std::vector<event> events) { fold_all({make(std::move(events))}); }
  void fold_all(const std::vector<committed_command>& commands) { must(tables->fold(commands)); }
  error failure_of(std::vector<event> events) {
    auto commands = std::vector{make(std::move(events))};
    auto folded = tables->fold(commands);
    BOOST_REQUIRE(!folded);
    return folded.failure();
  }
  std::string rows(const std::string& sql) { return rows_of(reader, sql); }
};

/// No file grows beyond `bytes` while this lives. Stands in for a full disk, which would need a
/// file system of our own.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) {
    // Exceeding it is to be an error and not a signal.
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;
  ~file_size_limit() { setrlimit(RLIMIT_FSIZE, &before_); }

private:
  rlimit before_{};
};

/// The time of the n-th command, counted from 1.
std::string at(int n) {
  std::string second = std::to_string(4 + n);
  return "2026-01-02 03:04:" + std::string(second.size() < 2 ? "0" : "") + second + ".000000";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(assets, projection_fixture)

BOOST_AUTO_TEST_CASE(a_registered_asset_has_the_values_of_the_seed) {
  const std::string path_text = "/lib/it's \"a\" castle \xf0\x9f\x8f\xb0.PNG";
  auto content = content_of(0xab, 123);
  content.facts.inode = ~std::uint64_t{0};
  fold({asset_registered{7, path_text, asset_type::video, content}});
  BOOST_TEST(rows("SELECT * FROM asset")
             == "7|" + path_text + "|video|ab" + std::string(62, '0') + "|||||||unknown|0|" + at(1)
                    + "|" + at(1));
  BOOST_TEST(rows("SELECT typeof(width), typeof(theme), typeof(source) FROM asset")
             == "null|null|null");
  BOOST_TEST(rows("SELECT * FROM asset_file")
             == "7|123|1700000000000000000|1700000000000000001|-1|2049|");
  BOOST_TEST(rows("SELECT id FROM last_id WHERE kind = 'asset'") == "7");
}

BOOST_AUTO_TEST_CASE(changed_content_has_another_hash_and_other_facts) {
  fold({registered(1, "/a", 1)});
  fold({asset_content_changed{1, content_of(1), content_of(2, 77)}});
  BOOST_TEST(rows("SELECT substr(hash, 1, 2), created_at, updated_at FROM asset")
             == "02|" + at(1) + "|" + at(2));
  BOOST_TEST(rows("SELECT size_bytes, inode FROM asset_file") == "77|2");
}

BOOST_AUTO_TEST_CASE(a_touched_file_has_other_facts_and_the_row_is_not_updated) {
  fold({registered(1, "/a", 1)});
  fold({asset_touched{1, content_of(1).facts, content_of(9).facts}});
  BOOST_TEST(rows("SELECT substr(hash, 1, 2), updated_at FROM asset") == "01|" + at(1));
  BOOST_TEST(rows("SELECT inode FROM asset_file") == "9");
}

BOOST_AUTO_TEST_CASE(a_moved_asset_keeps_all_but_its_path) {
  fold({registered(1, "/a"), asset_approved{1}, asset_tagged{1, "castle"}});
  fold({asset_moved{1, "/a", "/b", content_of(1).facts, content_of(1).facts}});
  BOOST_TEST(rows("SELECT path, approved, updated_at FROM asset") == "/b|1|" + at(2));
  BOOST_TEST(rows("SELECT tag FROM asset_tag") == "castle");
}

BOOST_AUTO_TEST_CASE(another_extension_has_what_was_read_read_again) {
  auto facts = content_of(1).facts;
  fold({registered(1, "/a.jpg")});
  fold({asset_metadata_extracted{1,
                                 {},
                                 {.width = 64, .height = 48},
                                 content_of(1).sha256,
                                 7,
                                 media::to_json(media::extracted{})}});
  auto extractor = [&] { return rows("SELECT extractor, width FROM asset, asset_media"); };
  BOOST_TEST(extractor() == "7|64");
  fold({asset_moved{1, "/a.jpg", "/b/c.JPG", facts, facts}});
  BOOST_TEST(extractor() == "7|64");
  fold({asset_missing{1}});
  fold({asset_returned{1, "/b/c.JPG", "/b/c.JPG", facts, facts}});
  BOOST_TEST(extractor() == "7|64");
  fold({asset_missing{1}});
  fold({asset_returned{1, "/b/c.JPG", "/b/c.png", facts, facts}});
  BOOST_TEST(extractor() == "0|64");
}

BOOST_AUTO_TEST_CASE(three_files_can_take_each_others_names_in_one_command) {
  auto facts = content_of(1).facts;
  fold({registered(1, "/a"), registered(2, "/b"), registered(3, "/c")});
  fold({asset_moved{1, "/a", "/b", facts, facts}, asset_moved{2, "/b", "/c", facts, facts},
        asset_moved{3, "/c", "/a", facts, facts}});
  BOOST_TEST(rows("SELECT id, path FROM asset ORDER BY id") == "1|/b\n2|/c\n3|/a");
}

BOOST_AUTO_TEST_CASE(a_returning_file_can_take_the_name_of_one_that_moves_on) {
  auto facts = content_of(1).facts;
  fold({registered(1, "/a"), registered(2, "/b"), asset_missing{1}});
  fold({asset_returned{1, "/a", "/b", facts, facts}, asset_moved{2, "/b", "/c", facts, facts}});
  BOOST_TEST(rows("SELECT id, path FROM asset ORDER BY id") == "1|/b\n2|/c");
}

BOOST_AUTO_TEST_CASE(a_command_that_leaves_two_assets_one_path_is_refused_whole) {
  auto facts = content_of(1).facts;
  fold({registered(1, "/a"), registered(2, "/b")});
  auto before = dump_of(reader);
  auto failure = failure_of({asset_moved{1, "/a", "/b", facts, facts}});
  BOOST_TEST(int(failure.code) == int(error_code::internal));
  BOOST_TEST(failure.message.find("asset 2") != std::string::npos);
  BOOST_TEST(dump_of(reader) == before);
}

BOOST_AUTO_TEST_CASE(a_second_asset_at_one_path_is_refused) {
  fold({registered(1, "/a")});
  auto failure = failure_of({registered(2, "/a")});
  BOOST_TEST(int(failure.code) == int(error_code::internal));
  BOOST_TEST(failure.message.find("asset.registered at sequence 2") != std::string::npos);
  BOOST_TEST(failure.message.find("asset.path") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_missing_asset_keeps_its_row_until_it_returns) {
  auto facts = content_of(1).facts;
  fold({registered(1, "/a"), registered(2, "/b")});
  fold({asset_missing{1}, asset_missing{2}});
  BOOST_TEST(rows("SELECT path, updated_at FROM asset") == "/a|" + at(1) + "\n/b|" + at(1));
  BOOST_TEST(rows("SELECT missing_since FROM asset_file") == at(2) + "\n" + at(2));
  fold({asset_returned{1, "/a", "/a", facts, facts}, asset_returned{2, "/b", "/c", facts, facts}});
  BOOST_TEST(rows("SELECT path, updated_at FROM asset") == "/a|" + at(1) + "\n/c|" + at(3));
  BOOST_TEST(rows("SELECT count(*) FROM asset_file WHERE missing_since IS NULL") == "2");
}

BOOST_AUTO_TEST_CASE(extracted_metadata_fills_and_clears_the_columns_of_the_seed) {
  media_facts facts{640, 480, 1.5, 44'100};
  fold({registered(1, "/a")});
  fold({asset_metadata_extracted{1, {}, facts}});
  BOOST_TEST(rows("SELECT width, height, duration_sec, samplerate_hz, updated_at FROM asset")
             == "640|480|1.5|44100|" + at(2));
  fold({asset_metadata_extracted{1, facts, {}}});
  BOOST_TEST(
      rows("SELECT typeof(width), typeof(height), typeof(duration_sec), typeof(samplerate_hz)"
           " FROM asset")
      == "null|null|null|null");
}

BOOST_AUTO_TEST_CASE(approval_is_given_and_withdrawn) {
  fold({registered(1, "/a")});
  fold({asset_approved{1}});
  BOOST_TEST(rows("SELECT approved, updated_at FROM asset") == "1|" + at(2));
  fold({asset_approval_withdrawn{1}});
  BOOST_TEST(rows("SELECT approved, updated_at FROM asset") == "0|" + at(3));
}

BOOST_AUTO_TEST_CASE(theme_source_and_provenance_are_set_and_cleared) {
  fold({registered(1, "/a")});
  fold({asset_theme_set{1, {}, "na'ture"}, asset_source_set{1, {}, "Midjourney"},
        asset_provenance_set{1, provenance::unknown, provenance::ai_generated}});
  BOOST_TEST(rows("SELECT theme, source, provenance, updated_at FROM asset")
             == "na'ture|Midjourney|ai_generated|" + at(2));
  fold({asset_theme_set{1, "na'ture", {}}, asset_source_set{1, "Midjourney", ""}});
  BOOST_TEST(rows("SELECT typeof(theme), typeof(source) FROM asset") == "null|text");
}

BOOST_AUTO_TEST_CASE(tags_come_and_go_and_the_row_is_not_updated) {
  fold({registered(1, "/a")});
  fold({asset_tagged{1, "b"}, asset_tagged{1, "a"}});
  BOOST_TEST(rows("SELECT * FROM asset_tag") == "1|a\n1|b");
  fold({asset_untagged{1, "a"}});
  BOOST_TEST(rows("SELECT * FROM asset_tag") == "1|b");
  BOOST_TEST(rows("SELECT updated_at FROM asset") == at(1));
}

BOOST_AUTO_TEST_CASE(a_forgotten_asset_leaves_its_jobs_and_its_id_behind) {
  fold({registered(5, "/a"), job_queued{1, job_kind::upscale, asset_id{5}, {}, {}}});
  asset_forgotten forgotten;
  forgotten.asset = 5;
  fold({forgotten});
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "0");
  BOOST_TEST(rows("SELECT count(*) FROM asset_file") == "0");
  BOOST_TEST(rows("SELECT id, typeof(asset_id) FROM job") == "1|null");
  BOOST_TEST(rows("SELECT id FROM last_id WHERE kind = 'asset'") == "5");
  // Undone: the same id again.
  fold({registered(5, "/a")});
  BOOST_TEST(rows("SELECT id, path FROM asset") == "5|/a");
}

BOOST_AUTO_TEST_CASE(an_event_of_an_unknown_asset_is_refused_with_its_place) {
  auto failure = failure_of({engine_started{}, asset_approved{9}});
  BOOST_TEST(int(failure.code) == int(error_code::internal));
  BOOST_TEST(failure.message.find("asset.approved at sequence 2") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(read_media, projection_fixture)

namespace {

media::extracted something_read() {
  media::extracted read;
  auto& facts = read.facts;
  facts.mime = "image/png";
  facts.video_codec = "png";
  facts.width = 640;
  facts.height = 480;
  facts.fps = {30'000, 1'001};
  facts.alpha_present = true;
  facts.alpha_used = false;
  facts.orientation = 3;
  facts.dpi_x = 72.5;
  facts.decoded = true;
  media::add_problem(facts, media::problem_kind::cut, "it's cut");
  media::add_problem(facts, media::problem_kind::damaged, "a check sum");
  read.hash =
      media::pdq_from_hex("00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef");
  read.hash_quality = 80;
  auto& made = read.generation;
  made.tool = "comfyui";
  made.ai_generated = true;
  made.job_id = "run 1";
  auto& pass = made.passes.emplace_back();
  pass.model = "sdxl";
  pass.prompts = {"A Castle", "by night"};
  pass.seed = 18'446'744'073'709'551'615u;
  pass.steps = 20;
  made.raw = {{media::carrier::png_text, "prompt", "{}", false}};
  return read;
}

const std::string all_tables = "SELECT (SELECT count(*) FROM asset_media) || ' '"
                               " || (SELECT count(*) FROM asset_problem) || ' '"
                               " || (SELECT count(*) FROM asset_generation)";
const std::string found_castle =
    "SELECT rowid FROM lookup_prompt WHERE lookup_prompt MATCH '\"cas\" AND \"ast\"'";

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_worker_read_is_in_the_tables) {
  fold({registered(1, "/a"), registered(2, "/b")});
  fold({read_as(1, something_read())});
  BOOST_TEST(rows("SELECT width, height, typeof(duration_sec), updated_at FROM asset WHERE id = 1")
             == "640|480|null|" + at(2));
  BOOST_TEST(rows("SELECT * FROM asset_media")
             == "1|1|image/png||png||30000|1001||||1|0|3||72.5|||1|0|"
                "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef|80");
  BOOST_TEST(rows("SELECT typeof(pdq), length(pdq), typeof(container), typeof(channels)"
                  " FROM asset_media")
             == "blob|32|null|null");
  BOOST_TEST(rows("SELECT * FROM asset_problem") == "1|1|cut|it's cut\n1|2|damaged|a check sum");
  BOOST_TEST(
      rows("SELECT tool, model, prompt, seed, steps, external_id, ai_generated,"
           " typeof(negative_prompt), typeof(guesses), typeof(loras), typeof(passes)"
           " FROM asset_generation")
      == "comfyui|sdxl|A Castle\nby night|18446744073709551615|20|run 1|1|null|null|null|null");
  BOOST_TEST(rows("SELECT json_extract(raw, '$[0].key') FROM asset_generation") == "prompt");
  BOOST_TEST(rows(found_castle) == "1");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_read_again_has_what_was_read_last) {
  fold({registered(1, "/a")});
  fold({read_as(1, something_read())});
  media::extracted again;
  again.facts.width = 7;
  again.facts.mime = "image/gif";
  fold({read_as(1, again)});
  BOOST_TEST(rows(all_tables) == "1 0 0");
  BOOST_TEST(rows("SELECT mime, typeof(pdq), typeof(pdq_quality), typeof(fps_numerator)"
                  " FROM asset_media")
             == "image/gif|null|null|null");
  BOOST_TEST(rows("SELECT width, typeof(height) FROM asset") == "7|null");
  // Twice what is the same.
  fold({read_as(1, something_read())});
  fold({read_as(1, something_read())});
  BOOST_TEST(rows(all_tables) == "1 2 1");
}

BOOST_AUTO_TEST_CASE(what_was_read_goes_with_the_bytes_that_said_it) {
  fold({registered(1, "/a", 1), registered(2, "/b", 2)});
  fold({read_as(1, something_read()), read_as(2, something_read(), 2)});
  auto facts = content_of(1).facts;
  fold({asset_missing{1}, asset_moved{2, "/b", "/c", facts, facts}});
  BOOST_TEST(rows(all_tables) == "2 4 2");
  fold({asset_returned{1, "/a", "/a", facts, facts},
        asset_content_changed{1, content_of(1), content_of(3)}});
  BOOST_TEST(rows(all_tables) == "1 2 1");
  BOOST_TEST(rows("SELECT typeof(width), typeof(height) FROM asset WHERE id = 1") == "null|null");
  BOOST_TEST(rows("SELECT width FROM asset WHERE id = 2") == "640");
  asset_forgotten gone;
  gone.asset = 2;
  fold({gone});
  BOOST_TEST(rows(all_tables) == "0 0 0");
}

BOOST_AUTO_TEST_CASE(facts_of_an_earlier_version_have_no_row_beside_them) {
  fold({registered(1, "/a")});
  fold({asset_metadata_extracted{1, {}, {640, {}, {}, {}}}});
  BOOST_TEST(rows(all_tables) == "0 0 0");
  fold({read_as(1, something_read())});
  fold({asset_metadata_extracted{1, {}, {5, {}, {}, {}}}});
  BOOST_TEST(rows(all_tables) == "0 0 0");
  BOOST_TEST(rows("SELECT width FROM asset") == "5");
}

BOOST_AUTO_TEST_CASE(a_report_that_no_worker_writes_is_an_error_and_folds_nothing) {
  fold({registered(1, "/a")});
  fold({read_as(1, something_read())});
  auto before = dump_of(reader);
  auto as_before = make;
  for (const char* report : {"{", "[]", "{}", "{\"facts\":{}}", "\"\"",
                             "{\"facts\":{\"orientation\":1,\"fps_numerator\":0,"
                             "\"fps_denominator\":1,\"colour\":\"red\"}}"}) {
    auto what = read_as(1, {});
    what.report = report;
    auto commands = std::vector{make({asset_approved{1}, what})};
    auto folded = tables->fold(commands);
    BOOST_REQUIRE(!folded);
    BOOST_TEST(int(folded.failure().code) == int(error_code::internal));
    BOOST_TEST(folded.failure().message.find("cannot fold asset.metadata_extracted at sequence 4")
                   != std::string::npos,
               folded.failure().message);
    BOOST_TEST(dump_of(reader) == before);
    make = as_before;
  }
}

BOOST_AUTO_TEST_CASE(what_is_read_of_an_unknown_asset_is_refused) {
  auto failure = failure_of({read_as(9, something_read())});
  BOOST_TEST(int(failure.code) == int(error_code::internal));
  BOOST_TEST(failure.message.find("asset.metadata_extracted at sequence 1") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(packs, projection_fixture)

BOOST_AUTO_TEST_CASE(a_pack_is_created_edited_and_deleted) {
  fold({pack_created{3, {"Castles", license_type::commercial, "fantasy", {}}}});
  BOOST_TEST(rows("SELECT * FROM pack")
             == "3|Castles|fantasy||commercial|0|0.0|||" + at(1) + "|" + at(1));
  fold({pack_edited{3, {}, {"Forts", license_type::personal, {}, "walls"}}});
  BOOST_TEST(rows("SELECT name, typeof(theme), description, license_type, created_at, updated_at"
                  " FROM pack")
             == "Forts|null|walls|personal|" + at(1) + "|" + at(2));
  fold({job_queued{1, job_kind::export_pack, {}, pack_id{3}, {}}, pack_deleted{3, {}, {}, {}}});
  BOOST_TEST(rows("SELECT count(*) FROM pack") == "0");
  BOOST_TEST(rows("SELECT id, typeof(pack_id) FROM job") == "1|null");
  BOOST_TEST(rows("SELECT id FROM last_id WHERE kind = 'pack'") == "3");
}

BOOST_AUTO_TEST_CASE(an_export_is_remembered) {
  fold({pack_created{1, {"p", license_type::personal, {}, {}}}});
  fold({pack_exported{1, {}, {}, "/out/p.zip", 1'000'000}});
  BOOST_TEST(rows("SELECT export_path, exported_at, updated_at FROM pack")
             == "/out/p.zip|1970-01-01 00:00:01.000000|" + at(2));
}

BOOST_AUTO_TEST_CASE(an_archive_stays_known_when_its_pack_is_deleted) {
  fold({pack_created{1, {"p", license_type::personal, {}, {}}}});
  pack_exported exported{1, {}, {}, "/out/p.zip", 1'000'000};
  exported.made = exported_archive{{}, 7, 2, 1, {}, "etsy", {"\x01\xff"}};
  fold({exported});
  fold({pack_deleted{1, {}, {}, {}}});
  BOOST_TEST(rows("SELECT sequence, pack_id, path, exported_at, size_bytes, asset_count, read_at,"
                  " profile, hex(texts) FROM pack_export")
             == "2|1|/out/p.zip|1970-01-01 00:00:01.000000|7|2|1|etsy|01FF");
}

BOOST_AUTO_TEST_CASE(jobs_and_starts_leave_the_position_of_the_library) {
  auto position = [this] {
    return rows("SELECT library_sequence = sequence, library_hash = hash FROM checkpoint");
  };
  fold({pack_created{1, {"p", license_type::personal, {}, {}}}});
  BOOST_TEST(position() == "1|1");
  fold({job_queued{1, job_kind::export_pack, {}, pack_id{1}, {}}});
  BOOST_TEST(position() == "0|0");
  fold({engine_started{"1", 1}});
  BOOST_TEST(rows("SELECT library_sequence FROM checkpoint") == "1");
  fold({job_started{1, 1}});
  fold({job_completed{1, {}}, pack_exported{1, {}, {}, "/out/p.zip", 1'000'000}});
  BOOST_TEST(position() == "1|1");
}

BOOST_AUTO_TEST_CASE(totals_follow_the_members_and_their_content) {
  fold({asset_registered{1, "/a", asset_type::image, content_of(1, 1'500'000)},
        asset_registered{2, "/b", asset_type::image, content_of(2, 500'000)},
        pack_created{1, {"p", license_type::personal, {}, {}}},
        pack_created{2, {"q", license_type::personal, {}, {}}}});
  const std::string totals = "SELECT asset_count, total_size_mb, updated_at FROM pack ORDER BY id";
  fold({pack_asset_added{1, 1, 10}, pack_asset_added{1, 2, 20}});
  BOOST_TEST(rows(totals) == "2|2.0|" + at(2) + "\n0|0.0|" + at(1));
  fold({asset_content_changed{2, content_of(2, 500'000), content_of(3, 2'500'000)}});
  BOOST_TEST(rows(totals) == "2|4.0|" + at(3) + "\n0|0.0|" + at(1));
  fold({pack_asset_removed{1, 1, 10}});
  BOOST_TEST(rows(totals) == "1|2.5|" + at(4) + "\n0|0.0|" + at(1));
  BOOST_TEST(rows("SELECT * FROM pack_asset") == "1|2|20");
}

BOOST_AUTO_TEST_CASE(a_pack_can_come_and_go_in_one_transaction) {
  fold_all({make({registered(1, "/a"), pack_created{1, {}}, pack_asset_added{1, 1, 0}}),
            make({pack_asset_removed{1, 1, 0}, pack_deleted{1, {}, {}, {}}})});
  BOOST_TEST(rows("SELECT count(*) FROM pack") == "0");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(jobs, projection_fixture)

BOOST_AUTO_TEST_CASE(a_job_goes_its_way) {
  fold({registered(1, "/a"), job_queued{4, job_kind::enhance, asset_id{1}, {}, "{\"x\":1}"}});
  BOOST_TEST(rows("SELECT * FROM job") == "4|enhance|1||{\"x\":1}|pending|0.0|||" + at(1) + "||");
  fold({job_started{4, 1}});
  BOOST_TEST(rows("SELECT status, started_at FROM job") == "running|" + at(2));
  fold({job_progressed{4, 12.5}});
  BOOST_TEST(rows("SELECT status, progress FROM job") == "running|12.5");
  fold({job_completed{4, "/out.png"}});
  BOOST_TEST(rows("SELECT status, progress, result_path, completed_at FROM job")
             == "completed|100.0|/out.png|" + at(4));
  BOOST_TEST(rows("SELECT id FROM last_id WHERE kind = 'job'") == "4");
}

BOOST_AUTO_TEST_CASE(a_failed_job_that_is_tried_again_starts_clean_and_counts_its_attempts) {
  fold({job_queued{1, job_kind::upscale, {}, {}, {}}, job_started{1, 1}, job_progressed{1, 50}});
  fold({job_failed{1, "no memory", {"out_of_memory", "line one\nline two"}}});
  BOOST_TEST(rows("SELECT status, error_message, completed_at FROM job")
             == "failed|no memory|" + at(2));
  fold({job_requeued{1, job_status::failed, "again", {}}});
  BOOST_TEST(rows("SELECT status, progress, typeof(error_message), typeof(started_at),"
                  " typeof(completed_at) FROM job")
             == "pending|0.0|null|null|null");
  fold({job_started{1, 2}});
  const std::string attempts = "SELECT * FROM job_attempt ORDER BY attempt";
  auto first = "1|1|" + at(1) + "|" + at(2) + "|out_of_memory|no memory|line one\nline two\n";
  BOOST_TEST(rows(attempts) == first + "1|2|" + at(4) + "||||");
  fold({job_requeued{1, job_status::running, "the engine stopped", {}}});
  BOOST_TEST(rows(attempts) == first + "1|2|" + at(4) + "|" + at(5) + "||the engine stopped|");
  fold({job_started{1, 3}});
  fold({job_completed{1, {}}});
  BOOST_TEST(rows("SELECT started_at, ended_at, ending FROM job_attempt WHERE attempt = 3")
             == at(6) + "|" + at(7) + "|completed");
}

BOOST_AUTO_TEST_CASE(a_priority_has_a_row_where_it_is_not_the_usual_one) {
  fold({job_queued{1, job_kind::upscale, {}, {}, {}}, job_queued{2, {}, {}, {}, {}, -3},
        job_queued{3, {}, {}, {}, {}, 10}});
  BOOST_TEST(rows("SELECT * FROM job_priority") == "2|-3\n3|10");
}

BOOST_AUTO_TEST_CASE(what_a_seller_said_is_in_one_row) {
  BOOST_TEST(rows("SELECT * FROM seller") == "1||||");
  fold({seller_described{{}, {"Ada", "2026", {}, "ada@example.org"}}});
  BOOST_TEST(rows("SELECT * FROM seller") == "1|Ada|2026||ada@example.org");
  fold({seller_described{{"Ada", "2026", {}, "ada@example.org"}, {}}});
  BOOST_TEST(rows("SELECT * FROM seller") == "1||||");
}

BOOST_AUTO_TEST_CASE(a_held_queue_has_a_row_until_it_goes_on) {
  fold({job_queue_held{false, true}});
  fold({job_queue_held{true, true}});
  BOOST_TEST(rows("SELECT * FROM job_queue") == "1");
  fold({job_queue_held{true, false}});
  BOOST_TEST(rows("SELECT * FROM job_queue") == "");
}

BOOST_AUTO_TEST_CASE(a_cancelled_job_says_when) {
  fold({job_queued{1, job_kind::upscale, {}, {}, {}}});
  fold({job_cancelled{1, job_status::pending}});
  BOOST_TEST(rows("SELECT status, completed_at FROM job") == "cancelled|" + at(2));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(watch, projection_fixture)

BOOST_AUTO_TEST_CASE(a_root_is_added_lost_returned_and_removed) {
  const std::string root = "SELECT path, device, inode, state, reason, created_at FROM watch_root";
  fold({watch_root_added{2, "/lib", 5, 6}});
  BOOST_TEST(rows(root) == "/lib|5|6|active||" + at(1));
  fold({watch_root_lost{2, "unmounted"}});
  BOOST_TEST(rows(root) == "/lib|5|6|lost|unmounted|" + at(1));
  fold({watch_root_returned{2}});
  BOOST_TEST(rows(root) == "/lib|5|6|active||" + at(1));
  fold({watch_root_removed{2, "/lib", 5, 6}});
  BOOST_TEST(rows(root) == "");
  BOOST_TEST(rows("SELECT id FROM last_id WHERE kind = 'root'") == "2");
}

BOOST_AUTO_TEST_CASE(a_second_problem_of_a_path_replaces_the_first) {
  fold({problem_found{"/x", problem_kind::unreadable, "denied"}});
  fold({problem_found{"/x", problem_kind::unstable, "changing"}});
  BOOST_TEST(rows("SELECT * FROM problem") == "/x|unstable|changing|" + at(2));
  fold({problem_resolved{"/x"}});
  BOOST_TEST(rows("SELECT * FROM problem") == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(transactions, projection_fixture)

BOOST_AUTO_TEST_CASE(new_tables_hold_nothing) {
  BOOST_TEST((tables->checkpoint() == log_head{}));
  BOOST_TEST(rows("SELECT sequence, hash FROM checkpoint") == "0|" + std::string(64, '0'));
}

BOOST_AUTO_TEST_CASE(every_command_is_recorded) {
  fold_all({make({engine_started{"0.1.0", 1}}, "start"),
            make({registered(1, "/a"), asset_approved{1}}, "approve 1 asset")});
  BOOST_TEST(rows("SELECT first_sequence, last_sequence, id, at, origin, summary FROM command")
             == "1|1|00000000-0000-0000-0000-000000000000|" + at(1) + "|console|start\n"
                    + "2|3|00010000-0000-0000-0000-000000000000|" + at(2)
                    + "|console|approve 1 asset");
}

BOOST_AUTO_TEST_CASE(the_checkpoint_is_the_last_command_and_survives) {
  auto command = make({registered(1, "/a"), asset_approved{1}});
  fold_all({command});
  log_head expected{2, command.hash};
  BOOST_TEST((tables->checkpoint() == expected));
  tables.reset();
  BOOST_TEST((must(projection::open(path))->checkpoint() == expected));
}

BOOST_AUTO_TEST_CASE(a_gap_or_a_repetition_is_refused) {
  auto first = make({registered(1, "/a")}), second = make({asset_approved{1}});
  for (const auto& commands : {std::vector{second}, std::vector{first, first}}) {
    auto folded = tables->fold(commands);
    BOOST_REQUIRE(!folded);
    BOOST_TEST(int(folded.failure().code) == int(error_code::internal));
  }
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "0");
  fold_all({first, second});
  BOOST_TEST(!tables->fold(std::vector{second}));
  BOOST_TEST(rows("SELECT approved FROM asset") == "1");
}

BOOST_AUTO_TEST_CASE(a_failure_anywhere_folds_nothing_and_can_be_tried_again) {
  fold({registered(1, "/a"), pack_created{1, {}}});
  auto before = dump_of(reader);
  auto good = make({registered(2, "/b"), pack_asset_added{1, 1, 0}, job_queued{9, {}, {}, {}, {}}});
  auto bad = good;
  bad.first_sequence = good.last_sequence() + 1;
  auto what = std::make_shared<command>(*good.what);
  what->events = {asset_missing{1}, asset_approved{77}};
  bad.what = what;
  BOOST_TEST(!tables->fold(std::vector{good, bad}));
  BOOST_TEST(dump_of(reader) == before);
  fold_all({good});
  BOOST_TEST(rows("SELECT kind, id FROM last_id") == "asset|2\njob|9\npack|1\nroot|0");
  BOOST_TEST(rows("SELECT asset_count FROM pack") == "1");
}

BOOST_AUTO_TEST_CASE(a_reader_sees_whole_transactions_and_does_not_stop_the_writer) {
  fold({registered(1, "/a")});
  auto reading = transaction::begin_read(reader);
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "1");
  fold({registered(2, "/b")});
  BOOST_REQUIRE(tables->checkpoint_wal());
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "1");
  BOOST_REQUIRE(reading->commit());
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "2");
  BOOST_REQUIRE(tables->checkpoint_wal());
}

BOOST_AUTO_TEST_CASE(a_full_disk_folds_nothing_and_the_fold_succeeds_once_there_is_room) {
  fold({registered(1, "/a")});
  auto before = dump_of(reader);
  std::vector<event> events;
  for (asset_id id = 2; id <= 5'000; ++id)
    events.push_back(registered(id, "/lib/" + std::to_string(id)));
  auto commands = std::vector{make(std::move(events))};
  {
    file_size_limit limit(256 * 1024);
    auto folded = tables->fold(commands);
    BOOST_REQUIRE(!folded);
    BOOST_TEST(int(folded.failure().code) == int(error_code::disk_full), folded.failure().message);
    BOOST_TEST(dump_of(reader) == before);
  }
  fold_all(commands);
  BOOST_TEST(rows("SELECT count(*) FROM asset") == "5000");
}

BOOST_AUTO_TEST_CASE(tables_somebody_changed_are_damaged) {
  tables.reset();
  BOOST_REQUIRE(open_tables(path)->execute("DROP TABLE asset_tag"));
  auto opened = projection::open(path);
  BOOST_REQUIRE(!opened);
  BOOST_TEST(int(opened.failure().code) == int(error_code::damaged));
}

BOOST_AUTO_TEST_SUITE_END()
