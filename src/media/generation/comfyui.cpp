// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

/// ComfyUI: the graph that made the file, as JSON: `prompt` (what was run: by node its class and
/// inputs, an input being a value or `[node, output]`) and `workflow` (what the editor shows).
/// Hundreds of extensions add nodes, so nodes are told by the names of their inputs and not by
/// their classes: the graph is walked backwards from the outputs, what takes noise and a model is a
/// sampler, and its prompts, model and numbers are followed through whatever stands between.
namespace podstudio::media {

namespace {

constexpr std::size_t nodes_max = 4096;
/// Inputs that all walks over one graph look at, as it may be made so that paths multiply.
constexpr std::size_t steps_max = 50'000;
constexpr int depth_max = 64;

struct link {
  std::string node;
  std::uint64_t output = 0;
};

std::optional<link> link_of(const json& value) {
  if (!value.is_array() || value.size() != 2 || !value[1].is_number()) return std::nullopt;
  if (!value[0].is_string() && !value[0].is_number()) return std::nullopt;
  auto output = whole_value(value[1]);
  if (!output) return std::nullopt;
  return link{text_value(value[0]), *output};
}

template <std::size_t N>
bool one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::find(names, name) != names.end();
}

/// Inputs that lead away from where a prompt comes from.
constexpr auto no_prompt_inputs = std::to_array<std::string_view>({"clip",
                                                                   "model",
                                                                   "vae",
                                                                   "image",
                                                                   "images",
                                                                   "pixels",
                                                                   "latent",
                                                                   "latent_image",
                                                                   "samples",
                                                                   "mask",
                                                                   "control_net",
                                                                   "clip_vision",
                                                                   "clip_vision_output",
                                                                   "style_model",
                                                                   "noise",
                                                                   "sigmas",
                                                                   "sampler",
                                                                   "t5",
                                                                   "audio",
                                                                   "start_image",
                                                                   "end_image",
                                                                   "image_embeds",
                                                                   "model_to_offload"});

constexpr auto seed_names =
    std::to_array<std::string_view>({"seed", "noise_seed", "seed_num", "value", "int", "number"});

class graph {
public:
  graph(const json& nodes, generation_facts& facts) : nodes_(nodes), facts_(facts) {}

  bool read() {
    if (!nodes_.is_object() || nodes_.size() > nodes_max) return false;
    std::vector<std::vector<std::string>> found;
    for (const auto& output : outputs()) {
      auto samplers = samplers_before(output);
      if (!samplers.empty()) found.push_back(std::move(samplers));
    }
    // Of several outputs, the file may be any: the one with most behind it is the likeliest.
    std::ranges::stable_sort(found, std::ranges::greater(), &std::vector<std::string>::size);
    std::vector<std::string> samplers;
    for (const auto& each : found)
      for (const auto& id : each)
        if (std::ranges::find(samplers, id) == samplers.end()) samplers.push_back(id);
    if (samplers.empty()) return false;
    for (const auto& id : samplers)
      if (facts_.passes.size() < passes_max) take_sampler(id);
    std::set<std::vector<std::string>> different(found.begin(), found.end());
    if (different.size() > 1) add_guess(facts_, "passes");
    return true;
  }

private:
  const json& node(const std::string& id) const { return member(nodes_, id); }
  const json& inputs(const std::string& id) const { return member(node(id), "inputs"); }
  const json& input(const std::string& id, std::string_view name) const {
    return member(inputs(id), name);
  }
  bool step(std::size_t inputs_count = 1) {
    steps_ += inputs_count;
    return steps_ <= steps_max;
  }

  /// The nodes that save or show something, and where none says so, those that nothing takes from.
  std::vector<std::string> outputs() {
    std::set<std::string> taken;
    for (const auto& [id, each] : nodes_.items()) {
      const auto& all = member(each, "inputs");
      if (all.is_object())
        for (const auto& value : all)
          if (auto to = link_of(value)) taken.insert(to->node);
    }
    std::vector<std::string> saving, ends;
    for (const auto& [id, each] : nodes_.items()) {
      auto name = text_member(each, "class_type");
      bool saves =
          name.find("Save") != std::string::npos || name.find("VideoCombine") != std::string::npos;
      if (saves) saving.push_back(id);
      if (!taken.contains(id)) ends.push_back(id);
    }
    return saving.empty() ? ends : saving;
  }

  bool has(const std::string& id, std::string_view name) const {
    return !input(id, name).is_null();
  }

  bool is_sampler(const std::string& id) const {
    bool noise = has(id, "seed") || has(id, "noise_seed") || has(id, "noise");
    bool model = link_of(input(id, "model")) || link_of(input(id, "guider"))
                 || link_of(input(id, "pipe")) || link_of(input(id, "basic_pipe"));
    bool schedule =
        has(id, "steps") || has(id, "sigmas") || has(id, "sampler_name") || has(id, "sampler");
    return noise && model && schedule;
  }

  /// All samplers behind a node, nearest first.
  std::vector<std::string> samplers_before(const std::string& output) {
    std::vector<std::string> found;
    std::set<std::string> seen{output};
    std::deque<std::string> next{output};
    while (!next.empty() && step()) {
      auto id = next.front();
      next.pop_front();
      if (is_sampler(id)) found.push_back(id);
      const auto& all = inputs(id);
      if (!all.is_object() || !step(all.size())) continue;
      for (const auto& value : all)
        if (auto to = link_of(value); to && seen.insert(to->node).second) next.push_back(to->node);
    }
    return found;
  }

  /// What an input is in the end: its value, or that of the node it is linked with, told by the
  /// same name or one that nodes of a single value have.
  json value_of(const std::string& id, std::string_view name, int depth = 0) {
    const auto& value = input(id, name);
    auto to = link_of(value);
    if (!to) return value;
    if (depth > depth_max || !step()) return nullptr;
    constexpr auto names = std::to_array<std::string_view>(
        {"value", "seed", "noise_seed", "int", "float", "number", "Number", "text", "string",
         "String", "a", "any", "input", ""});
    if (has(to->node, name)) return value_of(to->node, name, depth + 1);
    for (auto each : names)
      if (has(to->node, each)) return value_of(to->node, each, depth + 1);
    // A node with one input only passes it on.
    const auto& all = inputs(to->node);
    if (all.is_object() && all.size() == 1) return value_of(to->node, all.begin().key(), depth + 1);
    return nullptr;
  }

  /// A text that may be put together by nodes.
  std::string string_of(const json& value, int depth = 0) {
    if (value.is_string()) return text_value(value, prompt_bytes_max);
    auto to = link_of(value);
    if (!to || depth > depth_max || !step()) return {};
    const auto& all = inputs(to->node);
    if (!all.is_object() || !step(all.size())) return {};
    std::string made;
    auto separator = separator_of(to->node);
    for (const auto& [name, each] : all.items()) {
      if (!is_text_name(name)) continue;
      auto text = string_of(each, depth + 1);
      if (text.empty() || made.size() + text.size() > prompt_bytes_max) continue;
      if (!made.empty()) made += separator.empty() ? ", " : separator;
      made += text;
    }
    if (made.empty())
      for (const auto& each : all)
        if (made.empty() && link_of(each)) made = string_of(each, depth + 1);
    return made;
  }

  /// Spaces count here.
  std::string separator_of(const std::string& id) {
    constexpr std::size_t separator_bytes_max = 16;
    for (auto name : {"delimiter", "separator"})
      if (auto value = value_of(id, name); value.is_string())
        return clean_text(value.get_ref<const std::string&>(), separator_bytes_max);
    return {};
  }

  static bool is_text_name(std::string_view full) {
    auto name = lower_case(full);
    if (name == "value" || name == "string" || name == "prompt" || name == "wildcard_text")
      return true;
    if (name.starts_with("text") || name.starts_with("string_") || name.starts_with("prompt_"))
      return true;
    return name == "clip_l" || name == "clip_g" || name == "t5xxl" || name == "positive_prompt"
           || name == "negative_prompt" || name == "llama" || name == "caption" || name == "tags"
           || name == "lyrics" || name == "populated_text";
  }

  enum class sort : bool { positive, negative };
  static bool says(std::string_view name, sort which) {
    auto text = lower_case(name);
    return text.find(which == sort::positive ? "positive" : "negative") != std::string::npos;
  }

  /// The texts behind a conditioning, through whatever combines and changes it.
  void prompts_behind(const link& from, sort which, std::vector<std::string>& to,
                      std::set<std::string>& seen, int depth) {
    if (depth > depth_max || !step()) return;
    if (!seen.insert(from.node + (which == sort::positive ? "+" : "-")).second) return;
    const auto& all = inputs(from.node);
    if (!all.is_object() || !step(all.size())) return;
    constexpr auto other = [](sort one) {
      return one == sort::positive ? sort::negative : sort::positive;
    };
    // A node with both: what is asked for decides, or, where it hands both on, the number of its
    // output.
    bool both = false, texts = false;
    for (const auto& [name, value] : all.items()) {
      if (says(name, sort::positive) || says(name, sort::negative)) both = true;
      if (is_text_name(name) && !string_of_name(from.node, name).empty()) texts = true;
    }
    auto wanted = which;
    bool pair = link_of(input(from.node, "positive")) && link_of(input(from.node, "negative"));
    if (pair && from.output <= 1) wanted = from.output == 0 ? sort::positive : sort::negative;
    bool outputs_one =
        text_member(node(from.node), "class_type").find("Bridge") != std::string::npos;
    if (outputs_one) wanted = which;
    bool found = false;
    for (const auto& [name, value] : all.items()) {
      if (both && says(name, other(wanted))) continue;
      bool named = says(name, wanted);
      if (auto next = link_of(value)) {
        bool conditioning = named || lower_case(name).find("cond") != std::string::npos
                            || name == "text_embeds" || name == "guider";
        if (is_text_name(name)) {
          auto text = string_of(value);
          add_prompt(to, text);
          found = found || !text.empty();
        } else if (conditioning) {
          prompts_behind(*next, wanted, to, seen, depth + 1);
          found = true;
        }
      } else if (value.is_string() && (is_text_name(name) || named)) {
        add_prompt(to, text_value(value, prompt_bytes_max));
        found = true;
      }
    }
    if (found || texts) return;
    // Nothing with a known name: all links that may lead on.
    for (const auto& [name, value] : all.items())
      if (auto next = link_of(value);
          next && !one_of(name, no_prompt_inputs) && !(both && says(name, other(wanted))))
        prompts_behind(*next, which, to, seen, depth + 1);
  }

  std::string string_of_name(const std::string& id, std::string_view name) {
    return string_of(input(id, name));
  }

  void take_lora(const std::string& id) {
    const auto& all = inputs(id);
    if (!all.is_object() || !step(all.size())) return;
    auto weight = number_value(value_of(id, "strength_model"));
    if (!weight) weight = number_value(value_of(id, "strength"));
    for (const auto& [name, value] : all.items()) {
      bool named =
          name == "lora_name" || name == "lora" || (name.starts_with("lora_") && value.is_object());
      if (!named) continue;
      if (value.is_object()) {
        const auto& on = member(value, "on");
        if (on.is_boolean() && !on.get<bool>()) continue;
        auto text = text_member(value, "lora");
        if (text.empty()) text = text_member(value, "content");
        add_lora(facts_, text, number_value(member(value, "strength")));
      } else if (value.is_string()) {
        add_lora(facts_, text_value(value), weight);
      }
    }
  }

  /// From a model's link back to who loaded it, past LoRAs and what else changes it.
  std::string model_behind(const std::string& id, std::string_view name, int depth = 0) {
    auto to = link_of(input(id, name));
    if (!to || depth > depth_max || !step()) return {};
    const auto& all = inputs(to->node);
    if (!all.is_object() || !step(all.size())) return {};
    take_lora(to->node);
    for (const auto& [key, value] : all.items())
      if (auto next = link_of(value); next && lower_case(key).find("lora") != std::string::npos)
        take_lora(next->node);
    constexpr auto names = std::to_array<std::string_view>(
        {"ckpt_name", "unet_name", "model_name", "base_ckpt_name", "gguf_name", "diffusion_model",
         "checkpoint", "model_path"});
    for (auto each : names) {
      auto value = value_of(to->node, each);
      if (value.is_object()) value = json(member(value, "content"));
      if (auto text = text_value(value); !text.empty() && value.is_string()) return text;
    }
    const auto& model = input(to->node, "model");
    if (model.is_string()) return text_value(model);
    for (auto each : {"model", "model1", "unet", "pipe", "basic_pipe", "any", "anything", ""})
      if (link_of(input(to->node, each)))
        if (auto text = model_behind(to->node, each, depth + 1); !text.empty()) return text;
    for (const auto& [key, value] : all.items())
      if (link_of(value) && lower_case(key).find("model") != std::string::npos && key != "model")
        if (auto text = model_behind(to->node, key, depth + 1); !text.empty()) return text;
    return {};
  }

  void size_behind(const std::string& id, std::string_view name) {
    std::set<std::string> seen;
    auto to = link_of(input(id, name));
    constexpr auto names = std::to_array<std::string_view>(
        {"latent_image", "samples", "latent", "image_embeds", "pixels"});
    while (to && seen.insert(to->node).second && step()) {
      auto width = small_value(value_of(to->node, "width")),
           height = small_value(value_of(to->node, "height"));
      if (width && height) {
        facts_.width = width;
        facts_.height = height;
        return;
      }
      auto next = std::optional<link>();
      for (auto each : names)
        if (!next) next = link_of(input(to->node, each));
      to = next;
    }
  }

  void take_sampler(const std::string& id) {
    generation_pass pass;
    auto from_noise = link_of(input(id, "noise"));
    for (auto each : {"seed", "noise_seed"})
      if (!pass.seed && has(id, each)) pass.seed = seed_of(id, each);
    if (!pass.seed && from_noise)
      for (auto each : seed_names)
        if (!pass.seed) pass.seed = whole_value(value_of(from_noise->node, each));
    pass.steps = small_value(value_of(id, "steps"));
    pass.cfg = number_value(value_of(id, "cfg"));
    pass.sampler = text_value(value_of(id, "sampler_name"));
    pass.scheduler = text_value(value_of(id, "scheduler"));
    if (auto sampler = link_of(input(id, "sampler")); sampler && pass.sampler.empty()) {
      pass.sampler = text_value(value_of(sampler->node, "sampler_name"));
      // Samplers that are nodes of their own are named by their class.
      if (pass.sampler.empty()) pass.sampler = text_member(node(sampler->node), "class_type");
    }
    // Where there is one name for both, it is the sampler's.
    if (pass.sampler.empty()) pass.sampler = pass.scheduler;
    if (auto sigmas = link_of(input(id, "sigmas"))) take_sigmas(*sigmas, pass);
    auto guider = link_of(input(id, "guider"));
    const auto& holder = guider ? guider->node : id;
    if (guider && !pass.cfg) pass.cfg = number_value(value_of(holder, "cfg"));
    if (guider && !pass.cfg) pass.cfg = number_value(value_of(holder, "cfg_conds"));
    for (auto each : {"model", "pipe", "basic_pipe"})
      if (pass.model.empty()) pass.model = model_behind(holder, each);
    take_prompts(holder, pass);
    if (!facts_.width)
      for (auto each : {"latent_image", "samples", "latent", "image_embeds"})
        if (!facts_.width) size_behind(id, each);
    facts_.passes.push_back(std::move(pass));
  }

  std::optional<std::uint64_t> seed_of(const std::string& id, std::string_view name) {
    return whole_value(value_of(id, name));
  }

  /// Steps and scheduler, through nodes that cut or join schedules.
  void take_sigmas(link from, generation_pass& pass) {
    std::set<std::string> seen;
    while (seen.insert(from.node).second && step()) {
      if (!pass.steps) pass.steps = small_value(value_of(from.node, "steps"));
      if (pass.scheduler.empty()) pass.scheduler = text_value(value_of(from.node, "scheduler"));
      if (pass.steps) {
        if (pass.scheduler.empty()) pass.scheduler = text_member(node(from.node), "class_type");
        return;
      }
      auto next = std::optional<link>();
      const auto& all = inputs(from.node);
      if (all.is_object())
        for (const auto& [name, value] : all.items())
          if (!next && name.find("sigmas") != std::string::npos) next = link_of(value);
      if (!next) return;
      from = *next;
    }
  }

  void take_prompts(const std::string& id, generation_pass& pass) {
    constexpr auto positive = std::to_array<std::string_view>(
        {"positive", "conditioning", "cond1", "cond2", "text_embeds", "pipe", "basic_pipe",
         "prompt", "positive_prompt"});
    constexpr auto negative = std::to_array<std::string_view>(
        {"negative", "text_embeds", "pipe", "basic_pipe", "negative_prompt"});
    auto take = [&](std::string_view name, sort which, std::vector<std::string>& to) {
      const auto& value = input(id, name);
      std::set<std::string> seen;
      if (value.is_string())
        add_prompt(to, text_value(value, prompt_bytes_max));
      else if (auto from = link_of(value))
        prompts_behind(*from, which, to, seen, 0);
    };
    for (auto each : positive)
      take(each, sort::positive, pass.prompts);
    for (auto each : negative)
      if (each == "negative" || each == "negative_prompt" || pass.negative_prompts.empty())
        take(each, sort::negative, pass.negative_prompts);
    // One that hands the same on for both.
    if (pass.prompts == pass.negative_prompts && !link_of(input(id, "negative")))
      pass.negative_prompts.clear();
  }

  const json& nodes_;
  generation_facts& facts_;
  std::size_t steps_ = 0;
};

/// A JSON object, or one that stands as text in a JSON string.
json object_in(const json& value) {
  if (value.is_object()) return value;
  if (value.is_string()) return parse_json(value.get_ref<const std::string&>());
  return nullptr;
}

/// Where the two stand: as texts of their own, behind `prompt:` and `workflow:` in EXIF's Model and
/// Make (WebP, JPEG), or in one `comment` of a sound or clip.
struct found_graphs {
  json prompt, workflow;
  std::vector<const carried_text*> from;
};

found_graphs graphs_of(const carriers& found) {
  found_graphs made;
  for (const auto& each : found.texts) {
    auto text = trimmed(each.text);
    auto key = lower_case(each.key);
    auto take = [&](json& to, std::string_view body) {
      if (!to.is_null() && !to.is_discarded()) return;
      auto parsed = object_in(parse_json(body));
      if (!parsed.is_object()) return;
      to = std::move(parsed);
      made.from.push_back(&each);
    };
    bool named = each.where == carrier::png_text || each.where == carrier::container_tag;
    if (named && key == "prompt" && text.starts_with('{'))
      take(made.prompt, text);
    else if (named && key == "workflow" && text.starts_with('{'))
      take(made.workflow, text);
    else if (each.where == carrier::exif && lower_case(text.substr(0, 7)) == "prompt:")
      take(made.prompt, text.substr(7));
    else if (each.where == carrier::exif && lower_case(text.substr(0, 9)) == "workflow:")
      take(made.workflow, text.substr(9));
    else if ((each.where == carrier::container_tag && key == "comment")
             || (each.where == carrier::exif && key == "usercomment")) {
      if (!text.starts_with('{') || text.find("\"prompt\"") == std::string_view::npos) continue;
      auto both = parse_json(text);
      auto prompt = object_in(member(both, "prompt"));
      if (prompt.is_object()) {
        made.prompt = std::move(prompt);
        made.workflow = object_in(member(both, "workflow"));
        made.from.push_back(&each);
      }
    }
  }
  return made;
}

/// Whether it is a graph at all: nodes with a class.
bool is_graph(const json& prompt) {
  return prompt.is_object() && !prompt.empty() && std::ranges::any_of(prompt, [](const json& node) {
           return node.is_object() && node.contains("class_type");
         });
}

}  // namespace

bool parse_comfyui_prompt(const json& prompt, generation_facts& facts) {
  return graph(prompt, facts).read();
}

bool read_comfyui(const carriers& found, generation_facts& facts) {
  auto graphs = graphs_of(found);
  bool editor = graphs.workflow.is_object() && member(graphs.workflow, "nodes").is_array();
  if (!is_graph(graphs.prompt) && !editor) return false;
  facts.tool = "comfyui";
  if (is_graph(graphs.prompt)) facts.ai_generated = parse_comfyui_prompt(graphs.prompt, facts);
  for (const auto* each : graphs.from)
    add_raw(facts, *each);
  bool prompts = std::ranges::any_of(
      facts.passes, [](const generation_pass& pass) { return !pass.prompts.empty(); });
  if (!prompts) {
    // Extensions that save pictures write Automatic1111's form beside the graph.
    generation_facts other;
    if (read_a1111(found, other)) {
      if (facts.passes.empty())
        facts.passes = other.passes;
      else
        facts.passes.front().prompts = other.passes.front().prompts;
      facts.ai_generated = true;
      if (!other.raw.empty() && facts.raw.size() < raw_texts_max)
        facts.raw.push_back(other.raw.front());
    }
  }
  return true;
}

}  // namespace podstudio::media
