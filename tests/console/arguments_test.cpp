// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE arguments
#include "console/arguments.hpp"

#include <boost/test/unit_test.hpp>

using namespace podstudio;
using nlohmann::json;

namespace {

const char* no_ids[] = {"0",   "-1", "9223372036854775808", "18446744073709551615", "1e300", "true",
                        "[1]", "1.0"};

bool is_refused(const auto& parsed) {
  return !parsed && parsed.failure().code == error_code::invalid_argument;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_id_is_above_zero_and_fits) {
  for (std::int64_t id : {std::int64_t{1}, INT64_MAX}) {
    BOOST_TEST(*id_argument({{"pack", id}}, "pack") == id);
    BOOST_TEST((*asset_argument({{"asset", id}}) == std::variant<asset_id, std::string>(id)));
    BOOST_TEST((*ids_argument({{"ids", {id, 1}}}) == std::vector<asset_id>{id, 1}));
  }
  for (const char* text : no_ids) {
    auto wrong = json::parse(text);
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(is_refused(id_argument({{"pack", wrong}}, "pack")));
      BOOST_TEST(is_refused(asset_argument({{"asset", wrong}})));
      BOOST_TEST(is_refused(ids_argument({{"ids", json::array({1, wrong})}})));
    }
  }
  BOOST_TEST(is_refused(id_argument({{"pack", "1"}}, "pack")));
  BOOST_TEST(is_refused(id_argument(json::object(), "pack")));
  BOOST_TEST(is_refused(asset_argument(json::object())));
}
