// SPDX-License-Identifier: MIT
#include "media/inflate.hpp"

#include <zlib.h>

#include <array>

namespace podstudio::media {

inflated inflate(bytes_view compressed, std::size_t size_bytes_max) {
  inflated made;
  z_stream stream{};
  constexpr int window_bits_any_header = 15 + 32;
  if (inflateInit2(&stream, window_bits_any_header) != Z_OK) return made;
  stream.next_in = const_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(compressed.size(), 1u << 30));
  std::array<char, 16 << 10> part;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = part.size();
    auto status = ::inflate(&stream, Z_NO_FLUSH);
    auto got = part.size() - stream.avail_out;
    auto room = size_bytes_max - made.bytes.size();
    made.bytes.append(part.data(), std::min(got, room));
    if (status == Z_STREAM_END) {
      made.whole = got <= room;
      break;
    }
    if (status != Z_OK || got > room || (got == 0 && stream.avail_in == 0)) break;
  }
  inflateEnd(&stream);
  return made;
}

}  // namespace podstudio::media
