// medflytd as a service: installed as server/node/README.md tells, under its own unit, with a real systemd.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/service/machine.h"
#include "tests/support/shared.h"

namespace medflyt::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* kUnit = "medflytd.service";

// The blocks of this language in the README's part "As a service", in their order.
std::vector<std::string> Blocks(const std::string& language) {
  const std::string readme = ReadFile(SourceDir() + "/server/node/README.md");
  const size_t begin = readme.find("\n## As a service\n");
  const std::string part = readme.substr(begin, readme.find("\n## ", begin + 1) - begin);
  const std::string fence = "\n```" + language + "\n";
  std::vector<std::string> blocks;
  for (size_t at = part.find(fence); at != std::string::npos; at = part.find(fence, at + 1)) {
    const size_t first = at + fence.size();
    blocks.push_back(part.substr(first, part.find("\n```", first) - first) + "\n");
  }
  return blocks;
}

// `ours` in the place of what `text` says of the same: each key before the first table, and the table [keys].
std::string Edited(const std::string& text, const std::string& ours) {
  const size_t keys = ours.find("[keys]");
  const std::string top = ours.substr(0, keys);
  std::string edited = top;
  std::istringstream lines(text.substr(0, text.find("[keys]")));
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    const bool replaced =
        equals != std::string::npos && ("\n" + top).find("\n" + line.substr(0, equals + 1)) != std::string::npos;
    if (!replaced) edited += line + "\n";
  }
  return edited + ours.substr(keys);
}

// What is everybody's outside, by its file.
std::map<std::string, std::string> Outside() {
  std::map<std::string, std::string> found;
  for (const char* file : {"fs/file-max", "fs/nr_open", "kernel/core_pattern", "kernel/hostname", "kernel/printk",
                           "kernel/random/boot_id", "net/unix/max_dgram_qlen"}) {
    found[file] = ReadFile(std::string("/proc/sys/") + file);
  }
  return found;
}
// Where outside a cgroup has this name.
std::vector<std::string> CgroupsNamed(const std::string& name) {
  std::vector<std::string> found;
  std::istringstream mounts(ReadFile("/proc/self/mounts"));
  for (std::string device, where, type, rest; mounts >> device >> where >> type && std::getline(mounts, rest);) {
    if (type == "cgroup2" && std::filesystem::exists(where + "/" + name)) found.push_back(where);
  }
  return found;
}

TEST(MachineE2e, NothingOfItIsSeenOutsideAndNothingIsLeft) {
  const auto before = Outside();
  std::string work;
  std::string group;
  {
    const Machine machine;
    if (!machine.why().empty()) GTEST_SKIP() << "SKIPPED-SYSTEMD: " << machine.why();
    ASSERT_TRUE(machine.booting());
    ASSERT_TRUE(Await([&] { return machine.Holds("systemctl is-active multi-user.target"); }));
    EXPECT_EQ(machine.Read("ps --no-headers -o comm -p 1"), "systemd");
    EXPECT_EQ(machine.Read("systemctl list-units --type service --state running --plain --no-legend | cut -d' ' -f1"),
              "systemd-journald.service");
    EXPECT_EQ(machine.Read("ls /sys/class/net"), "lo");
    EXPECT_FALSE(machine.Holds("test -w /proc/sys/kernel/core_pattern"));
    work = machine.work();
    group = machine.group();
    EXPECT_TRUE(std::filesystem::is_empty(work));
    EXPECT_EQ(CgroupsNamed(group).empty(), ReadFile("/proc/self/mounts").find(" cgroup2 ") == std::string::npos);
  }
  EXPECT_EQ(Outside(), before);
  EXPECT_TRUE(CgroupsNamed(group).empty());
  EXPECT_EQ(ReadFile("/proc/self/mountinfo").find(work), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(work));
}

class ServiceE2e : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!machine_.why().empty()) GTEST_SKIP() << "SKIPPED-SYSTEMD: " << machine_.why();
    ASSERT_TRUE(machine_.booting());
    ASSERT_TRUE(Await([&] { return machine_.Holds("systemctl is-active multi-user.target"); }));
    // A developer may have the node installed.
    Do("userdel medflyt 2>/dev/null || true; rm -rf /etc/medflyt; mkdir build; ln -s " + BinDir() +
       "/.. build/release; ln -s " + SourceDir() + "/deploy deploy; deploy/pki.sh pki 35209115 'Odense Kommune'; " +
       "cp pki/node/cert.pem node.pem; cp pki/node/key.pem node.key; cp pki/ca.pem issuers.pem");
    const std::vector<std::string> steps = Blocks("sh");
    const std::vector<std::string> toml = Blocks("toml");
    ASSERT_EQ(steps.size(), 2U);
    ASSERT_EQ(toml.size(), 1U);
    Do(steps[0]);
    const std::string file = machine_.Root() + "/etc/medflyt/medflytd.toml";
    const std::string configuration = Edited(ReadFile(file), toml[0]);
    std::ofstream(file, std::ios::trunc) << configuration;
    Do(steps[1]);
  }
  void TearDown() override {
    if (HasFailure() && machine_.booting()) std::printf("%s\n", machine_.Read("journalctl --no-pager").c_str());
  }

  void Do(const std::string& script) {
    const auto [code, output] = machine_.Run(script);
    ASSERT_EQ(code, 0) << script << "\n" << output;
  }
  [[nodiscard]] std::string Property(const std::string& name) const {
    return machine_.Read("systemctl show --property " + name + " --value " + kUnit);
  }
  [[nodiscard]] std::string Pid() const { return Property("MainPID"); }
  [[nodiscard]] std::string Journal() const { return machine_.Read("journalctl --no-pager"); }
  // `text` are the lines of the unit's drop-in.
  void DropIn(const std::string& text) {
    const std::string directory = machine_.Root() + "/etc/systemd/system/medflytd.service.d";
    std::filesystem::create_directory(directory);
    std::ofstream(directory + "/test.conf") << "[Service]\n" << text;
    Do("systemctl daemon-reload");
  }

  // `medflyt` as a client of the node.
  static std::string Medflyt(const std::string& command, const std::string& client = "administrator-1") {
    return "medflyt " + command + " --json --address localhost:7461 --ca pki/ca.pem --certificate pki/clients/" +
           client + ".pem --key pki/clients/" + client + ".key --officer anna.officer --purpose test";
  }
  [[nodiscard]] bool Serves() const { return machine_.Holds(Medflyt("node status")); }
  // What the node says of itself; empty where it does not serve.
  [[nodiscard]] nlohmann::json Status() const {
    const auto [code, output] = machine_.Run(Medflyt("node status"));
    return code == 0 ? nlohmann::json::parse(output, nullptr, false) : nlohmann::json();
  }

  // A day of the node: another authority becomes known, an officer makes it an offer, the data is backed up.
  void WorkADay() {
    ASSERT_TRUE(Await([&] { return Serves(); }));
    Do("medflyt node init --dir nyborg --authority 29189722 --name 'Nyborg Kommune' --code 0450 --endpoint "
       "localhost:7462 --tls-certificate node.pem --tls-key node.key --issuers issuers.pem; "
       "install -m 0640 -g medflyt nyborg/node.card /etc/medflyt/peers/nyborg.card; systemctl reload medflytd");
    ASSERT_TRUE(Await([&] { return machine_.Read(Medflyt("peer list")).find("29189722") != std::string::npos; }));
    Do(
        Medflyt("agreement propose --provider 35209115 --buyer 29189722 --capacity 2 --price-ore 1250000 "
                "--from 2026-01-01 --to 2035-12-31 --legal-basis RSL-12A --council-case 2026-17",
                "case-system-1"));
    Do(Medflyt("node backup"));
    Do("test -s /var/lib/medflyt/key-backup && ls /var/lib/medflyt/backups/*/store/CURRENT");
  }
  void StopAndStart() {
    const nlohmann::json before = Status();
    EXPECT_GT(before["tree_size"], 0);
    Do("systemctl stop medflytd");
    EXPECT_EQ(Property("Result"), "success");
    EXPECT_EQ(Property("ExecMainStatus"), "0");
    Do("systemctl start medflytd");
    ASSERT_TRUE(Await([&] { return Serves(); }));
    const nlohmann::json after = Status();
    EXPECT_EQ(after["authority"], "35209115");
    EXPECT_EQ(after["root_hash"], before["root_hash"]);
  }

  // That the unit failed with this exit code, and was not started again.
  void ExpectGivenUp(const std::string& code, const std::string& why) {
    (void)machine_.Run("systemctl restart medflytd");
    ASSERT_TRUE(Await([&] { return Property("ActiveState") == "failed"; })) << Property("ActiveState");
    EXPECT_EQ(Property("ExecMainStatus"), code);
    EXPECT_EQ(Property("NRestarts"), "0");
    EXPECT_THAT(Journal(), HasSubstr(why));
    Do("systemctl reset-failed medflytd");
  }

  Machine machine_;
};

TEST_F(ServiceE2e, ServesOfficersWhenInstalledAsTheReadmeTells) {
  WorkADay();
  EXPECT_EQ(machine_.Read("systemctl is-enabled medflytd; systemctl is-active medflytd"), "enabled\nactive");
  EXPECT_EQ(machine_.Read("cat /var/lib/medflyt/data/listening"), "listening 0.0.0.0:7461");
  StopAndStart();

  const std::string journal = machine_.Read("journalctl --no-pager --output export");
  EXPECT_THAT(journal, HasSubstr("peers_reloaded"));
  EXPECT_THAT(journal, HasSubstr("backup_taken"));
  for (const char* file : {"log.key", "witness.key", "root.secret"}) {
    const std::string secret = machine_.Read(std::string("cut -d+ -f5- /etc/medflyt/secrets/") + file);
    ASSERT_GT(secret.size(), 40U);
    EXPECT_THAT(journal, Not(HasSubstr(secret))) << file;
  }
}

TEST_F(ServiceE2e, MakesNoCallThatTheFilterForbids) {
  // With the unit's own filter, where a call that it forbids is answered by an error, and here by death.
  DropIn("SystemCallErrorNumber=\n");
  Do("systemctl restart medflytd");
  const std::string pid = Pid();
  WorkADay();
  EXPECT_EQ(Pid(), pid);
  StopAndStart();
  EXPECT_EQ(Property("NRestarts"), "0");
}

TEST_F(ServiceE2e, HasNoPowersAndItsKeysInLockedMemory) {
  ASSERT_TRUE(Await([&] { return Serves(); }));
  const std::string process = machine_.Root() + "/proc/" + Pid();
  const std::string status = ReadFile(process + "/status");
  const std::string user = machine_.Read("id --user medflyt");
  ASSERT_NE(user, "0");
  EXPECT_THAT(status, HasSubstr("\nUid:\t" + user + "\t" + user + "\t" + user + "\t" + user + "\n"));
  EXPECT_THAT(status, HasSubstr("\nNoNewPrivs:\t1\n"));
  EXPECT_THAT(status, HasSubstr("\nSeccomp:\t2\n"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(status, HasSubstr(std::string("\n") + set + ":\t0000000000000000\n"));
  }
  EXPECT_THAT(status, ContainsRegex("\nVmLck:[\t ]+[1-9][0-9]* kB\n"));
  EXPECT_THAT(ReadFile(process + "/limits"),
              AllOf(ContainsRegex("Max core file size +0 +0 "), ContainsRegex("Max locked memory +8388608 +8388608 ")));
  EXPECT_THAT(Journal(), Not(HasSubstr("secrets_not_locked")));
  EXPECT_EQ(machine_.Read("stat --format '%a %U' /var/lib/medflyt"), "700 medflyt");
  EXPECT_EQ(machine_.Read("find /var/lib/medflyt -perm /077 -o ! -user medflyt"), "");

  // Of all that is mounted in its view, what it could write.
  std::map<std::string, std::string> mounts;  // the last one over a directory counts
  std::istringstream lines(ReadFile(process + "/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skipped, where, options;
    fields >> skipped >> skipped >> skipped >> skipped >> where >> options;
    mounts[where] = options;
  }
  std::vector<std::string> writable;
  for (const auto& [where, options] : mounts) {
    EXPECT_THAT(options, HasSubstr("nosuid")) << where;
    if (options.starts_with("rw")) writable.push_back(where);
  }
  EXPECT_THAT(writable, UnorderedElementsAre("/var/lib/medflyt", "/tmp", "/var/tmp", "/proc", "/dev/pts"));
  EXPECT_TRUE(mounts.contains("/"));
}

TEST_F(ServiceE2e, OnlyItsUserReadsItsSecrets) {
  ASSERT_TRUE(Await([&] { return Serves(); }));
  const std::string directory = "/run/credentials/medflytd.service";
  EXPECT_EQ(machine_.Read("stat --format '%a %U' " + directory), "500 medflyt");
  EXPECT_EQ(machine_.Read("stat --format '%n %a %U' " + directory + "/*"),
            directory + "/log.key 400 medflyt\n" + directory + "/root.secret 400 medflyt\n" + directory +
                "/witness.key 400 medflyt");
  EXPECT_THAT(machine_.Read("findmnt --noheadings --output FSTYPE,OPTIONS " + directory),
              AllOf(ContainsRegex("^ramfs +ro"), HasSubstr("nosuid"), HasSubstr("noexec")));
  for (const char* path : {"/run/credentials/medflytd.service/", "/etc/medflyt/secrets/"}) {
    for (const char* file : {"log.key", "witness.key", "root.secret"}) {
      const std::string read = std::string("cat ") + path + file;
      EXPECT_TRUE(machine_.Holds(read));
      EXPECT_THAT(machine_.Run("setpriv --reuid nobody --regid nogroup --clear-groups " + read).second,
                  HasSubstr("Permission denied"));
    }
  }
  EXPECT_THAT(
      machine_.Run("setpriv --reuid medflyt --regid medflyt --clear-groups cat /etc/medflyt/secrets/log.key").second,
      HasSubstr("Permission denied"));
  // Nor does another process of its own user look into its memory.
  EXPECT_THAT(
      machine_.Run("setpriv --reuid medflyt --regid medflyt --clear-groups cat /proc/" + Pid() + "/environ").second,
      HasSubstr("Permission denied"));
  Do("systemctl stop medflytd; test ! -e " + directory);
}

TEST_F(ServiceE2e, ReadsEncryptedCredentialsToo) {
  std::string drop_in = "LoadCredential=\n";
  for (const char* each : {"log.key", "witness.key", "root.secret"}) {
    const std::string file = std::string("/etc/medflyt/secrets/") + each;
    Do(std::string("systemd-creds encrypt --with-key=host --name=") + each + " " + file + " " + file +
       ".encrypted && rm " + file);
    drop_in += std::string("LoadCredentialEncrypted=") + each + ":" + file + ".encrypted\n";
  }
  DropIn(drop_in);
  Do("systemctl restart medflytd");
  WorkADay();
}

TEST_F(ServiceE2e, WritesItsBackupsElsewhereOnceItMay) {
  ASSERT_TRUE(Await([&] { return Serves(); }));
  Do("install -d -m 0700 -o medflyt /backup; "
     "sed -i 's#^backup_dir.*#backup_dir = \"/backup\"#' /etc/medflyt/medflytd.toml; systemctl restart medflytd");
  ASSERT_TRUE(Await([&] { return Serves(); }));
  EXPECT_NE(machine_.Run(Medflyt("node backup")).first, 0);
  DropIn("ReadWritePaths=/backup\n");
  Do("systemctl restart medflytd");
  ASSERT_TRUE(Await([&] { return Serves(); }));
  Do(Medflyt("node backup") + "; ls /backup/*/store/CURRENT");
}

TEST_F(ServiceE2e, AnotherProgramInItsPlaceReachesNothing) {
  Do("install -m 0755 " + BinDir() + "/service_probe /usr/local/bin/; mknod -m 0666 /dev/probe c 1 3; cat /dev/probe");
  DropIn("ExecStart=\nExecStart=/usr/local/bin/service_probe\nRestart=no\n");
  Do("systemctl restart medflytd");
  ASSERT_TRUE(Await([&] { return Property("ActiveState") != "active"; }));
  EXPECT_EQ(Property("Result"), "success");
  EXPECT_EQ(machine_.Read("cat /var/lib/medflyt/probe"),
            "secrets-of-root EACCES\nown-credential ok\ncredential-write EACCES\nhome EACCES\nroot-home EACCES\n"
            "device ENOENT\nkernel-log EACCES\nothers-in-proc ENOENT\nsysctl EACCES\ncgroup EACCES\n"
            "make-in-state ok\nmake-in-tmp ok\nmake-in-run-lock EROFS\nmake-in-shm EACCES\nmake-in-etc EROFS\n"
            "suid EPERM\nbecome-root EPERM\nmount EPERM\nchroot EPERM\nnamespace EPERM\nptrace EPERM\n"
            "read-process EPERM\nsignal-others EPERM\nset-clock EPERM\nhost-name EPERM\nmodule EPERM\nbpf EPERM\n"
            "io-uring EPERM\nreboot EPERM\npersonality EPERM\nreal-time EPERM\npacket-socket EAFNOSUPPORT\n"
            "inet-socket ok\nwritable-code EPERM\nmake-executable EPERM");
  EXPECT_FALSE(machine_.Holds("ls /tmp/probe-made")) << "its /tmp is its own";
}

TEST_F(ServiceE2e, WhatAPersonMustSeeIsNotTriedAgain) {
  DropIn("RestartSec=10ms\n");
  ASSERT_TRUE(Await([&] { return Serves(); }));
  Do("cp /etc/medflyt/medflytd.toml kept; sed -i '1i listen_adress = \"x\"' /etc/medflyt/medflytd.toml");
  ExpectGivenUp("2", "CONFIG_UNKNOWN_KEY");
  Do("cat kept >/etc/medflyt/medflytd.toml; chmod 0644 /var/lib/medflyt/kek");
  ExpectGivenUp("2", "SECRET_FILE_MODE");
  Do("chmod 0600 /var/lib/medflyt/kek; systemctl start medflytd");
  WorkADay();
  // Other keys in the place of those that signed the store.
  Do("medflyt node init --dir other --authority 35209115 --name 'Odense Kommune' --code 0461 "
     "--endpoint medflyt.odense.example:7461 --tls-certificate node.pem --tls-key node.key --issuers issuers.pem; "
     "cp other/keys/log.key other/keys/witness.key /etc/medflyt/secrets/; cat other/node.card >/etc/medflyt/node.card");
  ExpectGivenUp("3", "CHECKPOINT_FOREIGN");
}

TEST_F(ServiceE2e, OneThatDiesIsStartedAgainAndLeavesNoImage) {
  DropIn("RestartSec=10ms\n");
  int deaths = 0;
  for (const char* signal : {"KILL", "SEGV"}) {
    ASSERT_TRUE(Await([&] { return Serves(); }));
    Do(std::string("systemctl kill --signal ") + signal + " medflytd");
    ++deaths;
    ASSERT_TRUE(Await([&] { return Property("NRestarts") == std::to_string(deaths); }));
  }
  ASSERT_TRUE(Await([&] { return Serves(); }));
  EXPECT_THAT(Journal(), AllOf(HasSubstr("code=killed, status=9/KILL"), HasSubstr("code=killed, status=11/SEGV"),
                               Not(HasSubstr("code=dumped"))));
  EXPECT_EQ(machine_.Read("find / -xdev -maxdepth 1 -name 'core*'; find /var/lib/medflyt /tmp /var/tmp -name '*core*'"),
            "");
}

}  // namespace
}  // namespace medflyt::testing
