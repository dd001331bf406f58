// SPDX-License-Identifier: MIT
#include "events/codec.hpp"

#include "events/bounds.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/optional.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstring>
#include <istream>
#include <ostream>
#include <streambuf>
#include <type_traits>

namespace podstudio {

namespace {

/// Appends to a string. cereal writes through a stream's buffer only, so this is all of the stream.
class string_sink : public std::streambuf {
public:
  void attach(std::string* out) noexcept { out_ = out; }

private:
  std::streamsize xsputn(const char* bytes, std::streamsize size) override {
    out_->append(bytes, static_cast<std::size_t>(size));
    return size;
  }
  int_type overflow(int_type c) override {
    out_->push_back(traits_type::to_char_type(c));
    return c;
  }

  std::string* out_ = nullptr;
};

/// Reads a span, and knows what is left of it.
class span_source : public std::streambuf {
public:
  void attach(std::span<const std::uint8_t> bytes) noexcept {
    // The get area is never written to; std::streambuf merely has no const form.
    auto* begin = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(begin, begin, begin + bytes.size());
  }
  std::size_t remaining() const noexcept { return static_cast<std::size_t>(egptr() - gptr()); }

private:
  std::streamsize xsgetn(char* into, std::streamsize size) override {
    auto taken = std::min<std::streamsize>(size, egptr() - gptr());
    std::memcpy(into, gptr(), static_cast<std::size_t>(taken));
    setg(eback(), gptr() + taken, egptr());
    return taken;
  }
};

// A stream's constructor costs several times what encoding an event does, so each thread keeps one.
struct output_stream {
  string_sink sink;
  std::ostream stream{&sink};
};
struct input_stream {
  span_source source;
  std::istream stream{&source};
};

output_stream& this_threads_output() {
  static thread_local output_stream output;
  return output;
}

input_stream& this_threads_input() {
  static thread_local input_stream input;
  return input;
}

}  // namespace

}  // namespace podstudio

// cereal/types/string.hpp is not used because its load resizes to whatever length the bytes claim,
// and its plain load of a bool takes any byte, which is undefined behaviour for all but 0 and 1.
// These have the same form on disk. Each is better than cereal's own template by being none.
namespace cereal {

static void CEREAL_SAVE_FUNCTION_NAME(PortableBinaryOutputArchive& archive,
                                      const std::string& text) {
  archive(make_size_tag(static_cast<size_type>(text.size())));
  archive.saveBinary<1>(text.data(), static_cast<std::streamsize>(text.size()));
}

static void load_bytes(PortableBinaryInputArchive& archive, std::string& bytes,
                       std::size_t bytes_max) {
  size_type size = 0;
  archive(make_size_tag(size));
  if (size > bytes_max || size > podstudio::this_threads_input().source.remaining())
    throw Exception("a string's length is above what follows it");
  bytes.resize(static_cast<std::size_t>(size));
  archive.loadBinary<1>(bytes.data(), static_cast<std::streamsize>(size));
}

static void CEREAL_LOAD_FUNCTION_NAME(PortableBinaryInputArchive& archive, std::string& text) {
  load_bytes(archive, text, podstudio::max_string_bytes);
}

static void CEREAL_SAVE_FUNCTION_NAME(PortableBinaryOutputArchive& archive,
                                      const podstudio::blob& value) {
  CEREAL_SAVE_FUNCTION_NAME(archive, value.bytes);
}

static void CEREAL_LOAD_FUNCTION_NAME(PortableBinaryInputArchive& archive, podstudio::blob& value) {
  load_bytes(archive, value.bytes, podstudio::max_blob_bytes);
}

static void CEREAL_LOAD_FUNCTION_NAME(PortableBinaryInputArchive& archive, bool& value) {
  std::uint8_t byte = 0;
  archive.loadBinary<1>(&byte, 1);
  if (byte > 1) throw Exception("a truth value is neither 0 nor 1");
  value = byte == 1;
}

}  // namespace cereal

namespace podstudio {

namespace {

template <class T>
concept enumeration = std::is_enum_v<T>;

/// An archive that looks at the values instead of moving them: finds the first field that holds
/// what no writer writes. `T::serialize` is the one list of an event's fields, for this as for the
/// bytes.
class field_checker {
public:
  template <class... Fields>
  void operator()(Fields&&... fields) {
    (field(fields.name, fields.value), ...);
  }

  /// Nothing, or what is wrong.
  const std::string& complaint() const noexcept { return complaint_; }

private:
  template <class T>
  void field(const char* name, T& value) {
    if (complaint_.empty()) check(name, value);
  }

  void check(const char*, std::integral auto&) {}
  void check(const char* name, std::int64_t& value) {
    auto [lowest, highest] = bounds_of(name);
    if (value >= lowest && value <= highest) return;
    auto text = "is " + std::to_string(value) + ", but must be from " + std::to_string(lowest)
                + " to " + std::to_string(highest);
    complain(name, text.c_str());
  }
  void check(const char*, digest&) {}
  void check(const char* name, double& value) {
    if (!std::isfinite(value)) complain(name, "is not a finite number");
  }
  void check(const char* name, enumeration auto& value) {
    if (!is_named(value)) complain(name, "has a value without a name");
  }
  void check(const char* name, std::string& value) {
    if (value.size() > max_string_bytes)
      complain(name, "is longer than 64 KiB");
    else if (!is_utf8(value))
      complain(name, "is not valid UTF-8");
  }
  void check(const char* name, blob& value) {
    if (value.bytes.size() > max_blob_bytes) complain(name, "is longer than 6 MiB");
  }
  template <class T>
  void check(const char* name, std::optional<T>& value) {
    if (value) check(name, *value);
  }
  template <class T>
  requires requires(T& value, field_checker& archive) { value.serialize(archive); }
  void check(const char*, T& value) { value.serialize(*this); }

  void complain(const char* name, const char* what) {
    complaint_ = std::string("the field '") + name + "' " + what;
  }

  std::string complaint_;
};

/// An archive that makes a JSON object of the fields.
class json_writer {
public:
  template <class... Fields>
  void operator()(Fields&&... fields) {
    ((object_[fields.name] = json_of(fields.value)), ...);
  }

  nlohmann::json take() { return std::move(object_); }

private:
  static nlohmann::json json_of(std::integral auto& value) { return value; }
  static nlohmann::json json_of(double& value) { return value; }
  static nlohmann::json json_of(digest& value) { return to_hex(value); }
  static nlohmann::json json_of(std::string& value) { return value; }
  /// Which bytes it has, not the bytes: a document is for people.
  static nlohmann::json json_of(blob& value) {
    return {{"size_bytes", value.bytes.size()}, {"sha256", to_hex(sha256().of(value.bytes))}};
  }
  static nlohmann::json json_of(enumeration auto& value) {
    if (!is_named(value)) return nullptr;
    if constexpr (is_number<std::remove_reference_t<decltype(value)>>)
      return static_cast<int>(value);
    else
      return word(value);
  }
  template <class T>
  static nlohmann::json json_of(std::optional<T>& value) {
    return value ? json_of(*value) : nlohmann::json(nullptr);
  }
  template <class T>
  requires requires(T& value, json_writer& archive) { value.serialize(archive); }
  static nlohmann::json json_of(T& value) {
    json_writer nested;
    value.serialize(nested);
    return nested.take();
  }

  nlohmann::json object_ = nlohmann::json::object();
};

/// Calls `serialize` of the event the variant holds. It is one function for reading and writing,
/// hence not const; the archives this is used with do not write.
template <class Archive>
void visit_fields(const event& what, Archive& archive) {
  std::visit(
      [&]<class T>(const T& fields) { const_cast<T&>(fields).serialize(archive, T::version); },
      what);
}

template <class T>
void load_event(cereal::PortableBinaryInputArchive& archive, std::uint16_t version, event& into) {
  into.emplace<T>().serialize(archive, version);
}

struct event_type {
  std::string_view name;
  std::uint16_t version = 0;
  void (*load)(cereal::PortableBinaryInputArchive&, std::uint16_t, event&) = nullptr;
};

/// Every alternative of the variant, sorted by name.
template <class... T>
constexpr auto types_of(const std::variant<T...>*) {
  std::array<event_type, sizeof...(T)> types{event_type{T::name, T::version, &load_event<T>}...};
  std::ranges::sort(types, {}, &event_type::name);
  return types;
}
constexpr auto event_types = types_of(static_cast<const event*>(nullptr));
static_assert(std::ranges::adjacent_find(event_types, {}, &event_type::name) == event_types.end(),
              "two event types have the same name");

const event_type* find_type(std::string_view name) noexcept {
  // A command's events are mostly of one type, and each is asked for several times.
  static thread_local auto latest = event_types.begin();
  if (latest->name == name) return latest;
  auto at = std::ranges::lower_bound(event_types, name, {}, &event_type::name);
  if (at == event_types.end() || at->name != name) return nullptr;
  return latest = at;
}

/// Describes the first field with a value that no writer produces; empty if there is none.
std::string complaint_about(const event& what) {
  field_checker checker;
  visit_fields(what, checker);
  return checker.complaint();
}

error unknown_event(std::string_view name, std::uint16_t version, std::string_view why) {
  return {error_code::newer_version,
          "the event '" + printable(name) + "' version " + std::to_string(version) + " "
              + std::string(why) + "; use the PODStudio version that wrote it, or a later one"};
}

error bad_body(std::string_view name, std::uint16_t version, std::string_view why) {
  return {error_code::damaged, "the body of an event '" + printable(name) + "' version "
                                   + std::to_string(version) + " is damaged: " + std::string(why)};
}

}  // namespace

std::string_view event_name(const event& what) noexcept {
  return std::visit([]<class T>(const T&) { return T::name; }, what);
}

std::uint16_t event_version(const event& what) noexcept {
  return std::visit([]<class T>(const T&) { return T::version; }, what);
}

result<void> check_event(const event& what) {
  auto complaint = complaint_about(what);
  if (complaint.empty()) return {};
  return error{error_code::invalid_argument,
               "an event '" + std::string(event_name(what)) + "' cannot be logged: " + complaint};
}

void encode_event(const event& what, std::string& out) {
  auto& output = this_threads_output();
  output.sink.attach(&out);
  cereal::PortableBinaryOutputArchive archive(
      output.stream, cereal::PortableBinaryOutputArchive::Options::LittleEndian());
  visit_fields(what, archive);
}

result<void> check_event_known(std::string_view name, std::uint16_t version) {
  auto* type = find_type(name);
  if (type == nullptr) return unknown_event(name, version, "is of a type this build does not know");
  if (version > type->version)
    return unknown_event(name, version, "is of a later version than this build knows");
  return {};
}

result<event> decode_event(std::string_view name, std::uint16_t version,
                           std::span<const std::uint8_t> body) {
  if (auto known = check_event_known(name, version); !known) return known.failure();
  if (version == 0) return bad_body(name, version, "versions start at 1");
  // The first byte is cereal's: 1 for little-endian, the only order we write. 0 would be read with
  // its bytes swapped, and one event would then have two encodings.
  if (body.empty() || body[0] != 1) return bad_body(name, version, "it does not start with 1");
  event what;
  auto& input = this_threads_input();
  input.source.attach(body);
  try {
    cereal::PortableBinaryInputArchive archive(
        input.stream, cereal::PortableBinaryInputArchive::Options::LittleEndian());
    find_type(name)->load(archive, version, what);
  } catch (const cereal::Exception& failure) {
    return bad_body(name, version, failure.what());
  }
  if (input.source.remaining() != 0) return bad_body(name, version, "bytes follow its last field");
  if (auto complaint = complaint_about(what); !complaint.empty())
    return bad_body(name, version, complaint);
  return what;
}

nlohmann::json to_json(const event& what) {
  json_writer writer;
  visit_fields(what, writer);
  return writer.take();
}

}  // namespace podstudio
