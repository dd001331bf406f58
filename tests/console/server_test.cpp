// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE console_server
#include "console/client.hpp"
#include "console/credentials.hpp"
#include "console/frames.hpp"
#include "console/protocol.hpp"
#include "console/server.hpp"
#include "support/eventually.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace podstudio;
using namespace std::chrono_literals;

namespace {

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

using gone_flag = std::shared_ptr<std::atomic<bool>>;

/// A console that echoes the arguments it is sent. A number is answered by so many bytes. "later"
/// waits until it is released, and "never" is forgotten.
struct service {
  explicit service(console_limits limits = {}, const std::string& beneath = "/data")
      : folder(folder_at(place.path + beneath)) {
    console_server::options what{folder.console_socket(), pair_at(folder.root)};
    what.limits = limits;
    what.use = use;
    what.answer = [this](const std::string& request, const gone_flag& gone,
                         console_server::take_reply take) {
      answer(request, gone, std::move(take));
    };
    auto opened = console_server::open(std::move(what));
    BOOST_REQUIRE(opened);
    server = std::move(*opened);
  }

  void answer(const std::string& request, const gone_flag& gone, console_server::take_reply take) {
    auto parsed = nlohmann::json::parse(request, nullptr, false);
    auto arguments = parsed.is_object() ? parsed["arguments"] : nlohmann::json();
    auto reply = to_text({{"ok", true}, {"result", arguments}});
    if (arguments.is_number()) reply = std::string(arguments.get<std::size_t>(), ' ') + "{}";
    if (arguments == "never") return;
    if (arguments != "later") return take(reply);
    std::scoped_lock hold(mutex);
    waiting.push_back([take, reply] { take(reply); });
    asked.push_back(gone);
  }
  void release() {
    std::scoped_lock hold(mutex);
    for (const auto& each : waiting)
      each();
    waiting.clear();
    asked.clear();
  }
  std::size_t count_waiting() {
    std::scoped_lock hold(mutex);
    return waiting.size();
  }
  std::size_t count_given_up() {
    std::scoped_lock hold(mutex);
    return static_cast<std::size_t>(
        std::ranges::count_if(asked, [](const gone_flag& each) { return each->load(); }));
  }
  std::uint64_t refused(refusal why) const { return use->refused[static_cast<std::size_t>(why)]; }

  result<std::unique_ptr<console_client>> by_socket() const {
    return console_client::connect(folder, {1, 1}, 5s);  // nobody is at port 1
  }
  result<std::unique_ptr<console_client>> by_port() const {
    auto pair = ensure_credentials(folder);
    BOOST_REQUIRE(pair);
    return console_client::connect(*pair, server->port(), 5s);
  }

  static bool serves(result<std::unique_ptr<console_client>> client, const std::string& text) {
    if (!client) return false;
    auto reply = (*client)->request(make_request("echo", text), 5s);
    if (!reply) return false;
    auto result = read_reply(*reply);
    return result && *result == text;
  }
  /// Whether the owner and a peer with the key get their answers.
  bool serves(const std::string& text = "are you there?") const {
    return serves(by_socket(), text) && serves(by_port(), text);
  }

  temp_folder place;
  data_folder folder;
  std::shared_ptr<console_use> use = std::make_shared<console_use>();
  std::mutex mutex;
  std::vector<std::function<void()>> waiting;
  std::vector<gone_flag> asked;
  std::unique_ptr<console_server> server;
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

unique_fd local_connection(const data_folder& folder) {
  unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = folder.console_socket();
  BOOST_REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  BOOST_REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

void send_all(const unique_fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the service may hang up in the middle
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string framed(const std::string& text) {
  auto header = make_frame_header(text.size());
  return std::string(header.begin(), header.end()) + text;
}

/// Whether the other side ends the connection within the time; what it sent before is in `read`.
bool ends(const unique_fd& fd, std::chrono::milliseconds within, std::string* read = nullptr) {
  auto deadline = std::chrono::steady_clock::now() + within;
  char buffer[4096];
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waits{fd.get(), POLLIN, 0};
    if (left <= 0ms || ::poll(&waits, 1, static_cast<int>(left.count())) <= 0) return false;
    auto got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return true;
    if (read != nullptr) read->append(buffer, static_cast<std::size_t>(got));
  }
}

std::chrono::duration<double> processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

/// Peers at the socket, each of which waits for its answer.
std::vector<unique_fd> busy_peers(service& running, std::size_t count) {
  std::vector<unique_fd> peers;
  while (peers.size() < count) {
    peers.push_back(local_connection(running.folder));
    send_all(peers.back(), framed("{\"arguments\": \"later\"}"));
    BOOST_TEST(eventually([&] { return running.count_waiting() == peers.size(); }));
  }
  return peers;
}

using session_ptr = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// A TLS client that takes whatever the service is, with a pair or none; on `fd`, which blocks.
session_ptr tls_client(const unique_fd& fd, const credentials* pair) {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                            &SSL_CTX_free};
  if (pair != nullptr) {
    BOOST_REQUIRE(SSL_CTX_use_certificate_chain_file(context.get(), pair->certificate_file.c_str())
                  == 1);
    BOOST_REQUIRE(
        SSL_CTX_use_PrivateKey_file(context.get(), pair->key_file.c_str(), SSL_FILETYPE_PEM) == 1);
  }
  session_ptr session{SSL_new(context.get()), &SSL_free};
  BOOST_REQUIRE(SSL_set_fd(session.get(), fd.get()) == 1);
  return session;
}

/// With TLS 1.3 the client's side of the handshake may be over before the server refuses it.
bool is_let_in(SSL* session) {
  auto request = framed(to_text(make_request("echo", "let me in")));
  char buffer[64];
  return SSL_connect(session) == 1
         && SSL_write(session, request.data(), static_cast<int>(request.size())) > 0
         && SSL_read(session, buffer, sizeof buffer) > 0;
}

}  // namespace

// --- those who are let in ---

BOOST_AUTO_TEST_CASE(the_owner_and_a_peer_with_the_key_are_answered) {
  service running;
  BOOST_TEST(running.serves());
  BOOST_TEST(running.serves(std::string(3'000'000, 'x')));
}

BOOST_AUTO_TEST_CASE(requests_follow_each_other_on_one_connection) {
  service running;
  for (const auto& connected : {running.by_socket(), running.by_port()}) {
    BOOST_REQUIRE(connected);
    for (int i = 0; i < 100; ++i) {
      auto reply = (*connected)->request(make_request("echo", std::to_string(i)), 5s);
      BOOST_REQUIRE(reply);
      BOOST_TEST((*reply)["result"].get<std::string>() == std::to_string(i));
    }
  }
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

BOOST_AUTO_TEST_CASE(the_socket_is_the_owners_alone) {
  service running;
  struct stat facts {};
  BOOST_REQUIRE(::stat(running.folder.console_socket().c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777) == 0600u);
}

BOOST_AUTO_TEST_CASE(a_path_that_is_too_long_for_a_socket_will_do) {
  service running({}, "/" + std::string(120, 'd'));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(the_socket_of_a_service_that_was_killed_is_replaced_and_nothing_else) {
  service running;
  auto path = running.folder.console_socket();
  console_server::options what{path, pair_at(running.folder.root)};
  what.answer = [](const std::string&, const gone_flag&, const console_server::take_reply& take) {
    take("{}");
  };
  auto second = console_server::open(what);
  BOOST_REQUIRE(second);
  second->reset();
  std::ofstream(path) << "notes";
  auto third = console_server::open(what);
  BOOST_REQUIRE(third);
  third->reset();
  running.server.reset();
  std::string notes;
  std::getline(std::ifstream(path), notes);
  BOOST_TEST(notes == "notes");
}

BOOST_AUTO_TEST_CASE(where_there_is_no_socket_the_port_is_used) {
  service running;
  ::unlink(running.folder.console_socket().c_str());
  auto client = console_client::connect(running.folder, {running.server->port(), 1}, 5s);
  BOOST_TEST(service::serves(std::move(client), "by port"));
}

// --- those who are not ---

BOOST_AUTO_TEST_CASE(another_user_is_refused_at_the_socket) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: takes the right to become another user");
    return;
  }
  service running;
  // As if somebody had opened the folders.
  for (auto path : {running.place.path, running.folder.root, running.folder.run()})
    BOOST_REQUIRE(::chmod(path.c_str(), 0755) == 0);
  BOOST_REQUIRE(::chmod(running.folder.console_socket().c_str(), 0666) == 0);
  auto child = ::fork();
  if (child == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto path = running.folder.console_socket();
    path.copy(address.sun_path, path.size());
    auto request = framed(to_text(make_request("echo", "let me in")));
    char buffer[64];
    unique_fd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
    bool answered =
        ::setuid(65534) == 0
        && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0
        && ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0
        && ::recv(fd.get(), buffer, sizeof buffer, 0) > 0;
    ::_exit(answered ? 1 : 0);
  }
  int status = -1;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(eventually([&] { return running.refused(refusal::unauthenticated) == 1; }));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_client_with_another_certificate_of_the_same_name_trusts_nobody) {
  service running;
  temp_folder elsewhere;
  auto client =
      console_client::connect(pair_at(elsewhere.path + "/data"), running.server->port(), 5s);
  BOOST_REQUIRE(!client);
  BOOST_TEST((client.failure().code == error_code::no_service));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_tls_peer_with_another_key_or_none_is_refused) {
  service running;
  temp_folder elsewhere;
  auto other = pair_at(elsewhere.path + "/data");
  std::uint64_t count = 0;
  for (auto pair : {&other, static_cast<credentials*>(nullptr)}) {
    auto fd = tcp_connection(running.server->port());
    BOOST_TEST(!is_let_in(tls_client(fd, pair).get()));
    ++count;
    BOOST_TEST(eventually([&] { return running.refused(refusal::unauthenticated) == count; }));
    BOOST_TEST(running.serves());
  }
}

BOOST_AUTO_TEST_CASE(garbage_at_the_port_is_refused) {
  service running;
  for (const auto& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, '\0'),
                            std::string("\x16\x03\x01\xff\xff garbage in a TLS record") + '\xff'}) {
    auto fd = tcp_connection(running.server->port());
    send_all(fd, bytes);
    ::shutdown(fd.get(), SHUT_WR);
    BOOST_TEST(ends(fd, 5s));
    BOOST_TEST(running.serves());
  }
}

// --- what they send ---

BOOST_AUTO_TEST_CASE(a_frame_that_is_empty_or_too_long_is_told_why) {
  service running;
  std::uint64_t count = 0;
  for (std::size_t size : {std::size_t{0}, request_bytes_max + 1, std::size_t{0xffffffff}}) {
    auto fd = local_connection(running.folder);
    auto header = make_frame_header(size);
    send_all(fd, {reinterpret_cast<const char*>(header.data()), header.size()});
    std::string read;
    BOOST_TEST(ends(fd, 5s, &read));
    BOOST_TEST(read.find("invalid argument") != std::string::npos, read);
    BOOST_TEST(running.refused(refusal::malformed) == ++count);
  }
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(who_sends_more_before_the_reply_is_ended) {
  console_limits limits;
  limits.peers_max = 4;
  service running(limits);
  auto eager = busy_peers(running, limits.peers_max + 1);
  for (const auto& each : eager)
    send_all(each, "x");
  for (const auto& each : eager)
    BOOST_TEST(ends(each, 5s));
  BOOST_TEST(running.refused(refusal::malformed) == eager.size());
  BOOST_TEST(running.count_given_up() == eager.size());
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_request_that_is_too_long_is_not_sent) {
  service running;
  auto client = running.by_socket();
  BOOST_REQUIRE(client);
  auto reply = (*client)->request(make_request("echo", std::string(request_bytes_max, 'x')), 5s);
  BOOST_REQUIRE(!reply);
  BOOST_TEST((reply.failure().code == error_code::invalid_argument));
  BOOST_TEST(running.serves());
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_too_long_is_an_error) {
  service running;
  auto client = running.by_socket();
  BOOST_REQUIRE(client);
  auto reply = (*client)->request({{"arguments", reply_bytes_max + 1}}, 30s);
  BOOST_REQUIRE(reply);
  BOOST_TEST((*reply)["error"]["code"] == "refused");
}

BOOST_AUTO_TEST_CASE(no_memory_is_set_aside_for_what_has_not_come) {
  console_limits limits;
  limits.bytes_max = 20 * frame_step_bytes;
  service running(limits);
  // 10 times 4 MiB are announced, of which one step each is counted.
  auto header = make_frame_header(request_bytes_max);
  std::vector<unique_fd> announcing;
  for (int i = 0; i < 10; ++i) {
    announcing.push_back(local_connection(running.folder));
    send_all(announcing.back(), {reinterpret_cast<const char*>(header.data()), header.size()});
  }
  BOOST_TEST(running.serves());
  BOOST_TEST(running.refused(refusal::over_limit) == 0u);
  // All that may be held is held; one step more ends the connection that wants it.
  for (const auto& each : announcing)
    send_all(each, std::string(4 * frame_step_bytes, 'x'));
  BOOST_TEST(eventually([&] { return running.refused(refusal::over_limit) > 0; }));
  announcing.clear();
  BOOST_TEST(eventually([&] { return running.serves(); }));
}

BOOST_AUTO_TEST_CASE(a_request_takes_up_memory_until_it_is_answered_though_its_peer_has_gone) {
  auto request = framed(R"({"arguments": "later"})" + std::string(100'000, ' '));
  console_limits limits;
  limits.bytes_max = 3 * parsed_bytes_per_byte * request.size() + frame_step_bytes;
  service running(limits);
  for (std::size_t i = 1; i <= 3; ++i) {
    auto leaves = local_connection(running.folder);
    send_all(leaves, request);
    BOOST_TEST(eventually([&] { return running.count_waiting() == i; }));
  }
  BOOST_TEST(eventually([&] { return running.count_given_up() == 3; }));
  auto fourth = local_connection(running.folder);
  send_all(fourth, request);
  BOOST_TEST(ends(fourth, 5s));
  BOOST_TEST(running.refused(refusal::over_limit) == 1u);
  running.release();
  BOOST_TEST(eventually([&] { return running.serves(std::string(100'000, 'x')); }));
}

BOOST_AUTO_TEST_CASE(a_request_whose_answer_is_forgotten_ends_its_connection) {
  service running;
  auto asks = local_connection(running.folder);
  send_all(asks, framed("{\"arguments\": \"never\"}"));
  BOOST_TEST(ends(asks, 5s));
  BOOST_TEST(running.serves());
}

// --- those who are slow ---

BOOST_AUTO_TEST_CASE(a_silent_peer_costs_no_processor_time_and_blocks_nobody) {
  service running;
  auto silent = tcp_connection(running.server->port());
  auto slow = tcp_connection(running.server->port());
  // The start of a TLS record that announces 512 bytes.
  send_all(slow, {"\x16\x03\x01\x02\x00\x01", 6});
  BOOST_TEST(running.serves());
  auto before = processor_time();
  BOOST_TEST(!ends(silent, 500ms));
  BOOST_TEST((processor_time() - before).count() < 0.1);
  BOOST_TEST(!ends(slow, 1ms));
}

BOOST_AUTO_TEST_CASE(a_handshake_has_its_time) {
  console_limits limits;
  limits.handshake_max = 100ms;
  service running(limits);
  auto silent = tcp_connection(running.server->port());
  BOOST_TEST(ends(silent, 5s));
  BOOST_TEST(running.refused(refusal::timed_out) == 1u);
}

BOOST_AUTO_TEST_CASE(a_request_and_the_reading_of_its_reply_have_their_time) {
  console_limits limits;
  limits.request_max = 100ms;
  limits.reply_max = 100ms;
  limits.reply_bytes_a_second_min = std::size_t{1} << 30;
  service running(limits);
  auto half = local_connection(running.folder);
  send_all(half, framed("{\"arguments\": 1}").substr(0, 7));
  BOOST_TEST(ends(half, 5s));
  BOOST_TEST(running.refused(refusal::timed_out) == 1u);
  auto reads_nothing = local_connection(running.folder);
  send_all(reads_nothing, framed("{\"arguments\": 10000000}"));
  BOOST_TEST(eventually([&] { return running.refused(refusal::timed_out) == 2; }));
  BOOST_TEST(eventually([&] { return running.use->connections == 0; }));
}

BOOST_AUTO_TEST_CASE(who_asks_nothing_for_long_is_let_go_without_a_refusal) {
  console_limits limits;
  limits.idle_max = 100ms;
  service running(limits);
  auto idle = local_connection(running.folder);
  BOOST_TEST(ends(idle, 5s));
  BOOST_TEST(running.refused(refusal::timed_out) == 0u);
}

BOOST_AUTO_TEST_CASE(who_goes_away_is_asked_for_no_more) {
  service running;
  for (std::size_t gone = 1; gone <= 2; ++gone) {
    {
      auto fd =
          gone == 1 ? local_connection(running.folder) : tcp_connection(running.server->port());
      auto request = framed("{\"arguments\": \"later\"}");
      auto pair = pair_at(running.folder.root);
      session_ptr session{nullptr, &SSL_free};
      if (gone == 1) {
        send_all(fd, request);
      } else {
        session = tls_client(fd, &pair);
        BOOST_REQUIRE(SSL_connect(session.get()) == 1);
        BOOST_REQUIRE(SSL_write(session.get(), request.data(), static_cast<int>(request.size()))
                      > 0);
      }
      BOOST_TEST(eventually([&] { return running.count_waiting() == gone; }));
    }
    BOOST_TEST(eventually([&] { return running.count_given_up() == gone; }));
  }
  running.release();  // replies that nobody waits for
  BOOST_TEST(running.serves());
}

// --- many ---

BOOST_AUTO_TEST_CASE(the_oldest_silent_peer_makes_room_for_the_next) {
  console_limits limits;
  limits.handshakes_max = 16;
  service running(limits);
  std::vector<unique_fd> silent;
  for (std::size_t i = 0; i < limits.handshakes_max + 3; ++i)
    silent.push_back(tcp_connection(running.server->port()));
  BOOST_TEST(running.serves());
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST(ends(silent[i], 5s));
  BOOST_TEST(!ends(silent.back(), 1ms));
  BOOST_TEST(running.refused(refusal::over_limit) >= 3u);
}

BOOST_AUTO_TEST_CASE(peers_that_come_and_go_leave_nothing_behind) {
  service running;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 256; ++i) {
      tcp_connection(running.server->port());
      local_connection(running.folder);
    }
    BOOST_TEST(running.serves());
  }
  BOOST_TEST(eventually([&] { return running.use->connections == 0; }));
}

BOOST_AUTO_TEST_CASE(where_all_are_being_answered_the_owner_waits_and_the_idle_make_room) {
  console_limits limits;
  limits.peers_max = 4;
  service running(limits);
  auto busy = busy_peers(running, limits.peers_max + 1);
  auto next = running.by_socket();  // the kernel takes it
  BOOST_REQUIRE(next);
  auto late = (*next)->request(make_request("echo", "now?"), 200ms);
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.failure().code == error_code::timed_out));
  running.release();
  BOOST_TEST(service::serves(running.by_socket(), "now"));
}

BOOST_AUTO_TEST_CASE(without_descriptors_it_waits_and_goes_on) {
  service running;
  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::vector<unique_fd> all;
  rlimit few = before;
  few.rlim_cur = 64;
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  for (;;) {
    unique_fd one{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    if (!one) break;
    all.push_back(std::move(one));
  }
  all.pop_back();  // for this side of the connection; there is none for the other
  auto waits = local_connection(running.folder);
  send_all(waits, framed("{\"arguments\": 1}"));
  BOOST_TEST(!ends(waits, 300ms));
  all.clear();
  char reply[7];
  BOOST_TEST(::recv(waits.get(), reply, sizeof reply, MSG_WAITALL) == 7);
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  BOOST_TEST(running.serves());
}

// --- ends ---

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
  auto folder = folder_at(place.path + "/data");
  auto client = console_client::connect(folder, {1, 1}, 1s);
  BOOST_REQUIRE(!client);
  BOOST_TEST((client.failure().code == error_code::no_service));
}

BOOST_AUTO_TEST_CASE(a_service_that_goes_away_fails_the_request_that_waits) {
  for (bool local : {true, false}) {
    std::unique_ptr<console_client> client;
    service running;
    auto connected = local ? running.by_socket() : running.by_port();
    BOOST_REQUIRE(connected);
    std::thread ending([&] {
      BOOST_TEST(eventually([&] { return running.count_waiting() == 1; }));
      running.server.reset();
    });
    auto reply = (*connected)->request(make_request("echo", "later"), 30s);
    ending.join();
    BOOST_REQUIRE(!reply);
    BOOST_TEST((reply.failure().code == error_code::no_service));
    BOOST_TEST((!(*connected)->request(make_request("echo", "again"), 5s)));
    BOOST_TEST(running.count_given_up() == 1u);
    running.release();  // too late, and harmless
  }
}

BOOST_AUTO_TEST_CASE(replies_that_were_given_are_sent_before_the_end) {
  service running;
  std::atomic<int> answered{0};
  std::vector<std::thread> peers;
  for (int i = 0; i < 8; ++i)
    peers.emplace_back([&] { answered += service::serves(running.by_socket(), "later") ? 1 : 0; });
  BOOST_TEST(eventually([&] { return running.count_waiting() == 8; }));
  running.release();
  running.server.reset();
  for (auto& peer : peers)
    peer.join();
  BOOST_TEST(answered == 8);
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_an_error) {
  service running;
  console_server::options what{"", pair_at(running.folder.root), running.server->port()};
  BOOST_TEST(!console_server::open(what));
}
