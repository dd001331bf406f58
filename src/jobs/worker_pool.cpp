// SPDX-License-Identifier: MIT
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

class worker_pool::slot {
public:
  explicit slot(worker_pool& pool) : free_(pool.free_slots_.get()) {}
  ~slot() {
    std::uint64_t one = 1;
    if (taken_) (void)!::write(free_, &one, sizeof one);
  }
  slot(const slot&) = delete;
  slot& operator=(const slot&) = delete;

  /// False when the job was cancelled before one was free.
  bool take(const job_cancel& cancel) {
    constexpr int look_interval_ms = 50;
    std::uint64_t one = 0;
    while (!cancel.asked() && !taken_) {
      taken_ = ::read(free_, &one, sizeof one) == sizeof one;
      if (taken_) break;
      pollfd wakes[] = {{free_, POLLIN, 0}, {cancel.poll_descriptor(), POLLIN, 0}};
      (void)::poll(wakes, 2, cancel.poll_descriptor() < 0 ? look_interval_ms : -1);
    }
    return taken_;
  }

private:
  int free_;
  bool taken_ = false;
};

class worker_pool::lease {
public:
  lease(worker_pool& pool, worker leased) : pool_(pool), leased_(std::move(leased)) {}
  ~lease() { pool_.give_back(std::move(leased_)); }
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;

  worker_process* operator->() const noexcept { return leased_.get(); }

private:
  worker_pool& pool_;
  worker leased_;
};

job_outcome worker_pool::run(const job_order& job, const job_observer& observer,
                             const job_cancel& cancel) {
  slot mine(*this);
  const job_outcome too_early{job_ending::cancelled, "the job was cancelled before it began"};
  if (!mine.take(cancel)) return too_early;
  auto outcome = run_once(job, observer, cancel);
  // One that dies while nobody looks is found dead by the next job, which is not that job's fault.
  if (outcome.ending == job_ending::not_started && outcome.worker_ended)
    outcome = cancel.asked() ? too_early : run_once(job, observer, cancel);
  return outcome;
}

job_outcome worker_pool::run_once(const job_order& job, const job_observer& observer,
                                  const job_cancel& cancel) {
  auto taken = take_worker();
  if (!taken) {
    auto ending = taken.failure().code == error_code::refused ? job_ending::no_sandbox
                                                              : job_ending::not_started;
    return {ending, taken.failure().message};
  }
  lease leased(*this, *std::move(taken));
  return leased->run(job, observer, cancel);
}

result<worker_pool::worker> worker_pool::take_worker() {
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
