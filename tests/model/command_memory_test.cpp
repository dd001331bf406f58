// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE command_memory
#include "model/command_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <string>

using namespace podstudio;

namespace {

uuid id_number(std::uint64_t number) {
  uuid id{};
  std::memcpy(id.data(), &number, sizeof number);
  return id;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_command_that_was_never_given_is_not_known) {
  command_memory memory;
  BOOST_TEST(!memory.find(id_number(1), {{}, "approve on asset 1"}));
}

BOOST_AUTO_TEST_CASE(at_least_the_last_hundred_thousand_are_known_and_not_all_of_250000) {
  command_memory memory;
  constexpr std::uint64_t given = 250'000;
  auto is_known = [&](std::uint64_t number) {
    auto known = memory.find(id_number(number), {{}, "x"});
    return known && *known && (*known)->last_sequence == number && (*known)->changed == 1;
  };
  for (std::uint64_t number = 1; number <= given; ++number) {
    memory.remember(id_number(number), {{}, "x"},
                    {.changed = 1, .last_sequence = number, .subject = 0});
    auto oldest = number < command_memory::capacity ? 1 : number - command_memory::capacity + 1;
    BOOST_REQUIRE(is_known(number));
    BOOST_REQUIRE(is_known(oldest));
  }
  std::uint64_t known = 0;
  for (std::uint64_t number = 1; number <= given; ++number)
    known += is_known(number) ? 1 : 0;
  BOOST_TEST(known >= command_memory::capacity);
  BOOST_TEST(known <= 2 * command_memory::capacity);  // so its memory is bounded
}

BOOST_AUTO_TEST_CASE(an_id_of_another_command_is_refused_by_name) {
  command_memory memory;
  memory.remember(id_number(7), {{}, "approve on asset 1"},
                  {.changed = 1, .last_sequence = 9, .subject = 0});
  auto other = memory.find(id_number(7), {{}, "approve on asset 2"});
  BOOST_REQUIRE(other);
  BOOST_REQUIRE(!*other);
  BOOST_TEST((other->failure().code == error_code::refused));
  BOOST_TEST(other->failure().message.find(to_string(id_number(7))) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_request_is_known_by_its_digest_whatever_its_summary_says) {
  digest one{}, two{};
  one.fill(1), two.fill(2);
  command_memory memory;
  memory.remember(id_number(7), {one, "approve on asset 1"},
                  {.changed = 1, .last_sequence = 9, .subject = 0});
  auto is_same = [&](const std::optional<digest>& request, const char* summary) {
    return bool(*memory.find(id_number(7), {request, summary}));
  };
  BOOST_TEST(is_same(one, "approve on asset 1"));
  BOOST_TEST(is_same(one, "approve asset 1"));
  BOOST_TEST(!is_same(two, "approve on asset 1"));
  // A command from an older log has no digest.
  BOOST_TEST(is_same({}, "approve on asset 1"));
  BOOST_TEST(!is_same({}, "approve asset 1"));
}
