// SPDX-License-Identifier: MIT
#include "api/choice.hpp"
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace podstudio::api {

namespace {

/// Labels the chosen assets. `labels` is the summary's beginning.
void label(console_state& s, const request& asked, answer reply, const chosen_assets& chosen,
           label_change change, const std::string& labels) {
  chosen.choose(s, reply,
                [&s, id = asked.id, request = digest_of(asked), reply, change,
                 labels](asset_ids ids, const std::string& which) mutable {
                  change.assets = std::move(ids);
                  s.self
                      ->request(
                          s.peers.catalog, caf::infinite, label_atom::value,
                          label_request{id, "console", labels + " on " + which, change, request})
                      .then(
                          [reply](const change_outcome& outcome) mutable {
                            reply(json{{"changed", outcome.changed}}, outcome.last_sequence);
                          },
                          reply.failing());
                });
}

/// A text put together at compile time.
class joined_text {
public:
  consteval joined_text(std::initializer_list<std::string_view> parts) {
    for (auto part : parts)
      for (char c : part)
        bytes_.at(size_++) = c;
  }
  constexpr operator std::string_view() const { return {bytes_.data(), size_}; }

private:
  std::array<char, 64> bytes_{};
  std::size_t size_ = 0;
};

/// Sets a flag, or clears it: `asset.approve` and the like.
template <class Label, bool on>
struct asset_flag : chosen_assets {
  static constexpr const char* verb = on ? Label::verb : Label::not_verb;
  static constexpr joined_text full_name{"asset.", verb};
  static constexpr joined_text typed{"podstudio asset ", verb, " 7 8 9"};
  static constexpr std::string_view name = full_name, example = typed,
                                    help = on ? Label::help : Label::not_help;
  static constexpr auto needs = role::curator;

  static json outcome() { return changed_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    label_change change;
    change.set.*Label::setting = on;
    label(s, asked, reply, *this, std::move(change), verb);
  }
};

/// Gives assets a tag, or takes it off them.
template <std::optional<std::string> label_change::*how>
struct tag_operation : chosen_assets {
  static constexpr auto needs = role::curator;
  std::string tag;

  static void declare(auto& add) {
    add("tag", &tag_operation::tag, text{});
    chosen_assets::declare(add);
  }
  static json outcome() { return changed_shape(); }

protected:
  void change_tag(console_state& s, const request& asked, answer reply, const char* verb) const {
    label_change change;
    change.*how = tag;
    label(s, asked, reply, *this, std::move(change), verb + in_summary(to_text(tag)));
  }
};

struct asset_tag : tag_operation<&label_change::tag> {
  static constexpr std::string_view name = "asset.tag", help = "Give assets a tag",
                                    example = "podstudio asset tag 7 8 9 halloween";
  void start(console_state& s, const request& asked, answer reply) const {
    change_tag(s, asked, reply, "tag ");
  }
};

struct asset_untag : tag_operation<&label_change::untag> {
  static constexpr std::string_view name = "asset.untag", help = "Take a tag off assets",
                                    example = "podstudio asset untag 7 8 9 halloween";
  void start(console_state& s, const request& asked, answer reply) const {
    change_tag(s, asked, reply, "untag ");
  }
};

/// Sets the labels that have a value. The flags have operations of their own.
struct asset_set : chosen_assets {
  static constexpr std::string_view name = "asset.set",
                                    help = "Set labels that have a value, such as the theme",
                                    example = "podstudio asset set 7 8 9 --theme forest";
  static constexpr auto needs = role::curator;
  label_settings set;

  static void declare(auto& add) {
    std::vector<const char*> keys;
    each_label([&]<class Label>() {
      if constexpr (!is_flag_label<Label>) {
        constexpr auto setting = [](asset_set & of) -> auto& { return of.set.*Label::setting; };
        constexpr const char* key = Label::key.data();
        keys.push_back(key);
        if constexpr (is_text_label<Label>)
          add.if_present(key, setting, text_or_null{});
        else if constexpr (is_number_label<Label>)
          add.if_present(key, setting, number_of<typename Label::value>{});
        else
          add.if_present(key, setting, word_of<typename Label::value>{});
      }
    });
    add.any_of(keys);
    chosen_assets::declare(add);
  }
  static json outcome() { return changed_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    setting_list settings;
    each_label([&]<class Label>() {
      if constexpr (!is_flag_label<Label>)
        if (const auto& given = set.*Label::setting) {
          if constexpr (is_text_label<Label>)
            settings.add(Label::key, *given);
          else if constexpr (is_number_label<Label>)
            settings.add(Label::key, std::to_string(static_cast<std::uint64_t>(*given)));
          else
            settings.add(Label::key, std::string(word(*given)));
        }
    });
    label_change change;
    change.set = set;
    label(s, asked, reply, *this, std::move(change), "set " + settings.text());
  }
};

}  // namespace

std::vector<operation> label_operations() {
  auto all = rows_of<asset_set, asset_tag, asset_untag>();
  each_label([&all]<class Label>() {
    if constexpr (is_flag_label<Label>) {
      all.push_back(row_of<asset_flag<Label, true>>());
      all.push_back(row_of<asset_flag<Label, false>>());
    }
  });
  return all;
}

}  // namespace podstudio::api
