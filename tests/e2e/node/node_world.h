// Real nodes: medflytd processes with their keys, cards and certificates in a temporary folder. calls.h has what
// clients say to them.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/signer.h"
#include "common/directory/peer_card.h"
#include "common/rpc/credentials.h"
#include "common/rpc/limits.h"
#include "common/tlog/note_key.h"
#include "grpcpp/create_channel.h"
#include "medflyt/v1/admin_service.grpc.pb.h"
#include "medflyt/v1/audit_service.grpc.pb.h"
#include "medflyt/v1/municipality_service.grpc.pb.h"
#include "medflyt/v1/peer_service.grpc.pb.h"
#include "tests/support/demo_pki.h"
#include "tests/support/paths.h"

namespace medflyt::testing {

// A process whose standard output is read line by line. Killed when it goes. What `medflyt` remembers of logs is beside
// the file of errors, so that tests do not see each other's memory.
class Process {
 public:
  explicit Process(const std::vector<std::string>& argv, const std::string& error_file = "/dev/null") {
    const size_t folder = error_file.starts_with("/dev/") ? std::string::npos : error_file.rfind('/');
    const std::string state = folder == std::string::npos ? "" : error_file.substr(0, folder) + "/state";
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      if (!state.empty()) ::setenv("XDG_STATE_HOME", state.c_str(), 1);
      ::dup2(out[1], STDOUT_FILENO);
      const int errors = ::open(error_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(errors, STDERR_FILENO);
      std::vector<char*> arguments;
      for (const std::string& each : argv) arguments.push_back(const_cast<char*>(each.c_str()));
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    output_ = ::fdopen(out[0], "r");
  }
  ~Process() {
    Kill(SIGKILL);
    (void)Wait();
    if (output_ != nullptr) std::fclose(output_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Nothing at the end of the output.
  std::optional<std::string> Line() {
    char line[512];
    if (output_ == nullptr || std::fgets(line, sizeof line, output_) == nullptr) return std::nullopt;
    std::string text(line);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // To the process and all that it started.
  void Kill(int signal) const {
    if (pid_ > 0 && !ended_) ::kill(-pid_, signal);
  }
  // The exit code, or 128 + signal.
  int Wait() {
    if (pid_ <= 0 || ended_) return code_;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
  bool ended_ = false;
  int code_ = -1;
};

inline void WriteFile(const std::string& path, std::string_view text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

// A port that was free a moment ago.
inline int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  ::close(fd);
  return port;
}

// True once `holds` is; false where it is not within a minute. It is asked often, and time alone decides nothing.
inline bool Await(const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (absl::Now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return holds();
}

// One authority: its PKI, keys, card, configuration, and its node.
class TestNode {
 public:
  TestNode(std::string cvr, std::string code, std::string name)
      : cvr_(std::move(cvr)), pki_(cvr_, name), port_(FreePort()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-node.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    for (const char* each : {"keys", "peers"}) std::filesystem::create_directory(directory_ / each);
    const crypto::Signer log_key(crypto::Key::Random());
    const auto signer = *tlog::NoteSigner::Create("localhost/" + cvr_ + "/1", log_key);
    const crypto::Key witness_seed = crypto::Key::Random();
    const auto witness = *tlog::VerifierKey::Create("localhost/" + cvr_ + "/witness", tlog::SignatureType::kCosignature,
                                                    crypto::Signer(witness_seed).public_key());
    verifier_ = signer.verifier_key();
    witness_ = witness;
    WriteFile(Path("keys/log.key"), signer.Format() + "\n");
    WriteFile(Path("keys/witness.key"), SecretText(witness, witness_seed) + "\n");
    WriteFile(Path("keys/root.secret"), HexEncode(crypto::Key::Random().ExposeView()) + "\n");

    directory::Authority authority;
    authority.id = *AuthorityId::Parse(cvr_);
    authority.names = {{Date(2007, 1, 1), name}};
    authority.codes = {{Date(2007, 1, 1), std::nullopt, *MunicipalityCode::Parse(code)}};
    authority.endpoint = "localhost:" + std::to_string(port_);
    authority.logs = {{signer.verifier_key().name(), {{signer.verifier_key(), TreeSize(0), std::nullopt}}}};
    authority.witness = witness;
    authority.issuers = pki_.ca();
    const auto card = directory::WritePeerCard(authority, Date(2026, 11, 21), signer);
    EXPECT_TRUE(card.ok()) << card.status();
    card_ = card.value_or("");
    WriteFile(Path("node.card"), card_);
    WriteFile(Path("legal-bases.toml"),
              "[[legal_basis]]\nkey = \"RSL-12A\"\ntitle = \"an act, section 12 a\"\nvalid_from = 2017-01-01\n"
              "[[legal_basis]]\nkey = \"LAB-2014\"\ntitle = \"an act of 2014, section 10\"\nvalid_from = 2014-01-01\n"
              "valid_to = 2019-12-31\n");
    WriteFile(Path("retention.toml"),
              "[[ground]]\nkey = \"GDPR-17-1-D\"\nvalid_from = 2018-05-25\n"
              "before_period_is_over = true\n");
    WriteConfig();
  }
  ~TestNode() {
    process_.reset();
    if (::testing::Test::HasFailure()) std::printf("%s", Errors().c_str());
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  // `more` stands before the first table, `tls` in the table of that name.
  void WriteConfig(const std::string& more = "", const std::string& tls = "") const {
    WriteFile(
        Path("medflytd.toml"),
        "authority = \"" + cvr_ + "\"\ndata_dir = \"data\"\ncard = \"node.card\"\npeers_dir = \"peers\"\n" + more +
            "legal_bases = \"legal-bases.toml\"\nretention = \"retention.toml\"\n[listen]\naddress = \"localhost:" +
            std::to_string(port_) + "\"\nmetrics = \"127.0.0.1:0\"\n[tls]\ncertificate = \"" +
            pki_.Path("node/cert.pem") + "\"\nprivate_key = \"" + pki_.Path("node/key.pem") + "\"\n" + tls +
            "[keys]\nlog_key = \"keys/log.key\"\nwitness_key = \"keys/witness.key\"\n"
            "root_secret = \"keys/root.secret\"\n");
  }
  void Know(const TestNode& peer) const { WriteFile(Path("peers/" + peer.cvr_ + ".card"), peer.card_); }

  static std::string Program() { return BinDir() + "/medflytd"; }

  // Until it serves. `before`: a program and its arguments that runs it.
  void Start(std::vector<std::string> before = {}) {
    for (const std::string& each : {Program(), std::string("--config"), Path("medflytd.toml")}) before.push_back(each);
    process_ = std::make_unique<Process>(before, Path("errors"));
    const auto line = process_->Line();
    ASSERT_TRUE(line.has_value()) << Errors();
    ASSERT_EQ(*line, "listening localhost:" + std::to_string(port_));
    const auto metrics = process_->Line();
    ASSERT_TRUE(metrics && metrics->starts_with("metrics 127.0.0.1:"));
    metrics_port_ = std::stoi(metrics->substr(metrics->rfind(':') + 1));
  }
  // The exit code.
  int Stop(int signal = SIGTERM) {
    process_->Kill(signal);
    const int code = process_->Wait();
    process_.reset();
    channels_.clear();
    return code;
  }
  void Signal(int signal) const { process_->Kill(signal); }
  // Started, and not stopped.
  [[nodiscard]] bool running() const { return process_ != nullptr; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

  [[nodiscard]] std::string Path(const std::string& file) const { return (directory_ / file).string(); }
  [[nodiscard]] std::string Errors() const { return ReadFile(Path("errors")); }
  [[nodiscard]] const std::string& cvr() const { return cvr_; }
  [[nodiscard]] const DemoPki& pki() const { return pki_; }
  [[nodiscard]] const tlog::VerifierKey& verifier() const { return *verifier_; }
  [[nodiscard]] const tlog::VerifierKey& witness() const { return *witness_; }
  [[nodiscard]] int metrics_port() const { return metrics_port_; }
  [[nodiscard]] std::string address() const { return "localhost:" + std::to_string(port_); }

  // A channel with a client's certificate of this authority ("case-system-1").
  std::shared_ptr<grpc::Channel> Channel(const std::string& client = "case-system-1") {
    return ChannelAs(pki_.Path("clients/" + client + ".key"), pki_.Path("clients/" + client + ".pem"));
  }
  // With any certificate.
  std::shared_ptr<grpc::Channel> ChannelAs(const std::string& key, const std::string& certificate) {
    auto& channel = channels_[key + certificate];
    if (channel == nullptr) {
      const auto credentials =
          rpc::MakeClientCredentials({key, certificate, pki_.Path("ca.pem")}, *AuthorityId::Parse(cvr_));
      EXPECT_TRUE(credentials.ok()) << credentials.status();
      channel = grpc::CreateCustomChannel(address(), *credentials, rpc::ChannelLimits());
    }
    return channel;
  }
  std::unique_ptr<v1::MunicipalityService::Stub> Municipality(const std::string& client = "case-system-1") {
    return v1::MunicipalityService::NewStub(Channel(client));
  }

 private:
  static std::string SecretText(const tlog::VerifierKey& key, const crypto::Key& seed) {
    char id[9];
    std::snprintf(id, sizeof id, "%08x", key.id().value());
    std::string bytes(1, static_cast<char>(key.type()));
    bytes.append(seed.ExposeView());
    return "PRIVATE+KEY+" + key.name() + "+" + id + "+" + Base64Encode(bytes);
  }

  const std::string cvr_;
  const DemoPki pki_;
  const int port_;
  std::filesystem::path directory_;
  std::optional<tlog::VerifierKey> verifier_;
  std::optional<tlog::VerifierKey> witness_;
  std::string card_;
  int metrics_port_ = 0;
  std::unique_ptr<Process> process_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace medflyt::testing
