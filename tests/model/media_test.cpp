// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE model_media
#include "../events/sample_events.hpp"
#include "events/extension.hpp"
#include "model/library_model.hpp"
#include "support/committed.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using ids = std::vector<asset_id>;

namespace {

constexpr std::uint8_t extractor = 7;

struct library {
  library_model model{.unread = unread_media(extractor)};

  explicit library(asset_id assets = 3) {
    for (asset_id id = 1; id <= assets; ++id)
      model.apply(registered(id, path_of(id)));
  }
  static std::string path_of(asset_id id) { return "/lib/" + std::to_string(id) + ".png"; }
  ids unread() { return model.unread.take(model.catalog, 100); }
  /// What a worker read from a file under this path.
  std::vector<event> read(asset_id id, const std::string& path) {
    auto events = decide_read(model.catalog, {{.asset = id,
                                               .path = path,
                                               .sha256 = model.catalog.asset(id)->sha256,
                                               .before = {},
                                               .after = {},
                                               .extractor = extractor,
                                               .report = {}}});
    for (const auto& each : events)
      model.apply(each);
    return events;
  }
  void move(asset_id id, const std::string& from, const std::string& to) {
    const auto& facts = model.catalog.asset(id)->facts;
    model.apply(asset_moved{id, from, to, facts, facts});
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_asset_is_given_once_until_it_changes) {
  library known;
  BOOST_TEST(known.unread() == (ids{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(known.unread().empty());
  BOOST_TEST(known.read(2, library::path_of(2)).size() == 1u);
  auto before = content_of(2), after = content_of(9);
  known.model.apply(asset_content_changed{2, before, after});
  BOOST_TEST(known.unread() == ids{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_moves_before_it_was_read_is_given_again) {
  library known;
  known.unread();
  known.move(1, library::path_of(1), "/lib/away/1.png");
  // A job that found it under its old path, in time.
  BOOST_TEST(known.read(1, library::path_of(1)).empty());
  BOOST_TEST(known.unread() == ids{1}, boost::test_tools::per_element());
  BOOST_TEST(known.read(1, "/lib/away/1.png").size() == 1u);
  known.move(1, "/lib/away/1.png", "/lib/1.png");
  BOOST_TEST(known.unread().empty());
}

BOOST_AUTO_TEST_CASE(what_is_touched_before_it_was_read_is_given_again) {
  library known;
  known.unread();
  known.read(2, library::path_of(2));
  const auto facts = content_of(9).facts;
  for (asset_id id = 1; id <= 2; ++id)
    known.model.apply(asset_touched{id, known.model.catalog.asset(id)->facts, facts});
  BOOST_TEST(known.unread() == ids{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(facts_that_were_read_under_an_older_name_replace_none) {
  library known;
  known.unread();
  known.move(1, library::path_of(1), "/lib/1.jpg");
  known.read(1, "/lib/1.jpg");
  BOOST_TEST(known.read(1, library::path_of(1)).empty());
}

BOOST_AUTO_TEST_CASE(another_extension_has_a_file_read_again) {
  library known(6);
  known.unread();
  for (asset_id id = 1; id <= 6; ++id)
    known.read(id, library::path_of(id));
  known.move(1, "/lib/1.png", "/lib/1.jpg");
  known.move(2, "/lib/2.png", "/lib/2.PNG");
  known.move(3, "/lib/3.png", "/lib/3.png//3");  // set aside
  // By way of a path aside.
  known.move(4, "/lib/4.png", "/lib/4.png//4");
  known.move(4, "/lib/4.png//4", "/lib/4.gif");
  auto facts = known.model.catalog.asset(5)->facts;
  for (const auto& [id, path] : {std::pair(5, "/lib/5.webp"), std::pair(6, "/lib/away/6.png")}) {
    known.model.apply(asset_missing{id});
    known.model.apply(asset_returned{id, library::path_of(id), path, facts, facts});
  }
  BOOST_TEST(known.unread() == (ids{1, 4, 5}), boost::test_tools::per_element());
  // What was read under the name before does not tell.
  BOOST_TEST(known.read(1, "/lib/1.png").empty());
  BOOST_TEST(known.read(1, "/lib/1.jpg").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_move_that_is_taken_back_is_at_worst_read_once_more) {
  library known;
  known.unread();
  known.read(1, library::path_of(1));
  auto facts = known.model.catalog.asset(1)->facts;
  event moved = asset_moved{1, library::path_of(1), "/lib/1.jpg", facts, facts};
  known.model.apply(moved);
  known.model.revert(moved);
  BOOST_TEST(known.unread() == ids{1}, boost::test_tools::per_element());
  BOOST_TEST(known.read(1, library::path_of(1)).size() == 1u);
}

BOOST_AUTO_TEST_CASE(extensions_are_those_of_the_last_name) {
  BOOST_TEST(extension_of("/a/b.png") == "png");
  BOOST_TEST(extension_of("/a/b.tar.gz") == "gz");
  BOOST_TEST(extension_of("/a.b/c") == "");
  BOOST_TEST(extension_of("/a/.png") == "");
  BOOST_TEST(extension_of("/a/b.") == "");
  BOOST_TEST(extension_of("/a/b.png//7") == "png");
  BOOST_TEST(has_other_extension("/a.png", "/a.jpg"));
  BOOST_TEST(has_other_extension("/a.png", "/a"));
  BOOST_TEST(!has_other_extension("/a.png", "/b.PNG"));
  BOOST_TEST(!has_other_extension("/a.png", "/a.png//7"));
}
