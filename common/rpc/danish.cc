#include "common/rpc/danish.h"

#include <algorithm>
#include <array>

namespace medflyt::rpc {
namespace {

constexpr auto kTranslations = std::to_array<Translation>({
    {"ACTIVITY_UNKNOWN", "Aktiviteten findes ikke på dette forløb."},
    {"AGREEMENT_NOT_ACTIVE", "Aftalen er ikke gældende."},
    {"AGREEMENT_NOT_IN_FORCE", "Ingen aftale mellem parterne gælder på datoen."},
    {"AGREEMENT_UNKNOWN", "Aftalen findes ikke her."},
    {"ANNOUNCEMENT_ANNULLED", "Underretningen om flytningen er annulleret."},
    {"ANNOUNCEMENT_DATE_MISMATCH", "Datoen er ikke den, som står i underretningen om flytningen."},
    {"ANNOUNCEMENT_FOREIGN", "Underretningen om flytningen er sendt til en anden myndighed."},
    {"ANNOUNCEMENT_MISSING", "Anmodningen om overførsel kræver en modtaget underretning om flytningen."},
    {"ANNOUNCEMENT_OTHER_CITIZEN", "Underretningen om flytningen gælder en anden borger."},
    {"ANNOUNCEMENT_OTHER_PROVIDER", "Underretningen om flytningen nævner en anden leverandør."},
    {"ANNOUNCEMENT_USED", "Underretningen om flytningen er allerede brugt til en overførsel."},
    {"AUTHORITY_UNKNOWN", "Myndigheden findes ikke i partnerkataloget."},
    {"CERTIFICATE_INVALID", "Certifikatet kan ikke læses."},
    {"CERTIFICATE_ISSUER_UNTRUSTED", "Certifikatet er ikke udstedt af en udsteder, som gælder for denne myndighed."},
    {"CERTIFICATE_WITHOUT_ORGANISATION", "Certifikatet mangler organisationens CVR-nummer."},
    {"CITIZEN_ALREADY_ENROLLED", "Borgeren har allerede et uafsluttet forløb hos leverandøren."},
    {"CLIENT_AUTHORITY_UNKNOWN", "Certifikatets myndighed findes ikke i partnerkataloget."},
    {"CLIENT_CERTIFICATE_EXPIRED", "Klientcertifikatet er udløbet eller endnu ikke gyldigt."},
    {"CLIENT_CERTIFICATE_INVALID", "Klientcertifikatet kan ikke læses."},
    {"CLIENT_CERTIFICATE_MISSING", "Forbindelsen mangler et klientcertifikat."},
    {"CLIENT_CERTIFICATE_REVOKED", "Klientcertifikatet er spærret."},
    {"CLIENT_ROLE_UNKNOWN", "Klientcertifikatets rolle er ukendt."},
    {"COMPACT_RANGE_INVALID", "Træets gemte kant er ugyldig."},
    {"CONSISTENCY_PROOF_INVALID", "Beviset for, at loggen kun er vokset, holder ikke."},
    {"EXTRACT_ALREADY_IMPORTED", "CPR-udtrækket er allerede indlæst."},
    {"EXTRACT_DATE_GAP", "Der mangler et CPR-udtræk mellem det sidst indlæste og dette."},
    {"INCLUSION_PROOF_INVALID", "Beviset for, at hændelsen står i loggen, holder ikke."},
    {"INCOMPATIBLE_LAYOUT", "Lageret er skrevet i et format, som dette program ikke kender."},
    {"ISSUER_HAS_NO_RIGHT", "Myndigheden har ikke ret til at udstede denne hændelse."},
    {"LEGAL_BASIS_EXPIRED", "Retsgrundlaget gælder ikke på datoen."},
    {"LEGAL_BASIS_UNKNOWN", "Retsgrundlaget findes ikke i tabellen."},
    {"MULTI_PROOF_INVALID", "Det samlede bevis for hændelserne holder ikke."},
    {"NO_FREE_PLACE", "Der er ingen ledig plads fra datoen."},
    {"OFFICER_DECLINED", "En medarbejder har afslået anmodningen."},
    {"OVER_CAPACITY", "Aftalens kapacitet ville blive overskredet."},
    {"PROOF_OUT_OF_RANGE", "Beviset peger uden for loggen."},
    {"STORE_FENCED", "En anden proces har overtaget lageret."},
    {"STORE_OUTCOME_UNKNOWN", "Det vides ikke, om ændringen blev gemt. Gentag med samme anmodnings-id."},
    {"TLS_FILE_UNUSABLE", "En fil til TLS kan ikke bruges."},
    {"TWO_OFFICERS_REQUIRED", "Det kræver to forskellige medarbejdere."},
    {"UNKNOWN_CASE", "Sagen findes ikke her."},
});

}  // namespace

std::span<const Translation> Translations() { return kTranslations; }

std::string_view DanishSentence(std::string_view rule) {
  const auto found =
      std::lower_bound(kTranslations.begin(), kTranslations.end(), rule,
                       [](const Translation& translation, std::string_view name) { return translation.rule < name; });
  return found != kTranslations.end() && found->rule == rule ? found->sentence : std::string_view();
}

}  // namespace medflyt::rpc
