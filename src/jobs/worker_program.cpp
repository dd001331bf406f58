// SPDX-License-Identifier: MIT
#include "jobs/worker_program.hpp"

#include "platform/text.hpp"

#include <climits>
#include <sys/stat.h>
#include <unistd.h>

namespace podstudio {

result<worker_program> find_worker_program() { return find_worker_program("/proc/self/exe"); }

result<worker_program> find_worker_program(const std::string& own_path) {
  std::string own(PATH_MAX, '\0');
  auto size = ::readlink(own_path.c_str(), own.data(), own.size());
  if (size < 0) return system_error()("cannot tell where this program is, " + in_quotes(own_path));
  own.resize(static_cast<std::size_t>(size));
  // The folder is the same where this program was replaced, and the kernel says "(deleted)" after
  // its name.
  auto path = own.substr(0, own.rfind('/') + 1) + std::string(worker_program_name);
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)
      || ::access(path.c_str(), X_OK) != 0)
    return error{error_code::not_found,
                 "there is no program " + in_quotes(path)
                     + ", which reads media for the service; install it beside "
                     + in_quotes(own.substr(own.rfind('/') + 1)) + " as the build does"};
  return worker_program{path, {std::string(worker_program_name), PODSTUDIO_VERSION}};
}

}  // namespace podstudio
