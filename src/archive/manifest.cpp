// SPDX-License-Identifier: MIT
#include "archive/manifest.hpp"

#include "archive/layout.hpp"
#include "jobs/bounded_json.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <unordered_map>

namespace podstudio::archive {

namespace {

using nlohmann::json;

constexpr const char* format_name = "podstudio-pack";
constexpr const char* engine_name = "podstudio";
constexpr const char* signature_algorithm = "ed25519";

// --- from a pack ---

/// A whole number that is not negative; nothing for one that is.
std::optional<std::uint64_t> whole(std::optional<std::int64_t> number) {
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

/// The nearest whole number: unlike fractions, these have one form in every library.
std::optional<std::uint64_t> rounded(std::optional<double> number, double factor = 1) {
  constexpr double highest = 1e15;
  if (!number) return std::nullopt;
  auto scaled = std::round(*number * factor);
  if (!(scaled >= 0 && scaled <= highest)) return std::nullopt;
  return static_cast<std::uint64_t>(scaled);
}

std::string as_text(const std::string& bytes) { return is_utf8(bytes) ? bytes : printable(bytes); }
std::optional<std::string> as_text(const std::optional<std::string>& bytes) {
  if (!bytes) return std::nullopt;
  return as_text(*bytes);
}

std::string name_without_folders(const std::string& path) {
  return as_text(path.substr(path.rfind('/') + 1));
}

bool is_made_by_ai(const packs::member& asset) {
  return asset.provenance == "ai_generated" || asset.provenance == "enhanced";
}

manifest_asset to_asset(const packs::member& from, const packs::entry& entry,
                        bool allow_generation) {
  manifest_asset made;
  made.name = entry.name;
  made.sha256 = entry.sha256;
  made.size_bytes = entry.size_bytes;
  made.original_name = name_without_folders(from.path);
  if (from.sha256 != entry.sha256) made.original_sha256 = from.sha256;
  made.type = from.type;
  made.provenance = from.provenance;
  made.source = as_text(from.source);
  made.mime = as_text(from.mime);
  made.width = whole(from.width);
  made.height = whole(from.height);
  made.duration_ms = rounded(from.duration_sec, 1000);
  made.samplerate_hz = whole(from.samplerate_hz);
  made.dpi_x = rounded(from.dpi_x);
  made.dpi_y = rounded(from.dpi_y);
  made.alpha_present = from.alpha_present;
  made.alpha_used = from.alpha_used;
  if (!allow_generation) return made;
  made.tool = as_text(from.tool);
  made.model = as_text(from.model);
  made.prompt = as_text(from.prompt);
  if (made.prompt) made.prompt = std::string(cut_text(*made.prompt, manifest_prompt_bytes_max));
  return made;
}

// --- to JSON ---

template <class T>
void set(json& to, const char* key, const std::optional<T>& value) {
  if (value) to[key] = *value;
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json to_json(const manifest_file& from) {
  return {{"name", from.name}, {"sha256", from.sha256}, {"size_bytes", from.size_bytes}};
}

json to_json(const manifest_asset& from) {
  auto made = to_json(static_cast<const manifest_file&>(from));
  made["original_name"] = from.original_name;
  set(made, "original_sha256", from.original_sha256);
  made["type"] = from.type;
  made["provenance"] = from.provenance;
  set(made, "source", from.source);
  auto media = json::object();
  set(media, "mime", from.mime);
  set(media, "width", from.width);
  set(media, "height", from.height);
  set(media, "duration_ms", from.duration_ms);
  set(media, "samplerate_hz", from.samplerate_hz);
  set(media, "dpi_x", from.dpi_x);
  set(media, "dpi_y", from.dpi_y);
  set(media, "alpha_present", from.alpha_present);
  set(media, "alpha_used", from.alpha_used);
  made["media"] = std::move(media);
  auto generation = json::object();
  set(generation, "tool", from.tool);
  set(generation, "model", from.model);
  set(generation, "prompt", from.prompt);
  if (!generation.empty()) made["generation"] = std::move(generation);
  return made;
}

template <class T>
json to_list(const std::vector<T>& from) {
  auto made = json::array();
  for (const auto& each : from)
    made.push_back(to_json(each));
  return made;
}

/// ISO 8601.
std::string to_iso(std::int64_t at_us) {
  auto text = to_timestamp(at_us);
  text[text.find(' ')] = 'T';
  return text + "Z";
}

json to_json(const manifest& from) {
  json signed_by;
  if (from.signed_by)
    signed_by = {{"algorithm", signature_algorithm}, {"public_key", to_hex(*from.signed_by)}};
  return {{"format", {{"name", format_name}, {"version", manifest_version}}},
          {"engine", {{"name", engine_name}, {"version", from.engine_version}}},
          {"pack",
           {{"id", from.pack},
            {"name", from.name},
            {"theme", or_null(from.theme)},
            {"description", or_null(from.description)},
            {"license", from.license},
            {"created_at", to_iso(from.created_at_us)},
            {"updated_at", to_iso(from.updated_at_us)}}},
          {"log", {{"sequence", from.sequence}, {"head_hash", from.head_hash}}},
          {"profile", or_null(from.profile)},
          {"part", from.part},
          {"parts", from.parts},
          {"ai_disclosure", from.ai_disclosure},
          {"assets", to_list(from.assets)},
          {"files", to_list(from.files)},
          {"signed_by", signed_by}};
}

std::size_t count_values(const json& document) {
  std::size_t count = 1;
  if (document.is_object()) count += document.size();  // the keys
  if (document.is_structured())
    for (const auto& each : document)
      count += count_values(each);
  return count;
}

std::string dumped(const json& document) { return document.dump(2) + "\n"; }

// --- from JSON ---

/// Thrown within this file only; names the field.
struct bad_field {
  std::string name;
};

/// Reads the fields of an object. Fields that nobody reads are found afterwards, when the manifest
/// is written again.
class fields {
public:
  fields(const json& from, std::string path) : from_(from), path_(std::move(path)) {
    if (!from_.is_object()) throw bad_field{path_.substr(0, path_.rfind('.'))};
  }

  fields part(const char* key) const { return {at(key), path_ + key + "."}; }

  std::string text(const char* key) const { return as_text(at(key), key); }
  std::uint64_t number(const char* key) const { return as_number(at(key), key); }
  std::uint64_t positive(const char* key) const {
    auto value = number(key);
    if (value == 0) throw bad_field{path_ + key};
    return value;
  }
  /// One of the texts that the schema has.
  std::string word(const char* key, std::initializer_list<std::string_view> known) const {
    auto value = text(key);
    if (std::ranges::find(known, value) == known.end()) throw bad_field{path_ + key};
    return value;
  }
  bool flag(const char* key) const { return as_flag(at(key), key); }

  std::optional<std::string> maybe_text(const char* key) const {
    const auto* found = find(key);
    return found != nullptr && !found->is_null() ? std::optional(as_text(*found, key))
                                                 : std::nullopt;
  }
  std::optional<std::uint64_t> maybe_number(const char* key) const {
    const auto* found = find(key);
    return found != nullptr ? std::optional(as_number(*found, key)) : std::nullopt;
  }
  std::optional<bool> maybe_flag(const char* key) const {
    const auto* found = find(key);
    return found != nullptr ? std::optional(as_flag(*found, key)) : std::nullopt;
  }
  std::optional<fields> maybe_part(const char* key) const {
    const auto* found = find(key);
    if (found == nullptr || found->is_null()) return std::nullopt;
    return part(key);
  }

  std::int64_t time(const char* key) const {
    auto at_us = parse_timestamp(text(key));
    if (!at_us || *at_us < timestamp_us_min || *at_us > timestamp_us_max)
      throw bad_field{path_ + key};
    return *at_us;
  }

  /// A hexadecimal number of N bytes.
  template <std::size_t N>
  std::array<std::uint8_t, N> bytes(const char* key) const {
    std::array<std::uint8_t, N> made{};
    if (!from_hex(text(key), made.data(), made.size())) throw bad_field{path_ + key};
    return made;
  }
  std::string hash(const char* key) const { return to_hex(bytes<32>(key)); }
  std::optional<std::string> maybe_hash(const char* key) const {
    return find(key) != nullptr ? std::optional(hash(key)) : std::nullopt;
  }

  template <class T, class Read>
  std::vector<T> list(const char* key, Read read) const {
    const auto& found = at(key);
    if (!found.is_array()) throw bad_field{path_ + key};
    std::vector<T> made;
    made.reserve(found.size());
    for (const auto& each : found)
      made.push_back(read(fields(each, path_ + key + "[" + std::to_string(made.size()) + "].")));
    return made;
  }

private:
  const json* find(const char* key) const {
    auto found = from_.find(key);
    return found == from_.end() ? nullptr : &*found;
  }
  const json& at(const char* key) const {
    const auto* found = find(key);
    if (found == nullptr) throw bad_field{path_ + key};
    return *found;
  }
  std::string as_text(const json& value, const char* key) const {
    if (!value.is_string()) throw bad_field{path_ + key};
    return value.get<std::string>();
  }
  std::uint64_t as_number(const json& value, const char* key) const {
    if (!value.is_number_unsigned()) throw bad_field{path_ + key};
    return value.get<std::uint64_t>();
  }
  bool as_flag(const json& value, const char* key) const {
    if (!value.is_boolean()) throw bad_field{path_ + key};
    return value.get<bool>();
  }

  const json& from_;
  std::string path_;
};

void read_file(const fields& from, manifest_file& made) {
  made.name = from.text("name");
  made.sha256 = from.hash("sha256");
  made.size_bytes = from.number("size_bytes");
}

manifest_file to_file(const fields& from) {
  manifest_file made;
  read_file(from, made);
  return made;
}

manifest_asset to_asset(const fields& from) {
  manifest_asset made;
  read_file(from, made);
  made.original_name = from.text("original_name");
  made.original_sha256 = from.maybe_hash("original_sha256");
  made.type = from.word("type", {"image", "audio", "video"});
  made.provenance =
      from.word("provenance", {"unknown", "ai_generated", "user_provided", "enhanced"});
  made.source = from.maybe_text("source");
  auto media = from.part("media");
  made.mime = media.maybe_text("mime");
  made.width = media.maybe_number("width");
  made.height = media.maybe_number("height");
  made.duration_ms = media.maybe_number("duration_ms");
  made.samplerate_hz = media.maybe_number("samplerate_hz");
  made.dpi_x = media.maybe_number("dpi_x");
  made.dpi_y = media.maybe_number("dpi_y");
  made.alpha_present = media.maybe_flag("alpha_present");
  made.alpha_used = media.maybe_flag("alpha_used");
  if (auto generation = from.maybe_part("generation")) {
    made.tool = generation->maybe_text("tool");
    made.model = generation->maybe_text("model");
    made.prompt = generation->maybe_text("prompt");
  }
  return made;
}

manifest to_manifest(const fields& from) {
  manifest made;
  made.engine_version = from.part("engine").text("version");
  auto pack = from.part("pack");
  made.pack = pack.positive("id");
  made.name = pack.text("name");
  made.theme = pack.maybe_text("theme");
  made.description = pack.maybe_text("description");
  made.license = pack.word("license", {"royalty_free", "attribution", "commercial", "personal"});
  made.created_at_us = pack.time("created_at");
  made.updated_at_us = pack.time("updated_at");
  auto log = from.part("log");
  made.sequence = log.number("sequence");
  made.head_hash = log.hash("head_hash");
  made.profile = from.maybe_text("profile");
  made.part = from.positive("part");
  made.parts = from.positive("parts");
  made.ai_disclosure = from.flag("ai_disclosure");
  made.assets =
      from.list<manifest_asset>("assets", [](const fields& each) { return to_asset(each); });
  made.files = from.list<manifest_file>("files", to_file);
  if (auto signature = from.maybe_part("signed_by"))
    made.signed_by = signature->bytes<std::tuple_size_v<public_key>>("public_key");
  return made;
}

error damaged(const std::string& problem) { return {error_code::damaged, problem}; }

result<void> check_version(const fields& from) {
  auto format = from.part("format");
  if (format.text("name") != format_name) return damaged("is not the manifest of a pack");
  if (auto version = format.number("version"); version > manifest_version)
    return error{error_code::newer_version, "has version " + std::to_string(version)
                                                + " of the format, which a later PODStudio wrote"};
  return {};
}

}  // namespace

result<manifest> make_manifest(const packs::snapshot& pack, std::span<const packs::entry> entries,
                               const manifest_options& options) {
  std::unordered_map<asset_id, const packs::member*> members;
  for (const auto& each : pack.members)
    members.emplace(each.asset, &each);
  manifest made;
  made.engine_version = options.engine_version;
  made.pack = static_cast<std::uint64_t>(pack.pack);
  made.name = pack.name;
  made.license = pack.license;
  made.theme = pack.theme;
  made.description = pack.description;
  made.created_at_us = pack.created_at_us;
  made.updated_at_us = pack.updated_at_us;
  made.sequence = pack.sequence;
  made.head_hash = pack.head_hash;
  made.profile = options.profile;
  made.part = options.part;
  made.parts = options.parts;
  made.signed_by = options.signed_by;
  for (const auto& each : entries) {
    if (is_outside_manifest(each.name)) continue;
    if (!each.asset) {
      made.files.push_back({each.name, each.sha256, each.size_bytes});
      continue;
    }
    auto found = members.find(*each.asset);
    if (found == members.end())
      return error{error_code::invalid_argument, in_quotes(each.name) + " is asset "
                                                     + std::to_string(*each.asset)
                                                     + ", which is not in the pack"};
    made.assets.push_back(to_asset(*found->second, each, options.allow_generation));
    made.ai_disclosure = made.ai_disclosure || is_made_by_ai(*found->second);
  }
  return made;
}

result<std::string> to_text(const manifest& from) {
  auto document = to_json(from);
  auto text = dumped(document);
  if (text.size() <= manifest_bytes_max && count_values(document) <= manifest_values_max)
    return text;
  return error{error_code::refused,
               "the manifest would be too large; leave out how the assets were "
               "generated, or make several smaller packs"};
}

result<manifest> parse_manifest(std::string_view text) {
  if (text.size() > manifest_bytes_max) return damaged("is too large for a manifest");
  auto document = parse_bounded_json(text, {manifest_depth_max, manifest_values_max});
  if (!document) return damaged("cannot be read: " + document.failure().message);
  try {
    fields all(*document, "");
    if (auto known = check_version(all); !known) return known.failure();
    auto made = to_manifest(all);
    *document = nullptr;  // one document at a time: it takes several times the text's memory
    auto expected = dumped(to_json(made));
    if (text == expected) return made;
    auto [at, other] = std::ranges::mismatch(text, expected);
    return damaged("is not as PODStudio writes it, from byte " + std::to_string(at - text.begin())
                   + " on");
  } catch (const bad_field& bad) {
    return damaged("has no valid '" + bad.name + "'");
  }
}

std::int64_t archive_time(std::int64_t updated_at_us) noexcept {
  constexpr std::int64_t second_us = 1'000'000;
  return updated_at_us / second_us - (updated_at_us % second_us < 0 ? 1 : 0);
}

}  // namespace podstudio::archive
