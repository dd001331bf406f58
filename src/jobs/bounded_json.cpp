// SPDX-License-Identifier: MIT
#include "jobs/bounded_json.hpp"

#include "platform/text.hpp"

namespace podstudio {

namespace {

using nlohmann::json;

/// Takes a text apart without keeping anything of it.
class bounds_check {
public:
  explicit bounds_check(const json_bounds& bounds) : bounds_(bounds) {}

  bool null() { return count(); }
  bool boolean(bool) { return count(); }
  bool number_integer(json::number_integer_t) { return count(); }
  bool number_unsigned(json::number_unsigned_t) { return count(); }
  bool number_float(json::number_float_t, const std::string&) { return count(); }
  bool string(const std::string& text) { return is_text(text) && count(); }
  bool binary(const json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(); }
  bool key(const std::string& name) { return is_text(name) && count(); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t at, const std::string&, const json::exception&) {
    return refuse("is not JSON, from byte " + std::to_string(at) + " on");
  }

  const std::string& reason() const noexcept { return reason_; }

private:
  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }
  bool count() {
    return ++values_ <= bounds_.values_max
           || refuse("holds more than " + std::to_string(bounds_.values_max) + " values");
  }
  bool open() {
    return count()
           && (++depth_ <= bounds_.depth_max
               || refuse("nests deeper than " + std::to_string(bounds_.depth_max) + " levels"));
  }
  bool close() {
    --depth_;
    return true;
  }
  bool is_text(const std::string& text) {
    return is_utf8(text) || refuse("holds a text with NUL or that is not UTF-8");
  }

  json_bounds bounds_;
  std::size_t values_ = 0, depth_ = 0;
  std::string reason_;
};

error not_taken(const std::string& reason) { return {error_code::damaged, "the text " + reason}; }

}  // namespace

result<nlohmann::json> parse_bounded_json(std::string_view text, const json_bounds& bounds) {
  bounds_check check(bounds);
  if (!json::sax_parse(text, &check))
    return not_taken(check.reason().empty() ? "is not JSON" : check.reason());
  auto document = json::parse(text, nullptr, false);
  if (!document.is_object()) return not_taken("is not a JSON object");
  return document;
}

}  // namespace podstudio
