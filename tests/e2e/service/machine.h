// A small system with a real systemd, booted by machine.sh, which says what it is and leaves.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/node/node_world.h"
#include "tests/support/run_to_end.h"

namespace medflyt::testing {

// Booted when made, gone when destroyed. `why()` is not empty where this system cannot boot one.
class Machine {
 public:
  Machine() {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-machine.XXXXXX").string();
    work_ = mkdtemp(pattern.data());
    int ends[2];
    if (::pipe(ends) != 0) {
      why_ = "no pipe";
      return;
    }
    ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    life_ = ends[1];
    process_ = std::make_unique<Process>(
        std::vector<std::string>{"sh", "-c", "exec \"$0\" \"$@\" <&" + std::to_string(ends[0]), Script(), work_,
                                 SourceDir(), BinDir()},
        "/dev/stderr");
    ::close(ends[0]);
    const std::string line = process_->Line().value_or("");
    if (line.starts_with("booting ")) {
      init_ = line.substr(8);
    } else if (line.starts_with("cannot: ")) {
      why_ = line.substr(8);
    }
  }
  ~Machine() {
    ::close(life_);
    if (process_ != nullptr) (void)process_->Wait();
    std::filesystem::remove(work_);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] bool booting() const { return !init_.empty(); }
  // A directory outside, empty there.
  [[nodiscard]] const std::string& work() const { return work_; }
  // The name of the cgroup outside that all of it is in.
  [[nodiscard]] std::string group() const { return "medflyt-service." + std::to_string(process_->pid()); }

  // A script of bash, as root inside, in /srv; the exit code, and what it printed on either output.
  [[nodiscard]] std::pair<int, std::string> Run(const std::string& script) const {
    return RunToEnd({"nsenter", "--target", init_, "--all", "--wd=" + Root() + "/srv", "env", "-i", "LC_ALL=C.UTF-8",
                     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-euc", script});
  }
  [[nodiscard]] bool Holds(const std::string& script) const { return Run(script).first == 0; }
  // The output without the end of the last line.
  [[nodiscard]] std::string Read(const std::string& script) const {
    std::string text = Run(script).second;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  // Its files, as they are seen from outside.
  [[nodiscard]] std::string Root() const { return "/proc/" + init_ + "/root"; }

 private:
  static std::string Script() { return SourceDir() + "/tests/e2e/service/machine.sh"; }

  std::string work_;
  int life_ = -1;
  std::unique_ptr<Process> process_;
  std::string init_;
  std::string why_;
};

}  // namespace medflyt::testing
