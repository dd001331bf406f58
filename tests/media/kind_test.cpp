#define BOOST_TEST_MODULE kind
#include "media/kind.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace podstudio;

BOOST_AUTO_TEST_CASE(the_eighteen_extensions_give_their_type_in_any_letter_case) {
  const std::pair<asset_type, const char*> known[] = {
      {asset_type::image, "png jpg gif bmp tiff webp"},
      {asset_type::audio, "wav mp3 flac ogg m4a aac"},
      {asset_type::video, "mp4 mov avi mkv webm flv"},
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
  for (const auto* name : {"", ".", "..", "png", ".png", "a.", "a.jpeg", "a.tif", "a.png.part",
                           "a.png ", "a.pn", "a.pngx", "a.p\xc4\xb1ng", "png."})
    BOOST_TEST(!type_of(name), name);
}
