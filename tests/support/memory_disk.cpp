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

class memory_file final : public podstudio::file {
public:
  memory_file(memory_disk& disk, std::shared_ptr<memory_disk::inode> node)
      : disk_(disk), node_(std::move(node)) {}

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    auto& bytes = node_->bytes;
    if (offset >= bytes.size()) return std::size_t{0};
    auto count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    return count;
  }
  result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> from) override {
    if (auto room = grow(offset + from.size()); !room) return room;
    std::copy(from.begin(), from.end(), node_->bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  result<void> sync_data() override {
    node_->synced = node_->bytes;
    return {};
  }
  result<void> sync_all() override { return sync_data(); }
  result<void> allocate(std::uint64_t offset, std::uint64_t size_bytes) override {
    return grow(offset + size_bytes);
  }
  result<void> truncate(std::uint64_t size_bytes) override {
    node_->bytes.resize(size_bytes);
    return {};
  }
  result<std::uint64_t> size() override { return std::uint64_t{node_->bytes.size()}; }

private:
  result<void> grow(std::uint64_t size) {
    if (size <= node_->bytes.size()) return {};
    if (disk_.used_bytes() + size - node_->bytes.size() > disk_.capacity_bytes)
      return system_error(ENOSPC, "cannot grow a file");
    node_->bytes.resize(size);
    return {};
  }

  memory_disk& disk_;
  std::shared_ptr<memory_disk::inode> node_;
};

/// Of each sector that differs, the one or the other.
std::string mix(const std::string& written, const std::string& synced, std::mt19937_64& random) {
  auto mixed = random() % 2 == 0 ? written : synced;
  for (std::size_t at = 0; at < mixed.size(); at += memory_disk::sector_bytes) {
    auto& from = random() % 2 == 0 ? written : synced;
    for (auto i = at; i < std::min(at + memory_disk::sector_bytes, mixed.size()); ++i)
      mixed[i] = i < from.size() ? from[i] : '\0';
  }
  return mixed;
}

}  // namespace

void memory_disk::crash() {
  entries_ = synced_entries_;
  for (auto& [path, node] : entries_) {
    node = std::make_shared<inode>(*node);
    node->bytes = node->synced;
  }
  synced_entries_ = entries_;
}

void memory_disk::crash(std::mt19937_64& random) {
  // A journaling file system keeps the order of changes to its folders, and a rename is one change.
  auto after = random() % 2 == 0 ? entries_ : synced_entries_;
  for (auto& [path, node] : after) {
    node = std::make_shared<inode>(*node);
    node->bytes = mix(node->bytes, node->synced, random);
    node->synced = node->bytes;
  }
  entries_ = synced_entries_ = std::move(after);
}

memory_disk memory_disk::clone() const {
  memory_disk copy;
  copy.capacity_bytes = capacity_bytes;
  std::map<std::shared_ptr<inode>, std::shared_ptr<inode>> copied;
  auto copy_of = [&](const std::shared_ptr<inode>& original) {
    auto& made = copied[original];
    if (made == nullptr) made = std::make_shared<inode>(*original);
    return made;
  };
  for (auto& [path, original] : entries_)
    copy.entries_[path] = copy_of(original);
  for (auto& [path, original] : synced_entries_)
    copy.synced_entries_[path] = copy_of(original);
  return copy;
}

void memory_disk::put(const std::string& path, std::string bytes) {
  auto made = std::make_shared<inode>();
  made->bytes = made->synced = std::move(bytes);
  entries_[path] = synced_entries_[path] = made;
}

void memory_disk::erase(const std::string& path) {
  entries_.erase(path);
  synced_entries_.erase(path);
}

std::map<std::string, std::string> memory_disk::files() const {
  std::map<std::string, std::string> all;
  for (auto& [path, node] : entries_)
    if (!node->is_folder) all[path] = node->bytes;
  return all;
}

std::uint64_t memory_disk::used_bytes() const {
  std::uint64_t used = 0;
  for (auto& [path, node] : entries_)
    used += node->bytes.size();
  return used;
}

result<std::unique_ptr<podstudio::file>> memory_disk::open(const std::string& path,
                                                           podstudio::open_mode mode) {
  bool create = mode == podstudio::open_mode::create;
  auto found = entries_.find(path);
  if (found == entries_.end() && !create) return system_error(ENOENT, "cannot open '" + path + "'");
  if (found != entries_.end() && create)
    return system_error(EEXIST, "cannot create '" + path + "'");
  if (create) found = entries_.emplace(path, std::make_shared<inode>()).first;
  return std::unique_ptr<podstudio::file>(std::make_unique<memory_file>(*this, found->second));
}

result<std::vector<std::string>> memory_disk::list(const std::string& folder) {
  if (!entries_.contains(folder)) return system_error(ENOENT, "cannot list '" + folder + "'");
  std::vector<std::string> names;
  for (auto& [path, node] : entries_)
    if (path != folder && parent_of(path) == folder)
      names.push_back(path.substr(folder.size() + 1));
  return names;
}

result<bool> memory_disk::make_folder(const std::string& path) {
  if (entries_.contains(path)) return false;
  auto made = std::make_shared<inode>();
  made->is_folder = true;
  entries_[path] = made;
  return true;
}

result<void> memory_disk::rename(const std::string& from, const std::string& to) {
  auto found = entries_.find(from);
  if (found == entries_.end()) return system_error(ENOENT, "cannot rename '" + from + "'");
  for (auto& [path, node] : entries_)
    if (lies_below(path, to)) return system_error(ENOTEMPTY, "cannot rename '" + from + "'");
  move_entries(entries_, from, to);
  return {};
}

result<void> memory_disk::remove(const std::string& path) {
  if (entries_.erase(path) == 0) return system_error(ENOENT, "cannot remove '" + path + "'");
  return {};
}

result<void> memory_disk::sync_folder(const std::string& path) {
  // What is durable in a folder goes with it when its new name becomes durable.
  for (auto& [entry, node] : entries_) {
    if (parent_of(entry) != path || node->synced_at.empty() || node->synced_at == entry) continue;
    move_entries(synced_entries_, node->synced_at, entry);
    node->synced_at = entry;
  }
  if (auto folder = entries_.find(path); folder != entries_.end()) folder->second->synced_at = path;
  std::erase_if(synced_entries_, [&](auto& entry) {
    return parent_of(entry.first) == path && !entries_.contains(entry.first);
  });
  for (auto& [entry, node] : entries_)
    if (parent_of(entry) == path) synced_entries_[entry] = node;
  return {};
}
