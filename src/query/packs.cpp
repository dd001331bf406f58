// SPDX-License-Identifier: MIT
#include "query/packs.hpp"

#include "query/rows.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace podstudio {

using nlohmann::json;

error no_such_pack(pack_id id) {
  return {error_code::not_found,
          "there is no pack " + std::to_string(id) + "; see 'podstudio pack list'"};
}

result<std::int64_t> pack_count(database& db) {
  return db.value<std::int64_t>("SELECT count(*) FROM pack");
}

result<json> list_packs(database& db, pack_id after, std::int64_t limit) {
  return select_all(db, "SELECT * FROM pack WHERE id > ?1 ORDER BY id LIMIT ?2", after, limit);
}

result<json> show_pack(database& db, pack_id id) {
  auto view = transaction::begin_read(db);
  if (!view) return view.failure();
  auto pack = select_one(db, "SELECT * FROM pack WHERE id = ?1", id);
  if (!pack) return pack;
  if (pack->is_null()) return no_such_pack(id);
  auto assets = select_all(db,
                           "SELECT a.id, m.position, a.path, a.type, a.approved,"
                           " f.missing_since IS NOT NULL AS missing, f.size_bytes"
                           " FROM pack_asset m JOIN asset a ON a.id = m.asset_id"
                           " JOIN asset_file f ON f.asset_id = a.id"
                           " WHERE m.pack_id = ?1 ORDER BY m.position, a.id",
                           id);
  if (!assets) return assets;
  for (auto& asset : *assets)
    for (const char* flag : {"approved", "missing"})
      asset[flag] = asset[flag].get<int>() != 0;
  (*pack)["assets"] = std::move(*assets);
  return pack;
}

result<json> check_members(database& db, pack_id id, const std::vector<asset_id>& assets) {
  auto view = transaction::begin_read(db);
  if (!view) return view.failure();
  auto members = db.prepare("SELECT a.id, a.hash, a.approved, f.missing_since IS NOT NULL"
                            " FROM pack_asset m JOIN asset a ON a.id = m.asset_id"
                            " JOIN asset_file f ON f.asset_id = a.id"
                            " WHERE m.pack_id = ?1 ORDER BY a.id");
  if (!members) return members.failure();
  members->bind(id);
  const std::set<asset_id> asked(assets.begin(), assets.end());
  std::vector<asset_id> missing, unapproved;
  std::map<std::string, std::vector<asset_id>> by_hash;
  auto read = members->for_each_row([&](const statement& row) {
    auto member = row.get<asset_id>(0);
    by_hash[row.get<std::string>(1)].push_back(member);
    if (!asked.contains(member)) return;
    if (!row.get<bool>(2)) unapproved.push_back(member);
    if (row.get<bool>(3)) missing.push_back(member);
  });
  if (!read) return read.failure();
  auto same = json::array();
  for (const auto& [hash, ids] : by_hash)
    if (ids.size() > 1
        && std::ranges::any_of(ids, [&](asset_id each) { return asked.contains(each); }))
      same.push_back(ids);
  return json{{"missing", missing}, {"unapproved", unapproved}, {"same_content", same}};
}

}  // namespace podstudio
