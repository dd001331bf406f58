// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_kept_texts
#include <boost/test/unit_test.hpp>

#include "archive/kept_texts.hpp"

#include "support/made_archive.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <random>

using namespace archive_test;

BOOST_AUTO_TEST_CASE(every_entry_is_restored_from_what_is_kept) {
  temp_folder folder;
  auto key = must(signing_key::ensure(folder.path + "/signing.pem"));
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    random_pack made(random, 12);
    auto entries = entries_of(made.pack, {}, seed % 2 == 0 ? &key : nullptr);
    auto kept = must(keep_texts(entries));
    auto restored = must(restore_contents(kept));
    BOOST_REQUIRE(restored.entries.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      BOOST_TEST(restored.entries[i].name == entries[i].name);
      BOOST_TEST(restored.entries[i].sha256 == entries[i].sha256);
      BOOST_TEST(restored.entries[i].size_bytes == entries[i].size_bytes);
      BOOST_TEST(restored.entries[i].text == entries[i].text);
      BOOST_TEST(restored.entries[i].asset.has_value() == entries[i].asset.has_value());
    }
    BOOST_TEST(restored.of.updated_at_us == made.pack.updated_at_us);
  }
}

BOOST_AUTO_TEST_CASE(damage_is_refused) {
  std::mt19937_64 random(7);
  auto kept = must(keep_texts(entries_of(small_pack().pack, {}, nullptr)));
  for (int round = 0; round < 500; ++round) {
    auto damaged = kept;
    damaged[random() % damaged.size()] ^= static_cast<char>(1u << random() % 8);
    auto restored = restore_contents(damaged);
    if (!restored) BOOST_TEST(restored.failure().message.find("damaged") != std::string::npos);
  }
  for (std::size_t bytes = 0; bytes < kept.size(); bytes += 7) {
    auto cut = restore_contents(kept.substr(0, bytes));
    REQUIRE_FAILS(cut, error_code::damaged);
  }
  auto longer = restore_contents(kept + "more");
  REQUIRE_FAILS(longer, error_code::damaged);
}

BOOST_AUTO_TEST_CASE(what_the_log_would_not_take_is_refused) {
  std::mt19937_64 random(7);
  std::string noise(2 * kept_bytes_max, '\0');
  for (auto& byte : noise)
    byte = static_cast<char>(random());
  std::vector<packs::entry> entries{text_entry("README.md", noise)};
  auto kept = keep_texts(entries);
  REQUIRE_FAILS(kept, error_code::refused);
  BOOST_TEST(kept.failure().message.find("several smaller packs") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_that_expands_without_end_is_refused_in_bounded_memory) {
  std::vector<packs::entry> entries{
      text_entry("README.md", std::string(kept_expanded_bytes_max / 2, ' ')),
      text_entry("LICENSE.txt", std::string(kept_expanded_bytes_max / 2, ' '))};
  auto kept = keep_texts(entries);
  REQUIRE_FAILS(kept, error_code::refused);
}
