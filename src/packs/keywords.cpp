// SPDX-License-Identifier: MIT
#include "packs/keywords.hpp"

#include "platform/fold_text.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace podstudio::packs {

namespace {

/// What prompts say of quality and technique rather than of what is to be seen, after `fold_text`.
constexpr std::string_view technique[] = {"absurdres",
                                          "award winning",
                                          "best quality",
                                          "cinematic lighting",
                                          "detailed",
                                          "extremely detailed",
                                          "high detail",
                                          "high quality",
                                          "high resolution",
                                          "highly detailed",
                                          "highres",
                                          "intricate",
                                          "intricate details",
                                          "masterpiece",
                                          "octane render",
                                          "photorealistic",
                                          "professional",
                                          "realistic",
                                          "sharp focus",
                                          "transparent background",
                                          "trending on artstation",
                                          "ultra detailed",
                                          "unreal engine",
                                          "white background"};

/// How often each term was found, by its folded form.
class term_counter {
public:
  void add(std::string_view text) {
    auto line = clean_line(text);
    auto folded = fold_text(line);
    if (folded.empty()) return;
    auto& found = terms_[folded];
    if (found.text.empty()) found.text = std::move(line);
    ++found.count;
  }

  /// Those that were found at least so often, the most frequent first.
  std::vector<std::string> most_frequent(std::size_t count_min = 1) const {
    std::vector<const term*> kept;
    for (const auto& [folded, each] : terms_)
      if (each.count >= count_min) kept.push_back(&each);
    std::ranges::stable_sort(kept, std::greater(), &term::count);
    std::vector<std::string> texts;
    for (const auto* each : kept)
      texts.push_back(each->text);
    return texts;
  }

private:
  struct term {
    std::string text;  ///< as it was first written
    std::size_t count = 0;
  };
  std::map<std::string, term> terms_;
};

/// A term of a prompt without what weighs it, such as `(term:1.2)`.
std::string without_weight(std::string_view term) {
  std::string text;
  for (char c : term)
    if (std::string_view("()[]{}<>").find(c) == std::string_view::npos) text += c;
  return text.substr(0, text.find(':'));
}

/// Whether a term of a prompt may name what is to be seen: a few plain words, none of which is a
/// style "by" somebody.
bool is_subject(const std::string& term) {
  constexpr std::size_t words_max = 3, characters_min = 3;
  auto words = words_of(term);
  if (words.empty() || words.size() > words_max || count_characters(term) < characters_min)
    return false;
  if (std::ranges::any_of(term, [](char c) { return c >= '0' && c <= '9'; })) return false;
  for (const char* not_a_subject : {"by", "style", "artstation", "lora"})
    if (std::ranges::find(words, not_a_subject) != words.end()) return false;
  return std::ranges::find(technique, fold_text(term)) == std::end(technique);
}

void add_subjects(std::string_view prompt, term_counter& into) {
  std::set<std::string> subjects;  // of one prompt, each counts once
  while (!prompt.empty()) {
    auto end = std::min(prompt.find_first_of(",;\n"), prompt.size());
    auto term = clean_line(without_weight(prompt.substr(0, end)));
    prompt.remove_prefix(std::min(end + 1, prompt.size()));
    if (is_subject(term)) subjects.insert(fold_text(term));
  }
  for (const auto& each : subjects)
    into.add(each);
}

/// Takes terms, one after the other, as long as there is room.
class keyword_list {
public:
  keyword_list(const profile& of, const blocked_names& blocked)
      : count_max_(of.tags_max.value_or(usual_tags_max)), characters_max_(of.tag_max.value_or(60)),
        blocked_(blocked), forbidden_(blocked_names::of(of.forbidden_words)) {}

  void add(const std::vector<std::string>& terms) {
    for (auto term : terms) {
      // The list is separated by commas.
      std::ranges::replace(term, ',', ' ');
      term = clean_line(term);
      if (term.empty() || keywords_.size() >= count_max_) continue;
      if (count_characters(term) > characters_max_ || !blocked_.find_in(term).empty()
          || !forbidden_.find_in(term).empty())
        continue;
      if (known_.insert(fold_text(term)).second) keywords_.push_back(std::move(term));
    }
  }
  std::vector<std::string> take() { return std::move(keywords_); }

private:
  std::size_t count_max_, characters_max_;
  const blocked_names& blocked_;
  blocked_names forbidden_;
  std::set<std::string> known_;
  std::vector<std::string> keywords_;
};

}  // namespace

std::vector<std::string> keywords_of(const snapshot& pack, const profile& of,
                                     const blocked_names& blocked) {
  term_counter tags, themes, subjects;
  std::size_t prompts = 0;
  for (const auto& each : pack.members) {
    for (const auto& tag : each.tags)
      tags.add(tag);
    if (each.theme) themes.add(*each.theme);
    if (!each.prompt) continue;
    ++prompts;
    add_subjects(*each.prompt, subjects);
  }
  keyword_list keywords(of, blocked);
  if (pack.theme) keywords.add({*pack.theme});
  keywords.add(tags.most_frequent());
  keywords.add(themes.most_frequent());
  // What a single one of several pictures shows does not describe the pack.
  constexpr std::size_t share = 4;
  keywords.add(subjects.most_frequent(prompts > 1 ? std::max<std::size_t>(2, prompts / share) : 1));
  return keywords.take();
}

}  // namespace podstudio::packs
