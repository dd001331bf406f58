// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

namespace podstudio {

/// Owns an OpenSSL object. Each kind has its own function to free it.
template <class T, auto Free>
struct openssl_free {
  void operator()(T* object) const { Free(object); }
};
template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, openssl_free<T, Free>>;

}  // namespace podstudio
