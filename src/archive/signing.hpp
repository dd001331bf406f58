// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/pem.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Signatures of manifests: Ed25519 (RFC 8032), by OpenSSL. Any OpenSSL checks them, too:
/// `openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in manifest.json -sigfile
/// manifest.json.sig`.
namespace podstudio::archive {

inline constexpr std::size_t signature_bytes = 64;

using public_key = std::array<std::uint8_t, 32>;

/// How people are told of a key: the SHA-256 of its 32 bytes, in hexadecimal.
std::string fingerprint(const public_key& key);

/// The key as a file for others: PEM, SubjectPublicKeyInfo.
std::string to_pem(const public_key& key);
/// The reverse. Error: `invalid_argument` for anything that is not a public Ed25519 key.
result<public_key> parse_public_key(std::string_view pem);

/// Whether the key's owner signed these bytes.
bool is_signed_by(const public_key& key, std::string_view bytes, std::string_view signature);

/// The seller's key.
class signing_key {
public:
  /// The key in a file (PEM, PKCS #8), which is made first if nothing is there: private to the
  /// owner (0600), whole and synced before it has its name, and never in place of another file. Two
  /// processes that make it at once get the same key. Errors: `refused` for a file that others may
  /// read, that belongs to somebody else, or is a link; `damaged` for one that holds no Ed25519
  /// key; as `system_error`.
  static result<signing_key> ensure(const std::string& path);
  /// The same without making one. Error: also `not_found`.
  static result<signing_key> load(const std::string& path);

  const archive::public_key& public_key() const noexcept { return public_key_; }
  /// The signature, `signature_bytes` long.
  std::string sign(std::string_view bytes) const;

private:
  signing_key(key_ptr key, const archive::public_key& open)
      : key_(std::move(key)), public_key_(open) {}

  key_ptr key_;
  archive::public_key public_key_;
};

/// Copies a key's file, whole and private to the owner (0600); whether there was one. A file that
/// holds the same key stays as it is. Errors: `refused` if `to` holds another key, which nobody
/// could get back; as `signing_key::load`, but for files that others may read: a backup may be on a
/// disk that has no modes.
result<bool> copy_key_file(const std::string& from, const std::string& to);

}  // namespace podstudio::archive
