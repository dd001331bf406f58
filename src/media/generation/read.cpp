// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include <array>

namespace podstudio::media {

generation_facts read_generation(carriers& found, const least_bits& bits) {
  if (auto hidden = read_stealth(bits); !hidden.text.empty())
    found.add(carrier::stealth, "stealth", hidden.text, hidden.cut);
  // From those that name themselves to those that only their form tells.
  constexpr std::array readers{read_swarmui,       read_fooocus, read_invokeai,
                               read_novelai,       read_comfyui, read_drawthings,
                               read_easydiffusion, read_a1111,   read_midjourney};
  generation_facts facts;
  for (auto reader : readers) {
    if (reader(found, facts)) break;
    facts = {};
  }
  add_c2pa(found, facts);
  add_source_type(found, facts);
  return facts;
}

}  // namespace podstudio::media
