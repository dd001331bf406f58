// SPDX-License-Identifier: MIT
#include "packs/check.hpp"

#include "media/pdq.hpp"
#include "media/similar.hpp"
#include "packs/split.hpp"
#include "packs/words.hpp"
#include "platform/fold_text.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace podstudio::packs {

namespace {

using members = std::vector<const member*>;

/// The name of its file.
std::string name_of(const member& of) { return of.path.substr(of.path.rfind('/') + 1); }

/// `it` or `them`.
const char* them(const members& assets) { return assets.size() == 1 ? "it" : "them"; }

/// Runs the rules over a pack.
class checker {
public:
  checker(const snapshot& pack, const seller& by, const profile& of, const blocked_names& blocked)
      : pack_(pack), by_(by), profile_(of), blocked_(blocked) {}

  std::vector<finding> run() {
    check_presence();
    check_files();
    check_prints();
    check_cut_outs();
    check_copies();
    check_names();
    check_texts();
    check_size();
    check_seller();
    std::ranges::stable_sort(found_, {}, &finding::how);
    return std::move(found_);
  }

private:
  void add(std::string_view rule, severity how, const members& assets, std::string message) {
    finding made{rule, how, {}, std::move(message)};
    for (const auto* each : std::span(assets).first(std::min(assets.size(), finding_assets_max)))
      made.assets.push_back(each->asset);
    found_.push_back(std::move(made));
  }

  /// One finding for all assets of which `is_so` holds; `message` is given how many there are.
  template <class IsSo, class Message>
  void add_if_any(std::string_view rule, severity how, IsSo is_so, Message message) {
    members assets;
    for (const auto& each : pack_.members)
      if (is_so(each)) assets.push_back(&each);
    if (!assets.empty()) add(rule, how, assets, message(assets));
  }

  std::string command(const std::string& what) const {
    return "'podstudio pack " + what + " " + std::to_string(pack_.pack);
  }

  // --- the assets ---

  void check_presence() {
    if (pack_.members.empty())
      return add("empty", severity::error, {},
                 "the pack is empty; add assets with " + command("add") + " ASSET...'");
    add_if_any(
        "missing", severity::error, [](const member& of) { return of.missing; },
        [&](const members& assets) {
          return count_of(assets.size(), "file is", "files are") + " missing; bring " + them(assets)
                 + " back, or remove the assets with " + command("remove") + " ASSET...'";
        });
    add_if_any(
        "rejected", severity::error, [](const member& of) { return of.rejected; },
        [&](const members& assets) {
          return count_of(assets.size(), "asset is", "assets are") + " rejected; approve "
                 + them(assets) + ", or remove " + them(assets) + " from the pack";
        });
    add_if_any(
        "unapproved", severity::error,
        [](const member& of) { return !of.approved && !of.rejected; },
        [](const members& assets) {
          return count_of(assets.size(), "asset is", "assets are") + " not approved; approve "
                 + them(assets) + " with 'podstudio asset approve'";
        });
  }

  void check_files() {
    add_if_any(
        "broken", severity::error, [](const member& of) { return of.problem.has_value(); },
        [](const members& assets) {
          constexpr std::size_t reason_characters_max = 200;
          return count_of(assets.size(), "file is", "files are")
                 + " broken: " + in_quotes(name_of(*assets.front())) + ": "
                 + std::string(
                     cut_characters(clean_line(*assets.front()->problem), reason_characters_max))
                 + "; replace or remove " + them(assets);
        });
    // What was read has a format at least.
    add_if_any(
        "unread", severity::warning,
        [](const member& of) { return !of.mime && !of.problem && !of.missing; },
        [](const members& assets) {
          return count_of(assets.size(), "file has", "files have")
                 + " not been read yet and cannot be checked; wait for the service, or use "
                   "'podstudio import --metadata'";
        });
    if (!profile_.formats.empty())
      add_if_any(
          "format", severity::error,
          [&](const member& of) {
            return of.mime
                   && std::ranges::find(profile_.formats, *of.mime) == profile_.formats.end();
          },
          [&](const members& assets) {
            return count_of(assets.size(), "file is", "files are") + " not in a format for "
                   + profile_.name + " (" + joined(profile_.formats, ", ") + "); convert or remove "
                   + them(assets);
          });
    if (profile_.asset_bytes_max)
      add_if_any(
          "asset_size", severity::error,
          [&](const member& of) { return of.size_bytes > *profile_.asset_bytes_max; },
          [&](const members& assets) {
            return count_of(assets.size(), "file is", "files are") + " larger than "
                   + human_size(*profile_.asset_bytes_max) + ", the limit for " + profile_.name
                   + "; compress or remove " + them(assets);
          });
  }

  // --- prints ---

  /// Dots an inch, if the picture is printed as large as the profile asks for.
  std::optional<double> dpi_of(const member& of) const {
    if (of.type != "image" || !of.width || !of.height || !profile_.print_width_in
        || !profile_.print_height_in)
      return std::nullopt;
    auto width = static_cast<double>(*of.width), height = static_cast<double>(*of.height);
    auto print_width = *profile_.print_width_in, print_height = *profile_.print_height_in;
    // A sheet can be turned; a shirt cannot.
    if (profile_.print_fills && (width > height) != (print_width > print_height))
      std::swap(print_width, print_height);
    auto across = width / print_width, down = height / print_height;
    return profile_.print_fills ? std::min(across, down) : std::max(across, down);
  }

  void check_prints() {
    if (!profile_.dpi) return;
    auto dpi = static_cast<double>(*profile_.dpi);
    auto dpi_min = static_cast<double>(profile_.dpi_min.value_or(0));
    auto message = [&](const members& assets, std::uint64_t wanted, const std::string& remedy) {
      const auto* worst = std::ranges::min(
          assets, {}, [&](const member* each) { return dpi_of(*each).value_or(0); });
      return count_of(assets.size(), "image has", "images have") + " fewer pixels than a print of "
             + decimal_of(*profile_.print_width_in) + " x " + decimal_of(*profile_.print_height_in)
             + " in needs at " + std::to_string(wanted) + " DPI; the smallest, "
             + in_quotes(name_of(*worst)) + ", has " + std::to_string(*worst->width) + " x "
             + std::to_string(*worst->height) + ", which gives "
             + decimal_of(std::floor(dpi_of(*worst).value_or(0))) + " DPI; " + remedy;
    };
    add_if_any(
        "too_small", severity::error,
        [&](const member& of) { return dpi_of(of).value_or(dpi_min) < dpi_min; },
        [&](const members& assets) {
          return message(assets, *profile_.dpi_min,
                         std::string("replace or remove ") + them(assets));
        });
    add_if_any(
        "too_small", severity::warning,
        [&](const member& of) {
          auto has = dpi_of(of).value_or(dpi);
          return has < dpi && has >= dpi_min;
        },
        [&](const members& assets) {
          return message(assets, *profile_.dpi, "larger pictures print better");
        });
  }

  void check_cut_outs() {
    if (!profile_.cut_out) return;
    add_if_any(
        "no_cut_out", severity::warning,
        [](const member& of) {
          return of.type == "image" && of.alpha_present
                 && !(*of.alpha_present && of.alpha_used.value_or(false));
        },
        [](const members& assets) {
          return count_of(assets.size(), "image has", "images have")
                 + " no transparent pixels, so the background would be printed, too; cut out the "
                   "subject";
        });
  }

  // --- copies ---

  void check_copies() {
    std::map<std::string_view, members> by_content;
    for (const auto& each : pack_.members)
      by_content[each.sha256].push_back(&each);
    std::vector<members> copies;
    for (auto& [hash, assets] : by_content)
      if (assets.size() > 1) copies.push_back(assets);
    add_groups("same_content", severity::error, copies,
               "assets have identical content; keep one of them");
    add_groups("near_duplicates", severity::warning, near_duplicates(),
               "assets look almost the same; keep the best of them");
  }

  /// Groups of assets whose contents differ, and that look alike.
  std::vector<members> near_duplicates() const {
    std::vector<media::pdq_hash> hashes;
    members hashed;
    std::set<std::string_view> contents;
    for (const auto& each : pack_.members) {
      if (!each.pdq) continue;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(each.pdq->data());
      auto hash = media::pdq_from_bytes({bytes, each.pdq->size()});
      if (!hash || !contents.insert(each.sha256).second) continue;
      hashes.push_back(*hash);
      hashed.push_back(&each);
    }
    std::vector<members> groups;
    for (const auto& indexes : media::group_near(hashes)) {
      auto& group = groups.emplace_back();
      for (auto index : indexes)
        group.push_back(hashed[index]);
    }
    return groups;
  }

  /// In the order in which the pack shows them.
  void add_groups(std::string_view rule, severity how, std::vector<members> groups,
                  const std::string& problem) {
    std::ranges::sort(groups, {}, [](const members& group) { return group.front(); });
    for (const auto& group :
         std::span(groups).first(std::min(groups.size(), findings_of_a_rule_max)))
      add(rule, how, group, std::to_string(group.size()) + " " + problem);
    if (groups.size() > findings_of_a_rule_max)
      add(rule, how, {},
          std::to_string(groups.size() - findings_of_a_rule_max)
              + " more groups like these are not listed; deal with these first, then check again");
  }

  // --- texts ---

  /// A text that a listing shows.
  struct named_text {
    std::string what;    ///< `the pack's name`
    std::string remedy;  ///< `; change it with ...`
    std::string_view text;
  };
  std::vector<named_text> texts_of_pack() const {
    auto edit = "; change it with " + command("edit");
    std::vector<named_text> texts{{"the pack's name", edit + " --name NAME'", pack_.name}};
    if (pack_.theme) texts.push_back({"the pack's theme", edit + " --theme THEME'", *pack_.theme});
    if (pack_.description)
      texts.push_back(
          {"the pack's description", edit + " --description TEXT'", *pack_.description});
    return texts;
  }

  void check_names() {
    auto forbidden = blocked_names::of(profile_.forbidden_words);
    auto how = profile_.names_refused ? severity::error : severity::warning;
    for (const auto& each : texts_of_pack()) {
      if (auto name = blocked_.find_in(each.text); !name.empty())
        add("blocked_name", how, {},
            each.what + " contains " + in_quotes(name) + ", which is on your list of blocked names"
                + each.remedy);
      if (auto name = forbidden.find_in(each.text); !name.empty())
        add("forbidden_word", severity::error, {},
            each.what + " contains " + in_quotes(name) + ", which " + profile_.name
                + " does not allow" + each.remedy);
    }
    check_names_of_assets("tag", how, "change the tags",
                          [](const member& of) { return joined(of.tags, "\n"); });
    check_names_of_assets("theme", how, "change the theme",
                          [](const member& of) { return of.theme.value_or(""); });
    // Buyers do not see prompts; but what a prompt names may be what the picture shows.
    check_names_of_assets("prompt", severity::warning, "make sure that nothing is imitated",
                          [](const member& of) { return of.prompt.value_or(""); });
  }

  /// One finding for each name.
  template <class TextOf>
  void check_names_of_assets(const char* what, severity how, const std::string& remedy,
                             TextOf text_of) {
    std::map<std::string_view, members> by_name;
    for (const auto& each : pack_.members)
      if (auto name = blocked_.find_in(text_of(each)); !name.empty())
        by_name[name].push_back(&each);
    std::size_t count = 0;
    for (const auto& [name, assets] : by_name) {
      if (count++ == findings_of_a_rule_max) break;
      add("blocked_name", how, assets,
          "the " + std::string(what)
              + (assets.size() == 1 ? " of 1 asset contains "
                                    : "s of " + std::to_string(assets.size()) + " assets contain ")
              + in_quotes(name) + ", which is on your list of blocked names; " + remedy
              + ", or remove the " + (assets.size() == 1 ? "asset" : "assets"));
    }
  }

  void check_texts() {
    check_placeholders();
    check_length("the pack's name", pack_.name, profile_.title_max, " --name NAME'");
    check_length("the pack's description", pack_.description.value_or(""), profile_.long_text_max,
                 " --description TEXT'");
    if (!profile_.tag_max) return;
    add_if_any(
        "text_length", severity::warning,
        [&](const member& of) {
          return std::ranges::any_of(of.tags, [&](const std::string& tag) {
            return count_characters(tag) > *profile_.tag_max;
          });
        },
        [&](const members& assets) {
          return count_of(assets.size(), "asset has", "assets have") + " tags of more than "
                 + std::to_string(*profile_.tag_max) + " characters, which " + profile_.name
                 + " does not take; they are left out of the listing";
        });
  }

  void check_length(const char* what, std::string_view text,
                    const std::optional<std::uint64_t>& characters_max, const char* option) {
    auto characters = count_characters(text);
    if (!characters_max || characters <= *characters_max) return;
    add("text_length", severity::error, {},
        std::string(what) + " has " + std::to_string(characters) + " characters; " + profile_.name
            + " takes " + std::to_string(*characters_max) + "; shorten it with " + command("edit")
            + option);
  }

  /// What was meant to be filled in.
  void check_placeholders() {
    struct sign {
      std::string_view text;
      severity how;
    };
    // The last two are words in capitals, which some language may have in a title.
    constexpr sign signs[] = {{"{{", severity::error},     {"[your ", severity::error},
                              {"<your ", severity::error}, {"lorem ipsum", severity::error},
                              {"TODO", severity::warning}, {"TBD", severity::warning}};
    for (const auto& each : texts_of_pack()) {
      auto folded = fold_text(each.text);
      for (const auto& [sign, how] : signs) {
        bool found = how == severity::error ? folded.find(sign) != std::string::npos
                                            : has_word(each.text, sign);
        if (!found) continue;
        add("placeholder", how, {},
            each.what + " contains " + in_quotes(sign) + ", which looks like a gap to fill in"
                + each.remedy);
        break;
      }
    }
  }
  static bool has_word(std::string_view text, std::string_view word) {
    auto is_part = [&](std::size_t at) {
      return at < text.size()
             && ((text[at] & 0x80) != 0 || std::isalnum(static_cast<unsigned char>(text[at])) != 0);
    };
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
      if ((at == 0 || !is_part(at - 1)) && !is_part(at + word.size())) return true;
    return false;
  }

  // --- the archive and the seller ---

  void check_size() {
    if (!profile_.max_file_bytes || pack_.members.empty()) return;
    std::vector<entry> entries;
    for (const auto& each : pack_.members)
      entries.push_back({name_of(each), each.sha256, each.size_bytes, {}, each.asset});
    auto parts_max = profile_.max_files.value_or(UINT64_MAX);
    auto parts = split(entries, *profile_.max_file_bytes, parts_max, estimated_size);
    if (!parts)
      return add("size", severity::error, {},
                 "for " + profile_.name + ", " + parts.failure().message);
    if (parts->size() > 1)
      add("size", severity::warning, {},
          "the pack takes about " + human_size(estimated_size(entries)) + " and " + profile_.name
              + " takes archives of " + human_size(*profile_.max_file_bytes)
              + " at most; an export for it makes " + std::to_string(parts->size()) + " parts");
  }

  /// Media do not shrink in a ZIP; each entry has two headers, and the archive its texts.
  static std::uint64_t estimated_size(std::span<const entry> entries) {
    constexpr std::uint64_t texts_bytes = 64u << 10, headers_bytes = 256, manifest_bytes = 1024;
    auto bytes = texts_bytes;
    for (const auto& each : entries) {
      bytes += headers_bytes + manifest_bytes + 2 * each.name.size();
      // No disk holds so much, but the tables may say so.
      if (each.size_bytes > UINT64_MAX / 2 - bytes) return UINT64_MAX;
      bytes += each.size_bytes;
    }
    return bytes;
  }

  void check_seller() {
    if (!clean_line(by_.author).empty()) return;
    add("no_author", severity::error, {},
        "the licence has to name an author, who is not known; set it with "
        "'podstudio pack setup --author NAME'");
  }

  const snapshot& pack_;
  const seller& by_;
  const profile& profile_;
  const blocked_names& blocked_;
  std::vector<finding> found_;
};

}  // namespace

std::string_view word(severity of) noexcept { return of == severity::error ? "error" : "warning"; }

std::vector<finding> check(const snapshot& pack, const seller& by, const profile& of,
                           const blocked_names& blocked) {
  return checker(pack, by, of, blocked).run();
}

}  // namespace podstudio::packs
