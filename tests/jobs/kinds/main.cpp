// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE job_kinds
#define BOOST_TEST_NO_MAIN
#include "jobs/kinds/all_kinds.hpp"
#include "jobs/worker.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

/// This program is a worker too: one without Landlock, which the real one never is where the kernel
/// has it.
int main(int count, char** arguments) {
  if (count == 2 && arguments[1] == std::string_view("worker-without-landlock"))
    return podstudio::run_worker(podstudio::all_job_kinds(), {false, true});
  return boost::unit_test::unit_test_main(init_unit_test, count, arguments);
}
