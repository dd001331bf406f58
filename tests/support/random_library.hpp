// SPDX-License-Identifier: MIT
#pragma once

#include "media/extract.hpp"
#include "support/committed.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Gives random commands that a correct engine could have decided: every event type, each valid
/// after the ones before it.
class random_library {
public:
  explicit random_library(std::uint64_t seed) : random_(seed) {}

  podstudio::committed_command next() {
    std::vector<podstudio::event> events;
    auto wanted = 1 + below(6);
    while (events.size() < wanted)
      add_something(events);
    return make_(std::move(events), "step");
  }

private:
  struct asset_state {
    std::string path;
    podstudio::asset_type type{};
    podstudio::file_content content;
    podstudio::media_facts media;
    std::string report;  ///< what was read of its content; empty: nothing
    std::optional<std::string> theme, source;
    podstudio::provenance origin{};
    bool approved = false;
    bool missing = false;
    bool rejected = false;
    podstudio::rating rating{};
    std::set<std::string> tags;
  };
  struct pack_state {
    podstudio::pack_facts facts;
    std::optional<std::string> export_path;
    std::optional<std::int64_t> exported_at_us;
    std::map<podstudio::asset_id, std::int64_t> members;
  };
  struct job_state {
    podstudio::job_status status{};
    std::uint32_t attempts = 0;
  };
  struct root_state {
    podstudio::watch_root_added added;
    bool lost = false;
  };
  using events_t = std::vector<podstudio::event>;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class Map>
  auto pick(Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(below(map.size())));
  }
  template <class E>
  E any(std::uint64_t count) {
    return static_cast<E>(below(count));
  }
  std::optional<std::string> maybe_text() {
    if (one_in(3)) return std::nullopt;
    return std::string(one_in(5) ? "na'ture %_ \xf0\x9f\x8c\xb2" : "theme")
           + std::to_string(below(4));
  }
  std::string new_path() {
    auto number = std::to_string(++paths_);
    return "/lib/f" + std::to_string(below(5)) + "/it's \"x\" " + number
           + (one_in(4) ? ".JPG" : ".png");
  }
  podstudio::file_content new_content() {
    auto content = content_of(below(1'000), below(5'000'000));
    content.facts.inode = below(1'000'000);
    return content;
  }

  void add_something(events_t& out) {
    if (assets_.empty() || one_in(6)) return add_asset(out);
    switch (below(4)) {
    case 0:
      return change_asset(out);
    case 1:
      return change_pack(out);
    case 2:
      return change_job(out);
    default:
      return one_in(2) ? change_watch(out) : curate(out);
    }
  }

  void add_asset(events_t& out) {
    asset_state asset;
    asset.path = new_path();
    asset.type = any<podstudio::asset_type>(3);
    asset.content = new_content();
    out.push_back(
        podstudio::asset_registered{++last_asset_, asset.path, asset.type, asset.content});
    assets_.emplace(last_asset_, std::move(asset));
  }

  void change_asset(events_t& out) {
    auto it = pick(assets_);
    auto& [id, asset] = *it;
    switch (below(7)) {
    case 0: {
      auto after = new_content();
      out.push_back(podstudio::asset_content_changed{id, asset.content, after});
      asset.content = after;
      // What was read of other bytes goes with them; what an earlier version read stays.
      if (!asset.report.empty()) asset.media = {};
      asset.report.clear();
      return;
    }
    case 1: {
      auto after = asset.content.facts;
      ++after.mtime_ns;
      out.push_back(podstudio::asset_touched{id, asset.content.facts, after});
      asset.content.facts = after;
      return;
    }
    case 2:
      return one_in(2) ? swap_paths(out, id) : move_asset(out, id, new_path());
    case 3:
      if (asset.missing) {
        auto path = one_in(2) ? asset.path : new_path();
        out.push_back(podstudio::asset_returned{id, asset.path, path, asset.content.facts,
                                                asset.content.facts});
        asset.path = path;
      } else {
        out.push_back(podstudio::asset_missing{id});
      }
      asset.missing = !asset.missing;
      return;
    case 4:
      return read_media(out, id, asset);
    case 5: {
      std::string tag = "tag" + std::to_string(below(3));
      if (asset.tags.insert(tag).second) {
        out.push_back(podstudio::asset_tagged{id, tag});
      } else {
        out.push_back(podstudio::asset_untagged{id, tag});
        asset.tags.erase(tag);
      }
      return;
    }
    default:
      return forget(out, it);
    }
  }

  /// As a worker reads a file, or as version 1 of the event has it.
  void read_media(events_t& out, podstudio::asset_id id, asset_state& asset) {
    auto read = any_extracted();
    podstudio::media_facts after;
    if (read.facts.width) after.width = *read.facts.width;
    if (read.facts.height) after.height = *read.facts.height;
    after.duration_sec = read.facts.duration_sec;
    if (read.facts.samplerate_hz) after.samplerate_hz = *read.facts.samplerate_hz;
    podstudio::asset_metadata_extracted what{id, asset.media, after};
    asset.report.clear();
    if (!one_in(5)) {
      what.sha256 = asset.content.sha256;
      what.extractor = 1 + static_cast<std::uint32_t>(below(2));
      what.report = asset.report = podstudio::media::to_json(read);
    }
    out.push_back(std::move(what));
    asset.media = after;
  }

  std::string some_name(const char* begin) {
    return one_in(2) ? std::string() : begin + std::to_string(below(3));
  }
  template <class T>
  std::optional<T> maybe(std::uint64_t bound) {
    if (one_in(2)) return std::nullopt;
    return static_cast<T>(1 + below(bound));
  }

  podstudio::media::extracted any_extracted() {
    podstudio::media::extracted read;
    auto& facts = read.facts;
    facts.mime = some_name("image/x");
    facts.container = some_name("png");
    facts.video_codec = some_name("h26");
    facts.audio_codec = some_name("mp");
    facts.width = maybe<std::uint32_t>(4'000);
    facts.height = maybe<std::uint32_t>(4'000);
    if (one_in(2)) facts.duration_sec = static_cast<double>(below(1'000)) / 7;
    facts.samplerate_hz = maybe<std::uint32_t>(96'000);
    if (one_in(2)) facts.fps = {static_cast<std::int32_t>(1 + below(60'000)), 1'001};
    facts.channels = maybe<std::uint32_t>(8);
    facts.bit_depth = maybe<std::uint32_t>(32);
    facts.pixel_format = some_name("rgb");
    if (one_in(2)) facts.alpha_present = one_in(2);
    if (facts.alpha_present) facts.alpha_used = one_in(2);
    facts.orientation = static_cast<std::uint8_t>(1 + below(8));
    facts.colour_profile = some_name("sRGB ");
    if (one_in(3)) facts.dpi_x = facts.dpi_y = static_cast<double>(1 + below(300));
    facts.frame_count = maybe<std::uint64_t>(1'000);
    facts.decoded = one_in(2);
    facts.too_large = one_in(9);
    for (auto count = below(4); count > 0; --count)
      podstudio::media::add_problem(
          facts, any<podstudio::media::problem_kind>(podstudio::media::problem_kind_count),
          "it's \"broken\" " + std::to_string(count));
    if (one_in(2)) {
      auto& hash = read.hash.emplace();
      // Some are near each other.
      for (auto& word : hash.words)
        word = one_in(2) ? 0x0123456789abcdef : random_();
      read.hash_quality = static_cast<std::uint8_t>(below(101));
    }
    if (one_in(2)) read.generation = any_generation();
    return read;
  }

  podstudio::media::generation_facts any_generation() {
    podstudio::media::generation_facts made;
    made.tool = one_in(2) ? "comfyui" : some_name("Studio ");
    made.tool_version = some_name("v1.");
    for (auto count = below(3); count > 0; --count) {
      podstudio::media::generation_pass pass;
      pass.model = some_name("dreamer_");
      pass.model_hash = some_name("abcdef0");
      for (auto prompts = below(3); prompts > 0; --prompts)
        pass.prompts.push_back(std::string(one_in(3) ? "Ein Schlo\u00df" : "a castle\nby night")
                               + " number " + std::to_string(below(4)));
      if (one_in(2)) pass.negative_prompts = {"blurry"};
      if (one_in(2)) pass.seed = one_in(2) ? random_() : below(4);
      pass.steps = maybe<std::uint32_t>(50);
      pass.sampler = some_name("euler_");
      pass.scheduler = some_name("karras_");
      if (one_in(2)) pass.cfg = static_cast<double>(below(40)) / 4;
      made.passes.push_back(std::move(pass));
    }
    if (one_in(3)) made.loras = {{"detail \"more\"", 0.5}, {"plain", std::nullopt}};
    made.width = maybe<std::uint32_t>(2'048);
    made.height = maybe<std::uint32_t>(2'048);
    made.job_id = some_name("job-");
    if (one_in(3)) made.digital_source_type = "trainedAlgorithmicMedia";
    made.ai_generated = one_in(2);
    if (one_in(4)) made.guesses = {"tool"};
    if (one_in(2))
      made.raw.push_back({podstudio::media::carrier::png_text, "parameters",
                          "a castle\nSteps: " + std::to_string(below(50)), one_in(5)});
    return made;
  }

  void move_asset(events_t& out, podstudio::asset_id id, const std::string& path) {
    auto& asset = assets_.at(id);
    out.push_back(
        podstudio::asset_moved{id, asset.path, path, asset.content.facts, asset.content.facts});
    asset.path = path;
  }

  void swap_paths(events_t& out, podstudio::asset_id id) {
    auto other = pick(assets_)->first;
    if (other == id) return;
    auto mine = assets_.at(id).path, theirs = assets_.at(other).path;
    move_asset(out, id, theirs);
    move_asset(out, other, mine);
  }

  void forget(events_t& out, std::map<podstudio::asset_id, asset_state>::iterator it) {
    auto& [id, asset] = *it;
    for (const auto& tag : asset.tags)
      out.push_back(podstudio::asset_untagged{id, tag});
    for (auto& [pack, state] : packs_)
      if (auto member = state.members.find(id); member != state.members.end()) {
        out.push_back(podstudio::pack_asset_removed{pack, id, member->second});
        state.members.erase(member);
      }
    out.push_back(podstudio::asset_forgotten{id, asset.path, asset.type, asset.content, asset.media,
                                             asset.theme, asset.source, asset.origin,
                                             asset.approved, asset.missing});
    assets_.erase(it);
  }

  void curate(events_t& out) {
    auto& [id, asset] = *pick(assets_);
    switch (below(6)) {
    case 4: {
      auto after = static_cast<podstudio::rating>(below(6));
      out.push_back(podstudio::asset_rated{id, asset.rating, after});
      asset.rating = after;
      return;
    }
    case 5:
      if (asset.rejected)
        out.push_back(podstudio::asset_rejection_withdrawn{id});
      else
        out.push_back(podstudio::asset_rejected{id});
      asset.rejected = !asset.rejected;
      return;
    case 0:
      if (asset.approved)
        out.push_back(podstudio::asset_approval_withdrawn{id});
      else
        out.push_back(podstudio::asset_approved{id});
      asset.approved = !asset.approved;
      return;
    case 1: {
      auto after = maybe_text();
      out.push_back(podstudio::asset_theme_set{id, asset.theme, after});
      asset.theme = after;
      return;
    }
    case 2: {
      auto after = maybe_text();
      out.push_back(podstudio::asset_source_set{id, asset.source, after});
      asset.source = after;
      return;
    }
    default: {
      auto after = any<podstudio::provenance>(4);
      out.push_back(podstudio::asset_provenance_set{id, asset.origin, after});
      asset.origin = after;
    }
    }
  }

  podstudio::pack_facts new_facts() {
    return {"pack " + std::to_string(below(100)), any<podstudio::license_type>(4), maybe_text(),
            maybe_text()};
  }

  void describe_seller(events_t& out) {
    auto after = seller_;
    (one_in(2) ? after.author : after.contact) = maybe_text();
    (one_in(2) ? after.year : after.shop) = maybe_text();
    out.push_back(podstudio::seller_described{seller_, after});
    seller_ = after;
  }

  void change_pack(events_t& out) {
    if (one_in(12)) return describe_seller(out);
    if (packs_.empty() || one_in(8)) {
      auto facts = new_facts();
      out.push_back(podstudio::pack_created{++last_pack_, facts});
      packs_[last_pack_].facts = facts;
      return;
    }
    auto it = pick(packs_);
    auto& [id, pack] = *it;
    switch (below(6)) {
    case 0: {
      auto after = new_facts();
      out.push_back(podstudio::pack_edited{id, pack.facts, after});
      pack.facts = after;
      return;
    }
    case 1: {
      auto path = "/packs/" + std::to_string(below(9)) + ".zip";
      auto at = static_cast<std::int64_t>(below(2'000'000'000'000'000));
      podstudio::pack_exported exported{id, pack.export_path, pack.exported_at_us, path, at};
      if (one_in(2)) {
        auto& made = exported.made.emplace();
        made.size_bytes = below(1'000'000);
        made.assets = pack.members.size();
        made.texts.bytes = std::string(below(20), static_cast<char>(below(256)));
      }
      out.push_back(std::move(exported));
      pack.export_path = path;
      pack.exported_at_us = at;
      return;
    }
    case 2:
      if (!one_in(3)) return;
      for (auto [asset, position] : pack.members)
        out.push_back(podstudio::pack_asset_removed{id, asset, position});
      out.push_back(podstudio::pack_deleted{id, pack.facts, pack.export_path, pack.exported_at_us});
      packs_.erase(it);
      return;
    default: {
      auto asset = pick(assets_)->first;
      if (auto member = pack.members.find(asset); member != pack.members.end()) {
        out.push_back(podstudio::pack_asset_removed{id, asset, member->second});
        pack.members.erase(member);
      } else {
        auto position = static_cast<std::int64_t>(below(1'000));
        out.push_back(podstudio::pack_asset_added{id, asset, position});
        pack.members[asset] = position;
      }
    }
    }
  }

  void change_job(events_t& out) {
    using podstudio::job_status;
    if (one_in(9)) {
      out.push_back(podstudio::job_queue_held{held_, !held_});
      held_ = !held_;
      return;
    }
    if (jobs_.empty() || one_in(6)) {
      podstudio::job_queued job{++last_job_, any<podstudio::job_kind>(6), {}, {}, {}};
      if (one_in(2)) job.asset = pick(assets_)->first;
      if (!packs_.empty() && one_in(2)) job.pack = pick(packs_)->first;
      if (one_in(2)) job.params_json = "{\"scale\":2}";
      if (one_in(3)) job.priority = static_cast<std::int32_t>(below(21)) - 10;
      out.push_back(job);
      jobs_[last_job_] = {};
      return;
    }
    auto& [id, job] = *pick(jobs_);
    if (job.status == job_status::pending) {
      if (one_in(4)) {
        out.push_back(podstudio::job_cancelled{id, job.status});
        job.status = job_status::cancelled;
      } else {
        out.push_back(podstudio::job_started{id, ++job.attempts});
        job.status = job_status::running;
      }
    } else if (job.status == job_status::running) {
      run_job(out, id, job);
    } else if (job.status != job_status::completed) {
      out.push_back(podstudio::job_requeued{id, job.status, "tried again", {}});
      job.status = job_status::pending;
    }
  }

  podstudio::job_attempt_end any_end() {
    return {one_in(3) ? "" : "out_of_memory", one_in(2) ? "" : "one line\nand another"};
  }

  void run_job(events_t& out, podstudio::job_id id, job_state& job) {
    using podstudio::job_status;
    switch (below(5)) {
    case 0:
      out.push_back(podstudio::job_completed{id, maybe_text()});
      job.status = job_status::completed;
      return;
    case 1:
      out.push_back(podstudio::job_failed{id, "out of luck", any_end()});
      job.status = job_status::failed;
      return;
    case 2:
      out.push_back(podstudio::job_cancelled{id, job.status});
      job.status = job_status::cancelled;
      return;
    case 3:
      out.push_back(podstudio::job_requeued{id, job.status, "the engine stopped", any_end()});
      job.status = job_status::pending;
      return;
    default:
      out.push_back(podstudio::job_progressed{id, static_cast<double>(below(100)) / 3});
    }
  }

  void change_watch(events_t& out) {
    if (one_in(4)) {
      if (one_in(2))
        out.push_back(podstudio::engine_started{"0.1.0", 17});
      else
        out.push_back(podstudio::engine_stopped{17});
      return;
    }
    if (one_in(2)) return change_problem(out);
    if (roots_.empty() || one_in(4)) {
      ++last_root_;
      podstudio::watch_root_added root{last_root_, "/lib/root" + std::to_string(last_root_), 2'049,
                                       ~std::uint64_t{0} - below(9)};
      out.push_back(root);
      roots_[last_root_] = {root, false};
      return;
    }
    auto it = pick(roots_);
    auto& [id, root] = *it;
    if (one_in(4)) {
      out.push_back(
          podstudio::watch_root_removed{id, root.added.path, root.added.device, root.added.inode});
      roots_.erase(it);
      return;
    }
    if (one_in(4)) {
      auto before = root.added;
      root.added.device = ~std::uint64_t{0} - below(9);
      root.added.inode = below(99);
      if (one_in(2)) root.added.path = "/lib/moved" + std::to_string(++last_root_move_);
      out.push_back(podstudio::watch_root_moved{id, before.path, root.added.path, before.device,
                                                before.inode, root.added.device, root.added.inode});
      return;
    }
    if (root.lost)
      out.push_back(podstudio::watch_root_returned{id});
    else
      out.push_back(podstudio::watch_root_lost{id, "unmounted"});
    root.lost = !root.lost;
  }

  void change_problem(events_t& out) {
    auto path = "/lib/bad" + std::to_string(below(4));
    if (problems_.contains(path) && one_in(2)) {
      out.push_back(podstudio::problem_resolved{path});
      problems_.erase(path);
      return;
    }
    out.push_back(
        podstudio::problem_found{path, any<podstudio::problem_kind>(6), "cannot be read"});
    problems_.insert(path);
  }

  std::mt19937_64 random_;
  command_maker make_;
  std::uint64_t paths_ = 0;
  podstudio::asset_id last_asset_ = 0;
  podstudio::pack_id last_pack_ = 0;
  podstudio::job_id last_job_ = 0;
  podstudio::root_id last_root_ = 0;
  int last_root_move_ = 0;
  bool held_ = false;
  podstudio::seller_facts seller_;
  std::map<podstudio::asset_id, asset_state> assets_;
  std::map<podstudio::pack_id, pack_state> packs_;
  std::map<podstudio::job_id, job_state> jobs_;
  std::map<podstudio::root_id, root_state> roots_;
  std::set<std::string> problems_;
};
