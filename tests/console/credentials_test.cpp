// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE console_credentials
#include <boost/test/unit_test.hpp>

#include "console/credentials.hpp"
#include "platform/files.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

struct fixture {
  temp_folder place;
  data_folder folder{place.path + "/data", place.path + "/data/podstudio.db"};
  fixture() { BOOST_REQUIRE(create(folder)); }

  /// Empty where there is none. Checks nothing, as threads may ask, which Boost.Test does not
  /// allow.
  std::string key() const {
    auto pair = ensure_credentials(folder);
    if (!pair) return {};
    auto text = read_small_file(pair->key_file, 10'000);
    return text ? *text : std::string();
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.root), {}));
  }
};

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_pair_is_private_to_its_owner, fixture) {
  auto pair = ensure_credentials(folder);
  BOOST_REQUIRE(pair);
  BOOST_TEST(mode_of(folder.tls()) == 0700u);
  BOOST_TEST(mode_of(pair->key_file) == 0600u);
  BOOST_TEST(mode_of(pair->certificate_file) == 0600u);
}

BOOST_FIXTURE_TEST_CASE(the_second_start_uses_the_same_key, fixture) {
  auto first = key();
  BOOST_TEST(first.find("PRIVATE KEY") != std::string::npos);
  BOOST_TEST(key() == first);
}

BOOST_FIXTURE_TEST_CASE(starts_at_the_same_time_agree_on_one_key, fixture) {
  auto before = entries();
  std::vector<std::string> keys(8);
  std::vector<std::thread> starts;
  for (auto& mine : keys)
    starts.emplace_back([&] { mine = key(); });
  for (auto& start : starts)
    start.join();
  BOOST_TEST(!keys.front().empty());
  BOOST_TEST(std::set<std::string>(keys.begin(), keys.end()).size() == 1u);
  BOOST_TEST(entries() == before + 1);  // tls, and no temporary folder left
}

BOOST_FIXTURE_TEST_CASE(what_a_start_that_crashed_left_behind_is_no_obstacle, fixture) {
  fs::create_directory(folder.tls() + ".crash1");
  BOOST_TEST(!key().empty());
}

BOOST_FIXTURE_TEST_CASE(the_certificate_is_valid_at_any_time, fixture) {
  auto pair = ensure_credentials(folder);
  BOOST_REQUIRE(pair);
  auto file = std::fopen(pair->certificate_file.c_str(), "r");
  BOOST_REQUIRE(file != nullptr);
  auto certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  BOOST_REQUIRE(certificate != nullptr);
  std::time_t now = std::time(nullptr), year_2000 = 946'684'800, year_5000 = 95'617'584'000;
  for (auto at : {now, year_2000, year_5000}) {
    BOOST_TEST(X509_cmp_time(X509_get0_notBefore(certificate), &at) < 0);
    BOOST_TEST(X509_cmp_time(X509_get0_notAfter(certificate), &at) > 0);
  }
  X509_free(certificate);
}

BOOST_FIXTURE_TEST_CASE(a_key_that_others_can_read_is_refused, fixture) {
  auto pair = ensure_credentials(folder);
  BOOST_REQUIRE(pair);
  for (const auto& path : {pair->key_file, folder.tls()}) {
    auto mode = mode_of(path);
    BOOST_REQUIRE(::chmod(path.c_str(), mode | 040) == 0);
    auto again = ensure_credentials(folder);
    BOOST_REQUIRE(!again);
    BOOST_TEST((again.failure().code == error_code::refused));
    BOOST_TEST(again.failure().message.find(path) != std::string::npos);
    BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  BOOST_TEST(bool(ensure_credentials(folder)));
}

BOOST_FIXTURE_TEST_CASE(half_a_pair_is_damage, fixture) {
  auto pair = ensure_credentials(folder);
  BOOST_REQUIRE(pair);
  fs::remove(pair->key_file);
  auto again = ensure_credentials(folder);
  BOOST_REQUIRE(!again);
  BOOST_TEST((again.failure().code == error_code::damaged));
}

BOOST_FIXTURE_TEST_CASE(a_pair_that_does_not_fit_or_cannot_be_read_is_damage, fixture) {
  auto pair = ensure_credentials(folder);
  BOOST_REQUIRE(pair);
  data_folder other{place.path + "/other", place.path + "/other/podstudio.db"};
  BOOST_REQUIRE(create(other));
  auto others = ensure_credentials(other);
  BOOST_REQUIRE(others);
  auto certificate = *read_small_file(pair->certificate_file, 10'000);
  for (const auto& text : {std::string(), certificate.substr(0, certificate.size() / 2),
                           *read_small_file(others->certificate_file, 10'000)}) {
    BOOST_REQUIRE(write_file_atomically(pair->certificate_file, text));
    auto again = ensure_credentials(folder);
    BOOST_REQUIRE(!again);
    BOOST_TEST((again.failure().code == error_code::damaged));
    BOOST_TEST(again.failure().message.find(pair->certificate_file) != std::string::npos);
    BOOST_TEST(*read_small_file(pair->certificate_file, 10'000) == text);  // it is not replaced
  }
  BOOST_REQUIRE(write_file_atomically(pair->certificate_file, certificate));
  BOOST_TEST(bool(ensure_credentials(folder)));
}
