#define BOOST_TEST_MODULE console_transport
#include <caf/all.hpp>

#include <boost/test/unit_test.hpp>

#include "console/client.hpp"
#include "console/credentials.hpp"
#include "console/protocol.hpp"
#include "console/transport.hpp"
#include "platform/files.hpp"
#include "support/temp_folder.hpp"

#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace podstudio;
using namespace std::chrono_literals;

namespace {

/// (CAF binds a reference to nothing for an actor without arguments, which sanitizers object to.)
console_actor::behavior_type echo(console_actor::pointer, bool) {
  return {[](const std::string& text) {
    return to_text({{"ok", true}, {"result", nlohmann::json::parse(text)["arguments"]}});
  }};
}

data_folder folder_at(const std::string& root) {
  data_folder folder{root, root + "/podstudio.db"};
  BOOST_REQUIRE(create(folder));
  return folder;
}

credentials pair_at(const std::string& root) {
  auto pair = ensure_credentials(folder_at(root));
  BOOST_REQUIRE(pair);
  return *pair;
}

/// A console that echoes the arguments it is sent.
struct service {
  struct config : caf::actor_system_config {
    explicit config(const credentials& pair) {
      configure_transport(*this, pair);
      set("scheduler.max-threads", std::size_t{1});
    }
  };

  temp_folder place;
  credentials pair = pair_at(place.path + "/data");
  config settings{pair};
  caf::actor_system system{settings};
  console_actor console = system.spawn(echo, true);
  std::uint16_t port = [this] {
    auto bound = publish_console(system, console);
    BOOST_REQUIRE(bound);
    return *bound;
  }();

  ~service() { caf::anon_send_exit(console, caf::exit_reason::user_shutdown); }

  /// Whether a peer with the right key gets its answer.
  bool serves(const std::string& text = "are you there?") const {
    auto client = console_client::connect(pair, port, 5s);
    if (!client) return false;
    auto reply = (*client)->request(make_request("echo", text), 5s);
    if (!reply) return false;
    auto result = read_reply(*reply);
    return result && *result == text;
  }
};

unique_fd tcp_connection(std::uint16_t port) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BOOST_REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// Whether the other side ends the connection within the time.
bool ends(const unique_fd& fd, std::chrono::milliseconds within) {
  auto deadline = std::chrono::steady_clock::now() + within;
  char buffer[4096];
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd.get(), POLLIN, 0};
    if (left <= 0ms || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    if (::recv(fd.get(), buffer, sizeof buffer, 0) <= 0) return true;
  }
}

std::chrono::duration<double> processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_peer_with_the_key_is_answered) {
  service running;
  BOOST_TEST(running.serves());
  BOOST_TEST(running.serves(std::string(3'000'000, 'x')));
}

BOOST_AUTO_TEST_CASE(many_peers_are_answered_at_once) {
  service running;
  std::vector<std::thread> peers;
  std::atomic<int> served{0};
  for (int i = 0; i < 8; ++i)
    peers.emplace_back([&] { served += running.serves(std::string(100'000, 'x')) ? 1 : 0; });
  for (auto& peer : peers)
    peer.join();
  BOOST_TEST(served == 8);
}

BOOST_AUTO_TEST_CASE(a_peer_with_another_certificate_of_the_same_name_is_refused) {
  service running;
  temp_folder elsewhere;
  auto client = console_client::connect(pair_at(elsewhere.path + "/data"), running.port, 5s);
  BOOST_REQUIRE(!client);
  BOOST_TEST((client.failure().code == error_code::no_service));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_peer_that_trusts_the_service_but_has_another_key_is_refused) {
  service running;
  temp_folder elsewhere;
  auto other = pair_at(elsewhere.path + "/data");
  struct config : caf::actor_system_config {
    config(const credentials& own, const credentials& trusted) {
      configure_transport(*this, own);
      openssl_cafile = trusted.certificate_file;
    }
  } settings{other, running.pair};
  caf::actor_system system{settings};
  auto console = caf::openssl::remote_actor<console_actor>(system, "127.0.0.1", running.port);
  BOOST_TEST(!console);
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_tls_peer_without_a_certificate_is_refused) {
  service running;
  auto fd = tcp_connection(running.port);
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                            &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> session{SSL_new(context.get()), &SSL_free};
  BOOST_REQUIRE(SSL_set_fd(session.get(), fd.get()) == 1);
  // With TLS 1.3 the client's side of the handshake may be over before the server refuses it.
  char buffer[64];
  bool connected = SSL_connect(session.get()) == 1;
  BOOST_TEST(!(connected && SSL_read(session.get(), buffer, sizeof buffer) > 0));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_plaintext_actor_system_is_refused) {
  service running;
  struct config : caf::actor_system_config {
    config() { load<caf::io::middleman>(); }
  } settings;
  caf::actor_system system{settings};
  auto console = system.middleman().remote_actor<console_actor>("127.0.0.1", running.port);
  BOOST_TEST(!console);
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(garbage_is_refused) {
  service running;
  for (const auto& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, '\0'),
                            std::string("\x16\x03\x01\xff\xff garbage in a TLS record") + '\xff'}) {
    auto fd = tcp_connection(running.port);
    // The service may hang up in the middle: the rest is then refused by the system.
    [[maybe_unused]] auto sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd.get(), SHUT_WR);
    BOOST_TEST(ends(fd, 5s));
    BOOST_TEST(running.serves());
  }
}

BOOST_AUTO_TEST_CASE(a_silent_peer_costs_no_processor_time_and_blocks_nobody) {
  service running;
  auto silent = tcp_connection(running.port);
  BOOST_TEST(running.serves());
  auto before = processor_time();
  std::this_thread::sleep_for(500ms);  // the time measured over, not a wait for something
  BOOST_TEST((processor_time() - before).count() < 0.1);
  BOOST_TEST(!ends(silent, 1ms));
}

BOOST_AUTO_TEST_CASE(a_peer_that_stops_in_the_middle_of_the_handshake_costs_no_processor_time) {
  service running;
  auto slow = tcp_connection(running.port);
  // The start of a TLS record that announces 512 bytes.
  BOOST_REQUIRE(::send(slow.get(), "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL) == 6);
  BOOST_TEST(running.serves());
  auto before = processor_time();
  std::this_thread::sleep_for(500ms);  // the time measured over, not a wait for something
  BOOST_TEST((processor_time() - before).count() < 0.1);
}

BOOST_AUTO_TEST_CASE(the_oldest_silent_peer_makes_room_for_the_next) {
  service running;
  std::vector<unique_fd> silent;
  for (std::size_t i = 0; i < waiting_peers_max + 3; ++i)
    silent.push_back(tcp_connection(running.port));
  BOOST_TEST(running.serves());
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(ends(silent[i], 5s));
  BOOST_TEST(!ends(silent.back(), 1ms));
}

BOOST_AUTO_TEST_CASE(peers_that_come_and_go_leave_nothing_behind) {
  service running;
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < waiting_peers_max; ++i)
      tcp_connection(running.port);
    BOOST_TEST(running.serves());
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_accepts_and_stays_silent_is_given_up_in_time) {
  temp_folder place;
  auto pair = pair_at(place.path + "/data");
  unique_fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  BOOST_REQUIRE(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  BOOST_REQUIRE(::listen(listening.get(), 5) == 0);
  BOOST_REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  auto begin = std::chrono::steady_clock::now();
  auto client = console_client::connect(pair, ntohs(address.sin_port), 300ms);
  BOOST_REQUIRE(!client);
  BOOST_TEST((client.failure().code == error_code::no_service));
  BOOST_TEST((std::chrono::steady_clock::now() - begin < 3s));
}

BOOST_AUTO_TEST_CASE(nobody_listening_is_no_service) {
  temp_folder place;
  auto pair = pair_at(place.path + "/data");
  auto client = console_client::connect(pair, 1, 1s);
  BOOST_REQUIRE(!client);
  BOOST_TEST((client.failure().code == error_code::no_service));
}

BOOST_AUTO_TEST_CASE(a_service_that_goes_away_fails_the_request_that_waits) {
  temp_folder place;
  std::unique_ptr<console_client> client;
  {
    service running;
    auto connected = console_client::connect(running.pair, running.port, 5s);
    BOOST_REQUIRE(connected);
    client = std::move(*connected);
  }
  auto reply = client->request(make_request("echo", "late"), 5s);
  BOOST_REQUIRE(!reply);
  BOOST_TEST((reply.failure().code == error_code::no_service));
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_an_error) {
  service running;
  auto again = publish_console(running.system, running.console, running.port);
  BOOST_TEST(!again);
}
