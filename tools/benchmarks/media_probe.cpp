// SPDX-License-Identifier: MIT
// media_probe [--previews FOLDER] [--repeat N] -- reads each file whose path is a line of standard
// input as a worker would, and prints a line for each: path, CPU milliseconds, and the JSON of what
// was found, or the error, parted by tabs. For tools/media-truth and tools/bench media.

#include "events/extension.hpp"
#include "media/extract.hpp"
#include "platform/unique_fd.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

using namespace podstudio;

namespace {

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

std::string read_one(const std::string& path, const std::string& previews) {
  unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return "cannot be opened";
  media::extract_options options;
  options.extension = extension_of(path);
  unique_fd large, small;
  if (!previews.empty()) {
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    large = unique_fd(::open((previews + "/1024.webp").c_str(), flags, 0600));
    small = unique_fd(::open((previews + "/256.webp").c_str(), flags, 0600));
    if (large && small) options.previews = {{1024, large.get()}, {256, small.get()}};
  }
  auto made = media::extract(file.get(), static_cast<std::uint64_t>(status.st_size), options);
  if (!made) return made.failure().message;
  auto text = media::to_json(*made);
  auto again = media::parse_extracted(text);
  if (!again) return again.failure().message;
  return media::to_json(*again) == text ? text : "its JSON reads as something else";
}

}  // namespace

int main(int count, char** arguments) {
  std::string previews;
  int repeat = 1;
  for (int i = 1; i + 1 < count; i += 2) {
    std::string option = arguments[i];
    if (option == "--previews") previews = arguments[i + 1];
    if (option == "--repeat") repeat = std::atoi(arguments[i + 1]);
  }
  for (std::string path; std::getline(std::cin, path);)
    for (int i = 0; i < repeat; ++i) {
      auto before = cpu_ms();
      auto line = read_one(path, previews);
      std::printf("%s\t%.3f\t%s\n", path.c_str(), cpu_ms() - before, line.c_str());
      std::fflush(stdout);
    }
}
