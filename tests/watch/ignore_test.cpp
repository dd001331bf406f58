// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE ignore
#include "watch/ignore.hpp"

#include "platform/unique_fd.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

/// Is `path` ignored where the root's file has these patterns and there are no defaults?
struct table_case {
  std::string patterns;
  std::string path;
  bool is_folder;
  bool ignored;
};

constexpr bool file = false, folder = true, yes = true, no = false;

const std::vector<table_case> table = {
    // Names, at any depth.
    {"a.png", "a.png", file, yes},
    {"a.png", "a.png", folder, yes},
    {"a.png", "x/a.png", file, yes},
    {"a.png", "x/y/a.png", file, yes},
    {"a.png", "b.png", file, no},
    {"a.png", "a.pn", file, no},
    {"a.png", "a.png2", file, no},
    {"a.png", "xa.png", file, no},
    {"a.png", "A.PNG", file, no},
    {"x", "x/a.png", file, yes},
    {"x", "y/x/z/a.png", file, yes},
    {"\xc3\xa9", "\xc3\xa9", file, yes},
    {"\xff", "\xff", file, yes},
    {"", "a", file, no},
    {"\n\n", "a", file, no},
    {"   ", "a", file, no},
    {"   ", "   ", file, no},
    // Comments, and what only looks like one.
    {"#a", "#a", file, no},
    {"#a", "a", file, no},
    {"\\#a", "#a", file, yes},
    {" #a", " #a", file, yes},
    {"a#b", "a#b", file, yes},
    {"!#a\n", "#a", file, no},
    {"\\#a\n!#a", "#a", file, no},
    // Negation; the last match wins.
    {"*\n!a", "a", file, no},
    {"*\n!a", "b", file, yes},
    {"!a\n*", "a", file, yes},
    {"*\n!a\na", "a", file, yes},
    {"a\n!a\na\n!a", "a", file, no},
    {"\\!a", "!a", file, yes},
    {"\\!a", "a", file, no},
    {"!!a", "!a", file, no},
    {"*\n!!a", "!a", file, no},
    {"*\n!!a", "a", file, yes},
    {"*\n!", "a", file, yes},
    {"a!", "a!", file, yes},
    {"x\n!x/a", "x/a", file, yes},
    {"x/\n!x/a", "x/a", file, yes},
    {"x/*\n!x/a", "x/a", file, no},
    {"x/*\n!x/a", "x/b", file, yes},
    {"x/**\n!x/y/a", "x/y/a", file, yes},
    {"/*\n!/x", "x/a", file, no},
    {"/*\n!/x\n/x/*\n!/x/y", "x/y/a", file, no},
    {"/*\n!/x\n/x/*\n!/x/y", "x/z/a", file, yes},
    {"*\n!*/\n!*.png", "x/y/a.png", file, no},
    {"*\n!*/\n!*.png", "x/y/a.txt", file, yes},
    // Spaces and other space at the end.
    {"a ", "a", file, yes},
    {"a  ", "a", file, yes},
    {"a ", "a ", file, no},
    {"a\\ ", "a ", file, yes},
    {"a\\ ", "a", file, no},
    {"a\\  ", "a ", file, yes},
    {"a\\  ", "a  ", file, no},
    {"a\\ \\ ", "a  ", file, yes},
    {"a \\ ", "a  ", file, yes},
    {"a\\\\ ", "a\\", file, yes},
    {" a", " a", file, yes},
    {" a", "a", file, no},
    {"a b", "a b", file, yes},
    {"a\t", "a\t", file, yes},
    {"a\t", "a", file, no},
    {"a/ ", "a", folder, yes},
    // Lines.
    {"a\nb", "b", file, yes},
    {"a\r\nb\r\n", "a", file, yes},
    {"a\r\nb\r\n", "b", file, yes},
    {"a\r", "a", file, yes},
    {"a\r\r\n", "a\r", file, yes},
    {"a\rb\n", "a\rb", file, yes},
    {"a \r\n", "a", file, yes},
    {"a/\r\n", "a", folder, yes},
    {"a/\r\n", "a", file, no},
    {"\r\n\r\na\r\n", "a", file, yes},
    {"\xef\xbb\xbf"s + "a\nb", "a", file, yes},
    {"\xef\xbb\xbf"s + "a\nb", "b", file, yes},
    {"\xef\xbb\xbf"s + "# c\nb", "b", file, yes},
    {"b\n\xef\xbb\xbf"s + "a", "a", file, no},
    {"a\0b\nc"s, "a", file, yes},
    {"a\0b\nc"s, "c", file, yes},
    {"a \0b\n"s, "a", file, yes},
    // Folders only.
    {"a/", "a", folder, yes},
    {"a/", "a", file, no},
    {"a/", "x/a", folder, yes},
    {"a/", "x/a", file, no},
    {"a/", "a/b", file, yes},
    {"*/", "a", file, no},
    {"*/", "a", folder, yes},
    {"a//", "a", folder, no},
    {"/", "a", folder, no},
    {"//", "a", folder, no},
    {"a\\/", "a", folder, no},
    // Anchored.
    {"/a", "a", file, yes},
    {"/a", "x/a", file, no},
    {"x/a", "x/a", file, yes},
    {"/x/a", "x/a", file, yes},
    {"x/a", "y/x/a", file, no},
    {"x/a/", "x/a", folder, yes},
    {"x/a/", "x/a", file, no},
    {"/a/", "a", folder, yes},
    {"/a/", "x/a", folder, no},
    {"//a", "a", file, no},
    {"x//a", "x/a", file, no},
    {"x\\/a", "x/a", file, yes},
    {"x\\/a", "y/x/a", file, no},
    {"/a", "ab", file, no},
    {"/a", "a/b", file, yes},
    // One star.
    {"*", "a", file, yes},
    {"*.png", "a.png", file, yes},
    {"*.png", ".png", file, yes},
    {"*.png", "x/a.png", file, yes},
    {"*.png", "a.pngx", file, no},
    {"a*", "a", file, yes},
    {"a*", "abc", file, yes},
    {"a*", "ba", file, no},
    {"a*c", "abbbc", file, yes},
    {"a*c", "ac", file, yes},
    {"a*c", "acb", file, no},
    {"a*b*c", "axbxbxc", file, yes},
    {"a*b*c", "axcxbx", file, no},
    {"*a*", "xax", file, yes},
    {"x/*", "x/a", file, yes},
    {"x/*", "x", folder, no},
    {"x/*/a", "x/y/a", file, yes},
    {"x/*/a", "x/a", file, no},
    {"x/*/a", "x/y/z/a", file, no},
    {"/*/a", "x/a", file, yes},
    {"*/a", "a", file, no},
    {"*/a", "x/a", file, yes},
    {"*/a", "x/y/a", file, no},
    {"x*a", "x/a", file, no},
    {"/x*a", "x/a", file, no},
    {"x/a*", "x/ab", file, yes},
    // A question mark is one byte.
    {"?", "a", file, yes},
    {"?", "ab", file, no},
    {"a?c", "abc", file, yes},
    {"a?c", "ac", file, no},
    {"?", "\xc3\xa9", file, no},
    {"??", "\xc3\xa9", file, yes},
    {"/x?a", "x/a", file, no},
    {"??*", "a", file, no},
    {"*?", "a", file, yes},
    // Sets.
    {"[ab]", "a", file, yes},
    {"[ab]", "c", file, no},
    {"[ab]", "ab", file, no},
    {"[a-c]x", "bx", file, yes},
    {"[a-c]x", "dx", file, no},
    {"[c-a]", "b", file, no},
    {"[!a]", "b", file, yes},
    {"[!a]", "a", file, no},
    {"[^a]", "b", file, yes},
    {"[^a]", "a", file, no},
    {"[a^]", "^", file, yes},
    {"[a!]", "!", file, yes},
    {"[!!]", "!", file, no},
    {"[]a]", "]", file, yes},
    {"[]a]", "a", file, yes},
    {"[!]a]", "]", file, no},
    {"[!]a]", "b", file, yes},
    {"[]-a]", "^", file, yes},
    {"[-a]", "-", file, yes},
    {"[a-]", "-", file, yes},
    {"[a-]", "b", file, no},
    {"[a-c-e]", "-", file, yes},
    {"[a-c-e]", "d", file, no},
    {"x[--0]", "x.", file, yes},
    {"[\\]]", "]", file, yes},
    {"[a\\-c]", "b", file, no},
    {"[a\\-c]", "-", file, yes},
    {"[a-\\c]", "b", file, yes},
    {"[\\a-c]", "b", file, yes},
    {"[\\\\]", "\\", file, yes},
    {"[*]", "*", file, yes},
    {"[*]", "a", file, no},
    {"[?]", "?", file, yes},
    {"[a", "[a", file, no},
    {"[a", "a", file, no},
    {"[", "[", file, no},
    {"\\[", "[", file, yes},
    {"[]", "]", file, no},
    {"[!]", "!", file, no},
    {"[a\\]", "a", file, no},
    {"a]", "a]", file, yes},
    {"x[/]a", "x/a", file, no},
    {"x[!b]a", "x/a", file, no},
    {"[a/b]", "a", file, yes},
    {"[a/b]", "x/a", file, no},
    {"[[]", "[", file, yes},
    {"[\xc3\xa9]", "\xc3\xa9", file, no},
    {"[\x80-\xff][\x80-\xff]", "\xc3\xa9", file, yes},
    // Classes.
    {"[[:digit:]]", "7", file, yes},
    {"[[:digit:]]", "a", file, no},
    {"[![:digit:]]", "a", file, yes},
    {"[^[:digit:]]", "7", file, no},
    {"[[:alpha:]_]", "_", file, yes},
    {"[[:upper:][:digit:]]", "Z", file, yes},
    {"[[:upper:]]", "z", file, no},
    {"[[:xdigit:]]", "f", file, yes},
    {"[[:xdigit:]]", "g", file, no},
    {"[[:space:]]x", " x", file, yes},
    {"[[:space:]]x", "\vx", file, no},
    {"[[:digit:]-z]", "-", file, yes},
    {"[[:digit:]-z]", "a", file, no},
    {"[[:alpha:]]", "\xc3", file, no},
    {"[[:what:]a]", "a", file, no},
    {"[[::]a]", "a", file, no},
    {"[[:digit:]", "7", file, no},
    {"[[:digit]", ":", file, yes},
    {"[[:digit]", "[", file, yes},
    {"[[:]", ":", file, yes},
    {"[[:]]", "[]", file, yes},
    // Two stars.
    {"**", "a", file, yes},
    {"**", "x/a", file, yes},
    {"**/", "a", file, no},
    {"**/", "a", folder, yes},
    {"/**", "a", file, yes},
    {"**/a", "a", file, yes},
    {"**/a", "x/y/a", file, yes},
    {"**/a", "x/ya", file, no},
    {"**/x/a", "x/a", file, yes},
    {"**/x/a", "y/z/x/a", file, yes},
    {"**/x/a", "x/y/a", file, no},
    {"x/**", "x", folder, no},
    {"x/**", "x/a", file, yes},
    {"x/**", "x/y/z/a", file, yes},
    {"x/**", "y/x/a", file, no},
    {"x/**/", "x/a", file, no},
    {"x/**/", "x/a", folder, yes},
    {"x/**/a", "x/a", file, yes},
    {"x/**/a", "x/y/a", file, yes},
    {"x/**/a", "x/y/z/a", file, yes},
    {"x/**/a", "xa", file, no},
    {"x/**/a", "x/ya", file, no},
    {"x/***/a", "x/y/z/a", file, yes},
    {"x/**/**/a", "x/a", file, yes},
    {"**/**/a", "a", file, yes},
    {"**/x/**/a", "y/x/z/a", file, yes},
    {"**/x/**", "y/x/z/a", file, yes},
    {"x/**/y/*/a", "x/y/z/y/q/a", file, yes},
    {"x/*/**", "x/a", file, no},
    {"x/*/**", "x/a/b", file, yes},
    {"x/**/*", "x/a", file, yes},
    {"**\\/a", "a", file, no},
    {"**\\/a", "x/a", file, yes},
    {"x/**\\/a", "x/a", file, no},
    {"x/**\\/a", "x/y/z/a", file, yes},
    {"a**", "abc", file, yes},
    {"**a", "bca", file, yes},
    {"a**c", "abbc", file, yes},
    {"x/a**", "x/ab", file, yes},
    {"x/a**/b", "x/ab/c/b", file, no},
    {"x/a**/b", "x/ac/b", file, yes},
    {"x/a**/b", "x/ab", file, no},
    {"x**/a", "x/y/a", file, no},
    {"x**/a", "xy/a", file, yes},
    {"/**a", "xa", file, yes},
    {"/**a", "x/a", file, no},
    {"x/\\**", "x/*a", file, yes},
    {"x/\\**", "x/a", file, no},
    // Backslashes.
    {"\\a", "a", file, yes},
    {"\\\\", "\\", file, yes},
    {"a\\", "a", file, no},
    {"a\\", "a\\", file, no},
    {"a\\*", "a*", file, yes},
    {"a\\*", "ab", file, no},
    {"a\\?", "a?", file, yes},
    {"\\[a]", "[a]", file, yes},
    {"\\[a]", "a", file, no},
};

ignore_rules rules_of(const std::string& patterns) { return must(ignore_rules::parse(patterns)); }

/// The patterns of each folder's ignore file.
using ignore_files = std::map<std::string, std::string>;

bool ignored_by(const ignore_files& files, const std::string& path, bool is_folder,
                const ignore_rules& defaults = {}) {
  auto reader = [&](const std::string& in) {
    auto found = files.find(in);
    return found == files.end() ? ignore_rules() : rules_of(found->second);
  };
  return must(is_ignored("/r", "/r/" + path, is_folder, reader, defaults));
}

bool ignored_by_default(const std::string& path, bool is_folder, const std::string& patterns = {}) {
  return ignored_by({{"/r", patterns}}, path, is_folder, default_ignore_rules());
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(patterns_mean_what_the_table_says) {
  for (const auto& row : table)
    BOOST_TEST(ignored_by({{"/r", row.patterns}}, row.path, row.is_folder) == row.ignored,
               "patterns '" << row.patterns << "', path '" << row.path << "', folder "
                            << row.is_folder << ": expected " << row.ignored);
  BOOST_TEST_MESSAGE(table.size() << " cases");
  BOOST_TEST(table.size() >= 150u);
}

BOOST_AUTO_TEST_CASE(rules_of_a_deeper_folder_win) {
  BOOST_TEST(!ignored_by({{"/r", "*.png"}, {"/r/x", "!a.png"}}, "x/a.png", file));
  BOOST_TEST(ignored_by({{"/r", "*.png"}, {"/r/x", "!a.png"}}, "x/b.png", file));
  BOOST_TEST(ignored_by({{"/r", "*.png"}, {"/r/x", "!a.png"}}, "a.png", file));
  BOOST_TEST(!ignored_by({{"/r", "*.png"}, {"/r/x", "!a.png"}}, "x/y/a.png", file));
  BOOST_TEST(ignored_by({{"/r", "!a"}, {"/r/x", "a"}}, "x/a", file));
  BOOST_TEST(!ignored_by({{"/r", "a"}, {"/r/x", "!a"}, {"/r/x/y", "b"}}, "x/y/a", file));
}

BOOST_AUTO_TEST_CASE(anchored_patterns_are_of_the_folder_of_their_file) {
  BOOST_TEST(ignored_by({{"/r/x", "/a"}}, "x/a", file));
  BOOST_TEST(!ignored_by({{"/r/x", "/a"}}, "x/y/a", file));
  BOOST_TEST(!ignored_by({{"/r/x", "/a"}}, "a", file));
  BOOST_TEST(ignored_by({{"/r/x", "y/a"}}, "x/y/a", file));
  BOOST_TEST(!ignored_by({{"/r/x", "x/y/a"}}, "x/y/a", file));
  BOOST_TEST(ignored_by({{"/r/x", "y/**/a"}}, "x/y/z/q/a", file));
}

BOOST_AUTO_TEST_CASE(
    nothing_in_an_ignored_folder_is_taken_back_in_and_its_rules_are_not_asked_for) {
  std::vector<std::string> asked;
  auto reader = [&](const std::string& in) {
    asked.push_back(in);
    return rules_of(in == "/r" ? "x/" : "!*");
  };
  BOOST_TEST(must(is_ignored("/r", "/r/x/y/a", file, reader)));
  BOOST_TEST(asked == std::vector<std::string>{"/r"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_paths_in_the_root_have_an_answer) {
  auto none = [](const std::string&) { return ignore_rules(); };
  for (const auto* path : {"/", "/rr", "/rr/a", "/q/r/a"}) {
    auto answer = is_ignored("/r", path, file, none);
    BOOST_REQUIRE(!answer);
    BOOST_TEST((answer.failure().code == error_code::invalid_argument));
    BOOST_TEST(answer.failure().message.find(path) != std::string::npos);
  }
  BOOST_TEST(!must(is_ignored("/r", "/r", folder, none)));
  BOOST_TEST(!must(is_ignored("/.r", "/.r", folder, none)));
  BOOST_TEST(!must(is_ignored("/.r", "/.r/a", file, none)));
  BOOST_TEST(must(is_ignored("/", "/a/.b", file, none)));
  BOOST_TEST(!must(is_ignored("/", "/a/b", file, none)));
}

BOOST_AUTO_TEST_CASE(a_walk_carries_the_scope_of_each_folder_it_has_yet_to_read) {
  ignore_scope root(rules_of("*.tmp2\n/x/b"), {});
  auto x = root.enter("x", rules_of("!keep.tmp2"));
  auto y = x.enter("y", {});
  BOOST_TEST(root.ignored("keep.tmp2", file));
  BOOST_TEST(!root.ignored("b", file));
  BOOST_TEST(x.ignored("b", file));
  BOOST_TEST(!x.ignored("keep.tmp2", file));
  BOOST_TEST(x.ignored("other.tmp2", file));
  BOOST_TEST(!y.ignored("keep.tmp2", file));
  BOOST_TEST(!y.ignored("b", file));
}

BOOST_AUTO_TEST_CASE(hidden_and_unfinished_files_are_left_out_by_default) {
  for (const auto* name : {".a", ".podstudioignore", "a.part", "a.png.partial", "a.crdownload",
                           "a.download", "a.filepart", "a.aria2", "a.!ut", "a.tmp", "a.temp",
                           "a.swp", "a~", "~$a", ".~lock.a#", "Thumbs.db"}) {
    BOOST_TEST(ignored_by_default(name, file), name);
    BOOST_TEST(ignored_by_default("x/"s + name, file), name);
  }
  for (const auto* name : {".git", ".x", "@eaDir", "__MACOSX", "$RECYCLE.BIN",
                           "System Volume Information", "lost+found"}) {
    BOOST_TEST(ignored_by_default(name, folder), name);
    BOOST_TEST(ignored_by_default(name + "/a.png"s, file), name);
  }
  for (const auto* name : {"a", "a.png", "part", "a.part.png", "~a", "lost+found", "__MACOSX"})
    BOOST_TEST(!ignored_by_default(name, file), name);
}

BOOST_AUTO_TEST_CASE(an_ignore_file_takes_defaults_back_in) {
  BOOST_TEST(!ignored_by_default(".a", file, "!.a"));
  BOOST_TEST(ignored_by_default(".b", file, "!.a"));
  BOOST_TEST(!ignored_by_default("x/a.tmp", file, "!*.tmp"));
  BOOST_TEST(!ignored_by_default(".x/a", file, "!.x/"));
  BOOST_TEST(ignored_by_default(".x/.a", file, "!.x/"));
  BOOST_TEST(ignored_by_default(".x/a", file, "!.x/a"));
}

BOOST_AUTO_TEST_CASE(texts_beyond_the_bounds_are_refused) {
  std::string fits(ignore_file_bytes_max, 'a');
  BOOST_TEST(!!ignore_rules::parse(fits));
  auto large = ignore_rules::parse(fits + "a");
  BOOST_REQUIRE(!large);
  BOOST_TEST((large.failure().code == error_code::invalid_argument));
  BOOST_TEST(large.failure().message == "is larger than 1048576 bytes; make it smaller");

  std::string lines = "# no pattern\n\n";
  for (std::size_t i = 0; i < ignore_patterns_max; ++i)
    lines += "a\n";
  BOOST_TEST(!!ignore_rules::parse(lines));
  auto many = ignore_rules::parse(lines + "[");
  BOOST_REQUIRE(!many);
  BOOST_TEST((many.failure().code == error_code::invalid_argument));
  BOOST_TEST(many.failure().message == "has more than 10000 patterns; use fewer");
}

BOOST_AUTO_TEST_CASE(hostile_patterns_cost_no_more_than_the_product_of_the_lengths) {
  std::string stars, folders, mixed, deep;
  for (int i = 0; i < 100; ++i) {
    stars += "*a";
    folders += "**/a/";
    mixed += "**/*a*a/";
  }
  for (int i = 0; i < 1000; ++i)
    deep += i == 0 ? "a" : "/a";
  struct {
    std::string pattern, folder, name;
  } cases[] = {
      {"*a*a*a*a*a*b", "", std::string(255, 'a')},
      {stars + "*b", "", std::string(255, 'a')},
      {stars + "[b]", "", std::string(255, 'a')},
      {folders + "b", deep, "a"},
      {mixed + "b", deep, std::string(255, 'a')},
      {"**/*" + stars + "/b", deep, std::string(255, 'a')},
      {std::string(10'000, '?'), "", std::string(255, 'a')},
  };
  for (const auto& hostile : cases) {
    std::uint64_t steps = 0;
    auto verdict = rules_of(hostile.pattern).verdict(hostile.folder, hostile.name, file, &steps);
    BOOST_TEST((verdict == ignore_verdict::none));
    auto path_bytes = hostile.folder.size() + 1 + hostile.name.size();
    BOOST_TEST(steps > 0u);
    BOOST_TEST(steps <= 4 * (hostile.pattern.size() + 1) * (path_bytes + 1));
  }
}

namespace {

result<ignore_rules> rules_in(const std::string& path) {
  unique_fd opened(::open(path.c_str(), O_PATH | O_DIRECTORY));
  BOOST_REQUIRE(static_cast<bool>(opened));
  return read_ignore_rules(opened.get(), path);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_ignore_file_of_a_folder_is_read) {
  temp_folder temp;
  auto path = temp.path + "/" + std::string(ignore_file_name);
  BOOST_TEST(must(rules_in(temp.path)).empty());
  write(path, "a");
  auto rules = must(rules_in(temp.path));
  BOOST_TEST((rules.verdict("", "a", file) == ignore_verdict::ignored));
  BOOST_TEST(!must(rules_in(temp.path + "/")).empty());
}

BOOST_AUTO_TEST_CASE(an_ignore_file_that_cannot_be_used_is_named) {
  temp_folder temp;
  auto path = temp.path + "/" + std::string(ignore_file_name);
  auto check = [&](std::string_view reason) {
    auto rules = rules_in(temp.path);
    BOOST_REQUIRE(!rules);
    BOOST_TEST(rules.failure().message.find("'" + path + "'") != std::string::npos);
    BOOST_TEST(rules.failure().message.find(reason) != std::string::npos, rules.failure().message);
    fs::remove_all(path);
  };
  write(temp.path + "/elsewhere", "a");
  fs::create_symlink(temp.path + "/elsewhere", path);
  check("is a link");
  fs::create_directory(path);
  check("is not a regular file");
  BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  check("is not a regular file");
  write(path, std::string(ignore_file_bytes_max + 1, 'a'));
  check("is larger than");
  std::string lines;
  for (std::size_t i = 0; i <= ignore_patterns_max; ++i)
    lines += "a\n";
  write(path, lines);
  check("has more than 10000 patterns");
  if (::geteuid() != 0) {
    write(path, "a");
    BOOST_REQUIRE(::chmod(path.c_str(), 0) == 0);
    check("check the permissions");
  }
}

namespace {

/// git before 2.52 takes the two stars of `a/b**` for a name of their own, against gitignore(5): it
/// strips what is before the first special byte. It gets one star, which means the same.
std::string line_for_git(std::string line) {
  auto start = line.find_first_not_of('!') == 1 ? 1u : 0u;
  if (start < line.size() && line[start] == '/') ++start;
  auto special = line.find_first_of("*?[\\", start);
  if (special == std::string::npos || special == start || line[special - 1] == '/') return line;
  auto stars = std::min(line.find_first_not_of('*', special), line.size()) - special;
  return stars < 2 ? line : line.erase(special, stars - 1);
}

std::string for_git(const std::string& patterns) {
  std::string out;
  for (std::size_t at = 0; at < patterns.size();) {
    auto end = std::min(patterns.find('\n', at), patterns.size());
    out += line_for_git(patterns.substr(at, end - at));
    if (end < patterns.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

/// A git repository whose folders have the same rules for git and for us.
class git_comparison {
public:
  git_comparison() {
    BOOST_REQUIRE(run("init -q --template= .") == 0);
    BOOST_REQUIRE(run("config core.ignorecase false") == 0);
  }

  void ignore_file(const std::string& in, const std::string& patterns) {
    fs::create_directories(temp_.path + "/" + in);
    write(temp_.path + "/" + in + "/.gitignore", for_git(patterns));
    write(temp_.path + "/" + in + "/" + std::string(ignore_file_name), patterns);
    patterns_[in] = patterns;
  }

  void add(const std::string& path, bool is_folder) {
    auto full = temp_.path + "/" + path;
    fs::create_directories(is_folder ? full : fs::path(full).parent_path().string());
    if (!is_folder) write(full, "");
    paths_.push_back({path, is_folder});
  }

  /// Compares every answer; gives how many paths were ignored.
  std::size_t compare() {
    auto theirs = ask_git();
    BOOST_REQUIRE(theirs.size() == paths_.size());
    std::map<std::string, ignore_rules> cache;
    auto reader = [&](const std::string& in) {
      auto [at, added] = cache.try_emplace(in);
      if (added) at->second = must(rules_in(in));
      return at->second;
    };
    std::size_t ignored = 0, differences = 0;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      const auto& [path, is_folder] = paths_[i];
      auto ours = must(is_ignored(temp_.path, temp_.path + "/" + path, is_folder, reader, {}));
      ignored += ours;
      if (ours == theirs[i] || ++differences > 20) continue;
      BOOST_ERROR("path '" << path << "', folder " << is_folder << ": git says " << theirs[i]
                           << ", we say " << ours << rules_on_the_way_to(path));
    }
    BOOST_TEST(differences == 0u);
    BOOST_TEST_MESSAGE(paths_.size() << " paths compared, " << ignored << " ignored");
    return ignored;
  }

private:
  int run(const std::string& arguments) const {
    auto command = "cd '" + temp_.path
                   + "' && env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE"
                     " GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null XDG_CONFIG_HOME=/dev/null"
                     " HOME=/dev/null git "
                   + arguments;
    return std::system(command.c_str());
  }

  std::vector<bool> ask_git() const {
    std::string questions;
    for (const auto& [path, is_folder] : paths_)
      questions += path + '\0';
    write(temp_.path + "/.questions", questions);
    auto status = run("check-ignore --no-index --stdin -z -v -n <.questions >.answers");
    BOOST_REQUIRE(WIFEXITED(status));
    BOOST_REQUIRE(WEXITSTATUS(status) <= 1);  // 1: nothing is ignored
    // Each answer is the ignore file, the line's number, the pattern and the path.
    std::ifstream answers(temp_.path + "/.answers", std::ios::binary);
    std::vector<bool> ignored;
    std::string source, line, pattern, path;
    while (std::getline(answers, source, '\0') && std::getline(answers, line, '\0')
           && std::getline(answers, pattern, '\0') && std::getline(answers, path, '\0')) {
      BOOST_REQUIRE(ignored.size() < paths_.size());
      BOOST_REQUIRE(path == paths_[ignored.size()].first);
      ignored.push_back(!source.empty() && !pattern.starts_with('!'));
    }
    return ignored;
  }

  std::string rules_on_the_way_to(const std::string& path) const {
    std::string all;
    for (const auto& [in, patterns] : patterns_)
      if (path.starts_with(in + "/")) all += "\n'" + in + "' has: " + patterns;
    return all;
  }

  temp_folder temp_;
  std::vector<std::pair<std::string, bool>> paths_;
  ignore_files patterns_;
};

/// Patterns that are likely to match, or nearly, as they are made from paths that exist.
class pattern_maker {
public:
  explicit pattern_maker(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class List>
  const auto& any_of(const List& list) {
    return *std::next(std::begin(list), static_cast<std::ptrdiff_t>(below(std::size(list))));
  }

  std::string patterns(const std::vector<std::string>& paths) {
    static const std::string ends[] = {"\n", "\n", "\n", "\r\n", " \n", "\\ \n", "/\n", "\n\n#a\n"};
    std::string all;
    for (auto count = 1 + below(5); count > 0; --count)
      all += (one_in(4) ? noise() : disguised(any_of(paths))) + any_of(ends);
    return all;
  }

private:
  std::string noise() {
    static const std::string bits[] = {
        "a", "b", "c",        "-",  "*",  "**",    "***",  "?",           "[",   "]",   "!",
        "^", "/", "/",        "\\", " ",  "[a-c]", "[!a]", "[[:alpha:]]", "**/", "/**", "/**/",
        "#", ".", "\xc3\xa9", "[]", "[:", ":]",    "\t",   "\r",          "~",   "$"};
    std::string text;
    for (auto count = 1 + below(7); count > 0; --count)
      text += any_of(bits);
    return text;
  }

  std::string disguised(const std::string& path) {
    std::string text = one_in(4) ? "!" : "";
    if (one_in(4)) text += any_of(std::vector<std::string>{"/", "**/", "*", "\\", "**"});
    for (auto byte : one_in(2) ? path.substr(path.rfind('/') + 1) : path) {
      if (byte == '/')
        text += any_of(std::vector<std::string>{"/", "/", "/", "/**/", "/*/", "\\/", "**/", "/**",
                                                "//", "/***/", "/**\\/"});
      else
        text += one_in(3) ? wild(byte) : std::string(1, byte);
    }
    if (one_in(6)) text += any_of(std::vector<std::string>{"*", "/**", "**", "?", "\\", "["});
    return text;
  }

  std::string wild(char byte) {
    static const std::string forms[] = {
        "?",       "*",           "**",           "\\@",          "[@]",
        "[a-c]",   "[!@]",        "[^-]",         "[]@]",         "[@-]",
        "[\\@]",   "[[:alpha:]]", "[[:punct:]@]", "[![:space:]]", "[a-\\@]",
        "[[:x:]]", "[/@]",        "@*",           "*@",           "",
        "[--@]",   "[[:@]",       "[!]@]",        "[@-@]"};
    std::string form = any_of(forms);
    for (auto& c : form)
      if (c == '@') c = byte;
    return form;
  }

  std::mt19937 random_;
};

const std::vector<std::string> random_files = {
    "a",     "b.c",     "ba",      "a b",       "a ",   "!a",        "#a",    "[a]",
    "a*b",   "a\\b",    "-",       "\xc3\xa9",  "abc",  "~$a",       "d/a",   "d/ab",
    "d/e/a", "d/e/a-c", "d/e/f/a", "d/e/f/abc", "ab/a", "ab/ba/a b", "[b]/a", "d/]"};
const std::vector<std::string> random_folders = {"d", "d/e", "d/e/f", "ab", "ab/ba", "[b]"};

}  // namespace

BOOST_AUTO_TEST_CASE(git_agrees_with_the_table) {
  git_comparison comparison;
  for (std::size_t i = 0; i < table.size(); ++i) {
    auto in = "t" + std::to_string(i);
    comparison.ignore_file(in, table[i].patterns);
    comparison.add(in + "/" + table[i].path, table[i].is_folder);
  }
  auto expected =
      std::count_if(table.begin(), table.end(), [](const table_case& row) { return row.ignored; });
  BOOST_TEST(comparison.compare() == static_cast<std::size_t>(expected));
}

BOOST_AUTO_TEST_CASE(git_agrees_on_every_byte_of_every_class) {
  git_comparison comparison;
  for (const auto* name : {"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print",
                           "punct", "space", "upper", "xdigit", "word"}) {
    comparison.ignore_file(name, "x[[:"s + name + ":]]");
    for (int c = 1; c < 256; ++c)
      if (c != '/') comparison.add(name + "/x"s + static_cast<char>(c), file);
  }
  comparison.compare();
}

BOOST_AUTO_TEST_CASE(git_agrees_on_random_patterns) {
  auto* chosen = std::getenv("PODSTUDIO_TEST_SEED");
  auto seed = chosen != nullptr ? static_cast<std::uint32_t>(std::strtoul(chosen, nullptr, 10))
                                : std::random_device{}();
  BOOST_TEST_CONTEXT("PODSTUDIO_TEST_SEED=" << seed) {
    pattern_maker make(seed);
    git_comparison comparison;
    for (int round = 0; round < 400; ++round) {
      auto in = "t" + std::to_string(round);
      comparison.ignore_file(in, make.patterns(random_files));
      if (make.one_in(2)) comparison.ignore_file(in + "/d", make.patterns(random_files));
      if (make.one_in(2)) comparison.ignore_file(in + "/d/e", make.patterns(random_files));
      for (const auto& path : random_files)
        if (make.one_in(2)) comparison.add(in + "/" + path, file);
      for (const auto& path : random_folders)
        if (make.one_in(2)) comparison.add(in + "/" + path, folder);
    }
    BOOST_TEST(comparison.compare() > 200u);
  }
}
