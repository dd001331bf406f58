// SPDX-License-Identifier: MIT
#include "media/extract.hpp"

#include "media/colour.hpp"
#include "media/decode.hpp"
#include "media/preview.hpp"
#include "media/streams.hpp"
#include "media/text.hpp"
#include "media/walk.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <numeric>

#include <fcntl.h>
#include <sys/stat.h>

namespace podstudio::media {

namespace {

bool is_still(format is) noexcept {
  switch (is) {
  case format::png:
  case format::jpeg:
  case format::gif:
  case format::bmp:
  case format::tiff:
  case format::webp:
    return true;
  default:
    return false;
  }
}

class extraction {
public:
  extraction(int fd, std::uint64_t size_bytes, const extract_options& options,
             std::uint32_t picture_edge_px = 0)
      : options_(options), watch_(options.bounds.time_max, options.cancelled),
        from_(std::make_unique<source>(fd, size_bytes, watch_)), picture_edge_px_(picture_edge_px) {
    // One size for all that is made of the small copy, so that a hash does not depend on what
    // previews were ordered.
    constexpr std::uint32_t facts_edge_px = 64;
    edge_px_ = options.want_hash || wants_pictures() ? preview_edge_px_max : facts_edge_px;
  }

  result<extracted> run() {
    auto what = sniff(*from_);
    walked to{made_.facts, found_, options_.bounds};
    compare_extension(what);
    walk(what, *from_, to);
    if (auto failure = stopped()) return *failure;
    if (from_->size() > 0 && what.is != format::none) decode(what, to);
    if (auto failure = stopped()) return *failure;
    finish_facts();
    if (options_.want_generation) read_texts();
    if (auto failed = make_pictures(); !failed) return failed.failure();
    if (auto failure = stopped()) return *failure;
    return std::move(made_);
  }

  /// After `run`.
  picture take_picture() { return std::move(standing_); }

private:
  bool wants_pictures() const noexcept {
    return picture_edge_px_ > 0 || !options_.previews.empty();
  }

  std::optional<error> stopped() {
    if (from_->read_error() != 0) return system_error(from_->read_error())("cannot read the file");
    if (!watch_.stopped()) return std::nullopt;
    if (watch_.cancelled()) return error{error_code::stopping, "reading the file was cancelled"};
    return error{error_code::timed_out,
                 "reading the file took more than "
                     + std::to_string(options_.bounds.time_max.count() / 1000) + " s"};
  }

  void compare_extension(const sniffed& what) {
    auto& facts = made_.facts;
    auto extension = clean_name(lower_case(std::string_view(options_.extension).substr(0, 16)), 16);
    if (from_->size() == 0) {
      add_problem(facts, problem_kind::cut, "the file is empty");
    } else if (what.is == format::none) {
      auto other = what.other.empty() ? std::string("of no known format") : std::string(what.other);
      add_problem(facts, problem_kind::not_media, "the bytes are " + other);
    } else if (!fits_extension(what.is, options_.extension)) {
      add_problem(facts, problem_kind::other_content,
                  "the name ends in ." + extension + ", but the bytes are "
                      + std::string(describe(what.is)));
    }
  }

  void decode(const sniffed& what, walked& to) {
    decode_outcome outcome;
    if (is_still(what.is)) {
      picture_shrinker shrinker(edge_px_);
      decode_request request{options_.bounds, options_.want_generation && to.lossless,
                             to.progressive, to.lossless};
      outcome = decode_still(what.is, *from_, request, shrinker);
      take_still(what.is, outcome, shrinker);
    } else {
      streams_result streams;
      streams_request request{edge_px_, wants_pictures()};
      outcome = read_streams(what, *from_, request, to, streams);
      made_.facts.decoded = outcome.how == decoding::done || outcome.how == decoding::damaged;
      small_ = std::move(streams.poster);
      peaks_ = std::move(streams.peaks);
      if (to.webm == false && what.is == format::matroska
          && lower_case(options_.extension) == "webm")
        add_problem(made_.facts, problem_kind::other_content,
                    "the name ends in .webm, but the bytes are Matroska that is no WebM");
    }
    report(what.is, outcome);
  }

  void take_still(format is, const decode_outcome& outcome, picture_shrinker& shrinker) {
    if (!shrinker.started()) return;
    auto& facts = made_.facts;
    bool whole = outcome.how == decoding::done;
    facts.decoded = outcome.how != decoding::failed;
    if (facts.alpha_present.value_or(true)) {
      // The least that is known of a part: if a pixel of it is transparent, one of the whole is.
      if (whole || shrinker.alpha_used()) facts.alpha_used = shrinker.alpha_used();
    }
    if (facts.alpha_present == false) facts.alpha_used = false;
    if (is == format::gif && shrinker.alpha_used()) facts.alpha_present = true;
    bits_ = shrinker.bits();
    if (outcome.how != decoding::stopped) small_ = shrinker.take();
    whole_ = whole;
  }

  void report(format is, const decode_outcome& outcome) {
    auto& facts = made_.facts;
    auto name = std::string(describe(is));
    auto because = outcome.reason.empty() ? std::string() : ": " + outcome.reason;
    switch (outcome.how) {
    case decoding::done:
    case decoding::stopped:
      break;
    case decoding::too_large:
      facts.too_large = true;
      break;
    case decoding::cut:
      add_problem(facts, problem_kind::cut, name.substr(2) + " data ends early");
      if (small_.empty())
        add_problem(facts, problem_kind::undecodable, "nothing of the picture can be decoded");
      break;
    case decoding::damaged:
      add_problem(facts, problem_kind::damaged, name.substr(2) + " data is damaged" + because);
      break;
    case decoding::failed:
      add_problem(facts, problem_kind::undecodable, "it cannot be decoded" + because);
      break;
    }
  }

  void finish_facts() {
    auto& facts = made_.facts;
    if (auto name = profile_name(found_.icc); !name.empty()) facts.colour_profile = name;
    if (facts.width == 0u || facts.height == 0u) {
      facts.width.reset();
      facts.height.reset();
    }
    if (facts.fps.numerator > 0) {
      auto divisor = std::gcd(facts.fps.numerator, facts.fps.denominator);
      facts.fps = {facts.fps.numerator / divisor, facts.fps.denominator / divisor};
    }
  }

  void read_texts() {
    if (options_.beside_fd >= 0) {
      struct stat status {};
      if (::fstat(options_.beside_fd, &status) == 0 && S_ISREG(status.st_mode)
          && status.st_size > 0) {
        auto beside = std::make_unique<source>(options_.beside_fd,
                                               static_cast<std::uint64_t>(status.st_size), watch_);
        auto bytes = beside->read(0, beside_bytes_max);
        found_.add(carrier::beside, "beside", text_of(bytes), beside->size() > beside_bytes_max);
      }
    }
    made_.generation = read_generation(found_, bits_);
  }

  result<void> make_pictures() {
    if (picture_edge_px_ > 0) {
      make_picture();
      return {};
    }
    if (!peaks_.empty() && small_.empty()) return make_waveforms();
    if (small_.empty()) return {};
    // A part of a picture is another picture.
    bool hash = options_.want_hash && (whole_ || !made_.facts.mime.starts_with("image/"));
    if (options_.previews.empty() && !hash) return {};
    auto standing = upright(to_srgb(std::move(small_), found_.icc), made_.facts.orientation);
    if (hash) {
      auto made = pdq_of(standing);
      made_.hash = made.hash;
      made_.hash_quality = made.quality;
    }
    // From the largest on, each from the one before.
    for (const auto& each : in_order()) {
      if (watch_.stopped()) return {};
      if (options_.skip_own_previews && is_own_preview(made_.facts, from_->size(), each.edge_px))
        continue;
      auto size = size_within(standing, each.edge_px);
      standing = shrunk(standing, size.width, size.height);
      if (auto written = write(standing, each); !written) return written.failure();
    }
    return {};
  }

  void make_picture() {
    if (small_.empty()) {
      if (!peaks_.empty()) standing_ = draw_waveform(peaks_, picture_edge_px_);
      return;
    }
    standing_ = upright(to_srgb(std::move(small_), found_.icc), made_.facts.orientation);
    auto size = size_within(standing_, picture_edge_px_);
    standing_ = shrunk(standing_, size.width, size.height);
  }

  result<void> make_waveforms() {
    for (const auto& each : in_order())
      if (auto written = write(draw_waveform(peaks_, each.edge_px), each); !written)
        return written.failure();
    return {};
  }

  std::vector<preview_order> in_order() const {
    auto orders = options_.previews;
    std::ranges::stable_sort(orders, std::ranges::greater(), &preview_order::edge_px);
    return orders;
  }

  result<void> write(const picture& what, const preview_order& order) {
    auto bytes = encode_webp(what);
    // A picture that cannot be encoded has no preview; that is not its file's fault.
    if (!bytes) return {};
    if (auto written = write_all(order.fd, *bytes); !written) return written.failure();
    made_.previews.push_back(
        {order.edge_px, what.width, what.height, static_cast<std::uint32_t>(bytes->size())});
    return {};
  }

  const extract_options& options_;
  work_watch watch_;
  std::unique_ptr<source> from_;
  carriers found_;
  extracted made_;
  least_bits bits_;
  picture small_;
  std::vector<float> peaks_;
  std::uint32_t edge_px_ = 0;
  std::uint32_t picture_edge_px_ = 0;  ///< 0: no picture is wanted
  picture standing_;
  bool whole_ = false;
};

/// What `read` returns. What it throws is an error.
template <class Read>
auto caught(Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
    return error{error_code::internal, "reading the file takes more memory than a worker has"};
  } catch (const std::exception& failure) {
    return error{error_code::internal,
                 "reading the file failed: " + clean_name(failure.what(), 200)};
  }
}

}  // namespace

result<extracted> extract(int fd, std::uint64_t size_bytes, const extract_options& options) {
  if (fd < 0 || size_bytes > static_cast<std::uint64_t>(INT64_MAX))
    return error{error_code::invalid_argument, "no file to read from"};
  if (options.previews.size() > previews_max)
    return error{error_code::invalid_argument,
                 "at most " + std::to_string(previews_max) + " previews at a time"};
  for (const auto& each : options.previews)
    if (each.fd < 0 || each.edge_px == 0 || each.edge_px > preview_edge_px_max)
      return error{error_code::invalid_argument, "a preview's edge is from 1 to "
                                                     + std::to_string(preview_edge_px_max)
                                                     + ", not " + std::to_string(each.edge_px)};
  return caught([&] { return extraction(fd, size_bytes, options).run(); });
}

result<picture> read_picture(int fd, std::uint64_t size_bytes, std::uint32_t edge_px,
                             const extract_options& options) {
  if (fd < 0 || size_bytes > static_cast<std::uint64_t>(INT64_MAX) || edge_px == 0
      || edge_px > preview_edge_px_max)
    return error{error_code::invalid_argument, "no file, or no such size"};
  auto only = options;
  only.previews.clear();
  only.want_hash = only.want_generation = false;
  return caught([&]() -> result<picture> {
    extraction reading(fd, size_bytes, only, edge_px);
    if (auto read = reading.run(); !read) return read.failure();
    return reading.take_picture();
  });
}

result<media_facts> read_facts(int fd, std::uint64_t size_bytes, std::string_view extension,
                               const facts_options& options) {
  extract_options all;
  all.bounds = options.bounds;
  all.extension = extension;
  all.want_hash = false;
  all.want_generation = false;
  all.cancelled = options.cancelled;
  auto made = extract(fd, size_bytes, all);
  if (!made) return made.failure();
  return std::move(made->facts);
}

}  // namespace podstudio::media
