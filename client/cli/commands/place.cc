#include "client/cli/call.h"
#include "client/cli/commands.h"

namespace medflyt::cli {
namespace {

absl::Status List(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("places", {"agreement_id", "number", "state", "enrolment_id", "from", "to", "expires"});
  v1::ListPlacesRequest request;
  request.set_agreement_id(arguments.Text("--agreement"));
  request.set_on(arguments.Text("--on"));
  MEDFLYT_RETURN_IF_ERROR(ForEachPage(
      context, &Municipality::ListPlaces, std::move(request), [&document](const v1::ListPlacesResponse& page) {
        for (const v1::Place& place : page.places()) {
          document.Row({place.agreement_id(), place.number(), Shown(v1::PlaceState_Name(place.state()), "PLACE_STATE_"),
                        OrNone(place.enrolment_id()), OrNone(place.from()), OrNone(place.to()),
                        OrNone(place.expires())});
        }
      }));
  return document.End();
}

absl::Status Waiting(Context& context, const Arguments& arguments) {
  Document document = context.NewDocument();
  document.List("waiting", {"agreement_id", "position", "enrolment_id", "from"});
  v1::ListWaitingListRequest request;
  request.set_agreement_id(arguments.Text("--agreement"));
  MEDFLYT_RETURN_IF_ERROR(ForEachPage(
      context, &Municipality::ListWaitingList, std::move(request),
      [&document](const v1::ListWaitingListResponse& page) {
        for (const v1::Place& place : page.waiting()) {
          document.Row({place.agreement_id(), place.waiting_position(), place.enrolment_id(), place.from()});
        }
      }));
  return document.End();
}

Option AgreementOption() {
  return {.name = "--agreement", .value_name = "ID", .help = "only those of this agreement", .kind = ValueKind::kId};
}

}  // namespace

std::vector<Command> PlaceCommands() {
  return {{.noun = "place",
           .verb = "list",
           .summary = "list the places of agreements and who has them",
           .description = "Naming cases is a read that is recorded.",
           .options = {AgreementOption(),
                       {.name = "--on",
                        .value_name = "DATE",
                        .help = "the date asked about; today by default",
                        .kind = ValueKind::kDate}},
           .run = List},
          {.noun = "place",
           .verb = "waiting",
           .summary = "list who waits for a place, in the order of serving",
           .description = "Naming cases is a read that is recorded.",
           .options = {AgreementOption()},
           .run = Waiting}};
}

}  // namespace medflyt::cli
