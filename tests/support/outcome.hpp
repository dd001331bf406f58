// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

/// What a result failed with, for a test's message.
template <class T>
std::string why(const podstudio::result<T>& outcome) {
  return outcome ? "" : outcome.failure().message;
}

/// Stops the test unless the result is a success.
#define REQUIRE_OK(outcome)                                                                        \
  do {                                                                                             \
    auto&& required_ = (outcome);                                                                  \
    BOOST_REQUIRE_MESSAGE(bool(required_), why(required_));                                        \
  } while (false)

/// Stops the test unless the result is a failure with that code.
#define REQUIRE_FAILS(outcome, expected_code)                                                      \
  do {                                                                                             \
    auto&& required_ = (outcome);                                                                  \
    BOOST_REQUIRE_MESSAGE(!required_, "it succeeded");                                             \
    BOOST_REQUIRE_MESSAGE(required_.failure().code == (expected_code), why(required_));            \
  } while (false)
