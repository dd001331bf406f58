// SPDX-License-Identifier: MIT
#pragma once

#include "platform/openssl_ptr.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>

/// Keys as text (PEM, RFC 7468), by OpenSSL.
namespace podstudio {

using key_ptr = openssl_ptr<EVP_PKEY, &EVP_PKEY_free>;
using bio_ptr = openssl_ptr<BIO, &BIO_free_all>;

/// No file of keys or certificates of ours is longer.
inline constexpr std::size_t pem_bytes_max = 64u << 10;

/// A stream that reads the text, which must outlive it.
bio_ptr memory_of(std::string_view text);
/// What has been written to a stream in memory.
std::string contents(BIO* memory);

/// The private key in the text; null where there is none, or one that a password protects, for
/// which OpenSSL would ask at the terminal.
key_ptr read_private_key(std::string_view text);
/// The public key in the text (SubjectPublicKeyInfo); null where there is none.
key_ptr read_public_key(std::string_view text);

/// For OpenSSL's functions that read PEM: no password is known, and none is asked for.
int no_password(char*, int, int, void*);

}  // namespace podstudio
