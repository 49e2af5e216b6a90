// What the schema has room for. A field that is added to what stands or travels outside the sealed content, or to what
// another authority is told, fails here until somebody has said what it holds.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/event/catalogue.h"
#include "medflyt/v1/admin_service.pb.h"
#include "medflyt/v1/audit_service.pb.h"
#include "medflyt/v1/event.pb.h"
#include "medflyt/v1/log.pb.h"
#include "medflyt/v1/peer_service.pb.h"

namespace medflyt::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// "Message.field" with its type, of a message and all that it can hold.
using Fields = std::map<std::string, std::string>;
void Walk(const Descriptor* message, Fields& fields, std::set<const Descriptor*>& seen) {
  if (!seen.insert(message).second) return;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    const Descriptor* inner = field->message_type();
    std::string name = message->full_name().substr(std::string_view("medflyt.v1.").size()) + "." + field->name();
    if (inner == nullptr || inner->full_name() == "google.protobuf.Timestamp") {
      fields[name] = inner != nullptr                ? "time"
                     : field->enum_type() != nullptr ? field->enum_type()->name()
                                                     : field->type_name();
    } else {
      Walk(inner, fields, seen);
    }
  }
}
Fields FieldsOf(const std::vector<const Descriptor*>& messages) {
  Fields fields;
  std::set<const Descriptor*> seen;
  for (const Descriptor* message : messages) Walk(message, fields, seen);
  return fields;
}

bool IsText(const std::string& type) { return type == "string" || type == "bytes"; }

// What an authority's node says without sealing it: to its log, which every peer witnesses, to peers, and to
// administrators and auditors whose reads are not recorded because no citizen is touched.
std::vector<const Descriptor*> ClearMessages() {
  std::vector<const Descriptor*> messages = {v1::LogEntry::descriptor()};
  const auto add = [&](const google::protobuf::FileDescriptor* file, bool also_requests) {
    const std::set<std::string> open_what_is_sealed = {"ListCaseEvents", "ListAccessRecords"};
    for (int i = 0; i < file->service(0)->method_count(); ++i) {
      const auto* method = file->service(0)->method(i);
      if (open_what_is_sealed.contains(method->name())) continue;
      if (also_requests) messages.push_back(method->input_type());
      messages.push_back(method->output_type());
    }
  };
  add(v1::CosignRequest::descriptor()->file(), true);  // PeerService
  add(v1::GetStatusResponse::descriptor()->file(), false);
  add(v1::GetTileResponse::descriptor()->file(), false);
  return messages;
}

// What each text of a clear message holds. None of it is about a citizen.
const std::map<std::string, std::set<std::string>> kClearTexts = {
    {"an authority: its CVR number, name, address, origin of its log",
     {"AdmitGenerationResponse.origin",
      "EntryReissued.closed_origin",
      "GetCheckpointResponse.closed",
      "GetHeldEventsRequest.origin",
      "ProveConsistencyRequest.origin",
      "ProveInclusionRequest.origin",
      "GetReceiptedEventsRequest.origin",
      "PeerGenerationAdmitted.origin",
      "EventReceived.issuer_origin",
      "Fork.authority",
      "GetHeldHeadsRequest.origin",
      "GetStatusResponse.authority",
      "GetStatusResponse.name",
      "GetStatusResponse.origin",
      "Hello.origin",
      "Peer.authority",
      "Peer.endpoint",
      "Peer.forked_origins",
      "Peer.name",
      "Peer.origin",
      "PeerKnowledge.authority",
      "ReceiptsLogged.recipient_origin"}},
    {"a signed note, a proof, or hashes of trees",
     {"CompareHeadsRequest.checkpoints",
      "CompareHeadsResponse.checkpoints",
      "CosignRequest.checkpoint",
      "CosignRequest.consistency_proof",
      "CosignResponse.signatures",
      "CreateBackupResponse.root_hash",
      "EventBatch.checkpoint",
      "EventBatch.consistency_proof",
      "EventBatch.multi_proof",
      "EventReceived.leaf_hash",
      "Fork.accepted_note",
      "Fork.leaf_proof",
      "Fork.presented_note",
      "GenerationOpened.closed_checkpoint",
      "GetCheckpointResponse.checkpoint",
      "GetCheckpointResponse.cosigned",
      "GetConsistencyProofResponse.hashes",
      "GetHeldHeadsResponse.checkpoints",
      "GetInclusionProofResponse.hashes",
      "GetPeerCardResponse.card",
      "GetStatusResponse.root_hash",
      "GetTileResponse.data",
      "Hello.checkpoint",
      "Opening.tlog_proof",
      "ProveConsistencyResponse.hashes",
      "ProveInclusionRequest.leaf_hash",
      "ProveInclusionResponse.checkpoint",
      "ProveInclusionResponse.consistency_proof",
      "ProveInclusionResponse.hashes",
      "Receipt.checkpoint",
      "Receipt.consistency_proof",
      "Receipt.multi_proof",
      "DirectoryChanged.digest",
      "ReceiptsLogged.receipts_digest",
      "ReceiptsLogged.recipient_root"}},
    {"bytes of entries, receipts or batches, which are these messages again",
     {"EventBatch.entries", "GetEntryBundleResponse.data", "Kept.receipt", "Kept.received", "Opening.entry",
      "Receipt.leaves", "StreamEntriesResponse.entries"}},
    {"ciphertext", {"Opening.sealed_event_key", "SealedEntry.ciphertext", "SealedEntry.nonce", "SealedGrant.sealed"}},
    {"a random id of an event or a data key, or a commitment to one",
     {"EventBatch.key_ids", "Fault.missing_key_ids", "KeyDestroyed.key_id", "HeldKey.commitment",
      "KeyGranted.commitment", "KeyGranted.key_id", "Opening.for_event_id", "SealedEntry.event_id",
      "SealedEntry.key_commitment", "SealedGrant.key_id"}},
    {"a public key, or a signature",
     {"ExchangeKey.public_key", "ExchangeKey.signature", "GetCheckpointResponse.verifier_key",
      "GetStatusResponse.log_verifier_key", "LogKeyHandedOver.verifier_key", "Peer.log_verifier_key",
      "PeerGenerationAdmitted.verifier_key"}},
    {"the name of a rule, or the program's own words",
     {"EventReceived.refused_rule", "Fault.message", "Fault.rule", "GetStatusResponse.version", "Peer.cosigning_error",
      "Peer.last_error", "PeerKnowledge.last_error", "PeerKnowledge.standing", "PolicyEntry.action",
      "PolicyEntry.kinds", "PolicyEntry.role", "RejectionsRecorded.rule", "Restraint.reason", "Restraint.rule"}},
    {"the administration's own: officers, their certificates, paths, pages",
     {"CreateBackupResponse.directory", "CreateBackupResponse.key_backup", "ListForksResponse.next_page_token",
      "ListKeptResponse.next_page_token", "ListPeersResponse.next_page_token", "PeerKnowledge.first_officer",
      "DirectoryChanged.certificate", "PeerReleased.first_certificate", "PeerReleased.second_certificate",
      "GenerationOpened.first_certificate", "GenerationOpened.second_certificate",
      "PeerGenerationAdmitted.first_certificate", "PeerGenerationAdmitted.second_certificate",
      "Restraint.first_to_recover"}},
};

// And its numbers, of which a CPR number would be one: these count, measure or name an authority.
const std::set<std::string> kClearNumbers = {"AdmitGenerationResponse.admitted",
                                             "ClosedPair.last_issued",
                                             "ClosedPair.last_received",
                                             "ClosedPair.peer",
                                             "DirectoryChanged.authorities",
                                             "EntryReissued.closed_index",
                                             "GenerationOpened.kept_size",
                                             "GetHeldEventsRequest.first_number",
                                             "GetHeldEventsResponse.first_number",
                                             "GetHeldEventsResponse.positions",
                                             "GetReceiptedEventsRequest.accepted_size",
                                             "GetReceiptedEventsRequest.first_number",
                                             "GetReceiptedEventsResponse.positions",
                                             "PeerGenerationAdmitted.peer",
                                             "RecoverNodeResponse.closed_size",
                                             "RecoverNodeResponse.decided",
                                             "RecoverNodeResponse.held",
                                             "RecoverNodeResponse.returned",
                                             "BatchAnswer.batch_sequence",
                                             "CosignRequest.old_size",
                                             "CosignResponse.conflict_size",
                                             "CreateBackupResponse.tree_size",
                                             "EventBatch.consistency_from",
                                             "EventBatch.indices",
                                             "EventBatch.sequence",
                                             "EventReceived.issuer_index",
                                             "ExchangeKey.epoch",
                                             "ExchangeKey.not_after_us",
                                             "EventNumbers.first",
                                             "EventNumbers.last",
                                             "Fault.accepted_size",
                                             "Fault.expected_number",
                                             "Fork.accepted_size",
                                             "Fork.found_at",
                                             "Fork.proven",
                                             "GetConsistencyProofResponse.to",
                                             "GetHeldHeadsResponse.last_receipted_number",
                                             "GetHeldHeadsResponse.last_received_number",
                                             "GetHeldHeadsResponse.size",
                                             "GetInclusionProofResponse.tree_size",
                                             "GetStatusResponse.cosigned_size",
                                             "GetStatusResponse.production",
                                             "GetStatusResponse.started_at",
                                             "GetStatusResponse.tree_size",
                                             "Hello.accepted_size",
                                             "Hello.addressee",
                                             "Hello.authority",
                                             "Hello.last_number",
                                             "Hello.protocol",
                                             "Hello.receipted_number",
                                             "IndexRun.count",
                                             "IndexRun.first",
                                             "Kept.record",
                                             "KeyGranted.recipient",
                                             "LedgerRecord.recorded_at_us",
                                             "Opening.exchange_epoch",
                                             "Peer.accepted_size",
                                             "Peer.connected",
                                             "Peer.cosigned_at",
                                             "Peer.cosigned_beyond",
                                             "Peer.cosigned_size",
                                             "Peer.last_contact_at",
                                             "Peer.last_issued_number",
                                             "Peer.last_received_number",
                                             "Peer.paused",
                                             "Peer.receipted_number",
                                             "PeerKnowledge.size",
                                             "PeerReleased.peer",
                                             "PolicyEntry.allowed_here",
                                             "PolicyEntry.takes_two_officers",
                                             "ProveConsistencyRequest.from",
                                             "ProveConsistencyRequest.to",
                                             "ProveInclusionRequest.index",
                                             "ProveInclusionRequest.known_size",
                                             "Receipt.consistency_from",
                                             "Receipt.leaf_indices",
                                             "ReceiptsLogged.recipient_size",
                                             "RejectionsRecorded.count",
                                             "RejectionsRecorded.minute",
                                             "RejectionsRecorded.peer",
                                             "ReleasePeerResponse.released",
                                             "ReloadPeersResponse.authorities",
                                             "SealedGrant.exchange_epoch",
                                             "StreamEntriesResponse.first"};

TEST(Schema, EachFieldThatIsClearIsKnown) {
  std::set<std::string> texts;
  for (const auto& [what, fields] : kClearTexts) {
    for (const std::string& field : fields) EXPECT_TRUE(texts.insert(field).second) << field << " twice";
  }
  Fields clear = FieldsOf(ClearMessages());
  ASSERT_FALSE(clear.empty());
  for (const auto& [field, type] : clear) {
    EXPECT_TRUE((IsText(type) ? texts : kClearNumbers).contains(field))
        << type << " " << field << " is clear and nobody has said what it holds";
  }
  for (const auto& fields : {texts, kClearNumbers}) {
    for (const std::string& field : fields) EXPECT_TRUE(clear.contains(field)) << field << " is gone";
  }
}

// Whatever the table above allows: these words name what is about a citizen.
TEST(Schema, NoFieldThatIsClearIsNamedAfterACitizen) {
  for (const auto& [field, type] : FieldsOf(ClearMessages())) {
    for (const char* word : {"cpr", "citizen", "person", "case", "enrolment", "relocation", "transfer", "purpose",
                             "ground", "necessity", "journal", "basis", "assess", "hold_", "birth", "surname"}) {
      EXPECT_EQ(field.find(word), std::string::npos) << field;
    }
  }
}

struct Told {
  std::string name;
  bool local;  // and never anything else
  Fields fields;
};
std::vector<Told> Bodies() {
  std::vector<Told> bodies;
  const auto* bodies_of_content = v1::Content::descriptor()->FindOneofByName("body");
  for (int i = 0; i < bodies_of_content->field_count(); ++i) {
    const Descriptor* body = bodies_of_content->field(i)->message_type();
    const auto type = event::TypeByName(body->name());
    EXPECT_TRUE(type.has_value()) << body->name() << " is in no catalogue";
    if (!type) continue;
    bodies.push_back({body->name(), event::RightOf(*type).recipient == event::Part::kSelf, FieldsOf({body})});
  }
  EXPECT_EQ(bodies.size(), event::kTypeCount);
  return bodies;
}

// The texts that another authority is told, event by event. An id or a hash is random to it; a legal basis is a key of
// a table, and a rule a name of the program's. There is no free text.
TEST(Schema, WhatAnotherAuthorityIsToldIsKnownWordForWord) {
  using Texts = std::set<std::string>;
  const Texts terms = {"AgreementTerms.council_case", "AgreementTerms.legal_basis"};
  const std::map<std::string, Texts> expected = {
      {"AgreementProposed", terms},
      {"EnrolmentProposed", {"EnrolmentProposed.agreement_id", "EnrolmentProposed.cpr"}},
      {"EnrolmentRefused", {"EnrolmentRefused.rule"}},
      {"RelocationAnnounced", {"RelocationAnnounced.cpr", "RelocationAnnounced.legal_basis"}},
      {"RelocationCorrected", {"RelocationCorrected.announcement"}},
      {"RelocationAnnulled", {"RelocationAnnulled.announcement"}},
      {"RelocationAcknowledged", {"RelocationAcknowledged.announcement"}},
      {"RelocationDeclined", {"RelocationDeclined.announcement"}},
      {"ResponsibilityEnded", {"ResponsibilityEnded.announcement"}},
      {"ResponsibilityRestored", {"ResponsibilityRestored.ended_id"}},
      {"CitizenRenumbered", {"CitizenRenumbered.cpr"}},
      {"TransferRequested",
       {"AnnouncementRef.leaf_hash", "AnnouncementRef.origin", "TransferRequested.agreement_id",
        "TransferRequested.cpr"}},
      {"TransferRefused", {"TransferRefused.rule"}},
      {"PlaceReserved", {"PlaceReserved.agreement_id"}},
      {"PlaceOccupied", {"PlaceOccupied.agreement_id"}},
      {"PlaceReleased", {"PlaceReleased.agreement_id"}},
      {"PlaceWaitlisted", {"PlaceWaitlisted.agreement_id"}},
      {"ErasureNoticed",
       {"ErasureNoticed.case_ids", "ErasureNoticed.legal_basis", "ErasureNoticed.opened", "ErasureNoticed.disclosed"}},
      {"ValueRectified", {"ValueRectified.cpr", "ValueRectified.wrong_cpr"}},
      {"EventDisputed", {"EventDisputed.disputed_id"}},
  };
  for (const Told& body : Bodies()) {
    if (body.local) continue;
    Texts texts;
    for (const auto& [field, type] : body.fields) {
      if (IsText(type)) texts.insert(field);
    }
    const auto known = expected.find(body.name);
    EXPECT_EQ(texts, known == expected.end() ? Texts() : known->second) << body.name;
  }
  // Around every body: the officer who acts, and random ids.
  EXPECT_EQ(
      v1::Content::descriptor()->field_count() - v1::Content::descriptor()->FindOneofByName("body")->field_count(), 7)
      << "something new stands around every event";
}

// Assessments, the officers' words, why a move is on hold and who looked: no event to another authority has room for
// it.
TEST(Schema, WhatIsAssessedAndHeldStaysInTheNode) {
  size_t local = 0;
  for (const Told& body : Bodies()) {
    if (body.local) {
      ++local;
      continue;
    }
    for (const auto& [field, type] : body.fields) {
      EXPECT_NE(type, "HoldReason") << body.name;
      EXPECT_NE(type, "ProtectionFlag") << body.name;
      EXPECT_NE(type, "AccessKind") << body.name;
      for (const char* own : {"DisclosureGround.", "DisclosureAssessed.", "AccessRecorded.", "ExtractImported."}) {
        EXPECT_FALSE(field.starts_with(own)) << body.name << " holds " << field;
      }
    }
  }
  EXPECT_GT(local, 10U);
}

// Never exchanged, and never kept either: the schema has no field for it.
TEST(Schema, OffencesGangsHealthPoliceAndAddressesHaveNoField) {
  for (const auto& [field, type] : FieldsOf({v1::Content::descriptor()})) {
    std::string name = field.substr(field.find('.') + 1);
    for (const char* word : {"offence", "crime", "gang", "health", "diagnos", "police", "note", "comment", "remark",
                             "street", "road", "first_name", "surname", "full_name", "phone", "mail", "birth"}) {
      EXPECT_EQ(name.find(word), std::string::npos) << field;
    }
    EXPECT_NE(name, "name") << field;
    EXPECT_NE(name, "address") << field;
    EXPECT_NE(name, "text") << field;
  }
}

}  // namespace
}  // namespace medflyt::wire
