// SPDX-License-Identifier: MIT
#include "actors/readiness.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace podstudio {

namespace {

constexpr std::uint64_t stop_count = std::uint64_t{1} << 32;

}  // namespace

readiness::readiness(int fd, std::function<void()> notify)
    : fd_(fd), notify_(std::move(notify)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = std::thread([this] { run(); });
}

readiness::~readiness() {
  [[maybe_unused]] auto written = ::write(wake_.get(), &stop_count, sizeof stop_count);
  thread_.join();
}

void readiness::arm() {
  constexpr std::uint64_t once = 1;
  [[maybe_unused]] auto written = ::write(wake_.get(), &once, sizeof once);
}

void readiness::run() {
  for (bool armed = true;;) {
    pollfd waits[2] = {{wake_.get(), POLLIN, 0}, {fd_, POLLIN, 0}};
    if (::poll(waits, armed ? 2 : 1, -1) < 0) continue;
    if ((waits[0].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      if (::read(wake_.get(), &count, sizeof count) != sizeof count) continue;
      if (count >= stop_count) return;
      armed = true;
    } else if (armed && waits[1].revents != 0) {
      armed = false;
      notify_();
    }
  }
}

}  // namespace podstudio
