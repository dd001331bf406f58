// SPDX-License-Identifier: MIT
#pragma once

#include "events/log.hpp"

#include <functional>
#include <future>
#include <string>

/// A log on a disk in memory, small enough to damage it everywhere.
inline const std::string log_folder = "/data/log";
/// The next segment is prepared only when it is needed: a disk in memory has no second thread.
inline const podstudio::log_options small_log{
    16u << 10, 1024,
    [](std::function<void()> work) { return std::async(std::launch::deferred, std::move(work)); }};
