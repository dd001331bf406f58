// SPDX-License-Identifier: MIT
#include "platform/text.hpp"
#include "query/assets.hpp"
#include "query/duplicates.hpp"
#include "query/library.hpp"
#include "query/models.hpp"
#include "query/packs.hpp"

#include "support/dump.hpp"
#include "support/extracted.hpp"
#include "support/random_library.hpp"
#include "support/tables.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;
using nlohmann::json;

namespace {

struct query_fixture : tables_fixture {
  /// Brings the indexes that lag behind up to date.
  void catch_up() {
    while (must(tables->enter_for_lookup())) {
    }
  }
};

/// The ids that a filter finds, in both ways of asking.
std::vector<asset_id> found_in(database& db, const json& filter_text) {
  auto filter = must(parse_filter(filter_text));
  filter.limit = max_assets_per_page;
  std::vector<asset_id> ids;
  for (const auto& asset : must(list_assets(db, filter)))
    ids.push_back(asset["id"]);
  BOOST_TEST(must(matching_assets(db, filter)) == ids, boost::test_tools::per_element());
  return ids;
}

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
  std::vector<asset_id> found(const json& filter) { return found_in(db, filter); }
};

/// What was read of a file whose maker says only the model.
asset_metadata_extracted made_with_model(asset_id asset, const std::string& model) {
  media::extracted read;
  read.generation.tool = "comfyui";
  read.generation.passes.emplace_back().model = model;
  return read_as(asset, read);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(assets)

BOOST_FIXTURE_TEST_CASE(a_listed_asset_has_the_columns_of_the_seed_and_what_is_beside_them,
                        query_fixture) {
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
                                {"rejected", false},
                                {"rating", 0},
                                {"created_at", "2026-01-02 03:04:05.000000"},
                                {"updated_at", "2026-01-02 03:04:06.000000"},
                                {"size_bytes", 1'000},
                                {"missing", false},
                                {"tags", {"a\"b", "z"}},
                                {"problem", nullptr}}});
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
      {{{"search", " a_b \t wav "}}, {2}},
      {{{"search", "castle png"}}, {1}},
      {{{"search", "blue nature"}}, {}},
      {{{"search", "castle"}, {"approved", true}, {"duplicates", true}}, {1}},
      {{{"search", "lib"}, {"theme", "tech"}}, {3}},
      {{{"type", "image"}, {"unapproved", true}, {"provenance", "unknown"}}, {4, 6}},
      {{{"folder", "/"}}, {1, 2, 3, 4, 5, 6}},
      {{{"folder", "/lib/sub"}}, {3}},
      {{{"folder", "/lib/su"}}, {}},
  };
  for (const char* how : {"looked through", "looked up"}) {
    for (const auto& one : cases)
      BOOST_TEST_CONTEXT(how << " " << one.filter) {
        BOOST_TEST(found(one.filter) == one.ids, boost::test_tools::per_element());
      }
    catch_up();
  }
}

BOOST_FIXTURE_TEST_CASE(a_search_knows_the_letters_of_all_scripts, query_fixture) {
  fold({registered(1, "/lib/\u00c4pfel.png"), registered(2, "/lib/Москва.png"),
        registered(3, "/lib/Cafe\u0301.png"), registered(4, "/lib/Apple.png"),
        registered(5, "/lib/五.png"), registered(6, "/lib/ガイド.png")});
  fold({asset_theme_set{4, {}, "ΟΔΥΣΣΕΥΣ"}, asset_source_set{5, {}, "İstanbul"},
        asset_tagged{6, "Stra\u00dfe"}});
  struct searched {
    std::string text;
    std::vector<asset_id> ids;
  };
  const std::vector<searched> cases = {
      {"apfel", {1}},      {"A\u0308PFEL", {1}},        {"москва", {2}},   {"caf\u00e9", {3}},
      {"CAFE", {3}},       {"οδυσσεύς", {4}},           {"ISTANBUL", {5}}, {"五", {5}},
      {"STRASSE", {6}},    {"ｶﾞｲﾄﾞ\u3000ｓtraße", {6}}, {"カイド", {}},    {"\u0301", {}},
      {"apfel apple", {}}, {"ä", {1, 3, 4, 5, 6}},
  };
  for (const char* how : {"looked through", "looked up"}) {
    for (const auto& one : cases)
      BOOST_TEST_CONTEXT(how << " " << one.text) {
        BOOST_TEST(found_in(db, {{"search", one.text}}) == one.ids,
                   boost::test_tools::per_element());
      }
    catch_up();
  }
  // One that unfolds to many words counts as many.
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "\ufdfa";
  BOOST_TEST(!parse_filter({{"search", many}}));
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
  for (const char* how : {"looked through", "looked up"}) {
    for (const auto& one : cases)
      BOOST_TEST_CONTEXT(how << " " << one.text) {
        BOOST_TEST(found({{"search", one.text}}) == one.ids, boost::test_tools::per_element());
        // The same text is harmless wherever text can be given.
        BOOST_TEST(found({{"theme", one.text}}).empty());
        BOOST_TEST(found({{"tag", one.text}}).empty());
      }
    catch_up();
  }
}

BOOST_FIXTURE_TEST_CASE(no_text_is_a_syntax_error_of_a_search, library_fixture) {
  catch_up();
  const std::vector<std::string> hostile = {"lib AND",
                                            "NOT lib",
                                            "lib OR png",
                                            "\"lib",
                                            "lib\"png\"",
                                            "\"\"\"\"",
                                            "text:lib",
                                            "{text}:lib",
                                            "-text : lib",
                                            "^lib",
                                            "lib*",
                                            "lib + png",
                                            "NEAR(lib png, 2)",
                                            "(lib",
                                            "lib)",
                                            "((((((lib))))))",
                                            "lib\x01\x1f",
                                            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
                                            "\xf0\x9f\x8f\xb0\xf0\x9f\x8f\xb0\xf0\x9f\x8f\xb0",
                                            "e\xcc\x81\xcc\x81\xcc\x81"};
  for (const auto& text : hostile)
    BOOST_TEST_CONTEXT(text) {
      for (const auto& given : {text, text + text, std::string(900, 'x') + text})
        BOOST_TEST(found({{"search", given}}).size() <= 6u);
    }
  BOOST_TEST(found({{"search", " "}}) == (std::vector<asset_id>{5}),
             boost::test_tools::per_element());
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

BOOST_FIXTURE_TEST_CASE(every_filter_has_an_index_and_no_page_is_sorted, library_fixture) {
  struct planned {
    json filter;
    std::string uses;
  };
  const std::vector<planned> cases = {
      {json::object(), "SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"type", "audio"}}, "SEARCH a USING COVERING INDEX ix_asset_kind"},
      {{{"approved", true}}, "SEARCH a USING COVERING INDEX ix_asset_kind"},
      {{{"unapproved", true}}, "SEARCH a USING COVERING INDEX ix_asset_kind"},
      {{{"provenance", "enhanced"}}, "SEARCH a USING COVERING INDEX ix_asset_kind"},
      {{{"theme", "tech"}}, "SEARCH a USING COVERING INDEX ix_asset_theme (theme=? AND rowid>?)"},
      {{{"tag", "castle"}},
       "SEARCH t USING COVERING INDEX ix_asset_tag_tag (tag=? AND asset_id>?)"},
      {{{"rating", "3.."}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"rejected", true}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"undecided", true}}, "SEARCH a USING COVERING INDEX ix_asset_kind"},
      {{{"missing", true}}, "SEARCH f USING INDEX ix_asset_file_missing"},
      {{{"duplicates", true}}, "SEARCH c USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"search", "castle"}}, "SCAN lookup_text VIRTUAL TABLE INDEX"},
      {{{"width", "4000.."}}, "SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"height", "..800"}, {"type", "image"}}, "SEARCH a USING INDEX ix_asset_kind"},
      {{{"duration", "2.5..10"}}, "SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"unread", true}}, "SEARCH a USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"fps", "25"}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"alpha", true}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"no_alpha", true}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
      {{{"broken", true}}, "SEARCH r USING PRIMARY KEY (asset_id>?)"},
      {{{"tool", "ComfyUI"}},
       "SEARCH g USING COVERING INDEX ix_asset_generation_tool (tool=? AND rowid>?)"},
      {{{"seed", "18446744073709551615"}},
       "SEARCH g USING COVERING INDEX ix_asset_generation_seed (seed=? AND rowid>?)"},
      {{{"model", "dreamer"}},
       "SEARCH g USING COVERING INDEX ix_asset_generation_model (model=? AND rowid>?)"},
      {{{"prompt", "castle"}}, "SCAN lookup_prompt VIRTUAL TABLE INDEX"},
      {{{"prompt", "no"}}, "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"},
  };
  fold({made_with_model(1, "Dreamer 8"), made_with_model(2, "dreamer_xl")});
  for (const auto& one : cases)
    BOOST_TEST_CONTEXT(one.filter) {
      auto filter = must(parse_filter(one.filter));
      filter.after = 1;
      std::string steps;
      for (const auto& step : must(plan_of_list(db, filter)))
        steps += step + "\n";
      BOOST_TEST_CONTEXT(steps) {
        BOOST_TEST((steps.find(one.uses) != std::string::npos));
        // What is fresh is few, and may be sorted.
        if (!one.filter.contains("duplicates") && !one.filter.contains("search"))
          BOOST_TEST((steps.find("TEMP B-TREE") == std::string::npos));
        BOOST_TEST((steps.find("SCAN a\n") == std::string::npos));
      }
    }
}

namespace {

/// Assets with real files, so that a report can look at them.
struct copies_fixture : query_fixture {
  asset_registered file(asset_id id, std::uint64_t content, std::uint64_t size_bytes,
                        asset_id also = 0) {
    auto name = path_of(id);
    if (also != 0)
      std::filesystem::create_hard_link(path_of(also), name);
    else
      std::ofstream(name) << std::string(size_bytes, 'x');
    auto facts = file_now(name).value();
    return {id, name, asset_type::image, {content_of(content).sha256, facts}};
  }
  std::string path_of(asset_id id) const { return folder.path + "/" + std::to_string(id); }
  json member(asset_id id, json same_file_as = nullptr) const {
    return {{"id", id}, {"path", path_of(id)}, {"same_file_as", same_file_as}};
  }
  static std::string hash(const std::string& begin) { return begin + std::string(62, '0'); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_report_of_duplicates_says_what_could_be_saved, copies_fixture) {
  fold({file(1, 7, 100), file(2, 8, 5'000), file(3, 7, 100), file(4, 8, 5'000), file(5, 7, 100),
        file(6, 9, 1), file(7, 8, 5'000), file(8, 11, 0), file(9, 11, 0)});
  fold({asset_missing{7}});
  auto small = json({{"hash", hash("07")},
                     {"size_bytes", 100},
                     {"files", 3},
                     {"names", 3},
                     {"reclaimable_bytes", 200},
                     {"assets", {member(1), member(3), member(5)}}});
  auto large = json({{"hash", hash("08")},
                     {"size_bytes", 5'000},
                     {"files", 2},
                     {"names", 2},
                     {"reclaimable_bytes", 5'000},
                     {"assets", {member(2), member(4)}}});
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(must(list_duplicates(db, 10))
               == json({{"groups", 2},
                        {"files", 5},
                        {"reclaimable_bytes", 5'200},
                        {"largest", {large, small}}}));
    BOOST_TEST(must(list_duplicates(db, 1))["largest"] == json::array({large}));
    catch_up();
  }
  fold({asset_content_changed{4, content_of(8, 5'000), content_of(10, 5)}});
  BOOST_TEST(must(list_duplicates(db, 10))["groups"] == 1);
}

BOOST_FIXTURE_TEST_CASE(hard_links_are_one_file_and_save_nothing, copies_fixture) {
  fold({file(1, 7, 100), file(2, 7, 100, 1)});
  BOOST_TEST(must(list_duplicates(db, 10))["groups"] == 0);
  BOOST_TEST(found_in(db, {{"duplicates", true}}).empty());
  BOOST_TEST(rows_of(db, "SELECT id FROM duplicate_asset") == "");
  fold({file(3, 7, 100)});
  for (int i = 0; i < 2; ++i) {
    auto report = must(list_duplicates(db, 10));
    BOOST_TEST(report["files"] == 2);
    BOOST_TEST(report["reclaimable_bytes"] == 100);
    BOOST_TEST(report["largest"][0]["names"] == 3);
    BOOST_TEST(report["largest"][0]["assets"] == json::array({member(1), member(2, 1), member(3)}));
    BOOST_TEST(rows_of(db, "SELECT id, copies FROM duplicate_asset ORDER BY id") == "1|2\n3|2");
    catch_up();
  }
}

BOOST_FIXTURE_TEST_CASE(a_copy_that_is_not_there_as_it_was_read_is_not_offered, copies_fixture) {
  fold({file(1, 7, 100), file(2, 7, 100), file(3, 7, 100), file(4, 8, 10), file(5, 8, 10)});
  std::filesystem::remove(path_of(1));
  std::ofstream(path_of(4)) << "something else";
  auto report = must(list_duplicates(db, 10));
  BOOST_TEST(report["groups"] == 1);
  BOOST_TEST(report["files"] == 2);
  BOOST_TEST(report["reclaimable_bytes"] == 100);
  BOOST_TEST(report["largest"][0]["assets"] == json::array({member(2), member(3)}));
  std::filesystem::remove(path_of(2));
  BOOST_TEST(
      must(list_duplicates(db, 10))
      == json({{"groups", 0}, {"files", 0}, {"reclaimable_bytes", 0}, {"largest", json::array()}}));
}

BOOST_FIXTURE_TEST_CASE(the_report_of_duplicates_sorts_only_changes_and_reads_no_table_through,
                        copies_fixture) {
  fold({file(1, 7, 100), file(2, 7, 100)});
  catch_up();
  std::string steps;
  for (const auto& step : must(plan_of_duplicates(db)))
    steps += step + "\n";
  BOOST_TEST_CONTEXT(steps) {
    BOOST_TEST((steps.rfind("TEMP B-TREE") < steps.find("lookup_copies")));
    BOOST_TEST((steps.find("SCAN asset") == std::string::npos));
    BOOST_TEST((steps.find("SCAN a\n") == std::string::npos));
    BOOST_TEST((steps.find("SCAN lookup_content\n") == std::string::npos));
    BOOST_TEST((steps.find("SCAN lookup_copies\n") == std::string::npos));
    BOOST_TEST((steps.find("SEARCH lookup_copies USING COVERING INDEX ix_lookup_copies_saves")
                != std::string::npos));
  }
}

BOOST_FIXTURE_TEST_CASE(a_content_may_have_any_number_of_copies, query_fixture) {
  constexpr asset_id many = 3'000;
  std::vector<event> events;
  for (asset_id id = 1; id <= many; ++id)
    events.push_back(registered(id, "/lib/" + std::to_string(id), 7));
  fold(std::move(events));
  auto as_it_was = [](const std::string&) { return std::optional(content_of(7).facts); };
  // All that are looked at are one file now.
  for (int i = 0; i < 2; ++i) {
    auto report = must(list_duplicates(db, 10, as_it_was));
    BOOST_TEST(report["groups"] == 1);
    BOOST_TEST(report["files"] == many - max_assets_per_duplicate + 1);
    BOOST_TEST(report["largest"][0]["names"] == many);
    BOOST_TEST(report["largest"][0]["assets"].size() == max_assets_per_duplicate);
    BOOST_TEST(found_in(db, {{"duplicates", true}}).size() == many);
    catch_up();
  }
}

namespace {

database* told_by = nullptr;
/// What the rows say of a file, so that none has to be there.
std::optional<file_facts> as_tables_have_it(const std::string& path) {
  auto query = must(told_by->prepare(
      "SELECT size_bytes, mtime_ns, ctime_ns, inode, device FROM asset JOIN asset_file"
      " ON asset_id = id WHERE path = ?1"));
  query.bind(path);
  BOOST_REQUIRE(must(query.step()));
  return file_facts{query.get<std::uint64_t>(0), query.get<std::int64_t>(1),
                    query.get<std::int64_t>(2), query.get<std::uint64_t>(3),
                    query.get<std::uint64_t>(4)};
}

/// The report counts what a look at all rows counts.
void expect_all_counted(database& db) {
  told_by = &db;
  auto report = must(list_duplicates(db, max_assets_per_page, as_tables_have_it));
  std::int64_t names = 0;
  for (const auto& each : report["largest"])
    names += each["names"].get<std::int64_t>();
  BOOST_TEST(rows_of(db, "SELECT count(*), coalesce(sum(files), 0), coalesce(sum(names), 0) FROM"
                         " (SELECT count(*) AS names, count(DISTINCT device || ' '"
                         "   || CASE inode WHEN 0 THEN -id ELSE inode END) AS files FROM"
                         "  asset JOIN asset_file ON asset_id = id"
                         "  WHERE missing_since IS NULL AND size_bytes > 0 GROUP BY hash)"
                         " WHERE files > 1")
             == to_string(report["groups"]) + "|" + to_string(report["files"]) + "|"
                    + std::to_string(names));
}

/// The index of contents is exact once it is up to date.
void expect_exact(database& db) {
  const std::vector<std::pair<std::string, std::string>> same = {
      {"SELECT * FROM lookup_content",
       "SELECT digest_begin(hash), device, CASE inode WHEN 0 THEN -id ELSE inode END, id"
       " FROM asset JOIN asset_file ON asset_id = id"
       " WHERE missing_since IS NULL AND size_bytes > 0"},
      {"SELECT digest, files, names FROM lookup_copies",
       "SELECT digest, count(DISTINCT device || ' ' || inode), count(*) FROM lookup_content"
       " GROUP BY digest HAVING count(*) > 1"},
      {"SELECT asset_id FROM lookup_copy",
       "SELECT asset_id FROM lookup_content WHERE digest IN (SELECT digest FROM lookup_copies)"},
      {"SELECT count(*) FROM lookup_content_stale", "SELECT 0"},
  };
  for (const auto& [one, other] : same)
    BOOST_TEST_CONTEXT(one) {
      BOOST_TEST(rows_of(db, one + " EXCEPT " + other) == "");
      BOOST_TEST(rows_of(db, other + " EXCEPT " + one) == "");
    }
}

}  // namespace

/// The answers must not depend on how far the indexes lag behind.
BOOST_FIXTURE_TEST_CASE(what_is_looked_up_is_what_is_looked_through, query_fixture) {
  std::mt19937_64 random(11);
  random_library library(11);
  const std::vector<json> filters = {
      {{"search", "theme"}},
      {{"search", "f3 png"}},
      {{"search", "tag1"}},
      {{"search", "NA'TURE"}},
      {{"search", "it's \"x\""}},
      {{"search", "12"}},
      {{"prompt", "castle"}},
      {{"prompt", "SCHLOSS number 2"}},
      {{"prompt", "by 1"}},
      {{"model", "DREAMER_1"}},
      {{"seed", 3}},
      {{"broken", true}, {"prompt", "castle"}},
      {{"duplicates", true}},
      {{"duplicates", true}, {"type", "video"}},
  };
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 40; ++i)
      must(tables->fold(std::vector{library.next()}));
    std::vector<std::vector<asset_id>> before;
    for (const auto& filter : filters)
      before.push_back(found_in(db, filter));
    expect_all_counted(db);
    if (random() % 3 == 0) {
      catch_up();
      expect_exact(db);
    } else if (random() % 2 == 0) {
      must(tables->enter_for_lookup());
    }
    expect_all_counted(db);
    // As if nothing had been entered yet.
    auto copy = folder.path + "/copy.db";
    std::filesystem::remove(copy);
    must(must(database::open(path, database_access::read_write))
             .execute("VACUUM INTO '" + copy + "'"));
    auto anew = must(database::open(copy, database_access::read_write));
    must(anew.execute("UPDATE lookup_state SET indexed_to = 0, content_to = 0;"
                      "DELETE FROM lookup_stale; DELETE FROM lookup_content_stale;"
                      "DELETE FROM lookup_content; DELETE FROM lookup_copies;"
                      "DELETE FROM lookup_copy"));
    expect_all_counted(anew);
    for (std::size_t i = 0; i < filters.size(); ++i)
      BOOST_TEST_CONTEXT("round " << round << " " << filters[i]) {
        BOOST_TEST(found_in(db, filters[i]) == before[i], boost::test_tools::per_element());
        BOOST_TEST(found_in(anew, filters[i]) == before[i], boost::test_tools::per_element());
      }
  }
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
  for (const char* fact :
       {"width",          "height",       "duration_sec",  "samplerate_hz", "mime",
        "container",      "video_codec",  "audio_codec",   "fps",           "channels",
        "bit_depth",      "pixel_format", "alpha_present", "alpha_used",    "orientation",
        "colour_profile", "dpi_x",        "dpi_y",         "frame_count",   "decoded",
        "too_large",      "pdq",          "pdq_quality",   "extractor"})
    BOOST_TEST(asset["media"].at(fact).is_null(), fact);
  BOOST_TEST(asset["media"].size() == 24u);
  BOOST_TEST(asset["problems"] == json::array());
  BOOST_TEST(asset["generation"] == nullptr);
  BOOST_TEST(asset["suggested"] == nullptr);
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

BOOST_FIXTURE_TEST_SUITE(views, library_fixture)

BOOST_AUTO_TEST_CASE(unapproved_has_what_is_there_and_waits_for_a_decision) {
  BOOST_TEST(rows_of(db, "SELECT id FROM unapproved ORDER BY id") == "2\n4\n5");
  BOOST_TEST(rows_of(db, "SELECT * FROM unapproved WHERE id = 2")
             == rows_of(db, "SELECT * FROM asset WHERE id = 2"));
}

BOOST_AUTO_TEST_CASE(active_job_has_what_is_not_over) {
  fold({job_queued{1, {}, {}, {}, {}}, job_queued{2, {}, {}, {}, {}}, job_started{2, 1},
        job_queued{3, {}, {}, {}, {}}, job_cancelled{3, job_status::pending}});
  BOOST_TEST(rows_of(db, "SELECT id, status FROM active_job ORDER BY id")
             == "1|pending\n2|running");
}

BOOST_AUTO_TEST_CASE(duplicate_asset_has_the_files_of_which_there_are_more) {
  BOOST_TEST(rows_of(db, "SELECT id, copies, first_id, size_bytes FROM duplicate_asset ORDER BY id")
             == "1|2|1|1000\n4|2|1|1000");
}

BOOST_AUTO_TEST_CASE(pack_content_has_the_members_in_order) {
  fold({pack_created{7, {"Castles", license_type::personal, {}, {}}}, pack_asset_added{7, 6, 10},
        pack_asset_added{7, 1, 20}});
  BOOST_TEST(rows_of(db, "SELECT pack_id, pack_name, position, id, path, size_bytes, missing"
                         " FROM pack_content ORDER BY pack_id, position")
             == "7|Castles|10|6|/lib/back\\slash.png|1000|1\n7|Castles|20|1|/lib/100%.png|1000|0");
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
      auto known = memory.find(given.what->id, {given.what->request, given.what->summary});
      BOOST_REQUIRE(known);
      auto outcome = must(*known);
      BOOST_TEST(outcome.changed == given.what->events.size());
      BOOST_TEST(outcome.last_sequence == given.last_sequence());
      BOOST_TEST(outcome.subject == subject);
      BOOST_TEST(!*memory.find(given.what->id, {{}, "something else"}));
      // By its digest, where it has one.
      BOOST_TEST(bool(*memory.find(given.what->id, {given.what->request, "something else"}))
                 == given.what->request.has_value());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(recent_losses_are_those_of_the_last_seconds, tables_fixture) {
  using namespace std::chrono;
  auto now = now_us();
  constexpr std::int64_t year_us = 31'556'952'000'000;
  const std::int64_t lost_at_us[] = {now - 1'000'000,
                                     now - 2 * microseconds(recent_losses::time_max).count(),
                                     now + year_us, timestamp_us_min, timestamp_us_max};
  asset_id last = 0;
  for (auto at_us : lost_at_us) {
    ++last;
    fold({registered(last, "/" + std::to_string(last) + ".png")});
    auto committed = make({asset_missing{last}});
    committed.at_us = at_us;
    must(tables->fold(std::vector{committed}));
  }
  recent_losses losses;
  must(load_recent_losses(db, losses));
  for (asset_id id = 1; id <= last; ++id)
    BOOST_TEST(losses.contains(id) == (id == 1), id);
}

BOOST_AUTO_TEST_SUITE_END()
