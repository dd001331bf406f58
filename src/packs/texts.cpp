// SPDX-License-Identifier: MIT
#include "packs/texts.hpp"

#include "packs/contents.hpp"
#include "packs/keywords.hpp"
#include "packs/template.hpp"
#include "packs/texts_data.hpp"
#include "packs/words.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

namespace podstudio::packs {

namespace {

struct license_text {
  license_terms terms;
  std::string_view text;
};
constexpr license_text licenses[] = {
    {{"commercial", "Commercial Licence 1.0", "LicenseRef-PODStudio-Commercial-1.0",
      "You may use the files in products that you sell, including print on demand, but not resell "
      "or share the files themselves."},
     commercial_template},
    {{"personal", "Personal Licence 1.0", "LicenseRef-PODStudio-Personal-1.0",
      "You may use the files in your own projects, but not in anything that earns money."},
     personal_template},
    {{"attribution", "Attribution Licence 1.0", "LicenseRef-PODStudio-Attribution-1.0",
      "You may use the files in personal and commercial projects if you name the author, but not "
      "resell or share the files themselves."},
     attribution_template},
    {{"royalty_free", "Royalty-Free Licence 1.0", "LicenseRef-PODStudio-Royalty-Free-1.0",
      "You may use the files in any number of personal and commercial projects without further "
      "fees, but not resell or share the files themselves."},
     royalty_free_template}};

const license_text& license_of(std::string_view type) {
  auto at =
      std::ranges::find(licenses, type, [](const license_text& each) { return each.terms.type; });
  // The tables hold no other.
  return at == std::end(licenses) ? licenses[0] : *at;
}

/// What all texts are made of.
struct text_facts {
  std::string title, description, theme;
  seller by;
  contents holds;
  license_terms terms;
};

error unknown(const std::string& what, const std::string& remedy) {
  return {error_code::refused, what + "; " + remedy};
}

result<text_facts> facts_of(const snapshot& pack, const seller& by) {
  text_facts facts{
      clean_line(pack.name),
      clean_lines(pack.description.value_or("")),
      clean_line(pack.theme.value_or("")),
      {clean_line(by.author), license_year(pack, by), clean_line(by.shop), clean_line(by.contact)},
      contents_of(pack),
      terms_of(pack.license)};
  auto id = std::to_string(pack.pack);
  if (facts.title.empty())
    return unknown("pack " + id + " has no name that can be read",
                   "set it with 'podstudio pack edit " + id + " --name NAME'");
  if (facts.by.author.empty())
    return unknown("the author that a licence has to name is not known",
                   "set it with 'podstudio pack setup --author NAME'");
  if (facts.holds.lines.empty())
    return unknown("pack " + id + " is empty",
                   "add assets with 'podstudio pack add " + id + " ASSET...'");
  return facts;
}

/// `"Foxes" by Ada (ada.example)`
std::string credit_of(const text_facts& facts) {
  auto credit = "\"" + facts.title + "\" by " + facts.by.author;
  return facts.by.shop.empty() ? credit : credit + " (" + facts.by.shop + ")";
}

template_values values_of(const text_facts& facts) {
  item_list lines{{"line"}, {}};
  for (const auto& each : facts.holds.lines)
    lines.items.push_back({each});
  const auto& [author, year, shop, contact] = facts.by;
  return {{"title", facts.title},
          {"description", facts.description},
          {"theme", facts.theme},
          {"summary", facts.holds.summary},
          {"author", author},
          {"year", year},
          {"shop", shop},
          {"contact", contact},
          {"reachable", !shop.empty() || !contact.empty()},
          {"credit", credit_of(facts)},
          {"license_name", std::string(facts.terms.name)},
          {"license_id", std::string(facts.terms.id)},
          {"license_summary", std::string(facts.terms.summary)},
          {"ai_disclosure", facts.holds.ai_disclosure},
          {"contents", std::move(lines)}};
}

result<std::string> fill(const std::optional<std::string>& own, std::string_view ours,
                         std::string_view file, const template_values& values) {
  return fill_template(own ? std::string_view(*own) : ours, file, values);
}

// --- the listing ---

std::size_t bound_of(const std::optional<std::uint64_t>& characters_max) {
  return static_cast<std::size_t>(
      characters_max.value_or(std::numeric_limits<std::uint32_t>::max()));
}

/// What is always said of a pack in a listing.
std::string fixed_text_of(const text_facts& facts) {
  std::string text = "This pack contains:\n";
  for (const auto& each : facts.holds.lines)
    text += "- " + each + "\n";
  text += "\n" + std::string(facts.terms.name) + ": " + std::string(facts.terms.summary);
  if (!facts.holds.ai_disclosure.empty()) text += "\n\n" + facts.holds.ai_disclosure;
  return text;
}

/// The description is what is shortened.
std::string long_text_of(const text_facts& facts, std::size_t characters_max) {
  auto fixed = fixed_text_of(facts);
  auto taken = count_characters(fixed) + 2;
  if (facts.description.empty() || taken >= characters_max)
    return std::string(cut_characters(fixed, characters_max));
  auto description = std::string(cut_characters(facts.description, characters_max - taken));
  return description + "\n\n" + fixed;
}

std::string short_text_of(const text_facts& facts, std::size_t characters_max) {
  auto text = facts.title + ": " + facts.holds.summary + ".";
  if (!facts.theme.empty()) text += " Theme: " + facts.theme + ".";
  return std::string(cut_characters(text, characters_max));
}

std::string disclosure_of(const text_facts& facts, const profile& of) {
  if (facts.holds.ai_disclosure.empty() || of.disclosure.empty()) return {};
  return of.disclosure + "\nMade or enhanced with AI: " + list_of(facts.holds.ai_kinds) + ".";
}

store_copy copy_of(const text_facts& facts, const snapshot& pack, const profile& of,
                   const blocked_names& blocked) {
  return {std::string(cut_characters(facts.title, bound_of(of.title_max))),
          short_text_of(facts, bound_of(of.short_text_max)),
          long_text_of(facts, bound_of(of.long_text_max)), keywords_of(pack, of, blocked),
          disclosure_of(facts, of)};
}

}  // namespace

const license_terms& terms_of(std::string_view license) { return license_of(license).terms; }

std::string license_year(const snapshot& pack, const seller& by) {
  auto year = clean_line(by.year);
  constexpr std::size_t year_digits = 4;
  return year.empty() ? to_timestamp(pack.updated_at_us).substr(0, year_digits) : year;
}

result<seller_templates> read_templates(const std::string& folder) {
  seller_templates found;
  for (auto [name, into] : {std::pair{license_file, &found.license},
                            {readme_file, &found.readme},
                            {store_copy_file, &found.store_copy}}) {
    auto text = read_small_file(folder + "/" + name, template_bytes_max, last_link::refuse);
    if (text)
      *into = *std::move(text);
    else if (text.failure().code != error_code::not_found)
      return text.failure();
  }
  return found;
}

result<std::string> make_license(const snapshot& pack, const seller& by,
                                 const seller_templates& own) {
  auto facts = facts_of(pack, by);
  if (!facts) return facts.failure();
  return fill(own.license, license_of(pack.license).text, license_file, values_of(*facts));
}

result<std::string> make_readme(const snapshot& pack, const seller& by,
                                std::span<const entry> files, const seller_templates& own) {
  auto facts = facts_of(pack, by);
  if (!facts) return facts.failure();
  auto values = values_of(*facts);
  item_list listed{{"name", "size"}, {}};
  if (files.size() <= listed_files_max)
    for (const auto& each : files) {
      auto name = clean_line(each.name);
      std::ranges::replace(name, '`', '\'');  // which would end the name in Markdown
      listed.items.push_back({std::move(name), human_size(each.size_bytes)});
    }
  values["lists_files"] = !listed.items.empty();
  values["files"] = std::move(listed);
  return fill(own.readme, readme_template, readme_file, values);
}

std::string make_prompts(const snapshot& pack, std::span<const entry> files) {
  std::unordered_map<asset_id, const member*> members;
  for (const auto& each : pack.members)
    members[each.asset] = &each;
  std::string text;
  for (const auto& file : files) {
    auto found = file.asset ? members.find(*file.asset) : members.end();
    if (found == members.end()) continue;
    const auto& of = *found->second;
    if (!of.tool && !of.model && !of.prompt) continue;
    text += (text.empty() ? "" : "\n") + clean_line(file.name) + "\n";
    if (of.tool) text += "Tool: " + clean_line(*of.tool) + "\n";
    if (of.model) text += "Model: " + clean_line(*of.model) + "\n";
    if (of.prompt)
      text += "Prompt: " + clean_lines(std::string(cut_text(*of.prompt, prompt_bytes_max))) + "\n";
  }
  return text;
}

result<store_copy> store_copy_of(const snapshot& pack, const seller& by, const profile& of,
                                 const blocked_names& blocked) {
  auto facts = facts_of(pack, by);
  if (!facts) return facts.failure();
  return copy_of(*facts, pack, of, blocked);
}

result<std::string> make_store_copy(const snapshot& pack, const seller& by, const profile& of,
                                    const blocked_names& blocked, const seller_templates& own) {
  auto facts = facts_of(pack, by);
  if (!facts) return facts.failure();
  auto copy = copy_of(*facts, pack, of, blocked);
  auto values = values_of(*facts);
  values["marketplace"] = of.name;
  values["store_title"] = std::move(copy.title);
  values["short_text"] = std::move(copy.short_text);
  values["long_text"] = std::move(copy.long_text);
  values["store_tags"] = joined(copy.tags, ", ");
  values["disclosure"] = std::move(copy.disclosure);
  return fill(own.store_copy, store_copy_template, store_copy_file, values);
}

}  // namespace podstudio::packs
