// SPDX-License-Identifier: MIT
#include "jobs/kinds/sheet_order.hpp"

#include "jobs/protocol.hpp"

#include <optional>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

static_assert(media::sheet_cells_max <= job_inputs_max);

error refused(const std::string& member, const std::string& rule) {
  return {error_code::invalid_argument, "'" + member + "' " + rule};
}

/// The number of that name, if it is one from `least` to `most`.
std::optional<std::uint64_t> number_of(const json& from, const char* name, std::uint64_t least,
                                       std::uint64_t most) {
  if (!from.is_object() || !from.contains(name) || !from[name].is_number_unsigned())
    return std::nullopt;
  auto number = from[name].get<std::uint64_t>();
  return number >= least && number <= most ? std::optional(number) : std::nullopt;
}

}  // namespace

json to_parameters(const sheet_order& order) {
  auto files = json::array();
  for (const auto& each : order.files)
    files.push_back({{"size_bytes", each.size_bytes}, {"extension", each.extension}});
  return {{"width", order.layout.width},
          {"height", order.layout.height},
          {"columns", order.layout.columns},
          {"rows", order.layout.rows},
          {"files", std::move(files)}};
}

result<sheet_order> parse_sheet_order(const json& parameters) {
  if (!parameters.is_object() || parameters.size() != 5 || !parameters.contains("files"))
    return refused("parameters", "is not an object of 'width', 'height', 'columns', 'rows' and "
                                 "'files'");
  sheet_order order;
  for (auto [name, most, into] :
       {std::tuple{"width", media::sheet_edge_px_max, &order.layout.width},
        std::tuple{"height", media::sheet_edge_px_max, &order.layout.height},
        std::tuple{"columns", media::sheet_cells_max, &order.layout.columns},
        std::tuple{"rows", media::sheet_cells_max, &order.layout.rows}}) {
    auto number = number_of(parameters, name, 1, most);
    if (!number) return refused(name, "is not a number from 1 to " + std::to_string(most));
    *into = static_cast<std::uint32_t>(*number);
  }
  const auto cells = order.layout.columns * order.layout.rows;
  if (cells > media::sheet_cells_max)
    return refused("rows", "makes more than " + std::to_string(media::sheet_cells_max) + " cells");
  const auto& files = parameters["files"];
  if (!files.is_array() || files.empty() || files.size() > cells)
    return refused("files", "is not a list of 1 to " + std::to_string(cells) + " files");
  for (const auto& each : files) {
    auto size = number_of(each, "size_bytes", 0, INT64_MAX);
    bool good =
        size && each.size() == 2 && each.contains("extension") && each["extension"].is_string()
        && each["extension"].get_ref<const std::string&>().size() <= sheet_extension_bytes_max;
    if (!good)
      return refused("files[" + std::to_string(order.files.size()) + "]",
                     "is not an object of 'size_bytes' and 'extension'");
    order.files.push_back({*size, each["extension"].get<std::string>()});
  }
  return order;
}

}  // namespace podstudio
