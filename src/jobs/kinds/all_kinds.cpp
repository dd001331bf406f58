// SPDX-License-Identifier: MIT
#include "jobs/kinds/all_kinds.hpp"

#include "jobs/kinds/archive_kinds.hpp"
#include "jobs/kinds/archive_order.hpp"
#include "jobs/kinds/draw_sheet.hpp"
#include "jobs/kinds/metadata_extract.hpp"
#include "jobs/kinds/metadata_order.hpp"
#include "jobs/kinds/sheet_order.hpp"

#include <array>

namespace podstudio {

std::span<const job_kind_runner> all_job_kinds() noexcept {
  static constexpr std::array all{
      job_kind_runner{archive_copy_kind, prepare_archive_kinds, run_archive_copy},
      job_kind_runner{archive_verify_kind, nullptr, run_archive_verify},
      job_kind_runner{draw_sheet_kind, prepare_metadata_extract, run_draw_sheet},
      job_kind_runner{metadata_extract_kind, prepare_metadata_extract, run_metadata_extract}};
  return all;
}

}  // namespace podstudio
