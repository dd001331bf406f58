// SPDX-License-Identifier: MIT
#include "media/carriers.hpp"

#include "media/text.hpp"

#include <algorithm>
#include <array>

namespace podstudio::media {

std::string_view to_string(carrier where) noexcept {
  constexpr std::array<std::string_view, carrier_count> words{
      "png_text", "exif", "xmp", "iptc", "comment", "container_tag", "stealth", "c2pa", "beside"};
  return words[static_cast<std::size_t>(where)];
}

void carriers::add(carrier where, std::string_view key, std::string_view text, bool is_cut) {
  if (texts.size() >= carried_texts_max || trimmed(text).empty()) return;
  auto size_max = std::min(carried_text_bytes_max, room());
  carried_text made{where, clean_name(key, carried_key_bytes_max), clean_text(text, size_max),
                    is_cut || text.size() > size_max};
  held_bytes_ += std::min(room(), made.text.size());
  texts.push_back(std::move(made));
}

const carried_text* carriers::find(carrier where, std::string_view key) const noexcept {
  auto at = std::ranges::find_if(
      texts, [&](const carried_text& each) { return each.where == where && each.key == key; });
  return at == texts.end() ? nullptr : &*at;
}

}  // namespace podstudio::media
