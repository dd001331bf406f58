// SPDX-License-Identifier: MIT
#include "api/parts.hpp"

#include "media/kind.hpp"
#include "model/command_memory.hpp"
#include "platform/sha256.hpp"

namespace podstudio::api {

digest digest_of(const request& asked) {
  sha256 hash;
  hash.update(asked.command.c_str(), asked.command.size() + 1);
  auto arguments = to_text(asked.arguments);
  hash.update(arguments.data(), arguments.size());
  return hash.finish();
}

json text_or_nothing(const std::string& text) { return text.empty() ? json() : json(text); }

json changed_shape() { return shape::object({{"changed", shape::count()}}); }

json job_columns() {
  return shape::object({{"id", shape::id()},
                        {"kind", shape::word<job_kind>()},
                        {"asset_id", shape::nullable(shape::id())},
                        {"pack_id", shape::nullable(shape::id())},
                        {"params_json", shape::nullable(shape::text())},
                        {"status", shape::word<job_status>()},
                        {"progress", shape::number()},
                        {"result_path", shape::nullable(shape::text())},
                        {"error_message", shape::nullable(shape::text())},
                        {"created_at", shape::time()},
                        {"started_at", shape::nullable(shape::time())},
                        {"completed_at", shape::nullable(shape::time())}});
}

json to_json(const not_taken_counts& counts) {
  auto object = json::object();
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) object[std::string(not_taken_endings[i])] = counts[i];
  return object;
}

json root_shape() {
  return shape::object(
      {{"path", shape::text()},
       {"state", shape::word_of({"active", "lost"})},
       {"reason", shape::nullable(shape::text())},
       {"assets", shape::count()},
       {"mode", shape::word_of({"idle", "scanning", "live", "polling", "held", "silent"})}},
      {{"not_taken", shape::map(shape::count())}, {"compared", shape::count()}});
}

void add_modes(json& roots, const std::vector<watcher_status>& watchers) {
  for (auto& root : roots) {
    root["mode"] = "idle";
    for (const auto& watcher : watchers)
      if (watcher.path == root["path"]) {
        root["mode"] = watcher.mode;
        root["not_taken"] = to_json(watcher.not_taken);
        if (watcher.compared > 0) root["compared"] = watcher.compared;
      }
  }
}

void setting_list::add(std::string_view key, const std::optional<std::string>& value) {
  text_ += text_.empty() ? "" : ", ";
  text_ += key;
  text_ += '=';
  text_ += in_summary(to_text(value ? json(*value) : json()));
}

}  // namespace podstudio::api
