// SPDX-License-Identifier: MIT
#pragma once

#include "platform/types.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

struct evp_md_ctx_st;

namespace podstudio {

/// SHA-256 (FIPS 180-4) by OpenSSL; one object computes any number of digests, one after the other.
/// Not thread-safe. Throws std::runtime_error where OpenSSL itself fails, which it does only when
/// it is out of memory or broken.
class sha256 {
public:
  sha256();
  ~sha256();
  sha256(sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  sha256& operator=(sha256&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }

  void update(const void* bytes, std::size_t size);
  /// The digest of all since the last call, and a fresh start.
  digest finish();

  digest of(std::string_view bytes) {
    update(bytes.data(), bytes.size());
    return finish();
  }

private:
  void start();
  evp_md_ctx_st* context_;
};

}  // namespace podstudio
