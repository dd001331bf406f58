// SPDX-License-Identifier: MIT
#include "events/command_reader.hpp"

#include <utility>

namespace podstudio {

namespace {

class reader final : public command_reader {
public:
  reader(file_system& files, const std::string& folder, sequence_number from)
      : walk_(files, folder, from), from_(from) {}

  result<void> start() { return walk_.start(); }

private:
  result<maybe_frame> next_frame() override {
    for (;;) {
      auto frame = walk_.next();
      if (!frame || !*frame || (*frame)->header.last_sequence() >= from_) return frame;
    }
  }
  const std::string& path() const override { return walk_.segment()->path(); }

  log_walk walk_;
  sequence_number from_;
};

}  // namespace

result<std::unique_ptr<log_reader>> log_reader::open(file_system& files, const std::string& folder,
                                                     sequence_number from) {
  auto opened = std::make_unique<reader>(files, folder, from);
  if (auto started = opened->start(); !started) return started.failure();
  return std::unique_ptr<log_reader>(std::move(opened));
}

result<log_subscription> log_subscription::open(file_system& files, const std::string& folder,
                                                sequence_number from, wait_function wait) {
  auto reader = log_reader::open(files, folder, from);
  if (!reader) return reader.failure();
  return log_subscription(std::move(*reader), from > 0 ? from - 1 : 0, std::move(wait));
}

result<std::optional<committed_command>> log_subscription::next() {
  if (durable_ <= given_) {
    auto durable = wait_(given_);
    if (!durable) return durable.failure();
    durable_ = *durable;
  }
  if (durable_ > given_ && !read_ahead_) {
    auto read = reader_->next();
    if (!read) return read.failure();
    read_ahead_ = std::move(*read);
  }
  if (!read_ahead_ || read_ahead_->last_sequence() > durable_) {
    durable_ = given_;  // nothing more that is known to be durable: wait at the next call
    return std::optional<committed_command>();
  }
  given_ = read_ahead_->last_sequence();
  return std::exchange(read_ahead_, std::nullopt);
}

}  // namespace podstudio
