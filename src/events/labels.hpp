// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

/// The labels: what people say about an asset, one value per label. Each is declared once, here:
/// the decision model, the folds, the filter, undo, history, the console and the command line are
/// derived from its row. To add one, add its events (events.hpp), a member to each of the three
/// structs, its row, and its column (schema.sql).
namespace podstudio {

/// Number of a text the model holds once; 0 is no text.
using text_number = std::uint32_t;

/// The labels of an asset as the model holds them; all zeros if none was ever set.
struct label_values {
  text_number theme = 0;
  text_number source = 0;
  podstudio::provenance provenance = podstudio::provenance::unknown;
  bool approved = false;
  bool rejected = false;
  podstudio::rating rating{};
  bool operator==(const label_values&) const = default;
};

/// Labels to set; an empty optional leaves the label as it is.
struct label_settings {
  std::optional<bool> approved;
  std::optional<std::optional<std::string>> theme;   ///< the inner nothing clears it
  std::optional<std::optional<std::string>> source;  ///< the inner nothing clears it
  std::optional<podstudio::provenance> provenance;
  std::optional<bool> rejected;
  std::optional<podstudio::rating> rating;
};

/// A range of numbers to filter by, including both ends.
struct number_range {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const number_range&) const = default;
};

/// Labels to filter assets by; an empty optional matches all.
struct label_filter {
  std::optional<bool> approved;
  std::optional<std::string> theme;
  std::optional<podstudio::provenance> provenance;
  std::optional<bool> rejected;
  std::optional<number_range> rating;
  bool operator==(const label_filter&) const = default;
};

/// What an event says about a label. It refers to the event.
template <class Value>
struct label_step {
  asset_id asset;
  const Value& before;
  const Value& after;
};

/// A flag, with one event to set it and one to clear it.
template <class Given, class Withdrawn>
struct flag_label {
  using value = bool;
  using events = std::tuple<Given, Withdrawn>;
  static event make(asset_id asset, bool, bool after) {
    return after ? event(Given{asset}) : event(Withdrawn{asset});
  }
  static label_step<bool> read(const Given& e) { return {e.asset, no, yes}; }
  static label_step<bool> read(const Withdrawn& e) { return {e.asset, yes, no}; }

private:
  static constexpr bool yes = true, no = false;
};

/// A label with a value, whose event holds the value before and after.
template <class Set>
struct value_label {
  using value = decltype(Set::after);
  using events = std::tuple<Set>;
  static event make(asset_id asset, value before, value after) {
    return Set{asset, std::move(before), std::move(after)};
  }
  static label_step<value> read(const Set& e) { return {e.asset, e.before, e.after}; }
};

/// `key` is the label's column in `table`, and its name in JSON and as an option. `not_key` is the
/// filter's word for assets without the flag. `title` is its name within a sentence. For a flag,
/// `verb` and `not_verb` are the operations that set and clear it, each with a line of help;
/// setting a flag clears the one that it `excludes`. For a number, `verb` is a short way to set it.
struct approval_label : flag_label<asset_approved, asset_approval_withdrawn> {
  static constexpr std::string_view key = "approved", title = "approval", table = "asset";
  static constexpr std::string_view not_key = "unapproved";
  static constexpr const char *verb = "approve", *help = "Approve assets";
  static constexpr const char *not_verb = "unapprove", *not_help = "Withdraw approval";
  using excludes = struct rejection_label;
  static constexpr auto stored = &label_values::approved;
  static constexpr auto setting = &label_settings::approved;
  static constexpr auto wanted = &label_filter::approved;
};
struct theme_label : value_label<asset_theme_set> {
  static constexpr std::string_view key = "theme", title = "theme", table = "asset";
  static constexpr auto stored = &label_values::theme;
  static constexpr auto setting = &label_settings::theme;
  static constexpr auto wanted = &label_filter::theme;
};
struct source_label : value_label<asset_source_set> {
  static constexpr std::string_view key = "source", title = "source", table = "asset";
  static constexpr auto stored = &label_values::source;
  static constexpr auto setting = &label_settings::source;
};
struct provenance_label : value_label<asset_provenance_set> {
  static constexpr std::string_view key = "provenance", title = "provenance", table = "asset";
  static constexpr auto stored = &label_values::provenance;
  static constexpr auto setting = &label_settings::provenance;
  static constexpr auto wanted = &label_filter::provenance;
};
struct rejection_label : flag_label<asset_rejected, asset_rejection_withdrawn> {
  static constexpr std::string_view key = "rejected", title = "rejection", table = "asset_review";
  static constexpr std::string_view not_key = "unrejected";
  static constexpr const char *verb = "reject", *help = "Reject assets";
  static constexpr const char *not_verb = "unreject", *not_help = "Withdraw rejection";
  using excludes = approval_label;
  static constexpr auto stored = &label_values::rejected;
  static constexpr auto setting = &label_settings::rejected;
  static constexpr auto wanted = &label_filter::rejected;
};
struct rating_label : value_label<asset_rated> {
  static constexpr std::string_view key = "rating", title = "rating", table = "asset_review";
  static constexpr const char *verb = "rate", *help = "Rate assets from 0 to 5";
  static constexpr auto stored = &label_values::rating;
  static constexpr auto setting = &label_settings::rating;
  static constexpr auto wanted = &label_filter::rating;
};

/// Every label there is.
using all_labels = std::tuple<approval_label, theme_label, source_label, provenance_label,
                              rejection_label, rating_label>;
inline constexpr std::size_t label_count = std::tuple_size_v<all_labels>;

/// Calls `visit.operator()<Label>()` with each label, in order.
template <class Visit>
constexpr void each_label(Visit&& visit) {
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    (visit.template operator()<std::tuple_element_t<i, all_labels>>(), ...);
  }
  (std::make_index_sequence<label_count>());
}

namespace detail {

template <class T, class Tuple>
inline constexpr bool is_in = false;
template <class T, class... Types>
inline constexpr bool is_in<T, std::tuple<Types...>> = (std::same_as<T, Types> || ...);

template <class Event>
constexpr std::size_t label_index_of_event() {
  std::size_t index = 0, found = label_count;
  each_label([&]<class Label>() {
    if (is_in<Event, typename Label::events>) found = index;
    ++index;
  });
  return found;
}

}  // namespace detail

/// Whether the events of this type set a label.
template <class Event>
concept label_event = detail::label_index_of_event<Event>()
< label_count;

/// The label that the events of this type set.
template <label_event Event>
using label_of = std::tuple_element_t<detail::label_index_of_event<Event>(), all_labels>;

/// A label's place in the list.
template <class Label>
constexpr std::size_t label_index() {
  return detail::label_index_of_event<std::tuple_element_t<0, typename Label::events>>();
}

/// Calls `visit.operator()<Label>()` with the label at this place.
template <class Visit>
constexpr void with_label(std::size_t index, Visit&& visit) {
  each_label([&]<class Label>() {
    if (label_index<Label>() == index) visit.template operator()<Label>();
  });
}

/// Whether the label has a verb of its own; any label with a value can be set by `asset set`.
template <class Label>
concept has_verb = requires {
  Label::verb;
};

/// Whether assets can be chosen by the label: there is an index for it.
template <class Label>
concept is_filter_label = requires {
  Label::wanted;
};

template <class Label>
inline constexpr bool is_flag_label = std::same_as<typename Label::value, bool>;
/// Whether the label is a word of an enumeration, or a number that is one.
template <class Label>
inline constexpr bool is_word_label = false;
template <class Label>
requires std::is_enum_v<typename Label::value>
inline constexpr bool is_word_label<Label> = !is_number<typename Label::value>;
template <class Label>
inline constexpr bool is_number_label = false;
template <class Label>
requires std::is_enum_v<typename Label::value>
inline constexpr bool is_number_label<Label> = is_number<typename Label::value>;
template <class Label>
inline constexpr std::uint64_t number_max = enum_count<typename Label::value> - 1;
/// Whether the label's column is in a table beside `asset`, which has a row for an asset only where
/// one of its labels was ever set.
template <class Label>
inline constexpr bool is_beside = Label::table != std::string_view("asset");
/// Whether the label is a text, or nothing.
template <class Label>
inline constexpr bool is_text_label =
    std::same_as<typename Label::value, std::optional<std::string>>;

// --- families: each event is of one ---

template <class T, class... Types>
concept is_one_of = (std::same_as<T, Types> || ...);

template <class Event>
concept tag_event = is_one_of<Event, asset_tagged, asset_untagged>;
/// Whether the event is about a place in a pack.
template <class Event>
concept member_event = is_one_of<Event, pack_asset_added, pack_asset_removed>;
template <class Event>
concept pack_event = is_one_of<Event, pack_created, pack_edited, pack_exported, pack_deleted>;
/// What the seller says of themselves.
template <class Event>
concept seller_event = std::same_as<Event, seller_described>;
/// What happened to a file.
template <class Event>
concept file_event =
    is_one_of<Event, asset_registered, asset_content_changed, asset_touched, asset_moved,
              asset_missing, asset_returned, asset_forgotten, asset_metadata_extracted>;
template <class Event>
concept job_event = Event::name.starts_with("job.");
/// What happened to watch roots, problems and the engine.
template <class Event>
concept engine_event = Event::name.starts_with("watch.") || Event::name.starts_with("problem.")
                       || Event::name.starts_with("engine.");

/// Whether the event says anything of assets, packs or the seller: what an export reads.
template <class Event>
concept library_event = !job_event<Event> && !engine_event<Event>;

namespace detail {

template <class Event>
inline constexpr int families_of = [] {
  int count = 0;
  for (bool belongs :
       {label_event<Event>, tag_event<Event>, member_event<Event>, pack_event<Event>,
        seller_event<Event>, file_event<Event>, job_event<Event>, engine_event<Event>})
    count += belongs ? 1 : 0;
  return count;
}();

template <class... Events>
constexpr bool each_has_one_family(const std::variant<Events...>*) {
  return ((families_of<Events> == 1) && ...);
}
static_assert(each_has_one_family(static_cast<const event*>(nullptr)),
              "a new event belongs into one of the families above, or is the event of a label");

}  // namespace detail

}  // namespace podstudio
