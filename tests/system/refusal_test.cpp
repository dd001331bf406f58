// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE refusal
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <arpa/inet.h>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

/// A plain connection to the console's port.
class raw_peer {
public:
  explicit raw_peer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect to the console's port");
  }
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;
  ~raw_peer() { ::close(fd_); }

  /// May fail half way, as the other side hangs up.
  void send(const std::string& bytes) const {
    ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  /// Whether the other side hung up in time; what it said before is in `said`.
  bool is_hung_up_on(milliseconds limit = 20s) {
    for (auto end = clock::now() + limit; clock::now() < end;) {
      pollfd readable{fd_, POLLIN, 0};
      if (::poll(&readable, 1, 100) <= 0) continue;
      char some[4096];
      auto size = ::recv(fd_, some, sizeof some, 0);
      if (size <= 0) return true;
      said.append(some, static_cast<std::size_t>(size));
    }
    return false;
  }

  std::string said;

private:
  int fd_;
};

struct guarded_service {
  workspace space;
  library podstudio{space.data};
  std::unique_ptr<service> running;
  std::uint16_t port = 0;
  std::vector<row> rows;
  nlohmann::json head;

  guarded_service() {
    make_file(space.root + "/one.png", "one");
    run_no_jobs(podstudio);
    running = std::make_unique<service>(podstudio, words{space.root});
    podstudio.must({"sync"});
    port = nlohmann::json::parse(read_file(space.data + "/run/console.json"))["port"];
    rows = seed_rows(podstudio.database());
    head = podstudio.json({"status"})["log"]["head_sequence"];
  }

  /// Nothing came of it, and the service goes on: it answers, and takes commands.
  void check_unharmed() {
    running->running().must_run();
    auto begun = clock::now();
    auto status = podstudio.json({"status"});
    auto taken = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
    BOOST_CHECK_MESSAGE(taken < 5s, "status took " << taken.count() << " ms");
    BOOST_CHECK_MESSAGE(status["pid"] == running->pid(), "another process answers: " << status);
    BOOST_CHECK_MESSAGE(status["log"]["head_sequence"] == head, "the log went on: " << status);
    auto now = seed_rows(podstudio.database());
    BOOST_CHECK_MESSAGE(rows == now, difference(rows, now));
    podstudio.must({"asset", "approve", "1"});
    BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT approved FROM asset WHERE id = 1"), "1");
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
};

/// A TLS connection by OpenSSL's own client, which ends with its input.
outcome tls_peer(const guarded_service& to, const words& more) {
  launch what{{"timeout", "20", "openssl", "s_client", "-connect", to.address(), "-ign_eof"}};
  what.arguments.insert(what.arguments.end(), more.begin(), more.end());
  return run(what);
}

bool is_refused(const outcome& ended) {
  auto all = ended.out + ended.err;
  return all.find("alert") != std::string::npos || all.find("Connection reset") != std::string::npos
         || all.find("errno=104") != std::string::npos
         || all.find("unexpected eof") != std::string::npos;
}

void make_key_pair(const std::string& certificate, const std::string& key) {
  auto made = run(
      {{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=podstudio", "-days", "2", "-out", certificate, "-keyout", key}});
  BOOST_REQUIRE_MESSAGE(made.code == 0, made);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_service_starts_beside_clients_that_ask_for_its_status) {
  workspace space;
  library podstudio{space.data};
  make_file(space.root + "/one.png", "one");
  podstudio.must({"import", space.root});
  constexpr int clients = 4, starts = 30;
  std::vector<std::unique_ptr<process>> polling;
  for (int i = 0; i < clients; ++i)
    polling.push_back(std::make_unique<process>(
        launch{{"sh", "-c", "while :; do \"$0\" --data \"$1\" status; done >/dev/null 2>&1",
                podstudio_program(), space.data}}));
  for (int i = 0; i < starts; ++i) {
    process starting(launch{{podstudio_program(), "--data", space.data, "serve"}});
    BOOST_REQUIRE_MESSAGE(eventually([&] {
                            starting.must_run();
                            return starting.err().find("ready") != std::string::npos;
                          }),
                          "start " << i << ": " << starting.err());
    starting.signal(SIGTERM);
    BOOST_CHECK_EQUAL(starting.finish().code, 0);
  }
}

BOOST_FIXTURE_TEST_CASE(a_peer_without_a_certificate_is_refused, guarded_service) {
  for (const words& version : {words{"-tls1_2"}, words{"-tls1_3"}, words{}}) {
    auto ended = tls_peer(*this, version);
    BOOST_CHECK_MESSAGE(is_refused(ended), ended);
  }
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(a_peer_with_another_certificate_is_refused, guarded_service) {
  auto certificate = space.path + "/other.crt", key = space.path + "/other.key";
  make_key_pair(certificate, key);
  auto ended = tls_peer(*this, {"-cert", certificate, "-key", key});
  BOOST_CHECK_MESSAGE(is_refused(ended), ended);
  // Nor does it help to show the right certificate with another key.
  auto mixed = tls_peer(*this, {"-cert", space.data + "/tls/console.crt", "-key", key});
  BOOST_CHECK_MESSAGE(mixed.code != 0, mixed);
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(a_peer_with_another_librarys_key_is_refused, guarded_service) {
  library other(space.path + "/other");
  service its_own(other);
  auto tls = other.data() + "/tls/console";
  auto ended = tls_peer(*this, {"-cert", tls + ".crt", "-key", tls + ".key"});
  BOOST_CHECK_MESSAGE(is_refused(ended), ended);
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(the_right_key_is_let_in_so_that_the_others_are_refused_for_theirs,
                        guarded_service) {
  auto tls = space.data + "/tls/console";
  launch what{{"timeout", "3", "openssl", "s_client", "-connect", address(), "-ign_eof", "-CAfile",
               tls + ".crt", "-cert", tls + ".crt", "-key", tls + ".key"}};
  auto ended = run(what);
  BOOST_CHECK_MESSAGE(!is_refused(ended), ended);
  BOOST_CHECK_MESSAGE(ended.out.find("Verify return code: 0 (ok)") != std::string::npos, ended);
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(garbage_is_refused, guarded_service) {
  std::mt19937 random(7);
  for (std::size_t size : {1u, 5u, 100u, 100'000u}) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    raw_peer peer(port);
    peer.send(bytes);
    if (size >= 5)
      BOOST_CHECK_MESSAGE(peer.is_hung_up_on(), "still connected after " << size << " bytes");
  }
  // A TLS record of the greatest size there is, and one cut off in the middle of the hello.
  raw_peer huge(port);
  huge.send("\x16\x03\x01\xff\xff" + std::string(70'000, '\x01'));
  BOOST_CHECK_MESSAGE(huge.is_hung_up_on(), "still connected after a record that is too long");
  { raw_peer(port).send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)); }
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(plain_text_is_refused, guarded_service) {
  for (const auto& text : {std::string(R"({"command":"asset.approve","arguments":{"ids":[1]}})"
                                       "\n"),
                           std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")}) {
    raw_peer peer(port);
    peer.send(text);
    BOOST_CHECK_MESSAGE(peer.is_hung_up_on(), "still connected after " << text);
    BOOST_CHECK_MESSAGE(peer.said.find("ok") == std::string::npos, "it answers: " << peer.said);
  }
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(refusals_are_counted_in_the_status_and_logged, guarded_service) {
  auto refused = [&] { return podstudio.json({"status"})["console"]["refused"]; };
  const auto none = refused();
  BOOST_TEST(none.size() == 4u);
  for (const auto& [why, count] : none.items())
    BOOST_TEST(count == 0, why);
  constexpr std::size_t strangers = 40;
  auto begun = clock::now();
  for (std::size_t i = 0; i < strangers; ++i) {
    raw_peer peer(port);
    peer.send("GET / HTTP/1.1\r\n\r\n");
    BOOST_TEST(peer.is_hung_up_on());
  }
  BOOST_TEST(refused()["unauthenticated"] == strangers, refused());
  auto shown = podstudio({"status"});
  BOOST_TEST(shown.out.find(std::to_string(strangers) + " refused") != std::string::npos, shown);
  // A flood does not fill the log: it gets one line a minute.
  std::istringstream log(read_file(space.data + "/logs/podstudio.log"));
  words logged;
  for (std::string line; std::getline(log, line);)
    if (line.find("console: refused") != std::string::npos) logged.push_back(line);
  auto minutes = std::chrono::duration_cast<std::chrono::minutes>(clock::now() - begun).count();
  BOOST_REQUIRE(!logged.empty());
  BOOST_TEST(logged[0].find("1 connections, the latest as unauthenticated") != std::string::npos,
             logged[0]);
  BOOST_TEST(std::ssize(logged) <= 1 + minutes);
  check_unharmed();
}

BOOST_FIXTURE_TEST_CASE(silent_peers_keep_nobody_out, guarded_service) {
  std::vector<std::unique_ptr<raw_peer>> silent;
  constexpr int peers = 100;
  for (int i = 0; i < peers; ++i)
    silent.push_back(std::make_unique<raw_peer>(port));
  check_unharmed();
  silent.clear();
  podstudio.must({"status"});
}

BOOST_FIXTURE_TEST_CASE(the_keys_are_private_to_their_owner, guarded_service) {
  auto mode = [](const std::string& path) {
    struct stat s;
    BOOST_REQUIRE_MESSAGE(::lstat(path.c_str(), &s) == 0, "there is no " << path);
    return s.st_mode & 07777;
  };
  auto tls = space.data + "/tls";
  BOOST_CHECK_EQUAL(mode(tls), 0700u);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(tls)) {
    BOOST_CHECK_MESSAGE(mode(entry.path()) == 0600,
                        entry.path() << " has mode " << std::oct << mode(entry.path()));
    ++files;
  }
  BOOST_CHECK_EQUAL(files, 2u);
  BOOST_CHECK_EQUAL(mode(space.data), 0700u);
}

BOOST_FIXTURE_TEST_CASE(the_console_listens_on_the_loopback_interface_only, guarded_service) {
  // Local address and port in hexadecimal, state 0A: listening (proc(5)).
  char port_hex[8];
  std::snprintf(port_hex, sizeof port_hex, ":%04X", port);
  std::size_t listening = 0;
  for (auto table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    if (!fs::exists(table)) continue;
    std::istringstream lines(read_file(table));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream fields(line);
      std::string slot, local, remote, state;
      fields >> slot >> local >> remote >> state;
      if (state != "0A" || !local.ends_with(port_hex)) continue;
      ++listening;
      BOOST_CHECK_MESSAGE(local.starts_with("0100007F"), "it listens on " << local);
    }
  }
  BOOST_CHECK_EQUAL(listening, 1u);
}
