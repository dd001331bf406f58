// SPDX-License-Identifier: MIT
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace podstudio {

/// A hash table of ids, at most 12 bytes per id: open addressing with linear probing. What an id
/// stands for is kept elsewhere; `hash_of(id)` returns its hash, which must not change while the id
/// is in the table. Several ids may have the same hash.
class id_index {
public:
  std::size_t size() const noexcept { return used_; }

  /// Makes room for so many ids in all, so that adding them does not move those that are there.
  template <class HashOf>
  void reserve(std::size_t ids, HashOf hash_of) {
    while (ids * 10 > slots_.size() * 7)
      grow(hash_of);
  }

  template <class HashOf>
  void add(std::uint32_t id, HashOf hash_of) {
    assert(id != 0);
    if ((used_ + 1) * 10 > slots_.size() * 7) grow(hash_of);
    place(id, hash_of(id));
    ++used_;
  }

  /// The id must be in the table.
  template <class HashOf>
  void remove(std::uint32_t id, HashOf hash_of) {
    auto hole = hash_of(id) & mask();
    while (slots_[hole] != id) {
      assert(slots_[hole] != 0);
      hole = (hole + 1) & mask();
    }
    // Shift back what probed past the hole, so that no tombstones are needed.
    for (auto slot = (hole + 1) & mask(); slots_[slot] != 0; slot = (slot + 1) & mask()) {
      auto home = hash_of(slots_[slot]) & mask();
      if (((slot - home) & mask()) < ((slot - hole) & mask())) continue;
      slots_[hole] = slots_[slot];
      hole = slot;
    }
    slots_[hole] = 0;
    --used_;
  }

  /// An id of which `is_it(id)` holds, 0 if there is none. It is asked of all ids with this hash,
  /// and of some others.
  template <class IsIt>
  std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
    for (auto slot = hash & mask(); slots_[slot] != 0; slot = (slot + 1) & mask())
      if (is_it(slots_[slot])) return slots_[slot];
    return 0;
  }

private:
  std::size_t mask() const noexcept { return slots_.size() - 1; }

  void place(std::uint32_t id, std::uint64_t hash) {
    auto slot = hash & mask();
    while (slots_[slot] != 0)
      slot = (slot + 1) & mask();
    slots_[slot] = id;
  }

  template <class HashOf>
  void grow(HashOf hash_of) {
    std::vector<std::uint32_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (auto id : old)
      if (id != 0) place(id, hash_of(id));
  }

  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024);
  std::size_t used_ = 0;
};

}  // namespace podstudio
