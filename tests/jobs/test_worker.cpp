// SPDX-License-Identifier: MIT
#include "test_worker.hpp"

#include "attempts.hpp"
#include "jobs/socket_transport.hpp"
#include "jobs/worker.hpp"
#include "jobs/worker_pool.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using nlohmann::json;
using namespace podstudio;

namespace {

/// Sends a packet as it is, by the one call that a worker has for it.
void send_raw(std::string bytes) {
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  (void)!::sendmsg(worker_socket, &message, MSG_NOSIGNAL);
}

result<job_result> run_attempt(const json& parameters, const job_files& files,
                               job_control& control) {
  auto outcome = attempt(parameters.at("try").get<std::string>(), parameters, files, control);
  return job_result{{{"outcome", outcome}}, std::vector<std::uint64_t>(files.outputs.size())};
}

/// Copies each input to the output of its number, and returns its parameters.
result<job_result> copy(const json& parameters, const job_files& files, job_control& control) {
  job_result done;
  done.facts = {{"parameters", parameters}, {"pid", ::getpid()}, {"sizes", json::array()}};
  for (std::size_t i = 0; i < files.inputs.size(); ++i) {
    char buffer[4096];
    std::uint64_t size = 0;
    for (;;) {
      auto count = ::pread(files.inputs[i], buffer, sizeof buffer, static_cast<off_t>(size));
      if (count <= 0) break;
      if (i < files.outputs.size()
          && ::pwrite(files.outputs[i], buffer, static_cast<std::size_t>(count),
                      static_cast<off_t>(size))
                 != count)
        return system_error()("cannot write an output");
      size += static_cast<std::uint64_t>(count);
    }
    done.facts["sizes"].push_back(size);
    if (i < files.outputs.size()) done.written.push_back(size);
    control.progress(static_cast<double>(i + 1) / static_cast<double>(files.inputs.size()));
  }
  return done;
}

/// Works for `ms` milliseconds, looking now and then whether it is cancelled.
result<job_result> work(const json& parameters, const job_files&, job_control& control) {
  control.log("worker " + std::to_string(::getpid()));
  auto ms = parameters.at("ms").get<int>();
  for (int i = 0; i < ms; ++i) {
    if (control.cancelled()) return error{error_code::stopping, "cancelled"};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    control.progress(static_cast<double>(i) / ms);
  }
  return job_result{{{"number", parameters.at("number")}}, {}};
}

result<job_result> hang(const json&, const job_files&, job_control& control) {
  control.log("worker " + std::to_string(::getpid()));
  for (;;)
    std::this_thread::sleep_for(std::chrono::seconds(1));
}

result<job_result> fail(const json& parameters, const job_files&, job_control& control) {
  control.log("one");
  control.log("two\nthree\x1b[31m");
  if (parameters.contains("throw")) throw std::runtime_error("thrown");
  if (parameters.contains("no_memory")) throw std::bad_alloc();
  return error{static_cast<error_code>(parameters.at("code").get<int>()), "it failed"};
}

/// Sends frames as they are, each its bytes or how many bytes, then does what it is told.
result<job_result> say(const json& parameters, const job_files& files, job_control&) {
  for (const auto& frame : parameters.at("frames")) {
    std::string bytes;
    if (frame.is_number()) bytes.assign(frame.get<std::size_t>(), 'x');
    for (const auto& byte : frame.is_array() ? frame : json::array())
      bytes += static_cast<char>(byte.get<int>());
    send_raw(bytes);
  }
  if (parameters.contains("then_die")) ::_exit(9);
  if (parameters.contains("then_close")) {
    ::close(worker_socket);
    for (;;)
      std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  return job_result{{{"outcome", "done"}}, std::vector<std::uint64_t>(files.outputs.size())};
}

result<job_result> big_result(const json& parameters, const job_files&, job_control&) {
  return job_result{{{"text", std::string(parameters.at("bytes").get<std::size_t>(), 'x')}}, {}};
}

result<job_result> wrong_lengths(const json& parameters, const job_files&, job_control&) {
  return job_result{json::object(), parameters.at("written").get<std::vector<std::uint64_t>>()};
}

constexpr job_kind_runner kinds[] = {
    {"attempt", nullptr, run_attempt},
    {"copy", nullptr, copy},
    {"work", nullptr, work},
    {"hang", nullptr, hang},
    {"fail", nullptr, fail},
    {"say", nullptr, say},
    {"big_result", nullptr, big_result},
    {"wrong_lengths", nullptr, wrong_lengths},
};

int run_parent() {
  auto pool = worker_pool::make({test_worker::options(), 1});
  job_cancel never;
  job_observer observer{{}, [](std::string_view line) {
                          std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
                          std::fflush(stdout);
                        }};
  (void)(*pool)->run({1, "hang"}, observer, never);
  return 0;
}

}  // namespace

std::optional<int> test_worker::run(std::string_view word) {
  if (word == walled) return run_worker(kinds);
  if (word == no_landlock) return run_worker(kinds, {false, true});
  if (word == no_filter) return run_worker(kinds, {true, false});
  if (word == dies) {
    std::fputs("a library is missing\n", stderr);
    return 4;
  }
  if (word == babbles) {
    send_raw("hello");
    std::this_thread::sleep_for(std::chrono::seconds(60));
    return 0;
  }
  if (word == is_late) {
    auto ready = make_ready({});
    write_number(ready.data() + worker_frame_header_bytes,
                 static_cast<std::uint16_t>(worker_protocol_version + 1));
    send_raw(ready);
    std::this_thread::sleep_for(std::chrono::seconds(60));
    return 0;
  }
  if (word == parent) return run_parent();
  return std::nullopt;
}
