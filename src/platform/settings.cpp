// SPDX-License-Identifier: MIT
#include "platform/settings.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace podstudio {

namespace {

constexpr std::size_t settings_bytes_max = 64 << 10;
constexpr std::array<std::string_view, 5> log_levels = {"trace", "debug", "info", "warn", "error"};

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// What follows a closing quote may only be blank or a comment.
bool ends_line(std::string_view rest) {
  rest = trimmed(rest);
  return rest.empty() || rest.front() == '#';
}

std::optional<std::string> single_quoted(std::string_view text) {
  auto end = text.find('\'', 1);
  if (end == std::string_view::npos || !ends_line(text.substr(end + 1))) return std::nullopt;
  return std::string(text.substr(1, end - 1));
}

std::optional<std::string> double_quoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return ends_line(text.substr(i + 1)) ? std::optional(value) : std::nullopt;
    if (text[i] != '\\' || i + 1 == text.size()) {
      value += text[i];
      continue;
    }
    auto escaped = text[++i];
    if (escaped == 'n')
      value += '\n';
    else if (escaped == '"' || escaped == '\\')
      value += escaped;
    else
      value.append({'\\', escaped});
  }
  return std::nullopt;
}

std::optional<std::string> env_value(std::string_view text) {
  if (text.starts_with('\'')) return single_quoted(text);
  if (text.starts_with('"')) return double_quoted(text);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return std::string(trimmed(text.substr(0, i)));
  return std::string(text);
}

bool is_key(std::string_view text) {
  auto letter = [](char c) { return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !text.empty() && letter(text.front())
         && std::all_of(text.begin(), text.end(),
                        [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

error bad_setting(const std::string& file, std::string_view what) {
  return {error_code::invalid_argument, in_quotes(file) + ": " + std::string(what)};
}

/// Takes a number. Why not, if it is out of bounds.
template <class To>
std::string take_number(const toml::node& value, std::uint64_t lowest, std::uint64_t highest,
                        To& into) {
  auto number = **value.as_integer();
  if (number < static_cast<std::int64_t>(lowest) || number > static_cast<std::int64_t>(highest))
    return "must be from " + std::to_string(lowest) + " to " + std::to_string(highest);
  into = static_cast<To>(number);
  return {};
}

/// A setting of `config.toml`. `take` gets a value of its type and where that is set, and returns
/// why it cannot be taken, or nothing.
struct toml_setting {
  std::string_view key;
  toml::node_type type;
  std::string (*take)(const toml::node&, const std::string& from, settings&);
};

const toml_setting toml_settings[] = {
    {"watch_folders", toml::node_type::array,
     [](auto& value, auto& from, settings& into) -> std::string {
       into.watch_folders_from = from;
       for (const auto& folder : *value.as_array()) {
         if (!folder.is_string()) return "must be a list of strings";
         into.watch_folders.push_back(**folder.as_string());
       }
       return {};
     }},
    {"database", toml::node_type::string,
     [](auto& value, auto& from, settings& into) -> std::string {
       into.database = **value.as_string();
       into.database_from = from;
       return {};
     }},
    {"log_level", toml::node_type::string,
     [](auto& value, auto&, settings& into) -> std::string {
       into.log_level = **value.as_string();
       return std::ranges::find(log_levels, into.log_level) != log_levels.end()
                  ? ""
                  : "must be one of trace, debug, info, warn, error";
     }},
    {"log_segment_bytes", toml::node_type::integer,
     [](auto& value, auto&, settings& into) {
       return take_number(value, log_segment_bytes_min, log_segment_bytes_max,
                          into.log_segment_bytes);
     }},
    {"poll_seconds", toml::node_type::integer,
     [](auto& value, auto&, settings& into) {
       return take_number(value, 1, 1'000'000, into.poll_seconds);
     }},
    {"preview_cache_bytes", toml::node_type::integer,
     [](auto& value, auto&, settings& into) {
       return take_number(value, preview_cache_bytes_min, preview_cache_bytes_max,
                          into.preview_cache_bytes);
     }},
    {"rescan_minutes", toml::node_type::integer,
     [](auto& value, auto&, settings& into) {
       return take_number(value, 1, 1'000'000, into.rescan_minutes);
     }},
    {"workers", toml::node_type::integer, [](auto& value, auto&, settings& into) {
       return take_number(value, 0, workers_setting_max, into.workers.emplace());
     }}};

std::string_view name_of(toml::node_type type) {
  return type == toml::node_type::array    ? "a list of strings"
         : type == toml::node_type::string ? "a string"
                                           : "a whole number";
}

/// Why the value of a key is not taken; nothing if it is.
std::string take(std::string_view key, const toml::node& value, const std::string& from,
                 settings& into) {
  std::string names;
  for (const auto& each : toml_settings) {
    names += (names.empty() ? "" : ", ") + std::string(each.key);
    if (each.key != key) continue;
    auto why = value.type() == each.type ? each.take(value, from, into)
                                         : "must be " + std::string(name_of(each.type));
    return why.empty() ? why : std::string(key) + " " + why;
  }
  return in_quotes(key) + " is not a setting; the settings are " + names;
}

result<void> read_toml(const std::string& file, std::string_view text, settings& into) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& failure) {
    return bad_setting(file, "line " + std::to_string(failure.source().begin.line)
                                 + " is not valid TOML: " + printable(failure.description())
                                 + "; correct it");
  }
  for (const auto& [key, value] : table) {
    auto from = std::string(key.str()) + " in " + in_quotes(file);
    if (auto why = take(key.str(), value, from, into); !why.empty())
      return bad_setting(file, "line " + std::to_string(value.source().begin.line) + ": " + why);
  }
  return {};
}

const std::vector<std::string> env_keys = {"WATCH_FOLDERS", "DB_PATH"};

void take(const std::string& key, const std::string& value, const std::string& from,
          settings& into) {
  if (key == "WATCH_FOLDERS") {
    into.watch_folders = split_folders(value);
    into.watch_folders_from = from;
  } else if (key == "DB_PATH") {
    into.database = value;
    into.database_from = from;
  }
}

result<void> read_env_file(const std::string& file, std::string_view text, settings& into) {
  auto values = parse_env_file(text, env_keys);
  if (!values) return bad_setting(file, values.failure().message);
  for (const auto& [key, value] : *values)
    take(key, value, key + " in " + in_quotes(file), into);
  return {};
}

result<void> read_environment(settings& into) {
  for (const auto& key : env_keys) {
    auto value = std::getenv(key.c_str());
    if (value == nullptr) continue;
    auto from = "the environment variable " + key;
    if (!is_utf8(value))
      return error{error_code::invalid_argument,
                   from + " is not valid UTF-8; correct it, or rename what it names"};
    take(key, value, from, into);
  }
  return {};
}

/// Reads a file of settings by `read`, if it is there.
result<void> load(const settings_file& file,
                  result<void> (*read)(const std::string&, std::string_view, settings&),
                  settings& into) {
  auto text = read_small_file(file.path, settings_bytes_max,
                              file.required ? last_link::follow : last_link::refuse);
  if (text) return read(file.path, *text, into);
  if (!file.required && text.failure().code == error_code::not_found) return {};
  return text.failure();
}

/// `~` and `~/...` become the home folder, as shells do it.
result<void> expand_home(std::string& path, const std::string& from) {
  if (path != "~" && !path.starts_with("~/")) return {};
  auto home = std::getenv("HOME");
  if (home == nullptr || *home == '\0')
    return error{error_code::invalid_argument, "HOME is not set, so " + in_quotes(path)
                                                   + " cannot be expanded (set by " + from
                                                   + "); write the full path"};
  path.replace(0, 1, home);
  return {};
}

}  // namespace

result<std::map<std::string, std::string>>
parse_env_file(std::string_view text, const std::vector<std::string>& required_keys) {
  std::map<std::string, std::string> values;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    auto key = trimmed(line.substr(0, equals));
    if (!is_key(key)) continue;
    auto value = env_value(trimmed(line.substr(equals + 1)));
    if (value && is_utf8(*value)) {
      values[std::string(key)] = *value;
    } else if (std::find(required_keys.begin(), required_keys.end(), key) != required_keys.end()) {
      return error{error_code::invalid_argument,
                   "line " + std::to_string(number) + ": the value of " + std::string(key)
                       + (value ? " is not valid UTF-8" : " has an unclosed quote")};
    }
  }
  return values;
}

std::vector<std::string> split_folders(std::string_view list) {
  std::vector<std::string> folders;
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    if (auto folder = trimmed(list.substr(0, end)); !folder.empty()) folders.emplace_back(folder);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return folders;
}

result<settings> load_settings(const settings_file& config, const settings_file& env) {
  settings loaded;
  auto done = load(config, read_toml, loaded);
  if (done) done = load(env, read_env_file, loaded);
  if (done) done = read_environment(loaded);
  if (done) done = expand_home(loaded.database, loaded.database_from);
  for (auto& folder : loaded.watch_folders)
    if (done) done = expand_home(folder, loaded.watch_folders_from);
  if (!done) return done.failure();
  return loaded;
}

}  // namespace podstudio
