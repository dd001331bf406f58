// SPDX-License-Identifier: MIT
#include "model/command_memory.hpp"

#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <cstring>
#include <functional>
#include <utility>

namespace podstudio {

std::size_t command_memory::id_hash::operator()(const uuid& id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

request_mark::request_mark(const std::optional<podstudio::digest>& request,
                           std::string_view summary_text)
    : summary(std::hash<std::string_view>{}(summary_text)) {
  if (request) std::memcpy(&digest, request->data(), sizeof digest);
}

bool request_mark::matches(const request_mark& other) const noexcept {
  return digest != 0 && other.digest != 0 ? digest == other.digest : summary == other.summary;
}

std::optional<result<command_outcome>> command_memory::find(const uuid& id,
                                                            const request_mark& asked) const {
  std::scoped_lock hold(mutex_);
  for (const auto* half : {&newer_, &older_}) {
    auto known = half->find(id);
    if (known == half->end()) continue;
    if (!known->second.asked.matches(asked)) return id_of_another(id);
    return known->second.outcome;
  }
  return std::nullopt;
}

void command_memory::remember(const uuid& id, const request_mark& asked,
                              const command_outcome& outcome) {
  std::scoped_lock hold(mutex_);
  if (newer_.size() >= capacity) older_ = std::exchange(newer_, {});
  newer_.insert_or_assign(id, remembered{outcome, asked});
}

std::string in_summary(const std::string& text) {
  constexpr std::size_t bytes_max = 80;
  // In JSON a backslash is escaped already.
  auto shown = [](std::string_view json) {
    auto escaped = printable(json);
    for (auto at = escaped.find("\\\\"); at != std::string::npos; at = escaped.find("\\\\", at + 1))
      escaped.erase(at, 1);
    return escaped;
  };
  if (text.size() <= bytes_max) return shown(text);
  auto whole = to_hex(sha256().of(text));
  return shown(std::string_view(text).substr(0, bytes_max)) + "... (#" + whole.substr(0, 8) + ")";
}

error id_of_another(const uuid& id) {
  return {error_code::refused, "the id " + to_string(id)
                                   + " was already given to another command; give this one an id "
                                     "of its own, or none"};
}

}  // namespace podstudio
