// SPDX-License-Identifier: MIT
// seeds FOLDER -- writes what the fuzzer starts with: for each target some inputs made of sample
// events of every type.

#include "properties.hpp"

#include "../events/sample_events.hpp"
#include "events/codec.hpp"
#include "events/segment.hpp"
#include "jobs/kinds/metadata_answer.hpp"
#include "jobs/protocol.hpp"
#include "support/made_archive.hpp"
#include "support/memory_disk.hpp"
#include "support/random_library.hpp"
#include "support/small_log.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

using namespace podstudio;

namespace {

constexpr std::size_t short_header_bytes = 128;

class seed_folder {
public:
  explicit seed_folder(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }
  void add(const std::string& bytes) {
    std::ofstream(folder_ / std::to_string(++count_), std::ios::binary) << bytes;
  }

private:
  std::filesystem::path folder_;
  int count_ = 0;
};

void event_seeds(seed_folder folder) {
  random_source random{std::mt19937_64(1)};
  for (int round = 0; round < 3; ++round)
    for_each_event_type(random, [&](const event& what) {
      auto name = event_name(what);
      auto version = event_version(what);
      std::string record(1, static_cast<char>(name.size()));
      record += name;
      record += static_cast<char>(version & 0xff);
      record += static_cast<char>(version >> 8);
      encode_event(what, record);
      folder.add(record);
    });
}

void frame_seeds(seed_folder folder) {
  random_source random{std::mt19937_64(2)};
  command all{{7}, "console", "all", {}};
  auto add = [&](const command& what) {
    std::string frame;
    if (!append_frame(what, frame)) return;
    seal_frame({reinterpret_cast<std::uint8_t*>(frame.data()), frame.size()},
               {7, 1, segment_header_bytes, 0, {}});
    folder.add('\0' + frame);
    folder.add('\1' + frame);
  };
  for_each_event_type(random, [&](const event& what) {
    all.events.push_back(what);
    add({{1}, "import", "é", {what}});
  });
  add(all);
}

std::string without_zeros(std::string bytes) {
  bytes.resize(bytes.find_last_not_of('\0') + 1);
  return bytes;
}

/// A size as the inputs have it.
std::string u16(std::size_t number) {
  return {static_cast<char>(number & 0xff), static_cast<char>(number >> 8)};
}

/// Logs of one and two segments, whole, and with a frame too little or too much.
void segment_seeds(seed_folder segments, seed_folder headers) {
  auto options = small_log;
  options.segment_size_bytes = segment_header_bytes + 1024;
  memory_disk disk;
  recovery_report report;
  auto log = log_writer::open(disk, log_folder, options, {}, report);
  if (!log) throw std::runtime_error(log.failure().message);
  for (std::uint64_t number = 1; (*log)->segments() < 3; ++number) {
    auto what = sample_command(number, number % 3 + 1);
    if (!(*log)->append({&what, 1}, static_cast<std::int64_t>(number), number % 2 == 0))
      throw std::runtime_error("cannot append");
  }
  log->reset();
  auto firsts = list_segments(disk, log_folder);
  std::vector<std::string> parts;
  for (auto first : *firsts) {
    auto bytes = without_zeros(disk.bytes(segment_path(log_folder, first)));
    auto header = bytes.substr(0, short_header_bytes);
    headers.add('\0' + bytes.substr(0, segment_header_bytes));
    headers.add('\1' + header);
    parts.push_back(header + bytes.substr(std::min(bytes.size(), segment_header_bytes)));
  }
  for (int flags : {3, 7, 15, 31, 63, 67, 127})
    for (auto zeros : {'\0', '\x20'}) {
      std::string input{static_cast<char>(flags), zeros};
      auto add = [&](const std::string& first, const std::string& second) {
        segments.add(input + u16(first.size()) + first + second);
      };
      add(parts[0], "");
      add(parts[0], parts[1]);
      add(parts[0] + parts[0].substr(short_header_bytes), "");
      add(parts[0].substr(0, parts[0].size() - 8), "");
    }
}

/// Backups of libraries with every event, in the order in which an engine would have decided them;
/// and manifests that do not fit.
void restore_seeds(seed_folder folder) {
  constexpr std::uint64_t libraries = 24;
  constexpr int commands = 20;
  for (std::uint64_t seed = 1; seed <= libraries; ++seed) {
    random_library library(seed);
    memory_disk disk;
    recovery_report report;
    auto options = small_log;
    if (seed % 2 == 0) options.segment_size_bytes = segment_header_bytes + 2048;
    auto log = log_writer::open(disk, log_folder, options, {}, report);
    if (!log) throw std::runtime_error(log.failure().message);
    for (int i = 0; i < commands && (*log)->segments() < 3; ++i)
      if (auto what = library.next().what; !(*log)->append({&what, 1}, i))
        throw std::runtime_error("cannot append");
    log->reset();
    std::vector<std::string> parts;
    auto firsts = list_segments(disk, log_folder);
    for (auto first : *firsts) {
      auto bytes = without_zeros(disk.bytes(segment_path(log_folder, first)));
      parts.push_back(bytes.substr(0, short_header_bytes)
                      + bytes.substr(std::min(bytes.size(), segment_header_bytes)));
    }
    auto second = parts.size() > 1 ? parts[1] : "";
    constexpr char all_made_right = 63;
    auto log_input = std::string{all_made_right, '\0'} + u16(parts[0].size()) + parts[0] + second;
    folder.add(u16(0) + log_input);
    const std::string manifest =
        R"({"format":1,"log":"00000000-0000-0000-0000-000000000000","head_sequence":1,)"
        R"("head_hash":"","last_segment_bytes":4208,"at":"2026-01-01 00:00:00.000000"})";
    if (seed == 1) folder.add(u16(manifest.size()) + manifest + log_input);
  }
}

/// Lives of a worker that does as it should, and each of its frames as a packet.
void worker_answer_seeds(seed_folder folder) {
  auto packet = [](char type, std::string_view bytes) {
    return type + u16(bytes.size()) + std::string(bytes);
  };
  auto made = [&](const std::string& frame) {
    return packet(frame[4], std::string_view(frame).substr(worker_frame_header_bytes));
  };
  const std::uint64_t written[] = {7, 0, 1000};
  const std::string text = R"({"a":[1,-2.5,null,true,{"b":"\u00e9"}],"c":"text"})";
  const auto size = static_cast<std::uint32_t>(text.size());
  const std::string ready = make_ready({6, true}), log = make_log(1, "é");
  const std::string frames[] = {ready, make_progress(1, 1), log,
                                make_failure(1, {job_ending::bad_input, 0, "cut"}),
                                make_failure(1, {job_ending::forbidden_call, 257, ""})};
  std::string whole;
  for (const auto& frame : frames) {
    whole += made(frame);
    folder.add('\0' + made(ready) + packet('\0', frame));
    folder.add('\0' + whole);
  }
  for (char outputs : {'\0', '\3'}) {
    auto start = outputs + made(ready) + made(make_progress(1, 0))
                 + made(make_result(1, size, std::span(written).first(std::size_t(outputs))));
    folder.add(start + made(make_text(worker_frame::result_text, 1, text)));
    folder.add(start + made(make_text(worker_frame::result_text, 1, text.substr(0, 9))) + made(log)
               + made(make_text(worker_frame::result_text, 1, text.substr(9))) + made(log)
               + made(frames[3]));
  }
  folder.add('\0' + made(make_failure(0, {job_ending::no_sandbox, 0, "no"})));
}

/// Texts as the tools write them, small; and an answer.
void media_seeds(seed_folder walks, seed_folder texts, seed_folder answers) {
  auto text = [&](char where, const std::string& key, const std::string& what) {
    texts.add(std::string{where, static_cast<char>(key.size())} + key + what);
  };
  text(0, "parameters",
       "a duck <lora:x:0.5>\nNegative prompt: b\nSteps: 2, Sampler: e, Seed: 1, Size: 5x6, "
       "Version: v1.9");
  text(
      0, "prompt",
      R"({"1":{"class_type":"SaveImage","inputs":{"images":["2",0]}},"2":{"class_type":"KSampler","inputs":{"seed":1,)"
      R"("steps":2,"cfg":3,"model":["3",0],"positive":["4",0],"negative":["5",0]}},"3":{"class_type":"L","inputs":)"
      R"({"ckpt_name":"m","lora_name":"l"}},"4":{"class_type":"T","inputs":{"text":["5",0]}},"5":{"class_type":"S",)"
      R"("inputs":{"value":"x"}}})");
  text(
      0, "invokeai_metadata",
      R"({"positive_prompt":"a","seed":5,"model":{"name":"m"},"loras":[{"model":{"name":"l"},"weight":1}]})");
  text(0, "Dream", "\"a [b]\" -s 5 -S 1 -W 5 -H 6 -C 7.5 -A k");
  text(0, "Description", "a --v 6 --seed 1 Job ID: 0b6e2c5a-1234-4c3b-9d11-aabbccddeeff");
  text(
      6, "stealth",
      R"({"Software":"NovelAI","Description":"a","Source":"S 1D44365E","Comment":"{\"seed\":1,\"uc\":\"b\"}"})");
  text(0, "parameters",
       R"({"sui_image_params":{"prompt":"a","seed":1,"loras":["x"],"loraweights":"1"}})");
  text(
      0, "parameters",
      R"json({"metadata_scheme":"fooocus","prompt":"a","seed":"1","resolution":"(5, 6)","loras":[["x",1]]})json");
  text(8, "beside", "Prompt: a\nNegative Prompt: b\nSeed: 1\nSteps: 2\nStable Diffusion model: m");
  text(
      2, "",
      R"(<a xmp:CreatorTool="T" x:DigitalSourceType="u/trainedAlgorithmicMedia"><exif:UserComment>{&quot;c&quot;:&quot;a&quot;}</exif:UserComment>)");
  text(7, "",
       std::string("\0\0\0\x38jumb\0\0\0\x24jumd0123456789abcdef\3c2pa.claim\0\0\0\0\x0c"
                   "cbor\xa1\x61g\x60",
                   56));
  answers.add(R"({"facts":{"fps_numerator":0,"fps_denominator":1,"orientation":1,"width":4}})");
  answers.add(
      R"({"facts":{"fps_numerator":0,"fps_denominator":1,"orientation":1,"problems":[{"kind":"cut","reason":"x"}]},)"
      R"("generation":{"tool":"t","passes":[{"seed":1,"prompts":["a"],"cfg":1.5}],"raw":[{"where":"exif","text":"t"}]},)"
      R"("hash":{"pdq":")"
      + std::string(64, 'a')
      + R"(","quality":5},"previews":[{"edge_px":2,"width":2,"height":2,"size_bytes":9}]})");
  // One beginning of each format; the fuzzer finds what may follow.
  for (const auto& head :
       {std::string(
            "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\4\0\0\0\4\x08\6\0\0\0crc!\0\0\0\5tEXta\0bcdcrc!",
            50),
        std::string("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\1\0\x48\0\x48\0\0\xff\xda", 22),
        std::string("GIF89a\1\0\1\0\0\0\0!\xfe\1x\0;", 19),
        std::string("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\x18\0", 30),
        std::string("II*\0\x08\0\0\0\1\0\0\1\3\0\1\0\0\0\4\0\0\0\0\0\0\0", 26),
        std::string("RIFF\x20\0\0\0WEBPVP8L\5\0\0\0\x2f\3\xc0\0\0\0", 26),
        std::string("RIFF\x20\0\0\0WAVEfmt \0\0\0\0data\4\0\0\0", 28),
        std::string("fLaC\x80\0\0\x22", 8) + std::string(34, '\1'),
        std::string("OggS\0\2", 6) + std::string(21, '\0'),
        std::string("\0\0\0\x10"
                    "ftypisom\0\0\0\0\0\0\0\x08moov",
                    24),
        std::string("\x1a\x45\xdf\xa3\x84\x42\x82\x84webm\x18\x53\x80\x67\x80", 17),
        std::string("FLV\1\5\0\0\0\x09\0\0\0\0\x09\0\0\1\0\0\0\0\0\0\0x\0\0\0\x0c", 29),
        std::string("\xff\xfb\x90\x64", 4) + std::string(413, '\0'),
        std::string("ID3\4\0\0\0\0\0\1x\xff\xf1\x50\x80\1\x1f\xfc", 18)})
    walks.add(head);
}

/// Answers of a worker that does as it should: one file, and one of each thing that a line may say.
void metadata_answer_seeds(seed_folder folder) {
  file_answer plain, full, failed;
  plain.found.facts.mime = "image/png";
  full.found.previews = {{256, 256, 192, 700}, {32, 32, 24, 300}};
  full.preview_offsets = {0, 700};
  full.found.generation.raw = {{media::carrier::exif, "k", std::string(60'000, 'x'), false}};
  full.found.generation.passes = {{.prompts = {"a"}}};
  failed.failure = error{error_code::timed_out, "slow"};
  // The fuzzer's inputs are short, so that what a long text leads to is said of a short one.
  auto line = to_metadata_line(full);
  if (auto text = line.find("xxx"); text != std::string::npos)
    line.erase(text, line.find('"', text) - text - 1);
  auto previews = u16(1);
  folder.add('\1' + u16(0) + to_metadata_line(plain));
  folder.add('\1' + previews + line);
  folder.add('\1' + u16(0) + to_metadata_line(failed));
  folder.add('\3' + previews + to_metadata_line(failed) + line + to_metadata_line(plain));
}

/// An exported pack, signed and not, and archives of a few entries for the writer to make.
void archive_seeds(seed_folder archives, seed_folder manifests) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    std::mt19937_64 random(seed);
    archive_test::random_pack pack(random, 4);
    auto files = archive_test::files_of(pack, {.allow_generation = seed % 2 == 0}, nullptr);
    archives.add('\0' + archive_test::zip_of(files, archive_test::time_of(pack.pack)));
    for (const auto& each : files)
      if (each.name == archive::manifest_name) manifests.add(each.content);
  }
  std::string made = "\1" + u16(20'000);
  for (const std::string name : {"README.md", "a/b.png", "\u00e9.txt"}) {
    made += static_cast<char>(name.size()) + name + u16(3) + "abc";
    archives.add(made);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: seeds FOLDER\n";
    return 2;
  }
  std::filesystem::path folder = arguments[1];
  event_seeds(seed_folder(folder / "event"));
  frame_seeds(seed_folder(folder / "frame"));
  segment_seeds(seed_folder(folder / "segment"), seed_folder(folder / "header"));
  restore_seeds(seed_folder(folder / "restore"));
  worker_answer_seeds(seed_folder(folder / "worker_answer"));
  media_seeds(seed_folder(folder / "media_walk"), seed_folder(folder / "media_text"),
              seed_folder(folder / "media_answer"));
  metadata_answer_seeds(seed_folder(folder / "metadata_answer"));
  archive_seeds(seed_folder(folder / "archive"), seed_folder(folder / "archive_manifest"));
}
