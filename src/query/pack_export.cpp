// SPDX-License-Identifier: MIT
#include "query/pack_export.hpp"

#include "archive/kept_texts.hpp"
#include "query/pack_snapshot.hpp"
#include "query/packs.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <utility>

namespace podstudio {

using nlohmann::json;

namespace {

error bad_member(const std::string& name, const std::string& rule) {
  return {error_code::invalid_argument, "the export's parameter '" + name + "' " + rule};
}

error no_such_export(sequence_number sequence) {
  return {error_code::not_found, "the pack has no export " + std::to_string(sequence)
                                     + "; 'podstudio pack exports ID' lists those it has"};
}

/// The contents of a pack's assets, as far as they are there.
result<files_by_content> files_of(database& db, const packs::snapshot& pack) {
  std::vector<asset_id> assets;
  for (const auto& each : pack.members)
    assets.push_back(each.asset);
  auto present = present_files(db, assets);
  if (!present) return present.failure();
  files_by_content files;
  for (auto& each : *present)
    files[to_hex(each.sha256)].push_back(std::move(each));
  return files;
}

/// Files anywhere in the library with the contents of an archive's assets.
result<files_by_content> files_with(database& db, const archive::manifest& of) {
  auto wanted = json::array();
  for (const auto& each : of.assets)
    wanted.push_back(each.sha256);
  auto query = db.prepare("SELECT id FROM (SELECT id,"
                          " row_number() OVER (PARTITION BY hash ORDER BY id) AS number"
                          " FROM asset JOIN asset_file ON asset_id = id"
                          " WHERE missing_since IS NULL"
                          " AND hash IN (SELECT value FROM json_each(?1)))"
                          " WHERE number <= ?2 ORDER BY id");
  if (!query) return query.failure();
  const auto list = wanted.dump();
  query->bind(list, static_cast<std::int64_t>(content_files_max));
  std::vector<asset_id> assets;
  auto read =
      query->for_each_row([&](const statement& row) { assets.push_back(row.get<asset_id>(0)); });
  if (!read) return read.failure();
  auto present = present_files(db, assets);
  if (!present) return present.failure();
  files_by_content files;
  for (auto& each : *present)
    files[to_hex(each.sha256)].push_back(std::move(each));
  return files;
}

result<past_export> read_past_export(database& db, sequence_number sequence) {
  auto query = db.prepare("SELECT sequence, pack_id, sha256, size_bytes, texts FROM pack_export"
                          " WHERE sequence = ?1");
  if (!query) return query.failure();
  query->bind(sequence);
  past_export past;
  auto read = query->for_each_row([&](const statement& row) {
    past.sequence = row.get<sequence_number>(0);
    past.pack = row.get<pack_id>(1);
    past.sha256 = row.get<std::string>(2);
    past.size_bytes = row.get<std::uint64_t>(3);
    auto texts = row.blob(4);
    past.texts.assign(texts.begin(), texts.end());
  });
  if (!read) return read.failure();
  if (past.sequence == 0) return no_such_export(sequence);
  return past;
}

/// Fills an input, within a transaction of the caller's.
class input_reader {
public:
  input_reader(database& db, job_id job) : db_(db), job_(job) {}

  result<export_input> read() {
    if (auto found = read_job(); !found) return found.failure();
    auto rest = made_.asked.again ? read_again() : read_new();
    if (!rest) return rest.failure();
    return std::move(made_);
  }

private:
  result<void> read_job() {
    auto query = db_.prepare("SELECT coalesce(pack_id, 0), coalesce(params_json, '{}'),"
                             " (SELECT count(*) FROM job_attempt a WHERE a.job_id = j.id)"
                             " FROM job j WHERE id = ?1");
    if (!query) return query.failure();
    query->bind(job_);
    std::optional<std::string> parameters;
    auto read = query->for_each_row([&](const statement& row) {
      made_.pack = row.get<pack_id>(0);
      parameters = row.get<std::string>(1);
      made_.attempt = row.get<std::uint32_t>(2);
    });
    if (!read) return read;
    if (!parameters) return error{error_code::not_found, "there is no job " + std::to_string(job_)};
    auto asked = parse_export_parameters(*parameters);
    if (!asked) return asked.failure();
    made_.asked = *std::move(asked);
    return {};
  }

  result<void> read_new() {
    auto snapshot = read_snapshot_in_view(db_, made_.pack);
    if (!snapshot) return snapshot.failure();
    auto by = read_seller(db_);
    if (!by) return by.failure();
    auto files = files_of(db_, *snapshot);
    if (!files) return files.failure();
    made_.snapshot = *std::move(snapshot);
    made_.by = *std::move(by);
    made_.files = *std::move(files);
    return {};
  }

  result<void> read_again() {
    auto past = read_past_export(db_, *made_.asked.again);
    if (!past) return past.failure();
    if (past->pack != made_.asked.pack) return no_such_export(past->sequence);
    auto contents = archive::restore_contents(past->texts);
    if (!contents) return contents.failure();
    auto files = files_with(db_, contents->of);
    if (!files) return files.failure();
    made_.past = *std::move(past);
    made_.files = *std::move(files);
    return {};
  }

  database& db_;
  job_id job_;
  export_input made_;
};

}  // namespace

std::string to_params_json(const export_parameters& asked) {
  auto params = json::object();
  if (asked.output) params["output"] = *asked.output;
  if (asked.again) {
    params["export"] = *asked.again;
    params["pack"] = asked.pack;
  } else {
    params["profile"] = asked.profile;
    if (asked.allow_unapproved) params["allow_unapproved"] = true;
    if (asked.with_prompts) params["with_prompts"] = true;
  }
  return params.dump();
}

result<export_parameters> parse_export_parameters(const std::string& params_json) {
  auto params = json::parse(params_json, nullptr, false);
  if (!params.is_object()) return bad_member("params", "is not an object");
  export_parameters asked;
  for (const auto& [name, value] : params.items()) {
    if (name == "output" && value.is_string())
      asked.output = value.get<std::string>();
    else if (name == "profile" && value.is_string())
      asked.profile = value.get<std::string>();
    else if (name == "allow_unapproved" && value.is_boolean())
      asked.allow_unapproved = value.get<bool>();
    else if (name == "with_prompts" && value.is_boolean())
      asked.with_prompts = value.get<bool>();
    else if (name == "export" && value.is_number_unsigned())
      asked.again = value.get<sequence_number>();
    else if (name == "pack" && value.is_number_unsigned())
      asked.pack = value.get<pack_id>();
    else
      return bad_member(name, "is not known, or of another type");
  }
  return asked;
}

result<export_input> read_export_input(database& db, job_id job) {
  auto view = transaction::begin_read(db);
  if (!view) return view.failure();
  return input_reader(db, job).read();
}

result<json> list_exports(database& db, pack_id pack) {
  auto exports =
      select_all(db,
                 "SELECT sequence, path, exported_at, sha256, size_bytes, asset_count, read_at,"
                 " head_hash, profile FROM pack_export WHERE pack_id = ?1"
                 " ORDER BY sequence DESC LIMIT ?2",
                 pack, listed_exports_max);
  if (!exports || !exports->empty()) return exports;
  auto known = db.value<std::int64_t>("SELECT count(*) FROM pack WHERE id = ?1", pack);
  if (!known) return known.failure();
  if (*known == 0) return no_such_pack(pack);
  return exports;
}

}  // namespace podstudio
