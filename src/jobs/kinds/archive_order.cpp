// SPDX-License-Identifier: MIT
#include "jobs/kinds/archive_order.hpp"

#include "platform/text.hpp"

#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

static_assert(archive_copy_files_max * 80 <= job_parameters_bytes_max);

error refused(const std::string& member, const std::string& rule) {
  return {error_code::invalid_argument, "'" + member + "' " + rule};
}
error damaged(const std::string& member, const std::string& rule) {
  return {error_code::damaged, "'" + member + "' " + rule};
}

/// The number of that name, if it is one and at most `most`.
std::optional<std::uint64_t> number_of(const json& from, const char* name, std::uint64_t most) {
  if (!from.is_object() || !from.contains(name) || !from[name].is_number_unsigned())
    return std::nullopt;
  auto number = from[name].get<std::uint64_t>();
  return number <= most ? std::optional(number) : std::nullopt;
}

template <std::size_t N>
bool read_hex(const json& from, const char* name, std::array<std::uint8_t, N>& bytes) {
  return from.is_object() && from.contains(name) && from[name].is_string()
         && from_hex(from[name].get<std::string>(), bytes.data(), bytes.size());
}

/// A text of a worker's that may be shown.
std::optional<std::string> text_of(const json& from, const char* name) {
  if (!from.is_object() || !from.contains(name) || !from[name].is_string()) return std::nullopt;
  return for_terminal(cut_text(from[name].get<std::string>(), archive_finding_bytes_max));
}

}  // namespace

// --- archive_copy ---

json to_parameters(const archive_copy_order& order) {
  auto files = json::array();
  for (const auto& each : order)
    files.push_back({{"size_bytes", each.size_bytes}, {"to_offset", each.to_offset}});
  return {{"files", std::move(files)}};
}

result<archive_copy_order> parse_archive_copy_order(const json& parameters) {
  if (!parameters.is_object() || parameters.size() != 1 || !parameters.contains("files"))
    return refused("parameters", "is not an object of 'files'");
  const auto& files = parameters["files"];
  if (!files.is_array() || files.empty() || files.size() > archive_copy_files_max)
    return refused("files",
                   "is not a list of 1 to " + std::to_string(archive_copy_files_max) + " files");
  archive_copy_order order;
  for (const auto& each : files) {
    constexpr auto most = static_cast<std::uint64_t>(INT64_MAX);
    auto size = number_of(each, "size_bytes", most);
    auto offset = number_of(each, "to_offset", most - size.value_or(0));
    if (each.size() != 2 || !size || !offset)
      return refused("files[" + std::to_string(order.size()) + "]",
                     "is not an object of 'size_bytes' and 'to_offset'");
    order.push_back({*size, *offset});
  }
  return order;
}

json to_facts(const archive_copy_answer& answer) {
  auto sums = json::array();
  for (const auto& each : answer.sums)
    sums.push_back({{"sha256", to_hex(each.sha256)}, {"crc32", each.crc32}});
  json facts{{"sums", std::move(sums)}};
  if (answer.failure)
    facts["failure"] = {{"changed", answer.failure->code == error_code::changed},
                        {"text", answer.failure->message}};
  return facts;
}

result<archive_copy_answer> parse_archive_copy_answer(const json& facts, std::size_t files) {
  if (!facts.is_object() || !facts.contains("sums") || !facts["sums"].is_array())
    return damaged("sums", "is not a list");
  archive_copy_answer answer;
  for (const auto& each : facts["sums"]) {
    archive::content_sums sums;
    auto crc32 = number_of(each, "crc32", UINT32_MAX);
    if (!crc32 || !read_hex(each, "sha256", sums.sha256))
      return damaged("sums[" + std::to_string(answer.sums.size()) + "]",
                     "is not an object of 'sha256' and 'crc32'");
    sums.crc32 = static_cast<std::uint32_t>(*crc32);
    answer.sums.push_back(sums);
  }
  if (facts.contains("failure")) {
    const auto& failure = facts["failure"];
    auto text = text_of(failure, "text");
    if (!text || !failure.contains("changed") || !failure["changed"].is_boolean())
      return damaged("failure", "is not an object of 'changed' and 'text'");
    auto code = failure["changed"].get<bool>() ? error_code::changed : error_code::io_failed;
    answer.failure = error{code, *std::move(text)};
  }
  auto expected = answer.failure ? answer.sums.size() < files : answer.sums.size() == files;
  if (!expected) return damaged("sums", "has another length than there are files");
  return answer;
}

// --- archive_verify ---

json to_parameters(const archive_verify_order& order) {
  if (!order) return json::object();
  return {{"signed_by", to_hex(*order)}};
}

result<archive_verify_order> parse_archive_verify_order(const json& parameters) {
  if (!parameters.is_object()) return refused("parameters", "is not an object");
  if (parameters.empty()) return archive_verify_order();
  archive::public_key key{};
  if (parameters.size() != 1 || !read_hex(parameters, "signed_by", key))
    return refused("signed_by", "is not the 32 bytes of a key, in hexadecimal");
  return archive_verify_order(key);
}

json to_facts(const archive_verify_answer& answer) {
  return {{"sha256", to_hex(answer.sha256)}, {"finding", answer.finding}};
}

result<archive_verify_answer> parse_archive_verify_answer(const json& facts) {
  archive_verify_answer answer;
  if (!read_hex(facts, "sha256", answer.sha256)) return damaged("sha256", "is not a digest");
  auto finding = text_of(facts, "finding");
  if (!finding) return damaged("finding", "is not a text");
  answer.finding = *std::move(finding);
  return answer;
}

}  // namespace podstudio
