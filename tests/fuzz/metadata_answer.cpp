// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_answer.hpp"

#include "media_properties.hpp"
#include "properties.hpp"
#include "support/allocation_watch.hpp"

using namespace podstudio;

namespace fuzz {

bool metadata_answer(const_bytes input) {
  /// What the values of one line may take as JSON, and what all lines' texts are kept in.
  constexpr std::size_t allocation_max = std::size_t{4} << 20;
  input_cursor cursor(input);
  std::size_t files = cursor.take_byte();
  auto preview_bytes = std::uint64_t{cursor.take_u16()} * 1000;
  auto lines = text_of(cursor.rest());
  allocation_watch allocations;
  auto answers = parse_metadata_answer(lines, files, preview_bytes);
  require(allocations.largest_bytes() <= allocation_max, "an answer allocates more than it may");
  if (!answers) {
    require(answers.failure().code == error_code::damaged,
            "an answer is refused with another error");
    return false;
  }
  require(answers->size() == files, "another number of files than there are");
  std::uint64_t all_previews = 0;
  std::string again;
  for (const auto& each : *answers) {
    require(each.preview_offsets.size() == each.found.previews.size(), "a preview without a place");
    for (const auto& preview : each.found.previews)
      all_previews += preview.size_bytes;
    auto line = to_metadata_line(each);
    require(line.size() <= metadata_line_bytes_max, "a line is longer than it may be");
    again += line;
  }
  require(all_previews <= preview_bytes, "previews lie within each other");
  auto second = parse_metadata_answer(again, files, preview_bytes);
  require(bool(second), "what was taken is refused when it is written again");
  std::string third;
  for (const auto& each : *second)
    third += to_metadata_line(each);
  require(third == again, "what was taken is not what is written");
  return files > 0;
}

}  // namespace fuzz
