// What a program reaches that runs in the place of medflytd under its unit: one line for each attempt, `NAME ok` or
// `NAME ERRNO`, in <state directory>/probe.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

FILE* out = nullptr;

// `result`: negative where it failed, with errno.
void Tell(const char* name, long result) {
  std::fprintf(out, "%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
}

long Open(const std::string& file, int flags) { return ::open(file.c_str(), flags | O_CLOEXEC, 0600); }
long Make(const std::string& directory) { return Open(directory + "/probe-made", O_WRONLY | O_CREAT | O_EXCL); }

void TryFiles(const std::string& state) {
  Tell("secrets-of-root", Open("/etc/medflyt/secrets/log.key", O_RDONLY));
  Tell("own-credential", Open("/run/credentials/medflytd.service/log.key", O_RDONLY));
  Tell("credential-write", Open("/run/credentials/medflytd.service/log.key", O_WRONLY));
  Tell("home", Open("/home", O_RDONLY));
  Tell("root-home", Open("/root", O_RDONLY));
  Tell("device", Open("/dev/probe", O_RDONLY));
  Tell("kernel-log", Open("/proc/kmsg", O_RDONLY));
  Tell("others-in-proc", Open("/proc/1/stat", O_RDONLY));
  Tell("sysctl", Open("/proc/sys/kernel/core_pattern", O_WRONLY));
  Tell("cgroup", Open("/sys/fs/cgroup/cgroup.procs", O_WRONLY));
  Tell("make-in-state", Make(state));
  Tell("make-in-tmp", Make("/tmp"));
  Tell("make-in-run-lock", Make("/run/lock"));
  Tell("make-in-shm", Make("/dev/shm"));
  Tell("make-in-etc", Make("/etc/medflyt"));
  Tell("suid", ::chmod((state + "/probe-made").c_str(), S_ISUID | S_IRUSR));
}

void TryCalls() {
  const timespec now{};
  const sched_param priority{1};
  char byte = 0;
  const iovec here{&byte, 1};
  Tell("become-root", ::setuid(0));
  Tell("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  Tell("chroot", ::chroot("/tmp"));
  Tell("namespace", ::unshare(CLONE_NEWUSER));
  Tell("ptrace", ::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr));
  Tell("read-process", ::process_vm_readv(::getpid(), &here, 1, &here, 1, 0));
  Tell("signal-others", ::kill(1, 0));
  Tell("set-clock", ::clock_settime(CLOCK_REALTIME, &now));
  Tell("host-name", ::sethostname("x", 1));
  Tell("module", ::syscall(SYS_init_module, nullptr, 0, ""));
  Tell("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
  Tell("io-uring", ::syscall(SYS_io_uring_setup, 1, nullptr));
  Tell("reboot", ::syscall(SYS_reboot, 0, 0, 0, nullptr));
  Tell("personality", ::personality(ADDR_NO_RANDOMIZE));
  Tell("real-time", ::sched_setscheduler(0, SCHED_FIFO, &priority));
  Tell("packet-socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  Tell("inet-socket", ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  void* code = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Tell("writable-code", code == MAP_FAILED ? -1 : 0);
  void* data = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Tell("make-executable", ::mprotect(data, 4096, PROT_READ | PROT_EXEC));
}

}  // namespace

int main() {
  const char* state = std::getenv("STATE_DIRECTORY");
  if (state == nullptr) return 1;
  out = std::fopen((std::string(state) + "/probe").c_str(), "we");
  if (out == nullptr) return 1;
  TryFiles(state);
  TryCalls();
  return std::fclose(out) == 0 ? 0 : 1;
}
