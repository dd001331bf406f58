// SPDX-License-Identifier: MIT
#include "actors/known_file.hpp"

#include "media/digest.hpp"
#include "platform/volume.hpp"
#include "watch/places.hpp"

#include <cerrno>
#include <sys/stat.h>

namespace podstudio {

bool is_known(const present_file& file, int fd) {
  struct stat now {};
  if (::fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) return false;
  return same_state(file.facts, facts_of(now, volume_of(file.path, now.st_dev)));
}

result<unique_fd> open_known(const present_file& file, last_root_folder& folder) {
  const auto& from = viewpoint(file.path, file.root ? &*file.root : nullptr, folder);
  auto fd = open_quietly(from, file.path);
  if (!fd && (errno == EMFILE || errno == ENFILE))
    return system_error()("cannot open all files of a job");
  if (fd && !is_known(file, fd.get())) return unique_fd();
  return fd;
}

}  // namespace podstudio
