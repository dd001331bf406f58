// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE generation
#include "media/generation/families.hpp"
#include "media_files.hpp"

using namespace media_test;

/// What each tool leaves in a file, in small files that are written here by hand.

namespace {

using texts = std::vector<std::string>;

const std::string a1111_text =
    "photo of a duck, <lora:feathers:0.8>\nin two lines\nNegative prompt: monochrome, text: none\n"
    "Steps: 15, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 235284042, "
    "Size: 512x400, Model hash: c0d1994c73, Model: realistic, Lora hashes: \"feathers: 12ab, down: "
    "34cd\", "
    "Hashes: {\"model\": \"c0d1\", \"vae\": \"c6a5\"}, Version: v1.9.4";

void check_a1111(const generation_facts& facts) {
  BOOST_TEST(facts.tool == "automatic1111");
  BOOST_TEST(facts.tool_version == "v1.9.4");
  BOOST_TEST(facts.ai_generated);
  BOOST_TEST(facts.guesses.empty());
  BOOST_REQUIRE(facts.passes.size() == 1);
  const auto& pass = facts.passes[0];
  BOOST_TEST((pass.prompts == texts{"photo of a duck, <lora:feathers:0.8>\nin two lines"}));
  BOOST_TEST((pass.negative_prompts == texts{"monochrome, text: none"}));
  BOOST_TEST((pass.steps == 15u));
  BOOST_TEST(pass.sampler == "DPM++ 2M");
  BOOST_TEST(pass.scheduler == "Karras");
  BOOST_TEST((pass.cfg == 5.5));
  BOOST_TEST((pass.seed == 235284042u));
  BOOST_TEST(pass.model == "realistic");
  BOOST_TEST(pass.model_hash == "c0d1994c73");
  BOOST_TEST((facts.width == 512u && facts.height == 400u));
  BOOST_TEST((facts.loras == std::vector<lora>{{"feathers", std::nullopt}, {"down", std::nullopt}}
              || facts.loras == std::vector<lora>{{"feathers", 0.8}, {"down", std::nullopt}}));
}

generation_facts of_png(const std::string& before, const std::string& after = "") {
  return must_extract(small_png(before, after), "png").generation;
}

std::string wide(const std::string& text, bool big) {
  std::string made;
  for (char c : text)
    made += big ? std::string{'\0', c} : std::string{c, '\0'};
  return made;
}

/// An EXIF block with texts in its first directory; tag, type, value.
struct tag_value {
  unsigned tag, type;
  std::string value;
};
std::string exif_of(const std::vector<tag_value>& values, bool big = true) {
  auto u16 = [&](unsigned value) { return big ? be16(value) : le16(value); };
  auto u32 = [&](std::uint32_t value) { return big ? be32(value) : le32(value); };
  std::string block =
      (big ? "MM" : "II") + u16(42) + u32(8) + u16(static_cast<unsigned>(values.size()));
  std::string rest;
  auto rest_at = 8 + 2 + values.size() * 12 + 4;
  for (const auto& each : values) {
    block += u16(each.tag) + u16(each.type) + u32(static_cast<std::uint32_t>(each.value.size()));
    if (each.value.size() <= 4) {
      block += each.value + std::string(4 - each.value.size(), '\0');
    } else {
      block += u32(static_cast<std::uint32_t>(rest_at + rest.size()));
      rest += each.value;
    }
  }
  return block + u32(0) + rest;
}

std::string jpeg_segment(int marker, const std::string& data) {
  return std::string{'\xff', static_cast<char>(marker)}
         + be16(static_cast<unsigned>(data.size() + 2)) + data;
}
std::string jpeg_with(const std::string& segments) {
  auto bytes = read_file(samples() + "/sample.jpg");
  return bytes.substr(0, 2) + segments + bytes.substr(2);
}
std::string webp_with(const std::string& type, const std::string& data) {
  auto bytes = read_file(samples() + "/lossless.webp");
  bytes += type + le32(static_cast<std::uint32_t>(data.size())) + data
           + std::string(data.size() % 2, '\0');
  return bytes.substr(0, 4) + le32(static_cast<std::uint32_t>(bytes.size() - 8)) + bytes.substr(8);
}

const std::string graph = R"({
  "3": {"class_type": "KSampler", "inputs": {"seed": 280823642470253, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m",
    "scheduler": "normal", "denoise": 1, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.ckpt"}},
  "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a victorian woman", "clip": ["10", 1]}},
  "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["10", 1]}, "is_changed": [NaN]},
  "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
  "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}},
  "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "lace.safetensors", "strength_model": 0.7, "strength_clip": 1,
    "model": ["4", 0], "clip": ["4", 1]}}})";

void check_graph(const generation_facts& facts) {
  BOOST_TEST(facts.tool == "comfyui");
  BOOST_TEST(facts.ai_generated);
  BOOST_REQUIRE(facts.passes.size() == 1);
  const auto& pass = facts.passes[0];
  BOOST_TEST((pass.prompts == texts{"a victorian woman"}));
  BOOST_TEST((pass.negative_prompts == texts{"watermark"}));
  BOOST_TEST((pass.seed == 280823642470253u));
  BOOST_TEST((pass.steps == 20u));
  BOOST_TEST((pass.cfg == 8.0));
  BOOST_TEST(pass.sampler == "dpmpp_2m");
  BOOST_TEST(pass.scheduler == "normal");
  BOOST_TEST(pass.model == "v1-5.ckpt");
  BOOST_TEST((facts.loras == std::vector<lora>{{"lace.safetensors", 0.7}}));
  BOOST_TEST((facts.width == 512u && facts.height == 768u));
}

// JUMBF and CBOR, as little as a manifest needs.
std::string box(const std::string& type, const std::string& data) {
  return be32(static_cast<std::uint32_t>(data.size() + 8)) + type + data;
}
std::string description(const std::string& label) {
  return box("jumd", std::string(16, 'u') + "\3" + label + '\0');
}
std::string cbor_text(const std::string& text) {
  return text.size() < 24 ? static_cast<char>(0x60 + text.size()) + text
                          : std::string{'\x78', static_cast<char>(text.size())} + text;
}
std::string manifest(const std::string& type) {
  auto action = "\xa3" + cbor_text("action") + cbor_text("c2pa.created")
                + cbor_text("digitalSourceType") + cbor_text(type) + cbor_text("softwareAgent")
                + cbor_text("Adobe Firefly");
  auto actions = "\xa1" + cbor_text("actions") + "\x81" + action;
  auto claim = "\xa1" + cbor_text("claim_generator") + cbor_text("adobe_c2pa/0.1");
  auto assertions =
      box("jumb", description("c2pa.assertions")
                      + box("jumb", description("c2pa.actions") + box("cbor", actions)));
  return box("jumb",
             description("c2pa")
                 + box("jumb", description("urn:uuid:1") + assertions
                                   + box("jumb", description("c2pa.claim") + box("cbor", claim))));
}

}  // namespace

BOOST_AUTO_TEST_CASE(automatic1111_in_png_jpeg_webp_and_beside) {
  check_a1111(of_png(png_text("parameters", a1111_text)));
  check_a1111(of_png("", png_text("parameters", a1111_text)));
  check_a1111(of_png(png_chunk("zTXt", std::string("parameters\0\0", 12) + stored(a1111_text))));
  check_a1111(of_png(png_chunk("iTXt", std::string("parameters\0\0\0\0\0", 15) + a1111_text)));
  for (bool big : {true, false})
    for (bool wide_big : {true, false}) {
      auto exif =
          exif_of({{0x9286, 7, std::string("UNICODE\0", 8) + wide(a1111_text, wide_big)}}, big);
      check_a1111(
          must_extract(jpeg_with(jpeg_segment(0xe1, std::string("Exif\0\0", 6) + exif)), "jpg")
              .generation);
      check_a1111(must_extract(webp_with("EXIF", exif), "webp").generation);
    }
  auto ascii = exif_of({{0x9286, 7, std::string("ASCII\0\0\0", 8) + a1111_text}});
  check_a1111(of_png(png_chunk("eXIf", ascii)));
  auto beside = file_of(a1111_text);
  extract_options options;
  options.beside_fd = beside.get();
  check_a1111(must_extract(small_png(), "png", options).generation);
}

BOOST_AUTO_TEST_CASE(the_family_of_automatic1111_is_told_by_its_version) {
  auto tool = [](const std::string& more) {
    return of_png(png_text("parameters", "x\nSteps: 2, Seed: 1, " + more));
  };
  BOOST_TEST(tool("Version: f2.0.1v1.10.1").tool == "forge");
  BOOST_TEST(tool("App: SD.Next, Version: 1a2b3c").tool == "sdnext");
  auto unnamed = tool("Model: m");
  BOOST_TEST(unnamed.tool == "automatic1111");
  BOOST_TEST((unnamed.guesses == texts{"tool"}));
  BOOST_TEST(of_png(png_text("parameters", "Steps are taken. Nothing else")).empty());
  BOOST_TEST(of_png(png_text("Comment", a1111_text)).empty());
}

BOOST_AUTO_TEST_CASE(comfyui_in_png_apng_webp_and_clips) {
  check_graph(of_png(png_text("prompt", graph) + png_text("workflow", "{\"nodes\": []}")));
  check_graph(of_png("", png_chunk("comf", std::string("prompt\0", 7) + graph)));
  auto exif = exif_of({{0x010f, 2, "workflow:{\"nodes\": []}" + std::string(1, '\0')},
                       {0x0110, 2, "prompt:" + graph + '\0'}});
  check_graph(must_extract(webp_with("EXIF", exif), "webp").generation);
  // The editor's graph alone says who made it, and no more.
  auto editor = of_png(png_text("workflow", "{\"nodes\": [], \"links\": []}"));
  BOOST_TEST(editor.tool == "comfyui");
  BOOST_TEST(editor.passes.empty());
  carriers found;
  found.add(carrier::container_tag, "comment",
            "{\"prompt\": " + nlohmann::json(graph).dump() + ", \"workflow\": \"{}\"}");
  check_graph(read_generation(found, {}));
}

BOOST_AUTO_TEST_CASE(comfyui_with_custom_samplers_and_what_stands_between) {
  auto facts = of_png(png_text("prompt", R"({
    "1": {"class_type": "SaveAnimatedWEBP", "inputs": {"images": ["2", 0]}},
    "2": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0]}},
    "3": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["4", 0], "guider": ["5", 0], "sampler": ["6", 0],
      "sigmas": ["7", 0], "latent_image": ["8", 0]}},
    "4": {"class_type": "RandomNoise", "inputs": {"noise_seed": ["14", 0]}},
    "5": {"class_type": "BasicGuider", "inputs": {"model": ["9", 0], "conditioning": ["10", 0]}},
    "6": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "7": {"class_type": "SplitSigmas", "inputs": {"sigmas": ["12", 0], "step": 4}},
    "8": {"class_type": "EmptySD3LatentImage", "inputs": {"width": ["13", 0], "height": 1024}},
    "9": {"class_type": "ModelSamplingFlux", "inputs": {"max_shift": 1.1, "model": ["15", 0]}},
    "10": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["11", 0]}},
    "11": {"class_type": "CLIPTextEncode", "inputs": {"text": ["16", 0], "clip": ["17", 0]}},
    "12": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 20, "denoise": 1, "model": ["9", 0]}},
    "13": {"class_type": "PrimitiveInt", "inputs": {"value": 832}},
    "14": {"class_type": "Seed rgthree", "inputs": {"seed": 18446744073709551615}},
    "15": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors", "weight_dtype": "default"}},
    "16": {"class_type": "StringConcatenate", "inputs": {"string_a": "a lake", "string_b": ["18", 0], "delimiter": " at "}},
    "17": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "t5", "clip_name2": "l"}},
    "18": {"class_type": "PrimitiveString", "inputs": {"value": "dawn"}}})"));
  BOOST_REQUIRE(facts.passes.size() == 1);
  const auto& pass = facts.passes[0];
  BOOST_TEST((pass.seed == 18446744073709551615u));
  BOOST_TEST((pass.steps == 20u));
  BOOST_TEST(pass.sampler == "euler");
  BOOST_TEST(pass.scheduler == "simple");
  BOOST_TEST(pass.model == "flux1-dev.safetensors");
  BOOST_TEST((pass.prompts == texts{"a lake at dawn"}));
  BOOST_TEST(pass.negative_prompts.empty());
  BOOST_TEST((facts.width == 832u && facts.height == 1024u));
}

BOOST_AUTO_TEST_CASE(comfyui_keeps_prompts_apart_through_a_node_that_has_both) {
  auto facts = of_png(png_text("prompt", R"({
    "1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
    "2": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 2, "cfg": 3, "sampler_name": "e", "scheduler": "s",
      "model": ["6", 0], "positive": ["3", 0], "negative": ["3", 1], "latent_image": ["2", 0]}},
    "3": {"class_type": "ControlNetApplyAdvanced", "inputs": {"strength": 1, "positive": ["4", 0], "negative": ["5", 0]}},
    "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "wanted"}},
    "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "unwanted"}},
    "6": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": {"content": "m.safetensors"}}}})"));
  BOOST_REQUIRE(facts.passes.size() == 1);
  BOOST_TEST((facts.passes[0].prompts == texts{"wanted"}));
  BOOST_TEST((facts.passes[0].negative_prompts == texts{"unwanted"}));
  BOOST_TEST(facts.passes[0].model == "m.safetensors");
}

BOOST_AUTO_TEST_CASE(invokeai_of_three_ages) {
  auto recent = of_png(
      png_text("invokeai_metadata",
               R"({"app_version": "4.2", "positive_prompt": "a hill", "negative_prompt": "rain",
    "seed": 5, "steps": 30, "cfg_scale": 7.5, "scheduler": "euler", "width": 1024, "height": 768,
    "model": {"name": "juggernaut", "hash": "blake3:1"}, "loras": [{"model": {"name": "moss"}, "weight": 0.5}]})"));
  BOOST_TEST(recent.tool == "invokeai");
  BOOST_TEST((recent.passes.at(0).prompts == texts{"a hill"}));
  BOOST_TEST(recent.passes[0].model == "juggernaut");
  BOOST_TEST((recent.loras == std::vector<lora>{{"moss", 0.5}}));
  auto older = of_png(png_text(
      "sd-metadata",
      R"({"model": "stable diffusion", "model_weights": "deliberate", "app_version": "2.3.0",
    "image": {"prompt": [{"prompt": "a hill [rain]", "weight": 1}], "steps": 50, "cfg_scale": 5, "sampler": "k_lms", "seed": 9}})"));
  BOOST_TEST((older.passes.at(0).prompts == texts{"a hill"}));
  BOOST_TEST((older.passes[0].negative_prompts == texts{"rain"}));
  auto oldest = of_png(
      png_text("Dream", "\"a hill [rain]\" -s 50 -S 2980747362 -W 512 -H 768 -C 5.0 -A k_lms"));
  BOOST_TEST((oldest.passes.at(0).seed == 2980747362u));
  BOOST_TEST((oldest.passes[0].cfg == 5.0));
  BOOST_TEST((oldest.height == 768u));
}

BOOST_AUTO_TEST_CASE(novelai_in_texts_and_in_the_pixels) {
  const std::string comment =
      R"({"steps": 28, "sampler": "k_euler", "seed": 2253955223, "scale": 10.0, "uc": "lowres", "noise": 0.0})";
  auto check = [](const generation_facts& facts) {
    BOOST_TEST(facts.tool == "novelai");
    BOOST_REQUIRE(facts.passes.size() == 1);
    const auto& pass = facts.passes[0];
    BOOST_TEST((pass.prompts == texts{"a cat, space"}));
    BOOST_TEST((pass.negative_prompts == texts{"lowres"}));
    BOOST_TEST(pass.model == "Stable Diffusion");
    BOOST_TEST(pass.model_hash == "1D44365E");
    BOOST_TEST((pass.steps == 28u && pass.seed == 2253955223u && pass.cfg == 10.0));
  };
  check(of_png(png_text("Title", "AI generated image") + png_text("Description", "a cat, space")
               + png_text("Software", "NovelAI") + png_text("Source", "Stable Diffusion 1D44365E")
               + png_text("Comment", comment)));
  nlohmann::json hidden{{"Software", "NovelAI"},
                        {"Description", "a cat, space"},
                        {"Source", "Stable Diffusion 1D44365E"},
                        {"Comment", comment}};
  auto hide = [](const std::string& signature, const std::string& payload, bool colours) {
    constexpr std::uint32_t width = 70, height = 60;
    auto stream = signature + be32(static_cast<std::uint32_t>(payload.size() * 8)) + payload;
    std::string pixels(std::size_t{width} * height * 4, '\xfe');
    for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
      auto pixel = colours ? bit / 3 : bit, plane = colours ? bit % 3 : 3;
      auto x = pixel / height, y = pixel % height;
      auto value = static_cast<unsigned char>(stream[bit / 8]) >> (7 - bit % 8) & 1;
      pixels[(y * width + x) * 4 + plane] = static_cast<char>(0xfe | value);
    }
    return must_extract(png_of(width, height, pixels), "png").generation;
  };
  check(hide("stealth_pnginfo", hidden.dump(), false));
  check(hide("stealth_rgbinfo", hidden.dump(), true));
  // gzip, of one stored block.
  auto text = hidden.dump();
  auto packed = std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10) + '\1'
                + le16(static_cast<unsigned>(text.size()))
                + le16(~static_cast<unsigned>(text.size()) & 0xffff) + text + le32(png_crc(text))
                + le32(static_cast<std::uint32_t>(text.size()));
  check(hide("stealth_pngcomp", packed, false));
  check(hide("stealth_rgbcomp", packed, true));
  check_a1111(hide("stealth_pnginfo", a1111_text, false));
}

BOOST_AUTO_TEST_CASE(fooocus_in_both_of_its_forms) {
  const std::string form =
      R"json({"prompt": "a goldfish", "negative_prompt": "", "base_model": "juggernautXL", "base_model_hash": "aeb7",
    "seed": "6952411511246973023", "steps": 30, "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "guidance_scale": 4,
    "resolution": "(768, 1280)", "loras": [["offset", 0.1, "hash"]], "metadata_scheme": "fooocus", "version": "Fooocus v2.4.3"})json";
  auto check = [](const generation_facts& facts) {
    BOOST_TEST(facts.tool == "fooocus");
    BOOST_TEST((facts.passes.at(0).seed == 6952411511246973023u));
    BOOST_TEST(facts.passes[0].model == "juggernautXL");
    BOOST_TEST((facts.width == 768u && facts.height == 1280u));
    BOOST_TEST((facts.loras == std::vector<lora>{{"offset", 0.1}}));
  };
  check(of_png(png_text("parameters", form) + png_text("fooocus_scheme", "fooocus")));
  auto exif = exif_of({{0x9286, 2, form}, {0x927c, 2, std::string("fooocus\0", 8)}});
  check(must_extract(jpeg_with(jpeg_segment(0xe1, std::string("Exif\0\0", 6) + exif)), "jpg")
            .generation);
  auto other =
      of_png(png_text("parameters", "a goldfish\nSteps: 30, Seed: 7, Version: Fooocus v2.4.3")
             + png_text("fooocus_scheme", "a1111"));
  BOOST_TEST(other.tool == "fooocus");
  BOOST_TEST((other.passes.at(0).seed == 7u));
}

BOOST_AUTO_TEST_CASE(swarmui_drawthings_and_easydiffusion) {
  auto swarm = of_png(
      png_text("parameters",
               R"({"sui_image_params": {"prompt": "a fox", "negativeprompt": "", "model": "sdxl",
    "seed": 3, "steps": 20, "cfgscale": 7, "width": 1024, "height": 1024, "swarm_version": "0.9", "loras": ["fur"], "loraweights": ["0.6"]}})"));
  BOOST_TEST(swarm.tool == "swarmui");
  BOOST_TEST((swarm.passes.at(0).prompts == texts{"a fox"}));
  BOOST_TEST((swarm.loras == std::vector<lora>{{"fur", 0.6}}));
  auto draw = of_png(png_chunk(
      "iTXt",
      std::string("XML:com.adobe.xmp\0\0\0\0\0", 22)
          + R"(<x:xmpmeta><rdf:Description xmp:CreatorTool="Draw Things"><exif:UserComment><rdf:Alt>)"
            R"(<rdf:li xml:lang="x-default">{&quot;c&quot;:&quot;a &#x66;ox&quot;,&quot;uc&quot;:&quot;&quot;,&quot;seed&quot;:4,)"
            R"(&quot;steps&quot;:8,&quot;scale&quot;:4.5,&quot;size&quot;:&quot;512x768&quot;,&quot;model&quot;:&quot;m.ckpt&quot;}</rdf:li>)"
            R"(</rdf:Alt></exif:UserComment></rdf:Description></x:xmpmeta>)"));
  BOOST_TEST(draw.tool == "drawthings");
  BOOST_TEST((draw.passes.at(0).prompts == texts{"a fox"}));
  BOOST_TEST((draw.height == 768u));
  auto easy = of_png(png_text("prompt", "a fox") + png_text("negative_prompt", "rain")
                     + png_text("seed", "6") + png_text("use_stable_diffusion_model", "sd-v1-4")
                     + png_text("num_inference_steps", "25") + png_text("sampler_name", "euler_a"));
  BOOST_TEST(easy.tool == "easydiffusion");
  BOOST_TEST((easy.passes.at(0).steps == 25u && easy.passes[0].seed == 6u));
  auto beside = file_of("Prompt: a fox\nSeed: 6\nStable Diffusion model: sd-v1-4\nSteps: "
                        "25\nGuidance Scale: 7.5\nNegative Prompt: rain\n");
  extract_options options;
  options.beside_fd = beside.get();
  auto lines = must_extract(small_png(), "png", options).generation;
  BOOST_TEST(lines.tool == "easydiffusion");
  BOOST_TEST((lines.passes.at(0).negative_prompts == texts{"rain"}));
}

BOOST_AUTO_TEST_CASE(midjourney_c2pa_and_the_source_type) {
  auto journey = of_png(png_text("Description", "a red fox --ar 16:9 --v 6.0 --seed 12 --no cats "
                                                "Job ID: 0b6e2c5a-1234-4c3b-9d11-aabbccddeeff"));
  BOOST_TEST(journey.tool == "midjourney");
  BOOST_TEST(journey.job_id == "0b6e2c5a-1234-4c3b-9d11-aabbccddeeff");
  BOOST_TEST((journey.passes.at(0).seed == 12u));
  BOOST_TEST((journey.passes[0].prompts == texts{"a red fox"}));
  BOOST_TEST((journey.guesses == texts{"tool"}));

  const std::string trained =
      "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
  auto check = [](const generation_facts& facts) {
    BOOST_TEST(facts.tool == "Adobe Firefly");
    BOOST_TEST(facts.digital_source_type == "trainedAlgorithmicMedia");
    BOOST_TEST(facts.ai_generated);
  };
  check(of_png(png_chunk("caBX", manifest(trained))));
  // In two segments of a JPEG, the second with the box's header again.
  auto store = manifest(trained);
  auto segments =
      jpeg_segment(0xeb, "JP" + be16(1) + be32(1) + store.substr(0, 100))
      + jpeg_segment(0xeb, "JP" + be16(1) + be32(2) + store.substr(0, 8) + store.substr(100));
  check(must_extract(jpeg_with(segments), "jpg").generation);
  check(must_extract(webp_with("C2PA", store), "webp").generation);
  auto camera = of_png(
      png_chunk("caBX", manifest("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")));
  BOOST_TEST(camera.digital_source_type == "digitalCapture");
  BOOST_TEST(!camera.ai_generated);
  BOOST_TEST(camera.tool.empty());

  auto packet = R"(<rdf:Description><Iptc4xmpExt:DigitalSourceType>)" + trained
                + "</Iptc4xmpExt:DigitalSourceType></rdf:Description>";
  auto source =
      must_extract(
          jpeg_with(jpeg_segment(0xe1, std::string("http://ns.adobe.com/xap/1.0/\0", 29) + packet)),
          "jpg")
          .generation;
  BOOST_TEST(source.digital_source_type == "trainedAlgorithmicMedia");
  BOOST_TEST(source.ai_generated);
}

BOOST_AUTO_TEST_CASE(raw_texts_are_kept_and_bounded) {
  auto facts = of_png(png_text("parameters", a1111_text));
  BOOST_REQUIRE(facts.raw.size() == 1);
  BOOST_TEST(facts.raw[0].text == a1111_text);
  BOOST_TEST(!facts.raw[0].cut);
  auto large = of_png(png_text("parameters", std::string(1 << 20, 'x') + "\nSteps: 2, Seed: 1"));
  BOOST_REQUIRE(large.raw.size() == 1);
  BOOST_TEST(large.raw[0].text.size() == raw_text_bytes_max);
  BOOST_TEST(large.raw[0].cut);
  BOOST_TEST(large.passes.at(0).prompts.at(0).size() == prompt_bytes_max);
}

BOOST_AUTO_TEST_CASE(pictures_without_a_maker_have_none) {
  BOOST_TEST(of_png("").empty());
  for (const char* name : {"/sample.jpg", "/sample.mp4", "/sample.webp", "/sample.mp3"}) {
    std::string path = name;
    BOOST_TEST(must_extract(read_file(samples() + path), path.substr(path.find('.') + 1))
                   .generation.empty(),
               path);
  }
}
