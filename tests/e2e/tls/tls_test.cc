// Mutual TLS as two nodes and their clients meet it: a server over loopback, and every way in that must stay shut.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/x509.h"
#include "common/rpc/credentials.h"
#include "common/rpc/limits.h"
#include "common/rpc/peer_identity.h"
#include "common/rpc/status_map.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/support/demo_pki.h"

namespace medflyt::rpc {
namespace {

using medflyt::testing::DemoPki;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOdense = "35209115";
constexpr const char* kNyborg = "29189722";

AuthorityId Id(std::string_view cvr) { return *AuthorityId::Parse(cvr); }

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) return "";
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// Answers each call with who the caller is, "CVR role", or with the error.
class WhoAmI final : public grpc::CallbackGenericService {
 public:
  explicit WhoAmI(PeerIdentities& identities) : identities_(identities) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Reactor(absl::StatusOr<std::string> answer) : answer_(std::move(answer)) {
        if (!answer_.ok()) {
          Finish(ToGrpc(answer_.status()));
          return;
        }
        StartRead(&request_);
      }
      void OnReadDone(bool ok) override {
        if (!ok) {
          Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
          return;
        }
        response_ = Buffer(*answer_);
        StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
      }
      void OnDone() override { delete this; }

     private:
      const absl::StatusOr<std::string> answer_;
      grpc::ByteBuffer request_;
      grpc::ByteBuffer response_;
    };
    const auto identity = identities_.Of(*context->auth_context());
    if (!identity.ok()) return new Reactor(identity.status());
    return new Reactor((*identity)->authority.ToString() + " " + std::string(NameOf((*identity)->role)));
  }

 private:
  PeerIdentities& identities_;
};

// What the process's log was told.
class RecordingLogger final : public Logger {
 public:
  void Log(Severity, std::string_view event, std::string_view details) override {
    MutexLock lock(mutex_);
    lines_ += std::string(event) + " " + std::string(details) + "\n";
  }
  std::string Take() {
    MutexLock lock(mutex_);
    return std::exchange(lines_, "");
  }

 private:
  Mutex mutex_;
  std::string lines_ MEDFLYT_GUARDED_BY(mutex_);
};

struct Outcome {
  int status = 0;
  std::string output;
};
Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  std::array<char, 4096> chunk{};
  while (const size_t got = fread(chunk.data(), 1, chunk.size(), pipe)) outcome.output.append(chunk.data(), got);
  outcome.status = pclose(pipe);
  return outcome;
}

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(odense_.ok() && nyborg_.ok()) << "deploy/pki.sh failed";
    RedirectGrpcLog(log_);
    // The server accepts both authorities' issuers, as a node does whose directory holds both.
    std::ofstream(odense_.Path("roots.pem")) << odense_.ca() << nyborg_.ca();
    std::ofstream(nyborg_.Path("roots.pem")) << odense_.ca() << nyborg_.ca();
    Serve(FilesOf(odense_));
  }
  void TearDown() override {
    Stop();
    RedirectGrpcLog(nullptr);
  }

  static TlsFiles FilesOf(const DemoPki& pki, const std::string& certificate = "node/cert.pem",
                          const std::string& key = "node/key.pem") {
    TlsFiles files;
    files.certificate = pki.Path(certificate);
    files.private_key = pki.Path(key);
    files.roots = pki.Path("roots.pem");
    files.refresh_seconds = 1;
    return files;
  }
  static TlsFiles ClientOf(const DemoPki& pki, const std::string& name) {
    return FilesOf(pki, "clients/" + name + ".pem", "clients/" + name + ".key");
  }

  // As the directory of either node has it.
  [[nodiscard]] std::string IssuersOf(AuthorityId id) const {
    return id == Id(kOdense) ? odense_.ca() : id == Id(kNyborg) ? nyborg_.ca() : "";
  }

  void Serve(const TlsFiles& files, const std::string& address = "localhost:0") {
    Stop();
    identities_ = std::make_unique<PeerIdentities>(clock_, [this](AuthorityId id) { return IssuersOf(id); });
    service_ = std::make_unique<WhoAmI>(*identities_);
    const auto credentials = MakeServerCredentials(files);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    grpc::ServerBuilder builder;
    ApplyServerLimits(builder);
    builder.AddListeningPort(address, *credentials, &port_);
    builder.RegisterCallbackGenericService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    ASSERT_NE(port_, 0);
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    service_.reset();
  }

  std::shared_ptr<grpc::Channel> Open(const TlsFiles& files, AuthorityId server = Id(kOdense),
                                      const std::string& host = "localhost") {
    return Open(files, server, host, IssuersOf(server));
  }
  std::shared_ptr<grpc::Channel> Open(const TlsFiles& files, AuthorityId server, const std::string& host,
                                      const std::string& issuers) {
    const auto credentials = MakeNodeCredentials(files, server, [issuers] { return ServerTrust{issuers, nullptr}; });
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    if (!credentials.ok()) return nullptr;
    return Connect(host, *credentials);
  }
  std::shared_ptr<grpc::Channel> Connect(const std::string& host,
                                         const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    return grpc::CreateCustomChannel(host + ":" + std::to_string(port_), credentials, ChannelLimits());
  }

  // The answer of one call on the channel.
  static absl::StatusOr<std::string> Call(const std::shared_ptr<grpc::Channel>& channel,
                                          const std::string& request = "hello") {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    SetDeadline(context, DefaultDeadline(SystemClock(), absl::Seconds(20)));
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(&context, "/test.WhoAmI/Ask", Buffer(request), &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, &queue);
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    if (!status.ok()) return FromGrpc(status);
    return Bytes(response);
  }

  std::string SClient(const std::string& options) {
    return Shell("echo | timeout 10 openssl s_client -connect localhost:" + std::to_string(port_) +
                 " -alpn h2 -servername localhost " + options)
        .output;
  }

  SystemClock clock_;
  DemoPki odense_{kOdense, "Odense"};
  DemoPki nyborg_{kNyborg, "Nyborg"};
  std::shared_ptr<RecordingLogger> log_ = std::make_shared<RecordingLogger>();
  std::unique_ptr<PeerIdentities> identities_;
  std::unique_ptr<WhoAmI> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

TEST_F(TlsTest, TheServerKnowsAuthorityAndRole) {
  const std::vector<std::pair<TlsFiles, std::string>> clients = {
      {FilesOf(nyborg_), "29189722 node"},
      {ClientOf(odense_, "case-system-1"), "35209115 case-system"},
      {ClientOf(odense_, "registry-feed"), "35209115 registry-feed"},
      {ClientOf(odense_, "administrator-2"), "35209115 administrator"},
      {ClientOf(nyborg_, "auditor"), "29189722 auditor"}};
  for (const auto& [files, expected] : clients) {
    for (const char* host : {"localhost", "127.0.0.1"}) {
      const auto answer = Call(Open(files, Id(kOdense), host));
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(*answer, expected);
    }
  }
}

TEST_F(TlsTest, WithoutACertificateNobodyIsLetIn) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = odense_.ca();
  const auto answer = Call(Connect("localhost", grpc::SslCredentials(options)));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  const auto plain = Call(Connect("localhost", grpc::InsecureChannelCredentials()));
  EXPECT_EQ(plain.status().code(), absl::StatusCode::kUnavailable) << plain.status();
}

TEST_F(TlsTest, AForeignCaIsRefusedByTheServer) {
  const DemoPki stranger(kNyborg, "Nyborg");
  ASSERT_TRUE(stranger.ok());
  std::ofstream(stranger.Path("roots.pem")) << odense_.ca();
  const auto answer = Call(Open(FilesOf(stranger)));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
}

TEST_F(TlsTest, AForeignCaIsRefusedByTheClient) {
  const DemoPki other(kOdense, "Odense");
  ASSERT_TRUE(other.ok());
  TlsFiles files = FilesOf(nyborg_);
  files.roots = other.Path("ca.pem");
  EXPECT_EQ(Call(Open(files)).status().code(), absl::StatusCode::kUnavailable);
}

// The handshake takes any peer's issuer; so a peer that signs a certificate in another's name gets that far.
TEST_F(TlsTest, APeersCaCannotNameAnotherAuthority) {
  const DemoPki impostor(kOdense, "Odense");
  ASSERT_TRUE(impostor.ok());
  std::ofstream(impostor.Path("roots.pem")) << odense_.ca();
  std::ofstream(odense_.Path("roots.pem"), std::ios::app) << impostor.ca();
  Serve(FilesOf(odense_));
  const auto answer = Call(Open(ClientOf(impostor, "administrator-1")));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnauthenticated) << answer.status();
  ASSERT_TRUE(BrokenRuleOf(answer.status()));
  EXPECT_EQ(BrokenRuleOf(answer.status())->rule, "CERTIFICATE_ISSUER_UNTRUSTED");
  EXPECT_EQ(DanishTextOf(answer.status()),
            "Certifikatet er ikke udstedt af en udsteder, som gælder for denne myndighed.");
}

// The mirror: a peer whose issuer is among our roots signs a node's certificate in another's name, and serves with it.
TEST_F(TlsTest, APeersCaCannotServeForAnotherAuthority) {
  const DemoPki impostor(kOdense, "Odense");
  ASSERT_TRUE(impostor.ok());
  std::ofstream(impostor.Path("roots.pem")) << nyborg_.ca();
  std::ofstream(nyborg_.Path("roots.pem"), std::ios::app) << impostor.ca();
  Serve(FilesOf(impostor));
  const auto answer = Call(Open(FilesOf(nyborg_), Id(kOdense)));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  // Nothing else is wrong with it: were that issuer Odense's, it would be Odense.
  const auto believed = Call(Open(FilesOf(nyborg_), Id(kOdense), "localhost", impostor.ca()));
  EXPECT_TRUE(believed.ok()) << believed.status();
}

TEST_F(TlsTest, AnAuthorityWithoutIssuersIsRefused) {
  for (const char* issuers : {"", "no certificate"}) {
    const auto answer = Call(Open(FilesOf(nyborg_), Id(kOdense), "localhost", issuers));
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  }
}

TEST_F(TlsTest, AChannelAsksForTheIssuersAtEachHandshake) {
  const auto dropped = std::make_shared<std::atomic<bool>>(false);
  const auto credentials =
      MakeNodeCredentials(FilesOf(nyborg_), Id(kOdense), [dropped, odense = odense_.ca(), nyborg = nyborg_.ca()] {
        return ServerTrust{*dropped ? nyborg : odense, nullptr};
      });
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto standing = Connect("localhost", *credentials);
  EXPECT_TRUE(Call(standing).ok());
  *dropped = true;
  // Another address, so that it is another connection.
  EXPECT_EQ(Call(Connect("127.0.0.1", *credentials)).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Call(standing).ok());
}

TEST_F(TlsTest, AClientOfOneNodeHasTheIssuersInItsRoots) {
  TlsFiles files = ClientOf(odense_, "case-system-1");
  const auto call = [&] {
    const auto credentials = MakeClientCredentials(files, Id(kOdense));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return Call(Connect("localhost", *credentials)).status();
  };
  files.roots = odense_.Path("ca.pem");
  EXPECT_EQ(call(), absl::OkStatus());
  files.roots = nyborg_.Path("ca.pem");
  EXPECT_EQ(call().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, AChannelAcceptsOnlyTheNodeOfItsAuthority) {
  EXPECT_TRUE(Call(Open(FilesOf(nyborg_), Id(kOdense))).ok());
  EXPECT_EQ(Call(Open(FilesOf(nyborg_), Id(kNyborg))).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, AClientsCertificateCannotServe) {
  // The right authority and CA, but no node: the certificate lacks the host name and the use as a server too.
  Serve(ClientOf(odense_, "administrator-1"));
  EXPECT_EQ(Call(Open(FilesOf(nyborg_))).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, AnotherHostNameIsRefused) {
  // 127.0.0.2 is loopback too, and not in the certificate.
  Serve(FilesOf(odense_), "0.0.0.0:0");
  EXPECT_TRUE(Call(Open(FilesOf(nyborg_), Id(kOdense), "127.0.0.1")).ok());
  EXPECT_EQ(Call(Open(FilesOf(nyborg_), Id(kOdense), "127.0.0.2")).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  const DemoPki expired(kNyborg, "Nyborg", -1);
  ASSERT_TRUE(expired.ok());
  std::ofstream(expired.Path("roots.pem")) << odense_.ca();
  std::ofstream(odense_.Path("roots.pem"), std::ios::app) << expired.ca();
  Serve(FilesOf(odense_));
  EXPECT_EQ(Call(Open(FilesOf(expired))).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TlsTest, ARevokedCertificateIsRefusedOnAnOpenConnection) {
  const auto channel = Open(ClientOf(odense_, "case-system-1"));
  ASSERT_TRUE(Call(channel).ok());
  const auto revoked = crypto::RevocationLists::Parse(odense_.Crl({"clients/case-system-1.pem"}));
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  identities_->SetRevoked(*revoked);
  const auto answer = Call(channel);
  EXPECT_EQ(BrokenRuleOf(answer.status()), (BrokenRule{"CLIENT_CERTIFICATE_REVOKED", ""})) << answer.status();
}

TEST_F(TlsTest, Tls13AndNothingOlder) {
  const std::string client = "-cert " + odense_.Path("node/cert.pem") + " -key " + odense_.Path("node/key.pem") +
                             " -CAfile " + odense_.Path("ca.pem") + " -verify_return_error ";
  const std::string modern = SClient(client + "-tls1_3");
  EXPECT_THAT(modern, HasSubstr("TLSv1.3, Cipher is TLS_"));
  EXPECT_THAT(modern, HasSubstr("ALPN protocol: h2"));
  for (const char* version : {"-tls1_2", "-tls1_1", "-tls1"}) {
    const std::string old = SClient(client + version + " -cipher DEFAULT:@SECLEVEL=0");
    EXPECT_THAT(old, HasSubstr("Cipher is (NONE)")) << version;
    // gRPC hangs up without an alert; the reason stands in its log.
    std::string log;
    for (const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
         log.find("unsupported protocol") == std::string::npos && std::chrono::steady_clock::now() < give_up;) {
      log += log_->Take();
    }
    EXPECT_THAT(log, HasSubstr("unsupported protocol")) << version;
  }
}

TEST_F(TlsTest, AnOldServerIsRefusedByOurClient) {
  Stop();
  // -rev answers; which it must not come to. s_server prints "ACCEPT host:port" once it listens.
  const std::string command = "openssl s_server -accept 127.0.0.1:0 -tls1_2 -alpn h2 -cert " +
                              odense_.Path("node/cert.pem") + " -key " + odense_.Path("node/key.pem") +
                              " -naccept 3 -rev </dev/null 2>&1 & echo PID $!; wait";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> line{};
  long pid = 0;
  port_ = 0;
  while ((port_ == 0 || pid == 0) && fgets(line.data(), line.size(), pipe) != nullptr) {  // in either order
    const std::string text(line.data());
    if (text.starts_with("PID ")) pid = std::stol(text.substr(4));
    if (text.starts_with("ACCEPT ")) port_ = std::stoi(text.substr(text.rfind(':') + 1));
  }
  ASSERT_NE(port_, 0);
  ASSERT_GT(pid, 0);
  const auto answer = Call(Open(FilesOf(nyborg_), Id(kOdense), "127.0.0.1"));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
  // Once it has said what it made of the handshake.
  std::string rest;
  while (rest.find(":error:") == std::string::npos && fgets(line.data(), line.size(), pipe) != nullptr) {
    rest += line.data();
  }
  Shell("kill " + std::to_string(pid));
  while (fgets(line.data(), line.size(), pipe) != nullptr) rest += line.data();
  pclose(pipe);
  EXPECT_THAT(rest, HasSubstr("unsupported protocol")) << "the handshake failed for another reason";
}

TEST_F(TlsTest, ARenewedCertificateServesNewHandshakesAndOldConnectionsStand) {
  const auto before = Open(FilesOf(nyborg_));
  ASSERT_TRUE(Call(before).ok());
  const auto serial = [this] {
    const std::string shown = SClient("-tls1_3 -showcerts");
    const size_t begin = shown.find("-----BEGIN CERTIFICATE-----");
    if (begin == std::string::npos) return std::string();
    const auto certificate = crypto::ParseCertificate(shown.substr(begin));
    return certificate.ok() ? certificate->serial : std::string();
  };
  const std::string old_serial = serial();
  ASSERT_NE(old_serial, "");
  ASSERT_TRUE(odense_.RenewNode());
  const std::string new_serial = crypto::ParseCertificate(odense_.Read("node/cert.pem"))->serial;
  ASSERT_NE(new_serial, old_serial);
  std::string shown;
  for (const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
       shown != new_serial && std::chrono::steady_clock::now() < give_up;) {
    shown = serial();
  }
  EXPECT_EQ(shown, new_serial);
  EXPECT_TRUE(Call(before).ok());
  EXPECT_TRUE(Call(Open(FilesOf(nyborg_))).ok());
}

TEST_F(TlsTest, APeerIsLetInWithoutARestart) {
  const DemoPki newcomer(kNyborg, "Nyborg");
  ASSERT_TRUE(newcomer.ok());
  std::ofstream(newcomer.Path("roots.pem")) << odense_.ca();
  ASSERT_FALSE(Call(Open(FilesOf(newcomer))).ok());
  const std::string roots = odense_.Path("roots.pem");
  std::ofstream(roots + ".new") << odense_.ca() << newcomer.ca();
  std::filesystem::rename(roots + ".new", roots);
  // Past the handshake it is known as the CA that the directory does not hold.
  absl::Status status;
  for (const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
       status.code() != absl::StatusCode::kUnauthenticated && std::chrono::steady_clock::now() < give_up;) {
    status = Call(Open(FilesOf(newcomer))).status();
  }
  EXPECT_EQ(BrokenRuleOf(status), (BrokenRule{"CERTIFICATE_ISSUER_UNTRUSTED", ""})) << status;
}

TEST_F(TlsTest, AMessageOverTheLimitIsRefused) {
  const auto channel = Open(FilesOf(nyborg_));
  EXPECT_TRUE(Call(channel, std::string(kMaxMessageBytes - 16, 'x')).ok());
  EXPECT_EQ(Call(channel, std::string(kMaxMessageBytes + 1, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(TlsTest, AFailedHandshakeStandsInOurLogAndNotOnStandardError) {
  ::testing::internal::CaptureStderr();
  std::string log;
  for (const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
       log.empty() && std::chrono::steady_clock::now() < give_up;) {
    (void)SClient("-tls1_2 -cipher DEFAULT:@SECLEVEL=0");
    log = log_->Take();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(log, HasSubstr("grpc at="));
  EXPECT_THAT(log, Not(HasSubstr("BEGIN")));
}

TEST_F(TlsTest, UnusableFilesAreNamed) {
  const auto field = [](TlsFiles files) {
    const auto credentials = MakeServerCredentials(files);
    const auto broken = BrokenRuleOf(credentials.status());
    return broken && broken->rule == "TLS_FILE_UNUSABLE" ? broken->field : credentials.status().ToString();
  };
  TlsFiles files = FilesOf(odense_);
  files.certificate = odense_.Path("none.pem");
  EXPECT_EQ(field(files), "certificate");
  files = FilesOf(odense_);
  files.certificate = files.private_key;
  EXPECT_EQ(field(files), "certificate");
  files = FilesOf(odense_);
  files.private_key = odense_.Path("none.pem");
  EXPECT_EQ(field(files), "private_key");
  files = FilesOf(odense_);
  files.roots = odense_.Path("none.pem");
  EXPECT_EQ(field(files), "roots");
  EXPECT_EQ(BrokenRuleOf(MakeClientCredentials(files, Id(kOdense)).status())->field, "roots");
}

}  // namespace
}  // namespace medflyt::rpc
