// SPDX-License-Identifier: MIT
#include "model/left_files.hpp"

namespace podstudio {

void left_files::see(const event& what, path_keyer& key_of) {
  if (const auto* moved = std::get_if<asset_moved>(&what))
    move(*moved, key_of);
  else if (const auto* returned = std::get_if<asset_returned>(&what))
    move(*returned, key_of);
  else if (auto asset = decided_asset(what); asset != 0)
    files_.forget(asset);
}

template <class Event>
void left_files::move(const Event& e, path_keyer& key_of) {
  const file_id from{e.before.device, e.before.inode, e.asset};
  const file_id to{e.after.device, e.after.inode, e.asset};
  // Back at a former file: all files after that one were copies.
  if (files_.go_back_to(to)) return;
  if (from == to || e.path_before == e.path_after || e.before.inode == 0
      || e.before.size_bytes == 0)
    return;
  files_.add(from, {e.before.ctime_ns, key_of(e.path_before)});
}

}  // namespace podstudio
