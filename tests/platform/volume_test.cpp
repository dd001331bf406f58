// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_volume
#include <boost/test/unit_test.hpp>

#include "platform/volume.hpp"
#include "support/temp_folder.hpp"

#include <sys/stat.h>

using namespace podstudio;

BOOST_AUTO_TEST_CASE(a_path_that_is_gone_by_now_was_on_the_volume_of_the_folders_above_it) {
  temp_folder place;
  struct stat status;
  BOOST_REQUIRE(::stat(place.path.c_str(), &status) == 0);
  const auto id = volume_table().of(place.path, status.st_dev).id;
  volume_table table;
  BOOST_TEST(table.of(place.path + "/gone/gone too/1.png", status.st_dev).id == id);
}
