// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_order.hpp"

#include "media/extract.hpp"
#include "media/preview.hpp"
#include "platform/text.hpp"

#include <algorithm>

namespace podstudio {

namespace {

using nlohmann::json;

// Each byte of an extension may take six in JSON.
static_assert(metadata_files_max * (64 + 6 * metadata_extension_bytes_max)
              <= job_parameters_bytes_max);

error bad(const std::string& member, const std::string& rule) {
  return {error_code::invalid_argument, "'" + member + "' " + rule};
}

result<metadata_file> parse_file(const json& from, const std::string& member) {
  if (!from.is_object() || from.size() != 2 || !from.contains("size_bytes")
      || !from.contains("extension"))
    return bad(member, "is not an object of 'size_bytes' and 'extension'");
  const auto& size = from["size_bytes"];
  if (!size.is_number_unsigned()
      || size.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return bad(member + ".size_bytes", "is not a number of bytes");
  const auto& extension = from["extension"];
  if (!extension.is_string()
      || extension.get_ref<const std::string&>().size() > metadata_extension_bytes_max
      || !is_utf8(extension.get_ref<const std::string&>()))
    return bad(member + ".extension", "is not a text of at most "
                                          + std::to_string(metadata_extension_bytes_max)
                                          + " bytes");
  return metadata_file{size.get<std::uint64_t>(), extension.get<std::string>()};
}

result<std::vector<std::uint32_t>> parse_edges(const json& from) {
  if (!from.is_array() || from.size() > media::previews_max)
    return bad("previews",
               "is not a list of at most " + std::to_string(media::previews_max) + " edges");
  std::vector<std::uint32_t> edges;
  for (const auto& each : from) {
    if (!each.is_number_unsigned() || each.get<std::uint64_t>() == 0
        || each.get<std::uint64_t>() > media::preview_edge_px_max)
      return bad("previews",
                 "has an edge that is not from 1 to " + std::to_string(media::preview_edge_px_max));
    auto edge = each.get<std::uint32_t>();
    if (std::ranges::find(edges, edge) != edges.end())
      return bad("previews", "has " + std::to_string(edge) + " twice");
    edges.push_back(edge);
  }
  return edges;
}

}  // namespace

json to_parameters(const metadata_order& order) {
  auto files = json::array();
  for (const auto& each : order.files)
    files.push_back({{"size_bytes", each.size_bytes}, {"extension", each.extension}});
  json parameters{{"files", std::move(files)}};
  if (!order.preview_edges_px.empty()) parameters["previews"] = order.preview_edges_px;
  if (order.skip_own_previews) parameters["skip_own_previews"] = true;
  return parameters;
}

result<metadata_order> parse_metadata_order(const json& parameters) {
  if (!parameters.is_object()) return bad("parameters", "is not an object");
  for (const auto& [name, ignored] : parameters.items())
    if (name != "files" && name != "previews" && name != "skip_own_previews")
      return bad(printable(cut_text(name, 64)), "is not known");
  auto files = parameters.find("files");
  if (files == parameters.end() || !files->is_array() || files->empty()
      || files->size() > metadata_files_max)
    return bad("files", "is not a list of 1 to " + std::to_string(metadata_files_max) + " files");
  metadata_order order;
  for (std::size_t i = 0; i < files->size(); ++i) {
    auto file = parse_file((*files)[i], "files[" + std::to_string(i) + "]");
    if (!file) return file.failure();
    order.files.push_back(*std::move(file));
  }
  if (auto previews = parameters.find("previews"); previews != parameters.end()) {
    auto edges = parse_edges(*previews);
    if (!edges) return edges.failure();
    order.preview_edges_px = *std::move(edges);
  }
  if (auto skip = parameters.find("skip_own_previews"); skip != parameters.end()) {
    if (!skip->is_boolean()) return bad("skip_own_previews", "is not true or false");
    order.skip_own_previews = skip->get<bool>();
  }
  return order;
}

}  // namespace podstudio
