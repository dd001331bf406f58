// SPDX-License-Identifier: MIT
#include "media/media_facts.hpp"

#include "media/text.hpp"

#include <algorithm>
#include <array>

namespace podstudio::media {

namespace {
constexpr std::array<std::string_view, problem_kind_count> problem_words{
    "other_content", "not_media", "cut", "no_index", "undecodable", "damaged"};
}

std::string_view to_string(problem_kind kind) noexcept {
  return problem_words[static_cast<std::size_t>(kind)];
}

std::optional<problem_kind> problem_kind_of(std::string_view word) noexcept {
  auto at = std::ranges::find(problem_words, word);
  if (at == problem_words.end()) return std::nullopt;
  return static_cast<problem_kind>(at - problem_words.begin());
}

void add_problem(media_facts& facts, problem_kind kind, std::string reason) {
  problem made{kind, clean_name(reason, problem_reason_bytes_max)};
  bool known =
      std::ranges::any_of(facts.problems, [&](const problem& each) { return each.kind == kind; });
  if (!known && facts.problems.size() < problems_max) facts.problems.push_back(std::move(made));
}

}  // namespace podstudio::media
