// SPDX-License-Identifier: MIT
#include "jobs/worker_process.hpp"

#include "jobs/bounded_json.hpp"
#include "jobs/sandbox.hpp"
#include "jobs/socket_transport.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cassert>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podstudio {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

/// How long a worker that closed its socket may take to end, so that its status says why.
constexpr milliseconds closing_limit{1000};
/// How many frames are read before it is looked at the time and the cancel: a worker can send many.
constexpr int frames_at_once_max = 64;
/// How often it is looked whether a job is cancelled, where asking cannot wake who runs it.
constexpr milliseconds look_interval{50};

milliseconds until(clock::time_point when) {
  return std::max(std::chrono::ceil<milliseconds>(when - clock::now()), milliseconds(0));
}
static_assert(job_time_ms_max.count() < INT_MAX, "poll(2) takes an int");

/// How often the kernel has killed a process for want of memory since it runs; 0 if it does not
/// say.
std::uint64_t oom_kills() {
  constexpr std::size_t size_max = std::size_t{64} << 10;
  constexpr std::string_view name = "\noom_kill ";
  auto counters = read_small_file("/proc/vmstat", size_max);
  if (!counters) return 0;
  auto at = counters->find(name);
  return at == std::string::npos ? 0
                                 : std::strtoull(counters->c_str() + at + name.size(), nullptr, 10);
}

/// Waits until something can be read of one of the descriptors.
template <class... Descriptors>
void wait_readable(milliseconds at_most, Descriptors... descriptors) {
  pollfd all[] = {pollfd{descriptors, POLLIN, 0}...};
  (void)::poll(all, sizeof...(descriptors), static_cast<int>(at_most.count()));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (auto safe = as_worker_line(line); !safe.empty()) lines.push_back(std::move(safe));
  }
  return lines;
}

/// A job's parameters as the worker is to take them.
result<std::string> text_of(const nlohmann::json& parameters) {
  std::string text;
  try {
    text = parameters.dump();
  } catch (const nlohmann::json::exception&) {
    return error{error_code::damaged, "they hold a text that is not UTF-8"};
  }
  if (text.size() > job_parameters_bytes_max)
    return error{error_code::damaged,
                 "they have more than " + std::to_string(job_parameters_bytes_max) + " bytes"};
  if (auto checked = parse_bounded_json(text); !checked) return checked.failure();
  return text;
}

std::string seconds(milliseconds time) {
  auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

/// A job while it runs.
class worker_process::running {
public:
  running(worker_process& worker, const job_order& job, std::string parameters,
          const job_observer& observer, const job_cancel& cancel)
      : worker_(worker), job_(job), parameters_(std::move(parameters)), observer_(observer),
        cancel_(cancel) {}

  job_outcome run() {
    auto outcome = try_run();
    worker_.read_errors();
    outcome.last_words = last_words();
    outcome.worker_ended = worker_.ended_;
    return outcome;
  }

private:
  job_outcome try_run();
  std::optional<job_outcome> send();
  std::optional<job_outcome> send_frame(std::string_view frame, std::span<const content> contents);
  /// The outcome, once what is there to be received holds it.
  std::optional<job_outcome> receive();
  std::optional<job_outcome> take(worker_answer answer);
  std::optional<job_outcome> take_result(result_answer result);
  job_outcome take_failure(const failure_answer& failure);
  std::optional<job_outcome> look_at_time();

  /// Ends the worker, of which nothing more is to be expected.
  job_outcome end(job_ending ending, const std::string& text) {
    worker_.ended_ = true;
    worker_.child_.kill();
    return {ending, text};
  }
  job_outcome explain_end();
  std::vector<std::string> last_words() const;

  worker_process& worker_;
  const job_order& job_;
  const std::string parameters_;  ///< as text
  const job_observer& observer_;
  const job_cancel& cancel_;
  const clock::time_point deadline_ = clock::now() + job_.time_limit;
  const std::uint64_t oom_kills_ = oom_kills();
  std::optional<clock::time_point> kill_at_;  ///< set once the worker was told of the cancel
  std::deque<std::string> lines_;
};

job_outcome worker_process::running::try_run() {
  if (auto limited = limit_job(worker_.pid(), {job_.cpu_seconds, job_.output_bytes}); !limited)
    return end(job_ending::not_started, limited.failure().message);
  worker_.answers_.expect(job_.number, job_.outputs.size(), job_.output_bytes);
  if (auto failed = send()) return *std::move(failed);
  for (;;) {
    if (auto done = receive()) return *std::move(done);
    if (auto late = look_at_time()) return *std::move(late);
    auto wait = until(kill_at_ ? std::min(*kill_at_, deadline_) : deadline_);
    auto wakes = kill_at_ ? -1 : cancel_.poll_descriptor();
    if (!kill_at_ && wakes < 0) wait = std::min(wait, look_interval);
    // What is not read any more must not wake either.
    auto errors = worker_.error_bytes_ < job_error_bytes_max ? worker_.errors_.get() : -1;
    wait_readable(wait, worker_.link_->poll_descriptor(), errors, wakes);
    worker_.read_errors();
  }
}

std::optional<job_outcome> worker_process::running::send_frame(std::string_view frame,
                                                               std::span<const content> contents) {
  for (auto end_at = clock::now() + worker_take_ms_max;;) {
    auto sent = worker_.link_->send(frame, contents);
    if (sent) return std::nullopt;
    auto code = sent.failure().code;
    if (code == error_code::no_service) {
      auto why = explain_end();
      return job_outcome{job_ending::not_started, why.text};
    }
    if (code == error_code::busy && cancel_.asked())
      return end(job_ending::cancelled, "the job was cancelled before its worker had all of it");
    if (code != error_code::busy || clock::now() > end_at)
      return end(job_ending::not_started, sent.failure().message);
    pollfd room{worker_.link_->poll_descriptor(), POLLOUT, 0};
    (void)::poll(&room, 1, 1);
    // Descriptors on their way count for all workers, and the socket does not tell.
    if ((room.revents & POLLOUT) != 0) (void)::poll(nullptr, 0, 1);
  }
}

std::optional<job_outcome> worker_process::running::send() {
  order_header order{job_.kind, static_cast<std::uint16_t>(job_.inputs.size()),
                     static_cast<std::uint16_t>(job_.outputs.size()),
                     static_cast<std::uint32_t>(parameters_.size())};
  if (auto failed = send_frame(make_order(job_.number, order), {})) return failed;
  std::vector<content> contents;
  for (int each : job_.inputs)
    contents.push_back({each, content_role::input});
  for (int each : job_.outputs)
    contents.push_back({each, content_role::output});
  for (std::span<const content> rest = contents; !rest.empty();) {
    auto part = rest.first(std::min(rest.size(), frame_descriptors_max));
    rest = rest.subspan(part.size());
    if (auto failed = send_frame(make_descriptors(job_.number, part.size()), part)) return failed;
  }
  for (std::string_view rest = parameters_; !rest.empty();) {
    auto part = rest.substr(0, worker_payload_bytes_max);
    rest.remove_prefix(part.size());
    if (auto failed = send_frame(make_text(worker_frame::parameters, job_.number, part), {}))
      return failed;
  }
  return std::nullopt;
}

std::optional<job_outcome> worker_process::running::receive() {
  for (int i = 0; i < frames_at_once_max; ++i) {
    auto came = worker_.link_->receive();
    if (!came) return end(job_ending::bad_answer, came.failure().message);
    if (came->what == received_frame::state::nothing) return std::nullopt;
    if (came->what == received_frame::state::closed) return explain_end();
    auto answer = worker_.answers_.take(came->bytes, came->refused);
    if (!answer) return end(job_ending::bad_answer, "the worker sent " + answer.failure().message);
    if (!*answer) continue;
    if (auto done = take(**std::move(answer))) return done;
  }
  return std::nullopt;
}

std::optional<job_outcome> worker_process::running::take(worker_answer answer) {
  if (auto* progress = std::get_if<progress_answer>(&answer)) {
    if (observer_.progress) observer_.progress(progress->percent);
  } else if (auto* log = std::get_if<log_answer>(&answer)) {
    auto line = as_worker_line(log->line);
    if (observer_.log) observer_.log(line);
    if (lines_.size() == last_words_max) lines_.pop_front();
    lines_.push_back(std::move(line));
  } else if (auto* failure = std::get_if<failure_answer>(&answer)) {
    return take_failure(*failure);
  } else if (auto* done = std::get_if<result_answer>(&answer)) {
    return take_result(std::move(*done));
  }
  return std::nullopt;
}

std::optional<job_outcome> worker_process::running::take_result(result_answer done) {
  for (std::size_t i = 0; i < done.written.size(); ++i) {
    struct stat facts {};
    auto size =
        ::fstat(job_.outputs[i], &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
    if (done.written[i] > size)
      return end(job_ending::bad_answer, "the worker sent " + std::to_string(done.written[i])
                                             + " bytes as the length of output " + std::to_string(i)
                                             + ", which holds " + std::to_string(size));
  }
  return job_outcome{job_ending::completed, "", std::move(done.result), std::move(done.written)};
}

job_outcome worker_process::running::take_failure(const failure_answer& failure) {
  auto text = as_worker_line(failure.text);
  switch (failure.ending) {
  case job_ending::forbidden_call: {
    auto name = system_call_name(failure.system_call);
    auto number = std::to_string(failure.system_call);
    return end(job_ending::forbidden_call,
               "the worker made the system call "
                   + (name.empty() ? number : name + " (" + number + ")")
                   + ", which the sandbox forbids");
  }
  case job_ending::cancelled:
    if (!cancel_.asked())
      return end(job_ending::bad_answer, "the worker ended a job as cancelled that was not");
    return {job_ending::cancelled, "the job was cancelled"};
  case job_ending::out_of_memory:
    return {job_ending::out_of_memory,
            text.empty() ? "the job takes more memory than it may use" : text};
  default:
    return {failure.ending, text.empty() ? "the worker did not say why" : text};
  }
}

std::optional<job_outcome> worker_process::running::look_at_time() {
  auto now = clock::now();
  if (kill_at_ && now >= *kill_at_)
    return end(job_ending::cancelled, "the job was cancelled; its worker went on and was killed");
  if (now >= deadline_)
    return end(job_ending::timed_out,
               "the job took longer than " + seconds(job_.time_limit) + ", the time it may take");
  if (kill_at_ || !cancel_.asked()) return std::nullopt;
  kill_at_ = now + worker_cancel_ms_max;
  // Where it cannot be sent, the worker is killed a moment later.
  (void)bool(worker_.link_->send(make_cancel(job_.number), {}));
  return std::nullopt;
}

job_outcome worker_process::running::explain_end() {
  worker_.ended_ = true;
  std::optional<int> status;
  for (auto end_at = clock::now() + closing_limit;
       !status && !cancel_.asked() && clock::now() < end_at;)
    status = worker_.child_.wait(look_interval);
  if (!status) status = worker_.child_.wait(milliseconds(0));
  auto failure = [&]() -> job_outcome {
    if (!status)
      return end(job_ending::exited, "the worker closed its socket in the middle of the job");
    auto words = "the worker " + in_words(*status);
    if (WIFEXITED(*status)) return {job_ending::exited, words + " in the middle of the job"};
    switch (WTERMSIG(*status)) {
    case SIGXCPU:
      return {job_ending::cpu_limit, "the job used more than " + std::to_string(job_.cpu_seconds)
                                         + " s of processor time, which is what it may use"};
    case SIGKILL:
      if (oom_kills() > oom_kills_)
        return {job_ending::out_of_memory,
                "the system ran out of memory and killed the worker, or somebody else did"};
      return {job_ending::killed, "somebody killed the worker (SIGKILL)"};
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
    case SIGQUIT:
      return {job_ending::killed, words + ", which somebody sent"};
    case SIGSYS:
      return {job_ending::forbidden_call,
              "the worker made a system call that the sandbox forbids; which one is not known"};
    default:
      return {job_ending::crashed, words};
    }
  }();
  if (!cancel_.asked()) return failure;
  return {job_ending::cancelled, "the job was cancelled; meanwhile " + failure.text};
}

std::vector<std::string> worker_process::running::last_words() const {
  auto said = lines_;
  for (auto& line : lines_of(worker_.last_errors_))
    said.push_back(std::move(line));
  while (said.size() > last_words_max)
    said.pop_front();
  return {said.begin(), said.end()};
}

result<std::unique_ptr<worker_process>> worker_process::start(const worker_options& options) {
  auto ends = socket_transport::make_pair();
  if (!ends) return ends.failure();
  int errors[2];
  if (::pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0)
    return system_error()("cannot make a pipe for a worker");
  unique_fd reads_errors(errors[0]), writes_errors(errors[1]);
  auto child = child_process::start(options.program, ends->second.get(), writes_errors.get());
  if (!child) return child.failure();
  auto link = std::make_unique<socket_transport>(std::move(ends->first),
                                                 socket_transport::takes::no_descriptors);
  // The worker's ends must be its own alone, or its end would go unnoticed.
  ends->second = unique_fd();
  writes_errors = unique_fd();
  std::unique_ptr<worker_process> worker(
      new worker_process(*std::move(child), std::move(link), std::move(reads_errors)));
  if (auto ready = worker->await_ready(); !ready) return ready.failure();
  if (auto limited = limit_memory(worker->pid(), options.memory_bytes); !limited)
    return limited.failure();
  // Where that fails, it works all the same.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(worker->pid()),
                      ::getpriority(PRIO_PROCESS, 0) + worker_niceness);
  return worker;
}

error worker_process::start_failure(error_code code, const std::string& what) {
  read_errors();
  auto lines = lines_of(last_errors_);
  return {code, "a worker could not be started: " + what
                    + (lines.empty() ? "" : "; it said: " + lines.back())};
}

result<void> worker_process::await_ready() {
  for (auto end_at = clock::now() + worker_start_ms_max;;) {
    auto came = link_->receive();
    if (!came) return came.failure();
    if (came->what == received_frame::state::closed) {
      auto status = child_.wait(closing_limit);
      return start_failure(error_code::internal,
                           status ? "it " + in_words(*status) : "it closed its socket");
    }
    if (came->what == received_frame::state::frame) {
      auto answer = answers_.take(came->bytes, came->refused);
      if (!answer)
        return start_failure(error_code::internal, "it sent " + answer.failure().message);
      if (auto* failure = std::get_if<failure_answer>(&**answer))
        return start_failure(error_code::refused,
                             "it could not lock itself in: " + as_worker_line(failure->text));
      walls_ = std::get<walls_report>(**answer);
      return {};
    }
    if (clock::now() >= end_at)
      return start_failure(error_code::timed_out,
                           "it said nothing for " + seconds(worker_start_ms_max));
    wait_readable(until(end_at), link_->poll_descriptor());
  }
}

void worker_process::read_errors() {
  char buffer[last_error_bytes_max];
  while (error_bytes_ < job_error_bytes_max) {
    auto size = ::read(errors_.get(), buffer, sizeof buffer);
    if (size <= 0) {
      // At the end the pipe would be readable for ever.
      if (size == 0) error_bytes_ = job_error_bytes_max;
      return;
    }
    error_bytes_ += static_cast<std::size_t>(size);
    last_errors_.append(buffer, static_cast<std::size_t>(size));
    if (last_errors_.size() > last_error_bytes_max)
      last_errors_.erase(0, last_errors_.size() - last_error_bytes_max);
  }
}

job_outcome worker_process::run(const job_order& job, const job_observer& observer,
                                const job_cancel& cancel) {
  auto refuse = [](const std::string& why) { return job_outcome{job_ending::not_started, why}; };
  if (job.number == 0 || !is_kind_name(job.kind)) return refuse("a job needs a number and a kind");
  if (job.inputs.size() > job_inputs_max || job.outputs.size() > job_outputs_max)
    return refuse("a job has at most " + std::to_string(job_inputs_max) + " inputs and "
                  + std::to_string(job_outputs_max) + " outputs");
  if (job.time_limit < milliseconds(1) || job.time_limit > job_time_ms_max
      || job.cpu_seconds > job_cpu_seconds_max)
    return refuse("a job takes from 1 ms to " + std::to_string(job_time_ms_max.count())
                  + " ms, and " + std::to_string(job_cpu_seconds_max)
                  + " s of processor time at most");
  auto parameters = text_of(job.parameters);
  if (!parameters) return refuse("the parameters of a job: " + parameters.failure().message);
  assert(answers_.is_idle() && !ended_);
  ++jobs_;
  last_errors_.clear();
  error_bytes_ = 0;
  return running(*this, job, *std::move(parameters), observer, cancel).run();
}

bool worker_process::is_usable() {
  if (ended_ || !answers_.is_idle()) return false;
  // While it runs nothing, there is nothing to be said.
  auto came = link_->receive();
  ended_ = !came || came->what != received_frame::state::nothing;
  return !ended_;
}

std::uint64_t worker_process::resident_bytes() const {
  constexpr std::size_t size_max = 4096;
  auto numbers = read_small_file("/proc/" + std::to_string(pid()) + "/statm", size_max);
  if (!numbers) return 0;
  auto behind_total = numbers->find(' ');
  if (behind_total == std::string::npos) return 0;
  return std::strtoull(numbers->c_str() + behind_total, nullptr, 10)
         * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace podstudio
