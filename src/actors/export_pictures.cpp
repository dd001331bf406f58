// SPDX-License-Identifier: MIT
#include "actors/export_pictures.hpp"

#include "archive/contents.hpp"
#include "archive/layout.hpp"
#include "events/extension.hpp"
#include "jobs/kinds/sheet_order.hpp"
#include "jobs/worker_pool.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace podstudio {

namespace {

/// How long a worker may take for a sheet: each of its files may be as slow as one that is read for
/// its facts.
constexpr std::chrono::minutes sheet_time_max(10);
constexpr std::uint64_t sheet_cpu_seconds_max = 600;
/// What a sheet may take, in memory.
constexpr std::uint64_t sheet_output_bytes_max = 512u << 10;

constexpr std::uint32_t contact_sheet_width = 1920, contact_sheet_height = 1080;
constexpr std::uint32_t usual_preview_width = 1280, usual_preview_height = 720;

/// Pictures and clips in the pack's order; sounds only of a pack that has nothing else.
std::vector<const packs::member*> shown_of(const packs::snapshot& pack) {
  std::vector<const packs::member*> seen, heard;
  for (const auto& each : pack.members)
    (each.type == "audio" ? heard : seen).push_back(&each);
  return seen.empty() ? heard : seen;
}

/// So many of them, evenly spaced.
std::vector<const packs::member*> spread(const std::vector<const packs::member*>& all,
                                         std::size_t count_max) {
  if (all.size() <= count_max) return all;
  std::vector<const packs::member*> some;
  for (std::size_t i = 0; i < count_max; ++i)
    some.push_back(all[i * all.size() / count_max]);
  return some;
}

packs::entry content_of(const packs::member& asset) {
  return {asset.path.substr(asset.path.rfind('/') + 1),
          asset.sha256,
          asset.size_bytes,
          {},
          asset.asset};
}

/// What a worker wrote, if it can be a sheet.
result<std::string> read_sheet(int fd, std::uint64_t bytes) {
  constexpr std::string_view jpeg_begin = "\xff\xd8\xff";
  if (bytes > sheet_output_bytes_max)
    return error{error_code::damaged, "it wrote more than a sheet takes"};
  std::string sheet(bytes, '\0');
  auto got = read_at(fd, sheet.data(), sheet.size(), 0);
  if (!got) return system_error()("cannot read what a worker drew");
  if (*got != bytes || !sheet.starts_with(jpeg_begin))
    return error{error_code::damaged, "it drew no JPEG picture"};
  return sheet;
}

}  // namespace

std::optional<job_report> picture_maker::make(const packs::snapshot& pack, const packs::profile& of,
                                              std::vector<packs::entry>& into) {
  worker_pool_options options;
  options.worker = worker_;
  auto workers = worker_pool::make(std::move(options));
  if (!workers) return failed_export(job_ending::not_started, workers.failure().message);
  return make_all(**workers, pack, of, into);
}

std::optional<job_report> picture_maker::make_all(worker_pool& workers, const packs::snapshot& pack,
                                                  const packs::profile& of,
                                                  std::vector<packs::entry>& into) {
  const auto shown = shown_of(pack);
  if (shown.empty()) return std::nullopt;
  const std::string folder(archive::previews_folder);
  if (auto failed = draw(workers, spread(shown, contact_sheet_assets_max), contact_sheet_width,
                         contact_sheet_height, folder + "contact-sheet.jpg", into))
    return failed;
  const auto width = static_cast<std::uint32_t>(of.preview_width.value_or(usual_preview_width));
  const auto height = static_cast<std::uint32_t>(of.preview_height.value_or(usual_preview_height));
  auto wanted = std::max<std::uint64_t>(of.previews_min.value_or(0), of.preview_width ? 1 : 0);
  const auto count = std::min<std::size_t>({wanted, shown.size(), single_previews_max});
  for (std::size_t i = 0; i < count; ++i) {
    auto name = (of.previews_at_root ? "" : folder) + "preview-" + std::to_string(i + 1) + ".jpg";
    if (auto failed = draw(workers, {shown[i]}, width, height, name, into)) return failed;
  }
  return std::nullopt;
}

std::optional<job_report> picture_maker::draw(worker_pool& workers, const members& assets,
                                              std::uint32_t width, std::uint32_t height,
                                              const std::string& name,
                                              std::vector<packs::entry>& into) {
  std::vector<unique_fd> opened;
  sheet_order parameters;
  job_order order;
  for (const auto* each : assets) {
    auto fd = files_.open(content_of(*each));
    if (!fd) return failed_export(fd.failure());
    if (!*fd) continue;
    auto extension = std::string(extension_of(each->path));
    if (extension.size() > sheet_extension_bytes_max) extension.clear();
    parameters.files.push_back({each->size_bytes, std::move(extension)});
    order.inputs.push_back(fd->get());
    opened.push_back(*std::move(fd));
  }
  if (opened.empty()) return std::nullopt;
  unique_fd output(::memfd_create("podstudio-sheet", MFD_CLOEXEC));
  if (!output) return failed_export(system_error()("cannot start a job"));
  parameters.layout = media::lay_out_sheet(width, height, opened.size());
  order.number = static_cast<std::uint64_t>(task_.job);
  order.kind = draw_sheet_kind;
  order.parameters = to_parameters(parameters);
  order.outputs = {output.get()};
  order.output_bytes = sheet_output_bytes_max;
  order.time_limit = sheet_time_max;
  order.cpu_seconds = sheet_cpu_seconds_max;
  auto outcome = workers.run(order, {}, *task_.cancel);
  if (outcome.ending != job_ending::completed) {
    auto report = failed_export(outcome.ending, outcome.text);
    report.last_words = joined(outcome.last_words, "\n");
    return report;
  }
  const auto& facts = outcome.facts;
  if (!facts.is_object() || !facts.contains("drawn") || !facts["drawn"].is_number_unsigned())
    return failed_export(job_ending::bad_answer, "the worker's answer has no number 'drawn'");
  if (facts["drawn"] == 0u) return std::nullopt;
  auto sheet = read_sheet(output.get(), outcome.written[0]);
  if (!sheet)
    return failed_export(job_ending::bad_answer, "the worker's answer: " + sheet.failure().message);
  into.push_back(archive::text_entry(name, *std::move(sheet)));
  return std::nullopt;
}

}  // namespace podstudio
