// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

#include <algorithm>

/// C2PA manifests (spec.c2pa.org, 2.1): JUMBF boxes with CBOR and JSON in them. They are read, not
/// validated. Of several manifests the last is the active one; earlier ones are of what the file
/// was made from.
namespace podstudio::media {

namespace {

constexpr int jumbf_depth_max = 8;
constexpr std::size_t jumbf_boxes_max = 4096;

class manifest_reader {
public:
  explicit manifest_reader(generation_facts& facts) : facts_(facts) {}

  void read(bytes_view store) { boxes(store, 0); }

  /// What the last manifest says; of the source type, what any says, where the last says nothing.
  void finish() {
    if (!any_) return;
    if (facts_.digital_source_type.empty() && !source_type_.empty()) {
      facts_.digital_source_type = source_type_;
      if (!in_last_) add_guess(facts_, "digital_source_type");
    }
    if (source_type_ == "trainedAlgorithmicMedia"
        || source_type_ == "compositeWithTrainedAlgorithmicMedia") {
      facts_.ai_generated = true;
      if (!in_last_) add_guess(facts_, "ai_generated");
      if (facts_.tool.empty()) {
        facts_.tool = !agent_.empty() ? agent_ : generator_;
        facts_.tool_version = version_;
      }
    }
    json summary = json::object();
    summary["claim_generator"] = generator_;
    summary["digital_source_type"] = source_type_;
    summary["software_agent"] = agent_;
    summary["title"] = title_;
    add_raw(facts_, {carrier::c2pa, "manifest", summary.dump(), false});
  }

private:
  void boxes(bytes_view bytes, int depth) {
    byte_cursor cursor(bytes);
    std::string label;
    while (cursor.left() >= 8 && count_ < jumbf_boxes_max) {
      ++count_;
      std::uint64_t size = cursor.u32();
      auto type = text_of(cursor.take(4));
      std::uint64_t head = 8;
      if (size == 1) {
        size = cursor.u64();
        head = 16;
      }
      if (size == 0) size = cursor.left() + head;
      if (size < head) return;
      auto data = cursor.take(
          static_cast<std::size_t>(std::min<std::uint64_t>(size - head, cursor.left())));
      if (type == "jumb" && depth < jumbf_depth_max) {
        // Boxes in the store itself are manifests.
        if (depth == 1) new_manifest();
        boxes(data, depth + 1);
      } else if (type == "jumd") {
        byte_cursor description(data);
        description.skip(16);
        if ((description.u8() & 2) != 0) label = text_of(description.take_until(0));
      } else if (type == "cbor") {
        take(label, parse_cbor(data));
      } else if (type == "json") {
        take(label, parse_json(text_of(data)));
      }
    }
  }

  void new_manifest() {
    any_ = true;
    in_last_ = false;
    generator_.clear();
    version_.clear();
    agent_.clear();
    title_.clear();
  }

  void take(std::string_view label, const json& content) {
    if (!content.is_object()) return;
    if (label.starts_with("c2pa.claim")) {
      generator_ = text_member(content, "claim_generator");
      title_ = text_member(content, "dc:title");
      auto info = member(content, "claim_generator_info");
      if (info.is_array() && !info.empty()) info = json(info[0]);
      if (auto name = text_member(info, "name"); !name.empty()) {
        generator_ = name;
        version_ = text_member(info, "version");
      }
    } else if (label.starts_with("c2pa.actions")) {
      const auto& actions = member(content, "actions");
      if (!actions.is_array()) return;
      for (const auto& each : actions) {
        take_type(text_member(each, "digitalSourceType"));
        const auto& agent = member(each, "softwareAgent");
        auto name = agent.is_object() ? text_member(agent, "name") : text_value(agent);
        if (agent_.empty() || text_member(each, "action") == "c2pa.created")
          if (!name.empty()) agent_ = name;
      }
    } else if (label.find("metadata") != std::string_view::npos || label.starts_with("stds.")) {
      for (const auto* key :
           {"Iptc4xmpExt:DigitalSourceType", "Iptc4xmpExt:digitalSourceType", "DigitalSourceType"})
        take_type(text_member(content, key));
    }
  }

  void take_type(std::string_view uri) {
    if (uri.empty()) return;
    auto word = uri.substr(uri.find_last_of('/') + 1);
    // What a model made outweighs what was done to it afterwards.
    bool keep = in_last_ && source_type_.find("rainedAlgorithmic") != std::string::npos;
    if (!keep) source_type_ = clean_name(word, generation_name_bytes_max);
    in_last_ = true;
  }

  generation_facts& facts_;
  std::size_t count_ = 0;
  bool any_ = false, in_last_ = false;
  std::string generator_, version_, agent_, title_, source_type_;
};

}  // namespace

void parse_manifests(bytes_view jumbf, generation_facts& facts) {
  manifest_reader reader(facts);
  reader.read(jumbf);
  reader.finish();
}

void add_c2pa(const carriers& found, generation_facts& facts) {
  if (!found.jumbf.empty()) parse_manifests(found.jumbf, facts);
}

}  // namespace podstudio::media
