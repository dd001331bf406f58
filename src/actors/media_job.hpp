// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"

/// A job of the kind `metadata_extract`, from the service's side.
namespace podstudio {

class worker_pool;
namespace media {
class preview_cache;
}

/// How many files one job reads that the engine queues by itself: what is said of them fits one
/// command, max_report_bytes each.
inline constexpr std::size_t media_files_max = 128;

/// Opens the files in batches, has a worker read each batch, and checks its answers. A file that is
/// not what the catalog knows is left out: it is taken anew, and read then. One on which workers
/// die is read by itself, and has a problem that says so. Keeps the previews that the worker makes;
/// one that cannot be kept is left out, and the first such failure is logged. Blocks until the job
/// has ended; nothing is thrown.
job_report run_media_job(worker_pool& workers, media::preview_cache& previews,
                         const job_task& task);

}  // namespace podstudio
