// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE packs
#include <boost/test/unit_test.hpp>
