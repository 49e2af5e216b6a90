#include "server/node/directory_record.h"

#include <string>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/wire/ledger.h"
#include "server/log/submission.h"

namespace medflyt::node {
namespace {

using store::Table;

constexpr std::string_view kRow = "directory";

}  // namespace

class DirectoryRecorder::Recording final : public log::Submission {
 public:
  Recording(DirectoryRecorder& recorder, const PeerDirectory::Cards& cards,
            const std::optional<crypto::Hash>& certificate, Done done)
      : recorder_(recorder), cards_(cards), certificate_(certificate), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override { outcome_ = recorder_.Stage(cards_, certificate_, appender); }
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }
  bool urgent() const override { return certificate_.has_value(); }

 private:
  DirectoryRecorder& recorder_;
  const PeerDirectory::Cards cards_;
  const std::optional<crypto::Hash> certificate_;
  const Done done_;
  absl::Status outcome_;
};

absl::StatusOr<std::unique_ptr<DirectoryRecorder>> DirectoryRecorder::Load(const store::Reader& store) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kMeta, kRow));
  std::optional<crypto::Hash> last;
  if (row) {
    last = crypto::Hash::FromBytes(*row);
    if (!last) {
      return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", kRow, "a stored row cannot be read");
    }
  }
  return std::unique_ptr<DirectoryRecorder>(new DirectoryRecorder(last));
}

void DirectoryRecorder::Record(const PeerDirectory::Cards& cards, const std::optional<crypto::Hash>& certificate,
                               log::SubmissionQueue& queue, const Done& done) {
  const absl::Status queued = queue.Submit(std::make_unique<Recording>(*this, cards, certificate, done));
  if (!queued.ok()) done(queued);
}

absl::Status DirectoryRecorder::Stage(const PeerDirectory::Cards& cards, const std::optional<crypto::Hash>& certificate,
                                      log::Appender& appender) {
  MutexLock lock(mutex_);
  if (last_ == cards.digest) return absl::OkStatus();
  if (last_) {
    MEDFLYT_ASSIGN_OR_RETURN(
        const std::string entry,
        wire::LedgerCodec().Encode({appender.now(), wire::DirectoryChanged{cards.digest, cards.count, certificate}}));
    appender.AppendLedger(entry);
  }
  appender.batch().Put(Table::kMeta, kRow, cards.digest.bytes());
  last_ = cards.digest;
  return absl::OkStatus();
}

}  // namespace medflyt::node
