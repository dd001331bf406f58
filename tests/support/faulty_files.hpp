// SPDX-License-Identifier: MIT
#pragma once

#include "events/file_system.hpp"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

enum class file_call : std::uint8_t {
  open,
  list,
  make_folder,
  rename,
  remove,
  sync_folder,  //
  read,
  write,
  sync,
  allocate,
  truncate,
  size,
};

/// Another file system, of which any call can be made to fail. A write that fails may have written
/// the first half of its bytes, and an allocation may have got half of its space.
class faulty_files final : public podstudio::file_system {
public:
  explicit faulty_files(podstudio::file_system& real) : real_(real) {}

  /// Asked before every call: the errno value to fail with, 0 to go on. Empty: never fails.
  std::function<int(file_call)> fault;
  std::string path;  ///< what the call is about that `fault` is asked for
  bool torn_writes = false;
  /// What becomes of a file whose sync fails, if anything. A killed process has none that fail.
  std::function<void(podstudio::file&)> on_failed_sync;
  std::uint64_t calls = 0;     ///< so far, failed ones included
  std::uint64_t failures = 0;  ///< so far, without what came after a kill

  /// Every call from the `nth` (counted from now, the first is 1) on fails.
  void fail_from(std::uint64_t nth, int errno_value = EIO) {
    fault = [this, first = calls + nth, errno_value](file_call) {
      return calls >= first ? errno_value : 0;
    };
  }
  /// The process is killed in the `nth` call from now: a write may get half way, nothing else
  /// happens any more. Until `fault` is set anew.
  void kill_at(std::uint64_t nth) {
    fault = [this, first = calls + nth](file_call) {
      killed_ = calls >= first;
      return killed_ ? EIO : 0;
    };
  }
  bool killed() const noexcept { return killed_; }
  /// Nothing fails any more.
  void heal() {
    fault = nullptr;
    killed_ = false;
  }
  /// The `nth` call from now fails, and no other.
  void fail_call(std::uint64_t nth, int errno_value = EIO) {
    fault = [this, at = calls + nth, errno_value](file_call) {
      return calls == at ? errno_value : 0;
    };
  }
  /// The `nth` call of one kind from now fails, and no other.
  void fail_once(file_call kind, std::uint64_t nth, int errno_value = EIO) {
    fault = [kind, nth, errno_value, seen = std::uint64_t{0}](file_call call) mutable {
      return call == kind && ++seen == nth ? errno_value : 0;
    };
  }

  podstudio::result<std::unique_ptr<podstudio::file>> open(const std::string& at,
                                                           podstudio::open_mode mode) override {
    if (int failure = ask(file_call::open, at)) return failed(failure);
    auto opened = real_.open(at, mode);
    if (!opened) return opened;
    return std::unique_ptr<podstudio::file>(
        std::make_unique<faulty_file>(*this, std::move(*opened), at));
  }
  podstudio::result<std::vector<std::string>> list(const std::string& folder) override {
    if (int failure = ask(file_call::list, folder)) return failed(failure);
    return real_.list(folder);
  }
  podstudio::result<bool> make_folder(const std::string& at) override {
    if (int failure = ask(file_call::make_folder, at)) return failed(failure);
    return real_.make_folder(at);
  }
  podstudio::result<void> rename(const std::string& from, const std::string& to) override {
    if (int failure = ask(file_call::rename, from)) return failed(failure);
    auto renamed = real_.rename(from, to);
    for (auto* each : open_)
      if (renamed && each->path() == from) each->move_to(to);
    return renamed;
  }
  podstudio::result<void> remove(const std::string& at) override {
    if (int failure = ask(file_call::remove, at)) return failed(failure);
    return real_.remove(at);
  }
  podstudio::result<std::unique_ptr<podstudio::folder_claim>>
  claim(const std::string& folder) override {
    return real_.claim(folder);
  }
  podstudio::result<void> sync_folder(const std::string& at) override {
    if (int failure = ask(file_call::sync_folder, at)) return failed(failure);
    return real_.sync_folder(at);
  }

private:
  class faulty_file final : public podstudio::file {
  public:
    faulty_file(faulty_files& owner, std::unique_ptr<podstudio::file> real, std::string path)
        : owner_(owner), real_(std::move(real)), path_(std::move(path)) {
      owner_.open_.insert(this);
    }
    ~faulty_file() override { owner_.open_.erase(this); }
    faulty_file(const faulty_file&) = delete;
    faulty_file& operator=(const faulty_file&) = delete;

    const std::string& path() const noexcept { return path_; }
    void move_to(const std::string& path) { path_ = path; }

    podstudio::result<std::size_t> read_at(std::uint64_t offset,
                                           std::span<std::uint8_t> into) override {
      if (int failure = owner_.ask(file_call::read, path_)) return failed(failure);
      return real_->read_at(offset, into);
    }
    podstudio::result<void> write_at(std::uint64_t offset,
                                     std::span<const std::uint8_t> bytes) override {
      bool dead = owner_.killed_;
      if (int failure = owner_.ask(file_call::write, path_)) {
        if (owner_.torn_writes && !dead)
          if (auto half = real_->write_at(offset, bytes.first(bytes.size() / 2)); !half)
            return half;
        return failed(failure);
      }
      return real_->write_at(offset, bytes);
    }
    podstudio::result<void> sync_data() override {
      if (int failure = owner_.ask(file_call::sync, path_)) return failed_sync(failure);
      return real_->sync_data();
    }
    podstudio::result<void> sync_all() override {
      if (int failure = owner_.ask(file_call::sync, path_)) return failed_sync(failure);
      return real_->sync_all();
    }
    podstudio::result<void> allocate(std::uint64_t offset, std::uint64_t size_bytes) override {
      bool dead = owner_.killed_;
      if (int failure = owner_.ask(file_call::allocate, path_)) {
        if (owner_.torn_writes && !dead)
          if (auto half = real_->allocate(offset, size_bytes / 2); !half) return half;
        return failed(failure);
      }
      return real_->allocate(offset, size_bytes);
    }
    podstudio::result<void> truncate(std::uint64_t size_bytes) override {
      if (int failure = owner_.ask(file_call::truncate, path_)) return failed(failure);
      return real_->truncate(size_bytes);
    }
    podstudio::result<void> check_undisturbed(const std::string& path, std::uint64_t size_bytes_min,
                                              std::uint64_t offset,
                                              std::span<const std::uint8_t> expected) override {
      return real_->check_undisturbed(path, size_bytes_min, offset, expected);
    }
    podstudio::result<std::uint64_t> size() override {
      if (int failure = owner_.ask(file_call::size, path_)) return failed(failure);
      return real_->size();
    }

  private:
    podstudio::error failed_sync(int failure) {
      if (owner_.on_failed_sync && !owner_.killed_) owner_.on_failed_sync(*real_);
      return failed(failure);
    }

    faulty_files& owner_;
    std::unique_ptr<podstudio::file> real_;
    std::string path_;
  };

  static podstudio::error failed(int errno_value) {
    return podstudio::system_error(errno_value)("a fault was injected");
  }
  int ask(file_call call, const std::string& about) {
    ++calls;
    path = about;
    int failure = fault ? fault(call) : 0;
    if (failure != 0 && !killed_) ++failures;
    return failure;
  }

  podstudio::file_system& real_;
  std::set<faulty_file*> open_;
  bool killed_ = false;
};
