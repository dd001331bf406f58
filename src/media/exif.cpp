// SPDX-License-Identifier: MIT
#include "media/exif.hpp"

#include "media/text.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

/// The bytes of a block or a file, by position.
class random_access {
public:
  virtual ~random_access() = default;
  virtual std::uint64_t size() const = 0;
  virtual std::vector<std::uint8_t> read(std::uint64_t at, std::uint64_t size_bytes) = 0;
};

class block_access final : public random_access {
public:
  explicit block_access(bytes_view block) : block_(block) {}
  std::uint64_t size() const override { return block_.size(); }
  std::vector<std::uint8_t> read(std::uint64_t at, std::uint64_t size_bytes) override {
    if (at >= block_.size()) return {};
    auto taken = part(block_, static_cast<std::size_t>(at),
                      static_cast<std::size_t>(std::min<std::uint64_t>(size_bytes, block_.size())));
    return {taken.begin(), taken.end()};
  }

private:
  bytes_view block_;
};

class file_access final : public random_access {
public:
  explicit file_access(source& from) : from_(from) {}
  std::uint64_t size() const override { return from_.size(); }
  std::vector<std::uint8_t> read(std::uint64_t at, std::uint64_t size_bytes) override {
    return from_.read(at, size_bytes);
  }

private:
  source& from_;
};

struct entry {
  std::uint16_t tag = 0;
  std::uint16_t type = 0;
  std::uint64_t count = 0;
  std::uint64_t value_at = 0;  ///< where the value stands in the block
};

constexpr std::uint32_t size_of_type(std::uint16_t type) noexcept {
  switch (type) {
  case 1:
  case 2:
  case 6:
  case 7:
    return 1;
  case 3:
  case 8:
    return 2;
  case 4:
  case 9:
  case 11:
  case 13:
    return 4;
  case 5:
  case 10:
  case 12:
  case 16:
  case 17:
  case 18:
    return 8;
  default:
    return 0;
  }
}

class ifd_reader {
public:
  ifd_reader(random_access& bytes, carriers& found) : bytes_(bytes), found_(found) {}

  ifd_facts read() {
    auto head = bytes_.read(0, 16);
    if (starts_with(head, "II"))
      order_ = byte_order::little;
    else if (starts_with(head, "MM"))
      order_ = byte_order::big;
    else
      return facts_;
    byte_cursor cursor(part(head, 2), order_);
    auto magic = cursor.u16();
    if (magic == 43) {
      big_ = true;
      cursor.skip(4);
    } else if (magic != 42) {
      return facts_;
    }
    auto at = big_ ? cursor.u64() : cursor.u32();
    for (bool first = true; at != 0 && read_directories_ < ifd_count_max; first = false) {
      auto before = facts_.page_count;
      at = directory(at, first);
      if (before == facts_.page_count) break;
    }
    return facts_;
  }

private:
  /// Reads a directory and gives where the next one is, 0 for none.
  std::uint64_t directory(std::uint64_t at, bool first) {
    if (!visit(at)) return 0;
    auto head = bytes_.read(at, 8);
    byte_cursor counter(head, order_);
    std::uint64_t count = big_ ? counter.u64() : counter.u16();
    if (counter.failed()) return 0;
    ++facts_.page_count;
    const std::uint64_t head_size = big_ ? 8 : 2, entry_size = big_ ? 20 : 12;
    auto held = std::min<std::uint64_t>(count, ifd_entries_max);
    auto body = bytes_.read(at + head_size, held * entry_size + (big_ ? 8 : 4));
    byte_cursor cursor(body, order_);
    entries_.clear();
    for (std::uint64_t i = 0; i < held && cursor.left() >= entry_size; ++i) {
      entry each;
      each.tag = cursor.u16();
      each.type = cursor.u16();
      each.count = big_ ? cursor.u64() : cursor.u32();
      auto inline_at = at + head_size + i * entry_size + (big_ ? 12 : 8);
      auto where = big_ ? cursor.u64() : cursor.u32();
      auto unit = size_of_type(each.type);
      if (unit == 0) continue;
      bool is_inline = each.count <= (big_ ? 8u : 4u) / unit;
      each.value_at = is_inline ? inline_at : where;
      entries_.push_back(each);
    }
    if (first) facts_.readable = !entries_.empty();
    auto next = held == count ? (big_ ? cursor.u64() : cursor.u32()) : 0;
    auto entries = entries_;
    for (const auto& each : entries)
      take(each, first);
    if (first) measure_data(entries);
    return next;
  }

  bool visit(std::uint64_t at) {
    if (at < 8 || at >= bytes_.size()) return false;
    if (std::ranges::find(visited_, at) != visited_.end()) return false;
    visited_.push_back(at);
    return ++read_directories_ <= ifd_count_max;
  }

  std::vector<std::uint8_t> value_of(const entry& each, std::uint64_t size_max) {
    auto count = std::min<std::uint64_t>(each.count, size_max / size_of_type(each.type));
    return bytes_.read(each.value_at, count * size_of_type(each.type));
  }
  std::uint64_t number_of(const entry& each, std::size_t index = 0) {
    auto unit = size_of_type(each.type);
    if (index >= each.count) return 0;
    auto bytes = bytes_.read(each.value_at + index * unit, unit);
    byte_cursor cursor(bytes, order_);
    switch (unit) {
    case 1:
      return cursor.u8();
    case 2:
      return cursor.u16();
    case 4:
      return cursor.u32();
    default:
      return each.type >= 16 ? cursor.u64() : 0;
    }
  }
  std::uint32_t small_number_of(const entry& each) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(number_of(each), UINT32_MAX));
  }
  double ratio_of(const entry& each) {
    if (each.type != 5) return static_cast<double>(number_of(each));
    auto bytes = bytes_.read(each.value_at, 8);
    byte_cursor cursor(bytes, order_);
    double above = cursor.u32(), below = cursor.u32();
    return below > 0 ? above / below : 0;
  }

  void text(const entry& each, std::string_view name) {
    if (found_.room() == 0) return;
    auto bytes = value_of(each, ifd_value_bytes_max);
    auto whole = text_of(bytes);
    // The terminator; what stands behind it is filling.
    if (each.type == 2) whole = whole.substr(0, whole.find('\0'));
    found_.add(carrier::exif, name, whole, each.count > bytes.size());
  }
  void wide_text(const entry& each, std::string_view name) {
    auto bytes = value_of(each, ifd_value_bytes_max);
    found_.add(carrier::exif, name, from_utf16(bytes, byte_order::little, ifd_value_bytes_max));
  }

  void take(const entry& each, bool first) {
    switch (each.tag) {
    case 0x0100:
      if (first) facts_.width = small_number_of(each);
      break;
    case 0x0101:
      if (first) facts_.height = small_number_of(each);
      break;
    case 0x0102:
      if (first) facts_.bits = small_number_of(each);
      break;
    case 0x0103:
      if (first) facts_.compression = small_number_of(each);
      break;
    case 0x0106:
      if (first) facts_.photometric = small_number_of(each);
      break;
    case 0x0115:
      if (first) facts_.samples = small_number_of(each);
      break;
    case 0x0112:
      if (auto way = number_of(each); first && way >= 1 && way <= 8)
        facts_.orientation = static_cast<std::uint8_t>(way);
      break;
    case 0x011a:
      if (first) facts_.resolution_x = ratio_of(each);
      break;
    case 0x011b:
      if (first) facts_.resolution_y = ratio_of(each);
      break;
    case 0x0128:
      if (first) facts_.resolution_unit = small_number_of(each);
      break;
    case 0x0152:
      if (first) {
        auto kind = number_of(each);
        facts_.alpha = kind == 1 || kind == 2;
      }
      break;
    case 0xa001:
      facts_.colour_space = small_number_of(each);
      break;
    case 0x010d:
      text(each, "DocumentName");
      break;
    case 0x010e:
      text(each, "ImageDescription");
      break;
    case 0x010f:
      text(each, "Make");
      break;
    case 0x0110:
      text(each, "Model");
      break;
    case 0x0131:
      text(each, "Software");
      break;
    case 0x013b:
      text(each, "Artist");
      break;
    case 0x9c9b:
      wide_text(each, "XPTitle");
      break;
    case 0x9c9c:
      wide_text(each, "XPComment");
      break;
    case 0x9c9e:
      wide_text(each, "XPKeywords");
      break;
    case 0x927c:
      if (each.count <= 64) text(each, "MakerNote");
      break;
    case 0x9286: {
      auto bytes = value_of(each, ifd_value_bytes_max);
      found_.add(carrier::exif, "UserComment", user_comment(bytes, order_),
                 each.count > bytes.size());
      break;
    }
    case 0x02bc:
      if (first && found_.xmp.empty()) {
        auto bytes = value_of(each, ifd_value_bytes_max);
        found_.xmp = clean_text(text_of(bytes), carried_text_bytes_max);
      }
      break;
    case 0x8773:
      if (first && found_.icc.empty()) found_.icc = value_of(each, icc_bytes_max);
      break;
    case 0x8769:
    case 0xa005:
    case 0x014a:
      // EXIF, interoperability and sub-directories, the first of each.
      if (depth_ < 3) {
        ++depth_;
        auto pages = facts_.page_count;
        if (each.tag != 0x014a) directory(number_of(each), false);
        facts_.page_count = pages;
        --depth_;
      }
      break;
    default:
      break;
    }
  }

  /// How far the picture's strips (or tiles) reach.
  void measure_data(const std::vector<entry>& entries) {
    constexpr std::uint64_t strips_max = 1 << 16;
    const entry *offsets = nullptr, *sizes = nullptr;
    for (const auto& each : entries) {
      if (each.tag == 0x0111 || each.tag == 0x0144) offsets = &each;
      if (each.tag == 0x0117 || each.tag == 0x0145) sizes = &each;
    }
    if (offsets == nullptr || sizes == nullptr) return;
    auto count = std::min({offsets->count, sizes->count, strips_max});
    auto numbers = [&](const entry& of) {
      auto unit = size_of_type(of.type);
      auto bytes = bytes_.read(of.value_at, count * unit);
      byte_cursor cursor(bytes, order_);
      std::vector<std::uint64_t> all;
      for (std::uint64_t i = 0; i < count && cursor.left() >= unit; ++i)
        all.push_back(unit == 2 ? cursor.u16() : unit == 4 ? cursor.u32() : cursor.u64());
      return all;
    };
    auto starts = numbers(*offsets), lengths = numbers(*sizes);
    for (std::size_t i = 0; i < std::min(starts.size(), lengths.size()); ++i)
      if (std::uint64_t end = 0; !__builtin_add_overflow(starts[i], lengths[i], &end))
        facts_.data_end = std::max(facts_.data_end, end);
  }

  random_access& bytes_;
  carriers& found_;
  ifd_facts facts_;
  byte_order order_ = byte_order::big;
  bool big_ = false;
  int depth_ = 0;
  std::size_t read_directories_ = 0;
  std::vector<std::uint64_t> visited_;
  std::vector<entry> entries_;
};

}  // namespace

std::string user_comment(bytes_view value, byte_order order) {
  constexpr std::size_t name_bytes = 8;
  auto rest = part(value, name_bytes);
  if (starts_with(value, "UNICODE")) return from_utf16(rest, order, carried_text_bytes_max);
  auto name = text_of(value.first(std::min(name_bytes, value.size())));
  if (name.starts_with("ASCII") || name == "\0\0\0\0\0\0\0\0"sv || name.starts_with("JIS"))
    return std::string(text_of(rest));
  // Some writers leave the name out.
  return std::string(text_of(value));
}

ifd_facts read_ifds(source& from, carriers& found) {
  file_access bytes(from);
  return ifd_reader(bytes, found).read();
}

ifd_facts read_ifds(bytes_view block, carriers& found) {
  if (starts_with(block, "Exif\0\0"sv)) block = block.subspan(6);
  block_access bytes(block);
  return ifd_reader(bytes, found).read();
}

}  // namespace podstudio::media
