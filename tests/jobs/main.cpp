// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE jobs
#define BOOST_TEST_NO_MAIN
#include "test_worker.hpp"

#include <boost/test/unit_test.hpp>

int main(int count, char** arguments) {
  if (count == 2)
    if (auto code = test_worker::run(arguments[1])) return *code;
  return boost::unit_test::unit_test_main(init_unit_test, count, arguments);
}
