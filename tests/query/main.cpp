// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE query
#include <boost/test/unit_test.hpp>
