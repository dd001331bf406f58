// Precompiled header of the actor half of the library: what nearly every actor file includes and what
// costs most to parse.
#include <caf/all.hpp>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
