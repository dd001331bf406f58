// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE system_hostile_peers
#include "api/operations.hpp"
#include "console/client.hpp"
#include "console/credentials.hpp"
#include "console/frames.hpp"
#include "platform/unique_fd.hpp"
#include "system/console.hpp"
#include "system/process.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

/// What strangers send to the console's port, and what peers that were let in send to hurt.

using namespace system_test;
using nlohmann::json;

namespace {

using rng = std::mt19937_64;
using session_ptr = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::size_t below(rng& random, std::size_t end) { return random() % end; }
bool once_in(rng& random, std::size_t times) { return below(random, times) == 0; }

std::string random_bytes(rng& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  return bytes;
}

/// A little of it is not what it was.
std::string mutated(rng& random, std::string bytes) {
  for (auto changes = 1 + below(random, 4); changes > 0 && !bytes.empty(); --changes) {
    auto at = below(random, bytes.size());
    switch (below(random, 6)) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] ^= static_cast<char>(1 << below(random, 8));
      break;
    case 2:
      bytes.erase(at, 1 + below(random, 16));
      break;
    case 3:
      bytes.insert(at, random_bytes(random, 1 + below(random, 16)));
      break;
    case 4:
      bytes.resize(at);
      break;
    case 5:
      bytes.insert(at, bytes.substr(below(random, bytes.size()), 64));
      break;
    }
  }
  return bytes;
}

/// A value that an argument may be, or must not be.
json any_value(rng& random, int depth = 0) {
  switch (below(random, depth < 3 ? 13 : 10)) {
  case 0:
    return nullptr;
  case 1:
    return once_in(random, 2);
  case 2:
    return static_cast<std::int64_t>(random());
  case 3:
    return static_cast<std::int64_t>(below(random, 8));
  case 4:
    return -1;
  case 5:
    return 1e300;
  case 6:
    return "";
  case 7:
    return "/nowhere/at/all";
  case 8:
    return std::string(below(random, 4) * 3000, 'x');
  case 9:
    return mutated(random, "a name with \xc3\xa4, \xe2\x80\xae and \xf0\x9f\x98\x80");
  case 10:
    return json::array({any_value(random, depth + 1), any_value(random, depth + 1)});
  case 11:
    return json{{"from", any_value(random, depth + 1)}};
  default: {
    auto many = json::array();
    for (std::size_t i = below(random, 300); i > 0; --i)
      many.push_back(i);
    return many;
  }
  }
}

/// A value that an argument of this schema may be, as far as that is easily told; or any.
json likely_value(rng& random, const json& schema) {
  if (once_in(random, 4)) return any_value(random);
  if (auto choices = schema.find("anyOf"); choices != schema.end())
    return likely_value(random, (*choices)[below(random, choices->size())]);
  if (auto words = schema.find("enum"); words != schema.end())
    return (*words)[below(random, words->size())];
  auto type = schema.value("type", std::string());
  if (type == "object") {
    auto made = json::object();
    const auto properties = schema.value("properties", json::object());
    for (const auto& [key, value] : properties.items())
      if (once_in(random, 8)) made[key] = likely_value(random, value);
    return made;
  }
  if (type == "boolean") return once_in(random, 2);
  if (type == "integer") return below(random, 8);
  if (type == "array") return json::array({likely_value(random, schema["items"])});
  if (type == "string")
    return schema.value("pattern", std::string()) == "^/" ? "/nowhere/at/all" : "sea";
  return any_value(random);
}

/// Some arguments of an operation, as its schema has them, and now and then others.
json any_arguments(rng& random, const podstudio::operation& of) {
  auto arguments = json::object();
  const auto schema = of.arguments();
  const auto& properties = schema["properties"];
  const auto required = schema.value("required", words());
  for (const auto& [key, value] : properties.items())
    if (std::ranges::count(required, key) > 0 ? !once_in(random, 16) : once_in(random, 4))
      arguments[key] = likely_value(random, value);
  if (once_in(random, 16)) arguments["sort"] = any_value(random);
  return arguments;
}

std::string any_request(rng& random) {
  static const words unknown{"asset.withdraw", "pack.set",    "counts", "pack.warnings",
                             "console.reboot", "engine.stop", ""};
  auto all = podstudio::api::operations();
  const auto& of = all[below(random, all.size())];
  auto arguments = any_arguments(random, of);
  // Nobody waits for long here.
  if (arguments.contains("timeout_ms")) arguments["timeout_ms"] = below(random, 50);
  json request{{"command", of.name}, {"arguments", arguments}};
  if (once_in(random, 16)) request["command"] = unknown[below(random, unknown.size())];
  if (once_in(random, 4)) request["id"] = any_value(random);
  auto text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  switch (below(random, 8)) {
  case 0:
    return mutated(random, text);
  case 1:
    return random_bytes(random, below(random, 2000));
  case 2:
    return std::string(below(random, 100'000), "[{\"1"[below(random, 4)]);
  default:
    return text;
  }
}

/// Frames, most of them whole.
std::string any_frames(rng& random) {
  std::string bytes;
  for (auto count = 1 + below(random, 4); count > 0; --count) {
    auto text = any_request(random);
    auto header = podstudio::make_frame_header(once_in(random, 10) ? random() : text.size());
    bytes.append(header.begin(), header.end());
    bytes += text;
  }
  if (once_in(random, 5)) bytes = mutated(random, bytes);
  return bytes;
}

podstudio::unique_fd connect_port(std::uint16_t port) {
  podstudio::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

podstudio::unique_fd connect_socket(const std::string& path) {
  podstudio::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

/// Nobody here waits for a service that does not want to hear or say more.
void limit_waiting(const podstudio::unique_fd& fd) {
  timeval limit{0, 50'000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void exchange(rng& random, const podstudio::unique_fd& fd, const std::string& bytes) {
  limit_waiting(fd);
  auto part = once_in(random, 4) ? 1 + below(random, bytes.size() + 1) : bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += part)
    if (::send(fd.get(), bytes.data() + at, std::min(part, bytes.size() - at), MSG_NOSIGNAL) <= 0)
      break;
  if (once_in(random, 4)) ::shutdown(fd.get(), SHUT_WR);
  char buffer[4096];
  for (auto reads = below(random, 4); reads > 0; --reads)
    if (::recv(fd.get(), buffer, sizeof buffer, 0) <= 0) break;
}

/// The first message of a handshake.
std::string client_hello(SSL_CTX* context) {
  session_ptr session{SSL_new(context), &SSL_free};
  auto in = BIO_new(BIO_s_mem()), out = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), in, out);
  SSL_connect(session.get());
  ERR_clear_error();
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

struct hostile_peers {
  workspace space;
  library podstudio{space.data};
  std::optional<service> running;
  std::uint16_t port = 0;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                            &SSL_CTX_free};
  std::atomic<std::uint64_t> before_handshake{0}, by_socket{0}, by_tls{0};

  hostile_peers() {
    for (int i = 0; i < 20; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i % 9));
    running.emplace(podstudio, words{space.root});
    podstudio.must({"sync"});
    port = json::parse(read_file(space.data + "/run/console.json"))["port"];
    auto tls = space.data + "/tls/console.";
    BOOST_REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), (tls + "crt").c_str()) == 1);
    BOOST_REQUIRE(
        SSL_CTX_use_PrivateKey_file(context.get(), (tls + "key").c_str(), SSL_FILETYPE_PEM) == 1);
  }

  void attack(rng& random) {
    switch (below(random, 3)) {
    case 0: {
      auto fd = connect_port(port);
      auto bytes = once_in(random, 3) ? random_bytes(random, below(random, 3000))
                                      : mutated(random, client_hello(context.get()));
      if (fd) exchange(random, fd, bytes);
      ++before_handshake;
      break;
    }
    case 1: {
      auto fd = connect_socket(space.data + "/run/console.sock");
      if (fd) exchange(random, fd, any_frames(random));
      ++by_socket;
      break;
    }
    default: {
      auto fd = connect_port(port);
      if (!fd) break;
      limit_waiting(fd);
      session_ptr session{SSL_new(context.get()), &SSL_free};
      SSL_set_fd(session.get(), fd.get());
      if (SSL_connect(session.get()) == 1) {
        auto bytes = any_frames(random);
        SSL_write(session.get(), bytes.data(), static_cast<int>(bytes.size()));
        // Records that are none, in a session that stands.
        if (once_in(random, 5)) exchange(random, fd, random_bytes(random, 100));
        char buffer[4096];
        for (auto reads = below(random, 4); reads > 0; --reads)
          if (SSL_read(session.get(), buffer, sizeof buffer) <= 0) break;
        ++by_tls;
      }
      ERR_clear_error();
    }
    }
  }

  std::size_t resident_kb() const {
    std::ifstream status("/proc/" + std::to_string(running->pid()) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    return 0;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(whatever_peers_send_the_service_goes_on_and_stays_small, hostile_peers) {
  auto seconds = number_from_env("PODSTUDIO_HOSTILE_SECONDS", 3);
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", 1);
  std::signal(SIGPIPE, SIG_IGN);
  auto before = resident_kb(), largest = before;
  auto end = clock::now() + std::chrono::seconds(seconds);
  std::vector<std::thread> attackers;
  for (std::uint64_t i = 0; i < 4; ++i)
    attackers.emplace_back([this, end, number = seed * 4 + i] {
      rng random(number);
      while (clock::now() < end)
        attack(random);
    });
  while (clock::now() < end) {
    largest = std::max(largest, resident_kb());
    running->running().must_run();
    podstudio.must({"status"}, 10s);
  }
  for (auto& attacker : attackers)
    attacker.join();
  std::cout << "seed " << seed << ", " << seconds << " s: " << before_handshake
            << " peers before the handshake, " << by_socket << " at the socket, " << by_tls
            << " with the key; memory " << before / 1024 << " MB before, " << largest / 1024
            << " MB at most, " << resident_kb() / 1024 << " MB after\n"
            << podstudio.json({"status"})["console"] << "\n";
  BOOST_TEST(largest < before + 128 * 1024);
  BOOST_TEST(before_handshake > 0u);
  BOOST_TEST(by_socket > 0u);
  BOOST_TEST(by_tls > 0u);
  podstudio.must({"log", "verify"});
  podstudio.must({"replay", "--check"});
  BOOST_TEST(running->stop().code == 0);
}

BOOST_FIXTURE_TEST_CASE(replies_that_nobody_reads_stay_few, hostile_peers) {
  for (int i = 0; i < 200; ++i)
    podstudio.must({"asset", "set", "1", "--theme", std::string(200, 'x') + std::to_string(i)});
  auto before = resident_kb();
  std::vector<podstudio::unique_fd> peers;
  auto request = json{{"command", "history"}, {"arguments", {{"limit", 1000}}}}.dump();
  auto header = podstudio::make_frame_header(request.size());
  auto frame = std::string(header.begin(), header.end()) + request;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(connect_socket(space.data + "/run/console.sock"));
    BOOST_REQUIRE(peers.back());
    limit_waiting(peers.back());
    for (int j = 0; j < 100; ++j)
      if (::send(peers.back().get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
        break;
  }
  podstudio.must({"asset", "set", "2", "--theme", "in between"});
  BOOST_TEST(resident_kb() < before + 64 * 1024);
  peers.clear();
  podstudio.must({"asset", "set", "2", "--theme", "afterwards"});
}
