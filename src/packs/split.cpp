// SPDX-License-Identifier: MIT
#include "packs/split.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <string>

namespace podstudio::packs {

namespace {

/// How many of the entries fit, from the first on. Tries 1, 2, 4 ... and then what lies between, so
/// that a part costs no more than its own length.
std::size_t fitting(std::span<const entry> entries, std::uint64_t bytes_max,
                    const archive_size& size_of) {
  auto fits = [&](std::size_t count) { return size_of(entries.first(count)) <= bytes_max; };
  std::size_t good = 0, bad = 1;
  while (bad <= entries.size() && fits(bad)) {
    good = bad;
    bad *= 2;
  }
  bad = std::min(bad, entries.size() + 1);
  while (bad - good > 1) {
    auto middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

}  // namespace

std::string archive_name(const std::string& stem, std::size_t number, std::size_t count) {
  if (count == 1) return stem + ".zip";
  return stem + "-part-" + std::to_string(number) + ".zip";
}

result<std::vector<part>> split(std::span<const entry> entries, std::uint64_t bytes_max,
                                std::uint64_t parts_max, const archive_size& size_of) {
  std::vector<part> parts;
  std::size_t first = 0;
  do {
    auto rest = entries.subspan(first);
    auto count = fitting(rest, bytes_max, size_of);
    if (count == 0 && !rest.empty())
      return error{error_code::refused, in_quotes(rest.front().name) + " alone makes an archive of "
                                            + human_size(size_of(rest.first(1)))
                                            + ", more than the " + human_size(bytes_max)
                                            + " that are allowed; remove it"};
    parts.push_back({first, count});
    first += count;
  } while (first < entries.size());
  if (parts.size() > parts_max)
    return error{error_code::refused,
                 "the pack makes " + std::to_string(parts.size()) + " archives of at most "
                     + human_size(bytes_max) + ", but only "
                     + (parts_max == 1 ? "one is" : std::to_string(parts_max) + " are")
                     + " allowed; remove assets or make two packs"};
  return parts;
}

}  // namespace podstudio::packs
