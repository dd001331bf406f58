// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>

namespace podstudio {

/// How many threads share such work at most, the calling one included.
inline constexpr std::size_t parallel_threads_max = 4;

/// Calls `work` with 0 to `count` - 1, starting in that order, on the calling thread and others: as
/// many as there are processors, at most `parallel_threads_max`. `work` runs on several threads at
/// once and returns whether to go on. After a false or an exception nothing more is started; what
/// was started ends first, so all lower numbers have been done. Where no threads can be started,
/// the calling one does it all. Throws what `work` throws.
void for_each_index(std::size_t count, const std::function<bool(std::size_t)>& work);

}  // namespace podstudio
