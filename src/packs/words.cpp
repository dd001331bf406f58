// SPDX-License-Identifier: MIT
#include "packs/words.hpp"

#include <algorithm>
#include <cmath>

namespace podstudio::packs {

namespace {

constexpr double number_max = 1e12;

std::string padded(std::uint64_t number, std::size_t digits) {
  auto text = std::to_string(number);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

}  // namespace

std::string count_of(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string list;
  for (std::size_t i = 0; i < texts.size(); ++i)
    list += (i == 0 ? "" : i + 1 == texts.size() ? " and " : ", ") + texts[i];
  return list;
}

std::string decimal_of(double number) {
  if (!(number >= 0 && number < number_max)) return "0";
  auto thousandths = static_cast<std::uint64_t>(std::llround(number * 1'000));
  auto text = std::to_string(thousandths / 1'000);
  auto decimals = padded(thousandths % 1'000, 3);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return decimals.empty() ? text : text + "." + decimals;
}

std::string duration_of(double seconds) {
  if (!(seconds >= 0 && seconds < number_max)) seconds = 0;
  auto whole = std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(seconds)), 1);
  auto hours = whole / 3'600, minutes = whole / 60 % 60;
  auto text =
      hours > 0 ? std::to_string(hours) + ":" + padded(minutes, 2) : std::to_string(minutes);
  return text + ":" + padded(whole % 60, 2);
}

}  // namespace podstudio::packs
