// Who may issue what in a case, as far as opened events name its parties; and nobody accused who keeps to that.
#include "common/audit/case_parties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/event/catalogue.h"
#include "tests/unit/audit/evidence_files.h"

namespace medflyt::audit {
namespace {

using event::Body;
using ::medflyt::testing::EvidenceFiles;
using ::medflyt::testing::kNyborgId;
using ::medflyt::testing::kOdenseId;
using ::medflyt::testing::SealedSample;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

const AuthorityId kKertemindeId = *AuthorityId::Parse("29189706");
const Date kDay(2026, 10, 1);

CaseId Case(char letter) { return *CaseId::FromBytes(std::string(CaseId::kSize, letter)); }
registry::CprNumber Cpr() { return *registry::CprNumber::Parse("6101801000"); }
Body Proposed() { return event::EnrolmentProposed{Cpr(), std::nullopt, kDay}; }
Body Announced() {
  return event::RelocationAnnounced{
      Cpr(), kOdenseId, *MunicipalityCode::FromNumber(450), *MunicipalityCode::FromNumber(440), kDay, "RSL-12A"};
}
Body Observed(const CaseId& enrolment) {
  event::RelocationObserved observed;
  observed.enrolment = enrolment;
  return observed;
}
Body Rectified(bool number) {
  event::Rectification right;
  if (number) {
    right.cpr = Cpr();
  } else {
    right.start = kDay;
  }
  return event::ValueRectified{right, number ? std::optional(Cpr()) : std::nullopt};
}
Body Agreement(uint32_t version) { return event::AgreementProposed{version, kOdenseId, kNyborgId, {}}; }
Body Transferred(event::EnrolmentTransferred::Kind kind) { return event::EnrolmentTransferred{kind, kDay}; }

directory::Authority Card(AuthorityId id, directory::Kind kind, std::vector<directory::DatedCode> codes) {
  directory::Authority card;
  card.id = id;
  card.kind = kind;
  card.codes = std::move(codes);
  return card;
}
directory::DatedCode Coded(uint32_t code, Date from, std::optional<Date> until = std::nullopt) {
  return {from, until, *MunicipalityCode::FromNumber(code)};
}

class CasePartiesTest : public ::testing::Test {
 protected:
  std::optional<std::string> Add(AuthorityId issuer, AuthorityId recipient, char case_letter, const Body& body) {
    event::Header header;
    header.issuer = issuer;
    header.recipient = recipient;
    header.case_id = Case(case_letter);
    return cases_.Add(header, body);
  }
  // Nothing of these is a contradiction: each step is of an honest log.
  void Holds(AuthorityId issuer, AuthorityId recipient, char case_letter, const Body& body) {
    EXPECT_EQ(Add(issuer, recipient, case_letter, body), std::nullopt)
        << event::NameOf(event::TypeOf(body)) << " in case " << case_letter;
  }

  CaseParties cases_;
};

TEST_F(CasePartiesTest, WhatIsTheProvidersNobodyElseIssuesAndNobodyElseReceives) {
  Holds(kNyborgId, kOdenseId, 'a', Proposed());
  using Kind = event::EnrolmentTransferred::Kind;
  for (const Body& body : std::vector<Body>{
           event::EnrolmentStarted{kDay}, event::EnrolmentPaused{kDay}, event::EnrolmentResumed{kDay},
           event::EnrolmentEnded{kDay, event::EndReason::kJob}, event::EnrolmentRefused{"NO_FREE_PLACE"},
           Transferred(Kind::kLeft), event::TransferRefused{"OFFICER_DECLINED"},
           event::PlaceReserved{Case('g'), 1, kDay, kDay}, event::PlaceOccupied{Case('g'), 1, kDay},
           event::PlaceReleased{Case('g'), 1, kDay}, event::PlaceWaitlisted{Case('g'), kDay}, Rectified(false)}) {
    SCOPED_TRACE(event::NameOf(event::TypeOf(body)));
    EXPECT_EQ(Add(kOdenseId, kNyborgId, 'a', body), std::nullopt);
    EXPECT_THAT(Add(kNyborgId, kOdenseId, 'a', body), Optional(std::string("29189722 is not the provider")));
    EXPECT_THAT(Add(kOdenseId, kKertemindeId, 'a', body),
                Optional(std::string("29189706 is not the responsible municipality")));
  }
}

TEST_F(CasePartiesTest, WhatIsTheResponsibleMunicipalitysNobodyElseIssues) {
  Holds(kOdenseId, kNyborgId, 'a', event::EnrolmentStarted{kDay});  // the proposal was not opened
  for (const Body& body : std::vector<Body>{
           Proposed(), event::ResponsibilityEnded{kDay, event::ResponsibilityEndReason::kMoved, std::nullopt},
           event::ResponsibilityRestored{}, event::CitizenRenumbered{Cpr()}, event::TransferWithdrawn{},
           Rectified(true)}) {
    SCOPED_TRACE(event::NameOf(event::TypeOf(body)));
    EXPECT_EQ(Add(kNyborgId, kOdenseId, 'a', body), std::nullopt);
    EXPECT_TRUE(Add(kOdenseId, kNyborgId, 'a', body)) << "by the provider";
    EXPECT_THAT(Add(kKertemindeId, kOdenseId, 'a', body),
                Optional(std::string("29189706 is not the responsible municipality")));
    EXPECT_THAT(Add(kNyborgId, kKertemindeId, 'a', body), Optional(std::string("29189706 is not the provider")));
  }
  EXPECT_TRUE(Add(kOdenseId, kOdenseId, 'm', Observed(Case('a')))) << "the move of another's citizen";
  EXPECT_FALSE(Add(kNyborgId, kNyborgId, 'm', Observed(Case('a'))));
}

TEST_F(CasePartiesTest, AMoveIsBetweenTheMunicipalityLeftAndTheOneMovedTo) {
  Holds(kNyborgId, kKertemindeId, 'm', Announced());
  for (const Body& body : std::vector<Body>{event::RelocationCorrected{std::nullopt, kDay}, event::RelocationAnnulled{},
                                            Announced(), Rectified(true)}) {
    SCOPED_TRACE(event::NameOf(event::TypeOf(body)));
    EXPECT_EQ(Add(kNyborgId, kKertemindeId, 'm', body), std::nullopt);
    EXPECT_TRUE(Add(kKertemindeId, kNyborgId, 'm', body));
    EXPECT_TRUE(Add(kNyborgId, kOdenseId, 'm', body)) << "to a third";
  }
  for (const Body& body : std::vector<Body>{event::RelocationAcknowledged{}, event::RelocationDeclined{}}) {
    EXPECT_EQ(Add(kKertemindeId, kNyborgId, 'm', body), std::nullopt);
    EXPECT_TRUE(Add(kNyborgId, kKertemindeId, 'm', body));
  }
  EXPECT_TRUE(Add(kOdenseId, kNyborgId, 'm', event::EventDisputed{})) << "by a third";
  EXPECT_FALSE(Add(kKertemindeId, kNyborgId, 'm', event::EventDisputed{}));
}

TEST_F(CasePartiesTest, AgreementsPlacesAndNoticesAreBetweenTheirTwo) {
  EXPECT_TRUE(Add(kOdenseId, kKertemindeId, 'g', Agreement(1))) << "one between others";
  Holds(kNyborgId, kOdenseId, 'g', Agreement(1));
  Holds(kOdenseId, kNyborgId, 'g', event::AgreementAccepted{1});
  Holds(kNyborgId, kOdenseId, 'g', event::AgreementTerminated{kDay});
  EXPECT_TRUE(Add(kOdenseId, kKertemindeId, 'g', event::AgreementTerminated{kDay}));
  EXPECT_TRUE(Add(kOdenseId, kKertemindeId, 'b', event::PlaceOccupied{Case('g'), 1, kDay})) << "another's place";
  Holds(kOdenseId, kNyborgId, 'n', event::ErasureNoticed{{Case('a')}, "GDPR-17-1-D", {}});
  EXPECT_TRUE(Add(kKertemindeId, kOdenseId, 'n', event::ErasureReceipt{}));
  Holds(kNyborgId, kOdenseId, 'n', event::ErasureReceipt{});
}

// The provider's log and what it received: to a buyer, on to another and back, taken back, put right, disputed; a
// citizen of its own; and ids of what was erased.
TEST_F(CasePartiesTest, WhatACardContradictsIsFound) {
  const std::vector<directory::Authority> cards = {
      Card(kNyborgId, directory::Kind::kMunicipality,
           {Coded(449, Date(1970, 1, 1), Date(2007, 1, 1)), Coded(450, Date(2007, 1, 1))}),
      Card(kKertemindeId, directory::Kind::kPoliceDistrict, {Coded(1465, Date(2007, 1, 1))})};
  const auto add = [&](AuthorityId issuer, AuthorityId recipient, const Body& body) {
    event::Header header;
    header.issuer = issuer;
    header.recipient = recipient;
    header.case_id = Case('a');
    header.recorded_at = absl::FromCivil(absl::CivilHour(2026, 9, 20, 8), absl::UTCTimeZone());
    return CaseParties(cards).Add(header, body);
  };
  const std::string none = "29189706 is not the municipality that it must be";
  EXPECT_THAT(add(kKertemindeId, kOdenseId, Proposed()), Optional(none));
  EXPECT_THAT(add(kOdenseId, kKertemindeId, event::EnrolmentStarted{kDay}), Optional(none));
  EXPECT_THAT(add(kNyborgId, kKertemindeId, Announced()), Optional(none));
  EXPECT_EQ(add(kKertemindeId, kNyborgId, event::AgreementTerminated{kDay}), std::nullopt);
  EXPECT_EQ(add(kNyborgId, kOdenseId, Proposed()), std::nullopt);

  Body announced = Announced();
  auto& move = std::get<event::RelocationAnnounced>(announced);
  EXPECT_EQ(add(kNyborgId, kOdenseId, announced), std::nullopt) << "of Odense no card says anything";
  move.from = *MunicipalityCode::FromNumber(449);
  EXPECT_THAT(add(kNyborgId, kOdenseId, announced),
              Optional(std::string("29189722 is not the municipality with the code that was left")));
  move.effective_date = Date(2006, 5, 1);
  EXPECT_EQ(add(kNyborgId, kOdenseId, announced), std::nullopt) << "it had that code then";
  EXPECT_THAT(add(kOdenseId, kNyborgId, announced),
              Optional(std::string("29189722 is not the municipality with the code moved to")));
  move.to = *MunicipalityCode::FromNumber(450);
  EXPECT_EQ(add(kOdenseId, kNyborgId, announced), std::nullopt) << "the code that it has now names it, too";
}

// The directory says in December who has which code from 1 January: a move in January is announced in December under
// the code that the municipality still has, and its node takes it.
TEST_F(CasePartiesTest, AMoveIsAnnouncedUnderTheCodeOfTheDayOnWhichItIsRecorded) {
  const Date change(2027, 1, 1);
  const std::vector<directory::Authority> cards = {
      Card(kNyborgId, directory::Kind::kMunicipality, {Coded(450, Date(2007, 1, 1), change), Coded(452, change)}),
      Card(kKertemindeId, directory::Kind::kMunicipality, {Coded(440, Date(2007, 1, 1), change), Coded(442, change)})};
  const auto add = [&](absl::CivilHour recorded, uint32_t from, uint32_t to) {
    event::Header header;
    header.issuer = kNyborgId;
    header.recipient = kKertemindeId;
    header.case_id = Case('a');
    header.recorded_at = absl::FromCivil(recorded, absl::UTCTimeZone());
    Body announced = Announced();
    auto& move = std::get<event::RelocationAnnounced>(announced);
    move.from = *MunicipalityCode::FromNumber(from);
    move.to = *MunicipalityCode::FromNumber(to);
    move.effective_date = Date(2027, 1, 5);
    return CaseParties(cards).Add(header, announced).value_or("");
  };
  const absl::CivilHour december(2026, 12, 20, 9);
  EXPECT_EQ(add(december, 450, 442), "");
  EXPECT_EQ(add(december, 450, 440), "");
  EXPECT_EQ(add(december, 452, 442), "");
  const std::string left = "29189722 is not the municipality with the code that was left";
  const std::string moved_to = "29189706 is not the municipality with the code moved to";
  EXPECT_EQ(add(december, 449, 442), left);
  EXPECT_EQ(add(december, 450, 450), moved_to);
  // By the day in Denmark.
  const absl::CivilHour midnight(2026, 12, 31, 23);  // in UTC
  EXPECT_EQ(add(absl::CivilHour(2026, 12, 31, 22), 450, 440), "");
  EXPECT_EQ(add(midnight, 450, 442), left);
  EXPECT_EQ(add(midnight, 452, 440), moved_to);
  EXPECT_EQ(add(midnight, 452, 442), "");
}

TEST_F(CasePartiesTest, AnHonestStoryContradictsNothing) {
  using Kind = event::EnrolmentTransferred::Kind;
  const Body ended = event::ResponsibilityEnded{kDay, event::ResponsibilityEndReason::kMoved, std::nullopt};
  const Body requested = event::TransferRequested{Cpr(), std::nullopt, {}, kDay};
  Holds(kNyborgId, kOdenseId, 'a', ended);  // of which nothing is known yet
  Holds(kNyborgId, kOdenseId, 'a', event::ResponsibilityRestored{});
  Holds(kOdenseId, kNyborgId, 'a', event::EnrolmentStarted{kDay});
  Holds(kNyborgId, kOdenseId, 'a', ended);
  Holds(kKertemindeId, kOdenseId, 'b', requested);
  Holds(kOdenseId, kNyborgId, 'a', Transferred(Kind::kLeft));
  Holds(kOdenseId, kNyborgId, 'a', event::PlaceReleased{Case('g'), 1, kDay});
  Holds(kOdenseId, kKertemindeId, 'b', Transferred(Kind::kReceived));
  Holds(kOdenseId, kKertemindeId, 'b', event::PlaceOccupied{Case('h'), 1, kDay});
  // The transfer is taken back.
  Holds(kNyborgId, kOdenseId, 'a', event::ResponsibilityRestored{});
  Holds(kOdenseId, kKertemindeId, 'b', Transferred(Kind::kReversed));
  Holds(kOdenseId, kNyborgId, 'a', Transferred(Kind::kRestored));
  Holds(kOdenseId, kNyborgId, 'a', event::PlaceOccupied{Case('g'), 1, kDay});
  // The citizen moves to the provider's own municipality.
  Holds(kNyborgId, kOdenseId, 'm', Announced());
  Holds(kOdenseId, kNyborgId, 'm', event::RelocationAcknowledged{});
  Holds(kNyborgId, kOdenseId, 'a', ended);
  Holds(kOdenseId, kOdenseId, 'c', requested);
  Holds(kOdenseId, kNyborgId, 'a', Transferred(Kind::kLeft));
  Holds(kOdenseId, kOdenseId, 'c', Transferred(Kind::kReceived));
  Holds(kOdenseId, kOdenseId, 'c', Rectified(false));
  Holds(kOdenseId, kOdenseId, 'c', Rectified(true));
  Holds(kNyborgId, kOdenseId, 'm', Rectified(true));
  Holds(kNyborgId, kOdenseId, 'a', event::EventDisputed{});
  // And away again: seen, taken back before it was announced, seen and announced.
  Holds(kOdenseId, kOdenseId, 'o', Observed(Case('c')));
  Holds(kOdenseId, kOdenseId, 'o', event::RelocationAnnulled{});
  Holds(kOdenseId, kOdenseId, 'p', Observed(Case('c')));
  Holds(kOdenseId, kKertemindeId, 'p', Announced());
  Holds(kOdenseId, kOdenseId, 'c', ended);
  // What was erased leaves its id to others.
  Holds(kOdenseId, kOdenseId, 'e', event::CasesErased{{Case('a')}, "GDPR-17-1-D", std::nullopt});
  Holds(kKertemindeId, kOdenseId, 'a', Proposed());
}

// In a log as it is verified.
class OpenedPartiesTest : public ::testing::Test {
 protected:
  void Issue(uint64_t number, const Body& body, AuthorityId recipient = kNyborgId) {
    files_.AppendEvent(EvidenceFiles::Sealed(EvidenceFiles::kOrigin, kOdenseId, recipient, number, Case('a'), body));
  }
  // Nyborg's first event, which Odense took or refused.
  void Receive(const Body& body, const std::string& refused) {
    const SealedSample event =
        EvidenceFiles::Sealed(EvidenceFiles::kPeerOrigin, kNyborgId, kOdenseId, 1, Case('a'), body);
    files_.keys_[event.id] = event.event_key;
    files_.peer_.Append(event.entry);
    const uint64_t index = files_.Append(EvidenceFiles::Record(files_.ReceivedOf(0, refused)));
    files_.beside_[ReceivedPath(LeafIndex(index))] = files_.peer_.Batch({LeafIndex(0)}, 0, 1).SerializeAsString();
  }
  Findings Found() { return files_.Verify(files_.Export()).findings; }

  EvidenceFiles files_;
};

TEST_F(OpenedPartiesTest, AProvidersLogThatEndsTheResponsibilityOfAnotherIsFound) {
  Issue(1, event::EnrolmentStarted{kDay});
  EXPECT_THAT(Found(), IsEmpty());
  Issue(2, event::ResponsibilityEnded{kDay, event::ResponsibilityEndReason::kMoved, std::nullopt});
  EXPECT_THAT(Found(), ElementsAre(Finding{FindingCode::kIssuedWithoutRight, "tile/entries/000.p/2", LeafIndex(1),
                                           "ResponsibilityEnded: 29189722 is not the provider"}));
}

TEST_F(OpenedPartiesTest, TheCardsAtHandSayOfWhatKindAnAuthorityIs) {
  Issue(1, event::EnrolmentStarted{kDay});
  audit::Trust trust = files_.Believed();
  EXPECT_THAT(EvidenceFiles::Verify(files_.Export(), trust, &files_.keys_).findings, IsEmpty());
  trust.cards = {Card(kNyborgId, directory::Kind::kStateBody, {})};
  EXPECT_THAT(EvidenceFiles::Verify(files_.Export(), trust, &files_.keys_).findings,
              ElementsAre(Finding{FindingCode::kIssuedWithoutRight, "tile/entries/000.p/1", LeafIndex(0),
                                  "EnrolmentStarted: 29189722 is not the municipality that it must be"}));
}

TEST_F(OpenedPartiesTest, WhatWasReceivedNamesThePartiesTooUnlessItWasRefused) {
  Receive(Proposed(), "");
  Issue(1, event::EnrolmentStarted{kDay});
  EXPECT_THAT(Found(), IsEmpty());
  Issue(1, event::EnrolmentPaused{kDay}, kKertemindeId);
  EXPECT_THAT(Found(), ElementsAre(Finding{FindingCode::kIssuedWithoutRight, "tile/entries/000.p/3", LeafIndex(2),
                                           "EnrolmentPaused: 29189706 is not the responsible municipality"}));
}

TEST_F(OpenedPartiesTest, WhatARecipientRefusedIsNotHeldAgainstIt) {
  Issue(1, Proposed());
  Receive(event::EnrolmentRefused{"NO_FREE_PLACE"}, "");
  EXPECT_THAT(Found(), IsEmpty()) << "by the provider";
  files_ = EvidenceFiles();
  Issue(1, event::EnrolmentStarted{kDay});
  Receive(event::EnrolmentStarted{kDay}, "ISSUER_HAS_NO_RIGHT");
  EXPECT_THAT(Found(), IsEmpty());
  files_ = EvidenceFiles();
  Issue(1, event::EnrolmentStarted{kDay});
  Receive(event::EnrolmentStarted{kDay}, "");
  EXPECT_EQ(Found().size(), 1U) << "it was taken";
}

}  // namespace
}  // namespace medflyt::audit
