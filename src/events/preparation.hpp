// SPDX-License-Identifier: MIT
#pragma once

#include "events/file_system.hpp"
#include "events/frame.hpp"
#include "events/log.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <string>

/// Preallocates the space that frames are written in, and the whole next segment in parallel with
/// the writer.
namespace podstudio {

/// Allocates and zero-fills [from, end), not synced. Zeros are written although allocated space
/// reads as zeros: it makes a later sync of frames there a sync of data alone, at half the time.
result<void> fill(file& to, std::uint64_t from, std::uint64_t end);

/// The file of the next segment, new. What an earlier try may have left is worthless, and must not
/// be in the way of this one.
result<std::unique_ptr<file>> create_prepared(file_system& files, const std::string& path);

/// The next segment before it has a header and a name.
struct prepared_segment {
  std::unique_ptr<file> source;
  std::uint64_t space_to = 0;  ///< 0: there is none

  std::uint64_t space() const noexcept {
    return space_to > segment_header_bytes ? space_to - segment_header_bytes : 0;
  }
};

/// Prepares a whole segment in parallel with the writer, so that no command waits for its zeros. It
/// is a separate file because a sync of frames would otherwise write the zeros too. If anything
/// fails, only an empty file is lost: nothing is prepared then, which is not an error.
class preparation {
public:
  preparation(file_system& files, std::string path, const log_options& options);
  preparation(const preparation&) = delete;
  preparation& operator=(const preparation&) = delete;
  ~preparation();

  bool is_done() const;

  /// Waits until it is made, or was found not to be possible: then it has no file.
  prepared_segment take();

private:
  bool is_deferred() const;
  void prepare();
  result<void> fill_all(file& to);

  file_system& files_;
  std::string path_;
  std::uint64_t size_;
  std::uint64_t piece_;
  std::atomic<bool> cancelled_ = false;
  prepared_segment made_;
  std::future<void> done_;
};

}  // namespace podstudio
