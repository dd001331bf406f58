// SPDX-License-Identifier: MIT
#include "watch/reconcile.hpp"

#include <algorithm>

namespace podstudio {

namespace {

/// How many files of the walk are compared at a time.
constexpr std::size_t chunk_files = 512;
/// How many files and known files one step compares at most.
constexpr std::size_t step_entries = 4096;

}  // namespace

reconciler::reconciler(std::string folder, std::string root, folder_identity excluded,
                       known_files known, folder_hook hook, guard may_tell_gone, std::size_t kept)
    : folder_(std::move(folder)), root_(std::move(root)), excluded_(excluded),
      known_(std::move(known)), hook_(std::move(hook)), may_tell_gone_(std::move(may_tell_gone)),
      kept_(kept) {
  start_pass(stage::looking);
}

void reconciler::start_pass(stage next) {
  stage_ = next;
  // A watch is set once.
  walker_.emplace(excluded_, next == stage::looking ? hook_ : folder_hook{});
  walker_->add(folder_, root_);
  first_pass_ = next == stage::looking;
  seen_.clear();
  seen_at_ = 0;
  page_.clear();
  at_ = 0;
  if (next_page_.valid()) next_page_.wait();
  next_page_ = {};
  known_ended_ = false;
}

result<void> reconciler::step(findings& into, std::size_t size_max) {
  if (!begun_) {
    begun_ = true;
    auto first = next_known();
    if (!first) return first.failure();
    if (*first == nullptr) stage_ = stage::others;  // nothing is known, so nothing can be gone
  }
  if (walker_) return compare(into, size_max);
  if (stage_ == stage::gone) tell(kept_gone_, into.gone, size_max - into.size());
  if (stage_ == stage::others) tell(kept_others_, into.files, size_max - into.size());
  if ((stage_ == stage::gone ? kept_gone_.empty() : kept_others_.empty())) end_pass();
  return {};
}

template <class T>
void reconciler::tell(std::vector<T>& kept, std::vector<T>& into, std::size_t room) {
  auto count = static_cast<std::ptrdiff_t>(std::min(room, kept.size()));
  std::move(kept.begin(), kept.begin() + count, std::back_inserter(into));
  kept.erase(kept.begin(), kept.begin() + count);
}

result<void> reconciler::compare(findings& into, std::size_t size_max) {
  last_root_folder root;
  for (std::size_t looked = 0; looked < step_entries && into.size() < size_max; ++looked) {
    if (seen_at_ == seen_.size() && !walker_->done()) {
      walk_on(into);
      continue;
    }
    auto known = next_known();
    if (!known) return known.failure();
    ++compared_;
    auto* file = seen_at_ < seen_.size() ? &seen_[seen_at_] : nullptr;
    if (*known == nullptr && file == nullptr) {
      end_pass();
      return {};
    }
    // Negative: the tables are behind.
    auto order = file == nullptr ? -1 : *known == nullptr ? 1 : (*known)->path.compare(file->path);
    if (order < 0) {
      see_gone(**known, root.at(root_), into);
      ++at_;
    } else {
      bool is_known = order == 0;
      if (is_known && stage_ == stage::looking) ++counts_.known;
      if (!is_known || !same_state((*known)->facts, file->facts)) see_other(std::move(*file), into);
      ++seen_at_;
      at_ += is_known ? 1 : 0;
    }
  }
  return {};
}

void reconciler::walk_on(findings& into) {
  findings chunk;
  chunk.files = std::move(seen_);  // for its memory
  chunk.files.clear();
  walker_->step(chunk, chunk_files);
  seen_ = std::move(chunk.files);
  seen_at_ = 0;
  blocked_.insert(chunk.blocked.begin(), chunk.blocked.end());
  if (!first_pass_) return;
  into.skipped += chunk.skipped;
  add(chunk.not_taken, into.not_taken);
  std::move(chunk.failures.begin(), chunk.failures.end(), std::back_inserter(into.failures));
}

result<const known_file*> reconciler::next_known() {
  if (at_ == page_.size() && !known_ended_) {
    auto page = next_page_.valid() ? next_page_.get() : known_(folder_, {});
    if (!page) return page.failure();
    page_ = std::move(*page);
    at_ = 0;
    known_ended_ = page_.empty();
    // Read beside the walk: each takes about as long as the other.
    if (!known_ended_) next_page_ = std::async(known_, folder_, page_.back().path);
  }
  return at_ < page_.size() ? &page_[at_] : nullptr;
}

void reconciler::see_gone(const known_file& file, const root_folder& root, findings& into) {
  if (stage_ == stage::looking) ++counts_.known;
  if (stage_ == stage::others) return;
  // The names were read before the tables: it may have come since.
  if (is_blocked(file.path) || !is_gone(root, file.path)) return;
  if (stage_ == stage::gone) {
    into.gone.push_back(gone_from(root, file.path, key_of_));
  } else if (++counts_.gone <= kept_) {
    kept_gone_.push_back(gone_from(root, file.path, key_of_));
  }
}

void reconciler::see_other(seen_file&& file, findings& into) {
  if (stage_ == stage::gone) return;
  file.key = key_of_(file.path);
  if (stage_ == stage::others) {
    into.files.push_back(std::move(file));
  } else if (++counts_.other <= kept_) {
    kept_others_.push_back(std::move(file));
  }
}

bool reconciler::is_blocked(const std::string& path) const {
  if (blocked_.empty()) return false;
  for (auto slash = path.rfind('/'); slash != path.npos && slash > 0;
       slash = path.rfind('/', slash - 1))
    if (blocked_.contains(path.substr(0, slash))) return true;
  return false;
}

void reconciler::end_pass() {
  auto others = [this] {
    if (counts_.other > kept_) {
      kept_others_.clear();
      return start_pass(stage::others);
    }
    walker_.reset();
    stage_ = kept_others_.empty() ? stage::done : stage::others;
  };
  switch (stage_) {
  case stage::looking:
    if (counts_.gone == 0 || !may_tell_gone_(counts_)) return others();
    if (counts_.gone > kept_) {
      kept_gone_.clear();
      return start_pass(stage::gone);
    }
    walker_.reset();
    stage_ = stage::gone;
    return;
  case stage::gone:
    return others();
  case stage::others:
  case stage::done:
    stage_ = stage::done;
  }
}

}  // namespace podstudio
