#pragma once

#include "events/backup.hpp"

#include <string_view>

/// Writing what `read_backup_manifest` reads.
namespace podstudio {

inline constexpr std::string_view backup_manifest_name = "backup.json";
/// The next manifest while it is written; worthless after a stop.
inline constexpr std::string_view backup_manifest_aside = "backup.json.tmp";

/// Replaces the manifest in one durable step.
result<void> write_backup_manifest(file_system& files, const std::string& folder,
                                   const backup_manifest& manifest);

}  // namespace podstudio
