// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE operations
#include "api/operations.hpp"

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

using namespace podstudio;
using nlohmann::json;

BOOST_AUTO_TEST_CASE(names_are_in_order_and_each_is_found) {
  auto all = api::operations();
  BOOST_TEST(all.size() > 35u);
  BOOST_TEST(std::ranges::is_sorted(all, std::less_equal(), &operation::name) == true);
  for (const auto& each : all) {
    BOOST_TEST(std::ranges::count(all, each.name, &operation::name) == 1, each.name);
    BOOST_TEST(api::find_operation(each.name) == &each);
  }
  for (const char* none : {"", "asset", "asset.lis", "asset.lists", "zzz"})
    BOOST_TEST(api::find_operation(none) == nullptr, none);
}

BOOST_AUTO_TEST_CASE(each_operation_is_described) {
  const std::regex name("[a-z]+(\\.[a-z_]+)?"), help("[A-Z][^\n]{5,79}[^.]");
  for (const auto& each : api::operations())
    BOOST_TEST_CONTEXT(each.name) {
      auto described = api::describe(each);
      BOOST_TEST(std::regex_match(std::string(each.name), name));
      BOOST_TEST(std::regex_match(std::string(each.help), help), each.help);
      BOOST_TEST(each.example.starts_with("podstudio "));
      BOOST_TEST(described["arguments"]["type"] == "object");
      BOOST_TEST(described["arguments"]["additionalProperties"] == false);
      BOOST_TEST(described["outcome"].contains("type"));
    }
}

BOOST_AUTO_TEST_CASE(who_only_looks_changes_nothing) {
  // By the verbs that change something; a new one has to be thought about here.
  const std::set<std::string> looks{"list",   "show",     "history", "duplicates", "similar",
                                    "status", "sync",     "wait",    "kinds",      "similar_groups",
                                    "check",  "profiles", "seller",  "exports",    "listing"};
  for (const auto& each : api::operations()) {
    auto dot = each.name.rfind('.');
    std::string verb(dot == std::string_view::npos ? each.name : each.name.substr(dot + 1));
    BOOST_TEST((each.needs == role::viewer) == looks.contains(verb), each.name);
  }
}
