// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_fold_text
#include <boost/test/unit_test.hpp>

#include "platform/fold_text.hpp"

using namespace podstudio;

BOOST_AUTO_TEST_CASE(what_reads_the_same_is_folded_to_the_same) {
  const std::vector<std::vector<const char*>> same = {
      {"apple.PNG", "APPLE.png", "Apple.Png", "apple.png"},
      {"Äpfel", "äpfel", "ÄPFEL", "A\u0308pfel", "Apfel", "apfel"},
      {"caf\u00e9", "cafe\u0301", "CAF\u00c9", "cafe"},
      {"Stra\u00dfe", "STRASSE", "STRA\u1e9eE", "strasse"},
      {"Москва", "МОСКВА", "москва"},
      {"Ёлка", "елка", "Е\u0308ЛКА"},
      {"Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ", "Οδυσσευς"},
      {"İstanbul", "Istanbul", "ISTANBUL", "ıstanbul", "istanbul"},
      {"ＡＢＣ１２３", "abc123"},
      {"ｶﾞｲﾄﾞ", "ガイド", "カ\u3099イト\u3099"},
      {"東京", "東京"},
      {"한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"},
      {"\ufb01sh", "fish"},
      {"Việt Nam", "VIE\u0323\u0302T NAM", "viet nam"},
      {"\u05e9\u05b8\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"},
      {"a\u00a0b", "a b"},
      {"so\u00adft", "soft"},
      {"\U00010400", "\U00010428"},
      {"\U0001f600", "\U0001f600"},
  };
  for (const auto& forms : same)
    for (const auto* form : forms) {
      BOOST_TEST(fold_text(form) == fold_text(forms.back()), form);
      BOOST_TEST(fold_text(fold_text(form)) == fold_text(form), form);
    }
  BOOST_TEST(fold_text("\u00c4PFEL /1") == "apfel /1");
  BOOST_TEST(fold_text("") == "");
}

BOOST_AUTO_TEST_CASE(what_reads_differently_stays_apart) {
  const std::pair<const char*, const char*> apart[] = {
      {"が", "か"},               // a voiced letter is another letter
      {"ぱ", "は"}, {"कि", "क"},  // so is one with another vowel
      {"กา", "กิ"},  {"\u0142", "l"}, {"\u00f8", "o"}, {"a", "b"}, {"東", "京"}, {"\u0430", "a"},
  };
  for (const auto& [one, other] : apart)
    BOOST_TEST(fold_text(one) != fold_text(other), one);
}

BOOST_AUTO_TEST_CASE(any_bytes_are_folded_without_harm) {
  // The longest of all compatible forms.
  std::string long_form;
  for (int i = 0; i < 1'000; ++i)
    long_form += "\ufdfa";
  BOOST_TEST(fold_text(long_form).size() > 10 * long_form.size());
  BOOST_TEST(fold_text("\xff\xfe") == "\xff\xfe");
  BOOST_TEST(fold_text("A\xc3") == "A\xc3");
  BOOST_TEST(fold_text("\u0301") == "");
}
