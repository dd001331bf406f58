// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_extract.hpp"

#include "jobs/kinds/metadata_answer.hpp"
#include "media/libav.hpp"
#include "platform/files.hpp"

#include <chrono>
#include <unistd.h>

namespace podstudio {

namespace {

/// How often a reader that asks all the time is given an answer from the service, which costs a
/// system call.
constexpr std::chrono::milliseconds cancel_interval{5};

/// Whether the job is cancelled, for code that asks in its innermost loops.
class cancel_watch {
public:
  explicit cancel_watch(job_control& control) : control_(control) {}

  bool cancelled() {
    auto now = clock::now();
    if (cancelled_ || now < next_) return cancelled_;
    next_ = now + cancel_interval;
    return cancelled_ = control_.cancelled();
  }

private:
  using clock = std::chrono::steady_clock;

  job_control& control_;
  clock::time_point next_ = clock::now();
  bool cancelled_ = false;
};

result<void> write_at(int fd, std::uint64_t offset, std::string_view bytes) {
  if (!write_all_at(fd, bytes, offset)) return system_error()("cannot write an output");
  return {};
}

class metadata_run {
public:
  metadata_run(const metadata_order& order, const job_files& files, job_control& control)
      : order_(order), files_(files), watch_(control) {}

  result<job_result> run(job_control& control) {
    for (std::size_t i = 0; i < order_.files.size(); ++i) {
      control.progress(static_cast<double>(i) / static_cast<double>(order_.files.size()));
      auto answer = read(i);
      if (!answer) return answer.failure();
      auto line = line_of(*std::move(answer));
      if (auto written = write_at(files_.outputs[0], line_bytes_, line); !written)
        return written.failure();
      line_bytes_ += line.size();
    }
    job_result done{{{"files", order_.files.size()}}, {line_bytes_}};
    if (files_.outputs.size() > 1) done.written.push_back(preview_bytes_);
    return done;
  }

private:
  /// What is known of a file. An error is one of the job.
  result<file_answer> read(std::size_t index) {
    const auto& file = order_.files[index];
    media::extract_options options;
    options.extension = file.extension;
    options.cancelled = [this] { return watch_.cancelled(); };
    options.skip_own_previews = order_.skip_own_previews;
    for (auto edge : order_.preview_edges_px)
      options.previews.push_back({edge, files_.outputs[1]});
    // What a file that failed has left there is written over.
    if (!options.previews.empty()
        && ::lseek(files_.outputs[1], static_cast<off_t>(preview_bytes_), SEEK_SET) < 0)
      return system_error()("cannot write an output");
    auto found = media::extract(files_.inputs[index], file.size_bytes, options);
    if (!found) return failed(found.failure());
    file_answer answer;
    answer.found = *std::move(found);
    for (const auto& each : answer.found.previews) {
      answer.preview_offsets.push_back(preview_bytes_);
      preview_bytes_ += each.size_bytes;
    }
    return answer;
  }

  result<file_answer> failed(const error& failure) {
    if (failure.code == error_code::stopping || failure.code == error_code::disk_full)
      return failure;
    // Reading the file or writing a preview failed, with the same words. Where a byte can be
    // written to the place of the next preview it was the file.
    if (!order_.preview_edges_px.empty()
        && (failure.code == error_code::io_failed || failure.code == error_code::not_permitted))
      if (auto written = write_at(files_.outputs[1], preview_bytes_, std::string_view("\0", 1));
          !written)
        return written.failure();
    file_answer answer;
    answer.failure = failure;
    return answer;
  }

  static std::string line_of(file_answer answer) {
    try {
      return to_metadata_line(std::move(answer));
    } catch (const nlohmann::json::exception& defect) {
      // A text that is no UTF-8 would be our mistake; the other files are not to suffer for it.
      file_answer failed;
      failed.failure = error{error_code::internal, defect.what()};
      return to_metadata_line(std::move(failed));
    }
  }

  const metadata_order& order_;
  const job_files& files_;
  cancel_watch watch_;
  std::uint64_t line_bytes_ = 0;     ///< that are in output 0
  std::uint64_t preview_bytes_ = 0;  ///< that count in output 1
};

}  // namespace

void prepare_metadata_extract() { media::quiet_libav(); }

result<job_result> run_metadata_extract(const nlohmann::json& parameters, const job_files& files,
                                        job_control& control) {
  auto order = parse_metadata_order(parameters);
  if (!order) return order.failure();
  if (files.inputs.size() != order->files.size() || files.outputs.size() != outputs_of(*order))
    return error{error_code::invalid_argument,
                 "the job has " + std::to_string(files.inputs.size()) + " inputs and "
                     + std::to_string(files.outputs.size()) + " outputs, and is to have "
                     + std::to_string(order->files.size()) + " and "
                     + std::to_string(outputs_of(*order))};
  return metadata_run(*order, files, control).run(control);
}

}  // namespace podstudio
