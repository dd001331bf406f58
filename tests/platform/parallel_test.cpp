// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE platform_parallel
#include <boost/test/unit_test.hpp>

#include "platform/parallel.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace podstudio;

BOOST_AUTO_TEST_CASE(each_index_is_done_once) {
  for (std::size_t count : {0, 1, 2, 3, 4, 5, 1000}) {
    std::vector<std::atomic<int>> done(count);
    for_each_index(count, [&](std::size_t i) {
      ++done.at(i);
      return true;
    });
    for (const auto& each : done)
      BOOST_TEST(each == 1);
  }
}

BOOST_AUTO_TEST_CASE(threads_share_the_work) {
  if (std::thread::hardware_concurrency() < 2) return;
  std::promise<void> second;
  auto has_come = second.get_future();
  std::atomic<bool> met = false;
  for_each_index(2, [&](std::size_t i) {
    if (i == 1) second.set_value();
    if (i == 0) met = has_come.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    return true;
  });
  BOOST_TEST(met);
}

BOOST_AUTO_TEST_CASE(nothing_starts_after_a_stop_and_all_before_it_is_done) {
  for (std::size_t stop : {0, 1, 7, 63}) {
    std::mutex guard;
    std::set<std::size_t> done;
    for_each_index(100'000, [&](std::size_t i) {
      if (i % 2 == 0) std::this_thread::yield();
      std::lock_guard lock(guard);
      done.insert(i);
      return i != stop;
    });
    // Without gaps, and no further than the other threads were when it stopped.
    BOOST_TEST(done.size() == *done.rbegin() + 1);
    BOOST_TEST(done.size() > stop);
    BOOST_TEST(done.size() < 100'000u);
  }
}

BOOST_AUTO_TEST_CASE(what_any_thread_throws_reaches_the_caller) {
  for (std::size_t thrown : {0, 1, 2, 50}) {
    std::atomic<std::size_t> ended = 0;
    auto all = [&] {
      for_each_index(100'000, [&](std::size_t i) {
        if (i == thrown) throw std::runtime_error("thrown by " + std::to_string(i));
        ++ended;
        return true;
      });
    };
    BOOST_CHECK_EXCEPTION(all(), std::runtime_error, [&](const std::runtime_error& what) {
      return what.what() == "thrown by " + std::to_string(thrown);
    });
    BOOST_TEST(ended < 100'000u);
  }
}

/// In a process that can have no further thread: its address space is as large as it may become.
BOOST_AUTO_TEST_CASE(without_further_threads_the_caller_does_it_all) {
  auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    rlimit none{1, 1};
    if (::setrlimit(RLIMIT_AS, &none) != 0) ::_exit(1);
    std::size_t done = 0;
    for_each_index(10, [&](std::size_t) { return ++done > 0; });
    ::_exit(done == 10 ? 0 : 2);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0);
}
