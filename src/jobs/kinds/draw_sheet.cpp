// SPDX-License-Identifier: MIT
#include "jobs/kinds/draw_sheet.hpp"

#include "jobs/kinds/sheet_order.hpp"
#include "media/extract.hpp"
#include "media/preview.hpp"
#include "media/sheet.hpp"
#include "platform/files.hpp"

#include <algorithm>

namespace podstudio {

result<job_result> run_draw_sheet(const nlohmann::json& parameters, const job_files& files,
                                  job_control& control) {
  auto order = parse_sheet_order(parameters);
  if (!order) return order.failure();
  if (files.inputs.size() != order->files.size() || files.outputs.size() != 1)
    return error{error_code::invalid_argument,
                 "the job has " + std::to_string(files.inputs.size()) + " inputs and "
                     + std::to_string(files.outputs.size()) + " outputs, and is to have "
                     + std::to_string(order->files.size()) + " and 1"};
  media::sheet_drawer drawer(order->layout);
  const auto edge_px = std::min(drawer.edge_px(), media::preview_edge_px_max);
  for (std::size_t i = 0; i < order->files.size(); ++i) {
    control.progress(static_cast<double>(i) / static_cast<double>(order->files.size()));
    media::extract_options options;
    options.extension = order->files[i].extension;
    options.cancelled = [&] { return control.cancelled(); };
    auto tile = media::read_picture(files.inputs[i], order->files[i].size_bytes, edge_px, options);
    if (tile)
      drawer.add(*tile);
    else if (tile.failure().code == error_code::stopping)
      return tile.failure();
  }
  auto bytes = media::encode_jpeg(drawer.sheet());
  if (!bytes) return bytes.failure();
  if (!write_all_at(files.outputs[0], {reinterpret_cast<const char*>(bytes->data()), bytes->size()},
                    0))
    return system_error()("cannot write an output");
  return job_result{{{"drawn", drawer.drawn()}}, {bytes->size()}};
}

}  // namespace podstudio
