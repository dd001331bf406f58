// SPDX-License-Identifier: MIT
#include "jobs/worker.hpp"

#include "jobs/orders.hpp"
#include "jobs/socket_transport.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <malloc.h>
#include <mutex>
#include <new>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace podstudio {

namespace {

/// How many arenas the heap has at most: each reserves 128 MB of the address space.
constexpr int heap_arenas_max = 2;
/// What the heap keeps for the next file, in bytes, and from which size on it has a block mapped
/// and unmapped each time (the most that malloc takes): each page that it gives back costs a fault
/// when it is needed again. An idle worker is ended before long.
constexpr int heap_kept_bytes_max = 64 << 20, heap_mapped_bytes_min = 32 << 20;

/// The job that runs, for the handler of SIGSYS.
std::atomic<std::uint64_t> running_job{0};

/// Tells the service of a system call that is forbidden, from a signal handler.
void tell_forbidden_call(int number) noexcept {
  char frame[worker_frame_header_bytes + failure_fixed_bytes]{};
  auto header = pack({failure_fixed_bytes, worker_frame::failure, 0, running_job.load()});
  std::memcpy(frame, header.data(), header.size());
  frame[worker_frame_header_bytes] = static_cast<char>(job_ending::forbidden_call);
  write_number(frame + worker_frame_header_bytes + 4, static_cast<std::uint32_t>(number));
  iovec part{frame, sizeof frame};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  (void)!::sendmsg(worker_socket, &message, MSG_NOSIGNAL);
}

/// The worker's end of its socket.
class link_to_service {
public:
  explicit link_to_service(unique_fd socket)
      : transport_(std::move(socket), socket_transport::takes::descriptors) {}

  /// Waits while the service takes nothing. Without a service there is nothing left to do.
  void send(std::string_view frame) {
    for (;;) {
      auto sent = transport_.send(frame);
      if (sent) return;
      if (sent.failure().code != error_code::busy) ::_exit(0);
      wait(POLLOUT);
    }
  }
  received_frame receive_waiting() {
    for (;;) {
      auto came = receive();
      if (came.what != received_frame::state::nothing) return came;
      wait(POLLIN);
    }
  }
  received_frame receive() {
    auto came = transport_.receive();
    if (!came) ::_exit(1);
    return *std::move(came);
  }

private:
  void wait(short events) {
    pollfd socket{transport_.poll_descriptor(), events, 0};
    (void)::poll(&socket, 1, -1);
  }

  socket_transport transport_;
};

class running_control : public job_control {
public:
  running_control(link_to_service& service, std::uint64_t job, bool cancelled)
      : service_(service), job_(job), cancelled_(cancelled) {}

  void progress(double done) override {
    auto percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100);
    std::lock_guard guard(mutex_);
    if (percent <= percent_) return;
    percent_ = percent;
    service_.send(make_progress(job_, static_cast<unsigned>(percent)));
  }

  bool cancelled() override {
    std::lock_guard guard(mutex_);
    if (cancelled_) return true;
    auto came = service_.receive();
    if (came.what == received_frame::state::nothing) return false;
    if (came.what == received_frame::state::closed) ::_exit(0);
    auto job = cancelled_job(came.bytes);
    if (!job) ::_exit(1);  // a service sends nothing else while a job runs
    cancelled_ = *job == job_;
    return cancelled_;
  }

  void log(std::string_view line) override {
    auto text = as_worker_line(line);
    std::lock_guard guard(mutex_);
    if (!text.empty() && lines_++ < job_log_lines_max) service_.send(make_log(job_, text));
  }

private:
  link_to_service& service_;
  std::mutex mutex_;
  const std::uint64_t job_;
  int percent_ = -1;
  std::size_t lines_ = 0;
  bool cancelled_;
};

job_ending ending_of(error_code code) noexcept {
  switch (code) {
  case error_code::invalid_argument:
    return job_ending::bad_parameters;
  case error_code::damaged:
    return job_ending::bad_input;
  case error_code::refused:
  case error_code::newer_version:
    return job_ending::unsupported;
  case error_code::disk_full:
    return job_ending::output_full;
  case error_code::stopping:
    return job_ending::cancelled;
  case error_code::io_failed:
  case error_code::not_permitted:
  case error_code::not_found:
  case error_code::changed:
    return job_ending::io_failed;
  default:
    return job_ending::defect;
  }
}

/// The lowest number above all descriptors that are open.
unsigned behind_all_descriptors() {
  auto descriptor = static_cast<int>(worker_descriptors_max);
  while (descriptor > worker_socket && ::fcntl(descriptor - 1, F_GETFD) < 0)
    --descriptor;
  return static_cast<unsigned>(descriptor);
}

class worker_loop {
public:
  worker_loop(std::span<const job_kind_runner> kinds, unique_fd socket)
      : kinds_(kinds), service_(std::move(socket)) {}

  int run(const worker_walls& walls) {
    auto locked_in =
        enter_sandbox({worker_socket, tell_forbidden_call, walls.landlock, walls.filter});
    if (!locked_in) {
      service_.send(make_failure(
          0, {job_ending::no_sandbox, 0, as_worker_line(locked_in.failure().message)}));
      return 1;
    }
    service_.send(make_ready(*locked_in));
    first_job_descriptor_ = behind_all_descriptors();
    for (;;) {
      auto came = service_.receive_waiting();
      if (came.what == received_frame::state::closed) return 0;
      if (auto job = cancelled_job(came.bytes)) {
        // One that ends before it has arrived is answered when it has; one that has ended is over.
        cancelled_ = *job;
        continue;
      }
      auto arrived = orders_.take(came.bytes, std::move(came.descriptors));
      if (!arrived) return 1;
      if (*arrived) run_job(**std::move(arrived));
    }
  }

private:
  void run_job(arrived_job job) {
    running_job = job.number;
    {
      auto files = std::move(job);
      answer(files);
    }
    // Whatever the kind left open would be there for the next job.
    (void)::close_range(first_job_descriptor_, ~0u, 0);
    running_job = 0;
  }

  void fail(std::uint64_t job, job_ending ending, std::string_view text) {
    service_.send(make_failure(job, {ending, 0, as_worker_line(text)}));
  }

  void answer(const arrived_job& job);
  void send_result(const arrived_job& job, const job_result& result);

  std::span<const job_kind_runner> kinds_;
  link_to_service service_;
  order_reader orders_;
  std::uint64_t cancelled_ = 0;
  unsigned first_job_descriptor_ = worker_socket + 1;
};

std::vector<int> numbers_of(const std::vector<unique_fd>& descriptors) {
  std::vector<int> numbers;
  for (const auto& each : descriptors)
    numbers.push_back(each.get());
  return numbers;
}

void worker_loop::answer(const arrived_job& job) {
  auto kind = std::ranges::find(kinds_, job.kind, &job_kind_runner::name);
  if (kind == kinds_.end())
    return fail(job.number, job_ending::unknown_kind, "there is no kind of job '" + job.kind + "'");
  auto inputs = numbers_of(job.inputs), outputs = numbers_of(job.outputs);
  running_control control(service_, job.number, cancelled_ == job.number);
  try {
    auto done = kind->run(job.parameters, {inputs, outputs}, control);
    if (!done) return fail(job.number, ending_of(done.failure().code), done.failure().message);
    send_result(job, *done);
  } catch (const std::bad_alloc&) {
    fail(job.number, job_ending::out_of_memory, "");
  } catch (const std::exception& defect) {
    fail(job.number, job_ending::defect, defect.what());
  }
}

void worker_loop::send_result(const arrived_job& job, const job_result& result) {
  auto text = result.facts.dump();
  if (text.size() > job_result_bytes_max)
    return fail(job.number, job_ending::output_full,
                "the result has " + std::to_string(text.size()) + " bytes, more than "
                    + std::to_string(job_result_bytes_max));
  if (result.written.size() != job.outputs.size())
    return fail(job.number, job_ending::defect,
                "the kind does not say how much it wrote to each output");
  service_.send(make_result(job.number, static_cast<std::uint32_t>(text.size()), result.written));
  for (std::string_view rest = text; !rest.empty();) {
    auto part = rest.substr(0, worker_payload_bytes_max);
    rest.remove_prefix(part.size());
    service_.send(make_text(worker_frame::result_text, job.number, part));
  }
}

/// Whether the process at the other end of the socket, which made it, is this one's parent and
/// lives. From then on the kernel ends this process with it.
bool follow_parent() {
  ucred maker{};
  socklen_t size = sizeof maker;
  if (::getsockopt(worker_socket, SOL_SOCKET, SO_PEERCRED, &maker, &size) != 0) return false;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == maker.pid;
}

}  // namespace

int run_worker(std::span<const job_kind_runner> kinds, const worker_walls& walls) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(worker_socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0
      || type != SOCK_SEQPACKET) {
    std::fputs("podstudio: a worker is started by the service, not by hand\n", stderr);
    return 2;
  }
  if (!follow_parent()) return 0;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGBUS, SIG_DFL);
  (void)::mallopt(M_ARENA_MAX, heap_arenas_max);
  (void)::mallopt(M_TRIM_THRESHOLD, heap_kept_bytes_max);
  (void)::mallopt(M_MMAP_THRESHOLD, heap_mapped_bytes_min);
  worker_loop loop(kinds, unique_fd(worker_socket));
  for (const auto& kind : kinds)
    if (kind.prepare != nullptr) kind.prepare();
  return loop.run(walls);
}

}  // namespace podstudio
