// SPDX-License-Identifier: MIT
#include "platform/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace podstudio {

namespace {

/// The length of the well-formed UTF-8 sequence at the start of `s` (not empty), 0 if there is
/// none.
std::size_t utf8_length(std::string_view s) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < s.size() && byte(i) >= low && byte(i) <= high;
  };
  auto lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    unsigned low = lead == 0xe0 ? 0xa0u : 0x80u, high = lead == 0xed ? 0x9fu : 0xbfu;
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    unsigned low = lead == 0xf0 ? 0x90u : 0x80u, high = lead == 0xf4 ? 0x8fu : 0xbfu;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    // Mostly it is ASCII, which needs no look at each byte: none may be 0 or above 0x7f.
    if (std::uint64_t eight = 0; bytes.size() >= sizeof eight) {
      constexpr std::uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
      std::memcpy(&eight, bytes.data(), sizeof eight);
      if ((((eight - ones) | eight) & high) == 0) {
        bytes.remove_prefix(sizeof eight);
        continue;
      }
    }
    auto length = utf8_length(bytes);
    if (length == 0 || bytes[0] == '\0') return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string_view cut_text(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max) return text;
  auto size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
    --size;
  return text.substr(0, size);
}

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  auto escape = [&](unsigned char c) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, "\\x%02x", c);
    out += buffer;
  };
  while (!bytes.empty()) {
    auto length = utf8_length(bytes);
    auto first = static_cast<unsigned char>(bytes[0]);
    bool c1_control = length == 2 && first == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f) {
      escape(first);
      length = 1;
    } else if (c1_control) {
      escape(first);
      escape(static_cast<unsigned char>(bytes[1]));
    } else if (first == '\\') {
      out += "\\\\";
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

namespace {

/// The code point of a whole sequence.
char32_t decode(std::string_view sequence) noexcept {
  auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  char32_t point = lead & (0x7fu >> sequence.size());
  for (char next : sequence.substr(1))
    point = point << 6 | (static_cast<unsigned char>(next) & 0x3fu);
  return point;
}

constexpr bool is_joiner(char32_t point) noexcept { return point == 0x200c || point == 0x200d; }

/// Unicode 15: Bidi_Control, and what has no width and no part in a letter.
constexpr bool hides(char32_t point) noexcept {
  constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0xad, 0xad},     {0x61c, 0x61c},     {0x115f, 0x1160},  {0x180e, 0x180e}, {0x200b, 0x200f},
      {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},  {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
      {0xfff9, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f}};
  for (auto [first, last] : ranges)
    if (point >= first && point <= last) return true;
  return false;
}

/// A character as one reader sees it.
struct seen_character {
  std::string_view bytes;
  char32_t point = 0;  ///< 0 for a byte that is no UTF-8
  enum class kind { shown, control, hidden } is = kind::shown;
};

/// Takes characters off the beginning of a text.
class character_reader {
public:
  explicit character_reader(std::string_view text) : rest_(text) {}

  bool at_end() const noexcept { return rest_.empty(); }
  seen_character next() {
    auto length = utf8_length(rest_);
    seen_character taken{rest_.substr(0, std::max<std::size_t>(length, 1))};
    taken.point = length == 0 ? 0 : decode(taken.bytes);
    rest_.remove_prefix(taken.bytes.size());
    bool joins =
        is_joiner(taken.point) && before_ > 0x7f && !rest_.empty() && utf8_length(rest_) > 1;
    if (taken.point < 0x20 || (taken.point >= 0x7f && taken.point < 0xa0))
      taken.is = seen_character::kind::control;
    else if (hides(taken.point) && !joins)
      taken.is = seen_character::kind::hidden;
    before_ = taken.point;
    return taken;
  }

private:
  std::string_view rest_;
  char32_t before_ = 0;
};

}  // namespace

std::string for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char buffer[16];
  for (character_reader reader(text); !reader.at_end();) {
    auto next = reader.next();
    if (next.is == seen_character::kind::control) {
      for (char byte : next.bytes) {
        std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned char>(byte));
        out += buffer;
      }
    } else if (next.is == seen_character::kind::hidden) {
      std::snprintf(buffer, sizeof buffer, "\\u{%04x}", static_cast<unsigned>(next.point));
      out += buffer;
    } else {
      out += next.bytes;
    }
  }
  return out;
}

std::string clean_line(std::string_view text) {
  std::string line;
  bool blank = false;
  for (character_reader reader(text); !reader.at_end();) {
    auto next = reader.next();
    if (next.is == seen_character::kind::hidden) continue;
    if (next.is == seen_character::kind::control || next.point == ' ') {
      blank = true;
      continue;
    }
    if (blank && !line.empty()) line += ' ';
    blank = false;
    line += next.bytes;
  }
  return line;
}

std::string clean_lines(std::string_view text) {
  std::string lines;
  bool gap = false;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = clean_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      gap = true;
      continue;
    }
    if (!lines.empty()) lines += gap ? "\n\n" : "\n";
    gap = false;
    lines += line;
  }
  return lines;
}

std::size_t count_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view cut_characters(std::string_view text, std::size_t characters_max) noexcept {
  std::size_t characters = 0, word_end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (text[i] == ' ' || text[i] == '\n') word_end = i;
    if (characters++ < characters_max) continue;
    return text.substr(0, word_end > 0 ? word_end : i);
  }
  return text;
}

std::string human_size(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1'000) return std::to_string(bytes) + " B";
  // In tenths of the unit, rounded; a text of a program must not depend on a locale.
  std::uint64_t unit_bytes = 1'000;
  std::size_t unit = 1;
  auto tenths = [&] {
    return bytes / (unit_bytes / 10) + (bytes % (unit_bytes / 10) * 2 >= unit_bytes / 10);
  };
  for (; tenths() >= 10'000; ++unit)
    unit_bytes *= 1'000;
  return std::to_string(tenths() / 10) + "." + std::to_string(tenths() % 10) + " " + units[unit];
}

std::string lexical_path(const std::string& path) {
  auto shortened = std::filesystem::path(path).lexically_normal().string();
  if (shortened.size() > 1 && shortened.back() == '/') shortened.pop_back();
  return shortened;
}

bool lies_within(std::string_view inner, std::string_view outer) noexcept {
  if (outer == "/") return true;
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
}

const std::string* find_enclosing(std::string_view path,
                                  const std::vector<std::string>& folders) noexcept {
  auto found = std::ranges::find_if(
      folders, [&](const std::string& each) { return lies_within(path, each); });
  return found == folders.end() ? nullptr : &*found;
}

std::string folder_of(std::string_view path) {
  return std::string(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)));
}

std::string in_quotes(std::string_view bytes) {
  std::string out = "'";
  out += printable(bytes);
  out += '\'';
  return out;
}

std::string to_timestamp(std::int64_t at_us) {
  using namespace std::chrono;
  // Civil time by floor division, so that times before 1970 come out right too.
  sys_time<microseconds> at{microseconds{at_us}};
  auto day = floor<days>(at);
  year_month_day date{day};
  hh_mm_ss time{at - day};
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u %02d:%02d:%02d.%06d",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return buffer;
}

std::int64_t now_us() noexcept {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::optional<std::int64_t> parse_timestamp(std::string text) {
  using namespace std::chrono;
  if (text.ends_with('Z')) text.pop_back();
  if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
  int y = 0, end = 0;
  unsigned mo = 0, d = 0, h = 0, mi = 0;
  double s = 0;
  auto scan = text.c_str();
  bool date = std::sscanf(scan, "%4d-%2u-%2u%n", &y, &mo, &d, &end) == 3;
  if (!date || end != 10) return std::nullopt;
  if (scan[end] != '\0') {
    int more = 0;
    if (std::sscanf(scan + end, " %2u:%2u%n", &h, &mi, &more) != 2) return std::nullopt;
    end += more;
    if (scan[end] == ':' && std::sscanf(scan + end, ":%lf%n", &s, &more) == 1) end += more;
  }
  year_month_day day{year{y}, month{mo}, std::chrono::day{d}};
  if (scan[end] != '\0' || !day.ok() || h > 23 || mi > 59 || !(s >= 0 && s < 60))
    return std::nullopt;
  auto at = sys_days{day} + hours{h} + minutes{mi};
  return duration_cast<microseconds>(at.time_since_epoch()).count()
         + static_cast<std::int64_t>(s * 1e6 + 0.5);
}

}  // namespace podstudio
