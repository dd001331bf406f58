// SPDX-License-Identifier: MIT
#include "events/command_reader.hpp"

namespace podstudio {

result<std::optional<committed_command>> command_reader::next() {
  if (failure_) return *failure_;
  auto read = read_next();
  if (!read) failure_ = read.failure();
  return read;
}

result<std::optional<committed_command>> command_reader::read_next() {
  auto frame = next_frame();
  if (!frame) return frame.failure();
  if (!*frame) return std::optional<committed_command>();
  auto& [offset, header, bytes, hash] = **frame;
  location_ = {path(), offset, bytes.size()};
  auto what = decode_frame(bytes, {location_.file, offset, header.link.first_sequence});
  if (!what) return what.failure();
  return std::optional<committed_command>({header.link.first_sequence, header.link.at_us, hash,
                                           std::make_shared<const command>(std::move(*what))});
}

}  // namespace podstudio
