#include "jobs/worker_pool.hpp"

#include <algorithm>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace podstudio {

result<std::unique_ptr<worker_pool>> worker_pool::make(worker_pool_options options) {
  options.workers_max = std::max<std::size_t>(options.workers_max, 1);
  unique_fd free_slots(::eventfd(static_cast<unsigned>(options.workers_max),
                                 EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK));
  if (!free_slots) return system_error()("cannot make the pool of workers");
  return std::unique_ptr<worker_pool>(new worker_pool(std::move(options), std::move(free_slots)));
}

bool worker_pool::take_slot(const job_cancel& cancel) {
  constexpr int look_interval_ms = 50;
  for (;;) {
    if (cancel.asked()) return false;
    std::uint64_t one = 0;
    if (::read(free_slots_.get(), &one, sizeof one) == sizeof one) return true;
    pollfd wakes[] = {{free_slots_.get(), POLLIN, 0}, {cancel.poll_descriptor(), POLLIN, 0}};
    (void)::poll(wakes, 2, cancel.poll_descriptor() < 0 ? look_interval_ms : -1);
  }
}

void worker_pool::give_slot_back() {
  std::uint64_t one = 1;
  (void)!::write(free_slots_.get(), &one, sizeof one);
}

job_outcome worker_pool::run(const job_order& job, const job_observer& observer,
                             const job_cancel& cancel) {
  if (!take_slot(cancel)) return {job_ending::cancelled, "the job was cancelled before it began"};
  auto outcome = run_on_worker(job, observer, cancel);
  // One that dies while nobody looks is found dead by the next job, which is not that job's fault.
  if (outcome.ending == job_ending::not_started && outcome.worker_ended)
    outcome = run_on_worker(job, observer, cancel);
  give_slot_back();
  return outcome;
}

job_outcome worker_pool::run_on_worker(const job_order& job, const job_observer& observer,
                                       const job_cancel& cancel) {
  auto leased = lease();
  if (!leased) {
    auto ending = leased.failure().code == error_code::refused ? job_ending::no_sandbox
                                                               : job_ending::not_started;
    return {ending, leased.failure().message};
  }
  auto outcome = cancel.asked()
                     ? job_outcome{job_ending::cancelled, "the job was cancelled before it began"}
                     : (*leased)->run(job, observer, cancel);
  give_back(*std::move(leased));
  return outcome;
}

result<worker_pool::worker> worker_pool::lease() {
  for (;;) {
    worker candidate;
    {
      std::lock_guard guard(mutex_);
      if (idle_.empty()) break;
      candidate = std::move(idle_.back());
      idle_.pop_back();
    }
    bool usable = candidate->is_usable();
    std::lock_guard guard(mutex_);
    if (!usable) {
      ++counts_.lost;
      continue;  // the lock goes before the worker, whose end may take a moment
    }
    ++counts_.running;
    return candidate;
  }
  auto started = worker_process::start(options_.worker);
  if (!started) return started;
  std::lock_guard guard(mutex_);
  ++counts_.started;
  ++counts_.running;
  return started;
}

void worker_pool::give_back(worker leased) {
  bool usable = leased->is_usable();
  bool worn = usable
              && (leased->jobs() >= options_.jobs_max
                  || leased->resident_bytes() > options_.resident_bytes_max);
  std::lock_guard guard(mutex_);
  --counts_.running;
  if (!usable)
    ++counts_.lost;
  else if (worn)
    ++counts_.retired;
  else
    idle_.push_back(std::move(leased));
}

void worker_pool::end_idle() {
  std::vector<worker> ending;
  std::lock_guard guard(mutex_);
  ending.swap(idle_);
}

worker_pool_counts worker_pool::counts() const {
  std::lock_guard guard(mutex_);
  auto counts = counts_;
  counts.idle = idle_.size();
  return counts;
}

}  // namespace podstudio
