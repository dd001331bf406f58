// SPDX-License-Identifier: MIT
#include "jobs/worker_program.hpp"

#include "platform/files.hpp"

namespace podstudio {

result<worker_program> find_worker_program() { return find_worker_program("/proc/self/exe"); }

result<worker_program> find_worker_program(const std::string& own_path) {
  auto path = program_beside(own_path, worker_program_name);
  if (!path) return path.failure();
  return worker_program{*path, {std::string(worker_program_name), PODSTUDIO_VERSION}};
}

}  // namespace podstudio
