// SPDX-License-Identifier: MIT
#include "properties.hpp"

#include "events/codec.hpp"
#include "support/allocation_watch.hpp"

#include <nlohmann/json.hpp>

using namespace podstudio;

namespace fuzz {

bool event_body(const_bytes input) {
  input_cursor cursor(input);
  std::string name(text_of(cursor.take(cursor.take_byte())));
  auto version = cursor.take_u16();
  auto body = cursor.rest();
  allocation_watch watch;
  auto decoded = decode_event(name, version, body);
  require(watch.largest_bytes() <= allowed_allocation(input.size()),
          "decoding allocates more than the body holds");
  if (!decoded) {
    auto code = decoded.failure().code;
    require(code == error_code::damaged || code == error_code::newer_version,
            "a body is refused with another error: " + decoded.failure().message);
    return false;
  }
  require(event_name(*decoded) == name, "an event of another type was decoded");
  require(bool(check_event(*decoded)), "the writer would refuse what was decoded");
  require(!to_json(*decoded).dump().empty(), "an event has no JSON");
  std::string encoded;
  encode_event(*decoded, encoded);
  if (version == event_version(*decoded))
    require(encoded == text_of(body), "an event has two encodings");
  auto again = decode_event(name, event_version(*decoded), bytes_of(encoded));
  require(again && *again == *decoded, "an event is another one when it is read again");
  return true;
}

}  // namespace fuzz
