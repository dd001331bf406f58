// SPDX-License-Identifier: MIT
#include "archive/content.hpp"

#include "platform/files.hpp"
#include "platform/sha256.hpp"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace podstudio::archive {

namespace {

/// What is read at once: it stays in a processor's cache while both checksums go over it.
constexpr std::size_t piece_bytes_max = 256u << 10;

error wrong_size(const char* how, std::uint64_t size_bytes) {
  return {error_code::changed, std::string("the file is ") + how + " than its "
                                   + std::to_string(size_bytes)
                                   + " bytes; wait until nothing changes it, and try again"};
}

/// Reads a part of a file in pieces, and calls `take` with each and its offset in the part.
template <class Take>
result<content_sums> read_pieces(int fd, std::uint64_t offset, std::uint64_t size_bytes,
                                 const content_watch& watch, Take take) {
  std::vector<char> piece(std::min<std::uint64_t>(size_bytes, piece_bytes_max));
  sha256 hasher;
  content_sums sums{{}, static_cast<std::uint32_t>(::crc32_z(0, nullptr, 0))};
  for (std::uint64_t done = 0; done < size_bytes;) {
    auto wanted = std::min<std::uint64_t>(size_bytes - done, piece.size());
    auto got = read_at(fd, piece.data(), wanted, offset + done);
    if (!got) return system_error()("cannot read a file");
    if (*got < wanted) return wrong_size("shorter", size_bytes);
    hasher.update(piece.data(), *got);
    sums.crc32 = static_cast<std::uint32_t>(
        ::crc32_z(sums.crc32, reinterpret_cast<const Bytef*>(piece.data()), *got));
    if (auto taken = take(std::string_view(piece.data(), *got), done); !taken)
      return taken.failure();
    done += *got;
    if (watch && !watch(done)) return error{error_code::stopping, "stopped as asked"};
  }
  sums.sha256 = hasher.finish();
  return sums;
}

}  // namespace

content_sums sum_text(std::string_view text) {
  auto crc32 = ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return {sha256().of(text), static_cast<std::uint32_t>(crc32)};
}

result<content_sums> sum_content(int fd, std::uint64_t offset, std::uint64_t size_bytes,
                                 const content_watch& watch) {
  return read_pieces(fd, offset, size_bytes, watch,
                     [](std::string_view, std::uint64_t) { return result<void>(); });
}

result<content_sums> copy_content(int from, std::uint64_t size_bytes, int to,
                                  std::uint64_t to_offset, const content_watch& watch) {
  auto copied = read_pieces(from, 0, size_bytes, watch,
                            [&](std::string_view piece, std::uint64_t at) -> result<void> {
                              if (!write_all_at(to, piece, to_offset + at))
                                return system_error()("cannot write the archive");
                              return {};
                            });
  if (!copied) return copied;
  char more = 0;
  auto got = read_at(from, &more, 1, size_bytes);
  if (!got) return system_error()("cannot read a file");
  if (*got != 0) return wrong_size("longer", size_bytes);
  return copied;
}

}  // namespace podstudio::archive
