// SPDX-License-Identifier: MIT
#include "options.hpp"
#include "session.hpp"

#include "platform/data_folder.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <filesystem>

namespace podstudio {

namespace {

constexpr std::uint64_t lowest_id = 1, highest_id = INT64_MAX;

}  // namespace

result<std::uint64_t> parse_number(const std::string& text, std::uint64_t lowest,
                                   std::uint64_t highest) {
  std::uint64_t number = 0;
  auto end = text.data() + text.size();
  auto [rest, failure] = std::from_chars(text.data(), end, number);
  bool plain = failure == std::errc{} && rest == end && (text.size() == 1 || text[0] != '0');
  if (plain && number >= lowest && number <= highest) return number;
  return error{error_code::invalid_argument,
               in_quotes(text) + " is not a whole number from " + std::to_string(lowest) + " to "
                   + std::to_string(highest) + " in decimal digits without leading zeros"};
}

result<std::int64_t> parse_id(const std::string& text) {
  auto number = parse_number(text, lowest_id, highest_id);
  if (!number) return number.failure();
  return static_cast<std::int64_t>(*number);
}

result<nlohmann::json> asset_key_of(const context& where, const std::string& which) {
  if (!which.empty() && which.find_first_not_of("0123456789") == std::string::npos) {
    auto id = parse_id(which);
    if (id) return nlohmann::json(*id);
    return error{error_code::invalid_argument,
                 id.failure().message + "; a file of that name is './" + which + "'"};
  }
  auto path = absolute_path(which);
  if (!path) return path.failure();
  nlohmann::json key(*path);
  std::error_code unresolved;
  auto real = std::filesystem::canonical(*path, unresolved).string();
  if (unresolved || real == *path || !is_utf8(real)) return key;
  auto known = ask(where, session::need::folder, "asset.show", {{"asset", key}});
  if (!known && known.failure().code == error_code::not_found) return nlohmann::json(real);
  return key;
}

std::string folder_path(const std::string& given) {
  std::error_code unresolved;
  auto real =
      std::filesystem::weakly_canonical(std::filesystem::absolute(given, unresolved), unresolved)
          .string();
  return unresolved || !is_utf8(real) ? given : lexical_path(real);
}

CLI::Validator whole_number(std::uint64_t lowest, std::uint64_t highest) {
  return {[lowest, highest](std::string& text) {
            auto number = parse_number(text, lowest, highest);
            return number ? std::string() : number.failure().message;
          },
          ""};
}

CLI::Validator an_id() { return whole_number(lowest_id, highest_id); }

}  // namespace podstudio
