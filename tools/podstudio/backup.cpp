// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "output.hpp"
#include "session.hpp"

#include "archive/signing.hpp"
#include "events/backup.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <filesystem>
#include <memory>

namespace podstudio {

namespace {

namespace fs = std::filesystem;

/// Whether a file of the one folder is also in the other, under the same name.
bool share_files(const std::string& one, const std::string& other) {
  std::error_code failure;
  fs::directory_iterator entries(one, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    std::error_code ignored;  // most have no namesake
    if (fs::equivalent(entries->path(), fs::path(other) / entries->path().filename(), ignored))
      return true;
  }
  return false;
}

/// What is written to the backup must not reach the data folder, by whatever name.
result<void> check_apart(const data_folder& folder, const std::string& target) {
  auto copies = backup_log_folder(target);
  bool shared = share_files(copies, folder.log());
  for (const auto& [ours, theirs] :
       {std::pair{folder.root, target}, {folder.root, copies}, {folder.log(), target}}) {
    auto meet = lie_in_one_another(ours, theirs);
    if (!meet) return meet.failure();
    shared = shared || *meet;
  }
  if (!shared) return {};
  return error{error_code::refused,
               "the backup in " + in_quotes(target)
                   + " would be inside the data folder, or share files with it: "
                   + in_quotes(folder.root) + "; name a folder elsewhere"};
}

/// How far the log is durable, as whoever writes it says.
result<log_head> durable_head(session& engine) {
  auto status = engine.request("status", nlohmann::json::object());
  if (!status) return status.failure();
  const auto& log = (*status)["log"];
  log_head head{log["head_sequence"].get<sequence_number>(), {}};
  if (!from_hex(log["head_hash"].get<std::string>(), head.hash.data(), head.hash.size()))
    return error{error_code::internal, "the service's status has no valid head"};
  return head;
}

result<void> verify(const std::string& target, const log_head& head) {
  progress line("bytes");
  auto report = verify_backup(posix_file_system(), target, head,
                              [&](std::uint64_t done, std::uint64_t all) { line.show(done, all); });
  return report ? result<void>() : report.failure();
}

void print(const context& where, const std::string& target, const backup_report& report,
           bool verified) {
  if (where.json)
    return print_json({{"backup", target},
                       {"head_sequence", report.head.sequence},
                       {"head_hash", to_hex(report.head.hash)},
                       {"commands", report.commands},
                       {"segments", report.segments},
                       {"bytes", report.bytes},
                       {"copied_bytes", report.copied_bytes},
                       {"incremental", report.held_bytes()},
                       {"verified", verified}});
  table facts({{"backup"}, {target}});
  facts.row({"head sequence", std::to_string(report.head.sequence)});
  facts.row({"head hash", to_hex(report.head.hash)});
  facts.row({"commands", std::to_string(report.commands)});
  facts.row({"segments", std::to_string(report.segments)});
  facts.row({"copied", human_size(report.copied_bytes)});
  facts.row({"there already", human_size(report.held_bytes())});
  if (verified) facts.row({"read again", "intact"});
  facts.print();
}

result<void> backup(const context& where, const std::string& folder, bool verified) {
  auto target = absolute_path(folder);
  if (!target) return target.failure();
  if (auto apart = check_apart(where.folder, *target); !apart) return apart;
  auto engine = session::open(where, session::need::folder);
  if (!engine) return engine.failure();
  auto lock = folder_lock::acquire_for_backup(where.folder);
  if (!lock) return lock.failure();
  auto head = durable_head(*engine);
  if (!head) return head.failure();
  auto copied = [&] {
    progress line("events");
    return back_up(posix_file_system(), where.folder.log(), *target, *head,
                   [&](sequence_number done, sequence_number all) { line.show(done, all); });
  }();
  if (!copied) return copied.failure();
  // Without the key, nobody could make the archives again that were signed with it.
  if (auto key =
          archive::copy_key_file(where.folder.signing_key(), data_folder::signing_key_in(*target));
      !key)
    return key.failure();
  if (verified)
    if (auto intact = verify(*target, *head); !intact) return intact;
  print(where, *target, *copied, verified);
  return {};
}

}  // namespace

action declare_backup(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  auto verified = std::make_shared<bool>(false);
  command
      .add_option("DIR", *folder, "The backup's folder: a new one, or that of an earlier backup")
      ->required()
      ->type_name("");
  command.add_flag("--verify", *verified, "Read the whole backup again at the end and check it");
  return [folder, verified](const context& where) { return backup(where, *folder, *verified); };
}

}  // namespace podstudio
