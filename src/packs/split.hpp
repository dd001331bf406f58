// SPDX-License-Identifier: MIT
#pragma once

#include "packs/snapshot.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// A pack in several archives, where a marketplace takes no larger ones.
namespace podstudio::packs {

/// The bytes of an archive with these entries, and with what each archive holds besides. It must
/// not shrink when an entry is added.
using archive_size = std::function<std::uint64_t(std::span<const entry>)>;

/// A run of the entries.
struct part {
  std::size_t first = 0, count = 0;
  bool operator==(const part&) const = default;
};

/// `foxes.zip`, or `foxes-part-2.zip` of several; the first has number 1.
std::string archive_name(const std::string& stem, std::size_t number, std::size_t count);

/// Archives of at most `bytes_max` bytes that hold the entries in their order, as many in each as
/// fit; at least one archive. Errors: `refused` where an entry is too large by itself, naming it,
/// or where there would be more than `parts_max` archives, saying how many.
result<std::vector<part>> split(std::span<const entry> entries, std::uint64_t bytes_max,
                                std::uint64_t parts_max, const archive_size& size_of);

}  // namespace podstudio::packs
