// SPDX-License-Identifier: MIT
#include "packs/profiles.hpp"

#include "packs/texts_data.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>
#include <utility>

namespace podstudio::packs {

namespace {

using nlohmann::json;

/// Calls `take` with the key and the member of each figure.
template <class Profile, class Take>
void for_each_figure(Profile& of, Take&& take) {
  take("max_file_bytes", of.max_file_bytes);
  take("max_files", of.max_files);
  take("names_ascii", of.names_ascii);
  take("names_without_spaces", of.names_without_spaces);
  take("previews_min", of.previews_min);
  take("preview_width", of.preview_width);
  take("preview_height", of.preview_height);
  take("previews_at_root", of.previews_at_root);
  take("formats", of.formats);
  take("print_width_in", of.print_width_in);
  take("print_height_in", of.print_height_in);
  take("print_fills", of.print_fills);
  take("dpi", of.dpi);
  take("dpi_min", of.dpi_min);
  take("asset_bytes_max", of.asset_bytes_max);
  take("cut_out", of.cut_out);
  take("title_max", of.title_max);
  take("short_text_max", of.short_text_max);
  take("long_text_max", of.long_text_max);
  take("tags_max", of.tags_max);
  take("tag_max", of.tag_max);
  take("forbidden_words", of.forbidden_words);
  take("names_refused", of.names_refused);
  take("disclosure", of.disclosure);
}

bool read_value(const json& given, bool& into) {
  if (!given.is_boolean()) return false;
  into = given.get<bool>();
  return true;
}
bool read_value(const json& given, std::optional<std::uint64_t>& into) {
  if (!given.is_number_unsigned() || given.get<std::uint64_t>() == 0) return false;
  into = given.get<std::uint64_t>();
  return true;
}
bool read_value(const json& given, std::optional<double>& into) {
  if (!given.is_number() || !(given.get<double>() > 0)) return false;
  into = given.get<double>();
  return true;
}
bool read_value(const json& given, std::string& into) {
  if (!given.is_string() || given.get_ref<const std::string&>().empty()) return false;
  into = given.get<std::string>();
  return true;
}
bool read_value(const json& given, std::vector<std::string>& into) {
  if (!given.is_array()) return false;
  return std::ranges::all_of(
      given, [&](const json& each) { return read_value(each, into.emplace_back()); });
}

error wrong(const std::string& where, const std::string& problem) {
  return {error_code::invalid_argument, "the profiles of marketplaces: " + where + " " + problem};
}

/// Reads a figure, `{"is": VALUE, "found": WHERE}`.
class figure_reader {
public:
  explicit figure_reader(const json& given) : given_(given) {}

  template <class Value>
  void operator()(const char* key, Value& into) {
    known_.insert(key);
    auto at = given_.find(key);
    if (at == given_.end() || failure_) return;
    std::string found;
    if (!at->is_object() || at->size() != 2 || !at->contains("is") || !at->contains("found")
        || !read_value((*at)["found"], found) || !read_value((*at)["is"], into))
      failure_ =
          wrong("'" + std::string(key) + "'", "is not a figure that says where it was found");
  }
  result<void> outcome() const {
    if (failure_) return *failure_;
    for (const auto& [key, value] : given_.items())
      if (!known_.contains(key)) return wrong(in_quotes(key), "is unknown");
    return {};
  }

private:
  const json& given_;
  std::set<std::string> known_{"id", "name"};
  std::optional<error> failure_;
};

/// What belongs together and was not given together.
result<void> check_profile(const profile& of) {
  if (of.print_width_in.has_value() != of.print_height_in.has_value()
      || of.print_width_in.has_value() != of.dpi.has_value())
    return wrong(in_quotes(of.id), "needs print_width_in, print_height_in and dpi, or none");
  if (of.dpi_min && (!of.dpi || *of.dpi_min > *of.dpi))
    return wrong(in_quotes(of.id), "has a dpi_min above its dpi");
  if (of.preview_width.has_value() != of.preview_height.has_value())
    return wrong(in_quotes(of.id), "needs preview_width and preview_height, or none");
  return {};
}

result<profile> profile_of(const json& given) {
  profile made;
  if (!given.is_object() || !read_value(given.value("id", json()), made.id)
      || !read_value(given.value("name", json()), made.name))
    return wrong("a profile", "has no id or no name");
  figure_reader reader(given);
  for_each_figure(made, reader);
  auto read = reader.outcome();
  if (!read)
    return error{read.failure().code, read.failure().message + " in " + in_quotes(made.id)};
  if (auto good = check_profile(made); !good) return good.failure();
  return made;
}

void add_value(json& into, const char* key, bool value) {
  if (value) into[key] = true;
}
template <class Number>
void add_value(json& into, const char* key, const std::optional<Number>& value) {
  if (value) into[key] = *value;
}
template <class Text>
requires requires(const Text& of) { of.empty(); }
void add_value(json& into, const char* key, const Text& value) {
  if (!value.empty()) into[key] = value;
}

}  // namespace

result<profile_list> parse_profiles(std::string_view text) {
  auto given = json::parse(text, nullptr, false);
  if (!given.is_object() || !given.contains("profiles") || !given["profiles"].is_array())
    return wrong("the file", "is not a JSON object with a list 'profiles'");
  profile_list made;
  if (!read_value(given.value("date", json()), made.date)) return wrong("the file", "has no date");
  for (const auto& each : given["profiles"]) {
    auto read = profile_of(each);
    if (!read) return read.failure();
    if (std::ranges::find(made.profiles, read->id, &profile::id) != made.profiles.end())
      return wrong(in_quotes(read->id), "is there twice");
    made.profiles.push_back(*std::move(read));
  }
  if (made.profiles.empty() || made.profiles.front().id != generic_profile)
    return wrong("the file", "does not begin with " + in_quotes(generic_profile));
  return made;
}

const result<profile_list>& known_profiles() {
  static const auto known = parse_profiles(profiles_json);
  return known;
}

result<profile> find_profile(std::string_view id) {
  const auto& known = known_profiles();
  if (!known) return known.failure();
  std::vector<std::string> ids;
  for (const auto& each : known->profiles) {
    if (each.id == id) return each;
    ids.push_back(each.id);
  }
  return error{error_code::not_found,
               "there is no profile " + in_quotes(cut_text(id, 60)) + "; use " + joined(ids, ", ")};
}

json to_json(const profile& of, const std::string& date) {
  json made{{"id", of.id}, {"name", of.name}, {"date", date}};
  for_each_figure(of, [&](const char* key, const auto& value) { add_value(made, key, value); });
  return made;
}

}  // namespace podstudio::packs
