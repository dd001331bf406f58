// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_names
#include <boost/test/unit_test.hpp>

#include "archive/names.hpp"
#include "platform/text.hpp"
#include "support/temp_folder.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

using namespace podstudio;
using namespace podstudio::archive;

namespace {

const std::vector<std::string> pieces{"a",
                                      "B",
                                      "file",
                                      "con",
                                      "COM1",
                                      "lpt9",
                                      "nul",
                                      "aux",
                                      "CONIN$",
                                      "com\u00b9",
                                      ".",
                                      "..",
                                      " ",
                                      "  ",
                                      "/",
                                      "\\",
                                      ":",
                                      "*",
                                      "?",
                                      "\"",
                                      "<",
                                      ">",
                                      "|",
                                      "%",
                                      "%2e",
                                      "\n",
                                      "\r",
                                      "\t",
                                      "\x01",
                                      "\x7f",
                                      "\xc2\x85",
                                      "\xff",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\u00e9",
                                      "e\u0301",
                                      "\u00c5",
                                      "A\u030a",
                                      "\u212b",
                                      "\u1e9e",
                                      "\u00df",
                                      "\u0130",
                                      "\u0131",
                                      "\u017f",
                                      "\ufb01",
                                      "\uac00",
                                      "\u1100\u1161",
                                      "\u6f22",
                                      "\U0001f408",
                                      "\U0001f469\u200d\U0001f4bb",
                                      "\u200b",
                                      "\u200d",
                                      "\u202e",
                                      "\u2066",
                                      "\ufeff",
                                      "\u00ad",
                                      "\u2028",
                                      "\u3000",
                                      "\u00a0",
                                      "\ufe0f",
                                      "\U000e0041",
                                      "\ue000",
                                      "\uffff",
                                      "\u0378",
                                      "\u037e",
                                      "\u0338",
                                      "\u3164",
                                      "\u115f",
                                      "\u2044",
                                      "\uff0f",
                                      "\u2215",
                                      "\u0e33",
                                      ".png",
                                      ".PNG",
                                      ".tar.gz",
                                      "-",
                                      "~",
                                      "$",
                                      "'",
                                      ".p\u202egnp.exe",
                                      "0",
                                      "\u0344",
                                      "\u0958",
                                      "\u2126",
                                      "\u1d15e",
                                      "\ud7a3"};

std::string random_name(std::mt19937& random) {
  std::string name;
  for (auto left = random() % 12 + 1; left > 0; --left) {
    const auto& piece = pieces[random() % pieces.size()];
    for (auto times = random() % 16 == 0 ? random() % 200 : 1; times > 0; --times)
      name += piece;
  }
  return name;
}

}  // namespace

BOOST_AUTO_TEST_CASE(names_become_the_nearest_safe_ones) {
  const std::pair<std::string, std::string> cases[] = {
      {"pine 1.png", "pine 1.png"},
      {"caf\u00e9.png", "caf\u00e9.png"},
      {"cafe\u0301.png", "caf\u00e9.png"},
      {"a/b\\c:d.png", "a_b_c_d.png"},
      {"<<>>?*|\".png", "_.png"},
      {"100%.png", "100_.png"},
      {"  ..a.png . ", "a.png"},
      {".png", "png"},
      {"", "file"},
      {"...", "file"},
      {"\u200b\u202e", "file"},
      {"a\u202egnp.exe", "agnp.exe"},
      {"e\u200d\u0301.png", "\u00e9.png"},
      {"a\u3000b.png", "a b.png"},
      {"\xff\xfe.png", "_.png"},
      {"con.png", "_con.png"},
      {"CoM1", "_CoM1"},
      {"aux .txt", "_aux .txt"},
      {"com\u00b2.txt", "_com\u00b2.txt"},
      {"console.png", "console.png"},
      {"com10.png", "com10.png"},
      {"\U0001f408.png", "\U0001f408.png"},
      {"a .png", "a .png"},
      {"\ue000\u0378.png", "_.png"},
  };
  for (const auto& [original, expected] : cases)
    BOOST_TEST(safe_name(original) == expected, printable(original));
  const std::pair<std::string, std::string> ascii[] = {
      {"pine 1.png", "pine-1.png"},     {"Caf\u00e9 \u00c5.png", "Cafe-A.png"},
      {"\u6f22\u5b57.png", "_.png"},    {"a&b(c).png", "a_b_c_.png"},
      {"\ufb01ne.png", "fine.png"},     {"\u00bd.png", "1_2.png"},
      {"con.png", "_con.png"},          {"com\u00b9.png", "_com1.png"},
      {"a'b,c;d!.png", "a_b_c_d_.png"}, {"\xff.png", "_.png"}};
  for (const auto& [original, expected] : ascii)
    BOOST_TEST(safe_name(original, name_style::ascii) == expected, printable(original));
}

BOOST_AUTO_TEST_CASE(a_long_name_keeps_its_extension) {
  for (const std::string letter : {"a", "\u00e9", "\u6f22", "\U0001f408"}) {
    std::string stem;
    while (stem.size() < 250)
      stem += letter;
    auto name = safe_name(stem + ".jpeg");
    BOOST_TEST(name.size() <= name_bytes_max);
    BOOST_TEST(name.size() > name_bytes_max - 4);
    BOOST_TEST(name.ends_with(letter + ".jpeg"));
    BOOST_TEST(is_safe_name(name));
  }
  BOOST_TEST(safe_name(std::string(200, 'a') + ". .png").ends_with("a.png"));
}

BOOST_AUTO_TEST_CASE(what_is_made_safe_is_safe_and_stays) {
  std::mt19937 random(20260105);
  for (int i = 0; i < 20'000; ++i) {
    auto original = random_name(random);
    for (auto style : {name_style::unicode, name_style::ascii}) {
      auto name = safe_name(original, style);
      if (!is_safe_name(name) || safe_name(name, style) != name)
        BOOST_ERROR(printable(original) << " becomes " << printable(name));
    }
  }
}

BOOST_AUTO_TEST_CASE(python_takes_a_thousand_hostile_names_for_safe_and_unique) {
  temp_folder space;
  std::mt19937 random(20260106);
  unique_names names;
  std::ofstream out(space.path + "/names");
  auto add = [&](const std::string& original, name_style style) {
    auto name = names.add(safe_name(original, style));
    BOOST_TEST(is_safe_name(name));
    out << nlohmann::json{{"original", printable(original)},
                          {"name", name},
                          {"ascii", style == name_style::ascii}}
               .dump()
        << "\n";
  };
  for (const auto& piece : pieces)
    for (const char* ending : {"", ".png", " .PNG", ".", " "})
      for (auto style : {name_style::unicode, name_style::ascii})
        add(piece + ending, style);
  for (int i = 0; i < 1000; ++i)
    add(random_name(random), i % 4 == 0 ? name_style::ascii : name_style::unicode);
  out.close();
  auto check = "/usr/bin/python3 '" + std::string(CHECK_NAMES) + "' '" + space.path + "/names'";
  BOOST_TEST(std::system(check.c_str()) == 0);
  // The check itself can fail.
  for (const char* bad : {"con.png", "a:b", "a.", "e\u0301", "a\u202eb", "a\u200bb", "", "x%"}) {
    std::ofstream(space.path + "/bad")
        << nlohmann::json{{"original", ""}, {"name", bad}, {"ascii", false}}.dump() << "\n";
    auto again = "/usr/bin/python3 '" + std::string(CHECK_NAMES) + "' '" + space.path + "/bad' >'"
                 + space.path + "/out'";
    BOOST_TEST(std::system(again.c_str()) != 0, bad);
    BOOST_TEST(!is_safe_name(bad), bad);
  }
}

BOOST_AUTO_TEST_CASE(unsafe_names_and_paths_are_known) {
  for (const std::string name :
       {"",         ".",       "..",      ".a",     "a.",      " a",        "a ",      "a/b",
        "a\\b",     "a:b",     "a*",      "a?",     "a\"",     "a<",        "a>",      "a|",
        "a%",       "a\n",     "a\x7f",   "\xff",   "e\u0301", "a\u200b",   "a\u202e", "a\u00ad",
        "a\u00a0b", "con",     "CON.txt", "Nul .x", "com9.a",  "LPT\u00b3", "conout$", "\ue000",
        "\u0378",   "a\ufe0f", "com0",    "\u212b"})
    BOOST_TEST(!is_safe_name(name), printable(name));
  BOOST_TEST(!is_safe_name(std::string("a\0b", 3)));
  BOOST_TEST(!is_safe_name(std::string(name_bytes_max + 1, 'a')));
  BOOST_TEST(is_safe_name(std::string(name_bytes_max, 'a')));
  for (const std::string path : {"", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "C:/a",
                                 "a/con/b", "a\\..\\b", "1/2/3/4/5/6/7/8/9"})
    BOOST_TEST(!is_safe_path(path), path);
  for (const std::string path : {"a", "a/b", "assets/caf\u00e9 1.png", "1/2/3/4/5/6/7/8"})
    BOOST_TEST(is_safe_path(path), path);
  std::string longest(name_bytes_max, 'a');
  BOOST_TEST(!is_safe_path(longest + "/" + longest));
  BOOST_TEST(is_safe_path(longest + "/" + longest.substr(1)));
}

BOOST_AUTO_TEST_CASE(names_are_unique_without_regard_to_case) {
  unique_names names;
  BOOST_TEST(names.add("a.png") == "a.png");
  BOOST_TEST(names.add("A.PNG") == "A-2.PNG");
  BOOST_TEST(names.add("a.png") == "a-3.png");
  BOOST_TEST(names.add("a-4.png") == "a-4.png");
  BOOST_TEST(names.add("a.png") == "a-5.png");
  BOOST_TEST(names.add("stra\u00dfe.png") == "stra\u00dfe.png");
  BOOST_TEST(names.add("STRASSE.png") == "STRASSE-2.png");
  BOOST_TEST(names.add("\u03c3") == "\u03c3");
  BOOST_TEST(names.add("\u03c2") == "\u03c2-2");
  const std::string longest = std::string(name_bytes_max - 4, 'x') + ".png";
  BOOST_TEST(names.add(longest) == longest);
  for (int i = 2; i < 300; ++i) {
    auto name = names.add(longest);
    auto suffix = "-" + std::to_string(i) + ".png";
    BOOST_TEST(name == longest.substr(0, name_bytes_max - suffix.size()) + suffix);
  }
}

BOOST_AUTO_TEST_CASE(paths_of_an_archive_do_not_collide) {
  path_check paths;
  for (const char* path : {"README.md", "assets/a", "assets/b", "Assets/c", "d/e/f"})
    BOOST_TEST(paths.add(path) == "", path);
  for (const char* path : {"readme.MD", "ASSETS/A", "assets", "ASSETS", "readme.md/x", "d/E",
                           "D/e/F/g", "../x", "d/e/f"})
    BOOST_TEST(paths.add(path) != "", path);
  // The same letters under full case folding, though both are in NFC.
  BOOST_TEST(paths.add("\u1fb3\u0323") == "");
  BOOST_TEST(paths.add("\u03b1\u0323\u03b9") != "");
}
