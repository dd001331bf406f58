// SPDX-License-Identifier: MIT
#include "asset_choice.hpp"
#include "change.hpp"
#include "history.hpp"
#include "options.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "session.hpp"

#include "events/labels.hpp"
#include "platform/text.hpp"

#include <array>
#include <cctype>
#include <memory>
#include <optional>

namespace podstudio {

namespace {

using nlohmann::json;

// asset list

struct list_options {
  asset_filter_options chosen;
  std::int64_t after = 0;
  std::int64_t limit = INT64_MAX;
};

result<void> list(const context& where, const list_options& options) {
  // The last column is mostly empty but for the broken ones.
  std::vector<table::column> columns{
      {"id", align::right},   {"type"}, {"approved"}, {"provenance"}, {"theme"},
      {"size", align::right}, {"path"}};
  if (options.chosen.broken) columns.push_back({"problem"});
  table shown(std::move(columns));
  paged_list assets{
      .command = "asset.list", .arguments = options.chosen.filter(), .limit = options.limit};
  assets.arguments["after"] = options.after;
  return print_list(where, shown, assets, [&](const json& asset) {
    shown.row({cell(asset["id"]), cell(asset["type"]),
               asset["rejected"] == true ? "rejected" : cell(asset["approved"]),
               cell(asset["provenance"]), cell(asset["theme"]),
               human_size(asset["size_bytes"].get<std::uint64_t>()),
               cell(asset["path"]) + (asset["missing"] == true ? " (missing)" : ""),
               cell(asset["problem"])});
  });
}

action declare_list(CLI::App& command) {
  auto options = std::make_shared<list_options>();
  options->chosen.declare(command);
  command.add_option("--after", options->after, "Only ids greater than this one")
      ->type_name("ID")
      ->check(whole_number(0, INT64_MAX));
  command.add_option("--limit", options->limit, "How many to list at most (all)")
      ->type_name("N")
      ->check(whole_number(1, INT64_MAX));
  return [options](const context& where) { return list(where, *options); };
}

// asset show

void print_facts(const json& object, const std::string& prefix, table& into) {
  for (const auto& [key, value] : object.items()) {
    bool has_objects = value.is_array() && !value.empty() && value[0].is_object();
    if (value.is_object())
      print_facts(value, prefix + key + ".", into);
    else if (has_objects)
      for (std::size_t i = 0; i < value.size(); ++i)
        print_facts(value[i], prefix + key + "." + std::to_string(i + 1) + ".", into);
    else if (!value.is_null() && !(value.is_array() && value.empty()))
      into.row({prefix + key, cell(value)});
  }
}

/// Makes a text of each object of a list.
template <class Text>
void tell_each(json& list, Text text) {
  for (auto& object : list)
    object = text(object);
}

std::string with_detail(const json& what, const json& detail) {
  return cell(what) + (detail.is_null() ? "" : " (" + cell(detail) + ")");
}

/// The answer with what are lists of objects as texts, and the texts of the file shortened.
json for_people(json asset) {
  tell_each(asset["problems"], [](auto& p) { return with_detail(p["kind"], p["reason"]); });
  asset.erase("problem");  // the first of them
  tell_each(asset["previews"], [](auto& p) { return cell(p["path"]); });
  tell_each(asset["packs"], [](auto& p) { return with_detail(p["name"], p["id"]); });
  tell_each(asset["jobs"], [](auto& job) {
    return cell(job["id"]) + " " + with_detail(job["kind"], job["status"]);
  });
  auto& generation = asset["generation"];
  if (generation.is_null()) return asset;
  // Most tools do not say so: that is not a no.
  if (generation["ai_generated"] == false) generation.erase("ai_generated");
  tell_each(generation["loras"],
            [](auto& lora) { return with_detail(lora["name"], lora.value("weight", json())); });
  auto& raw = generation["raw"];
  auto texts = json::object();
  for (const auto& each : raw) {
    auto name = cell(each["where"]);
    if (each.contains("key")) name += "." + cell(each["key"]);
    texts[name] = one_line(each.value("text", std::string()));
  }
  raw = std::move(texts);
  return asset;
}

result<void> show(const context& where, const std::string& which) {
  auto key = asset_key_of(where, which);
  if (!key) return key.failure();
  auto asset = ask(where, session::need::folder, "asset.show", {{"asset", *key}});
  if (!asset) return asset.failure();
  if (where.json) {
    print_json(*asset);
    return {};
  }
  table facts({{"asset"}, {cell((*asset)["id"])}});
  print_facts(for_people(*asset), "", facts);
  facts.print();
  return {};
}

result<void> history(const context& where, const std::string& which) {
  auto key = asset_key_of(where, which);
  if (!key) return key.failure();
  return print_history(where, "asset.history", {{"asset", *key}});
}

action declare_one(CLI::App& command,
                   result<void> (*run)(const context& where, const std::string& which)) {
  auto which = std::make_shared<std::string>();
  command.add_option("ID_OR_PATH", *which, "The asset")->required()->type_name("");
  return [which, run](const context& where) { return run(where, *which); };
}

// asset approve, unapprove, set, tag, untag

result<void> change(const context& where, const char* command, const result<json>& arguments) {
  if (!arguments) return arguments.failure();
  return change(where, command, *arguments);
}

/// `asset approve` and the like.
action declare_flag(CLI::App& command, const std::string& verb) {
  auto chosen = std::make_shared<chosen_assets>();
  chosen->declare(command);
  return [chosen, operation = "asset." + verb](const context& where) {
    return change(where, operation.c_str(), chosen->arguments());
  };
}

/// The ids and, as the last argument, a value for all of them.
struct value_options {
  chosen_assets chosen;
  std::vector<std::string> words;

  void declare(CLI::App& command, const std::string& value) {
    std::string upper = value;
    for (char& c : upper)
      c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    command.add_option("ID... " + upper, words, "The assets, and the " + value)
        ->required()
        ->type_name("");
    chosen.declare_filter(command, "");
  }

  /// The arguments of the protocol's command, with the value under its name.
  result<json> arguments(const std::string& value) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
      auto id = parse_id(words[i]);
      if (!id)
        return error{error_code::invalid_argument,
                     id.failure().message + "; only the last argument is the " + value};
      chosen.ids.push_back(*id);
    }
    auto given = chosen.arguments();
    if (given) (*given)[value] = words.back();
    return given;
  }
};

action declare_tagging(CLI::App& command, const char* name) {
  auto options = std::make_shared<value_options>();
  options->declare(command, "tag");
  return [options, name](const context& where) {
    return change(where, name, options->arguments("tag"));
  };
}

/// `asset rate` and the like.
action declare_number(CLI::App& command, const std::string& key, std::uint64_t highest) {
  auto options = std::make_shared<value_options>();
  options->declare(command, key);
  return [options, key, highest](const context& where) -> result<void> {
    auto number = parse_number(options->words.back(), 0, highest);
    if (!number)
      return error{error_code::invalid_argument,
                   "the " + key + " (the last argument): " + number.failure().message};
    auto arguments = options->arguments(key);
    if (arguments) (*arguments)[key] = *number;
    return change(where, "asset.set", arguments);
  };
}

struct set_options {
  chosen_assets chosen;
  std::array<std::optional<std::string>, label_count> labels;
};

result<void> set(const context& where, const set_options& options) {
  auto arguments = options.chosen.arguments();
  if (!arguments) return arguments.failure();
  std::string any, known;
  each_label([&]<class Label>() {
    if (is_flag_label<Label>) return;
    known += (known.empty() ? "--" : ", --") + std::string(Label::key);
    const auto& value = options.labels[label_index<Label>()];
    if (!value) return;
    any = Label::key;
    if constexpr (is_number_label<Label>)
      (*arguments)[any] = std::stoull(*value);
    else
      (*arguments)[any] = value->empty() ? json() : json(*value);
  });
  if (any.empty())
    return error{error_code::invalid_argument, "nothing to set; use one of " + known};
  return change(where, "asset.set", arguments);
}

action declare_set(CLI::App& command) {
  auto options = std::make_shared<set_options>();
  each_label([&]<class Label>() {
    if constexpr (!is_flag_label<Label>) {
      std::string key(Label::key), what = "The " + key + " to set";
      if (is_text_label<Label>) what += "; empty to clear it";
      if constexpr (is_word_label<Label>) what += ": " + words_of<typename Label::value>();
      auto option = command.add_option("--" + key, options->labels[label_index<Label>()], what);
      option->type_name("VALUE");
      if constexpr (is_word_label<Label>) option->check(one_of<typename Label::value>());
      if constexpr (is_number_label<Label>) option->check(whole_number(0, number_max<Label>));
    }
  });
  options->chosen.declare(command, "with-");
  return [options](const context& where) { return set(where, *options); };
}

/// With the verbs of the labels.
std::vector<subcommand> commands() {
  std::vector<subcommand> all{
      {"list", "List assets", declare_list},
      {"show", "Show everything known about an asset",
       [](CLI::App& c) { return declare_one(c, show); }},
      {"duplicates", "Show which files have the same content, and how much space that takes",
       declare_asset_duplicates},
      {"similar", "Show which pictures and clips look alike", declare_asset_similar},
      {"set", "Set labels", declare_set},
      {"tag", "Add a tag", [](CLI::App& c) { return declare_tagging(c, "asset.tag"); }},
      {"untag", "Remove a tag", [](CLI::App& c) { return declare_tagging(c, "asset.untag"); }},
      {"history", "Show what happened to an asset, oldest first",
       [](CLI::App& c) { return declare_one(c, history); }}};
  each_label([&all]<class Label>() {
    if constexpr (is_flag_label<Label>) {
      all.push_back(
          {Label::verb, Label::help, [](CLI::App& c) { return declare_flag(c, Label::verb); }});
      all.push_back({Label::not_verb, Label::not_help,
                     [](CLI::App& c) { return declare_flag(c, Label::not_verb); }});
    } else if constexpr (is_number_label<Label> && has_verb<Label>) {
      all.push_back({Label::verb, Label::help, [](CLI::App& c) {
                       return declare_number(c, std::string(Label::key), number_max<Label>);
                     }});
    }
  });
  return all;
}

}  // namespace

action declare_asset(CLI::App& command) { return declare_group(command, commands()); }

}  // namespace podstudio
