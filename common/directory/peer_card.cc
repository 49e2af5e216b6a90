#include "common/directory/peer_card.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/tlog/note.h"
#include "common/tlog/text.h"

namespace medflyt::directory {
namespace {

constexpr std::string_view kFirstLine = "medflyt peer card v1";
constexpr std::string_view kFrom = " from ";
constexpr std::string_view kUntil = " until ";

absl::Status Malformed(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "CARD_MALFORMED", field, message);
}

std::string FormatCard(const Authority& authority, Date issued) {
  std::string text = absl::StrCat(std::string(kFirstLine), "\nauthority: ", authority.id.ToString(),
                                  "\nkind: ", std::string(NameOf(authority.kind)), "\n");
  for (const DatedName& name : authority.names) {
    absl::StrAppend(&text, "name: ", name.name, " from ", FormatIsoDate(name.from), "\n");
  }
  for (const DatedCode& code : authority.codes) {
    absl::StrAppend(&text, "code: ", code.code.ToString(), " from ", FormatIsoDate(code.from),
                    code.until ? " until " + FormatIsoDate(*code.until) : "", "\n");
  }
  absl::StrAppend(&text, "endpoint: ", authority.endpoint, "\n");
  for (const Log& log : authority.logs) {
    absl::StrAppend(&text, "origin: ", log.origin, "\n");
    for (const LogKey& key : log.keys) {
      absl::StrAppend(&text, "log-key: ", key.key.Format(), " from ", key.from.value(),
                      key.until ? absl::StrCat(" until ", key.until->value()) : "", "\n");
      if (!key.handover.empty()) absl::StrAppend(&text, "handover: ", Base64Encode(key.handover), "\n");
    }
  }
  absl::StrAppend(&text, "witness-key: ", authority.witness->Format(), "\nissued: ", FormatIsoDate(issued),
                  "\nissuers:\n", authority.issuers);
  return text;
}

// "VALUE from A until B" taken apart from its end, so that a name may hold such words itself.
struct Interval {
  std::string_view value;
  std::string_view from;
  std::optional<std::string_view> until;
};

std::optional<Interval> SplitInterval(std::string_view line, bool may_end) {
  Interval interval;
  const size_t until = may_end ? line.rfind(kUntil) : std::string_view::npos;
  if (until != std::string_view::npos) {
    interval.until = line.substr(until + kUntil.size());
    line = line.substr(0, until);
  }
  const size_t from = line.rfind(kFrom);
  if (from == std::string_view::npos) return std::nullopt;
  interval.value = line.substr(0, from);
  interval.from = line.substr(from + kFrom.size());
  return interval;
}

// Reads the lines in whatever order; that they stood in the one right order is seen when the result is written again.
class Reader {
 public:
  absl::StatusOr<PeerCard> Read(std::string_view text) {
    PeerCard card;
    card.text = std::string(text);
    if (tlog::TakeLine(text) != kFirstLine) return Malformed("line 1", "not a peer card of version 1");
    bool issuers = false;
    for (size_t number = 2; !issuers; ++number) {
      const auto line = tlog::TakeLine(text);
      const size_t colon = line ? line->find(':') : std::string_view::npos;
      if (colon == std::string_view::npos) return Malformed(absl::StrCat("line ", number), "not a line \"key: value\"");
      const std::string_view key = line->substr(0, colon);
      std::string_view value = line->substr(colon + 1);
      issuers = key == "issuers";
      if (issuers) break;
      if (value.empty() || value.front() != ' ') return Malformed(absl::StrCat("line ", number), "no value");
      value.remove_prefix(1);
      MEDFLYT_RETURN_IF_ERROR(Take(key, value, number));
    }
    if (!issued_) return Malformed("issued", "the date of issue is missing");
    authority_.issuers = std::string(text);
    card.authority = std::move(authority_);
    card.issued = *issued_;
    return card;
  }

 private:
  absl::Status Take(std::string_view key, std::string_view value, size_t number) {
    if (key == "name" || key == "code") return TakeDated(key, value);
    if (key == "log-key") return TakeLogKey(value);
    if (key == "handover") return TakeHandover(value);
    if (key == "origin") {
      authority_.logs.push_back(Log{std::string(value), {}});
      return absl::OkStatus();
    }
    if (key == "endpoint") {
      authority_.endpoint = std::string(value);
      return absl::OkStatus();
    }
    if (key == "authority") {
      const auto id = AuthorityId::Parse(value);
      if (!id) return Malformed(key, "a CVR number has 8 digits");
      authority_.id = *id;
      return absl::OkStatus();
    }
    if (key == "kind") {
      const auto kind = KindByName(value);
      if (!kind) return Malformed(key, "not a kind of authority");
      authority_.kind = *kind;
      return absl::OkStatus();
    }
    if (key == "witness-key") {
      MEDFLYT_ASSIGN_OR_RETURN(authority_.witness, tlog::VerifierKey::Parse(value));
      return absl::OkStatus();
    }
    if (key == "issued") {
      issued_ = ParseIsoDate(value);
      return issued_ ? absl::OkStatus() : Malformed(key, "a date is YYYY-MM-DD");
    }
    return Malformed(absl::StrCat("line ", number), "not a line of a peer card");
  }

  absl::Status TakeDated(std::string_view key, std::string_view value) {
    const bool is_code = key == "code";
    const auto interval = SplitInterval(value, is_code);
    if (!interval) return Malformed(key, "a value with \"from DATE\"");
    const auto from = ParseIsoDate(interval->from);
    const auto until = interval->until ? ParseIsoDate(*interval->until) : std::nullopt;
    if (!from || until.has_value() != interval->until.has_value()) return Malformed(key, "a date is YYYY-MM-DD");
    if (!is_code) {
      authority_.names.push_back(DatedName{*from, std::string(interval->value)});
      return absl::OkStatus();
    }
    const auto code = MunicipalityCode::Parse(interval->value);
    if (!code) return Malformed(key, "a CPR authority code has 4 digits");
    authority_.codes.push_back(DatedCode{*from, until, *code});
    return absl::OkStatus();
  }

  absl::Status TakeLogKey(std::string_view value) {
    if (authority_.logs.empty()) return Malformed("log-key", "a log key follows its origin");
    const auto interval = SplitInterval(value, /*may_end=*/true);
    if (!interval) return Malformed("log-key", "a key with \"from SIZE\"");
    const auto from = tlog::ParseDecimal(interval->from, UINT64_MAX);
    const auto until = interval->until ? tlog::ParseDecimal(*interval->until, UINT64_MAX) : std::nullopt;
    if (!from || until.has_value() != interval->until.has_value()) {
      return Malformed("log-key", "a tree size is a decimal number");
    }
    MEDFLYT_ASSIGN_OR_RETURN(tlog::VerifierKey key, tlog::VerifierKey::Parse(interval->value));
    authority_.logs.back().keys.push_back(
        LogKey{std::move(key), TreeSize(*from), until ? std::optional(TreeSize(*until)) : std::nullopt});
    return absl::OkStatus();
  }

  absl::Status TakeHandover(std::string_view value) {
    if (authority_.logs.empty() || authority_.logs.back().keys.empty()) {
      return Malformed("handover", "a handover follows the log key that it is to");
    }
    auto proof = Base64Decode(value);
    if (!proof.ok()) return Malformed("handover", "a handover is in base64");
    authority_.logs.back().keys.back().handover = *std::move(proof);
    return absl::OkStatus();
  }

  Authority authority_;
  std::optional<Date> issued_;
};

}  // namespace

absl::StatusOr<std::string> WritePeerCard(const Authority& authority, Date issued, const tlog::NoteSigner& signer) {
  MEDFLYT_RETURN_IF_ERROR(CheckAuthority(authority));
  if (!authority.has_node()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_INCOMPLETE", "endpoint",
                     "an authority without a node has no card");
  }
  if (signer.verifier_key() != authority.logs.back().keys.back().key) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_SIGNER_FOREIGN", "log-key",
                     "a card is signed with the newest log key that it names");
  }
  Authority normal = authority;
  MEDFLYT_ASSIGN_OR_RETURN(normal.issuers, NormalizeIssuers(authority.issuers));
  const std::string text = FormatCard(normal, issued);
  std::string bytes = tlog::SignedNote{text, {signer.Sign(text)}}.Serialize();
  if (bytes.size() > kMaxPeerCardBytes) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_TOO_LARGE", "", "a card is at most 64 KiB");
  }
  return bytes;
}

absl::StatusOr<PeerCard> ParsePeerCard(std::string_view bytes) {
  if (bytes.size() > kMaxPeerCardBytes) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_TOO_LARGE", "", "a card is at most 64 KiB");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::SignedNote note, tlog::SignedNote::Parse(bytes));
  MEDFLYT_ASSIGN_OR_RETURN(PeerCard card, Reader().Read(note.text));
  MEDFLYT_RETURN_IF_ERROR(CheckAuthority(card.authority));
  if (!card.authority.has_node()) return Malformed("endpoint", "the endpoint is missing");
  MEDFLYT_ASSIGN_OR_RETURN(card.authority.issuers, NormalizeIssuers(card.authority.issuers));
  // A text has one form only: else one fingerprint would not be one content, as a reader sees it.
  if (FormatCard(card.authority, card.issued) != card.text) {
    return Malformed("", "the lines are not in the form and order of a peer card");
  }
  const std::array<tlog::VerifierKey, 1> keys = {card.authority.logs.back().keys.back().key};
  if (const auto verified = tlog::VerifyNote(note, keys); !verified.ok()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_SIGNATURE_INVALID", "log-key",
                     "the card is not signed with the newest log key that it names");
  }
  return card;
}

std::string FingerprintOf(const PeerCard& card) {
  const std::string hex = crypto::Sha256(card.text).ToHex();
  std::string groups;
  for (size_t i = 0; i < 8; ++i) groups.append(i == 0 ? "" : " ").append(hex, 4 * i, 4);
  return groups;
}

bool SameFingerprint(std::string_view heard, std::string_view shown) {
  const auto compact = [](std::string_view fingerprint) {
    std::string digits(fingerprint);
    std::erase(digits, ' ');
    absl::AsciiStrToLower(&digits);
    return digits;
  };
  return compact(heard) == compact(shown);
}

}  // namespace medflyt::directory
