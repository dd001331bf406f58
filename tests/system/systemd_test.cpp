// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE systemd
#include "system/process.hpp"

#include <boost/test/unit_test.hpp>

using namespace system_test;

/// The unit for systemd. What of it can be told without systemd as the first process.

BOOST_AUTO_TEST_CASE(the_units_exposure_is_small) {
  if (skip_unless(run({{"sh", "-c", "command -v systemd-analyze"}}).code == 0,
                  "systemd-analyze is not installed"))
    return;
  auto scored =
      run({{"systemd-analyze", "security", "--offline=true", "--threshold=30", SYSTEMD_UNIT}});
  BOOST_TEST(scored.code == 0, scored);  // 30 is 3.0
  BOOST_TEST(scored.out.find("Overall exposure level") != std::string::npos, scored);
}
