// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace podstudio {

struct operation;

/// The operation of this name; null where there is none.
using operation_finder = const operation* (*)(std::string_view name);

}  // namespace podstudio
