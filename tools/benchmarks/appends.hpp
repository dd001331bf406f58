// SPDX-License-Identifier: MIT
#pragma once

#include "events/codec.hpp"
#include "events/command.hpp"
#include "steps.hpp"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// What the measurements of appends have in common: clients that each append, wait until it is
/// durable, and append again; and what they append, the same for every store.
namespace benchmark {

struct load {
  std::string folder;  ///< empty, on the disk to measure
  unsigned clients = 1;
  unsigned batch = 1;  ///< events a command or transaction
  double seconds = 1;
};

struct measured {
  std::uint64_t appends = 0;
  std::uint64_t events = 0;
  double seconds = 0;
};

/// A file that the catalogue takes, about 150 bytes as it is encoded.
inline podstudio::event sample_event(std::uint64_t number) {
  podstudio::asset_registered what;
  what.asset = static_cast<std::int64_t>(number) + 1;
  what.path =
      "/home/ada/Pictures/pack 03 fern/set 07/amber dawn " + std::to_string(number) + ".png";
  for (std::size_t i = 0; i < what.content.sha256.size(); ++i)
    what.content.sha256[i] = static_cast<std::uint8_t>((number + i) * 0x9e3779b1u >> 8);
  return what;
}

/// The command number `number` of a client.
inline std::shared_ptr<const podstudio::command>
sample_command(unsigned client, std::uint64_t number, unsigned events) {
  auto what = std::make_shared<podstudio::command>();
  for (std::size_t i = 0; i < 8; ++i) {
    what->id[i] = static_cast<std::uint8_t>(number >> (8 * i));
    what->id[8 + i] = static_cast<std::uint8_t>(client >> (8 * i % 32));
  }
  what->origin = "import";
  what->summary = "take files";
  what->events.reserve(events);
  for (unsigned i = 0; i < events; ++i)
    what->events.push_back(sample_event(number * events + i));
  return what;
}

/// Runs `make_client(index)` in a thread for each client, and calls what it returns, with the
/// number of the append, until the time is over. Making the clients is not measured.
template <class MakeClient>
measured run_clients(const load& what, MakeClient make_client) {
  using clock = std::chrono::steady_clock;
  std::atomic<std::uint64_t> appends = 0;
  clock::time_point begin;
  std::barrier start(what.clients, [&]() noexcept { begin = clock::now(); });
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < what.clients; ++i)
    threads.emplace_back([&, i] {
      auto append = make_client(i);
      start.arrive_and_wait();
      auto end = begin + std::chrono::duration<double>(what.seconds);
      std::uint64_t number = 0;
      while (clock::now() < end)
        append(number++);
      appends += number;
    });
  threads.clear();  // joins them
  std::chrono::duration<double> took = clock::now() - begin;
  return {appends, appends * what.batch, took.count()};
}

/// One commit an append, over the Unix socket in the load's folder.
measured postgres_appends(const load& what);

}  // namespace benchmark
