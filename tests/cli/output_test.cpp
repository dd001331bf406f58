// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE cli_output
#include <boost/test/unit_test.hpp>

#include "command.hpp"
#include "output.hpp"

#include <clocale>

using namespace podstudio;

namespace {

struct locale {
  locale() { std::setlocale(LC_CTYPE, "C.UTF-8"); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(locale);

BOOST_AUTO_TEST_CASE(letters_are_as_wide_as_a_terminal_shows_them) {
  BOOST_TEST(display_width("") == 0u);
  BOOST_TEST(display_width("abc") == 3u);
  BOOST_TEST(display_width("äé") == 2u);
  BOOST_TEST(display_width("e\xcc\x81") == 1u);  // a combining accent
  BOOST_TEST(display_width("日本") == 4u);
  BOOST_TEST(display_width("\xff\xff") == 2u);
}

BOOST_AUTO_TEST_CASE(columns_are_aligned_by_what_is_seen) {
  table t({{"id", align::right}, {"name"}, {"x"}});
  t.row({"1", "日本", "a"});
  t.row({"100", "b", "c"});
  BOOST_TEST(t.text(false)
             == " id  name  x\n"
                "  1  日本  a\n"
                "100  b     c\n");
}

BOOST_AUTO_TEST_CASE(later_pages_keep_the_columns_and_repeat_no_heading) {
  table t({{"name"}, {"x"}});
  t.row({"long name", "a"});
  t.text(false);
  t.row({"b", "c"});
  BOOST_TEST(t.text(false) == "b          c\n");
}

BOOST_AUTO_TEST_CASE(a_hostile_name_cannot_reach_the_terminal) {
  table t({{"name"}});
  t.row({"a\x1b[2J\nb\r\xff"});
  BOOST_TEST(t.text(false) == "name\na\\x1b[2J\\x0ab\\x0d\\xff\n");
}

BOOST_AUTO_TEST_CASE(cells_that_are_printable_already_are_not_escaped_twice) {
  table t({{"name", align::left, true}});
  t.row({"a\\x1b"});
  BOOST_TEST(t.text(false) == "name\na\\x1b\n");
}

BOOST_AUTO_TEST_CASE(headings_are_bold_where_that_is_wanted) {
  table t({{"name"}});
  BOOST_TEST(t.text(true) == "\x1b[1mname\x1b[0m\n");
}

BOOST_AUTO_TEST_CASE(missing_cells_are_empty) {
  table t({{"a"}, {"b"}});
  t.row({"x"});
  BOOST_TEST(t.text(false) == "a  b\nx\n");
}

BOOST_AUTO_TEST_CASE(values_become_cells) {
  BOOST_TEST(cell(nullptr) == "");
  BOOST_TEST(cell(true) == "yes");
  BOOST_TEST(cell("a") == "a");
  BOOST_TEST(cell(7) == "7");
  BOOST_TEST(cell(100.0) == "100.0");
  BOOST_TEST(cell(0.6000000000000001) == "0.6");
  BOOST_TEST(cell(0.483504) == "0.483504");
  BOOST_TEST(cell(-1e300).size() > 300u);
  BOOST_TEST(decimal(70.29508196721312, 1) == "70.3");
  BOOST_TEST(decimal(-1e-9, 6) == "0.0");
  BOOST_TEST(cell({"a", "b"}) == "a, b");
}

BOOST_AUTO_TEST_CASE(sizes_and_times_are_rounded_for_people) {
  BOOST_TEST(human_size(0) == "0 B");
  BOOST_TEST(human_size(999) == "999 B");
  BOOST_TEST(human_size(1'500) == "1.5 kB");
  BOOST_TEST(human_size(999'999) == "1.0 MB");
  BOOST_TEST(human_size(UINT64_MAX) == "18.4 EB");
  BOOST_TEST(human_time(59) == "59 s");
  BOOST_TEST(human_time(61) == "1 min 1 s");
  BOOST_TEST(human_time(3'600) == "1 h 0 min");
  BOOST_TEST(human_time(90'000) == "1 d 1 h");
}

BOOST_AUTO_TEST_CASE(a_misspelt_word_finds_the_one_that_was_meant) {
  const std::vector<std::string> known = {"import", "log", "status", "sync", "--json"};
  struct {
    const char* word;
    const char* meant;
  } const cases[] = {{"improt", "import"}, {"imprt", "import"},  {"imports", "import"},
                     {"stauts", "status"}, {"snyc", "sync"},     {"lgo", "log"},
                     {"--jsn", "--json"},  {"export", "import"}, {"x", ""},
                     {"ab", ""},           {"frobnicate", ""}};
  for (const auto& [word, meant] : cases)
    BOOST_TEST(nearest(word, known) == meant);
}
