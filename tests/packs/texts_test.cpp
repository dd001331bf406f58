// SPDX-License-Identifier: MIT
#include "packs/texts.hpp"

#include "packs/contents.hpp"
#include "packs/some_pack.hpp"
#include "packs/template.hpp"
#include "platform/text.hpp"
#include "support/must.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;
using some_pack::ada;
using some_pack::foxes;

namespace {

const char* const license_types[] = {"commercial", "personal", "attribution", "royalty_free"};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What no text for a buyer may have: gaps, headings of nothing, lines of spaces, control
/// characters.
void expect_finished(const std::string& text) {
  BOOST_TEST_INFO_SCOPE(text);
  for (const char* gap : {"{{", "}}", "TODO", "()", "\"\"", " ,", "by .", "null"})
    BOOST_TEST(!has(text, gap), "there is " << gap);
  BOOST_TEST(
      !std::regex_search(text, std::regex("[ \t]\n|\n\n\n|^\n|[\\x01-\\x09\\x0b-\\x1f\\x7f]")));
  BOOST_TEST(text.ends_with("\n"));
  // A heading has text under it.
  BOOST_TEST(!std::regex_search(
      text, std::regex("(^|\n)([A-Z][A-Z ]+|##+ [^\n]*)\n+([A-Z][A-Z ]+\n|#+ |$)")));
}

/// A seller of whom the facts whose bits are set are known.
seller with_facts(unsigned bits) {
  auto by = ada();
  if (bits & 1) by.year = "2024-2026";
  if (bits & 2) by.shop = "fox.example";
  if (bits & 4) by.contact = "ada@fox.example";
  return by;
}

snapshot with_more(unsigned bits) {
  auto pack = foxes();
  if (bits & 1) pack.theme = "forest";
  if (bits & 2) pack.description = "Foxes in the wood.\n\nPainted with care.";
  if (bits & 4) pack.members[0].provenance = "ai_generated";
  if (bits & 8) pack.members.push_back(some_pack::sound(7));
  return pack;
}

std::vector<entry> files_of(const snapshot& pack) {
  std::vector<entry> files;
  for (const auto& each : pack.members)
    files.push_back({"assets/" + std::to_string(each.asset) + ".png", {}, each.size_bytes, {}, {}});
  return files;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(texts)

BOOST_AUTO_TEST_CASE(each_licence_is_complete_with_and_without_each_fact) {
  for (const char* type : license_types)
    for (unsigned of_seller = 0; of_seller < 8; ++of_seller)
      for (unsigned of_pack = 0; of_pack < 16; ++of_pack) {
        auto pack = with_more(of_pack);
        pack.license = type;
        auto by = with_facts(of_seller);
        auto text = must(make_license(pack, by));
        expect_finished(text);
        for (const char* part :
             {"WHAT YOU GET", "YOU MAY\n", "YOU MAY NOT", "PRINT ON DEMAND", "CREDIT",
              "NO WARRANTY", "TERMINATION", "CONTACT", "Foxes", "Ada Lovelace"})
          BOOST_TEST(has(text, part), type << " lacks " << part);
        BOOST_TEST(has(text, std::string(terms_of(type).id)));
        BOOST_TEST(has(text, "Copyright (c) " + (by.year.empty() ? "2026" : by.year) + " Ada"));
        BOOST_TEST(has(text, "CONTENT MADE WITH AI") == ((of_pack & 4) != 0));
        BOOST_TEST(has(text, "ada@fox.example") == ((of_seller & 4) != 0));
        BOOST_TEST(has(text, "fox.example") == ((of_seller & 6) != 0));
      }
}

BOOST_AUTO_TEST_CASE(licences_differ_in_what_they_allow) {
  auto license = [](const char* type) {
    auto pack = foxes();
    pack.license = type;
    return must(make_license(pack, ada()));
  };
  BOOST_TEST(has(license("commercial"), "sell physical products"));
  BOOST_TEST(has(license("royalty_free"), "owe nothing further"));
  BOOST_TEST(has(license("attribution"), "Wherever you use the files, give this credit"));
  BOOST_TEST(has(license("personal"), "You may not offer such"));
  BOOST_TEST(!has(license("personal"), "sell physical products"));
  BOOST_TEST(has(license("attribution"), "\"Foxes\" by Ada Lovelace\n"));
}

BOOST_AUTO_TEST_CASE(a_readme_is_complete_with_and_without_each_fact) {
  for (const char* type : license_types)
    for (unsigned of_seller = 0; of_seller < 8; ++of_seller)
      for (unsigned of_pack = 0; of_pack < 16; ++of_pack) {
        auto pack = with_more(of_pack);
        pack.license = type;
        auto text = must(make_readme(pack, with_facts(of_seller), files_of(pack)));
        expect_finished(text);
        BOOST_TEST(text.starts_with("# Foxes\n"));
        for (const char* part :
             {"- 2 images (PNG), 7200 x 10800 pixels, 300 DPI, with transparency\n",
              "- `assets/1.png` (1.5 MB)\n", "sha256sum -c checksums.txt", "LICENSE.txt", "Ada"})
          BOOST_TEST(has(text, part), text);
        BOOST_TEST(has(text, "Painted with care.") == ((of_pack & 2) != 0));
        BOOST_TEST(has(text, "Theme: forest") == ((of_pack & 1) != 0));
        BOOST_TEST(has(text, "## Use of AI") == ((of_pack & 4) != 0));
        BOOST_TEST(has(text, "- 1 sound (WAV), 0:12 minutes, 44.1 kHz\n") == ((of_pack & 8) != 0));
        BOOST_TEST(has(text, "## Contact") == ((of_seller & 6) != 0));
      }
}

BOOST_AUTO_TEST_CASE(a_readme_lists_files_unless_they_are_too_many) {
  auto pack = foxes();
  std::vector<entry> files(listed_files_max, {"a `b`\n.png", {}, 1, {}, {}});
  BOOST_TEST(has(must(make_readme(pack, ada(), files)), "- `a 'b' .png` (1 B)\n"));
  files.emplace_back();
  auto text = must(make_readme(pack, ada(), files));
  BOOST_TEST(!has(text, "## Files"));
  expect_finished(text);
}

BOOST_AUTO_TEST_CASE(a_listing_is_complete_in_each_marketplace) {
  for (const auto& profile : known_profiles()->profiles)
    for (unsigned of_pack = 0; of_pack < 16; ++of_pack) {
      BOOST_TEST_INFO_SCOPE(profile.id);
      auto pack = with_more(of_pack);
      pack.members[0].tags = {"fox"};
      auto text = must(make_store_copy(pack, ada(), profile, {}));
      expect_finished(text);
      bool uses_ai = (of_pack & 4) != 0;
      BOOST_TEST(has(text, "1 of the ") == uses_ai, text);
      BOOST_TEST(has(text, "AI DISCLOSURE") == (uses_ai && !profile.disclosure.empty()));
      BOOST_TEST(has(text, "Made or enhanced with AI: graphics.")
                 == (uses_ai && !profile.disclosure.empty()));
      BOOST_TEST(has(text, "\nTAGS\n\n" + std::string(of_pack & 1 ? "forest, " : "") + "fox\n"));
    }
}

BOOST_AUTO_TEST_CASE(a_listing_keeps_to_the_lengths_and_says_that_ai_was_used) {
  auto pack = with_more(7);
  pack.name = "Foxes and owls in the wood";
  std::string words;
  for (int i = 0; i < 500; ++i)
    words += "w\xc3\xb6rter ";
  pack.description = words;
  profile of;
  of.title_max = 12;
  of.short_text_max = 40;
  of.long_text_max = 600;
  auto copy = must(store_copy_of(pack, ada(), of, {}));
  BOOST_TEST(copy.title == "Foxes and");
  BOOST_TEST(count_characters(copy.short_text) <= 40u);
  BOOST_TEST(copy.short_text.starts_with("Foxes and owls in the wood: 2 images"));
  BOOST_TEST(count_characters(copy.long_text) <= 600u);
  BOOST_TEST(count_characters(copy.long_text) > 580u);
  BOOST_TEST(copy.long_text.ends_with("1 of the 2 files was created with generative AI."));
}

BOOST_AUTO_TEST_CASE(what_a_pack_holds_is_said_where_it_is_known_of_all) {
  auto pack = foxes();
  auto line = [&] { return contents_of(pack).lines.front(); };
  pack.members[0].width = 1'000;
  pack.members[0].height = 800;
  pack.members[0].mime = "image/jpeg";
  pack.members[0].alpha_used = false;
  pack.members[0].dpi_x = 71.6;
  BOOST_TEST(line()
             == "2 images (JPEG, PNG), 1000 x 800 to 7200 x 10800 pixels, 72 to 300 DPI, 1 with "
                "transparency");
  pack.members[0].dpi_x = {};
  pack.members[0].height = {};
  pack.members[0].mime = "image/x-unknown";
  BOOST_TEST(line() == "2 images, 1 with transparency");
  pack.members = {some_pack::sound(1), some_pack::sound(2)};
  pack.members[0].duration_sec = 3'725.4;
  pack.members[0].samplerate_hz = 48'000;
  BOOST_TEST(line() == "2 sounds (WAV), 0:12 to 1:02:05 minutes, 44.1 to 48 kHz");
  pack.members[0].type = "video";
  pack.members[0].mime = "video/mp4";
  pack.members[0].width = 1'920;
  pack.members[0].height = 1'080;
  pack.members[0].duration_sec = 0.2;
  auto both = contents_of(pack);
  BOOST_TEST(both.lines.back() == "1 clip (MP4), 1920 x 1080 pixels, 0:01 minutes");
  BOOST_TEST(both.summary == "1 sound and 1 clip");
}

BOOST_AUTO_TEST_CASE(the_use_of_ai_is_told_exactly) {
  auto told = [](const std::vector<const char*>& provenances) {
    auto pack = foxes();
    pack.members.clear();
    for (const char* each : provenances) {
      pack.members.push_back(some_pack::picture(1));
      pack.members.back().provenance = each;
    }
    return contents_of(pack).ai_disclosure;
  };
  BOOST_TEST(told({"unknown", "user_provided"}) == "");
  BOOST_TEST(told({"ai_generated"}) == "The file was created with generative AI.");
  BOOST_TEST(told({"ai_generated", "ai_generated"})
             == "Both files were created with generative AI.");
  BOOST_TEST(told({"ai_generated", "ai_generated", "ai_generated"})
             == "All 3 files were created with generative AI.");
  BOOST_TEST(told({"ai_generated", "enhanced", "enhanced"})
             == "1 of the 3 files was created with generative AI. 2 of the 3 files were enhanced "
                "with AI tools.");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_asked_for) {
  auto refusal = [](const snapshot& pack, const seller& by) {
    auto text = make_license(pack, by);
    REQUIRE_FAILS(text, error_code::refused);
    REQUIRE_FAILS(make_readme(pack, by, {}), error_code::refused);
    REQUIRE_FAILS(make_store_copy(pack, by, {}, {}), error_code::refused);
    return text.failure().message;
  };
  BOOST_TEST(has(refusal(foxes(), {}), "podstudio pack setup --author"));
  BOOST_TEST(has(refusal(foxes(), {"\x07 ", {}, {}, {}}), "podstudio pack setup --author"));
  auto pack = foxes();
  pack.name = "\xe2\x80\x8b";
  BOOST_TEST(has(refusal(pack, ada()), "podstudio pack edit 3 --name"));
  pack = foxes();
  pack.members.clear();
  BOOST_TEST(has(refusal(pack, ada()), "podstudio pack add 3"));
}

BOOST_AUTO_TEST_CASE(hostile_names_do_not_reach_a_buyer) {
  auto pack = foxes();
  pack.name = "Fox\x1b[2J\xe2\x80\xaexes\n{{author}}";
  pack.description = std::string("\x07\0\x80 evil", 8) + "\r\n\n\n\n\n# x";
  pack.theme = "\xc2\x9b[31m";
  auto by = ada();
  by.contact = "a\nb";
  for (const auto& text : {must(make_license(pack, by)), must(make_readme(pack, by, {})),
                           must(make_store_copy(pack, by, {}, {}))}) {
    BOOST_TEST(is_utf8(text));
    BOOST_TEST(std::ranges::none_of(text, [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
    }));
    BOOST_TEST(has(text, "Fox [2Jxes {{author}}"), text);  // not looked at again
    BOOST_TEST(!has(text, "\xe2\x80\xae"));
  }
}

BOOST_AUTO_TEST_CASE(texts_are_the_same_each_time) {
  auto pack = with_more(15);
  BOOST_TEST(must(make_license(pack, ada())) == must(make_license(pack, ada())));
  BOOST_TEST(must(make_readme(pack, ada(), {})) == must(make_readme(pack, ada(), {})));
}

BOOST_AUTO_TEST_CASE(a_seller_may_bring_templates) {
  temp_folder folder;
  BOOST_TEST(!must(read_templates(folder.path + "/none")).license);
  std::ofstream(folder.path + "/README.md") << "{{title}}: {{summary}}";
  std::ofstream(folder.path + "/LICENSE.txt") << "(c) {{year}} {{author}}\n{{licence}}";
  auto own = must(read_templates(folder.path));
  BOOST_TEST(must(make_readme(foxes(), ada(), {}, own)) == "Foxes: 2 images");
  auto license = make_license(foxes(), ada(), own);
  REQUIRE_FAILS(license, error_code::invalid_argument);
  BOOST_TEST(has(license.failure().message, "LICENSE.txt, line 2: there is no variable 'licence'"));
  BOOST_TEST(has(license.failure().message, "license_id"));
  // Ours where there is none of the seller's.
  BOOST_TEST(has(must(make_store_copy(foxes(), ada(), {}, {}, own)), "SHORT DESCRIPTION"));
  std::filesystem::create_symlink("/etc/hostname", folder.path + "/store_copy.txt");
  BOOST_TEST(!read_templates(folder.path));
  std::filesystem::remove(folder.path + "/store_copy.txt");
  std::ofstream(folder.path + "/store_copy.txt") << std::string(template_bytes_max + 1, 'x');
  BOOST_TEST(!read_templates(folder.path));
}

BOOST_AUTO_TEST_SUITE_END()
