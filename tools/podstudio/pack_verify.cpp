// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "output.hpp"

#include "archive/verify.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

namespace podstudio {

namespace {

result<unique_fd> open_archive(const std::string& path) {
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return system_error()("cannot open " + in_quotes(path));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_error()("cannot read " + in_quotes(path));
  if (!S_ISREG(facts.st_mode))
    return error{error_code::refused,
                 in_quotes(path) + " is not a regular file; name an exported pack"};
  return file;
}

result<archive::public_key> read_public_key_file(const std::string& path) {
  auto text = read_small_file(path, pem_bytes_max);
  if (!text) return text.failure();
  auto key = archive::parse_public_key(*text);
  if (!key)
    return error{error_code::refused,
                 in_quotes(path) + " cannot be used as a key: " + key.failure().message};
  return key;
}

nlohmann::json to_json(const archive::verify_report& report) {
  using nlohmann::json;
  auto or_null = [](const std::optional<std::string>& text) { return text ? json(*text) : json(); };
  auto findings = json::array();
  for (const auto& each : report.findings)
    findings.push_back(
        {{"entry", each.entry.empty() ? json() : json(each.entry)}, {"problem", each.problem}});
  return {{"intact", report.is_intact()},
          {"pack", or_null(report.pack)},
          {"ai_disclosure", report.ai_disclosure ? json(*report.ai_disclosure) : json()},
          {"files", report.files},
          {"bytes", report.bytes},
          {"signed_by", or_null(report.signed_by)},
          {"findings", findings},
          {"findings_count", report.findings_count}};
}

void print_report(const archive::verify_report& report) {
  table facts({{"pack"}, {report.pack.value_or("unknown")}});
  facts.row({"files", std::to_string(report.files)});
  facts.row({"size", human_size(report.bytes)});
  if (report.ai_disclosure) facts.row({"AI-made", *report.ai_disclosure ? "yes" : "no"});
  facts.row({"signed by", report.signed_by.value_or("nobody")});
  facts.row({"result", report.is_intact() ? "intact" : "not intact"});
  facts.print();
  if (report.is_intact()) return;
  print_line("");
  for (const auto& each : report.findings)
    print_line((each.entry.empty() ? "the archive" : in_quotes(each.entry)) + " " + each.problem);
  if (report.findings_count > report.findings.size())
    print_line("and " + std::to_string(report.findings_count - report.findings.size()) + " more");
}

struct verify_arguments {
  std::string file, key;
};

result<void> verify(const context& where, const verify_arguments& given) {
  archive::verify_options options;
  if (!given.key.empty()) {
    auto key = read_public_key_file(given.key);
    if (!key) return key.failure();
    options.signed_by = *key;
  }
  auto file = open_archive(given.file);
  if (!file) return file.failure();
  auto report = [&] {
    progress line("bytes");
    options.watch = [&](std::uint64_t done, std::uint64_t all) {
      line.show(done, all);
      return true;
    };
    return archive::verify(file->get(), options);
  }();
  if (!report)
    return error{report.failure().code, in_quotes(given.file) + ": " + report.failure().message};
  if (where.json)
    print_json(to_json(*report));
  else
    print_report(*report);
  if (report->is_intact()) return {};
  return error{error_code::refused,
               in_quotes(given.file) + " is not intact: " + std::to_string(report->findings_count)
                   + (report->findings_count == 1 ? " problem" : " problems")
                   + " found; do not rely on it, and get it again from its seller"};
}

}  // namespace

action declare_pack_verify(CLI::App& command) {
  auto given = std::make_shared<verify_arguments>();
  command.add_option("FILE", given->file, "The exported pack, a ZIP file")
      ->required()
      ->type_name("");
  command
      .add_option("--key", given->key,
                  "Require the signature of this public key (a PEM file); otherwise the archive "
                  "may have anybody's or none")
      ->type_name("FILE");
  return [given](const context& where) { return verify(where, *given); };
}

}  // namespace podstudio
