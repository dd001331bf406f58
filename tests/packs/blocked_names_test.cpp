// SPDX-License-Identifier: MIT
#include "packs/blocked_names.hpp"

#include "support/must.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace podstudio;
using namespace podstudio::packs;

BOOST_AUTO_TEST_SUITE(names_that_are_blocked)

BOOST_AUTO_TEST_CASE(names_are_found_as_whole_words_in_any_case) {
  auto names = must(blocked_names::parse(
      "# artists\n\nVan Gogh\n  Mucha \r\nM\xc3\xbcller\nAC/DC\n---\n", "names"));
  for (const char* text :
       {"a sky by VAN GOGH", "van-gogh", "van  gogh's stars", "(van gogh:1.2)",
        "van \xe2\x80\x93 gogh", "\u00abVan Gogh\u00bb", "Van Gogh\u2122", "Van\u00a0Gogh\u00ae"})
    BOOST_TEST(names.find_in(text) == "Van Gogh", text);
  BOOST_TEST(names.find_in("in the style of mucha, oil") == "Mucha");
  BOOST_TEST(names.find_in("muller") == "M\xc3\xbcller");
  BOOST_TEST(names.find_in("ac dc on stage") == "AC/DC");
  for (const char* text : {"", "vangogh", "van of gogh", "gogh van", "muchacha", "a van", "much a"})
    BOOST_TEST(names.find_in(text).empty(), text);
}

BOOST_AUTO_TEST_CASE(no_list_blocks_nothing) {
  BOOST_TEST(blocked_names().find_in("Van Gogh").empty());
  BOOST_TEST(must(blocked_names::parse("# none\n!!\n", "names")).empty());
}

BOOST_AUTO_TEST_CASE(the_list_is_bounded_and_checked) {
  std::string many;
  for (std::size_t i = 0; i < blocked_names_max; ++i)
    many += "name" + std::to_string(i) + "\n";
  BOOST_TEST(must(blocked_names::parse(many, "names")).find_in("name9999") == "name9999");
  REQUIRE_FAILS(blocked_names::parse(many + "another", "names"), error_code::refused);
  REQUIRE_FAILS(blocked_names::parse(std::string(blocked_names_bytes_max + 1, ' '), "names"),
                error_code::refused);
  auto bad = blocked_names::parse("\xff", "/data/names");
  REQUIRE_FAILS(bad, error_code::invalid_argument);
  BOOST_TEST(bad.failure().message.find("'/data/names'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_and_a_missing_one_is_empty) {
  temp_folder folder;
  auto path = folder.path + "/blocked-names.txt";
  BOOST_TEST(must(read_blocked_names(path)).empty());
  std::ofstream(path) << "Mucha\n";
  BOOST_TEST(must(read_blocked_names(path)).find_in("mucha") == "Mucha");
  std::filesystem::create_symlink(path, folder.path + "/link");
  BOOST_TEST(!read_blocked_names(folder.path + "/link"));
}

BOOST_AUTO_TEST_SUITE_END()
