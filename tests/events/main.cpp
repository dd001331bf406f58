// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE events
#include <boost/test/unit_test.hpp>
