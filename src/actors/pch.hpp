// SPDX-License-Identifier: MIT
// The precompiled header of the engine's half of the library: what nearly every file there needs
// and what is slow to compile. Nothing relies on it; each file includes what it uses.
#include <caf/all.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <string>
#include <vector>
