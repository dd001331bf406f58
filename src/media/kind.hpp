#pragma once

#include "model/enums.hpp"

#include <optional>
#include <string_view>

namespace podstudio {

/// The asset type that a file name's extension says, in any letter case; nothing for names that the
/// library does not hold. A name that is all extension (".png") has none.
std::optional<asset_type> type_of(std::string_view file_name) noexcept;

}  // namespace podstudio
