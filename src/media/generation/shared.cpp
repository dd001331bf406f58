// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

#include <algorithm>
#include <cmath>

namespace podstudio::media {

namespace {

/// What makes a text safe to hand to the parser: the nesting and number of values, and words that
/// are no JSON replaced.
std::optional<std::string> checked_json(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  std::size_t depth = 0, values = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      made += c;
      if (c == '\\' && i + 1 < text.size())
        made += text[++i];
      else if (c == '"')
        quoted = false;
      continue;
    }
    switch (c) {
    case '"':
      quoted = true;
      break;
    case '{':
    case '[':
      if (++depth > json_depth_max) return std::nullopt;
      ++values;
      break;
    case '}':
    case ']':
      depth -= depth > 0 ? 1 : 0;
      break;
    case ',':
      ++values;
      break;
    case 'N':
      if (text.substr(i, 3) == "NaN") {
        made += "null";
        i += 2;
        continue;
      }
      break;
    case '-':
    case 'I':
      if (auto size = std::size_t{c == '-' ? 9u : 8u};
          text.substr(i + (c == '-' ? 1 : 0), 8) == "Infinity") {
        made += "null";
        i += size - 1;
        continue;
      }
      break;
    default:
      break;
    }
    if (values > json_values_max) return std::nullopt;
    made += c;
  }
  return made;
}

class cbor_reader {
public:
  explicit cbor_reader(bytes_view bytes) : cursor_(bytes) {}

  json read() {
    auto made = value(0);
    return failed_ || cursor_.failed() ? json(json::value_t::discarded) : made;
  }

private:
  std::uint64_t argument(unsigned info) {
    switch (info) {
    case 24:
      return cursor_.u8();
    case 25:
      return cursor_.u16();
    case 26:
      return cursor_.u32();
    case 27:
      return cursor_.u64();
    default:
      if (info > 27) failed_ = true;
      return info;
    }
  }

  /// Bytes or text, whole or in parts.
  std::string text(unsigned major, unsigned info) {
    std::string made;
    if (info != 31) {
      auto size = argument(info);
      if (size > cursor_.left())
        failed_ = true;
      else
        made = text_of(cursor_.take(static_cast<std::size_t>(size)));
      return made;
    }
    while (!failed_ && !cursor_.failed()) {
      auto head = cursor_.u8();
      if (head == 0xff) break;
      if (static_cast<unsigned>(head >> 5) != major || (head & 31) == 31)
        failed_ = true;
      else
        made += text(major, head & 31);
    }
    return made;
  }

  json value(std::size_t depth) {
    if (failed_ || cursor_.failed() || depth > json_depth_max || ++values_ > json_values_max) {
      failed_ = true;
      return nullptr;
    }
    auto head = cursor_.u8();
    unsigned major = head >> 5, info = head & 31;
    switch (major) {
    case 0:
      return argument(info);
    case 1: {
      auto number = argument(info);
      if (number > static_cast<std::uint64_t>(INT64_MAX)) return nullptr;
      return -1 - static_cast<std::int64_t>(number);
    }
    case 2:
      text(major, info);
      return "";
    case 3:
      return clean_text(text(major, info), carried_text_bytes_max);
    case 4:
    case 5: {
      json made = major == 4 ? json::array() : json::object();
      auto count = info == 31 ? UINT64_MAX : argument(info);
      for (std::uint64_t i = 0; i < count && !failed_ && !cursor_.failed(); ++i) {
        auto rest = cursor_.rest();
        if (info == 31 && !rest.empty() && rest[0] == 0xff) {
          cursor_.skip(1);
          break;
        }
        if (rest.empty()) {
          failed_ = true;
          break;
        }
        if (major == 4) {
          made.push_back(value(depth + 1));
        } else {
          auto key = value(depth + 1);
          auto content = value(depth + 1);
          // Nothing that is looked for has another key, and one that holds keys would, as a text,
          // double with each level.
          if (key.is_string()) made[key.get<std::string>()] = std::move(content);
        }
      }
      return made;
    }
    case 6:
      argument(info);
      return value(depth + 1);
    default:
      switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return nullptr;
      default:
        argument(info);
        return nullptr;
      }
    }
  }

  byte_cursor cursor_;
  std::size_t values_ = 0;
  bool failed_ = false;
};

}  // namespace

json parse_json(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.size() > json_bytes_max) return json(json::value_t::discarded);
  auto checked = checked_json(text);
  if (!checked) return json(json::value_t::discarded);
  return json::parse(*checked, nullptr, false);
}

json parse_cbor(bytes_view bytes) {
  if (bytes.size() > json_bytes_max) return json(json::value_t::discarded);
  return cbor_reader(bytes).read();
}

const json& member(const json& of, std::string_view name) {
  static const json none;
  if (!of.is_object()) return none;
  auto at = of.find(name);
  return at == of.end() ? none : *at;
}

std::string text_value(const json& value, std::size_t size_bytes_max) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return size_bytes_max <= generation_name_bytes_max ? clean_name(text, size_bytes_max)
                                                       : clean_text(text, size_bytes_max);
  }
  if (value.is_number()) return value.dump();
  return {};
}

std::string text_member(const json& of, std::string_view name, std::size_t size_bytes_max) {
  return text_value(member(of, name), size_bytes_max);
}

std::optional<std::uint64_t> whole_value(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_float()) {
    auto number = value.get<double>();
    if (number >= 0 && number < 9e15 && number == std::floor(number))
      return static_cast<std::uint64_t>(number);
  }
  if (std::uint64_t number = 0;
      value.is_string() && parse_number(value.get_ref<const std::string&>(), number))
    return number;
  return std::nullopt;
}

std::optional<double> number_value(const json& value) {
  if (value.is_number()) {
    auto number = value.get<double>();
    if (std::isfinite(number)) return number;
  }
  if (double number = 0;
      value.is_string() && parse_number(value.get_ref<const std::string&>(), number))
    return number;
  return std::nullopt;
}

std::optional<std::uint32_t> small_value(const json& value) {
  auto whole = whole_value(value);
  if (!whole || *whole > 1'000'000) return std::nullopt;
  return static_cast<std::uint32_t>(*whole);
}

void add_prompt(std::vector<std::string>& to, std::string_view text) {
  auto made = clean_text(trimmed(text), prompt_bytes_max);
  if (made.empty() || to.size() >= prompts_max || std::ranges::find(to, made) != to.end()) return;
  to.push_back(std::move(made));
}

void add_lora(generation_facts& facts, std::string_view name, std::optional<double> weight) {
  lora made{clean_name(name, generation_name_bytes_max), weight};
  if (made.name.empty() || made.name == "None" || facts.loras.size() >= loras_max) return;
  if (std::ranges::find(facts.loras, made.name, &lora::name) != facts.loras.end()) return;
  facts.loras.push_back(std::move(made));
}

void add_prompt_loras(std::string_view prompt, generation_facts& facts) {
  constexpr std::string_view begin = "<lora:";
  for (auto at = prompt.find(begin); at != std::string_view::npos && facts.loras.size() < loras_max;
       at = prompt.find(begin, at + 1)) {
    auto rest = prompt.substr(at + begin.size(), generation_name_bytes_max);
    auto end = rest.find('>');
    if (end == std::string_view::npos) continue;
    rest = rest.substr(0, end);
    auto colon = rest.find(':');
    double weight = 1;
    bool stated =
        colon != std::string_view::npos
        && parse_number(rest.substr(colon + 1, rest.find(':', colon + 1) - colon - 1), weight);
    add_lora(facts, rest.substr(0, colon), stated ? std::optional(weight) : std::nullopt);
  }
}

void add_raw(generation_facts& facts, const carried_text& from) {
  if (facts.raw.size() >= raw_texts_max) return;
  std::size_t held = 0;
  for (const auto& each : facts.raw)
    held += each.text.size();
  auto room = std::min(raw_text_bytes_max, raw_bytes_max - std::min(held, raw_bytes_max));
  auto text = cut_text(from.text, room);
  if (text.empty()) return;
  facts.raw.push_back(
      {from.where, from.key, std::string(text), from.cut || text.size() < from.text.size()});
}

void add_guess(generation_facts& facts, std::string_view name) {
  if (std::ranges::find(facts.guesses, name) == facts.guesses.end())
    facts.guesses.emplace_back(name);
}

void set_size(generation_facts& facts, std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('(') && text.ends_with(')')) text = text.substr(1, text.size() - 2);
  auto between = text.find_first_of("x,X");
  if (between == std::string_view::npos) return;
  std::uint64_t width = 0, height = 0;
  if (!parse_number(text.substr(0, between), width)
      || !parse_number(text.substr(between + 1), height))
    return;
  if (width == 0 || height == 0 || width > 1'000'000 || height > 1'000'000) return;
  facts.width = static_cast<std::uint32_t>(width);
  facts.height = static_cast<std::uint32_t>(height);
}

}  // namespace podstudio::media
