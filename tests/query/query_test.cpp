#include "query/assets.hpp"
#include "query/library.hpp"
#include "query/models.hpp"
#include "query/packs.hpp"

#include "support/random_library.hpp"
#include "support/tables.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <limits>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;
using nlohmann::json;

namespace {

using query_fixture = tables_fixture;

/// Six assets that differ in everything a filter can choose by.
struct library_fixture : query_fixture {
  library_fixture() {
    fold({registered(1, "/lib/100%.png", 1), registered(2, "/lib/a_b.wav", 2, asset_type::audio),
          registered(3, "/lib/sub/it's.mp4", 3, asset_type::video),
          registered(4, "/lib/copy.png", 1), registered(5, "/library/axb.png", 5),
          registered(6, "/lib/back\\slash.png", 5)});
    fold({asset_approved{1}, asset_approved{3}, asset_theme_set{2, {}, "Nature"},
          asset_theme_set{3, {}, "tech"}, asset_source_set{5, {}, "Midjourney \"v6\""},
          asset_provenance_set{5, provenance::unknown, provenance::ai_generated},
          asset_tagged{1, "castle"}, asset_tagged{1, "blue"}, asset_tagged{3, "castle"}});
    fold({asset_missing{6}});
  }
  /// The ids that a filter finds, in both ways of asking.
  std::vector<asset_id> found(const json& filter_text) {
    auto filter = must(parse_filter(filter_text));
    std::vector<asset_id> ids;
    for (const auto& asset : must(list_assets(db, filter)))
      ids.push_back(asset["id"]);
    BOOST_TEST(must(matching_assets(db, filter)) == ids, boost::test_tools::per_element());
    return ids;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(assets)

BOOST_FIXTURE_TEST_CASE(a_listed_asset_has_the_columns_of_the_seed_and_three_more, query_fixture) {
  fold({registered(1, "/lib/a.png", 0xab)});
  fold({asset_approved{1}, asset_tagged{1, "z"}, asset_tagged{1, "a\"b"},
        asset_metadata_extracted{1, {}, {640, {}, 1.5, {}}}});
  auto expected = json::array({{{"id", 1},
                                {"path", "/lib/a.png"},
                                {"type", "image"},
                                {"hash", "ab" + std::string(62, '0')},
                                {"width", 640},
                                {"height", nullptr},
                                {"duration_sec", 1.5},
                                {"samplerate_hz", nullptr},
                                {"theme", nullptr},
                                {"source", nullptr},
                                {"provenance", "unknown"},
                                {"approved", true},
                                {"created_at", "2026-01-02 03:04:05.000000"},
                                {"updated_at", "2026-01-02 03:04:06.000000"},
                                {"size_bytes", 1'000},
                                {"missing", false},
                                {"tags", {"a\"b", "z"}}}});
  BOOST_TEST(must(list_assets(db, {})) == expected);
}

BOOST_FIXTURE_TEST_CASE(filters_choose_what_they_say, library_fixture) {
  struct chosen {
    json filter;
    std::vector<asset_id> ids;
  };
  const std::vector<chosen> cases = {
      {json::object(), {1, 2, 3, 4, 5, 6}},
      {{{"type", "image"}}, {1, 4, 5, 6}},
      {{{"type", "audio"}}, {2}},
      {{{"theme", "tech"}}, {3}},
      {{{"theme", "nature"}}, {}},
      {{{"provenance", "ai_generated"}}, {5}},
      {{{"approved", true}}, {1, 3}},
      {{{"unapproved", true}}, {2, 4, 5, 6}},
      {{{"missing", true}}, {6}},
      {{{"duplicates", true}}, {1, 4}},
      {{{"tag", "castle"}}, {1, 3}},
      {{{"tag", "cast"}}, {}},
      {{{"tag", "castle"}, {"type", "video"}}, {3}},
      {{{"approved", true}, {"duplicates", true}}, {1}},
      {{{"search", "SUB"}}, {3}},
      {{{"search", "nature"}}, {2}},
      {{{"search", "midjourney"}}, {5}},
      {{{"search", "blu"}}, {1}},
      {{{"search", "castle"}}, {1, 3}},
      {{{"search", "nowhere"}}, {}},
  };
  for (const auto& one : cases)
    BOOST_TEST_CONTEXT(one.filter) {
      BOOST_TEST(found(one.filter) == one.ids, boost::test_tools::per_element());
    }
}

BOOST_FIXTURE_TEST_CASE(every_character_of_a_search_means_itself, library_fixture) {
  struct searched {
    std::string text;
    std::vector<asset_id> ids;
  };
  const std::vector<searched> cases = {
      {"%", {1}},          {"_", {2}},    {"a_b", {2}},
      {"\\", {6}},         {"'", {3}},    {"\"", {5}},
      {"' OR 1=1 --", {}}, {"%%", {}},    {"\\%", {}},
      {"100%.p", {1}},     {"k\\s", {6}}, {"'; DROP TABLE asset", {}},
      {"*", {}},           {"?1", {}},    {std::string(1'000, '%'), {}},
  };
  for (const auto& one : cases)
    BOOST_TEST_CONTEXT(one.text) {
      BOOST_TEST(found({{"search", one.text}}) == one.ids, boost::test_tools::per_element());
      // The same text is harmless wherever text can be given.
      BOOST_TEST(found({{"theme", one.text}}).empty());
      BOOST_TEST(found({{"tag", one.text}}).empty());
    }
}

BOOST_FIXTURE_TEST_CASE(pages_meet_without_a_gap_while_assets_come_and_go, query_fixture) {
  std::vector<event> events;
  for (asset_id id = 1; id <= 25; ++id)
    events.push_back(registered(id, "/lib/" + std::to_string(id)));
  fold(std::move(events));
  std::vector<asset_id> seen;
  asset_filter filter;
  filter.limit = 10;
  for (;;) {
    auto page = must(list_assets(db, filter));
    if (page.empty()) break;
    BOOST_TEST(page.size() <= 10u);
    for (const auto& asset : page)
      seen.push_back(asset["id"]);
    filter.after = seen.back();
    if (seen.size() == 10) {
      asset_forgotten gone;
      gone.asset = 3;
      fold({gone, registered(26, "/lib/26")});
    }
  }
  std::vector<asset_id> expected;
  for (asset_id id = 1; id <= 26; ++id)
    expected.push_back(id);
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(the_page_bounds_do_not_bound_all_that_match, query_fixture) {
  fold({registered(1, "/a"), registered(2, "/b"), registered(3, "/c")});
  asset_filter filter;
  filter.after = 1;
  filter.limit = 1;
  BOOST_TEST(must(list_assets(db, filter)).size() == 1u);
  BOOST_TEST(must(matching_assets(db, filter)).size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(an_asset_is_shown_with_all_that_is_known, query_fixture) {
  auto content = content_of(1, 77);
  content.facts.inode = std::numeric_limits<std::uint64_t>::max();
  fold({asset_registered{1, "/lib/a b.png", asset_type::image, content}, registered(2, "/lib/c"),
        pack_created{4, {"Castles", license_type::personal, {}, {}}}, pack_asset_added{4, 1, 30},
        job_queued{8, job_kind::upscale, asset_id{1}, {}, "{}"}, asset_tagged{1, "t"}});
  auto asset = must(show_asset(db, asset_id{1}));
  BOOST_TEST(asset == must(show_asset(db, std::string("/lib/a b.png"))));
  BOOST_TEST(asset["path"] == "/lib/a b.png");
  BOOST_TEST(asset["approved"] == false);
  BOOST_TEST(asset["tags"] == json::array({"t"}));
  BOOST_TEST(asset["file"]
             == json({{"size_bytes", 77},
                      {"mtime_ns", 1'700'000'000'000'000'000},
                      {"ctime_ns", 1'700'000'000'000'000'001},
                      {"inode", std::numeric_limits<std::uint64_t>::max()},
                      {"device", 2'049},
                      {"missing_since", nullptr}}));
  BOOST_TEST(asset["media"]
             == json({{"width", nullptr},
                      {"height", nullptr},
                      {"duration_sec", nullptr},
                      {"samplerate_hz", nullptr}}));
  BOOST_TEST(asset["generation"] == nullptr);
  BOOST_TEST(asset["lineage"] == json::array());
  BOOST_TEST(asset["packs"] == json::array({{{"id", 4}, {"name", "Castles"}, {"position", 30}}}));
  BOOST_TEST(asset["jobs"]
             == json::array({{{"id", 8},
                              {"kind", "upscale"},
                              {"asset_id", 1},
                              {"pack_id", nullptr},
                              {"params_json", "{}"},
                              {"status", "pending"},
                              {"progress", 0.0},
                              {"result_path", nullptr},
                              {"error_message", nullptr},
                              {"created_at", "2026-01-02 03:04:05.000000"},
                              {"started_at", nullptr},
                              {"completed_at", nullptr}}}));
  BOOST_TEST(must(show_asset(db, asset_id{2}))["packs"] == json::array());
}

BOOST_FIXTURE_TEST_CASE(an_asset_that_is_not_there_is_not_found, query_fixture) {
  for (const asset_key& key : {asset_key(asset_id{1}), asset_key(std::string("/no\nwhere"))}) {
    auto asset = show_asset(db, key);
    BOOST_REQUIRE(!asset);
    BOOST_TEST(int(asset.failure().code) == int(error_code::not_found));
    BOOST_TEST(asset.failure().message.find('\n') == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(library)

BOOST_FIXTURE_TEST_CASE(an_empty_library_counts_zero, query_fixture) {
  BOOST_TEST(must(asset_counts(db))
             == json({{"total", 0},
                      {"image", 0},
                      {"audio", 0},
                      {"video", 0},
                      {"approved", 0},
                      {"missing", 0}}));
  BOOST_TEST(
      must(job_counts(db))
      == json({{"pending", 0}, {"running", 0}, {"completed", 0}, {"failed", 0}, {"cancelled", 0}}));
  BOOST_TEST(must(pack_count(db)) == 0);
  BOOST_TEST(must(problem_count(db)) == 0);
  BOOST_TEST(must(list_roots(db)) == json::array());
  BOOST_TEST(must(list_problems(db)) == json::array());
}

BOOST_FIXTURE_TEST_CASE(counts_say_what_is_there, library_fixture) {
  fold({pack_created{1, {}}, job_queued{1, {}, {}, {}, {}}, job_queued{2, {}, {}, {}, {}},
        job_started{2, 1}});
  BOOST_TEST(must(asset_counts(db))
             == json({{"total", 6},
                      {"image", 4},
                      {"audio", 1},
                      {"video", 1},
                      {"approved", 2},
                      {"missing", 1}}));
  BOOST_TEST(
      must(job_counts(db))
      == json({{"pending", 1}, {"running", 1}, {"completed", 0}, {"failed", 0}, {"cancelled", 0}}));
  BOOST_TEST(must(pack_count(db)) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_root_counts_what_lies_below_it_and_not_beside_it, library_fixture) {
  fold({watch_root_added{1, "/lib", 1, 2}, watch_root_added{2, "/lib/sub", 1, 3},
        watch_root_added{3, "/", 1, 4}, watch_root_added{4, "/lib/100%", 1, 5}});
  fold({watch_root_lost{2, "unmounted"}});
  BOOST_TEST(
      must(list_roots(db))
      == json::array(
          {{{"path", "/"}, {"state", "active"}, {"reason", nullptr}, {"assets", 6}},
           {{"path", "/lib"}, {"state", "active"}, {"reason", nullptr}, {"assets", 5}},
           {{"path", "/lib/100%"}, {"state", "active"}, {"reason", nullptr}, {"assets", 0}},
           {{"path", "/lib/sub"}, {"state", "lost"}, {"reason", "unmounted"}, {"assets", 1}}}));
}

BOOST_FIXTURE_TEST_CASE(problems_are_listed_by_path, query_fixture) {
  fold({problem_found{"/b\\xff", problem_kind::bad_name, "no UTF-8"},
        problem_found{"/a", problem_kind::unreadable, "denied"}});
  BOOST_TEST(must(list_problems(db))
             == json::array({{{"path", "/a"},
                              {"kind", "unreadable"},
                              {"reason", "denied"},
                              {"since", "2026-01-02 03:04:05.000000"}},
                             {{"path", "/b\\xff"},
                              {"kind", "bad_name"},
                              {"reason", "no UTF-8"},
                              {"since", "2026-01-02 03:04:05.000000"}}}));
  BOOST_TEST(must(problem_count(db)) == 2);
}

BOOST_FIXTURE_TEST_CASE(the_answers_about_a_random_library_agree_with_each_other, query_fixture) {
  random_library random(7);
  for (int i = 0; i < 1'000; ++i)
    must(tables->fold(std::vector{random.next()}));
  asset_filter all;
  all.limit = max_assets_per_page;
  auto listed = must(list_assets(db, all));
  auto counts = must(asset_counts(db));
  BOOST_TEST(counts["total"] == listed.size());
  int approved = 0, missing = 0;
  for (const auto& asset : listed) {
    approved += asset["approved"].get<bool>() ? 1 : 0;
    missing += asset["missing"].get<bool>() ? 1 : 0;
    auto shown = must(show_asset(db, asset["id"].get<asset_id>()));
    for (const auto& [key, value] : asset.items())
      BOOST_TEST(shown[key] == value);
    BOOST_TEST((shown["file"]["missing_since"] == nullptr) != asset["missing"].get<bool>());
  }
  BOOST_TEST(counts["approved"] == approved);
  BOOST_TEST(counts["missing"] == missing);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(models)

BOOST_FIXTURE_TEST_CASE(the_memory_of_commands_is_loaded_with_what_came_of_each, query_fixture) {
  auto first = make({registered(1, "/lib/a.png"), registered(2, "/lib/b.png")}, "two files");
  auto second = make({asset_approved{1}}, "approve on asset 1");
  auto third = make({watch_root_added{7, "/lib", 1, 2}}, "watch /lib");
  must(tables->fold(std::vector{first, second, third}));
  command_memory memory;
  must(load_command_memory(db, memory));
  for (const auto& [given, subject] : {std::pair{first, 0}, {second, 0}, {third, 7}}) {
    BOOST_TEST_CONTEXT(given.what->summary) {
      auto known = memory.find(given.what->id, given.what->summary);
      BOOST_REQUIRE(known);
      auto outcome = must(*known);
      BOOST_TEST(outcome.changed == given.what->events.size());
      BOOST_TEST(outcome.last_sequence == given.last_sequence());
      BOOST_TEST(outcome.subject == subject);
      BOOST_TEST(!*memory.find(given.what->id, "something else"));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
