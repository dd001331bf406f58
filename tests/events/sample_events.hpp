// SPDX-License-Identifier: MIT
#pragma once

#include "events/bounds.hpp"
#include "events/command.hpp"
#include "events/events.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

/// Numbers that differ from run to run; tests print the seed.
struct random_source {
  std::mt19937_64 engine;
  std::uint64_t operator()() { return engine(); }
  std::size_t choose(std::size_t count) { return engine() % count; }
};

/// Numbers that never change, for golden files; nor does what is chosen when an enumeration grows.
struct counting_source {
  std::uint64_t next = 1;
  std::uint64_t operator()() { return next++ * 0x0101; }
  std::size_t choose(std::size_t) { return next++ % 3; }
};

/// Fills the fields of an event through its `serialize`, so that a new type or field needs nothing
/// here. `Source` is one of the above.
template <class Source>
class field_filler {
public:
  explicit field_filler(Source& source) : source_(source) {}

  template <class... Fields>
  void operator()(Fields&&... fields) {
    (fill_named(fields.name, fields.value), ...);
  }

private:
  template <class T>
  void fill_named(const char*, T& value) {
    fill(value);
  }
  /// A number within its bounds.
  void fill_named(const char* name, std::int64_t& value) {
    fill(value);
    auto [lowest, highest] = podstudio::bounds_of(name);
    auto low = static_cast<std::uint64_t>(lowest);
    auto count = static_cast<std::uint64_t>(highest) - low + 1;  // 0: all numbers
    if (count != 0)
      value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) - low) % count + low);
  }
  template <class T>
  void fill_named(const char* name, std::optional<T>& value) {
    value.reset();
    if (source_() % 4 != 0) fill_named(name, value.emplace());
  }
  template <class T>
  void fill(T& value) {
    if constexpr (std::is_enum_v<T>)
      value = static_cast<T>(source_.choose(podstudio::enum_count<T>));
    else if constexpr (std::is_same_v<T, bool>)
      value = source_() % 2 == 1;
    else if constexpr (std::is_integral_v<T>)
      value = static_cast<T>(source_());
    else if constexpr (std::is_floating_point_v<T>)
      value = static_cast<T>(static_cast<std::int64_t>(source_())) / 8;
    else
      value.serialize(*this);
  }
  void fill(podstudio::digest& value) {
    for (auto& byte : value)
      byte = static_cast<std::uint8_t>(source_());
  }
  void fill(podstudio::blob& value) {
    value.bytes.resize(source_() % 40);
    for (auto& byte : value.bytes)
      byte = static_cast<char>(source_());
  }
  void fill(std::string& value) {
    static const std::string pieces[] = {"a", "Z", "/", " ", "'", "\"", "\n", "é", "漢", "🐈"};
    value.clear();
    for (auto count = source_() % 40; count > 0; --count)
      value += pieces[source_() % std::size(pieces)];
  }

  Source& source_;
};

/// An event of every type of the catalogue, filled from `source`, in the order of the variant.
template <class Source, class Each>
void for_each_event_type(Source& source, Each each) {
  auto one = [&]<class T>(T fields) {
    field_filler<Source> filler(source);
    fields.serialize(filler, T::version);
    each(podstudio::event(std::move(fields)));
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (one(std::variant_alternative_t<I, podstudio::event>()), ...);
  }
  (std::make_index_sequence<std::variant_size_v<podstudio::event>>());
}

/// A command of `count` small events that tells which one it is.
inline std::shared_ptr<const podstudio::command> sample_command(std::uint64_t number,
                                                                std::size_t count = 1) {
  auto what = std::make_shared<podstudio::command>();
  for (std::size_t i = 0; i < what->id.size(); ++i)
    what->id[i] = static_cast<std::uint8_t>(number >> (i % 8 * 8));
  what->origin = "import";
  what->summary = "command " + std::to_string(number);
  for (std::size_t i = 0; i < count; ++i)
    what->events.push_back(podstudio::asset_tagged{static_cast<std::int64_t>(number), "tag"});
  return what;
}

/// The same, of a client.
inline std::shared_ptr<const podstudio::command> asked_command(std::uint64_t number,
                                                               std::size_t count = 1) {
  auto what = std::make_shared<podstudio::command>(*sample_command(number, count));
  what->request.emplace().fill(static_cast<std::uint8_t>(number));
  return what;
}
