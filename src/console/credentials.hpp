// SPDX-License-Identifier: MIT
#pragma once

#include "platform/data_folder.hpp"
#include "platform/error.hpp"

#include <string>

namespace podstudio {

/// The console's identity on disk (PEM files). Service and command line use the same pair, both as
/// their own identity and as the only one they trust: a peer is let in if it proves that it holds
/// this key.
struct credentials {
  std::string certificate_file;
  std::string key_file;
};

/// The pair in DATA/tls, made at the first call: an EC P-256 key and a self-signed certificate that
/// is valid from 1970 to 9999, so that no clock matters and nothing ever needs renewing. Both
/// appear at once, by the rename of a complete folder (0700, files 0600); when several processes
/// make one at the same time, all use the first. To replace a pair, stop the service and remove
/// DATA/tls: none is ever replaced by itself, as whoever holds a copy of it would be locked out.
/// Errors: `refused` when the folder or a file is open to others, belongs to somebody else or is a
/// link;
/// `damaged` when one of the files is missing, cut or not of the other; as `system_error`.
result<credentials> ensure_credentials(const data_folder& folder);

}  // namespace podstudio
