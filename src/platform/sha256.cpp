// SPDX-License-Identifier: MIT
#include "platform/sha256.hpp"

#include <openssl/evp.h>

#include <stdexcept>

namespace podstudio {

namespace {

/// Fetched once: looking the algorithm up costs more than hashing a short string with it.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

void check(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

sha256::sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr);
  start();
}

sha256::~sha256() { EVP_MD_CTX_free(context_); }

void sha256::start() { check(EVP_DigestInit_ex2(context_, algorithm(), nullptr) == 1); }

void sha256::update(const void* bytes, std::size_t size) {
  check(EVP_DigestUpdate(context_, bytes, size) == 1);
}

digest sha256::finish() {
  digest out;
  check(EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1);
  start();
  return out;
}

}  // namespace podstudio
