// A log that has received events of others, with what is kept of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "common/entry/grant.h"
#include "common/entry/seal.h"
#include "common/event/catalogue.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "server/exchange/kept.h"
#include "tests/support/log_fixture.h"

namespace medflyt::testing {

class ReceivingFixture : public LogFixture {
 protected:
  keys::DataKey NewKey() { return {random_.NewId<KeyId>(), crypto::Key::Random()}; }
  // An event of the issuer's that this node took and refused, kept beside the log under a key of the issuer's, whose
  // grant came in the same batch or not.
  void Receive(PairNumber number, const CaseId& id, const keys::DataKey& key,
               event::Body body = event::TransferWithdrawn{}, bool with_grant = false) {
    const event::Event event{
        {random_.NewId<EventId>(), issuer_, kOdense, id, number, clock_.now - absl::Hours(5), "bo"}, std::move(body)};
    std::string content;
    ASSERT_TRUE(wire::ContentCodec().Encode(event, content).ok());
    const auto entry = entry::SealEntry(event.header.id, random_.NewId<crypto::Nonce>(), content, key.key, origin_);
    ASSERT_TRUE(entry.ok());
    v1::EventBatch batch;
    if (with_grant) {
      const auto grant = wire::LedgerCodec().Encode(
          {clock_.now, wire::KeyGranted{kOdense, key.id, entry::GrantCommitment(key.id, key.key)}});
      ASSERT_TRUE(grant.ok());
      batch.add_indices(2 * number.value() - 1);
      batch.add_entries(*grant);
      batch.add_key_ids("");
    }
    batch.add_indices(2 * number.value());
    batch.add_entries(*entry);
    batch.add_key_ids(std::string(key.id.bytes()));
    On([&](log::Appender& appender) {
      const event::RetentionClass retention = event::RightOf(event::TypeOf(event.body)).retention;
      ASSERT_TRUE(appender.keys().Accept(key, {id, issuer_, kOdense, retention}, appender.batch()).ok());
      const auto record = appender.AppendReceived(
          event, {origin_, LeafIndex(2 * number.value()), crypto::Sha256(*entry)}, "UNKNOWN_CASE", {});
      ASSERT_TRUE(record.ok());
      std::string row = exchange::StartKept({static_cast<uint32_t>(batch.entries_size() - 1)}, batch);
      exchange::SetRecord(row, 0, *record);
      appender.batch().Put(store::Table::kOutbox, log::PairRowKey('r', issuer_, number.value()), row);
      appender.peer(issuer_).received = number;
    });
  }

  AuthorityId issuer_ = kNyborg;
  std::string origin_ = "nyborg.example/log";  // of the issuer's log
};

}  // namespace medflyt::testing
