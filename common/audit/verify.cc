#include "common/audit/verify.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "common/audit/bundle_facts.h"
#include "common/audit/case_parties.h"
#include "common/audit/derivation.h"
#include "common/audit/generation.h"
#include "common/audit/ledger_check.h"
#include "common/audit/opened_check.h"
#include "common/audit/pipeline.h"
#include "common/base/status.h"
#include "common/entry/handover.h"
#include "common/tlog/tile.h"
#include "common/tlog/tlog_proof.h"

namespace medflyt::audit {
namespace {

constexpr size_t kHashBytes = crypto::Hash::kSize;

// Of two derivations, one goes by the entries and, from the first difference on, one by the tiles of level 0.
class Verification {
 public:
  Verification(const FileReader& read, const std::vector<KnownRoot>& known, Report& report)
      : read_(read), report_(report), by_entries_(Derivation(&known)) {}

  // False where nothing can be derived beyond this bundle.
  absl::StatusOr<bool> Add(uint64_t bundle, const BundleFacts& facts) {
    const unsigned width = tlog::TileWidthAt(0, bundle, report_.size);
    if (facts.from_tile) ++report_.tiles;
    if (facts.fault) {
      Note(bundles_, *facts.fault, tlog::EntryBundlePath(bundle, width), LeafIndex(bundle * tlog::kTileWidth));
    }
    const bool usable = facts.from_tile && facts.from_tile->size() == width * kHashBytes;
    const bool agree = usable && *facts.from_tile == facts.of_entries;
    if (!agree && !by_tiles_) by_tiles_ = by_entries_;
    if (!agree) Differ(facts, bundle, width);
    if (by_tiles_) {
      if (!usable && facts.of_entries.empty()) return false;
      const std::string& leaves = usable ? *facts.from_tile : facts.of_entries;
      MEDFLYT_RETURN_IF_ERROR(by_tiles_->Add(read_, leaves, agree || !usable ? facts.root : RootOfLeaves(leaves)));
    }
    if (facts.of_entries.empty()) by_entries_.reset();
    if (by_entries_) MEDFLYT_RETURN_IF_ERROR(by_entries_->Add(read_, facts.of_entries, facts.root));
    return true;
  }

  // Of the two derivations, the one that leads to the signed root tells what is wrong.
  absl::Status Finish(bool complete) {
    for (std::optional<Derivation>* each : {&by_entries_, &by_tiles_}) {
      if (*each && complete) MEDFLYT_RETURN_IF_ERROR((*each)->Finish(read_));
    }
    const bool entries_hold = by_entries_ && by_entries_->root() == report_.root;
    const bool tiles_hold = !entries_hold && by_tiles_ && by_tiles_->root() == report_.root;
    const Derivation* const followed = by_entries_ && !tiles_hold ? &*by_entries_ : by_tiles_ ? &*by_tiles_ : nullptr;
    report_.findings.Append(bundles_);
    report_.findings.Append(tiles_hold ? entries_ : tiles_);
    if (followed != nullptr) {
      report_.findings.Append(followed->findings());
      report_.tiles += followed->tiles();
      report_.kept_checked = followed->kept_checked();
    }
    if (complete && !entries_hold && !tiles_hold) {
      Note(report_.findings, FindingCode::kRootMismatch, "checkpoint", std::nullopt);
    }
    return absl::OkStatus();
  }

 private:
  // Notes the difference twice, for it is not yet known which side is at fault.
  void Differ(const BundleFacts& facts, uint64_t bundle, unsigned width) {
    const uint64_t first = bundle * tlog::kTileWidth;
    const std::string tile = tlog::TilePath({0, bundle, width});
    if (!facts.from_tile || facts.from_tile->size() != width * kHashBytes) {
      for (Findings* findings : {&tiles_, &entries_}) {
        Note(*findings, facts.from_tile ? FindingCode::kTileMismatch : FindingCode::kTileMissing, tile,
             LeafIndex(first));
      }
      return;
    }
    if (facts.of_entries.empty()) return;
    bool noted = false;
    for (unsigned i = 0; i < width; ++i) {
      if (facts.from_tile->compare(i * kHashBytes, kHashBytes, facts.of_entries, i * kHashBytes, kHashBytes) == 0) {
        continue;
      }
      if (!noted) Note(tiles_, FindingCode::kTileMismatch, tile, LeafIndex(first + i));
      noted = true;
      Note(entries_, FindingCode::kEntryMismatch, tlog::EntryBundlePath(bundle, width), LeafIndex(first + i));
    }
  }

  const FileReader& read_;
  Report& report_;
  std::optional<Derivation> by_entries_;  // until a bundle cannot be read
  std::optional<Derivation> by_tiles_;    // from the first difference on
  Findings bundles_;
  Findings entries_;  // if the tiles of level 0 are what was signed
  Findings tiles_;    // if the entries are
};

// What the entries say, whoever is right about the tree.
class EntryRules {
 public:
  EntryRules(const FileReader& read, const Trust& trust, const Work& work, Report& report)
      : report_(report),
        opened_(work.opened),
        cases_(trust.cards),
        ledger_({read, trust.keys, trust.owners, trust.cards, report.origin, report.size, work.beside, work.opened,
                 BeginsLate(work), work.beside_until},
                cases_, report),
        events_(OwnerOf(trust, report.origin), BeginsLate(work), cases_) {}

  absl::Status Add(uint64_t bundle, const BundleFacts& facts) {
    report_.outside += facts.outside;
    report_.sealed += facts.sealed;
    report_.ledger += facts.records.size();
    report_.not_understood += facts.not_understood;
    report_.unreadable += facts.malformed.size();
    const std::string path = tlog::EntryBundlePath(bundle, tlog::TileWidthAt(0, bundle, report_.size));
    for (const LeafIndex index : facts.malformed) Note(malformed_, FindingCode::kEntryMalformed, path, index);
    if (facts.fault) ledger_.MissRecords();
    for (const auto& [index, record] : facts.records) MEDFLYT_RETURN_IF_ERROR(ledger_.Add(index, record));
    if (opened_ == nullptr) return absl::OkStatus();
    if (!report_.goes_on_from.empty()) events_.GoesOn();
    for (const wire::ClosedPair& pair : ledger_.closed_pairs()) events_.GoesOn(pair.peer, pair.last_issued);
    for (const SealedFacts& event : facts.events) {
      events_.Add(event, event.index, path, report_.events, report_.findings);
    }
    return absl::OkStatus();
  }

  // In a log of others no entry has a form of ours, and that is no fault of it. An entry that is not the one signed is
  // named as such already.
  void Finish(const Findings& of_tree) {
    if (report_.sealed + report_.ledger == 0 && report_.outside == 0) {
      report_.unreadable += std::exchange(report_.not_understood, 0);
      return;
    }
    for (const Finding& malformed : malformed_) {
      const bool told = std::any_of(of_tree.begin(), of_tree.end(), [&](const Finding& finding) {
        return finding.code == FindingCode::kEntryMismatch && finding.entry == malformed.entry;
      });
      if (!told) Note(report_.findings, malformed.code, malformed.path, malformed.entry);
    }
  }

 private:
  static bool BeginsLate(const Work& work) { return work.part && work.part->first.value() > 0; }
  static std::optional<AuthorityId> OwnerOf(const Trust& trust, const std::string& origin) {
    const auto owner = trust.owners.find(origin);
    return owner == trust.owners.end() ? std::nullopt : std::optional(owner->second);
  }

  Report& report_;
  const EventKeys* const opened_;
  CaseParties cases_;  // in one place, since those who received and those who issued tell of one case
  LedgerCheck ledger_;
  OpenedCheck events_;
  Findings malformed_;
};

// The roots at kept sizes within the log. What was kept of a longer log is a finding, unless this very head was kept
// too: it was proven then, so the log is an older copy and nobody went back.
std::vector<KnownRoot> KnownRoots(const std::vector<tlog::Checkpoint>& kept, Report& report) {
  std::vector<KnownRoot> known;
  TreeSize longest = report.size;
  bool seen = false;
  for (const tlog::Checkpoint& checkpoint : kept) {
    if (checkpoint.origin() != report.origin) continue;
    if (checkpoint.size() <= report.size) known.push_back({checkpoint.size(), checkpoint.root()});
    seen = seen || (checkpoint.size() == report.size && checkpoint.root() == report.root);
    longest = std::max(longest, checkpoint.size());
  }
  if (longest > report.size && seen) {
    report.seen_since = longest;
  } else if (longest > report.size) {
    Note(report.findings, FindingCode::kLogRolledBack, "checkpoint", std::nullopt,
         "kept checkpoint of size " + std::to_string(longest.value()));
  }
  return known;
}

// The roots that two keys of the log have signed when the one handed it over to the other, as far as the keys come with
// proofs. One that does not hold says nothing of the log: officers may have admitted a key that nobody handed over to.
// Nor does one of a longer log, which is later than this copy.
std::vector<KnownRoot> HandoverRoots(std::span<const directory::LogKey> keys, const Report& report) {
  std::vector<KnownRoot> roots;
  for (const directory::LogKey& next : keys) {
    if (next.key.name() != report.origin || next.handover.empty() || next.from > report.size) continue;
    const bool holds = std::any_of(keys.begin(), keys.end(), [&next](const directory::LogKey& before) {
      return before.key != next.key && before.from < next.from && before.until.value_or(next.from) == next.from &&
             entry::VerifyHandover(before.key, next).ok();
    });
    if (!holds) continue;
    const auto proof = tlog::TlogProof::Parse(next.handover);
    const auto checkpoint = proof.ok() ? tlog::Checkpoint::Parse(proof->checkpoint.text) : proof.status();
    if (checkpoint.ok()) roots.push_back({checkpoint->size(), checkpoint->root(), /*by_handover=*/true});
  }
  return roots;
}

}  // namespace

absl::StatusOr<Report> VerifyLog(const FileReader& read, const Trust& trust, const Work& work) {
  Report report;
  MEDFLYT_ASSIGN_OR_RETURN(const auto note, ReadOne(read, "checkpoint"));
  if (!note) {
    Note(report.findings, FindingCode::kCheckpointMissing, "checkpoint", std::nullopt);
    return report;
  }
  const auto opened = CheckHead(*note, trust.keys, trust.policy ? &*trust.policy : nullptr, report);
  if (!opened) return report;
  report.origin = opened->checkpoint.origin();
  report.size = opened->checkpoint.size();
  report.root = opened->checkpoint.root();
  std::vector<KnownRoot> known = KnownRoots(trust.kept, report);
  const std::vector<KnownRoot> handed_over = HandoverRoots(trust.keys, report);
  known.insert(known.end(), handed_over.begin(), handed_over.end());
  std::sort(known.begin(), known.end(), [](const KnownRoot& a, const KnownRoot& b) { return a.size < b.size; });

  // Findings are told in the order head, tree, entries.
  Findings found = std::exchange(report.findings, {});
  Verification verification(read, known, report);
  EntryRules rules(read, trust, work, report);
  const uint64_t size = report.size.value();
  const uint64_t bundles = size / tlog::kTileWidth + (size % tlog::kTileWidth == 0 ? 0 : 1);
  Pipeline<BundleFacts> pipeline(bundles, work.threads, [&]() -> Pipeline<BundleFacts>::Maker {
    auto examiner = std::make_shared<BundleExaminer>(read, report.origin, report.size, work.opened, work.part);
    return [examiner](uint64_t bundle) { return examiner->Examine(bundle); };
  });
  bool complete = true;
  for (uint64_t bundle = 0; complete && bundle < bundles; ++bundle) {
    const BundleFacts facts = pipeline.Next();
    MEDFLYT_RETURN_IF_ERROR(facts.status);
    MEDFLYT_ASSIGN_OR_RETURN(complete, verification.Add(bundle, facts));
    MEDFLYT_RETURN_IF_ERROR(rules.Add(bundle, facts));
    if (complete) work.progress(std::min(size, (bundle + 1) * tlog::kTileWidth), size);
  }
  CheckClosed(trust.kept, report);
  const Findings said = std::exchange(report.findings, {});
  MEDFLYT_RETURN_IF_ERROR(verification.Finish(complete));
  const Findings of_tree = report.findings;
  report.findings.Append(said);
  rules.Finish(of_tree);
  found.Append(report.findings);
  report.findings = std::move(found);
  return report;
}

absl::StatusOr<Report> VerifyTiles(const FileReader& read, std::span<const directory::LogKey> keys,
                                   const Progress& progress) {
  Trust trust;
  trust.keys.assign(keys.begin(), keys.end());
  return VerifyLog(read, trust, {1, progress, false, nullptr, std::nullopt});
}

}  // namespace medflyt::audit
