// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

namespace podstudio {

/// Owns an object of OpenSSL's, which has a function of its own to free each kind.
template <class T, auto Free>
struct openssl_free {
  void operator()(T* object) const { Free(object); }
};
template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, openssl_free<T, Free>>;

}  // namespace podstudio
