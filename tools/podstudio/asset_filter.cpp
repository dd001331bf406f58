// SPDX-License-Identifier: MIT
#include "asset_filter.hpp"
#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <nlohmann/json.hpp>

namespace podstudio {

namespace {

/// An empty text, such as an unset variable of a script, must not select everything.
const CLI::Validator not_empty(
    [](std::string& text) {
      return text.empty() ? std::string("the filter is empty; leave it out, or give it a value")
                          : std::string();
    },
    "");

}  // namespace

void asset_filter_options::declare(CLI::App& command, const std::string& prefix) {
  auto option = [&](const std::string& name, std::string& into, const char* what,
                    const char* value) {
    return command.add_option("--" + name, into, what)->type_name(value)->check(not_empty);
  };
  option("type", type, "Only this type: image, audio or video", "T")->check(one_of<asset_type>());
  each_label([&]<class Label>() {
    auto& [value, given, withdrawn] = labels[label_index<Label>()];
    std::string key(Label::key);
    if constexpr (!is_filter_label<Label>) {
      return;
    } else if constexpr (is_flag_label<Label>) {
      auto yes = command.add_flag("--" + key, given, "Only " + key + " ones");
      command.add_flag("--" + std::string(Label::not_key), withdrawn, "Only those not " + key)
          ->excludes(yes);
    } else if constexpr (is_word_label<Label>) {
      option(prefix + key, value,
             ("Only this " + key + ": " + words_of<typename Label::value>()).c_str(), "VALUE")
          ->check(one_of<typename Label::value>());
    } else if constexpr (is_number_label<Label>) {
      option(prefix + key, value, ("Only those with this " + key + ": 4, 3..5, 3.. or ..2").c_str(),
             "RANGE");
    } else {
      option(prefix + key, value, ("Only those with this " + key).c_str(), "TEXT");
    }
  });
  option("tag", tag, "Only those with this tag", "T");
  option("folder", folder, "Only those below this folder", "DIR");
  option("search", search, "Only those with all these words in their path, theme, source or tags",
         "TEXT");
  option("width", width, "Only those this wide, in pixels: 512, 512..1024, 4000.. or ..800",
         "RANGE");
  option("height", height, "Only those this tall, in pixels", "RANGE");
  option("duration", duration, "Only those this long, in seconds: 10, 2.5..10, 60.. or ..1",
         "RANGE");
  option("fps", fps, "Only those at this frame rate: 25, 29.97 or 50..", "RANGE");
  option("tool", tool, "Only those that this tool made, as their files say: comfyui, midjourney",
         "T");
  option("model", model, "Only those made with a model with this in its name", "TEXT");
  option("prompt", prompt, "Only those with all these words in their prompt", "TEXT");
  option("seed", seed, "Only those made from this seed", "N")->check(whole_number(0, UINT64_MAX));
  auto transparent =
      command.add_flag("--alpha", alpha, "Only those with an alpha channel, used or not");
  command.add_flag("--opaque", opaque, "Only those without an alpha channel")
      ->excludes(transparent);
  command.add_flag("--broken", broken, "Only those that are damaged, or not what their name says");
  command.add_flag("--unread", unread, "Only those whose file was not read yet");
  command.add_flag("--undecided", undecided, "Only those neither approved nor rejected");
  command.add_flag("--missing", missing, "Only those whose file is gone");
  command.add_flag("--duplicates", duplicates, "Only those whose content also exists elsewhere");
}

nlohmann::json asset_filter_options::filter() const {
  auto chosen = nlohmann::json::object();
  auto text = [&chosen](std::string_view key, const std::string& value) {
    if (!value.empty()) chosen[std::string(key)] = value;
  };
  auto flag = [&chosen](std::string_view key, bool value) {
    if (value) chosen[std::string(key)] = true;
  };
  text("type", type);
  text("tag", tag);
  if (!folder.empty()) chosen["folder"] = folder_path(folder);
  text("search", search);
  text("width", width);
  text("height", height);
  text("duration", duration);
  text("fps", fps);
  text("tool", tool);
  text("model", model);
  text("prompt", prompt);
  text("seed", seed);
  flag("alpha", alpha);
  flag("no_alpha", opaque);
  flag("broken", broken);
  flag("unread", unread);
  flag("undecided", undecided);
  flag("missing", missing);
  flag("duplicates", duplicates);
  each_label([&]<class Label>() {
    const auto& [value, given, withdrawn] = labels[label_index<Label>()];
    text(Label::key, value);
    if constexpr (is_flag_label<Label>) {
      flag(Label::key, given);
      flag(Label::not_key, withdrawn);
    }
  });
  return chosen;
}

}  // namespace podstudio
