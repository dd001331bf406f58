// SPDX-License-Identifier: MIT
#include "query/history.hpp"

#include "events/codec.hpp"
#include "events/labels.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <type_traits>
#include <utility>
#include <variant>

namespace podstudio {

using nlohmann::json;

result<std::optional<sequence_number>>
log_pages::read(sequence_number from, sequence_number to,
                const std::function<bool(const committed_command&)>& take) {
  using place = std::optional<sequence_number>;
  if (from > to) return place();
  // Until the page is read, an error or a command beyond it leaves the reader where nobody expects.
  auto reader = from == next_ ? std::move(reader_) : nullptr;
  next_ = 0;
  if (reader == nullptr) {
    auto opened = log_reader::open(files_, folder_, from);
    if (!opened) return opened.failure();
    reader = std::move(*opened);
  }
  for (std::uint64_t events = 0; events < log_page_events;) {
    auto committed = reader->next();
    if (!committed) return committed.failure();
    if (!*committed || (*committed)->last_sequence() > to) return place();
    events += (*committed)->what->events.size();
    from = (*committed)->last_sequence() + 1;
    if (!take(**committed)) break;
  }
  if (from > to) return place();
  reader_ = std::move(reader);
  next_ = from;
  return place(from);
}

namespace {

/// The thing's id, where the event names one of its kind.
template <class Id>
bool is(const std::optional<Id>& wanted, Id id) {
  return wanted && *wanted == id;
}
template <class Id>
bool is(const std::optional<Id>& wanted, const std::optional<Id>& id) {
  return wanted && wanted == id;
}

bool concerns(const event& what, const history_subject& subject) {
  return std::visit(
      [&](const auto& it) {
        bool found = false;
        if constexpr (requires { it.asset; }) found = is(subject.asset, it.asset);
        if constexpr (requires { it.pack; }) found = found || is(subject.pack, it.pack);
        return found;
      },
      what);
}

/// A value, or the only one there is.
json simplified(json values) { return values.size() == 1 ? *values.begin() : values; }

using sides = std::pair<json, json>;

/// What is said of a thing before and after an event. `data` is what the event holds, without the
/// thing's own id.
struct side_maker {
  json data;

  sides changed() { return {data["before"], data["after"]}; }
  sides gained() { return {nullptr, simplified(std::move(data))}; }
  sides lost() { return {simplified(std::move(data)), nullptr}; }
  sides placed() {
    return {{{"path", data["path_before"]}, {"file", data["before"]}},
            {{"path", data["path_after"]}, {"file", data["after"]}}};
  }

  template <label_event Event>
  sides operator()(const Event& what) {
    if constexpr (is_flag_label<label_of<Event>>) {
      auto step = label_of<Event>::read(what);
      return {step.before, step.after};
    } else {
      return changed();
    }
  }
  sides operator()(const asset_missing&) { return {false, true}; }
  sides operator()(const asset_moved&) { return placed(); }
  sides operator()(const asset_returned&) { return placed(); }
  sides operator()(const asset_untagged&) { return lost(); }
  sides operator()(const asset_forgotten&) { return lost(); }
  sides operator()(const pack_asset_removed&) { return lost(); }
  sides operator()(const pack_deleted&) { return lost(); }
  sides operator()(const pack_exported&) {
    return {{{"path", data["path_before"]}, {"at_us", data["at_us_before"]}},
            {{"path", data["path_after"]}, {"at_us", data["at_us_after"]}}};
  }
  template <class Event>
  sides operator()(const Event&) {
    return data.contains("before") && data.contains("after") ? changed() : gained();
  }
};

}  // namespace

json history_entry(const committed_command& committed, std::size_t index,
                   const history_subject& subject) {
  const auto& what = committed.what->events[index];
  if (!concerns(what, subject)) return nullptr;
  side_maker sides{to_json(what)};
  sides.data.erase(subject.asset ? "asset" : "pack");
  auto [before, after] = std::visit(sides, what);
  return {{"sequence", committed.first_sequence + index},
          {"at", to_timestamp(committed.at_us)},
          {"type", event_name(what)},
          {"origin", committed.what->origin},
          {"command", to_string(committed.what->id)},
          {"before", std::move(before)},
          {"after", std::move(after)}};
}

}  // namespace podstudio
