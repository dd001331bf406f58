// SPDX-License-Identifier: MIT
// similar_bench [COUNT] -- how long it takes to find what is near one hash, and all groups of near
// ones, among so many (a million by default): a tenth are near copies of others, the rest random.
// Prints JSON.

#include "media/similar.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using namespace podstudio::media;

namespace {

double seconds_of(auto work) {
  auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int count, char** arguments) {
  auto wanted = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1'000'000;
  std::mt19937_64 random(1);
  std::vector<pdq_hash> hashes;
  hashes.reserve(wanted);
  while (hashes.size() < wanted) {
    pdq_hash made{{random(), random(), random(), random()}};
    if (hashes.size() > 10 && random() % 10 == 0) {
      made = hashes[random() % hashes.size()];
      for (auto flips = random() % 32; flips > 0; --flips)
        made.words[random() % 4] ^= std::uint64_t{1} << random() % 64;
    }
    hashes.push_back(made);
  }
  constexpr int queries = 50;
  std::vector<double> times;
  std::size_t near = 0;
  for (int i = 0; i < queries; ++i)
    times.push_back(seconds_of([&] {
      near += find_near(hashes, hashes[random() % hashes.size()], pdq_distance_max, 100).size();
    }));
  std::ranges::sort(times);
  std::size_t groups = 0;
  auto grouping = seconds_of([&] { groups = group_near(hashes).size(); });
  std::printf("{\"hashes\": %zu, \"query_ms_median\": %.2f, \"query_ms_max\": %.2f, \"near\": %zu, "
              "\"groups\": %zu, \"groups_s\": %.2f}\n",
              hashes.size(), times[times.size() / 2] * 1e3, times.back() * 1e3, near, groups,
              grouping);
}
