// SPDX-License-Identifier: MIT
#include "query/similar.hpp"

#include "media/similar.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

/// What is told of an asset that looks like another.
struct alike {
  asset_id id = 0;
  std::string path, hash;
  std::optional<std::int64_t> width, height;
  std::int64_t size_bytes = 0;
  bool broken = false;
  int distance = 0;

  /// A product of whatever numbers stand in the tables.
  double pixels() const {
    return static_cast<double>(width.value_or(0)) * static_cast<double>(height.value_or(0));
  }
};

constexpr const char* alike_sql =
    "SELECT path, hash, width, height, size_bytes,"
    " EXISTS (SELECT 1 FROM asset_problem WHERE asset_problem.asset_id = id)"
    " FROM asset JOIN asset_file ON asset_file.asset_id = id WHERE id = ?1";

/// Reads the rows of assets, one after the other.
class alike_reader {
public:
  static result<alike_reader> open(database& db) {
    auto query = db.prepare(alike_sql);
    if (!query) return query.failure();
    return alike_reader(*std::move(query));
  }

  result<alike> read(asset_id id, int distance) {
    query_.bind(id);
    alike found{.id = id, .distance = distance};
    auto read = query_.for_each_row([&](const statement& row) {
      found.path = row.get<std::string>(0);
      found.hash = row.get<std::string>(1);
      found.width = row.get<std::optional<std::int64_t>>(2);
      found.height = row.get<std::optional<std::int64_t>>(3);
      found.size_bytes = row.get<std::int64_t>(4);
      found.broken = row.get<bool>(5);
    });
    if (!read) return read.failure();
    return found;
  }

private:
  explicit alike_reader(statement query) : query_(std::move(query)) {}
  statement query_;
};

/// The hash of an asset, or why it has none that is worth comparing.
struct asked_hash {
  asset_id asset = 0;
  media::pdq_hash hash;
};
result<asked_hash> hash_of(database& db, asset_id asset) {
  auto query = db.prepare("SELECT pdq, pdq_quality, too_large, type = 'audio' FROM asset_media "
                          "JOIN asset ON id = asset_id"
                          " WHERE asset_id = ?1");
  if (!query) return query.failure();
  query->bind(asset);
  auto row = query->step();
  if (!row) return row.failure();
  auto refused = [&](const std::string& why) {
    return error{error_code::refused,
                 "asset " + std::to_string(asset) + " cannot be compared: " + why};
  };
  if (!*row)
    return refused("its file has not been read yet; 'podstudio job list' shows what is under way");
  auto hash = media::pdq_from_bytes(query->blob(0));
  if (!hash && query->get<bool>(2)) return refused("it is too large to be decoded");
  if (!hash && query->get<bool>(3))
    return refused("it is an audio file; only pictures and clips are compared");
  if (!hash)
    return refused("its picture could not be decoded whole; 'podstudio asset show "
                   + std::to_string(asset) + "' has its problems");
  if (auto quality = query->get<int>(1); quality < media::pdq_quality_min)
    return refused("it has too little detail to compare (quality " + std::to_string(quality)
                   + " of 100, " + std::to_string(media::pdq_quality_min) + " is needed)");
  return asked_hash{asset, *hash};
}

/// Whether one is rather to be kept than the other.
bool better(const alike& one, const alike& other) {
  auto rank = [](const alike& each) {
    return std::tuple(-each.pixels(), each.broken, -each.size_bytes, each.id);
  };
  return rank(one) < rank(other);
}

/// A group's members, the suggested one first, then the nearest to it.
result<json> group_to_json(alike_reader& reader, const similar_index& index,
                           const std::vector<std::uint32_t>& members) {
  std::vector<alike> read;
  std::size_t best = 0;
  auto count = std::min(members.size(), similar_group_read_max);
  for (std::size_t i = 0; i < count; ++i) {
    auto member = reader.read(index.asset(members[i]), 0);
    if (!member) return member.failure();
    read.push_back(*std::move(member));
    if (better(read.back(), read[best])) best = i;
  }
  const auto& hash = index.hashes()[members[best]];
  for (std::size_t i = 0; i < count; ++i)
    read[i].distance = media::hamming_distance(hash, index.hashes()[members[i]]);
  auto first = read[best].id;
  std::ranges::sort(read, {}, [&](const alike& each) {
    return std::tuple(each.id != first, each.distance, each.id);
  });
  auto assets = json::array();
  std::set<std::string> contents;
  for (const auto& each : std::span(read).first(std::min(count, similar_group_shown_max)))
    assets.push_back({{"id", each.id},
                      {"path", each.path},
                      {"distance", each.distance},
                      {"width", each.width ? json(*each.width) : json()},
                      {"height", each.height ? json(*each.height) : json()},
                      {"size_bytes", each.size_bytes},
                      {"suggested", each.id == first},
                      {"same_content", !contents.insert(each.hash).second}});
  return json{{"count", members.size()}, {"assets", std::move(assets)}};
}

}  // namespace

result<similar_index::head> similar_index::read_head(database& db) const {
  auto query = db.prepare("SELECT sequence, hash FROM checkpoint");
  if (!query) return query.failure();
  head now;
  auto read = query->for_each_row([&](const statement& row) {
    now.sequence = row.get<sequence_number>(0);
    auto hash = row.blob(1);
    std::copy_n(hash.begin(), std::min(hash.size(), now.hash.size()), now.hash.begin());
  });
  if (!read) return read.failure();
  return now;
}

result<void> similar_index::bring_up_to_date(database& db) {
  auto now = read_head(db);
  if (!now) return now.failure();
  if (loaded_ == *now) return {};
  loaded_.reset();
  auto loaded = load(db);
  if (loaded)
    loaded_ = *now;
  else
    *this = {};
  return loaded;
}

result<void> similar_index::load(database& db) {
  // Few of many, so that the rows of those that are there need not be looked at.
  auto missing = db.prepare("SELECT asset_id FROM asset_file INDEXED BY ix_asset_file_missing"
                            " WHERE missing_since IS NOT NULL ORDER BY asset_id");
  if (!missing) return missing.failure();
  std::vector<asset_id> gone;
  auto read =
      missing->for_each_row([&](const statement& row) { gone.push_back(row.get<asset_id>(0)); });
  if (!read) return read;
  static_assert(media::pdq_quality_min == 50, "the index of the hashes says so, too");
  auto query = db.prepare("SELECT asset_id, pdq FROM asset_media INDEXED BY ix_asset_media_pdq"
                          " WHERE pdq_quality >= 50 ORDER BY asset_id");
  if (!query) return query.failure();
  auto count = db.value<std::int64_t>("SELECT count(*) FROM asset_media"
                                      " INDEXED BY ix_asset_media_pdq WHERE pdq_quality >= 50");
  if (!count) return count.failure();
  auto room = std::min(static_cast<std::size_t>(*count), similar_hashes_max);
  hashes_.clear();
  hashes_.reserve(room);
  assets_.clear();
  assets_.reserve(room);
  bool too_many = false;
  auto next_gone = gone.begin();
  read = query->for_each_row([&](const statement& row) {
    auto id = row.get<asset_id>(0);
    while (next_gone != gone.end() && *next_gone < id)
      ++next_gone;
    if (next_gone != gone.end() && *next_gone == id) return;
    auto hash = media::pdq_from_bytes(row.blob(1));
    too_many = too_many || hashes_.size() == similar_hashes_max;
    if (!hash || too_many) return;
    hashes_.push_back(*hash);
    assets_.push_back(id);
  });
  if (!read) return read;
  if (too_many)
    return error{error_code::refused,
                 "there are more than " + std::to_string(similar_hashes_max)
                     + " pictures, which is more than can be compared in memory"};
  return {};
}

result<json> list_similar(database& db, similar_index& index, const asset_key& key,
                          int distance_max, std::int64_t limit) {
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  auto asset = find_asset(db, key);
  if (!asset) return asset.failure();
  auto asked = hash_of(db, *asset);
  if (!asked) return asked.failure();
  if (auto ready = index.bring_up_to_date(db); !ready) return ready.failure();
  auto rows = alike_reader::open(db);
  if (!rows) return rows.failure();
  auto itself = rows->read(*asset, 0);
  if (!itself) return itself.failure();
  auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 1, max_similar_assets));
  auto found = json::array();
  // One more than are wanted: the asset itself is as near as can be, but not the first of equals.
  for (const auto& near :
       media::find_near(index.hashes(), asked->hash,
                        std::clamp(distance_max, 0, similar_distance_max), most + 1)) {
    if (index.asset(near.index) == *asset || found.size() == most) continue;
    auto other = rows->read(index.asset(near.index), near.distance);
    if (!other) return other.failure();
    found.push_back({{"id", other->id},
                     {"path", other->path},
                     {"distance", other->distance},
                     {"same_content", other->hash == itself->hash}});
  }
  return found;
}

result<json> list_similar_groups(database& db, similar_index& index, int distance_max,
                                 std::int64_t limit, const std::function<bool()>& over) {
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  if (auto ready = index.bring_up_to_date(db); !ready) return ready.failure();
  media::group_options options;
  options.distance_max = std::clamp(distance_max, 0, media::pdq_distance_max);
  options.cancelled = over;
  auto groups = media::group_near(index.hashes(), options);
  if (over && over()) return error{error_code::timed_out, "comparing all pictures took too long"};
  std::ranges::stable_sort(groups, std::greater(), [](const auto& each) { return each.size(); });
  auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 1, max_similar_assets));
  if (groups.size() > most) groups.resize(most);
  auto rows = alike_reader::open(db);
  if (!rows) return rows.failure();
  auto listed = json::array();
  for (const auto& members : groups) {
    auto group = group_to_json(*rows, index, members);
    if (!group) return group;
    listed.push_back(*std::move(group));
  }
  return listed;
}

}  // namespace podstudio
