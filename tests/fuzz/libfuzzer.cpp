// SPDX-License-Identifier: MIT
#include "properties.hpp"

// The entry of libFuzzer, for the target that the build names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  fuzz::targets[FUZZ_TARGET].property({bytes, size});
  return 0;
}
