// SPDX-License-Identifier: MIT
#include "actors/export_plan.hpp"

#include "archive/contents.hpp"
#include "archive/kept_texts.hpp"
#include "archive/layout.hpp"
#include "archive/manifest.hpp"
#include "archive/names.hpp"
#include "packs/check.hpp"
#include "packs/profiles.hpp"
#include "packs/split.hpp"
#include "packs/texts.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

namespace podstudio {

namespace {

std::string name_of(const packs::member& of) { return of.path.substr(of.path.rfind('/') + 1); }

/// What is wrong with a pack, with the names of the files that it is wrong with.
class refusal {
public:
  refusal(const packs::snapshot& pack, bool allow_unapproved)
      : pack_(pack), allow_unapproved_(allow_unapproved) {
    for (const auto& each : pack.members)
      names_[each.asset] = name_of(each);
  }

  /// Nothing where nothing is.
  std::optional<error> of(const std::vector<packs::finding>& findings) {
    std::string text;
    bool only_approval = true;
    for (const auto& each : findings) {
      if (each.how != packs::severity::error) continue;
      if (each.rule == "unapproved" && allow_unapproved_) continue;
      only_approval = only_approval && each.rule == "unapproved";
      text += (text.empty() ? "" : "; ") + each.message + names_of(each);
    }
    if (text.empty()) return std::nullopt;
    if (only_approval) text += ", or export it with --allow-unapproved";
    return error{error_code::refused,
                 "pack " + std::to_string(pack_.pack) + " cannot be exported: " + text};
  }

private:
  std::string names_of(const packs::finding& finding) const {
    if (finding.assets.empty()) return {};
    std::vector<std::string> names;
    for (auto asset : finding.assets)
      names.push_back(names_.at(asset));
    return " (" + list_of_names(names) + ")";
  }

  const packs::snapshot& pack_;
  bool allow_unapproved_;
  std::unordered_map<asset_id, std::string> names_;
};

std::vector<archive::zip_entry> to_zip(std::span<const packs::entry> entries) {
  std::vector<archive::zip_entry> made;
  for (const auto& each : entries)
    made.push_back({each.name, each.size_bytes});
  return made;
}

/// Makes the plan of one export.
class planner {
public:
  planner(const export_input& input, const data_folder& folder) : input_(input), folder_(folder) {}

  result<export_plan> plan(const picture_source& pictures) {
    if (auto read = read_settings(); !read) return read.failure();
    if (auto why = refusal(pack(), input_.asked.allow_unapproved)
                       .of(packs::check(pack(), input_.by, profile_, blocked_)))
      return *why;
    auto made = pictures(profile_);
    if (!made) return made.failure();
    pictures_ = *std::move(made);
    name_assets();
    auto parts = split();
    if (!parts) return parts.failure();
    for (std::size_t i = 0; i < parts->size(); ++i)
      if (auto added = add_archive((*parts)[i], i + 1, parts->size()); !added)
        return added.failure();
    plan_.stem = archive::safe_name(pack().name, style());
    plan_.time = archive::to_dos_time(archive::archive_time(pack().updated_at_us));
    plan_.sequence = pack().sequence;
    (void)from_hex(pack().head_hash, plan_.head_hash.data(), plan_.head_hash.size());
    return std::move(plan_);
  }

private:
  const packs::snapshot& pack() const noexcept { return input_.snapshot; }

  archive::name_style style() const noexcept {
    bool plain = profile_.names_ascii || profile_.names_without_spaces;
    return plain ? archive::name_style::ascii : archive::name_style::unicode;
  }

  result<void> read_settings() {
    auto profile = packs::find_profile(input_.asked.profile);
    if (!profile) return profile.failure();
    profile_ = *std::move(profile);
    if (profile_.id != packs::generic_profile) plan_.profile = profile_.id;
    auto blocked = packs::read_blocked_names(folder_.blocked_names());
    if (!blocked) return blocked.failure();
    blocked_ = *std::move(blocked);
    auto templates = packs::read_templates(folder_.templates());
    if (!templates) return templates.failure();
    templates_ = *std::move(templates);
    auto key = archive::signing_key::ensure(folder_.signing_key());
    if (!key) return key.failure();
    key_.emplace(*std::move(key));
    plan_.signed_by = key_->public_key();
    return {};
  }

  void name_assets() {
    archive::unique_names names;
    for (const auto& each : pack().members)
      assets_.push_back({std::string(archive::assets_folder)
                             + names.add(archive::safe_name(name_of(each), style())),
                         each.sha256,
                         each.size_bytes,
                         {},
                         each.asset});
  }

  /// The entries of the archive that holds these assets. The first part has the pictures.
  result<std::vector<packs::entry>> contents(std::span<const packs::entry> assets, std::size_t part,
                                             std::size_t parts,
                                             std::span<const packs::entry> pictures) const {
    auto license = packs::make_license(pack(), input_.by, templates_);
    if (!license) return license.failure();
    auto readme = packs::make_readme(pack(), input_.by, assets, templates_);
    if (!readme) return readme.failure();
    auto copy = packs::make_store_copy(pack(), input_.by, profile_, blocked_, templates_);
    if (!copy) return copy.failure();
    std::vector<packs::entry> given(assets.begin(), assets.end());
    given.insert(given.end(), pictures.begin(), pictures.end());
    given.push_back(archive::text_entry(archive::license_name, *std::move(license)));
    given.push_back(archive::text_entry(archive::readme_name, *std::move(readme)));
    given.push_back(archive::text_entry(archive::store_copy_name, *std::move(copy)));
    archive::manifest_options options;
    options.allow_generation = input_.asked.with_prompts;
    if (options.allow_generation)
      if (auto prompts = packs::make_prompts(pack(), assets); !prompts.empty())
        given.push_back(archive::text_entry(archive::prompts_name, std::move(prompts)));
    options.profile = plan_.profile;
    options.part = part;
    options.parts = parts;
    return archive::complete_contents(pack(), std::move(given), options, &*key_);
  }

  result<std::vector<packs::part>> split() const {
    if (!profile_.max_file_bytes) return std::vector{packs::part{0, assets_.size()}};
    // The numbers of a part take no more digits than these. Each is taken for the one that has the
    // pictures.
    constexpr std::size_t most_parts = 99'999;
    auto size_of = [this](std::span<const packs::entry> assets) {
      auto entries = contents(assets, most_parts, most_parts, pictures_);
      if (!entries) return UINT64_MAX;
      auto layout = archive::lay_out(to_zip(*entries));
      return layout ? layout->archive_bytes : UINT64_MAX;
    };
    return packs::split(assets_, *profile_.max_file_bytes, profile_.max_files.value_or(UINT64_MAX),
                        size_of);
  }

  result<void> add_archive(const packs::part& of, std::size_t part, std::size_t parts) {
    auto pictures = std::span(pictures_).first(part == 1 ? pictures_.size() : 0);
    auto entries = contents(std::span(assets_).subspan(of.first, of.count), part, parts, pictures);
    if (!entries) return entries.failure();
    auto texts = archive::keep_texts(*entries);
    if (!texts) return texts.failure();
    kept_bytes_ += texts->size();
    if (kept_bytes_ > archive::kept_bytes_max)  // all parts are in one frame of the log
      return error{error_code::refused,
                   "the manifests of the export's parts take more than "
                       + std::to_string(archive::kept_bytes_max >> 20)
                       + " MiB, compressed, which is what the log keeps of an export; make several "
                         "smaller packs"};
    plan_.archives.push_back({*std::move(entries), *std::move(texts)});
    return {};
  }

  const export_input& input_;
  const data_folder& folder_;
  packs::profile profile_;
  packs::blocked_names blocked_;
  packs::seller_templates templates_;
  std::optional<archive::signing_key> key_;
  std::vector<packs::entry> assets_, pictures_;
  std::size_t kept_bytes_ = 0;
  export_plan plan_;
};

}  // namespace

std::string list_of_names(const std::vector<std::string>& names) {
  constexpr std::size_t shown_max = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i)
    list += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  if (names.size() > shown_max)
    list += " and " + std::to_string(names.size() - shown_max) + " more";
  return list;
}

result<export_plan> plan_export(const export_input& input, const data_folder& folder,
                                const picture_source& pictures) {
  return planner(input, folder).plan(pictures);
}

result<export_plan> plan_again(const export_input& input) {
  auto contents = archive::restore_contents(input.past->texts);
  if (!contents) return contents.failure();
  export_plan plan;
  plan.stem = archive::safe_name(contents->of.name);
  plan.time = archive::to_dos_time(archive::archive_time(contents->of.updated_at_us));
  plan.signed_by = contents->of.signed_by;
  plan.archives.push_back({std::move(contents->entries), {}});
  return plan;
}

}  // namespace podstudio
