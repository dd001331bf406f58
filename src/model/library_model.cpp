// SPDX-License-Identifier: MIT
#include "model/library_model.hpp"

namespace podstudio {

void library_model::apply(const event& what) {
  catalog.apply(what);
  jobs.apply(what);
  unread.see(catalog, what);
}

void library_model::revert(const event& what) {
  jobs.revert(what);
  catalog.revert(what);
}

void library_model::settle(const event& what) { catalog.settle(what); }

}  // namespace podstudio
