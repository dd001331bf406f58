// SPDX-License-Identifier: MIT
#include "query/files.hpp"

#include "media/kind.hpp"
#include "platform/text.hpp"
#include "schema/sqlite.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace podstudio {

namespace {

template <class... Values>
result<void> append_files(database& tables, const std::string& where, std::vector<known_file>& into,
                          const Values&... values) {
  auto query = tables.prepare(
      "SELECT a.path, f.size_bytes, f.mtime_ns, f.ctime_ns, f.inode, f.device"
      " FROM asset a JOIN asset_file f ON f.asset_id = a.id WHERE f.missing_since IS NULL AND "
      + where);
  if (!query) return query.failure();
  query->bind(values...);
  return query->for_each_row([&](const statement& row) {
    into.push_back({row.get<std::string>(0),
                    {.size_bytes = row.get<std::uint64_t>(1),
                     .mtime_ns = row.get<std::int64_t>(2),
                     .ctime_ns = row.get<std::int64_t>(3),
                     .inode = row.get<std::uint64_t>(4),
                     .device = row.get<std::uint64_t>(5)}});
  });
}

}  // namespace

result<std::vector<known_file>> files_under(database& tables, const std::string& folder,
                                            const std::string& after) {
  std::vector<known_file> files;
  if (after.empty())
    if (auto read = append_files(tables, "a.path = ?1", files, folder); !read)
      return read.failure();
  // What lies in a folder sorts between its path with a slash and with a '0', which follows the
  // slash.
  auto prefix = folder == "/" ? std::string() : folder;
  auto first = prefix + '/';
  auto read = append_files(
      tables, "a.path > ?1 AND a.path < ?2 ORDER BY a.path LIMIT " + std::to_string(files_page),
      files, after > first ? after : first, prefix + '0');
  if (!read) return read.failure();
  return files;
}

result<std::vector<std::string>> problems_under(database& tables, const std::string& folder,
                                                bool also_of_files) {
  auto query =
      tables.prepare("SELECT path, kind FROM problem WHERE path = ?1 OR (path > ?2 AND path < ?3)"
                     " ORDER BY path LIMIT 10000");
  if (!query) return query.failure();
  // Texts are bound, not copied.
  const auto shown = printable(folder);
  const auto first = (folder == "/" ? "" : shown) + '/', last = (folder == "/" ? "" : shown) + '0';
  query->bind(shown, first, last);
  std::vector<std::string> paths;
  auto read = query->for_each_row([&](const statement& row) {
    auto kind = from_word<problem_kind>(row.get<std::string_view>(1));
    auto path = row.get<std::string>(0);
    bool of_a_file = kind == problem_kind::unreadable || kind == problem_kind::io_failed
                     || kind == problem_kind::unstable;
    if (also_of_files || !of_a_file || !type_of(std::string_view(path).substr(path.rfind('/') + 1)))
      paths.push_back(std::move(path));
  });
  if (!read) return read.failure();
  return paths;
}

result<std::vector<sample_file>> sample_under(database& tables, const std::string& folder,
                                              std::size_t count, bool also_missing) {
  constexpr std::size_t page = 1024;
  const auto prefix = folder == "/" ? std::string() : folder;
  const auto first = prefix + '/', last = prefix + '0';
  std::vector<sample_file> sample;
  for (const auto* order : {"ASC", "DESC"}) {
    auto query = tables.prepare(
        "SELECT a.path, a.hash, f.size_bytes, f.mtime_ns FROM asset a JOIN asset_file f"
        " ON f.asset_id = a.id WHERE a.path > ?1 AND a.path < ?2"
        " AND (?3 OR f.missing_since IS NULL) AND f.size_bytes > 0 ORDER BY a.path "
        + std::string(order) + " LIMIT " + std::to_string(page));
    if (!query) return query.failure();
    query->bind(first, last, also_missing);
    std::vector<sample_file> found;
    auto read = query->for_each_row([&](const statement& row) {
      sample_file file;
      file.path = row.get<std::string>(0);
      file.facts.size_bytes = row.get<std::uint64_t>(2);
      file.facts.mtime_ns = row.get<std::int64_t>(3);
      if (from_hex(row.get<std::string>(1), file.sha256.data(), file.sha256.size()))
        found.push_back(std::move(file));
    });
    if (!read) return read.failure();
    auto wanted = std::min(found.size(), count / 2);
    for (std::size_t i = 0; i < wanted; ++i)
      sample.push_back(std::move(found[i * found.size() / wanted]));
  }
  // Of a small library both ends are the same files.
  std::ranges::sort(sample, {}, &sample_file::path);
  auto same_path = [](const sample_file& a, const sample_file& b) { return a.path == b.path; };
  sample.erase(std::unique(sample.begin(), sample.end(), same_path), sample.end());
  return sample;
}

result<std::vector<std::string>> root_paths(database& tables) {
  auto query = tables.prepare("SELECT path FROM watch_root ORDER BY id");
  if (!query) return query.failure();
  std::vector<std::string> paths;
  auto read =
      query->for_each_row([&](const statement& row) { paths.push_back(row.get<std::string>(0)); });
  if (!read) return read.failure();
  return paths;
}

result<bool> has_problem(database& tables, const std::string& path) {
  auto query = tables.prepare(
      "SELECT EXISTS (SELECT 1 FROM problem WHERE path = ?1 OR (path > ?2 AND path < ?3))");
  if (!query) return query.failure();
  const auto shown = printable(path), first = shown + '/', last = shown + '0';
  query->bind(shown, first, last);
  bool has = false;
  auto read = query->for_each_row([&](const statement& row) { has = row.get<bool>(0); });
  if (!read) return read.failure();
  return has;
}

result<asset_paths> paths_of(database& tables, const std::vector<asset_id>& ids) {
  asset_paths paths;
  auto query = tables.prepare("SELECT path FROM asset WHERE id = ?1");
  if (!query) return query.failure();
  for (auto id : ids) {
    query->bind(id);
    auto read = query->for_each_row(
        [&](const statement& row) { paths.emplace(id, row.get<std::string>(0)); });
    if (!read) return read.failure();
  }
  return paths;
}

result<std::vector<present_file>> present_files(database& tables,
                                                const std::vector<asset_id>& ids) {
  auto query = tables.prepare("SELECT path, hash, size_bytes, mtime_ns, ctime_ns, inode, device, "
                              "width, height, duration_sec,"
                              " samplerate_hz FROM asset JOIN asset_file ON asset_id = id"
                              " WHERE id = ?1 AND missing_since IS NULL");
  if (!query) return query.failure();
  auto roots = root_paths(tables);
  if (!roots) return roots.failure();
  std::vector<present_file> files;
  for (auto id : ids) {
    query->bind(id);
    auto read = query->for_each_row([&](const statement& row) {
      present_file file;
      file.asset = id;
      file.path = row.get<std::string>(0);
      if (const auto* root = find_enclosing(file.path, *roots)) file.root = *root;
      if (!from_hex(row.get<std::string>(1), file.sha256.data(), file.sha256.size())) return;
      file.facts = {row.get<std::uint64_t>(2), row.get<std::int64_t>(3), row.get<std::int64_t>(4),
                    row.get<std::uint64_t>(5), row.get<std::uint64_t>(6)};
      file.media = {row.get<std::optional<std::int64_t>>(7),
                    row.get<std::optional<std::int64_t>>(8), row.get<std::optional<double>>(9),
                    row.get<std::optional<std::int64_t>>(10)};
      files.push_back(std::move(file));
    });
    if (!read) return read.failure();
  }
  return files;
}

result<std::vector<asset_id>> assets_of_job(database& tables, job_id job) {
  auto query = tables.prepare("SELECT asset_id, params_json FROM job WHERE id = ?1");
  if (!query) return query.failure();
  query->bind(job);
  std::optional<std::vector<asset_id>> assets;
  auto read = query->for_each_row([&](const statement& row) {
    auto& found = assets.emplace();
    auto given = nlohmann::json::parse(row.get<std::optional<std::string>>(1).value_or("{}"),
                                       nullptr, false);
    auto list = given.is_object() ? given.value("assets", nlohmann::json()) : nlohmann::json();
    if (list.is_array()) {
      for (const auto& id : list)
        if (id.is_number_integer()) found.push_back(id.get<asset_id>());
    } else if (auto one = row.get<std::optional<asset_id>>(0)) {
      found.push_back(*one);
    }
  });
  if (!read) return read.failure();
  if (assets) return *std::move(assets);
  return error{error_code::not_found, "there is no job " + std::to_string(job)};
}

}  // namespace podstudio
