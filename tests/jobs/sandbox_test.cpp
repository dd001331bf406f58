// SPDX-License-Identifier: MIT
#include "test_worker.hpp"

#include "jobs/sandbox.hpp"
#include "jobs/worker_pool.hpp"
#include "support/must.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstddef>
#include <fstream>
#include <iomanip>
#include <map>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using nlohmann::json;
using namespace podstudio;

namespace {

using wanted = std::map<std::string, std::string>;

// AddressSanitizer takes terabytes of address space, which is not bounded then, and ends a process
// itself that touches bad memory.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// What ends a system call of 32 bits: a kernel without them does it by itself.
std::string end_of_other_interface() {
#if defined(__x86_64__)
  auto child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // not the test framework's
    long number = 20;               // getpid(2)
    asm volatile("int $0x80" : "+a"(number) : : "memory");
    ::_exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "SIGSYS";
  BOOST_REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
  return "crashed";
#else
  return "done";
#endif
}

/// What a worker tries, and what is to stop it while all walls stand, or all but Landlock.
const wanted& stopped_by_walls() {
  static const wanted all = {
    {"open", "EACCES"},
    {"openat", "EACCES"},
    {"openat to write", "EACCES"},
    {"stat", "EACCES"},
    {"stat as a descriptor", "EACCES"},
    {"stat of an input", "done"},  // it may
    {"unlink", "SIGSYS at unlink"},
    {"socket", "SIGSYS at socket"},
    {"connect", "SIGSYS at connect"},
    {"send a descriptor", "bad_answer"},
    {"execve", "SIGSYS at execve"},
    {"ptrace of the parent", "SIGSYS at ptrace"},
    {"kill of the parent", "SIGSYS at kill"},
    {"tgkill of the parent", "SIGSYS at tgkill"},
    {"process_vm_readv of the parent", "SIGSYS at process_vm_readv"},
    {"mmap to write and run", "EPERM"},
    {"mmap to run", "EPERM"},
    {"mprotect to run", "EPERM"},
    {"pkey_mprotect to run", "SIGSYS at pkey_mprotect"},
    {"fork bomb", "SIGSYS at fork"},
    {"vfork", "SIGSYS at vfork"},
    {"clone", "SIGSYS at clone"},
    {"clone3", "ENOSYS"},
    {"clone of a thread in other namespaces", "SIGSYS at clone"},
    {"a thread", "done"},  // it may
    {"thread bomb", sanitized ? "done" : "EAGAIN"},
    {"memory bomb", "out_of_memory"},
    {"CPU loop", "cpu_limit"},
    {"endless output", "EFBIG"},
    {"endless standard error", "EAGAIN"},
    {"endless standard output", "done"},  // nobody reads it
    {"endless log", "done"},              // what is too much is dropped
    {"descriptors of another job", "0 found"},
    {"write to an input", "EBADF"},
    {"ftruncate of an input", "EINVAL"},
    {"mmap of an input to write", "EACCES"},
    {"opening an input to write", "EACCES"},
    {"fchmod of an input", "SIGSYS at fchmod"},
    {"fcntl to signal the parent", "SIGSYS at fcntl"},
    {"raising a limit", "EPERM"},
    {"outliving the parent", "EINVAL"},
    {"ignoring SIGSYS", "EPERM"},
#if defined(__x86_64__)
    {"32-bit system call", end_of_other_interface()},
#endif
    {"io_uring_setup", "ENOSYS"},
    {"memfd_create", "ENOSYS"},
    {"unshare", "SIGSYS at unshare"},
    {"mount", "SIGSYS at mount"},
    {"bpf", "SIGSYS at bpf"},
    {"userfaultfd", "SIGSYS at userfaultfd"},
    {"a call that does not exist", "SIGSYS at 4000"},
    {"abort", "crashed"},
    {"bad memory", sanitized ? "exited" : "crashed"},
    {"leaving", "exited"},
  };
  return all;
}

/// What Landlock stops alone, by the version of its interface that it takes.
struct stopped_by_landlock {
  int version;
  const char *attempt, *how;
};
constexpr stopped_by_landlock stopped_without_filter[] = {
    {1, "open", "EACCES"},
    {1, "openat", "EACCES"},
    {1, "openat to write", "EACCES"},
    {1, "opening an input to write", "EACCES"},
    {1, "unlink", "EACCES"},
    {1, "execve", "EACCES"},
    {1, "ptrace of the parent", "EPERM"},
    {4, "connect to a port", "EACCES"},
    {6, "connect to an abstract socket", "EPERM"},
    {6, "kill of the parent", "EPERM"},
};

/// Sockets that listen.
struct listeners {
  listeners() {
    port_socket = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    BOOST_REQUIRE(::bind(port_socket.get(), generic, size) == 0);
    BOOST_REQUIRE(::listen(port_socket.get(), 1) == 0);
    BOOST_REQUIRE(::getsockname(port_socket.get(), generic, &size) == 0);
    port = ntohs(address.sin_port);
    abstract_socket = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un named{};
    named.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), named.sun_path + 1);
    auto named_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    BOOST_REQUIRE(::bind(abstract_socket.get(), reinterpret_cast<sockaddr*>(&named), named_size)
                  == 0);
    BOOST_REQUIRE(::listen(abstract_socket.get(), 1) == 0);
  }

  unique_fd port_socket, abstract_socket;
  std::uint16_t port = 0;
  std::string name = "podstudio-jobs-test-" + std::to_string(::getpid());
};

struct tries {
  explicit tries(const char* worker)
      : pool(must(worker_pool::make({test_worker::options(worker), 1}))) {
    std::ofstream(folder.path + "/input") << "the input";
  }

  job_outcome run(const std::string& name) {
    auto input_path = folder.path + "/input", output_path = folder.path + "/output";
    unique_fd input(::open(input_path.c_str(), O_RDONLY | O_CLOEXEC));
    unique_fd output(::open(output_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    job_order order{++number, "attempt"};
    order.parameters = {
        {"try", name},        {"number", number},       {"parent", ::getpid()},
        {"path", input_path}, {"port", listening.port}, {"abstract", listening.name}};
    order.inputs = {input.get()};
    order.outputs = {output.get()};
    // To fill memory takes more processor time on a slow machine than any loop should be given.
    order.cpu_seconds = name == "memory bomb" ? 20 : 1;
    order.output_bytes = 4 << 20;
    auto outcome = pool->run(order, {}, never);
    struct stat facts {};
    BOOST_TEST(::fstat(output.get(), &facts) == 0);
    BOOST_TEST(facts.st_size <= 4 << 20);
    return outcome;
  }

  static std::string what_stopped(const job_outcome& outcome) {
    if (outcome.ending == job_ending::completed)
      return outcome.facts.at("outcome").get<std::string>();
    if (outcome.ending != job_ending::forbidden_call) return std::string(to_string(outcome.ending));
    auto words = outcome.text.find("system call ");
    if (words == std::string::npos || outcome.text.find("not known") != std::string::npos)
      return "SIGSYS";
    auto name = outcome.text.substr(words + 12);
    return "SIGSYS at " + name.substr(0, name.find_first_of(" ,"));
  }

  temp_folder folder;
  listeners listening;
  std::unique_ptr<worker_pool> pool;
  job_cancel never;
  std::uint64_t number = 0;
};

std::string row(const std::string& name, const std::string& stopped, const std::string& text) {
  std::ostringstream out;
  out << std::left << std::setw(40) << name << std::setw(28) << stopped << text;
  return out.str();
}

void try_all(const char* worker) {
  tries all(worker);
  BOOST_TEST_MESSAGE("-- " << worker);
  for (const auto& [name, how] : stopped_by_walls()) {
    if (sanitized && name == "memory bomb") continue;  // it takes what it asks for
    auto outcome = all.run(name);
    auto stopped = tries::what_stopped(outcome);
    BOOST_TEST_MESSAGE(row(name, stopped, outcome.text));
    BOOST_TEST(stopped == how,
               name << ": " << stopped << " instead of " << how << "; " << outcome.text);
    BOOST_TEST((outcome.ending == job_ending::completed) == outcome.text.empty());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sandbox)

BOOST_AUTO_TEST_CASE(the_walls_stop_what_a_worker_tries) { try_all(test_worker::walled); }

BOOST_AUTO_TEST_CASE(the_walls_stop_as_much_without_landlock) { try_all(test_worker::no_landlock); }

BOOST_AUTO_TEST_CASE(landlock_stops_files_programs_and_processes_alone) {
  auto version = landlock_version();
  if (version == 0) {
    BOOST_TEST_MESSAGE("skipped: this kernel has no Landlock");
    return;
  }
  tries all(test_worker::no_filter);
  BOOST_TEST_MESSAGE("-- " << test_worker::no_filter << ", Landlock " << version);
  for (const auto& [needs, name, how] : stopped_without_filter) {
    if (version < needs) continue;
    auto stopped = tries::what_stopped(all.run(name));
    BOOST_TEST_MESSAGE(row(name, stopped, ""));
    BOOST_TEST(stopped == how, name << ": " << stopped << " instead of " << how);
  }
}

BOOST_AUTO_TEST_CASE(a_worker_says_which_walls_it_has) {
  auto walls = must(worker_process::start(test_worker::options()))->walls();
  BOOST_TEST(walls.filter);
  BOOST_TEST(int{walls.landlock} == landlock_version());
  BOOST_TEST(
      must(worker_process::start(test_worker::options(test_worker::no_landlock)))->walls().landlock
      == 0);
}

BOOST_AUTO_TEST_CASE(the_descriptors_of_a_job_are_closed_after_it) {
  tries all(test_worker::walled);
  // Each leaves copies open, of which the next finds none, in the same process.
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(tries::what_stopped(all.run("descriptors of another job")) == "0 found");
  BOOST_TEST(all.pool->counts().started == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_answered_with_an_error_leaves_the_worker) {
  tries all(test_worker::walled);
  for (auto name : {"open", "mmap to run", "endless output", "clone3", "a thread", "thread bomb"})
    (void)all.run(name);
  BOOST_TEST(all.pool->counts().started == 1u);
}

BOOST_AUTO_TEST_CASE(processor_time_is_counted_for_each_job_anew) {
  tries all(test_worker::walled);
  auto first = all.run("CPU loop");
  BOOST_TEST(tries::what_stopped(first) == "cpu_limit");
  BOOST_TEST(first.text.find("1 s of processor time") != std::string::npos, first.text);
  BOOST_TEST(tries::what_stopped(all.run("a thread")) == "done");
}

BOOST_AUTO_TEST_SUITE_END()
