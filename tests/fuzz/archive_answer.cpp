// SPDX-License-Identifier: MIT
#include "archive/kept_texts.hpp"
#include "jobs/bounded_json.hpp"
#include "jobs/kinds/archive_order.hpp"

#include "properties.hpp"

using namespace podstudio;

namespace fuzz {

namespace {

/// Whatever is taken is written again as the same value.
bool copy_answer(const nlohmann::json& facts, std::size_t files) {
  auto answer = parse_archive_copy_answer(facts, files);
  if (!answer) {
    require(answer.failure().code == error_code::damaged, "refused with another error");
    return false;
  }
  require(answer->sums.size() <= files, "more sums than there are files");
  auto again = to_facts(*answer);
  auto second = parse_archive_copy_answer(again, files);
  require(bool(second), "what was taken is refused when it is written again");
  require(to_facts(*second) == again, "what was taken is not what is written");
  return true;
}

bool verify_answer(const nlohmann::json& facts) {
  auto answer = parse_archive_verify_answer(facts);
  if (!answer) {
    require(answer.failure().code == error_code::damaged, "refused with another error");
    return false;
  }
  auto again = to_facts(*answer);
  auto second = parse_archive_verify_answer(again);
  require(bool(second) && to_facts(*second) == again, "what was taken is not what is written");
  return true;
}

}  // namespace

bool archive_answer(const_bytes input) {
  input_cursor cursor(input);
  std::size_t files = cursor.take_byte();
  auto facts = parse_bounded_json(text_of(cursor.rest()));
  if (!facts) return false;
  return files == 0 ? verify_answer(*facts) : copy_answer(*facts, files);
}

bool kept_texts(const_bytes input) {
  auto contents = archive::restore_contents(text_of(input));
  if (!contents) {
    auto code = contents.failure().code;
    require(code == error_code::damaged || code == error_code::newer_version,
            "refused with another error");
    return false;
  }
  auto kept = archive::keep_texts(contents->entries);
  require(bool(kept), "what was restored is not kept again");
  auto second = archive::restore_contents(*kept);
  require(bool(second) && second->entries.size() == contents->entries.size(),
          "what is kept again is something else");
  return true;
}

}  // namespace fuzz
