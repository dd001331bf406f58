// SPDX-License-Identifier: MIT
#pragma once

#include "archive/finding.hpp"
#include "archive/signing.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Checks an archive that anybody may have made, by itself. Each of its bytes is compared with
/// something: headers with those that the writer makes, contents with their checksums, the
/// checksums with the manifest, and the manifest with its signature.
namespace podstudio::archive {

/// How many findings are listed; more are counted.
inline constexpr std::size_t findings_max = 1000;

struct verify_options {
  /// Whose signature the archive has to have; otherwise it may have anybody's or none.
  std::optional<public_key> signed_by;
  /// Whether to digest the archive as a whole, too.
  bool digest_whole = false;
  /// Told how many bytes have been read and how many are to be; returns whether to go on. Called by
  /// one thread at a time.
  std::function<bool(std::uint64_t done, std::uint64_t all)> watch;
};

struct verify_report {
  std::optional<std::string> pack;  ///< its name; nothing if the manifest cannot be read
  /// Whether the manifest says that an asset is generated or enhanced by AI; likewise.
  std::optional<bool> ai_disclosure;
  std::uint64_t files = 0;  ///< entries
  std::uint64_t bytes = 0;  ///< of the archive
  digest sha256{};          ///< of the archive as a whole, where that was asked for
  /// The fingerprint of the key that signed it; nothing if the signature is missing or wrong.
  std::optional<std::string> signed_by;
  std::vector<finding> findings;     ///< the first `findings_max`
  std::uint64_t findings_count = 0;  ///< all of them

  bool is_intact() const noexcept { return findings_count == 0; }
};

/// Checks the archive in an open file, by pread(2) alone, on several threads. What is wrong with it
/// is in the report. Errors: `stopping` if the watch says so; as `system_error` where reading
/// fails.
result<verify_report> verify(int fd, const verify_options& options = {});

}  // namespace podstudio::archive
