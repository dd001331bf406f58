// SPDX-License-Identifier: MIT
#include "schema/schema.hpp"

#include "schema/sqlite.hpp"
#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace podstudio;

namespace {

struct tables_fixture {
  temp_folder folder;
  std::string path = folder.path + "/podstudio.db";
  database db = must(open_tables(path));

  std::string rows(const std::string& sql) { return rows_of(db, sql); }
};

/// A column as the seed's data model lists it. `default_value` is SQLite's text of it.
struct seed_column {
  std::string name;
  std::string type;
  bool not_null = false;
  std::string default_value;
  bool key = false;
};

const std::string utc_now = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'";

const std::vector<seed_column> seed_asset = {
    {"id", "INTEGER", false, "", true},
    {"path", "TEXT", true, ""},
    {"type", "TEXT", true, ""},
    {"hash", "TEXT", true, ""},
    {"width", "INTEGER", false, ""},
    {"height", "INTEGER", false, ""},
    {"duration_sec", "REAL", false, ""},
    {"samplerate_hz", "INTEGER", false, ""},
    {"theme", "TEXT", false, ""},
    {"source", "TEXT", false, ""},
    {"provenance", "TEXT", true, ""},
    {"approved", "BOOLEAN", true, "FALSE"},
    {"created_at", "TIMESTAMP", true, utc_now},
    {"updated_at", "TIMESTAMP", true, utc_now},
};

const std::vector<seed_column> seed_pack = {
    {"id", "INTEGER", false, "", true},
    {"name", "TEXT", true, ""},
    {"theme", "TEXT", false, ""},
    {"description", "TEXT", false, ""},
    {"license_type", "TEXT", true, ""},
    {"asset_count", "INTEGER", true, "0"},
    {"total_size_mb", "REAL", true, "0.0"},
    {"export_path", "TEXT", false, ""},
    {"exported_at", "TIMESTAMP", false, ""},
    {"created_at", "TIMESTAMP", true, utc_now},
    {"updated_at", "TIMESTAMP", true, utc_now},
};

const std::vector<seed_column> seed_job = {
    {"id", "INTEGER", false, "", true},     {"kind", "TEXT", true, ""},
    {"asset_id", "INTEGER", false, ""},     {"pack_id", "INTEGER", false, ""},
    {"params_json", "TEXT", false, ""},     {"status", "TEXT", true, ""},
    {"progress", "REAL", true, "0.0"},      {"result_path", "TEXT", false, ""},
    {"error_message", "TEXT", false, ""},   {"created_at", "TIMESTAMP", true, utc_now},
    {"started_at", "TIMESTAMP", false, ""}, {"completed_at", "TIMESTAMP", false, ""},
};

/// As `PRAGMA table_info` prints it: cid|name|type|notnull|dflt_value|pk.
std::string table_info(const std::vector<seed_column>& columns) {
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto& column = columns[i];
    text += (i == 0 ? "" : "\n") + std::to_string(i) + "|" + column.name + "|" + column.type + "|"
            + (column.not_null ? "1" : "0") + "|" + column.default_value + "|"
            + (column.key ? "1" : "0");
  }
  return text;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(schema, tables_fixture)

BOOST_AUTO_TEST_CASE(the_three_tables_have_the_columns_of_the_seed) {
  BOOST_TEST(rows("PRAGMA table_info(asset)") == table_info(seed_asset));
  BOOST_TEST(rows("PRAGMA table_info(pack)") == table_info(seed_pack));
  BOOST_TEST(rows("PRAGMA table_info(job)") == table_info(seed_job));
}

BOOST_AUTO_TEST_CASE(path_is_the_one_unique_index_of_the_three_tables) {
  BOOST_TEST(rows("SELECT name FROM pragma_index_list('asset') WHERE \"unique\"")
             == "ix_asset_path");
  BOOST_TEST(rows("PRAGMA index_info(ix_asset_path)") == "0|1|path");
  BOOST_TEST(rows("PRAGMA index_list(pack)") == "");
  BOOST_TEST(rows("SELECT count(*) FROM pragma_index_list('job') WHERE \"unique\"") == "0");
}

BOOST_AUTO_TEST_CASE(jobs_refer_to_assets_and_packs) {
  // id|seq|table|from|to|on_update|on_delete|match
  BOOST_TEST(rows("PRAGMA foreign_key_list(asset)") == "");
  BOOST_TEST(rows("PRAGMA foreign_key_list(pack)") == "");
  BOOST_TEST(rows("PRAGMA foreign_key_list(job)")
             == "0|0|pack|pack_id|id|NO ACTION|NO ACTION|NONE\n"
                "1|0|asset|asset_id|id|NO ACTION|NO ACTION|NONE");
  BOOST_TEST(rows("PRAGMA foreign_key_list(pack_asset)")
             == "0|0|asset|asset_id|id|NO ACTION|NO ACTION|NONE\n"
                "1|0|pack|pack_id|id|NO ACTION|NO ACTION|NONE");
}

BOOST_AUTO_TEST_CASE(a_row_of_only_the_required_columns_gets_the_defaults_of_the_seed) {
  BOOST_REQUIRE(db.execute("INSERT INTO asset (path, type, hash, provenance)"
                           " VALUES ('/a.png', 'image', 'ab', 'unknown')"));
  BOOST_REQUIRE(db.execute("INSERT INTO pack (name, license_type) VALUES ('p', 'personal')"));
  BOOST_REQUIRE(db.execute("INSERT INTO job (kind, status) VALUES ('enhance', 'pending')"));
  BOOST_TEST(rows("SELECT id, approved, typeof(approved) FROM asset") == "1|0|integer");
  BOOST_TEST(rows("SELECT id, asset_count, total_size_mb, typeof(total_size_mb) FROM pack")
             == "1|0|0.0|real");
  BOOST_TEST(rows("SELECT id, progress, typeof(progress) FROM job") == "1|0.0|real");
  for (const char* column : {"asset.created_at", "asset.updated_at", "pack.created_at",
                             "pack.updated_at", "job.created_at"}) {
    std::string name = column, table = name.substr(0, name.find('.'));
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(rows("SELECT length(" + name + "), " + name
                      + " GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] "
                        "[0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9]000',"
                        " abs(julianday('now') - julianday("
                      + name + ")) < 0.01 FROM " + table)
                 == "26|1|1");
    }
  }
}

BOOST_AUTO_TEST_CASE(every_word_of_an_enum_is_taken_and_no_other) {
  struct enum_column {
    std::string insert;  // with ? for the word
    std::vector<std::string> words;
  };
  const std::vector<enum_column> columns = {
      {"INSERT INTO asset (path, type, hash, provenance) VALUES (hex(randomblob(8)), ?1, 'h', "
       "'unknown')",
       {"image", "audio", "video"}},
      {"INSERT INTO asset (path, type, hash, provenance) VALUES (hex(randomblob(8)), 'image', 'h', "
       "?1)",
       {"unknown", "ai_generated", "user_provided", "enhanced"}},
      {"INSERT INTO pack (name, license_type) VALUES ('p', ?1)",
       {"royalty_free", "attribution", "commercial", "personal"}},
      {"INSERT INTO job (kind, status) VALUES (?1, 'pending')",
       {"upscale", "denoise_audio", "denoise_video", "enhance", "export_pack", "metadata_extract"}},
      {"INSERT INTO job (kind, status) VALUES ('upscale', ?1)",
       {"pending", "running", "completed", "failed", "cancelled"}},
  };
  for (const auto& column : columns) {
    auto insert = db.prepare(column.insert);
    BOOST_REQUIRE(insert);
    BOOST_TEST_CONTEXT(column.insert) {
      for (const auto& word : column.words)
        BOOST_TEST(bool(insert->run(word)));
      for (const char* word : {"", "Image", "UNKNOWN", "other", "image "})
        BOOST_TEST(!insert->run(word));
      BOOST_TEST(!insert->run(std::optional<std::string>()));
    }
  }
}

BOOST_AUTO_TEST_CASE(approved_is_a_boolean) {
  BOOST_TEST(!db.execute("INSERT INTO asset (path, type, hash, provenance, approved)"
                         " VALUES ('/a', 'image', 'h', 'unknown', 2)"));
}

BOOST_AUTO_TEST_CASE(the_file_says_whose_it_is_and_is_in_wal_mode) {
  BOOST_TEST(rows("PRAGMA application_id") == std::to_string(0x504f4453));
  BOOST_TEST(rows("PRAGMA user_version") == std::to_string(tables_version));
  BOOST_TEST(rows("PRAGMA journal_mode") == "wal");
  BOOST_TEST(rows("PRAGMA synchronous") == "1");
}

BOOST_AUTO_TEST_CASE(tables_open_again_as_they_were) {
  BOOST_REQUIRE(db.execute("INSERT INTO pack (name, license_type) VALUES ('p', 'personal')"));
  auto again = open_tables(path);
  BOOST_REQUIRE(again);
  BOOST_TEST(rows_of(*again, "SELECT name FROM pack") == "p");
}

BOOST_AUTO_TEST_CASE(tables_made_in_bulk_end_up_like_all_others) {
  auto bulk = create_bulk_tables(folder.path + "/bulk.db");
  BOOST_REQUIRE(bulk);
  BOOST_TEST(rows_of(*bulk, "PRAGMA index_list(asset)") == "");
  BOOST_REQUIRE(finish_bulk_tables(*bulk));
  BOOST_TEST(dump_of(*bulk) == dump_of(db));
  BOOST_TEST(rows_of(*bulk, "PRAGMA journal_mode") == "wal");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(opening)

BOOST_AUTO_TEST_CASE(a_missing_file_is_not_found_by_a_reader_and_made_by_the_writer) {
  temp_folder folder;
  auto path = folder.path + "/none.db";
  auto reader = open_tables_read_only(path);
  BOOST_REQUIRE(!reader);
  BOOST_TEST(int(reader.failure().code) == int(error_code::not_found));
  BOOST_TEST(!std::filesystem::exists(path));
  BOOST_TEST(bool(open_tables(path)));
  BOOST_TEST(bool(open_tables_read_only(path)));
}

BOOST_AUTO_TEST_CASE(an_empty_file_counts_as_missing) {
  temp_folder folder;
  auto path = folder.path + "/empty.db";
  write_file(path, "");
  auto reader = open_tables_read_only(path);
  BOOST_REQUIRE(!reader);
  BOOST_TEST(int(reader.failure().code) == int(error_code::not_found));
  BOOST_TEST(bool(open_tables(path)));
}

BOOST_AUTO_TEST_CASE(a_missing_folder_is_not_found) {
  temp_folder folder;
  auto opened = open_tables(folder.path + "/no/such/podstudio.db");
  BOOST_REQUIRE(!opened);
  BOOST_TEST(int(opened.failure().code) == int(error_code::not_found));
}

BOOST_AUTO_TEST_CASE(another_version_asks_for_a_rebuild) {
  temp_folder folder;
  auto path = folder.path + "/podstudio.db";
  for (int version : {0, tables_version - 1, tables_version + 1}) {
    BOOST_REQUIRE(open_tables(path)->execute("PRAGMA user_version = " + std::to_string(version)));
    for (auto* open : {&open_tables, &open_tables_read_only}) {
      auto opened = open(path);
      BOOST_REQUIRE(!opened);
      BOOST_TEST(int(opened.failure().code) == int(error_code::newer_version));
      BOOST_TEST(needs_rebuild(opened.failure()));
      BOOST_TEST(opened.failure().message.find(path) != std::string::npos);
    }
    std::filesystem::remove(path);
  }
}

BOOST_AUTO_TEST_CASE(somebody_elses_file_is_refused_and_left_as_it_is) {
  temp_folder folder;
  auto picture = folder.path + "/picture.png";
  write_file(picture, std::string(5'000, 'x'));
  auto other = folder.path + "/other.db";
  BOOST_REQUIRE(
      database::open(other, database_access::create)->execute("CREATE TABLE asset (id INTEGER)"));
  for (const auto& path : {picture, other}) {
    auto opened = open_tables(path);
    BOOST_REQUIRE(!opened);
    BOOST_TEST(int(opened.failure().code) == int(error_code::refused));
    BOOST_TEST(!needs_rebuild(opened.failure()));
  }
  BOOST_TEST(std::filesystem::file_size(picture) == 5'000u);
}

BOOST_AUTO_TEST_CASE(a_damaged_page_of_ours_asks_for_a_rebuild) {
  temp_folder folder;
  auto path = folder.path + "/podstudio.db";
  BOOST_REQUIRE(open_tables(path));
  // The first page after the file's header is the root of sqlite_schema.
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(100);
  file << std::string(200, '\xff');
  file.close();
  auto opened = open_tables(path);
  BOOST_REQUIRE(!opened);
  BOOST_TEST(int(opened.failure().code) == int(error_code::damaged));
  BOOST_TEST(needs_rebuild(opened.failure()));
}

BOOST_AUTO_TEST_CASE(a_file_of_ours_that_was_cut_asks_for_a_rebuild) {
  temp_folder folder;
  auto path = folder.path + "/podstudio.db";
  BOOST_REQUIRE(open_tables(path));
  for (std::uintmax_t size : {65'536, 8'192, 4'096, 512, 100}) {
    std::filesystem::resize_file(path, size);
    BOOST_TEST_CONTEXT(size << " bytes") {
      auto opened = open_tables(path);
      BOOST_REQUIRE(!opened);
      BOOST_TEST(int(opened.failure().code) == int(error_code::damaged), opened.failure().message);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reader_cannot_write) {
  temp_folder folder;
  auto path = folder.path + "/podstudio.db";
  auto writer = open_tables(path);
  auto reader = open_tables_read_only(path);
  BOOST_REQUIRE(reader);
  auto written = reader->execute("DELETE FROM checkpoint");
  BOOST_REQUIRE(!written);
  BOOST_TEST(int(written.failure().code) == int(error_code::not_permitted));
}

BOOST_AUTO_TEST_SUITE_END()
