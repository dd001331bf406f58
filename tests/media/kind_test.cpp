// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE kind
#include "media/kind.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace podstudio;

BOOST_AUTO_TEST_CASE(each_ending_of_a_format_gives_its_type_in_any_letter_case) {
  const std::pair<asset_type, const char*> known[] = {
      {asset_type::image, "png apng jpg jpeg jpe jfif jif gif bmp dib tif tiff webp"},
      {asset_type::audio, "wav wave mp3 flac ogg oga opus m4a m4b aac adts"},
      {asset_type::video, "mp4 m4v mov qt avi mkv webm flv f4v"},
  };
  for (const auto& [type, list] : known) {
    std::string extension;
    for (const char* c = list;; ++c) {
      if (*c != ' ' && *c != '\0') {
        extension += *c;
        continue;
      }
      auto upper = extension;
      for (auto& letter : upper)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
      auto mixed = upper;
      mixed.back() = extension.back();
      for (const auto& form : {extension, upper, mixed}) {
        BOOST_TEST((type_of("a." + form) == type), form);
        BOOST_TEST((type_of("a b.c." + form) == type), form);
      }
      extension.clear();
      if (*c == '\0') break;
    }
  }
}

BOOST_AUTO_TEST_CASE(other_names_have_no_type) {
  for (const auto* name :
       {"", ".", "..", "png", ".png", "a.", "a.jpegg", "a.ti", "a.png.part",
        "a.a much longer ending.", "a.png ", "a.pn", "a.pngx", "a.p\xc4\xb1ng", "png."})
    BOOST_TEST(!type_of(name), name);
}

BOOST_AUTO_TEST_CASE(media_that_is_not_taken_is_told_by_its_ending) {
  for (auto ending : not_taken_endings) {
    auto name = "a." + std::string(ending);
    auto place = not_taken_place(name);
    BOOST_REQUIRE(place.has_value());
    BOOST_TEST(not_taken_endings[*place] == ending);
    BOOST_TEST(!type_of(name), name);
    name[2] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[2])));
    BOOST_TEST((not_taken_place(name) == place));
  }
  for (const auto* name : {"", "psd", ".psd", "a.", "a.png", "a.txt", "a.psd.txt", "a.procreated"})
    BOOST_TEST(!not_taken_place(name), name);
}
