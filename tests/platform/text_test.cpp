// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_text
#include <boost/test/unit_test.hpp>

#include "platform/error.hpp"
#include "platform/text.hpp"

#include <array>
#include <cerrno>
#include <iconv.h>
#include <random>
#include <string>

using namespace podstudio;

namespace {

/// The C library's decoder, which knows nothing of ours.
class decoder {
public:
  decoder() : handle_(::iconv_open("UTF-32LE", "UTF-8")) {
    BOOST_REQUIRE(handle_ != reinterpret_cast<iconv_t>(-1));
  }
  ~decoder() { ::iconv_close(handle_); }
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  bool accepts(std::string text) const {
    std::string out(4 * text.size() + 4, '\0');
    auto *from = text.data(), *to = out.data();
    auto left = text.size(), room = out.size();
    ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    return ::iconv(handle_, &from, &left, &to, &room) != static_cast<std::size_t>(-1) && left == 0;
  }

private:
  iconv_t handle_;
};

/// What UTF-8 allows, what it almost allows, and bytes at the edges of what is ASCII.
constexpr std::array<std::string_view, 22> pieces = {"a",
                                                     "eightchr",
                                                     "~",
                                                     "\x01",
                                                     "\x7f",
                                                     "\x80",
                                                     "\x81",
                                                     "\xc2\xa9",
                                                     "\xc1\xbf",
                                                     "\xe0\xa0\x80",
                                                     "\xe0\x9f\xbf",
                                                     "\xed\x9f\xbf",
                                                     "\xed\xa0\x80",
                                                     "\xef\xbf\xbf",
                                                     "\xe6\xbc",
                                                     "\xf0\x90\x80\x80",
                                                     "\xf0\x8f\xbf\xbf",
                                                     "\xf4\x8f\xbf\xbf",
                                                     "\xf4\x90\x80\x80",
                                                     "\xf5\x80\x80\x80",
                                                     "\xff",
                                                     "\xc3\xa9t\xc3\xa9"};

}  // namespace

BOOST_AUTO_TEST_CASE(a_text_is_cut_between_characters) {
  const std::string text = "a\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x90\x88";  // of 1, 2, 3 and 4 bytes
  const std::size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t bytes_max = 0; bytes_max < std::size(kept); ++bytes_max) {
    auto cut = cut_text(text, bytes_max);
    BOOST_TEST(cut == text.substr(0, kept[bytes_max]), bytes_max);
    BOOST_TEST(is_utf8(cut));
  }
  BOOST_TEST(cut_text("", 5).empty());
}

BOOST_AUTO_TEST_CASE(text_is_utf8_exactly_where_the_c_library_decodes_it) {
  decoder other;
  std::mt19937 random(20250401);
  int accepted = 0, refused = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (auto left = random() % 6; left > 0; --left) {
      text.append(random() % 12, 'x');
      text += pieces[random() % (random() % 4 == 0 ? pieces.size() : 3)];
    }
    auto expected = other.accepts(text);
    ++(expected ? accepted : refused);
    if (is_utf8(text) != expected) BOOST_ERROR("they differ about " << printable(text));
  }
  BOOST_TEST(accepted > 10'000);
  BOOST_TEST(refused > 10'000);
}

BOOST_AUTO_TEST_CASE(a_nul_is_never_part_of_a_text) {
  for (std::size_t size = 1; size <= 33; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      BOOST_TEST(is_utf8(text));
      text[at] = '\0';
      BOOST_TEST(!is_utf8(text));
    }
}

BOOST_AUTO_TEST_CASE(what_acts_on_a_terminal_or_hides_is_shown_and_all_else_stays) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain \\x1b 'text'", "plain \\x1b 'text'"},
      {"caf\u00e9 \u00a0 \u6f22\u5b57 \u05e9\u05dc \U0001f408",
       "caf\u00e9 \u00a0 \u6f22\u5b57 \u05e9\u05dc \U0001f408"},
      {"e\u0301", "e\u0301"},
      {"\U0001f469\u200d\U0001f4bb \u0915\u094d\u200d\u0937",
       "\U0001f469\u200d\U0001f4bb \u0915\u094d\u200d\u0937"},
      {"\x1b[31mred", "\\x1b[31mred"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"},
      {"\x7f", "\\x7f"},
      {"\xc2\x80\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f"},
      {"\u061c", "\\u{061c}"},
      {"a\u202egnp.exe", "a\\u{202e}gnp.exe"},
      {"\u202a\u202b\u202c\u202d", "\\u{202a}\\u{202b}\\u{202c}\\u{202d}"},
      {"\u2066\u2067\u2068\u2069", "\\u{2066}\\u{2067}\\u{2068}\\u{2069}"},
      {"\u200e\u200f", "\\u{200e}\\u{200f}"},
      {"\u2028\u2029", "\\u{2028}\\u{2029}"},
      {"a\u200bb\u00adc", "a\\u{200b}b\\u{00ad}c"},
      {"a\u200db", "a\\u{200d}b"},
      {"\u6f22\u200d", "\u6f22\\u{200d}"},
      {"\u200d\u6f22", "\\u{200d}\u6f22"},
      {"\ufeffa", "\\u{feff}a"},
      {"\U000e0041", "\\u{e0041}"},
      {"\xff\xc3", "\\xff\\xc3"},
      {"\xc0\xaf \xed\xa0\x80", "\\xc0\\xaf \\xed\\xa0\\x80"},
      {"\xe6\xbcz", "\\xe6\\xbcz"},
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
  };
  for (const auto& [text, shown] : cases) {
    BOOST_TEST(for_terminal(text) == shown);
    BOOST_TEST(for_terminal(shown) == shown);
  }
}

BOOST_AUTO_TEST_CASE(a_line_for_other_people_has_only_what_shows) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"  a \t b\r\n", "a b"},
      {"\x1b[31mred\x07", "[31mred"},
      {"a\u202egnp.exe", "agnp.exe"},
      {"a\u200bb\ufeff", "ab"},
      {"a\xff\xc3z", "a z"},
      {std::string("a\0b", 3), "a b"},
      {"\u041f\u0440\u0438\u0432\u0435\u0442 \U0001f469\u200d\U0001f4bb",
       "\u041f\u0440\u0438\u0432\u0435\u0442 \U0001f469\u200d\U0001f4bb"},
  };
  for (const auto& [text, line] : cases) {
    BOOST_TEST(clean_line(text) == line);
    BOOST_TEST(clean_line(line) == line);
  }
  BOOST_TEST(clean_lines("\n\n a\nb \n\n\n\x07"
                         "c\n \n")
             == "a\nb\n\nc");
  BOOST_TEST(clean_lines("\n \n").empty());
}

BOOST_AUTO_TEST_CASE(texts_are_cut_by_characters_and_words) {
  BOOST_TEST(count_characters("a\u00e4\U0001f469") == 3u);
  BOOST_TEST(cut_characters("one two", 7) == "one two");
  BOOST_TEST(cut_characters("one two", 6) == "one");
  BOOST_TEST(cut_characters("one two", 3) == "one");
  BOOST_TEST(cut_characters("one two", 2) == "on");
  BOOST_TEST(cut_characters("\u00e4\u00f6\u00fc", 2) == "\u00e4\u00f6");
  BOOST_TEST(cut_characters("one", 0).empty());
}

BOOST_AUTO_TEST_CASE(an_error_of_the_system_is_that_before_its_text_was_made) {
  errno = ENOENT;
  auto text = [] {
    errno = ENOMEM;  // as an allocation may leave it
    return std::string("cannot open 'a'");
  };
  auto failure = system_error()(text());
  BOOST_TEST(failure.message.starts_with("cannot open 'a': No such file"));
  BOOST_TEST((failure.code == error_code::not_found));
}
