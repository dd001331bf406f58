// SPDX-License-Identifier: MIT
#include "query/pack_snapshot.hpp"

#include "media/pdq.hpp"
#include "platform/text.hpp"
#include "query/packs.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace podstudio {

namespace {

/// Reads the columns of a row one after the other.
class column_reader {
public:
  explicit column_reader(const statement& row) : row_(row) {}

  template <class T>
  column_reader& operator>>(T& into) {
    into = row_.get<T>(at_++);
    return *this;
  }
  /// A perceptual hash.
  void read_hash(std::optional<std::string>& into) {
    auto bytes = row_.blob(at_++);
    if (bytes.size() == media::pdq_bytes) into.emplace(bytes.begin(), bytes.end());
  }

private:
  const statement& row_;
  int at_ = 0;
};

error too_large(pack_id id, const std::string& what) {
  return {error_code::refused,
          "pack " + std::to_string(id) + " holds more than " + what + "; split it into two packs"};
}

static_assert(media::pdq_quality_min == 50, "the query says so, too");
constexpr std::string_view members_sql =
    "SELECT a.id, a.path, a.hash, f.size_bytes, a.type, a.provenance, a.source, a.theme,"
    " a.approved, f.missing_since IS NOT NULL, coalesce(r.rejected, 0),"
    " a.width, a.height, a.duration_sec, a.samplerate_hz, m.mime, m.alpha_present, m.alpha_used,"
    " m.dpi_x, m.dpi_y, CASE WHEN m.pdq_quality >= 50 THEN m.pdq END, g.tool, g.model, g.prompt,"
    " (SELECT reason FROM asset_problem p WHERE p.asset_id = a.id ORDER BY number LIMIT 1)"
    " FROM pack_asset k CROSS JOIN asset a ON a.id = k.asset_id"
    " JOIN asset_file f ON f.asset_id = a.id"
    " LEFT JOIN asset_review r ON r.asset_id = a.id"
    " LEFT JOIN asset_media m ON m.asset_id = a.id"
    " LEFT JOIN asset_generation g ON g.asset_id = a.id"
    " WHERE k.pack_id = ?1 ORDER BY k.position, a.id";

packs::member member_of(const statement& row) {
  packs::member made;
  column_reader columns(row);
  columns >> made.asset >> made.path >> made.sha256 >> made.size_bytes >> made.type
      >> made.provenance >> made.source >> made.theme >> made.approved >> made.missing
      >> made.rejected >> made.width >> made.height >> made.duration_sec >> made.samplerate_hz
      >> made.mime >> made.alpha_present >> made.alpha_used >> made.dpi_x >> made.dpi_y;
  columns.read_hash(made.pdq);
  std::optional<std::string_view> prompt;
  columns >> made.tool >> made.model >> prompt >> made.problem;
  if (prompt) made.prompt = cut_text(*prompt, snapshot_prompt_bytes_max);
  return made;
}

std::size_t text_bytes_of(const packs::member& of) {
  std::size_t bytes = of.path.size();
  for (const auto* text :
       {&of.source, &of.theme, &of.mime, &of.tool, &of.model, &of.prompt, &of.problem})
    if (*text) bytes += (*text)->size();
  return bytes;
}

/// Fills a snapshot, part by part, within a transaction of the caller's.
class snapshot_reader {
public:
  snapshot_reader(database& db, pack_id id) : db_(db) { made_.pack = id; }

  result<packs::snapshot> read() {
    for (auto part : {&snapshot_reader::read_pack, &snapshot_reader::read_members,
                      &snapshot_reader::read_tags, &snapshot_reader::read_head})
      if (auto done = (this->*part)(); !done) return done.failure();
    return std::move(made_);
  }

private:
  result<void> read_pack() {
    auto query = db_.prepare("SELECT name, theme, description, license_type, created_at, updated_at"
                             " FROM pack WHERE id = ?1");
    if (!query) return query.failure();
    query->bind(made_.pack);
    bool found = false;
    std::string created, updated;
    auto read = query->for_each_row([&](const statement& row) {
      found = true;
      column_reader(row) >> made_.name >> made_.theme >> made_.description >> made_.license
          >> created >> updated;
    });
    if (!read) return read;
    if (!found) return no_such_pack(made_.pack);
    auto created_at = parse_timestamp(created), updated_at = parse_timestamp(updated);
    if (!created_at || !updated_at)
      return error{error_code::damaged,
                   "the tables in '" + db_.path() + "' hold a bad time of pack "
                       + std::to_string(made_.pack) + "; rebuild them with 'podstudio replay'"};
    made_.created_at_us = *created_at;
    made_.updated_at_us = *updated_at;
    return {};
  }

  result<void> read_members() {
    auto query = db_.prepare(members_sql);
    if (!query) return query.failure();
    query->bind(made_.pack);
    bool too_many = false;
    auto read = query->for_each_row([&](const statement& row) {
      too_many = too_many || made_.members.size() == snapshot_members_max;
      if (too_many || text_bytes_ > snapshot_text_bytes_max) return;
      made_.members.push_back(member_of(row));
      text_bytes_ += text_bytes_of(made_.members.back());
    });
    if (!read) return read;
    if (too_many) return too_large(made_.pack, std::to_string(snapshot_members_max) + " assets");
    return check_text_bytes();
  }

  result<void> read_tags() {
    auto query = db_.prepare("SELECT k.asset_id, t.tag FROM pack_asset k"
                             " CROSS JOIN asset_tag t ON t.asset_id = k.asset_id"
                             " WHERE k.pack_id = ?1 ORDER BY k.asset_id, t.tag");
    if (!query) return query.failure();
    std::unordered_map<asset_id, packs::member*> members;
    for (auto& each : made_.members)
      members[each.asset] = &each;
    query->bind(made_.pack);
    auto read = query->for_each_row([&](const statement& row) {
      auto member = members.find(row.get<asset_id>(0));
      if (member == members.end() || text_bytes_ > snapshot_text_bytes_max) return;
      text_bytes_ += member->second->tags.emplace_back(row.get<std::string_view>(1)).size();
    });
    if (!read) return read;
    return check_text_bytes();
  }

  result<void> read_head() {
    auto query = db_.prepare("SELECT library_sequence, lower(hex(library_hash)) FROM checkpoint");
    if (!query) return query.failure();
    return query->for_each_row(
        [&](const statement& row) { column_reader(row) >> made_.sequence >> made_.head_hash; });
  }

  result<void> check_text_bytes() const {
    if (text_bytes_ <= snapshot_text_bytes_max) return {};
    return too_large(made_.pack, std::to_string(snapshot_text_bytes_max >> 20) + " MiB of texts");
  }

  database& db_;
  packs::snapshot made_;
  std::size_t text_bytes_ = 0;
};

}  // namespace

result<packs::snapshot> read_snapshot_in_view(database& db, pack_id id) {
  return snapshot_reader(db, id).read();
}

result<packs::snapshot> read_snapshot(database& db, pack_id id) {
  auto view = transaction::begin_read(db);
  if (!view) return view.failure();
  return read_snapshot_in_view(db, id);
}

result<packs::seller> read_seller(database& db) {
  auto query = db.prepare("SELECT author, year, shop, contact FROM seller");
  if (!query) return query.failure();
  packs::seller said;
  auto read = query->for_each_row([&](const statement& row) {
    column_reader(row) >> said.author >> said.year >> said.shop >> said.contact;
  });
  if (!read) return read.failure();
  return said;
}

}  // namespace podstudio
