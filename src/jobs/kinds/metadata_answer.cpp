// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_answer.hpp"

#include "jobs/bounded_json.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<error_code, std::string_view>, 6> failure_codes{
    {{error_code::io_failed, "io_failed"},
     {error_code::not_permitted, "not_permitted"},
     {error_code::not_found, "not_found"},
     {error_code::timed_out, "timed_out"},
     {error_code::internal, "internal"},
     {error_code::invalid_argument, "invalid_argument"}}};

constexpr std::array<std::pair<bool left_out_texts::*, std::string_view>, 4> left_out_words{
    {{&left_out_texts::raw, "raw"},
     {&left_out_texts::passes, "passes"},
     {&left_out_texts::prompts, "prompts"},
     {&left_out_texts::loras, "loras"}}};

// --- writing ---

/// How many bytes JSON takes for one byte of a text.
std::size_t json_bytes(char byte) noexcept {
  switch (byte) {
  case '"':
  case '\\':
  case '\b':
  case '\f':
  case '\n':
  case '\r':
  case '\t':
    return 2;
  default:
    return static_cast<unsigned char>(byte) < 0x20 ? 6 : 1;
  }
}

std::size_t json_bytes(std::string_view text) noexcept {
  std::size_t size = 0;
  for (char byte : text)
    size += json_bytes(byte);
  return size;
}

/// As much of the text's beginning as takes at most so many bytes in JSON.
std::string_view cut_for_json(std::string_view text, std::size_t bytes_max) noexcept {
  std::size_t end = 0;
  for (std::size_t size = 0; end < text.size(); ++end)
    if ((size += json_bytes(text[end])) > bytes_max) break;
  return cut_text(text, end);
}

/// Shortens texts, the longest first, until together they take at most `room` bytes in JSON; those
/// that are shorter than an equal share stay whole. Says of each whether it was shortened.
std::vector<bool> shorten_together(const std::vector<std::string*>& texts, std::size_t room) {
  std::vector<std::pair<std::size_t, std::size_t>> by_size;
  for (std::size_t i = 0; i < texts.size(); ++i)
    by_size.emplace_back(json_bytes(*texts[i]), i);
  std::ranges::sort(by_size);
  std::vector<bool> shortened(texts.size());
  for (std::size_t i = 0; i < by_size.size(); ++i) {
    auto [size, place] = by_size[i];
    auto share = room / (by_size.size() - i);
    if (size > share) {
      auto kept = cut_for_json(*texts[place], share).size();
      texts[place]->resize(kept);
      shortened[place] = true;
      size = share;
    }
    room -= size;
  }
  return shortened;
}

/// What is made visible may be longer than it was.
std::string failure_text(std::string_view words) {
  auto text = for_terminal(words);
  text.resize(cut_text(text, metadata_failure_bytes_max).size());
  return text;
}

std::string write_failure(const error& failure) {
  auto at = std::ranges::find(failure_codes, failure.code,
                              &std::pair<error_code, std::string_view>::first);
  if (at == failure_codes.end())
    at = std::ranges::find(failure_codes, error_code::internal,
                           &std::pair<error_code, std::string_view>::first);
  auto text = failure_text(failure.message);
  if (text.empty()) text = "no reason is known";
  return json{{"failure", {{"code", at->second}, {"text", text}}}}.dump() + "\n";
}

std::string write_whole(const file_answer& answer) {
  json more = json::object();
  if (!answer.preview_offsets.empty()) more["preview_offsets"] = answer.preview_offsets;
  auto words = json::array();
  for (const auto& [sort, word] : left_out_words)
    if (answer.left_out.*sort) words.push_back(word);
  if (!words.empty()) more["left_out"] = std::move(words);
  auto line = media::to_json(answer.found);
  if (!more.empty()) {
    auto first = more.dump();
    first.back() = ',';  // the facts are always there
    line.replace(0, 1, first);
  }
  line += '\n';
  return line;
}

class line_fitter {
public:
  explicit line_fitter(file_answer& answer) : answer_(answer), line_(write_whole(answer)) {}

  std::string fit() {
    if (!fits()) shorten_raw_texts();
    if (!fits()) leave_out_passes();
    if (!fits()) shorten_prompts();
    while (!fits() && !answer_.found.generation.loras.empty()) {
      answer_.found.generation.loras.pop_back();
      answer_.left_out.loras = true;
      write();
    }
    return std::move(line_);
  }

  bool fits() const noexcept { return line_.size() <= metadata_line_bytes_max; }

private:
  void write() { line_ = write_whole(answer_); }

  /// How much of the line is left for texts of which each is written as one byte now.
  std::size_t room() const noexcept {
    return metadata_line_bytes_max - std::min(metadata_line_bytes_max, line_.size());
  }

  void shorten_raw_texts() {
    auto& raw = answer_.found.generation.raw;
    if (raw.empty()) return;
    answer_.left_out.raw = true;
    auto whole = raw;
    for (auto& each : raw) {
      each.text = "x";
      each.cut = true;
    }
    write();
    std::vector<std::string*> texts;
    for (auto& each : whole)
      texts.push_back(&each.text);
    auto shortened = shorten_together(texts, room());
    for (std::size_t i = 0; i < whole.size(); ++i)
      whole[i].cut = whole[i].cut || shortened[i];
    raw = std::move(whole);
    write();
  }

  void leave_out_passes() {
    auto& passes = answer_.found.generation.passes;
    auto size = line_.size();
    bool left = false;
    while (passes.size() > 1 && size > metadata_line_bytes_max) {
      // A pass is written once to know its size, not the whole line for each that goes.
      media::extracted alone;
      alone.generation.passes = {std::move(passes.back())};
      auto with = media::to_json(alone).size();
      alone.generation.passes = {media::generation_pass{}};
      auto without = media::to_json(alone).size();
      size -= std::min(size, with - without);
      passes.pop_back();
      left = true;
    }
    if (!left) return;
    answer_.left_out.passes = true;
    write();
  }

  void shorten_prompts() {
    auto& passes = answer_.found.generation.passes;
    if (passes.empty()) return;
    auto& pass = passes.front();
    if (pass.prompts.empty() && pass.negative_prompts.empty()) return;
    answer_.left_out.prompts = true;
    auto whole = pass;
    pass.prompts.assign(pass.prompts.size(), "x");
    pass.negative_prompts.assign(pass.negative_prompts.size(), "x");
    write();
    std::vector<std::string*> texts;
    for (auto* list : {&whole.prompts, &whole.negative_prompts})
      for (auto& each : *list)
        texts.push_back(&each);
    (void)shorten_together(texts, room());
    for (auto* list : {&whole.prompts, &whole.negative_prompts})
      std::erase_if(*list, [](const std::string& each) { return each.empty(); });
    pass = std::move(whole);
    write();
  }

  file_answer& answer_;
  std::string line_;
};

// --- reading ---

/// Thrown within this file only.
struct bad_field {
  std::string name;
};

error bad_line(std::size_t line, const std::string& what) {
  return {error_code::damaged, "line " + std::to_string(line)
                                   + " of a worker's answer is not what it should be: " + what};
}

error parse_failure(const json& from) {
  if (!from.is_object() || from.size() != 2) throw bad_field{"failure"};
  auto code = from.find("code"), text = from.find("text");
  if (code == from.end() || !code->is_string()) throw bad_field{"failure.code"};
  auto known = std::ranges::find(failure_codes, code->get_ref<const std::string&>(),
                                 &std::pair<error_code, std::string_view>::second);
  if (known == failure_codes.end()) throw bad_field{"failure.code"};
  if (text == from.end() || !text->is_string()) throw bad_field{"failure.text"};
  const auto& words = text->get_ref<const std::string&>();
  if (words.empty() || words.size() > metadata_failure_bytes_max) throw bad_field{"failure.text"};
  return {known->first, failure_text(words)};
}

std::vector<std::uint64_t> take_offsets(json& from) {
  std::vector<std::uint64_t> offsets;
  auto found = from.find("preview_offsets");
  if (found == from.end()) return offsets;
  if (!found->is_array() || found->empty() || found->size() > media::previews_max)
    throw bad_field{"preview_offsets"};
  for (const auto& each : *found) {
    if (!each.is_number_unsigned()) throw bad_field{"preview_offsets"};
    offsets.push_back(each.get<std::uint64_t>());
  }
  from.erase(found);
  return offsets;
}

left_out_texts take_left_out(json& from) {
  left_out_texts left_out;
  auto found = from.find("left_out");
  if (found == from.end()) return left_out;
  if (!found->is_array() || found->empty()) throw bad_field{"left_out"};
  for (const auto& each : *found) {
    if (!each.is_string()) throw bad_field{"left_out"};
    auto known = std::ranges::find(left_out_words, each.get_ref<const std::string&>(),
                                   &std::pair<bool left_out_texts::*, std::string_view>::second);
    if (known == left_out_words.end() || std::exchange(left_out.*known->first, true))
      throw bad_field{"left_out"};
  }
  from.erase(found);
  return left_out;
}

void check_previews(const file_answer& answer, std::uint64_t preview_bytes) {
  const auto& previews = answer.found.previews;
  if (answer.preview_offsets.size() != previews.size()) throw bad_field{"preview_offsets"};
  for (std::size_t i = 0; i < previews.size(); ++i) {
    const auto& each = previews[i];
    if (each.width > each.edge_px) throw bad_field{"previews.width"};
    if (each.height > each.edge_px) throw bad_field{"previews.height"};
    if (each.size_bytes > preview_bytes) throw bad_field{"previews.size_bytes"};
    if (answer.preview_offsets[i] > preview_bytes - each.size_bytes)
      throw bad_field{"preview_offsets"};
    for (std::size_t j = 0; j < i; ++j)
      if (previews[j].edge_px == each.edge_px) throw bad_field{"previews.edge_px"};
  }
}

result<file_answer> parse_line(std::string_view text, std::size_t number,
                               std::uint64_t preview_bytes) {
  auto all = parse_bounded_json(text);
  if (!all) return bad_line(number, all.failure().message);
  try {
    file_answer answer;
    if (auto failure = all->find("failure"); failure != all->end()) {
      if (all->size() != 1) throw bad_field{"failure"};
      answer.failure = parse_failure(*failure);
      return answer;
    }
    answer.preview_offsets = take_offsets(*all);
    answer.left_out = take_left_out(*all);
    auto found = media::parse_extracted(all->dump());
    if (!found) return bad_line(number, found.failure().message);
    answer.found = *std::move(found);
    check_previews(answer, preview_bytes);
    return answer;
  } catch (const bad_field& field) {
    return bad_line(number, "'" + field.name + "'");
  }
}

/// A preview's place in output 1.
struct place {
  std::uint64_t begin = 0, end = 0;
  std::size_t line = 0;
};

result<void> check_apart(const std::vector<file_answer>& answers) {
  std::vector<place> places;
  for (std::size_t i = 0; i < answers.size(); ++i)
    for (std::size_t j = 0; j < answers[i].preview_offsets.size(); ++j) {
      auto begin = answers[i].preview_offsets[j];
      places.push_back({begin, begin + answers[i].found.previews[j].size_bytes, i + 1});
    }
  std::ranges::sort(places, {}, &place::begin);
  for (std::size_t i = 1; i < places.size(); ++i)
    if (places[i].begin < places[i - 1].end)
      return bad_line(places[i].line, "'preview_offsets' has a preview within another");
  return {};
}

}  // namespace

std::string to_metadata_line(file_answer answer) {
  if (answer.failure) return write_failure(*answer.failure);
  line_fitter fitter(answer);
  auto line = fitter.fit();
  if (line.size() <= metadata_line_bytes_max) return line;
  return write_failure({error_code::internal, "what is known of the file takes "
                                                  + std::to_string(line.size())
                                                  + " bytes, which is a defect"});
}

result<std::vector<file_answer>> parse_metadata_answer(std::string_view lines, std::size_t files,
                                                       std::uint64_t preview_bytes) {
  if (files > metadata_files_max)
    return error{error_code::invalid_argument,
                 "a job reads at most " + std::to_string(metadata_files_max) + " files"};
  std::vector<file_answer> answers;
  while (!lines.empty()) {
    auto number = answers.size() + 1;
    if (answers.size() == files)
      return bad_line(number, "there are only " + std::to_string(files) + " files");
    auto end = lines.substr(0, metadata_line_bytes_max).find('\n');
    if (end == lines.npos)
      return bad_line(number, lines.size() < metadata_line_bytes_max
                                  ? "it has no end"
                                  : "it has more than " + std::to_string(metadata_line_bytes_max)
                                        + " bytes");
    auto answer = parse_line(lines.substr(0, end), number, preview_bytes);
    if (!answer) return answer.failure();
    answers.push_back(*std::move(answer));
    lines.remove_prefix(end + 1);
  }
  if (answers.size() != files)
    return bad_line(answers.size() + 1,
                    "it is missing, there are " + std::to_string(files) + " files");
  if (auto apart = check_apart(answers); !apart) return apart.failure();
  return answers;
}

}  // namespace podstudio
