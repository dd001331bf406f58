// SPDX-License-Identifier: MIT
#include "media/extract.hpp"

#include "media/preview.hpp"
#include "media/text.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

/// The JSON form: each struct's fields are listed once, with their bounds, and both writing and
/// reading go through that list.
namespace podstudio::media {

namespace {

using nlohmann::json;

/// Writes fields; what is empty is left out.
class field_writer {
public:
  static constexpr bool reads = false;
  explicit field_writer(json& to) : to_(to) {}

  void text(const char* name, const std::string& value, std::size_t) {
    if (!value.empty()) to_[name] = value;
  }
  template <class T>
  void number(const char* name, const std::optional<T>& value, T, T) {
    if (value) to_[name] = *value;
  }
  template <class T>
  void whole(const char* name, const T& value, T, T) {
    to_[name] = value;
  }
  void flag(const char* name, const bool& value) {
    if (value) to_[name] = true;
  }
  void flag(const char* name, const std::optional<bool>& value) {
    if (value) to_[name] = *value;
  }
  template <class Enum, class Words>
  void word(const char* name, const Enum& value, Words words, std::size_t) {
    to_[name] = words(value);
  }
  template <class T, class Visit>
  void list(const char* name, const std::vector<T>& values, std::size_t, Visit visit) {
    if (values.empty()) return;
    auto& made = to_[name] = json::array();
    for (const auto& each : values) {
      json item = json::object();
      field_writer inner(item);
      visit(inner, each);
      made.push_back(std::move(item));
    }
  }
  void texts(const char* name, const std::vector<std::string>& values, std::size_t, std::size_t) {
    if (!values.empty()) to_[name] = values;
  }
  template <class T, class Visit>
  void part(const char* name, const T& value, Visit visit) {
    json item = json::object();
    field_writer inner(item);
    visit(inner, value);
    if (!item.empty()) to_[name] = std::move(item);
  }

private:
  json& to_;
};

/// Thrown within this file only; names the field.
struct bad_field {
  std::string name;
};

/// Reads fields and checks them; what is left out stays empty.
class field_reader {
public:
  static constexpr bool reads = true;
  field_reader(const json& from, std::string path) : from_(from), path_(std::move(path)) {
    if (!from_.is_object()) throw bad_field{path_};
  }

  void text(const char* name, std::string& value, std::size_t size_bytes_max) {
    if (const auto* found = find(name)) value = checked_text(*found, name, size_bytes_max);
  }
  template <class T>
  void number(const char* name, std::optional<T>& value, T least, T most) {
    if (const auto* found = find(name)) value = checked_number<T>(*found, name, least, most);
  }
  template <class T>
  void whole(const char* name, T& value, T least, T most) {
    const auto* found = find(name);
    if (found == nullptr) throw bad_field{path_ + name};
    value = checked_number<T>(*found, name, least, most);
  }
  void flag(const char* name, bool& value) {
    if (const auto* found = find(name)) value = checked_flag(*found, name);
  }
  void flag(const char* name, std::optional<bool>& value) {
    if (const auto* found = find(name)) value = checked_flag(*found, name);
  }
  template <class Enum, class Words>
  void word(const char* name, Enum& value, Words words, std::size_t count) {
    const auto* found = find(name);
    if (found == nullptr || !found->is_string()) throw bad_field{path_ + name};
    for (std::size_t i = 0; i < count; ++i)
      if (words(static_cast<Enum>(i)) == found->get_ref<const std::string&>()) {
        value = static_cast<Enum>(i);
        return;
      }
    throw bad_field{path_ + name};
  }
  template <class T, class Visit>
  void list(const char* name, std::vector<T>& values, std::size_t count_max, Visit visit) {
    const auto* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array() || found->empty() || found->size() > count_max)
      throw bad_field{path_ + name};
    for (const auto& each : *found) {
      field_reader inner(each, path_ + name + ".");
      T made;
      visit(inner, made);
      inner.end();
      values.push_back(std::move(made));
    }
  }
  void texts(const char* name, std::vector<std::string>& values, std::size_t count_max,
             std::size_t size_bytes_max) {
    const auto* found = find(name);
    if (found == nullptr) return;
    if (!found->is_array() || found->empty() || found->size() > count_max)
      throw bad_field{path_ + name};
    for (const auto& each : *found)
      values.push_back(checked_text(each, name, size_bytes_max));
  }
  template <class T, class Visit>
  void part(const char* name, T& value, Visit visit) {
    const auto* found = find(name);
    if (found == nullptr) return;
    field_reader inner(*found, path_ + name + ".");
    visit(inner, value);
    inner.end();
  }
  /// Every member was asked for.
  void end() const {
    if (found_ != from_.size()) throw bad_field{path_ + "(unknown)"};
  }

private:
  const json* find(const char* name) {
    auto at = from_.find(name);
    if (at == from_.end()) return nullptr;
    ++found_;
    return &*at;
  }
  std::string checked_text(const json& value, const char* name, std::size_t size_bytes_max) const {
    if (!value.is_string()) throw bad_field{path_ + name};
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || text.size() > size_bytes_max || !is_utf8(text))
      throw bad_field{path_ + name};
    return text;
  }
  bool checked_flag(const json& value, const char* name) const {
    if (!value.is_boolean()) throw bad_field{path_ + name};
    return value.get<bool>();
  }
  template <class T>
  T checked_number(const json& value, const char* name, T least, T most) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (!value.is_number()) throw bad_field{path_ + name};
      auto number = value.get<T>();
      if (!std::isfinite(number) || number < least || number > most) throw bad_field{path_ + name};
      return number;
    } else if constexpr (std::is_signed_v<T>) {
      if (!value.is_number_integer()) throw bad_field{path_ + name};
      if (value.is_number_unsigned()
          && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most))
        throw bad_field{path_ + name};
      auto number = value.get<std::int64_t>();
      if (number < least || number > most) throw bad_field{path_ + name};
      return static_cast<T>(number);
    } else {
      if (!value.is_number_unsigned()) throw bad_field{path_ + name};
      auto number = value.get<std::uint64_t>();
      if (number < least || number > most) throw bad_field{path_ + name};
      return static_cast<T>(number);
    }
  }

  const json& from_;
  std::string path_;
  std::size_t found_ = 0;
};

/// The struct itself where it is read, a constant where it is written.
template <class Fields, class T>
using part_of = std::conditional_t<Fields::reads, T&, const T&>;

constexpr std::uint32_t edge_max = std::numeric_limits<std::uint32_t>::max();
constexpr double seconds_max = 1e9;
constexpr double dpi_max = 1e5;
constexpr double number_max = 1e9;

constexpr auto visit_problem = []<class Fields>(Fields& fields, part_of<Fields, problem> what) {
  fields.word(
      "kind", what.kind, [](problem_kind kind) { return to_string(kind); }, problem_kind_count);
  fields.text("reason", what.reason, problem_reason_bytes_max);
};

constexpr auto visit_facts = []<class Fields>(Fields& fields, part_of<Fields, media_facts> what) {
  fields.text("mime", what.mime, fact_name_bytes_max);
  fields.text("container", what.container, fact_name_bytes_max);
  fields.text("video_codec", what.video_codec, fact_name_bytes_max);
  fields.text("audio_codec", what.audio_codec, fact_name_bytes_max);
  fields.template number<std::uint32_t>("width", what.width, 1, edge_max);
  fields.template number<std::uint32_t>("height", what.height, 1, edge_max);
  fields.template number<double>("duration_sec", what.duration_sec, 0, seconds_max);
  fields.template number<std::uint32_t>("samplerate_hz", what.samplerate_hz, 1, edge_max);
  fields.template whole<std::int32_t>("fps_numerator", what.fps.numerator, 0,
                                      std::numeric_limits<std::int32_t>::max());
  fields.template whole<std::int32_t>("fps_denominator", what.fps.denominator, 1,
                                      std::numeric_limits<std::int32_t>::max());
  fields.template number<std::uint32_t>("channels", what.channels, 1, edge_max);
  fields.template number<std::uint32_t>("bit_depth", what.bit_depth, 1, edge_max);
  fields.text("pixel_format", what.pixel_format, fact_name_bytes_max);
  fields.flag("alpha_present", what.alpha_present);
  fields.flag("alpha_used", what.alpha_used);
  fields.template whole<std::uint8_t>("orientation", what.orientation, 1, 8);
  fields.text("colour_profile", what.colour_profile, fact_name_bytes_max);
  fields.template number<double>("dpi_x", what.dpi_x, 1, dpi_max);
  fields.template number<double>("dpi_y", what.dpi_y, 1, dpi_max);
  fields.template number<std::uint64_t>("frame_count", what.frame_count, 0, std::uint64_t{1} << 40);
  fields.flag("decoded", what.decoded);
  fields.flag("too_large", what.too_large);
  fields.list("problems", what.problems, problems_max, visit_problem);
};

constexpr auto visit_lora = []<class Fields>(Fields& fields, part_of<Fields, lora> what) {
  fields.text("name", what.name, generation_name_bytes_max);
  fields.template number<double>("weight", what.weight, -number_max, number_max);
};

constexpr auto visit_pass = []<class Fields>(Fields& fields,
                                             part_of<Fields, generation_pass> what) {
  fields.text("model", what.model, generation_name_bytes_max);
  fields.text("model_hash", what.model_hash, generation_name_bytes_max);
  fields.texts("prompts", what.prompts, prompts_max, prompt_bytes_max);
  fields.texts("negative_prompts", what.negative_prompts, prompts_max, prompt_bytes_max);
  fields.template number<std::uint64_t>("seed", what.seed, 0,
                                        std::numeric_limits<std::uint64_t>::max());
  fields.template number<std::uint32_t>("steps", what.steps, 0, 1'000'000);
  fields.text("sampler", what.sampler, generation_name_bytes_max);
  fields.text("scheduler", what.scheduler, generation_name_bytes_max);
  fields.template number<double>("cfg", what.cfg, -number_max, number_max);
};

constexpr auto visit_raw = []<class Fields>(Fields& fields, part_of<Fields, raw_text> what) {
  fields.word(
      "where", what.where, [](carrier where) { return to_string(where); }, carrier_count);
  fields.text("key", what.key, carried_key_bytes_max);
  fields.text("text", what.text, raw_text_bytes_max);
  fields.flag("cut", what.cut);
};

constexpr auto visit_generation = []<class Fields>(Fields& fields,
                                                   part_of<Fields, generation_facts> what) {
  fields.text("tool", what.tool, generation_name_bytes_max);
  fields.text("tool_version", what.tool_version, generation_name_bytes_max);
  fields.list("passes", what.passes, passes_max, visit_pass);
  fields.list("loras", what.loras, loras_max, visit_lora);
  fields.template number<std::uint32_t>("width", what.width, 0, 1'000'000);
  fields.template number<std::uint32_t>("height", what.height, 0, 1'000'000);
  fields.text("job_id", what.job_id, generation_name_bytes_max);
  fields.text("digital_source_type", what.digital_source_type, generation_name_bytes_max);
  fields.flag("ai_generated", what.ai_generated);
  fields.texts("guesses", what.guesses, 16, fact_name_bytes_max);
  fields.list("raw", what.raw, raw_texts_max, visit_raw);
};

constexpr auto visit_preview = []<class Fields>(Fields& fields,
                                                part_of<Fields, made_preview> what) {
  fields.template whole<std::uint32_t>("edge_px", what.edge_px, 1, preview_edge_px_max);
  fields.template whole<std::uint32_t>("width", what.width, 1, preview_edge_px_max);
  fields.template whole<std::uint32_t>("height", what.height, 1, preview_edge_px_max);
  fields.template whole<std::uint32_t>("size_bytes", what.size_bytes, 1, preview_bytes_max);
};

/// The hash as its hexadecimal digits and its quality.
struct hash_form {
  std::string digits;
  std::uint8_t quality = 0;
};
constexpr auto visit_hash = []<class Fields>(Fields& fields, part_of<Fields, hash_form> what) {
  fields.text("pdq", what.digits, 64);
  fields.template whole<std::uint8_t>("quality", what.quality, 0, 100);
};

/// Nesting of what is parsed; the form has five levels.
constexpr std::size_t depth_max = 8;
/// Values; the form has fewer than a thousand lists, texts and numbers with all its bounds used up.
constexpr std::size_t values_max = 20'000;

bool is_shallow(std::string_view text) noexcept {
  std::size_t depth = 0, values = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max || ++values > values_max) return false;
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
    } else if (c == ',' && ++values > values_max) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string to_json(const extracted& what) {
  json made = json::object();
  field_writer fields(made);
  fields.part("facts", what.facts, visit_facts);
  fields.part("generation", what.generation, visit_generation);
  if (what.hash) fields.part("hash", hash_form{to_hex(*what.hash), what.hash_quality}, visit_hash);
  fields.list("previews", what.previews, previews_max, visit_preview);
  return made.dump();
}

result<extracted> parse_extracted(std::string_view text) {
  auto bad = [](const std::string& field) {
    return error{error_code::damaged,
                 "a worker's answer is not what it should be, at '" + clean_name(field, 80) + "'"};
  };
  if (text.size() > extracted_json_bytes_max || !is_shallow(text)) return bad("(size)");
  auto all = json::parse(text, nullptr, false);
  if (!all.is_object()) return bad("(form)");
  try {
    extracted made;
    field_reader fields(all, "");
    if (!all.contains("facts")) throw bad_field{"facts"};
    fields.part("facts", made.facts, visit_facts);
    fields.part("generation", made.generation, visit_generation);
    if (all.contains("hash")) {
      hash_form form;
      fields.part("hash", form, visit_hash);
      made.hash = pdq_from_hex(form.digits);
      made.hash_quality = form.quality;
      if (!made.hash) throw bad_field{"hash.pdq"};
    }
    fields.list("previews", made.previews, previews_max, visit_preview);
    fields.end();
    return made;
  } catch (const bad_field& field) {
    return bad(field.name);
  }
}

}  // namespace podstudio::media
