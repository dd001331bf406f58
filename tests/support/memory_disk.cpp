// SPDX-License-Identifier: MIT
#include "support/memory_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

using podstudio::result;
using podstudio::system_error;

namespace {

bool lies_below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// Moves an entry and all below it; what was below `to` must be gone.
template <class Entries>
void move_entries(Entries& entries, const std::string& from, const std::string& to) {
  Entries moved;
  std::erase_if(entries, [&](auto& entry) {
    bool goes = entry.first == from || lies_below(entry.first, from);
    if (goes) moved[to + entry.first.substr(from.size())] = entry.second;
    return goes;
  });
  for (auto& [path, node] : moved)
    entries[path] = node;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

/// Calls `each(sector, offset, size)` for every sector that a range touches, with what it touches.
template <class Each>
void for_each_sector(std::uint64_t offset, std::uint64_t size, Each each) {
  for (auto at = offset, end = offset + size; at < end;) {
    auto sector = at / memory_disk::sector_bytes;
    auto to = std::min(end, (sector + 1) * memory_disk::sector_bytes);
    each(sector, at, to - at);
    at = to;
  }
}

/// What a sector may hold that lost power while it was written.
void fill_with_garbage(std::span<char> bytes, const choice& choose) {
  auto kind = choose(3);
  std::minstd_rand random(static_cast<std::uint32_t>(choose(1u << 30)) + 1);
  for (auto& byte : bytes)
    byte = kind == 0 ? '\0' : kind == 1 ? '\xff' : static_cast<char>(random() >> 8);
}

}  // namespace

class memory_file final : public podstudio::file {
public:
  memory_file(memory_disk& disk, memory_disk::node node, std::shared_ptr<void> lock)
      : disk_(disk), node_(std::move(node)), lock_(std::move(lock)) {}

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    auto& bytes = *node_->now;
    if (offset >= bytes.size()) return std::size_t{0};
    auto count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    return count;
  }
  result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> from) override {
    if (from.empty()) return {};
    if (auto room = grow(offset + from.size()); !room) return room;
    ++disk_.changes_;
    std::memcpy(node_->now.own().data() + offset, from.data(), from.size());
    node_->unsynced.push_back(memory_disk::write{
        offset, std::string(reinterpret_cast<const char*>(from.data()), from.size())});
    return {};
  }
  result<void> sync_data() override {
    memory_disk::settle(*node_, node_->unsynced.size(), {},
                        [](std::size_t count) { return count - 1; });
    node_->unsynced.clear();
    return {};
  }
  result<void> sync_all() override { return sync_data(); }
  result<void> allocate(std::uint64_t offset, std::uint64_t size_bytes) override {
    return grow(offset + size_bytes);
  }
  result<void> truncate(std::uint64_t size_bytes) override {
    if (size_bytes > node_->now->size()) return grow(size_bytes);
    if (size_bytes < node_->now->size()) set_size(size_bytes);
    return {};
  }
  result<std::uint64_t> size() override { return std::uint64_t{node_->now->size()}; }

  result<void> check_undisturbed(const std::string& path, std::uint64_t size_bytes_min,
                                 std::uint64_t offset,
                                 std::span<const std::uint8_t> expected) override {
    auto found = disk_.entries_.find(path);
    auto bytes = std::as_bytes(std::span(*node_->now));
    bool good =
        found != disk_.entries_.end() && found->second == node_ && bytes.size() >= size_bytes_min
        && std::ranges::equal(bytes.subspan(offset, expected.size()), std::as_bytes(expected));
    if (good) return {};
    return podstudio::error{podstudio::error_code::io_failed, "'" + path + "' was disturbed"};
  }

  memory_disk::inode& node() noexcept { return *node_; }

private:
  result<void> grow(std::uint64_t size) {
    if (size <= node_->now->size()) return {};
    if (disk_.used_bytes() + size - node_->now->size() > disk_.capacity_bytes)
      return system_error(ENOSPC)("cannot grow a file");
    set_size(size);
    return {};
  }
  void set_size(std::uint64_t size) {
    ++disk_.changes_;
    node_->now.own().resize(size);
    node_->unsynced.push_back(memory_disk::resize{size});
  }

  memory_disk& disk_;
  memory_disk::node node_;
  std::shared_ptr<void> lock_;  ///< null: opened to read
};

class memory_claim final : public podstudio::folder_claim {
public:
  explicit memory_claim(std::shared_ptr<void> lock) : lock_(std::move(lock)) {}

private:
  std::shared_ptr<void> lock_;
};

std::shared_ptr<void> memory_disk::try_lock(inode& of) {
  if (!of.writer.expired()) return nullptr;
  auto lock = std::make_shared<bool>();
  of.writer = lock;
  return lock;
}

/// Makes durable what is kept of the changes to a file.
void memory_disk::settle(inode& of, std::size_t resizes_kept, const choice& garbage,
                         const choice& choose) {
  if (of.unsynced.empty()) return;
  struct fate {
    std::size_t writes = 0;
    std::size_t kept = 0;
    bool garbage = false;
    std::size_t seen = 0;
  };
  std::map<std::uint64_t, fate> sectors;
  for (auto& change : of.unsynced)
    if (auto* written = std::get_if<write>(&change))
      for_each_sector(
          written->offset, written->bytes.size(),
          [&](std::uint64_t sector, std::uint64_t, std::uint64_t) { ++sectors[sector].writes; });
  for (auto& [sector, each] : sectors) {
    each.kept = choose(each.writes + 1);
    each.garbage = garbage && each.kept < each.writes && garbage(4) == 1;
  }
  auto& durable = of.durable.own();
  std::size_t resizes = 0;
  for (auto& change : of.unsynced) {
    if (auto* resized = std::get_if<resize>(&change)) {
      if (resizes++ < resizes_kept) durable.resize(resized->size);
      continue;
    }
    auto& written = std::get<write>(change);
    for_each_sector(written.offset, written.bytes.size(),
                    [&](std::uint64_t sector, std::uint64_t at, std::uint64_t size) {
                      auto& each = sectors[sector];
                      bool keep = each.seen++ < each.kept;
                      if (at >= durable.size()) return;
                      size = std::min<std::uint64_t>(size, durable.size() - at);
                      auto* from = written.bytes.data() + (at - written.offset);
                      auto* to = durable.data() + at;
                      if (keep)
                        std::memcpy(to, from, size);
                      else if (each.garbage && std::memcmp(to, from, size) != 0)
                        fill_with_garbage({to, static_cast<std::size_t>(size)}, garbage);
                    });
  }
}

void memory_disk::apply(const entry_change& change, folders& to) {
  if (!change.moved_from.empty() && change.to->is_folder)
    return move_entries(to, change.moved_from, change.path);
  if (!change.moved_from.empty()) to.erase(change.moved_from);
  if (change.to == nullptr)
    to.erase(change.path);
  else
    to[change.path] = change.to;
}

void memory_disk::change_entry(entry_change change) {
  ++changes_;
  apply(change, entries_);
  unsynced_entries_.push_back(std::move(change));
}

void memory_disk::crash() {
  crash([](std::size_t) { return std::size_t{0}; });
}

void memory_disk::crash(const choice& choose) {
  auto kept = unsynced_entries_.empty() ? 0 : choose(unsynced_entries_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i)
    apply(unsynced_entries_[i], durable_entries_);
  unsynced_entries_.clear();
  for (auto& [path, each] : durable_entries_) {
    auto after = std::make_shared<inode>(*each);
    auto resizes = static_cast<std::size_t>(std::ranges::count_if(
        after->unsynced, [](auto& change) { return std::holds_alternative<resize>(change); }));
    settle(*after, resizes == 0 ? 0 : choose(resizes + 1), garbage, choose);
    after->unsynced.clear();
    after->now = after->durable;
    after->writer.reset();
    each = std::move(after);
  }
  entries_ = durable_entries_;
}

void memory_disk::fail_sync(podstudio::file& of, const choice& choose) {
  auto& failed = static_cast<memory_file&>(of).node();
  settle(failed, 0, garbage, choose);
  std::erase_if(failed.unsynced,
                [](auto& change) { return std::holds_alternative<write>(change); });
}

memory_disk memory_disk::clone() const {
  memory_disk copy;
  copy.capacity_bytes = capacity_bytes;
  copy.garbage = garbage;
  std::map<node, node> copied{{nullptr, nullptr}};
  auto copy_of = [&](const node& original) {
    auto [found, added] = copied.emplace(original, nullptr);
    if (!added) return found->second;
    found->second = std::make_shared<inode>(*original);
    found->second->writer.reset();
    return found->second;
  };
  for (auto& [path, original] : entries_)
    copy.entries_.emplace_hint(copy.entries_.end(), path, copy_of(original));
  for (auto& [path, original] : durable_entries_)
    copy.durable_entries_.emplace_hint(copy.durable_entries_.end(), path, copy_of(original));
  for (auto change : unsynced_entries_) {
    change.to = copy_of(change.to);
    copy.unsynced_entries_.push_back(std::move(change));
  }
  return copy;
}

void memory_disk::put(const std::string& path, shared_bytes bytes) {
  auto made = std::make_shared<inode>();
  made->now = made->durable = std::move(bytes);
  entries_[path] = durable_entries_[path] = made;
}

void memory_disk::erase(const std::string& path) {
  entries_.erase(path);
  durable_entries_.erase(path);
}

std::map<std::string, std::string> memory_disk::files() const {
  std::map<std::string, std::string> all;
  for (auto& [path, each] : entries_)
    if (!each->is_folder) all[path] = *each->now;
  return all;
}

std::uint64_t memory_disk::used_bytes() const {
  std::uint64_t used = 0;
  for (auto& [path, each] : entries_)
    used += each->now->size();
  return used;
}

result<std::unique_ptr<podstudio::file>> memory_disk::open(const std::string& path,
                                                           podstudio::open_mode mode) {
  bool create = mode == podstudio::open_mode::create;
  auto found = entries_.find(path);
  if (found == entries_.end() && !create) return system_error(ENOENT)("cannot open '" + path + "'");
  if (found != entries_.end() && create)
    return system_error(EEXIST)("cannot create '" + path + "'");
  if (create) {
    change_entry({path, std::make_shared<inode>(), {}});
    found = entries_.find(path);
  }
  std::shared_ptr<void> lock;
  if (mode != podstudio::open_mode::read) {
    lock = try_lock(*found->second);
    if (!lock)
      return podstudio::error{podstudio::error_code::in_use, "'" + path + "' is being written to"};
  }
  return std::unique_ptr<podstudio::file>(
      std::make_unique<memory_file>(*this, found->second, std::move(lock)));
}

result<std::vector<std::string>> memory_disk::list(const std::string& folder) {
  if (!entries_.contains(folder)) return system_error(ENOENT)("cannot list '" + folder + "'");
  std::vector<std::string> names;
  for (auto& [path, each] : entries_)
    if (path.size() > folder.size() && parent_of(path) == folder)
      names.push_back(path.substr(folder.size() + 1));
  return names;
}

result<bool> memory_disk::make_folder(const std::string& path) {
  if (entries_.contains(path)) return false;
  auto made = std::make_shared<inode>();
  made->is_folder = true;
  change_entry({path, std::move(made), {}});
  return true;
}

result<void> memory_disk::rename(const std::string& from, const std::string& to) {
  auto found = entries_.find(from);
  if (found == entries_.end()) return system_error(ENOENT)("cannot rename '" + from + "'");
  for (auto& [path, each] : entries_)
    if (lies_below(path, to)) return system_error(ENOTEMPTY)("cannot rename '" + from + "'");
  change_entry({to, found->second, from});
  return {};
}

result<void> memory_disk::remove(const std::string& path) {
  if (!entries_.contains(path)) return system_error(ENOENT)("cannot remove '" + path + "'");
  change_entry({path, nullptr, {}});
  return {};
}

result<std::unique_ptr<podstudio::folder_claim>> memory_disk::claim(const std::string& folder) {
  auto found = entries_.find(folder);
  if (found == entries_.end()) return system_error(ENOENT)("cannot open '" + folder + "'");
  auto lock = try_lock(*found->second);
  if (!lock)
    return podstudio::error{podstudio::error_code::in_use, "'" + folder + "' is being written to"};
  return std::unique_ptr<podstudio::folder_claim>(std::make_unique<memory_claim>(std::move(lock)));
}

/// A journal keeps its order, so what was changed before the folder is durable with it.
result<void> memory_disk::sync_folder(const std::string& path) {
  auto last = std::ranges::find_if(
      unsynced_entries_.rbegin(), unsynced_entries_.rend(),
      [&](const entry_change& change) { return parent_of(change.path) == path; });
  for (auto each = unsynced_entries_.begin(); each != last.base(); ++each)
    apply(*each, durable_entries_);
  unsynced_entries_.erase(unsynced_entries_.begin(), last.base());
  return {};
}
