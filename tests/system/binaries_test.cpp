// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE binaries
#include "system/process.hpp"

#include <boost/test/unit_test.hpp>
#include <regex>

using namespace system_test;

/// What the compiler and the linker were to put into the programs, so that a defect is harder to
/// exploit. A flag that is lost on the way to one of them would not be missed otherwise.

BOOST_AUTO_TEST_CASE(the_programs_are_hardened) {
  if (skip_unless(HARDENED, "this build is not optimized, and so not hardened")) return;
  const std::pair<const char*, std::regex> expected[] = {
      {"loaded at a random address", std::regex("FLAGS_1.*\\bPIE\\b")},
      {"relocations that become read-only", std::regex("GNU_RELRO")},
      {"all symbols bound before it starts", std::regex("\\(FLAGS\\).*BIND_NOW")},
      {"a stack that is not executable", std::regex("GNU_STACK .* RW +0x")},
      {"guards on the stack", std::regex("UND __stack_chk_fail@")},
      {"checked functions of the C library", std::regex("UND __[a-z]+_chk@")},
  };
  for (const auto& program :
       {podstudio_program(), podstudio_program() + "-engine", podstudio_program() + "-worker"}) {
    auto read = run({{"readelf", "-W", "-l", "-d", "-s", program}});
    BOOST_REQUIRE_MESSAGE(read.code == 0, read);
    for (const auto& [what, pattern] : expected)
      BOOST_TEST(std::regex_search(read.out, pattern), program << " has not " << what);
#ifdef BRANCH_PROTECTION
    // The linker drops the note for the kernel (IBT, SHSTK) unless the start files of the C library
    // have it, too; so look for the marks (endbr64) at which indirect branches may arrive.
    const auto bytes = read_file(program);
    const std::string mark = "\xf3\x0f\x1e\xfa";
    std::size_t marks = 0;
    for (auto at = bytes.find(mark); at != std::string::npos; at = bytes.find(mark, at + 1))
      ++marks;
    constexpr std::size_t of_the_start_files = 100;
    BOOST_TEST(marks > of_the_start_files, program);
#endif
  }
}
