// Certificates for tests, made by deploy/pki.sh in a temporary folder.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/paths.h"
#include "tests/support/shared.h"

namespace medflyt::testing {

// The PKI of one authority; removed with the object. ok() is false where openssl failed.
class DemoPki {
 public:
  // `days`: validity of the certificates; a negative number makes expired ones.
  explicit DemoPki(const std::string& cvr, const std::string& name = "Test", int days = 30) {
    std::string pattern = (std::filesystem::temp_directory_path() / "medflyt-pki.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return;
    directory_ = pattern;
    ok_ = Run("MEDFLYT_PKI_DAYS=" + std::to_string(days) + " '" + Script() + "' '" + pattern + "' " + cvr + " '" +
              name + "'");
  }
  ~DemoPki() {
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  DemoPki(const DemoPki&) = delete;
  DemoPki& operator=(const DemoPki&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string Path(std::string_view file) const { return (directory_ / file).string(); }
  [[nodiscard]] std::string Read(std::string_view file) const { return ReadFile(directory_ / file); }
  // The issuers of the authority's certificates, as its peer card would carry them.
  [[nodiscard]] std::string ca() const { return Read("ca.pem"); }

  // The CA's revocation list (PEM) of these certificates: files of this PKI, or absolute paths. A negative number of
  // days makes a list whose time for renewal is over.
  [[nodiscard]] std::string Crl(const std::vector<std::string>& certificates, int days = 30) const {
    const std::string work = Path("crl-work");
    std::string command = "set -e; rm -rf '" + work + "'; mkdir '" + work + "'; cd '" + work + "'; : >index; ";
    for (const std::string& file : certificates) {
      command +=
          "printf 'R\\t401231235959Z\\t260101000000Z\\t%s\\tunknown\\t/CN=revoked\\n' "
          "\"$(openssl x509 -noout -serial -in '" +
          (directory_ / file).string() + "' | cut -d= -f2)\" >>index; ";
    }
    command +=
        "printf '[ca]\\ndefault_ca=own\\n[own]\\ndatabase=index\\ndefault_md=sha256\\n' >cnf; "
        "openssl ca -gencrl -config cnf -keyfile ../ca.key -cert ../ca.pem " +
        (days < 0 ? std::string("-crl_lastupdate 20250101000000Z -crl_nextupdate 20250201000000Z")
                  : "-crldays " + std::to_string(days)) +
        " -out list 2>log";
    return Run(command) ? Read("crl-work/list") : std::string();
  }

  // Swaps in a new key and certificate for the node.
  [[nodiscard]] bool RenewNode() const { return Run("'" + Script() + "' --renew-node '" + directory_.string() + "'"); }

 private:
  static std::string Script() { return SourceDir() + "/deploy/pki.sh"; }
  static bool Run(const std::string& command) { return std::system(command.c_str()) == 0; }

  std::filesystem::path directory_;
  bool ok_ = false;
};

}  // namespace medflyt::testing
