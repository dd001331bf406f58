// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"
#include "platform/types.hpp"

#include <cereal/cereal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The event catalogue: everything that can happen, declared once. See EVENTS.md.
///
/// Each type has its frozen on-disk name, the version of its encoding, its fields with units, and
/// `serialize(archive, version)`, which is the encoding, the decoding of every version ever
/// released, and the JSON form in one. An event that changes a value carries the value before and
/// after, so history and undo need nothing else. To add one, see CONTRIBUTING.md.
namespace podstudio {

/// What the file system says about a file. Equal facts mean that it was not touched.
struct file_facts {
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_ns = 0;  ///< since the Unix epoch
  std::int64_t ctime_ns = 0;  ///< since the Unix epoch
  std::uint64_t inode = 0;    ///< 0 where the file system does not keep it
  std::uint64_t device = 0;   ///< id of the volume (platform/volume.hpp), once a device number
  bool operator==(const file_facts&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(size_bytes), CEREAL_NVP(mtime_ns), CEREAL_NVP(ctime_ns), CEREAL_NVP(inode),
            CEREAL_NVP(device));
  }
};

/// A file's bytes by digest, and the facts they were read under.
struct file_content {
  digest sha256{};
  file_facts facts;
  bool operator==(const file_content&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(sha256), CEREAL_NVP(facts));
  }
};

/// The file's own metadata, as far as the `asset` table shows it.
struct media_facts {
  std::optional<std::int64_t> width;          ///< pixels
  std::optional<std::int64_t> height;         ///< pixels
  std::optional<double> duration_sec;         ///< seconds
  std::optional<std::int64_t> samplerate_hz;  ///< hertz
  bool operator==(const media_facts&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(width), CEREAL_NVP(height), CEREAL_NVP(duration_sec),
            CEREAL_NVP(samplerate_hz));
  }
};

/// What a person can write on a pack.
struct pack_facts {
  std::string name;
  license_type license = license_type::royalty_free;
  std::optional<std::string> theme;
  std::optional<std::string> description;
  bool operator==(const pack_facts&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(name), CEREAL_NVP(license), CEREAL_NVP(theme), CEREAL_NVP(description));
  }
};

/// Bytes that are no text, at most `max_blob_bytes` (events/codec.hpp).
struct blob {
  std::string bytes;
  bool operator==(const blob&) const = default;
};

/// An archive that a pack was exported to, and what is needed to make the same bytes again.
struct exported_archive {
  digest sha256{};  ///< of the whole file
  std::uint64_t size_bytes = 0;
  std::uint64_t assets = 0;  ///< how many it holds
  /// Where the log was when the pack was read, as the archive's manifest says it.
  std::uint64_t sequence = 0;
  digest head_hash{};
  std::optional<std::string> profile;  ///< the marketplace that it was made for
  blob texts;                          ///< manifest, signature and texts: archive/kept_texts.hpp
  bool operator==(const exported_archive&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(sha256), CEREAL_NVP(size_bytes), CEREAL_NVP(assets), CEREAL_NVP(sequence),
            CEREAL_NVP(head_hash), CEREAL_NVP(profile), CEREAL_NVP(texts));
  }
};

/// What the seller says of themselves, for the texts of packs.
struct seller_facts {
  std::optional<std::string> author;   ///< holder of the rights
  std::optional<std::string> year;     ///< of licences, as text: `2026`, `2024-2026`
  std::optional<std::string> shop;     ///< its name or address
  std::optional<std::string> contact;  ///< for questions of buyers
  bool operator==(const seller_facts&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(author), CEREAL_NVP(year), CEREAL_NVP(shop), CEREAL_NVP(contact));
  }
};

// --- assets: emitted by the catalog actor, folded by projections/assets.cpp ---

/// A file became known.
struct asset_registered {
  static constexpr std::string_view name = "asset.registered";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string path;  ///< absolute, valid UTF-8
  asset_type type = asset_type::image;
  file_content content;
  bool operator==(const asset_registered&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(path), CEREAL_NVP(type), CEREAL_NVP(content));
  }
};

/// The file has other bytes than before.
struct asset_content_changed {
  static constexpr std::string_view name = "asset.content_changed";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  file_content before;
  file_content after;
  bool operator==(const asset_content_changed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

/// The file was read again because its file system facts differ, and has the same bytes as before.
/// Without this event it would be read again at every start.
struct asset_touched {
  static constexpr std::string_view name = "asset.touched";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  file_facts before;
  file_facts after;
  bool operator==(const asset_touched&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

/// The same file under another path.
struct asset_moved {
  static constexpr std::string_view name = "asset.moved";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string path_before;
  std::string path_after;
  file_facts before;
  file_facts after;
  bool operator==(const asset_moved&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(path_before), CEREAL_NVP(path_after), CEREAL_NVP(before),
            CEREAL_NVP(after));
  }
};

/// The file is gone from its path; the asset stays, with everything known about it.
struct asset_missing {
  static constexpr std::string_view name = "asset.missing";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  bool operator==(const asset_missing&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset));
  }
};

/// A missing asset's content is back, at the same path or at another.
struct asset_returned {
  static constexpr std::string_view name = "asset.returned";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string path_before;
  std::string path_after;
  file_facts before;
  file_facts after;
  bool operator==(const asset_returned&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(path_before), CEREAL_NVP(path_after), CEREAL_NVP(before),
            CEREAL_NVP(after));
  }
};

/// The file's own metadata was read.
struct asset_metadata_extracted {
  static constexpr std::string_view name = "asset.metadata_extracted";
  static constexpr std::uint16_t version = 2;
  asset_id asset = 0;
  media_facts before;
  media_facts after;
  // Since version 2; empty before.
  digest sha256{};              ///< of the bytes that were read
  std::uint32_t extractor = 0;  ///< version of what read them (media/extract.hpp); not 0
  /// All that was read, as media/extract.hpp writes it in JSON; at most max_report_bytes long.
  std::string report{};
  bool operator==(const asset_metadata_extracted&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t written) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
    if (written >= 2) archive(CEREAL_NVP(sha256), CEREAL_NVP(extractor), CEREAL_NVP(report));
  }
};
/// The longest report, in bytes: those of a job's files must fit one command.
inline constexpr std::size_t max_report_bytes = 48 << 10;

/// A person approved the asset; it was not approved before.
struct asset_approved {
  static constexpr std::string_view name = "asset.approved";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  bool operator==(const asset_approved&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset));
  }
};

/// A person withdrew the approval; the asset was approved before.
struct asset_approval_withdrawn {
  static constexpr std::string_view name = "asset.approval_withdrawn";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  bool operator==(const asset_approval_withdrawn&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset));
  }
};

struct asset_theme_set {
  static constexpr std::string_view name = "asset.theme_set";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::optional<std::string> before;
  std::optional<std::string> after;
  bool operator==(const asset_theme_set&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

struct asset_source_set {
  static constexpr std::string_view name = "asset.source_set";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::optional<std::string> before;
  std::optional<std::string> after;
  bool operator==(const asset_source_set&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

struct asset_provenance_set {
  static constexpr std::string_view name = "asset.provenance_set";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  provenance before = provenance::unknown;
  provenance after = provenance::unknown;
  bool operator==(const asset_provenance_set&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

/// A person rejected the asset; it was not rejected before.
struct asset_rejected {
  static constexpr std::string_view name = "asset.rejected";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  bool operator==(const asset_rejected&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset));
  }
};

/// A person withdrew the rejection; the asset was rejected before.
struct asset_rejection_withdrawn {
  static constexpr std::string_view name = "asset.rejection_withdrawn";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  bool operator==(const asset_rejection_withdrawn&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset));
  }
};

/// Stars, from 0 (none given) to 5.
enum class rating : std::uint8_t {};
template <>
inline constexpr std::size_t enum_count<rating> = 6;

struct asset_rated {
  static constexpr std::string_view name = "asset.rated";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  rating before{};
  rating after{};
  bool operator==(const asset_rated&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

/// The asset got a tag that it did not have.
struct asset_tagged {
  static constexpr std::string_view name = "asset.tagged";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string tag;
  bool operator==(const asset_tagged&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(tag));
  }
};

/// The asset lost a tag it had.
struct asset_untagged {
  static constexpr std::string_view name = "asset.untagged";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string tag;
  bool operator==(const asset_untagged&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(tag));
  }
};

/// The asset's row is gone; everything it held is here, so that this can be reverted. Its tags and
/// places in packs are removed by separate events, earlier in the same command.
struct asset_forgotten {
  static constexpr std::string_view name = "asset.forgotten";
  static constexpr std::uint16_t version = 1;
  asset_id asset = 0;
  std::string path;
  asset_type type = asset_type::image;
  file_content content;
  media_facts media;
  std::optional<std::string> theme;
  std::optional<std::string> source;
  provenance origin = provenance::unknown;
  bool approved = false;
  bool missing = false;
  bool operator==(const asset_forgotten&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(asset), CEREAL_NVP(path), CEREAL_NVP(type), CEREAL_NVP(content),
            CEREAL_NVP(media), CEREAL_NVP(theme), CEREAL_NVP(source), CEREAL_NVP(origin),
            CEREAL_NVP(approved), CEREAL_NVP(missing));
  }
};

// --- packs: emitted by the catalog actor, folded by projections/packs.cpp ---

struct pack_created {
  static constexpr std::string_view name = "pack.created";
  static constexpr std::uint16_t version = 1;
  pack_id pack = 0;
  pack_facts facts;
  bool operator==(const pack_created&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(facts));
  }
};

struct pack_edited {
  static constexpr std::string_view name = "pack.edited";
  static constexpr std::uint16_t version = 1;
  pack_id pack = 0;
  pack_facts before;
  pack_facts after;
  bool operator==(const pack_edited&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

struct pack_asset_added {
  static constexpr std::string_view name = "pack.asset_added";
  static constexpr std::uint16_t version = 1;
  pack_id pack = 0;
  asset_id asset = 0;
  std::int64_t position = 0;  ///< order within the pack, ascending; gaps are allowed
  bool operator==(const pack_asset_added&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(asset), CEREAL_NVP(position));
  }
};

struct pack_asset_removed {
  static constexpr std::string_view name = "pack.asset_removed";
  static constexpr std::uint16_t version = 1;
  pack_id pack = 0;
  asset_id asset = 0;
  std::int64_t position = 0;  ///< the place it had
  bool operator==(const pack_asset_removed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(asset), CEREAL_NVP(position));
  }
};

struct pack_exported {
  static constexpr std::string_view name = "pack.exported";
  static constexpr std::uint16_t version = 2;
  pack_id pack = 0;
  std::optional<std::string> path_before;
  std::optional<std::int64_t> at_us_before;  ///< microseconds since the Unix epoch
  std::string path_after;
  std::int64_t at_us_after = 0;
  /// Since version 2; nothing where an undo sets the path and the time back.
  std::optional<exported_archive> made{};
  bool operator==(const pack_exported&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t written) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(path_before), CEREAL_NVP(at_us_before),
            CEREAL_NVP(path_after), CEREAL_NVP(at_us_after));
    if (written >= 2) archive(CEREAL_NVP(made));
  }
};

/// The pack is gone; its members are removed by separate events, earlier in the same command.
struct pack_deleted {
  static constexpr std::string_view name = "pack.deleted";
  static constexpr std::uint16_t version = 1;
  pack_id pack = 0;
  pack_facts facts;
  std::optional<std::string> export_path;
  std::optional<std::int64_t> exported_at_us;
  bool operator==(const pack_deleted&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pack), CEREAL_NVP(facts), CEREAL_NVP(export_path),
            CEREAL_NVP(exported_at_us));
  }
};

/// The seller said something of themselves, or took it back.
struct seller_described {
  static constexpr std::string_view name = "seller.described";
  static constexpr std::uint16_t version = 1;
  seller_facts before;
  seller_facts after;
  bool operator==(const seller_described&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

// --- jobs: emitted by the catalog actor, folded by projections/jobs.cpp ---

/// How an attempt at a job ended that did not complete it.
struct job_attempt_end {
  std::string ending;      ///< one word, as jobs/protocol.hpp has them; empty: nobody could tell
  std::string last_words;  ///< what the worker said last, in lines
  bool operator==(const job_attempt_end&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(ending), CEREAL_NVP(last_words));
  }
};

struct job_queued {
  static constexpr std::string_view name = "job.queued";
  static constexpr std::uint16_t version = 2;
  job_id job = 0;
  job_kind kind = job_kind::upscale;
  std::optional<asset_id> asset;
  std::optional<pack_id> pack;
  std::optional<std::string> params_json;
  std::int32_t priority = 0;  ///< since version 2; jobs of a higher one start first
  bool operator==(const job_queued&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t written) {
    archive(CEREAL_NVP(job), CEREAL_NVP(kind), CEREAL_NVP(asset), CEREAL_NVP(pack),
            CEREAL_NVP(params_json));
    if (written >= 2) archive(CEREAL_NVP(priority));
  }
};

/// pending -> running
struct job_started {
  static constexpr std::string_view name = "job.started";
  static constexpr std::uint16_t version = 1;
  job_id job = 0;
  std::uint32_t attempt = 1;  ///< the first is 1
  bool operator==(const job_started&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(job), CEREAL_NVP(attempt));
  }
};

/// Progress of a running job; may be lost in a crash, so it never causes a sync.
struct job_progressed {
  static constexpr std::string_view name = "job.progressed";
  static constexpr std::uint16_t version = 1;
  job_id job = 0;
  double progress = 0;  ///< percent, 0 to 100
  bool operator==(const job_progressed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(job), CEREAL_NVP(progress));
  }
};

/// running -> completed
struct job_completed {
  static constexpr std::string_view name = "job.completed";
  static constexpr std::uint16_t version = 1;
  job_id job = 0;
  std::optional<std::string> result_path;
  bool operator==(const job_completed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(job), CEREAL_NVP(result_path));
  }
};

/// running -> failed
struct job_failed {
  static constexpr std::string_view name = "job.failed";
  static constexpr std::uint16_t version = 2;
  job_id job = 0;
  std::string error_message;
  job_attempt_end attempt{};  ///< since version 2
  bool operator==(const job_failed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t written) {
    archive(CEREAL_NVP(job), CEREAL_NVP(error_message));
    if (written >= 2) archive(CEREAL_NVP(attempt));
  }
};

/// pending or running -> cancelled
struct job_cancelled {
  static constexpr std::string_view name = "job.cancelled";
  static constexpr std::uint16_t version = 1;
  job_id job = 0;
  job_status before = job_status::pending;
  bool operator==(const job_cancelled&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(job), CEREAL_NVP(before));
  }
};

/// running (put back by a stop or a crash), failed or cancelled (retried by a person) -> pending
struct job_requeued {
  static constexpr std::string_view name = "job.requeued";
  static constexpr std::uint16_t version = 2;
  job_id job = 0;
  job_status before = job_status::running;
  std::string reason;
  job_attempt_end attempt{};  ///< since version 2; of a running job
  bool operator==(const job_requeued&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t written) {
    archive(CEREAL_NVP(job), CEREAL_NVP(before), CEREAL_NVP(reason));
    if (written >= 2) archive(CEREAL_NVP(attempt));
  }
};

/// A person holds the queue, so that no further job is started, or lets it go on.
struct job_queue_held {
  static constexpr std::string_view name = "job.queue_held";
  static constexpr std::uint16_t version = 1;
  bool before = false;
  bool after = false;
  bool operator==(const job_queue_held&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(before), CEREAL_NVP(after));
  }
};

// --- watch roots and problems: emitted by the catalog actor, folded by projections/watch.cpp
// ------

struct watch_root_added {
  static constexpr std::string_view name = "watch.root_added";
  static constexpr std::uint16_t version = 1;
  root_id root = 0;
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const watch_root_added&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(root), CEREAL_NVP(path), CEREAL_NVP(device), CEREAL_NVP(inode));
  }
};

struct watch_root_removed {
  static constexpr std::string_view name = "watch.root_removed";
  static constexpr std::uint16_t version = 1;
  root_id root = 0;
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const watch_root_removed&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(root), CEREAL_NVP(path), CEREAL_NVP(device), CEREAL_NVP(inode));
  }
};

/// The same folder under another path, or recognised on another volume or under another inode.
struct watch_root_moved {
  static constexpr std::string_view name = "watch.root_moved";
  static constexpr std::uint16_t version = 1;
  root_id root = 0;
  std::string path_before;
  std::string path_after;
  std::uint64_t device_before = 0;  ///< as `watch_root_added::device`
  std::uint64_t inode_before = 0;
  std::uint64_t device_after = 0;
  std::uint64_t inode_after = 0;
  bool operator==(const watch_root_moved&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(root), CEREAL_NVP(path_before), CEREAL_NVP(path_after),
            CEREAL_NVP(device_before), CEREAL_NVP(inode_before), CEREAL_NVP(device_after),
            CEREAL_NVP(inode_after));
  }
};

/// The root is unmounted, replaced or unreadable; nothing found below it counts until it returns.
struct watch_root_lost {
  static constexpr std::string_view name = "watch.root_lost";
  static constexpr std::uint16_t version = 1;
  root_id root = 0;
  std::string reason;
  bool operator==(const watch_root_lost&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(root), CEREAL_NVP(reason));
  }
};

struct watch_root_returned {
  static constexpr std::string_view name = "watch.root_returned";
  static constexpr std::uint16_t version = 1;
  root_id root = 0;
  bool operator==(const watch_root_returned&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(root));
  }
};

/// A file could not be ingested, or a root not be followed. One problem per path: a second one
/// replaces the first.
struct problem_found {
  static constexpr std::string_view name = "problem.found";
  static constexpr std::uint16_t version = 1;
  std::string path;  ///< printable form (platform/text.hpp), as the name itself may be no UTF-8
  problem_kind kind = problem_kind::unreadable;
  std::string reason;  ///< for a person
  bool operator==(const problem_found&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(path), CEREAL_NVP(kind), CEREAL_NVP(reason));
  }
};

struct problem_resolved {
  static constexpr std::string_view name = "problem.resolved";
  static constexpr std::uint16_t version = 1;
  std::string path;
  bool operator==(const problem_resolved&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(path));
  }
};

// --- the engine: emitted by the supervisor; no table shows them ---

struct engine_started {
  static constexpr std::string_view name = "engine.started";
  static constexpr std::uint16_t version = 1;
  std::string program_version;
  std::int64_t pid = 0;
  bool operator==(const engine_started&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(program_version), CEREAL_NVP(pid));
  }
};

/// The last event of a clean stop.
struct engine_stopped {
  static constexpr std::string_view name = "engine.stopped";
  static constexpr std::uint16_t version = 1;
  std::int64_t pid = 0;
  bool operator==(const engine_stopped&) const = default;

  template <class Archive>
  void serialize(Archive& archive, std::uint32_t) {
    archive(CEREAL_NVP(pid));
  }
};

/// The one list. Codec, folds, JSON and tests iterate it; the order means nothing on disk.
using event =
    std::variant<asset_registered, asset_content_changed, asset_touched, asset_moved, asset_missing,
                 asset_returned, asset_metadata_extracted, asset_approved, asset_approval_withdrawn,
                 asset_theme_set, asset_source_set, asset_provenance_set, asset_rejected,
                 asset_rejection_withdrawn, asset_rated, asset_tagged, asset_untagged,
                 asset_forgotten,  //
                 pack_created, pack_edited, pack_asset_added, pack_asset_removed, pack_exported,
                 pack_deleted, seller_described,  //
                 job_queued, job_started, job_progressed, job_completed, job_failed, job_cancelled,
                 job_requeued, job_queue_held,  //
                 watch_root_added, watch_root_removed, watch_root_moved, watch_root_lost,
                 watch_root_returned,              //
                 problem_found, problem_resolved,  //
                 engine_started, engine_stopped>;

}  // namespace podstudio
