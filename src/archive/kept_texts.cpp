// SPDX-License-Identifier: MIT
#include "archive/kept_texts.hpp"

#include "archive/contents.hpp"
#include "archive/layout.hpp"
#include "archive/names.hpp"
#include "platform/little_endian.hpp"
#include "platform/text.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

namespace podstudio::archive {

namespace {

// Expanded, it is of each text: the sizes of its name (4 bytes) and its content (8), little-endian,
// then both.
constexpr std::size_t sizes_bytes = 12;
/// An archive has six; each is looked for in the manifest.
constexpr std::size_t texts_max = 1'000;

const Bytef* bytes_of(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }
Bytef* bytes_of(std::string& text) { return reinterpret_cast<Bytef*>(text.data()); }

error too_much() {
  return {error_code::refused,
          "the manifest and the texts of the archive take more than "
              + std::to_string(kept_bytes_max >> 20)
              + " MiB, compressed, which is what the log keeps of an export; leave out the "
                "prompts, or make several smaller packs"};
}

error not_kept(const std::string& why) {
  return {error_code::damaged, "what was kept of the archive is damaged: " + why
                                   + "; restore the data folder from a backup"};
}

result<std::string> expand(std::string_view kept) {
  if (kept.size() > kept_bytes_max) return not_kept("it is too long");
  std::string text;
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) return error{error_code::internal, "zlib has no memory"};
  stream.next_in = const_cast<Bytef*>(bytes_of(kept));
  stream.avail_in = static_cast<uInt>(kept.size());
  int state = Z_OK;
  while (state == Z_OK && text.size() < kept_expanded_bytes_max) {
    constexpr std::size_t step_bytes = std::size_t{1} << 20;
    auto before = text.size();
    text.resize(before + step_bytes);
    stream.next_out = bytes_of(text) + before;
    stream.avail_out = step_bytes;
    state = ::inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
  }
  bool whole = state == Z_STREAM_END && stream.avail_in == 0;
  ::inflateEnd(&stream);
  if (!whole) return not_kept("it is no stream of zlib, or too long");
  return text;
}

result<std::vector<packs::entry>> parse(std::string_view rest) {
  std::vector<packs::entry> texts;
  while (!rest.empty()) {
    if (texts.size() == texts_max) return not_kept("it has too many texts");
    if (rest.size() < sizes_bytes) return not_kept("it ends early");
    auto name_bytes = read_number<std::uint32_t>(rest, 0);
    auto text_bytes = read_number<std::uint64_t>(rest, 4);
    rest.remove_prefix(sizes_bytes);
    if (name_bytes > rest.size() || text_bytes > rest.size() - name_bytes)
      return not_kept("it ends early");
    texts.push_back(
        text_entry(rest.substr(0, name_bytes), std::string(rest.substr(name_bytes, text_bytes))));
    rest.remove_prefix(name_bytes + text_bytes);
  }
  return texts;
}

/// That the texts are those of the manifest, and itself with its signature.
result<void> check_texts(std::span<const packs::entry> texts, const manifest& of) {
  std::size_t listed = 0;
  for (const auto& each : texts) {
    if (each.name == manifest_name || each.name == signature_name) continue;
    auto file = std::ranges::find(of.files, each.name, &manifest_file::name);
    if (file == of.files.end() || file->sha256 != each.sha256)
      return not_kept("its manifest has no such " + in_quotes(each.name));
    ++listed;
  }
  if (listed != of.files.size()) return not_kept("it lacks a text of its manifest");
  return {};
}

}  // namespace

result<std::string> keep_texts(std::span<const packs::entry> entries) {
  std::string text;
  for (const auto& each : entries) {
    if (each.asset || each.name == checksums_name) continue;
    append_number<std::uint32_t>(text, static_cast<std::uint32_t>(each.name.size()));
    append_number<std::uint64_t>(text, each.text.size());
    text += each.name;
    text += each.text;
  }
  if (text.size() > kept_expanded_bytes_max) return too_much();
  std::string kept(::compressBound(static_cast<uLong>(text.size())), '\0');
  auto size = static_cast<uLongf>(kept.size());
  if (::compress2(bytes_of(kept), &size, bytes_of(text), static_cast<uLong>(text.size()),
                  Z_BEST_COMPRESSION)
      != Z_OK)
    return error{error_code::internal, "zlib cannot compress the texts of an archive"};
  kept.resize(size);
  if (kept.size() > kept_bytes_max) return too_much();
  return kept;
}

result<kept_contents> restore_contents(std::string_view kept) {
  auto text = expand(kept);
  if (!text) return text.failure();
  auto entries = parse(*text);
  if (!entries) return entries.failure();
  auto found = std::ranges::find(*entries, manifest_name, &packs::entry::name);
  if (found == entries->end()) return not_kept("it has no manifest");
  auto of = parse_manifest(found->text);
  if (!of && of.failure().code == error_code::newer_version) return of.failure();
  if (!of) return not_kept("the manifest " + of.failure().message);
  if (auto same = check_texts(*entries, *of); !same) return same.failure();
  for (const auto& asset : of->assets)
    entries->push_back({asset.name, asset.sha256, asset.size_bytes, {}, asset_id{0}});
  path_check paths;
  for (const auto& each : *entries)
    if (auto problem = paths.add(each.name); !problem.empty())
      return not_kept("the name " + in_quotes(each.name) + " " + problem);
  add_checksums(*entries);
  return kept_contents{*std::move(of), *std::move(entries)};
}

}  // namespace podstudio::archive
