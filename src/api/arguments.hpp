// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"
#include "query/assets.hpp"
#include "query/filter.hpp"
#include "query/shapes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// The arguments of operations. Each operation declares its own once; they are read from a request
/// and described as a JSON Schema by that declaration.
namespace podstudio::api {

using nlohmann::json;

error wrong_argument(std::string_view key, const std::string& problem);

// Rules: what an argument may be. `read` takes what was given, which is null where nothing was;
// `schema` says the same as a JSON Schema.

/// Text that is not empty.
struct text {
  result<std::string> read(std::string_view key, const json& given) const;
  json schema() const;
};

struct absolute_path {
  result<std::string> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// At least one.
struct absolute_paths {
  result<std::vector<std::string>> read(std::string_view key, const json& given) const;
  json schema() const;
};

struct whole_number {
  std::uint64_t low;
  std::uint64_t high;
  result<std::uint64_t> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// A whole number that may be below zero.
struct signed_number {
  std::int32_t low, high;
  result<std::int32_t> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// A row's id: from 1 to INT64_MAX.
struct row_id {
  result<std::int64_t> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// The ids of assets: at least one.
struct asset_id_list {
  result<std::vector<asset_id>> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// An asset's id or its path.
struct asset_id_or_path {
  result<asset_key> read(std::string_view key, const json& given) const;
  json schema() const;
};

struct flag {
  result<bool> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// The id of a command.
struct command_id {
  result<uuid> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// A JSON object.
struct object {
  result<json> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// A word of an enumeration.
template <class E>
struct word_of {
  result<E> read(std::string_view key, const json& given) const {
    if (given.is_string())
      if (auto known = from_word<E>(given.get_ref<const std::string&>())) return *known;
    return wrong_argument(key, "must be one of " + joined(enum_words<E>, ", "));
  }
  json schema() const { return shape::word<E>(); }
};

/// A number that is an enumeration, such as a rating.
template <class E>
struct number_of {
  result<E> read(std::string_view key, const json& given) const {
    auto number = rule.read(key, given);
    if (!number) return number.failure();
    return static_cast<E>(*number);
  }
  json schema() const { return rule.schema(); }
  whole_number rule{0, enum_count<E> - 1};
};

/// A text, or null to clear it.
struct text_or_null {
  result<std::optional<std::string>> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// All assets that match a filter.
struct matched_assets {
  asset_filter filter;
  std::string given;  ///< the filter, as JSON
};
/// A filter of assets without `limit` and `after`.
struct whole_filter {
  result<matched_assets> read(std::string_view key, const json& given) const;
  json schema() const;
};

/// The members of a filter of assets, as arguments of their own.
struct page_filter {
  result<asset_filter> read(const json& given) const { return parse_filter(given); }
  json schema() const { return filter_schema(); }
};

/// Reads the arguments of `Operation`, and keeps the first failure. `meant`, unless it is null,
/// gets those that say something: not what is as if it had been left out. A `member` is a pointer
/// to a member of the operation, or a function from the operation to what is to be set.
template <class Operation>
class argument_reader {
public:
  argument_reader(const json& given, Operation& into, json* meant)
      : given_(given), into_(into), meant_(meant) {}

  /// One that must be given.
  template <class Member, class Rule>
  void operator()(const char* key, Member member, const Rule& rule) {
    take(key, member, rule, value_of(key));
  }
  /// One that may be given; absent or null leaves the member as it is.
  template <class Member, class Rule>
  void optional(const char* key, Member member, const Rule& rule) {
    if (const auto& given = value_of(key); !given.is_null()) take(key, member, rule, given);
  }
  /// One that may be given; absent leaves the member as it is. Null is for the rule to judge.
  template <class Member, class Rule>
  void if_present(const char* key, Member member, const Rule& rule) {
    const auto& given = value_of(key);
    if (given_.contains(key)) take(key, member, rule, given);
  }
  /// All arguments at once, as one rule reads them.
  template <class Member, class Rule>
  void rest(Member member, const Rule& rule) {
    auto read = rule.read(given_);
    if (!read) return fail(read.failure());
    std::invoke(member, into_) = *std::move(read);
    if (meant_ != nullptr) *meant_ = given_;
    for (const auto& [key, value] : given_.items())
      known_.push_back(key);
  }
  /// Exactly one of these must be given.
  void one_of(const char* one, const char* other) {
    if (is_given(one) == is_given(other))
      fail(wrong_argument(one, std::string("or '") + other + "' is needed, but not both"));
  }
  /// At least one of these must be given.
  void any_of(const std::vector<const char*>& keys) {
    if (std::ranges::any_of(keys, [this](const char* key) { return is_given(key); })) return;
    fail({error_code::invalid_argument, "nothing to set; give one of " + joined(keys, ", ")});
  }

  /// What was wrong, an argument that nobody knows included.
  result<void> outcome() const {
    if (failure_) return *failure_;
    for (const auto& [key, value] : given_.items())
      if (std::ranges::find(known_, key) == known_.end())
        return wrong_argument(printable(cut_text(key, shown_bytes_max)),
                              known_.empty() ? "is unknown; this operation takes no arguments"
                                             : "is unknown; use: " + joined(known_, ", "));
    return {};
  }

private:
  static constexpr std::size_t shown_bytes_max = 60;

  const json& value_of(const char* key) {
    static const json nothing;
    known_.emplace_back(key);
    auto at = given_.find(key);
    return at == given_.end() ? nothing : *at;
  }
  bool is_given(std::string_view key) const {
    return std::ranges::find(taken_, key) != taken_.end();
  }
  template <class Member, class Rule>
  void take(const char* key, Member member, const Rule& rule, const json& given) {
    taken_.emplace_back(key);
    auto read = rule.read(key, given);
    if (!read) return fail(read.failure());
    auto& target = std::invoke(member, into_);
    using target_type = std::remove_reference_t<decltype(target)>;
    if constexpr (std::is_arithmetic_v<target_type>)
      target = static_cast<target_type>(*read);  // the rule bounds it
    else
      target = *std::move(read);
    if (meant_ == nullptr) return;
    if constexpr (std::equality_comparable<target_type>) {
      Operation otherwise;
      if (target == std::invoke(member, otherwise)) return;
    }
    (*meant_)[key] = given;
  }
  void fail(error why) {
    if (!failure_) failure_ = std::move(why);
  }

  const json& given_;
  Operation& into_;
  json* meant_;
  std::vector<std::string_view> known_, taken_;  // of literals, and of `given_`
  std::optional<error> failure_;
};

/// Describes the arguments of `Operation` as a JSON Schema.
template <class Operation>
class argument_describer {
public:
  template <class Member, class Rule>
  void operator()(const char* key, Member, const Rule& rule) {
    schema_["properties"][key] = rule.schema();
    schema_["required"].push_back(key);
  }
  template <class Member, class Rule>
  void optional(const char* key, Member member, const Rule& rule) {
    describe(key, member, shape::nullable(rule.schema()));
  }
  template <class Member, class Rule>
  void if_present(const char* key, Member member, const Rule& rule) {
    describe(key, member, rule.schema());
  }
  template <class Member, class Rule>
  void rest(Member, const Rule& rule) {
    schema_ = rule.schema();
  }
  void one_of(const char* one, const char* other) {
    for (const char* key : {one, other})
      schema_["oneOf"].push_back({{"required", {key}}});
  }
  void any_of(const std::vector<const char*>& keys) {
    for (const char* key : keys)
      schema_["anyOf"].push_back({{"required", {key}}});
  }

  json schema() const { return schema_; }

private:
  /// With what the member is where the argument is left out.
  template <class Member>
  void describe(const char* key, Member member, json value) {
    const auto& otherwise = std::invoke(member, defaults_);
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(otherwise)>>)
      value["default"] = otherwise;
    schema_["properties"][key] = std::move(value);
  }

  Operation defaults_{};
  json schema_ = shape::object({});
};

/// The operation with the arguments of a request; `meant` as in `argument_reader`.
template <class Operation>
result<Operation> read_arguments(const json& given, json* meant = nullptr) {
  Operation made;
  argument_reader<Operation> reader(given, made, meant);
  Operation::declare(reader);
  if (auto read = reader.outcome(); !read) return read.failure();
  return made;
}

template <class Operation>
json describe_arguments() {
  argument_describer<Operation> describer;
  Operation::declare(describer);
  return describer.schema();
}

}  // namespace podstudio::api
