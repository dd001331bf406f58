// SPDX-License-Identifier: MIT
#include "archive/contents.hpp"

#include "archive/layout.hpp"
#include "archive/names.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <algorithm>

namespace podstudio::archive {

namespace {

error bad_entry(std::string_view name, const std::string& problem) {
  return {error_code::invalid_argument,
          "the archive's file " + in_quotes(name) + " " + problem + "; give it another name"};
}

result<void> check_given(std::span<const packs::entry> given) {
  path_check paths;
  for (const auto& each : given) {
    if (is_outside_manifest(each.name)) return bad_entry(each.name, "has a reserved name");
    if (each.asset && is_fixed_name(each.name)) return bad_entry(each.name, "has a reserved name");
    if (auto problem = paths.add(each.name); !problem.empty()) return bad_entry(each.name, problem);
  }
  for (auto needed : {readme_name, license_name})
    if (std::ranges::find(given, needed, &packs::entry::name) == given.end())
      return error{error_code::invalid_argument,
                   "an archive without " + in_quotes(needed) + " cannot be made; add that file"};
  return {};
}

void sort_by_rank(std::vector<packs::entry>& entries) {
  std::ranges::stable_sort(entries, {}, [](const packs::entry& each) {
    return rank_of(each.name, each.asset.has_value());
  });
}

}  // namespace

std::string checksum_line(std::string_view sha256, std::string_view name) {
  std::string line(sha256);
  line += "  ";
  line += name;
  line += '\n';
  return line;
}

std::size_t checksum_line_bytes(std::string_view name) noexcept {
  constexpr std::size_t others = 2 * sizeof(digest) + 3;
  return others + name.size();
}

packs::entry text_entry(std::string_view name, std::string text) {
  auto hash = to_hex(sha256().of(text));
  auto size = text.size();
  return {std::string(name), std::move(hash), size, std::move(text)};
}

void add_checksums(std::vector<packs::entry>& entries) {
  sort_by_rank(entries);
  std::string checksums;
  for (const auto& each : entries)
    checksums += checksum_line(each.sha256, each.name);
  entries.push_back(text_entry(checksums_name, std::move(checksums)));
  sort_by_rank(entries);
}

result<std::vector<packs::entry>> complete_contents(const packs::snapshot& pack,
                                                    std::vector<packs::entry> given,
                                                    manifest_options options,
                                                    const signing_key* key) {
  if (auto checked = check_given(given); !checked) return checked.failure();
  auto& entries = given;
  sort_by_rank(entries);
  options.signed_by.reset();
  if (key != nullptr) options.signed_by = key->public_key();
  auto made = make_manifest(pack, entries, options);
  if (!made) return made.failure();
  auto text = to_text(*made);
  if (!text) return text.failure();
  if (key != nullptr) entries.push_back(text_entry(signature_name, key->sign(*text)));
  entries.push_back(text_entry(manifest_name, *std::move(text)));
  add_checksums(entries);
  return entries;
}

}  // namespace podstudio::archive
