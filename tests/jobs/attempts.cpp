// SPDX-License-Identifier: MIT
#include "attempts.hpp"

#include "jobs/worker.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

using nlohmann::json;
using namespace podstudio;

namespace {

/// What a system call came to.
std::string said(long returned) {
  if (returned >= 0) return "done";
  const char* name = ::strerrorname_np(errno);
  return name == nullptr ? "error" : name;
}

struct given {
  const json& parameters;
  const job_files& files;
  job_control& control;

  pid_t parent() const { return parameters.at("parent").get<pid_t>(); }
  std::string path() const { return parameters.at("path").get<std::string>(); }
};

/// Ends a child at once, should one have been made.
long without_child(long pid) {
  if (pid == 0) ::_exit(0);
  return pid;
}

std::string map_memory(int protection) {
  auto* memory = ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return said(memory == MAP_FAILED ? -1 : 0);
}

std::string protect_memory(long call) {
  auto* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return said(::syscall(call, memory, 4096, PROT_READ | PROT_EXEC, -1));
}

std::string connect_to_port(const given& with) {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (socket < 0) return said(socket);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(with.parameters.at("port").get<std::uint16_t>());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return said(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

std::string connect_to_abstract(const given& with) {
  int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (socket < 0) return said(socket);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto name = with.parameters.at("abstract").get<std::string>();
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return said(::connect(socket, reinterpret_cast<sockaddr*>(&address), size));
}

/// Bounded, should nothing stop it, so that no machine is harmed.
std::string fork_bomb() {
  constexpr int most = 64;
  int forks = 0;
  for (; forks < most; ++forks)
    if (without_child(::syscall(SYS_fork)) < 0) return said(-1);
  return "done";
}

std::string thread_bomb() {
  // What bounds threads is the address space, as a stack of theirs takes 8 MB of it.
  std::vector<std::thread> threads;
  std::string outcome = "done";
  std::atomic<bool> end{false};
  constexpr std::size_t most = 1000;
  try {
    while (threads.size() < most)
      threads.emplace_back([&end] { end.wait(false); });
  } catch (const std::system_error& failed) {
    outcome = ::strerrorname_np(failed.code().value());
  }
  end = true;
  end.notify_all();
  for (auto& each : threads)
    each.join();
  return outcome;
}

std::string memory_bomb() {
  constexpr std::size_t step = std::size_t{16} << 20, most = std::size_t{1536} << 20;
  std::vector<std::unique_ptr<char[]>> held;
  for (std::size_t size = 0; size < most; size += step) {
    held.push_back(std::make_unique<char[]>(step));
    std::memset(held.back().get(), 1, step);
  }
  return "done";
}

std::string cpu_loop() {
  for (std::atomic<std::uint64_t> rounds{0};;)
    ++rounds;
}

std::string endless_output(int descriptor) {
  std::string block(1 << 20, 'x');
  constexpr int most = 512;
  for (int i = 0; i < most; ++i)
    if (::write(descriptor, block.data(), block.size()) < 0) return said(-1);
  return "done";
}

/// Leaves copies of its input open, and counts what it finds open of another job's.
std::string others_descriptors(const given& with) {
  std::vector<bool> own(worker_descriptors_max);
  for (auto files : {with.files.inputs, with.files.outputs})
    for (int each : files)
      own[static_cast<std::size_t>(each)] = true;
  int found = 0;
  char byte = 0;
  for (int i = worker_socket + 1; i < static_cast<int>(worker_descriptors_max); ++i)
    if (!own[static_cast<std::size_t>(i)] && ::pread(i, &byte, 1, 0) >= 0) ++found;
  for (int each : with.files.inputs)
    for (int i = 0; i < 8; ++i)
      (void)!::dup(each);
  return std::to_string(found) + " found";
}

/// Beside a frame that is right.
std::string send_descriptor(const given& with) {
  auto frame = make_log(with.parameters.at("number").get<std::uint64_t>(), "x");
  iovec part{frame.data(), frame.size()};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  int zero = 0;
  std::memcpy(CMSG_DATA(header), &zero, sizeof zero);
  return said(::sendmsg(worker_socket, &message, MSG_NOSIGNAL));
}

std::string raise_limit() {
  rlimit more{RLIM_INFINITY, RLIM_INFINITY};
  return said(::setrlimit(RLIMIT_AS, &more));
}

std::string facts_of_path(const given& with, int flags) {
  struct stat facts {};
  return said(::syscall(SYS_newfstatat, AT_FDCWD, with.path().c_str(), &facts, flags));
}

std::string facts_of_input(const given& with) {
  struct stat facts {};
  if (::fstat(with.files.inputs[0], &facts) != 0) return said(-1);
  auto own = said(::syscall(SYS_newfstatat, with.files.inputs[0], "", &facts, AT_EMPTY_PATH));
  return own == "done" && facts.st_size > 0 ? "done" : "wrong: " + own;
}

std::string reopen_input(const given& with) {
  auto path = "/proc/self/fd/" + std::to_string(with.files.inputs[0]);
  return said(::open(path.c_str(), O_RDWR));
}

std::string map_input(const given& with) {
  auto* memory = ::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, with.files.inputs[0], 0);
  return said(memory == MAP_FAILED ? -1 : 0);
}

std::string other_interface() {
#if defined(__x86_64__)
  long number = 20;  // getpid(2) in the interface of 32 bits
  asm volatile("int $0x80" : "+a"(number) : : "memory");
#endif
  return "done";
}

std::string handle_forbidden() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  return said(::sigaction(SIGSYS, &action, nullptr));
}

std::string start_thread() {
  int result = 0;
  std::thread([&result] { result = 1; }).join();
  return result == 1 ? "done" : "wrong";
}

using attempt_function = std::function<std::string(const given&)>;

const std::map<std::string, attempt_function>& attempts() {
  static const std::map<std::string, attempt_function> all = {
      {"open", [](const given& with) { return said(::syscall(SYS_open, with.path().c_str(), 0)); }},
      {"openat", [](const given& with) { return said(::open(with.path().c_str(), O_RDONLY)); }},
      {"openat to write",
       [](const given& with) {
         return said(::open((with.path() + ".new").c_str(), O_WRONLY | O_CREAT, 0600));
       }},
      {"stat", [](const given& with) { return facts_of_path(with, 0); }},
      {"stat as a descriptor",
       [](const given& with) { return facts_of_path(with, AT_EMPTY_PATH); }},
      {"stat of an input", facts_of_input},
      {"unlink", [](const given& with) { return said(::unlink(with.path().c_str())); }},
      {"socket", [](const given&) { return said(::socket(AF_INET, SOCK_STREAM, 0)); }},
      {"connect",
       [](const given&) {
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         return said(::connect(worker_socket, reinterpret_cast<sockaddr*>(&address), 3));
       }},
      {"connect to a port", connect_to_port},
      {"connect to an abstract socket", connect_to_abstract},
      {"send a descriptor", send_descriptor},
      {"execve",
       [](const given&) {
         char name[] = "true";
         char* arguments[] = {name, nullptr};
         return said(::execv("/bin/true", arguments));
       }},
      {"ptrace of the parent",
       [](const given& with) {
         return said(::ptrace(PTRACE_SEIZE, with.parent(), nullptr, nullptr));
       }},
      {"kill of the parent",
       [](const given& with) { return said(::kill(with.parent(), SIGWINCH)); }},
      {"tgkill of the parent",
       [](const given& with) {
         return said(::syscall(SYS_tgkill, with.parent(), with.parent(), SIGWINCH));
       }},
      {"process_vm_readv of the parent",
       [](const given& with) {
         return said(::syscall(SYS_process_vm_readv, with.parent(), nullptr, 0, nullptr, 0, 0));
       }},
      {"mmap to write and run",
       [](const given&) { return map_memory(PROT_READ | PROT_WRITE | PROT_EXEC); }},
      {"mmap to run", [](const given&) { return map_memory(PROT_READ | PROT_EXEC); }},
      {"mprotect to run", [](const given&) { return protect_memory(SYS_mprotect); }},
      {"pkey_mprotect to run", [](const given&) { return protect_memory(SYS_pkey_mprotect); }},
      {"fork bomb", [](const given&) { return fork_bomb(); }},
      {"vfork", [](const given&) { return said(without_child(::syscall(SYS_vfork))); }},
      {"clone",
       [](const given&) { return said(without_child(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))); }},
      {"clone3",
       [](const given&) { return said(without_child(::syscall(SYS_clone3, nullptr, 0))); }},
      {"clone of a thread in other namespaces",
       [](const given&) {
         return said(without_child(::syscall(SYS_clone, 0x3d0f00 | CLONE_NEWNET, 0, 0, 0, 0)));
       }},
      {"a thread", [](const given&) { return start_thread(); }},
      {"thread bomb", [](const given&) { return thread_bomb(); }},
      {"memory bomb", [](const given&) { return memory_bomb(); }},
      {"CPU loop", [](const given&) { return cpu_loop(); }},
      {"endless output", [](const given& with) { return endless_output(with.files.outputs[0]); }},
      {"endless standard error", [](const given&) { return endless_output(STDERR_FILENO); }},
      {"endless standard output", [](const given&) { return endless_output(STDOUT_FILENO); }},
      {"endless log",
       [](const given& with) {
         for (int i = 0; i < 100'000; ++i)
           with.control.log("line " + std::to_string(i));
         return "done";
       }},
      {"descriptors of another job", others_descriptors},
      {"write to an input",
       [](const given& with) { return said(::write(with.files.inputs[0], "x", 1)); }},
      {"ftruncate of an input",
       [](const given& with) { return said(::ftruncate(with.files.inputs[0], 0)); }},
      {"mmap of an input to write", map_input},
      {"opening an input to write", reopen_input},
      {"fchmod of an input",
       [](const given& with) { return said(::fchmod(with.files.inputs[0], 0600)); }},
      {"fcntl to signal the parent",
       [](const given& with) {
         return said(::fcntl(with.files.inputs[0], F_SETOWN, with.parent()));
       }},
      {"raising a limit", [](const given&) { return raise_limit(); }},
      {"outliving the parent",
       [](const given&) { return said(::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)); }},
      {"ignoring SIGSYS", [](const given&) { return handle_forbidden(); }},
      {"32-bit system call", [](const given&) { return other_interface(); }},
      {"io_uring_setup",
       [](const given&) { return said(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
      {"memfd_create", [](const given&) { return said(::syscall(SYS_memfd_create, "x", 0)); }},
      {"unshare", [](const given&) { return said(::syscall(SYS_unshare, 0)); }},
      {"mount",
       [](const given&) { return said(::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, 0)); }},
      {"bpf", [](const given&) { return said(::syscall(SYS_bpf, 0, nullptr, 0)); }},
      {"userfaultfd", [](const given&) { return said(::syscall(SYS_userfaultfd, 0)); }},
      {"a call that does not exist", [](const given&) { return said(::syscall(4000)); }},
      {"abort",
       [](const given&) -> std::string {
         std::fputs("free(): invalid pointer\n", stderr);
         std::abort();
       }},
      {"bad memory",
       [](const given&) -> std::string {
         *reinterpret_cast<volatile char*>(8) = 1;
         return "done";
       }},
      {"leaving", [](const given&) -> std::string { ::_exit(3); }},
  };
  return all;
}

}  // namespace

std::string attempt(const std::string& name, const json& parameters, const job_files& files,
                    job_control& control) {
  return attempts().at(name)({parameters, files, control});
}
