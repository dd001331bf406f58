// SPDX-License-Identifier: MIT
#pragma once

#include "events/labels.hpp"
#include "schema/sqlite.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

/// Every statement of the folds, by name. Each is prepared once, when the tables are opened, so bad
/// SQL is found at the start and not at the first event of its kind.
namespace podstudio {

/// Prepares statements and keeps the first failure for its owner.
class statement_preparer {
public:
  explicit statement_preparer(database& db) : db_(db) {}

  statement operator()(std::string_view sql) {
    auto prepared = db_.prepare(sql);
    if (prepared) return *std::move(prepared);
    if (!failure_) failure_ = prepared.failure();
    return {};
  }
  const std::optional<error>& failure() const noexcept { return failure_; }

private:
  database& db_;
  std::optional<error> failure_;
};

/// How many files that are registered one after the other are inserted by one statement, which
/// takes a fifth less time than a statement each.
inline constexpr int rows_at_once = 64;

inline constexpr std::string_view checkpoint_sql = "SELECT sequence, hash FROM checkpoint";

/// `begin` and a row `times` times, with commas between.
std::string repeated(std::string_view begin, std::string_view row, int times);

/// The statement that sets each label: the asset, the value, and where it is in `asset`, the time.
inline std::array<statement, label_count> prepare_labels(statement_preparer& prepare) {
  std::array<statement, label_count> set;
  each_label([&]<class Label>() {
    std::string column(Label::key), table(Label::table);
    set[label_index<Label>()] = prepare(
        is_beside<Label>
            ? "INSERT INTO " + table + " (asset_id, " + column
                  + ") SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM asset WHERE id = ?1)"
                  + " ON CONFLICT (asset_id) DO UPDATE SET " + column + " = excluded." + column
            : "UPDATE asset SET " + column + " = ?2, updated_at = ?3 WHERE id = ?1");
  });
  return set;
}

struct asset_statements {
  statement_preparer& prepare;

  // OR FAIL spares a savepoint for each statement: one that fails ends the transaction as a whole.
  static constexpr std::string_view insert_begin =
      "INSERT OR FAIL INTO asset (id, path, type, hash, created_at, updated_at, provenance, "
      "approved) "
      "VALUES ";
  static constexpr std::string_view insert_row = "(?, ?, ?, ?, ?, ?, 'unknown', FALSE)";
  static constexpr std::string_view insert_file_begin =
      "INSERT OR FAIL INTO asset_file (asset_id, size_bytes, mtime_ns, ctime_ns, inode, device) "
      "VALUES ";
  static constexpr std::string_view insert_file_row = "(?, ?, ?, ?, ?, ?)";

  statement insert = prepare(repeated(insert_begin, insert_row, 1));
  statement insert_file = prepare(repeated(insert_file_begin, insert_file_row, 1));
  statement insert_many = prepare(repeated(insert_begin, insert_row, rows_at_once));
  statement insert_many_files = prepare(repeated(insert_file_begin, insert_file_row, rows_at_once));
  statement remove = prepare("DELETE FROM asset WHERE id = ?1");
  statement remove_file = prepare("DELETE FROM asset_file WHERE asset_id = ?1");
  statement remove_review = prepare("DELETE FROM asset_review WHERE asset_id = ?1");

  statement set_hash = prepare("UPDATE asset SET hash = ?2, updated_at = ?3 WHERE id = ?1");
  statement set_path = prepare("UPDATE asset SET path = ?2, updated_at = ?3 WHERE id = ?1");
  statement set_media = prepare("UPDATE asset SET width = ?2, height = ?3, duration_sec = ?4, "
                                "samplerate_hz = ?5, updated_at = ?6"
                                " WHERE id = ?1");
  std::array<statement, label_count> set_label = prepare_labels(prepare);

  statement set_facts = prepare(
      "UPDATE asset_file SET size_bytes = ?2, mtime_ns = ?3, ctime_ns = ?4, inode = ?5, device = ?6"
      " WHERE asset_id = ?1");
  statement set_missing_since =
      prepare("UPDATE asset_file SET missing_since = ?2 WHERE asset_id = ?1");

  statement find_counted = prepare("SELECT type, approved, missing_since IS NOT NULL FROM asset"
                                   " JOIN asset_file ON asset_id = id WHERE id = ?1");
  statement find_occupant = prepare("SELECT id FROM asset WHERE path = ?1 AND id <> ?2");
  // No absolute path begins so, and no two ids make the same.
  statement park = prepare("UPDATE asset SET path = 'moving:' || id WHERE id = ?1");

  statement add_tag = prepare("INSERT INTO asset_tag (asset_id, tag) VALUES (?1, ?2)");
  statement remove_tag = prepare("DELETE FROM asset_tag WHERE asset_id = ?1 AND tag = ?2");
};

/// What was read from files.
struct media_statements {
  statement_preparer& prepare;

  statement set = prepare(
      "INSERT OR REPLACE INTO asset_media (asset_id, extractor, mime, container, video_codec,"
      " audio_codec, fps_numerator, fps_denominator, channels, bit_depth, pixel_format,"
      " alpha_present, alpha_used, orientation, colour_profile, dpi_x, dpi_y, frame_count, decoded,"
      " too_large, pdq, pdq_quality) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
      "?13,"
      " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)");
  statement add_problem =
      prepare("INSERT INTO asset_problem (asset_id, number, kind, reason) VALUES (?1, ?2, ?3, ?4)");
  statement set_generation = prepare(
      "INSERT INTO asset_generation (asset_id, tool, tool_version, model, model_hash, prompt,"
      " negative_prompt, seed, steps, sampler, scheduler, cfg, width, height, external_id,"
      " digital_source_type, ai_generated, guesses, loras, passes, raw) VALUES (?1, ?2, ?3, ?4, ?5,"
      " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)");
  statement add_prompt =
      prepare("INSERT INTO lookup_prompt (rowid, text) VALUES (?1, fold_text(?2))");
  statement set_unread = prepare("UPDATE asset_media SET extractor = 0 WHERE asset_id = ?1");
  statement remove = prepare("DELETE FROM asset_media WHERE asset_id = ?1");
  statement remove_problems = prepare("DELETE FROM asset_problem WHERE asset_id = ?1");
  statement remove_generation = prepare("DELETE FROM asset_generation WHERE asset_id = ?1");
  statement clear_columns = prepare(
      "UPDATE asset SET width = NULL, height = NULL, duration_sec = NULL, samplerate_hz = NULL"
      " WHERE id = ?1 AND (width IS NOT NULL OR height IS NOT NULL OR duration_sec IS NOT NULL"
      " OR samplerate_hz IS NOT NULL)");
};

struct pack_statements {
  statement_preparer& prepare;

  statement insert = prepare(
      "INSERT INTO pack (id, name, theme, description, license_type, created_at, updated_at)"
      " VALUES (?1, ?2, ?3, ?4, ?5,"
      "  coalesce((SELECT created_at FROM deleted_pack WHERE id = ?1), ?6), ?6)");
  statement edit = prepare(
      "UPDATE pack SET name = ?2, theme = ?3, description = ?4, license_type = ?5, updated_at = ?6"
      " WHERE id = ?1");
  statement remove = prepare("DELETE FROM pack WHERE id = ?1");
  // What a deleted pack leaves behind, and how it gets it back.
  statement bury =
      prepare("INSERT INTO deleted_pack SELECT id, created_at FROM pack WHERE id = ?1");
  statement bury_jobs =
      prepare("INSERT INTO deleted_pack_job SELECT id, pack_id FROM job WHERE pack_id = ?1");
  statement unbury = prepare("DELETE FROM deleted_pack WHERE id = ?1");
  statement unbury_jobs = prepare("DELETE FROM deleted_pack_job WHERE pack_id = ?1");
  statement set_exported =
      prepare("UPDATE pack SET export_path = ?2, exported_at = ?3, updated_at = ?4 WHERE id = ?1");
  statement touch = prepare("UPDATE pack SET updated_at = ?2 WHERE id = ?1");

  statement add_export =
      prepare("INSERT INTO pack_export (sequence, pack_id, path, exported_at, sha256, size_bytes,"
              " asset_count, read_at, head_hash, profile, texts)"
              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

  statement set_seller =
      prepare("UPDATE seller SET author = ?1, year = ?2, shop = ?3, contact = ?4");

  statement add_asset =
      prepare("INSERT INTO pack_asset (pack_id, asset_id, position) VALUES (?1, ?2, ?3)");
  statement remove_asset = prepare("DELETE FROM pack_asset WHERE pack_id = ?1 AND asset_id = ?2");
  statement find_by_asset = prepare("SELECT pack_id FROM pack_asset WHERE asset_id = ?1");
  // Counted anew instead of added up: a sum of whole bytes does not drift.
  statement count_assets =
      prepare("UPDATE pack SET (asset_count, total_size_mb) ="
              " (SELECT count(*), coalesce(sum(size_bytes), 0) / 1000000.0"
              "  FROM pack_asset JOIN asset_file USING (asset_id) WHERE pack_id = ?1)"
              " WHERE id = ?1");
};

struct job_statements {
  statement_preparer& prepare;

  statement insert = prepare(
      "INSERT INTO job (id, kind, asset_id, pack_id, params_json, status, progress, created_at)"
      " VALUES (?1, ?2, ?3, ?4, ?5, 'pending', 0.0, ?6)");
  statement start = prepare("UPDATE job SET status = 'running', started_at = ?2 WHERE id = ?1");
  statement set_priority = prepare("INSERT INTO job_priority (job_id, priority) VALUES (?1, ?2)");
  statement begin_attempt =
      prepare("INSERT INTO job_attempt (job_id, attempt, started_at) VALUES (?1, ?2, ?3)");
  statement end_attempt =
      prepare("UPDATE job_attempt SET ended_at = ?2, ending = ?3, reason = ?4, last_words = ?5"
              " WHERE job_id = ?1 AND ended_at IS NULL");
  statement hold_queue = prepare("INSERT OR IGNORE INTO job_queue (held) VALUES (1)");
  statement release_queue = prepare("DELETE FROM job_queue");
  statement set_progress = prepare("UPDATE job SET progress = ?2 WHERE id = ?1");
  statement complete = prepare(
      "UPDATE job SET status = 'completed', progress = 100.0, result_path = ?2, completed_at = ?3"
      " WHERE id = ?1");
  statement fail = prepare(
      "UPDATE job SET status = 'failed', error_message = ?2, completed_at = ?3 WHERE id = ?1");
  statement cancel =
      prepare("UPDATE job SET status = 'cancelled', completed_at = ?2 WHERE id = ?1");
  statement requeue = prepare(
      "UPDATE job SET status = 'pending', progress = 0.0, result_path = NULL, error_message = NULL,"
      " started_at = NULL, completed_at = NULL WHERE id = ?1");

  statement forget_asset = prepare("UPDATE job SET asset_id = NULL WHERE asset_id = ?1");
  statement forget_pack = prepare("UPDATE job SET pack_id = NULL WHERE pack_id = ?1");
  statement remember_pack =
      prepare("UPDATE job SET pack_id = ?1"
              " WHERE id IN (SELECT job_id FROM deleted_pack_job WHERE pack_id = ?1)");
};

struct watch_statements {
  statement_preparer& prepare;

  statement add_root = prepare("INSERT INTO watch_root (id, path, device, inode, state, created_at)"
                               " VALUES (?1, ?2, ?3, ?4, 'active', ?5)");
  statement remove_root = prepare("DELETE FROM watch_root WHERE id = ?1");
  statement move_root =
      prepare("UPDATE watch_root SET path = ?2, device = ?3, inode = ?4 WHERE id = ?1");
  statement set_root_state = prepare("UPDATE watch_root SET state = ?2, reason = ?3 WHERE id = ?1");

  statement put_problem =
      prepare("INSERT INTO problem (path, kind, reason, since) VALUES (?1, ?2, ?3, ?4)"
              " ON CONFLICT (path) DO UPDATE"
              " SET kind = excluded.kind, reason = excluded.reason, since = excluded.since");
  statement remove_problem = prepare("DELETE FROM problem WHERE path = ?1");
};

struct lookup_statements {
  statement_preparer& prepare;

  statement mark_stale = prepare("INSERT OR IGNORE INTO lookup_stale (asset_id) VALUES (?1)");
  statement next_stale = prepare("SELECT max(asset_id) FROM (SELECT asset_id FROM lookup_stale"
                                 " ORDER BY asset_id LIMIT ?1)");
  statement next_new =
      prepare("SELECT max(id) FROM (SELECT id FROM asset WHERE id > ?1 ORDER BY id LIMIT ?2)");
  statement set_state = prepare("UPDATE lookup_state SET indexed_to = ?1, again = ?2");
  statement add_texts = prepare(std::string("INSERT INTO lookup_text (rowid, text)") + texts_of
                                + "id > ?1 AND id <= ?2 ORDER BY id");
  statement add_stale_texts =
      prepare(std::string("INSERT INTO lookup_text (rowid, text)") + texts_of
              + "id IN (SELECT asset_id FROM lookup_stale WHERE asset_id <= ?1)"
                " ORDER BY id");
  statement remove_stale = prepare("DELETE FROM lookup_stale WHERE asset_id <= ?1");

  // As what an asset is entered, while its row still says so.
  statement mark_content_stale =
      prepare("INSERT OR IGNORE INTO lookup_content_stale (asset_id, digest, device, inode)"
              " SELECT id, CASE WHEN missing_since IS NULL AND size_bytes > 0"
              "  THEN digest_begin(hash) END, device, CASE inode WHEN 0 THEN -id ELSE inode END"
              " FROM asset JOIN asset_file ON asset_id = id WHERE id = ?1");
  statement mark_content_new =
      prepare("INSERT OR IGNORE INTO lookup_content_stale (asset_id) VALUES (?1)");
  statement next_stale_content =
      prepare("SELECT max(asset_id) FROM (SELECT asset_id FROM lookup_content_stale"
              " ORDER BY asset_id LIMIT ?1)");
  statement stale_contents =
      prepare("SELECT digest, device, inode, asset_id, 0 FROM lookup_content_stale"
              " WHERE asset_id <= ?1 AND digest IS NOT NULL");
  statement new_contents = prepare(std::string(contents_of)
                                   + "asset a CROSS JOIN asset_file f ON f.asset_id = a.id"
                                     " WHERE a.id > ?1 AND a.id <= ?2"
                                   + contents_end);
  statement changed_contents =
      prepare(std::string(contents_of)
              + "lookup_content_stale s CROSS JOIN asset a ON a.id = s.asset_id"
                " CROSS JOIN asset_file f ON f.asset_id = a.id WHERE s.asset_id <= ?1"
              + contents_end);
  statement remove_stale_content = prepare("DELETE FROM lookup_content_stale WHERE asset_id <= ?1");
  statement set_content_to = prepare("UPDATE lookup_state SET content_to = ?1");

  statement add_content = prepare(
      "INSERT INTO lookup_content (digest, device, inode, asset_id) VALUES (?1, ?2, ?3, ?4)");
  statement remove_content = prepare("DELETE FROM lookup_content WHERE digest = ?1 AND device = ?2"
                                     " AND inode = ?3 AND asset_id = ?4");
  statement find_content =
      prepare("SELECT device, inode, asset_id FROM lookup_content WHERE digest = ?1 LIMIT 1");
  statement find_file = prepare("SELECT 1 FROM lookup_content WHERE digest = ?1 AND device = ?2"
                                " AND inode = ?3 LIMIT 1");
  statement find_copies =
      prepare("SELECT size_bytes, files, names FROM lookup_copies WHERE digest = ?1");
  statement set_copies =
      prepare("INSERT INTO lookup_copies (digest, size_bytes, files, names, saves)"
              " VALUES (?1, ?2, ?3, ?4, (?3 - 1) * ?2) ON CONFLICT (digest) DO UPDATE"
              " SET files = excluded.files, names = excluded.names, saves = excluded.saves");
  statement remove_copies = prepare("DELETE FROM lookup_copies WHERE digest = ?1");
  statement add_copy = prepare("INSERT OR IGNORE INTO lookup_copy (asset_id) VALUES (?1)");
  statement remove_copy = prepare("DELETE FROM lookup_copy WHERE asset_id = ?1");

private:
  static constexpr const char* texts_of =
      " SELECT id, fold_text(path || char(10) || coalesce(theme, '') || char(10) || "
      "coalesce(source, '')"
      " || char(10) || coalesce((SELECT group_concat(tag, char(10)) FROM asset_tag"
      "                          WHERE asset_id = id), ''))"
      " FROM asset WHERE ";
  // As entries of `lookup_content`, and the size.
  static constexpr const char* contents_of =
      "SELECT digest_begin(a.hash), f.device, CASE f.inode WHEN 0 THEN -a.id ELSE f.inode END,"
      " a.id, f.size_bytes FROM ";
  static constexpr const char* contents_end =
      " AND f.missing_since IS NULL AND f.size_bytes > 0 AND digest_begin(a.hash) IS NOT NULL";
};

struct command_statements {
  statement_preparer& prepare;

  statement insert =
      prepare("INSERT INTO command (first_sequence, last_sequence, id, at, origin, summary,"
              " subject_id, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  statement checkpoint = prepare(checkpoint_sql);
  statement set_checkpoint =
      prepare("UPDATE checkpoint SET sequence = ?1, hash = ?2, image = ?3, audio = ?4, video = ?5,"
              " approved = ?6, missing = ?7, last_asset = ?8, last_pack = ?9, last_job = ?10,"
              " last_root = ?11, library_sequence = coalesce(?12, library_sequence),"
              " library_hash = coalesce(?13, library_hash)");
};

}  // namespace podstudio
