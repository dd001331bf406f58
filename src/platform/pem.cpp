// SPDX-License-Identifier: MIT
#include "platform/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace podstudio {

bio_ptr memory_of(std::string_view text) {
  return bio_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

std::string contents(BIO* memory) {
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

int no_password(char*, int, int, void*) { return -1; }

key_ptr read_private_key(std::string_view text) {
  auto bytes = memory_of(text);
  if (!bytes) return nullptr;
  key_ptr key{PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return key;
}

key_ptr read_public_key(std::string_view text) {
  auto bytes = memory_of(text);
  if (!bytes) return nullptr;
  key_ptr key{PEM_read_bio_PUBKEY(bytes.get(), nullptr, no_password, nullptr)};
  ERR_clear_error();
  return key;
}

}  // namespace podstudio
