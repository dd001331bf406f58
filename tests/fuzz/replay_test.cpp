// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE fuzz
#include "properties.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>

namespace fuzz {
static std::ostream& operator<<(std::ostream& out, const target& what) { return out << what.name; }
}  // namespace fuzz

// Every input that the fuzzer found to lead somewhere else, without a fuzzer.
BOOST_DATA_TEST_CASE(the_corpus_breaks_no_property, boost::unit_test::data::make(fuzz::targets),
                     what) {
  std::size_t taken = 0, refused = 0;
  auto folder = std::filesystem::path(PODSTUDIO_FUZZ_CORPUS) / what.name;
  for (auto& entry : std::filesystem::directory_iterator(folder)) {
    BOOST_TEST_INFO_SCOPE(entry.path());
    std::ifstream in(entry.path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    try {
      ++(what.property(fuzz::bytes_of(bytes)) ? taken : refused);
    } catch (const fuzz::broken_property& broken) {
      BOOST_ERROR(broken.what());
    }
  }
  BOOST_TEST(taken > 0u);
  BOOST_TEST(refused > 0u);
}
