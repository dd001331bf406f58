// SPDX-License-Identifier: MIT
#include "jobs/kinds/archive_kinds.hpp"

#include "archive/verify.hpp"
#include "jobs/kinds/archive_order.hpp"
#include "platform/parallel.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

namespace podstudio {

namespace {

double share_of(std::uint64_t done, std::uint64_t all) {
  return all == 0 ? 1 : static_cast<double>(done) / static_cast<double>(all);
}

error wrong_files(const job_files& files, std::size_t inputs, std::size_t outputs) {
  return {error_code::invalid_argument, "the job has " + std::to_string(files.inputs.size())
                                            + " inputs and " + std::to_string(files.outputs.size())
                                            + " outputs, and is to have " + std::to_string(inputs)
                                            + " and " + std::to_string(outputs)};
}

/// Whether the file that is read is to blame, and not the archive or a cancel.
bool is_of_the_file(const error& failure) {
  return failure.code == error_code::changed || failure.code == error_code::io_failed;
}

}  // namespace

void prepare_archive_kinds() {
  // The first use of each has OpenSSL read its configuration and fetch the algorithm.
  (void)sha256().of("");
  (void)archive::is_signed_by({}, "", std::string(archive::signature_bytes, '\0'));
}

result<job_result> run_archive_copy(const nlohmann::json& parameters, const job_files& files,
                                    job_control& control) {
  auto order = parse_archive_copy_order(parameters);
  if (!order) return order.failure();
  if (files.inputs.size() != order->size() || files.outputs.size() != 1)
    return wrong_files(files, order->size(), 1);
  std::uint64_t all = 0;
  for (const auto& each : *order)
    all += each.size_bytes;
  std::atomic<std::uint64_t> done = 0;
  std::vector<std::optional<result<archive::content_sums>>> copied(order->size());
  for_each_index(order->size(), [&](std::size_t i) {
    const auto& file = (*order)[i];
    std::uint64_t told = 0;
    auto watch = [&](std::uint64_t bytes) {
      control.progress(share_of(done += bytes - told, all));
      told = bytes;
      return !control.cancelled();
    };
    copied[i] = archive::copy_content(files.inputs[i], file.size_bytes, files.outputs[0],
                                      file.to_offset, watch);
    return bool(*copied[i]);
  });
  archive_copy_answer answer;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < order->size() && !answer.failure; ++i) {
    const auto& sums = *copied[i];
    if (sums) {
      answer.sums.push_back(*sums);
      end = std::max(end, (*order)[i].to_offset + (*order)[i].size_bytes);
    } else if (is_of_the_file(sums.failure())) {
      answer.failure = sums.failure();
    } else {
      return sums.failure();
    }
  }
  return job_result{to_facts(answer), {end}};
}

result<job_result> run_archive_verify(const nlohmann::json& parameters, const job_files& files,
                                      job_control& control) {
  auto order = parse_archive_verify_order(parameters);
  if (!order) return order.failure();
  if (files.inputs.size() != 1 || !files.outputs.empty()) return wrong_files(files, 1, 0);
  archive::verify_options options;
  options.signed_by = *order;
  options.digest_whole = true;
  options.watch = [&](std::uint64_t done, std::uint64_t all) {
    control.progress(share_of(done, all));
    return !control.cancelled();
  };
  auto report = archive::verify(files.inputs[0], options);
  if (!report) return report.failure();
  archive_verify_answer answer{report->sha256, {}};
  if (!report->findings.empty()) {
    const auto& first = report->findings.front();
    answer.finding =
        (first.entry.empty() ? "the archive" : in_quotes(first.entry)) + " " + first.problem;
  }
  return job_result{to_facts(answer), {}};
}

}  // namespace podstudio
