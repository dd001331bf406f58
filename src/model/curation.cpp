// SPDX-License-Identifier: MIT
#include "model/curation.hpp"

#include "platform/text.hpp"

#include <algorithm>

namespace podstudio {

result<void> check_text(std::string_view field, const std::string& text, std::size_t bytes_max,
                        text_shape shape) {
  auto refuse = [&](const std::string& rule) {
    return error{error_code::invalid_argument,
                 "the " + std::string(field) + " " + in_quotes(text.substr(0, 80)) + " " + rule};
  };
  if (text.empty()) return refuse("is empty; give some text, or null to clear it");
  if (text.size() > bytes_max)
    return refuse("is longer than " + std::to_string(bytes_max) + " bytes; shorten it");
  if (!is_utf8(text)) return refuse("is not valid UTF-8; check the terminal's encoding");
  for (char c : text) {
    bool between_words = shape == text_shape::lines && (c == '\n' || c == '\t');
    if ((static_cast<unsigned char>(c) < 0x20 || c == 0x7f) && !between_words)
      return refuse("holds a control character; remove it");
  }
  return {};
}

namespace {

result<void> check_texts(const label_change& change) {
  result<void> good;
  auto check = [&good](std::string_view field, const std::optional<std::string>& text) {
    if (good && text) good = check_text(field, *text);
  };
  each_label([&]<class Label>() {
    if constexpr (is_text_label<Label>)
      check(Label::key, (change.set.*Label::setting).value_or(std::nullopt));
    if constexpr (requires { typename Label::excludes; }) {
      using other = typename Label::excludes;
      if (change.set.*Label::setting == true && change.set.*other::setting == true)
        good =
            error{error_code::invalid_argument, "an asset cannot be both " + std::string(Label::key)
                                                    + " and " + std::string(other::key)};
    }
  });
  check("tag", change.tag);
  check("tag", change.untag);
  return good;
}

}  // namespace

result<std::vector<event>> decide(const catalog_model& model, const label_change& change) {
  if (auto good = check_texts(change); !good) return good.failure();
  auto ids = change.assets;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());

  std::vector<event> events;
  std::size_t bytes = 0;
  auto set = [&]<class Label>(asset_id id) {
    const auto& after = change.set.*Label::setting;
    if (!after) return;
    auto before = model.label<Label>(id);
    if (before != *after) {
      if constexpr (is_text_label<Label>)
        bytes += before.value_or("").size() + after->value_or("").size();
      events.emplace_back(Label::make(id, std::move(before), *after));
    }
    if constexpr (requires { typename Label::excludes; }) {
      using other = typename Label::excludes;
      if (*after && model.label<other>(id)) events.emplace_back(other::make(id, true, false));
    }
  };
  for (auto id : ids) {
    if (model.asset(id) == nullptr) return no_such_asset(id);
    each_label([&]<class Label>() { set.template operator()<Label>(id); });
    if (change.tag && !model.tagged(id, *change.tag)) {
      if (model.tags(id).size() >= max_asset_tags)
        return error{error_code::refused, "asset " + std::to_string(id) + " has "
                                              + std::to_string(max_asset_tags)
                                              + " tags already; remove one first"};
      bytes += change.tag->size();
      events.emplace_back(asset_tagged{id, *change.tag});
    }
    if (change.untag && model.tagged(id, *change.untag)) {
      bytes += change.untag->size();
      events.emplace_back(asset_untagged{id, *change.untag});
    }
    constexpr std::size_t fixed_bytes = 64;  // of an event without its texts, at most
    if (events.size() > max_events_per_command
        || bytes + events.size() * fixed_bytes > max_command_bytes)
      return error{error_code::invalid_argument,
                   "this would make more than " + std::to_string(max_events_per_command)
                       + " changes, or more than " + std::to_string(max_command_bytes >> 20)
                       + " MiB of them, in one command; narrow the selection"};
  }
  return events;
}

}  // namespace podstudio
