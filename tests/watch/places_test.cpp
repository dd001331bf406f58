// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE places
#include "watch/places.hpp"

#include "media/digest.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace podstudio;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_CASE(an_open_folder_is_not_recognised_by_files_of_its_replacement) {
  temp_folder space;
  auto root = space.path + "/root", aside = space.path + "/aside";
  auto make_library = [&](const std::string& folder, const std::string& contents) {
    fs::create_directories(folder);
    for (int i = 0; i < 4; ++i)
      std::ofstream(folder + "/" + std::to_string(i) + ".png") << contents << i;
  };
  make_library(root, "pictures ");
  std::vector<sample_file> sample;
  file_digester digester;
  for (int i = 0; i < 4; ++i) {
    auto path = root + "/" + std::to_string(i) + ".png";
    auto content = must(digester.digest(root_folder(root), path));
    sample.push_back({path, content.facts, content.sha256});
  }
  fs::rename(root, aside);
  make_library(root, "other pictures ");
  const root_folder other(root);
  BOOST_TEST(!is_same_library(other, sample));
  // As if the disk came back while the folder below it was being checked.
  fs::rename(root, space.path + "/other");
  fs::rename(aside, root);
  BOOST_TEST(is_same_library(root_folder(root), sample));
  BOOST_TEST(!is_same_library(other, sample));
}
