// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_signing
#include <boost/test/unit_test.hpp>

#include "archive/signing.hpp"
#include "platform/types.hpp"
#include "support/must.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace podstudio;
using namespace podstudio::archive;
namespace fs = std::filesystem;

namespace {

struct key_place {
  temp_folder folder;
  std::string path = folder.path + "/signing.pem";

  bool shell(const std::string& command) const {
    return std::system(("cd '" + folder.path + "' && " + command + " >out 2>&1").c_str()) == 0;
  }
  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder.path + "/" + name, std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder.path + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

/// A hexadecimal text as bytes.
std::string bytes_from(const std::string& digits) {
  std::string bytes(digits.size() / 2, '\0');
  BOOST_REQUIRE(from_hex(digits, reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()));
  return bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_key_is_made_once_and_private, key_place) {
  REQUIRE_FAILS(signing_key::load(path), error_code::not_found);
  auto made = must(signing_key::ensure(path));
  struct stat facts {};
  BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777) == 0600u);
  BOOST_TEST(facts.st_nlink == 1u);
  BOOST_TEST((must(signing_key::ensure(path)).public_key() == made.public_key()));
  BOOST_TEST((must(signing_key::load(path)).public_key() == made.public_key()));
  BOOST_TEST(std::distance(fs::directory_iterator(folder.path), {}) == 1);
  auto other = must(signing_key::ensure(folder.path + "/other.pem"));
  BOOST_TEST((other.public_key() != made.public_key()));
  BOOST_TEST(other.sign("a") != made.sign("a"));
}

BOOST_FIXTURE_TEST_CASE(all_who_make_a_key_at_once_get_the_same, key_place) {
  std::vector<std::thread> threads;
  std::vector<std::string> found(8);
  for (auto& each : found)
    threads.emplace_back([&, this] {
      auto key = signing_key::ensure(path);
      each = key ? fingerprint(key->public_key()) : key.failure().message;
    });
  for (auto& each : threads)
    each.join();
  BOOST_TEST(std::set<std::string>(found.begin(), found.end()).size() == 1u, found[0]);
  BOOST_TEST(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_key_that_is_no_secret_is_refused, key_place) {
  (void)must(signing_key::ensure(path));
  for (auto mode : {0640, 0604, 0620, 0602, 0610, 0666}) {
    BOOST_REQUIRE(::chmod(path.c_str(), static_cast<mode_t>(mode)) == 0);
    REQUIRE_FAILS(signing_key::load(path), error_code::refused);
    REQUIRE_FAILS(signing_key::ensure(path), error_code::refused);
  }
  BOOST_REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE_OK(signing_key::load(path));
  fs::create_symlink(path, folder.path + "/link.pem");
  REQUIRE_FAILS(signing_key::ensure(folder.path + "/link.pem"), error_code::refused);
  fs::create_symlink(folder.path + "/nothing", folder.path + "/dangling.pem");
  REQUIRE_FAILS(signing_key::ensure(folder.path + "/dangling.pem"), error_code::refused);
  BOOST_TEST(!fs::exists(folder.path + "/nothing"));
  BOOST_REQUIRE(::mkfifo((folder.path + "/pipe.pem").c_str(), 0600) == 0);
  REQUIRE_FAILS(signing_key::ensure(folder.path + "/pipe.pem"), error_code::refused);
  fs::create_directory(folder.path + "/folder.pem");
  REQUIRE_FAILS(signing_key::ensure(folder.path + "/folder.pem"), error_code::refused);
  if (::geteuid() == 0) {
    BOOST_REQUIRE(::chown(path.c_str(), 12'345, 12'345) == 0);
    REQUIRE_FAILS(signing_key::load(path), error_code::refused);
  }
}

BOOST_FIXTURE_TEST_CASE(what_is_no_ed25519_key_is_refused, key_place) {
  BOOST_REQUIRE(shell("openssl genpkey -algorithm ED448 -out ed448.pem"));
  BOOST_REQUIRE(shell("openssl genpkey -algorithm X25519 -out x25519.pem"));
  BOOST_REQUIRE(
      shell("openssl genpkey -algorithm ED25519 -aes256 -pass pass:secret -out locked.pem"));
  BOOST_REQUIRE(shell("openssl genpkey -algorithm ED25519 -out good.pem"));
  BOOST_REQUIRE(shell("openssl pkey -in good.pem -pubout -out public.pem"));
  write("empty.pem", "");
  write("cut.pem", read("good.pem").substr(0, 60));
  write("large.pem", std::string(pem_bytes_max + 1, 'x'));
  for (const char* name : {"ed448.pem", "x25519.pem", "locked.pem", "public.pem", "empty.pem",
                           "cut.pem", "large.pem"}) {
    BOOST_TEST_CONTEXT(name) {
      fs::permissions(folder.path + "/" + name, fs::perms(0600));
      auto before = read(name);
      REQUIRE_FAILS(signing_key::ensure(folder.path + "/" + name), error_code::damaged);
      BOOST_TEST((read(name) == before));
      if (name != std::string("public.pem"))
        REQUIRE_FAILS(parse_public_key(before), error_code::invalid_argument);
    }
  }
  fs::permissions(folder.path + "/good.pem", fs::perms(0600));
  auto good = must(signing_key::load(folder.path + "/good.pem"));
  BOOST_TEST((must(parse_public_key(read("public.pem"))) == good.public_key()));
}

BOOST_FIXTURE_TEST_CASE(openssl_checks_what_was_signed, key_place) {
  auto key = must(signing_key::ensure(path));
  const std::string text = "{\n  \"a\": 1\n}\n";
  auto signature = key.sign(text);
  BOOST_TEST(signature.size() == signature_bytes);
  write("manifest.json", text);
  write("manifest.json.sig", signature);
  write("key.pem", to_pem(key.public_key()));
  const std::string verify =
      "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in manifest.json "
      "-sigfile manifest.json.sig";
  BOOST_TEST(shell(verify), read("out"));
  BOOST_TEST(shell("openssl pkey -pubin -in key.pem -noout"));
  BOOST_TEST((must(parse_public_key(read("key.pem"))) == key.public_key()));
  write("manifest.json", text + " ");
  BOOST_TEST(!shell(verify));
  // The other way round.
  BOOST_REQUIRE(
      shell("openssl pkeyutl -sign -inkey signing.pem -rawin -in manifest.json -out sig"));
  BOOST_TEST(is_signed_by(key.public_key(), text + " ", read("sig")));
}

BOOST_FIXTURE_TEST_CASE(only_the_signature_of_these_bytes_by_this_key_is_one, key_place) {
  auto key = must(signing_key::ensure(path));
  auto other = must(signing_key::ensure(folder.path + "/other.pem"));
  const std::string text(1000, 'x');
  auto signature = key.sign(text);
  BOOST_TEST(is_signed_by(key.public_key(), text, signature));
  BOOST_TEST(!is_signed_by(other.public_key(), text, signature));
  BOOST_TEST(!is_signed_by(key.public_key(), text + "x", signature));
  BOOST_TEST(!is_signed_by(key.public_key(), text, signature + "x"));
  BOOST_TEST(!is_signed_by(key.public_key(), text, ""));
  for (std::size_t i = 0; i < signature.size() * 8; ++i) {
    auto changed = signature;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ 1 << i % 8);
    BOOST_TEST(!is_signed_by(key.public_key(), text, changed));
  }
}

BOOST_AUTO_TEST_CASE(signatures_are_those_of_rfc_8032) {
  // Section 7.1, test 2.
  public_key key{};
  BOOST_REQUIRE(from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                         key.data(), key.size()));
  auto signature = bytes_from("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  BOOST_TEST(is_signed_by(key, "\x72", signature));
  BOOST_TEST(!is_signed_by(key, "\x73", signature));
  BOOST_TEST(fingerprint(key).size() == 64u);
}
