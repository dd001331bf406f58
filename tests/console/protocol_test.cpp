// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE console_protocol
#include "console/protocol.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace podstudio;

namespace {

std::string repeated(std::size_t times, const std::string& text) {
  std::string all;
  while (times-- > 0)
    all += text;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_text_may_nest_64_levels_deep) {
  for (auto [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    auto nested = [&, open = open, close = close](std::size_t levels) {
      return repeated(levels, open) + "0" + repeated(levels, close);
    };
    BOOST_TEST(!nests_too_deep(nested(64)));
    BOOST_TEST(nests_too_deep(nested(65)));
    BOOST_TEST(nests_too_deep(nested(50'000)));
    BOOST_TEST(nests_too_deep(repeated(50'000, open)));
    // Beside each other they are not deep, nor within a text.
    BOOST_TEST(!nests_too_deep("[" + repeated(50'000, nested(63) + ",") + "0]"));
    BOOST_TEST(!nests_too_deep("[\"\\\"" + repeated(50'000, "[{") + "\"]"));
    BOOST_TEST(nests_too_deep("[\"\\\\\"," + nested(64) + "]"));
  }
}

BOOST_AUTO_TEST_CASE(a_request_that_nests_deeper_is_refused_before_it_is_parsed) {
  auto request = [](std::size_t levels) {
    return R"({"command":"x","arguments":{"a":)" + repeated(levels - 2, "[")
           + repeated(levels - 2, "]") + "}}";
  };
  BOOST_TEST(bool(read_request(request(64))));
  for (std::size_t levels : {65, 50'000}) {
    auto refused = read_request(request(levels));
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.failure().code == error_code::invalid_argument));
    BOOST_TEST(refused.failure().message == "the request is nested too deeply");
  }
}
