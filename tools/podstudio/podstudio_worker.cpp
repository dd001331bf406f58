// SPDX-License-Identifier: MIT
// podstudio-worker VERSION -- reads media for the service, which starts it with a socket as
// descriptor 3; it is not for people. A program of its own, as only it needs the libraries that
// decode media.

#include "jobs/kinds/all_kinds.hpp"
#include "jobs/worker.hpp"
#include "platform/text.hpp"

#include <clocale>
#include <cstdio>
#include <exception>
#include <string_view>

int main(int argc, char** argv) {
  if (argc == 2 && argv[1] != std::string_view(PODSTUDIO_VERSION)) {
    std::fprintf(stderr,
                 "podstudio-worker is version %s, but the service is version %s; restart "
                 "the service\n",
                 PODSTUDIO_VERSION, podstudio::for_terminal(argv[1]).c_str());
    return 2;
  }
  std::setlocale(LC_CTYPE, "C.UTF-8");
  try {
    return podstudio::run_worker(podstudio::all_job_kinds());
  } catch (const std::exception& defect) {
    std::fprintf(stderr, "podstudio-worker: internal error: %s; please report it\n",
                 podstudio::for_terminal(defect.what()).c_str());
    return 1;
  }
}
